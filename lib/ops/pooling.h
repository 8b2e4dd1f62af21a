/* SPDX-License-Identifier: Apache-2.0 */
/* What max_pool and avg_pool share. */
#ifndef DLI_OPS_POOLING_H
#define DLI_OPS_POOLING_H

#include "kernels/pool.h"
#include "ops/extent.h"
#include "ops/support.h"

struct dli_pool_attrs {
    struct dli_extent extent;
    int64_t ceil, include_pad;
};
#define DLI_POOL_AT(member) offsetof(struct dli_pool_attrs, member)
#define DLI_POOL_ATTRS \
    { .name = "kernel", .type = DL4C_ATTR_INTS, .count = 2, .offset = DLI_POOL_AT(extent.kernel), .def = 2, .min = 1, .max = 65536, \
      .doc = "height and width of the window" }, \
    { .name = "stride", .type = DL4C_ATTR_INTS, .count = 2, .offset = DLI_POOL_AT(extent.stride), .def = 2, .min = 1, .max = 65536, \
      .doc = "step down and to the right" }, \
        DLI_EXTENT_ATTRS(struct dli_pool_attrs, extent), \
    { \
        .name = "ceil", .type = DL4C_ATTR_INT, .offset = DLI_POOL_AT(ceil), .min = 0, .max = 1, \
        .doc = "1: a last window that hangs over the end counts too (mode truncate), unless it starts behind the image" \
    }

dl4c_status dli_pool_infer(struct dli_infer *i, const char *op, struct dl4c_error *err);
/* The kernel's description of one step; kind is DLI_POOL_*. */
struct dli_pooling dli_pool_of(const struct dli_exec *x, int32_t kind);

#endif
