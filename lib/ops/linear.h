/* SPDX-License-Identifier: Apache-2.0 */
/* What dense and output share: y = x * W + b of flattened rows. */
#ifndef DLI_OPS_LINEAR_H
#define DLI_OPS_LINEAR_H

#include "ops/support.h"

struct dli_linear {
    int64_t units, has_bias, n_in;
};
/* Rows of an attribute table for a struct dli_linear at `at` of S, a struct. */
#define DLI_LINEAR_ATTRS(S, at) \
    { .name = "units", .type = DL4C_ATTR_INT, .required = true, .offset = offsetof(S, at.units), .min = 1, .max = 1 << 30, \
      .doc = "length of the result" }, \
    { .name = "has_bias", .type = DL4C_ATTR_INT, .offset = offsetof(S, at.has_bias), .def = 1, .min = 0, .max = 1, \
      .doc = "whether there is a bias" }, \
    { \
        .name = "n_in", .type = DL4C_ATTR_INT, .offset = offsetof(S, at.n_in), .min = 0, .max = (double)(1LL << 40), \
        .doc = "elements of the flattened input; 0: as the input has" \
    }

dl4c_status dli_linear_infer(const struct dli_linear *a, struct dli_infer *i, const char *op, struct dl4c_error *err);
dl4c_status dli_linear_prepare(const struct dli_linear *a, struct dli_prepare *p, struct dl4c_error *err);
void dli_linear_pack(const struct dli_linear *a, const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed);
void dli_linear_forward(const struct dli_linear *a, const struct dli_exec *x);
void dli_linear_backward(const struct dli_linear *a, const struct dli_exec *x);

#endif
