/* SPDX-License-Identifier: Apache-2.0 */
/* What max_pool and avg_pool share. */
#include "ops/pooling.h"

dl4c_status dli_pool_infer(struct dli_infer *i, const char *op, struct dl4c_error *err)
{
    const struct dli_pool_attrs *a = i->attrs;
    struct dli_extent_size h, w;
    const bool ceil = a->ceil && a->extent.mode == DLI_MODE_TRUNCATE;
    DLI_TRY(dli_want_image(i, op, err));
    DLI_TRY(dli_extent_size(&a->extent, i, op, 0, ceil, &h, err));
    DLI_TRY(dli_extent_size(&a->extent, i, op, 1, ceil, &w, err));
    i->out = i->in[0];
    i->out.dim[1] = h.out;
    i->out.dim[2] = w.out;
    return DL4C_OK;
}

struct dli_pooling dli_pool_of(const struct dli_exec *x, int32_t kind)
{
    const struct dli_pool_attrs *a = x->attrs;
    const struct dli_extent *e = &a->extent;
    const struct dli_extent_size h = dli_extent_known(e, 0, x->in_shape->dim[1], x->out_shape->dim[1]);
    const struct dli_extent_size w = dli_extent_known(e, 1, x->in_shape->dim[2], x->out_shape->dim[2]);
    return (struct dli_pooling){
        .kind = kind,
        .include_pad = a->include_pad != 0,
        .n = dli_in_rows(x, 0),
        .c = x->in_shape->dim[0],
        .h = h.in,
        .w = w.in,
        .oh = h.out,
        .ow = w.out,
        .kernel_h = e->kernel[0],
        .kernel_w = e->kernel[1],
        .stride_h = e->stride[0],
        .stride_w = e->stride[1],
        .dilation_h = e->dilation[0],
        .dilation_w = e->dilation[1],
        .pad_h = h.pad,
        .pad_w = w.pad,
        .pad_h_end = h.pad_end,
        .pad_w_end = w.pad_end,
    };
}
