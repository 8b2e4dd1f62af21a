/* SPDX-License-Identifier: Apache-2.0 */
/* Schemes of initial weights and distributions: "xavier", "normal(std=0.01)" ..., made ready for one parameter, and drawing from them. */
#ifndef DLI_OPS_WEIGHT_INIT_H
#define DLI_OPS_WEIGHT_INIT_H

#include "ops/op.h"

struct dli_draw {
    const struct dli_param_decl *decl; /* borrowed */
    int32_t distribution;
    double a, b;     /* value; lower and upper; mean and standard deviation; probability and trials; gain */
    int64_t columns; /* of the identity */
};

/* scheme NULL: xavier. DL4C_E_NOTFOUND: there is none of that name. */
dl4c_status dli_draw_open(dl4c_context *ctx, const char *scheme, const struct dli_param_decl *decl, struct dli_draw *d,
                          struct dl4c_error *err);
/* Fills w: element i depends on (seed, stream, i) alone, whatever the threads. An orthogonal matrix takes one of them. */
void dli_draw_fill(dl4c_context *ctx, int32_t threads, const struct dli_draw *d, uint64_t seed, uint64_t stream, float *w);

#endif
