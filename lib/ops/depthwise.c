/* SPDX-License-Identifier: Apache-2.0 */
/* What depthwise_conv2d and separable_conv2d share. */
#include "ops/depthwise.h"

dl4c_status dli_depth_infer(const struct dli_depth_attrs *a, struct dli_infer *i, const char *op, int64_t *c, int64_t size[2],
                            struct dl4c_error *err)
{
    DLI_TRY(dli_want_image(i, op, err));
    DLI_TRY(dli_want_n_in(i, op, "channels", i->in[0].dim[0], a->n_in, c, err));
    if (*c > (1 << 24) / a->multiplier)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': %" PRId64 " channels times %" PRId64 ", wanted at most %d", i->vertex, *c,
                        a->multiplier, 1 << 24);
    for (int32_t axis = 0; axis < 2; axis++) {
        struct dli_extent_size s;
        DLI_TRY(dli_extent_size(&a->extent, i, op, axis, false, &s, err));
        size[axis] = s.out;
    }
    const struct dli_shape weight = { .rank = 4, .dim = { *c, a->multiplier, a->extent.kernel[0], a->extent.kernel[1] } };
    int64_t count;
    return dli_shape_elements(&weight, &count, err);
}

struct dli_depth dli_depth_of(const struct dli_depth_attrs *a, const struct dli_shape *in, int64_t oh, int64_t ow,
                              enum dli_depth_order order)
{
    const struct dli_extent *e = &a->extent;
    const struct dli_conv_shape s = {
        .c_in = in->dim[0],
        .h_in = in->dim[1],
        .w_in = in->dim[2],
        .c_out = in->dim[0] * a->multiplier,
        .h_out = oh,
        .w_out = ow,
        .kh = (int32_t)e->kernel[0],
        .kw = (int32_t)e->kernel[1],
        .sh = (int32_t)e->stride[0],
        .sw = (int32_t)e->stride[1],
        .dh = (int32_t)e->dilation[0],
        .dw = (int32_t)e->dilation[1],
        .pad_top = (int32_t)dli_extent_known(e, 0, in->dim[1], oh).pad,
        .pad_left = (int32_t)dli_extent_known(e, 1, in->dim[2], ow).pad,
        .groups = (int32_t)in->dim[0],
    };
    return (struct dli_depth){ in->dim[0], a->multiplier, e->kernel[0] * e->kernel[1], order, s };
}

/* Where cell k of the kernel from channel c to its m-th result lies in the file's order. */
static int64_t place(const struct dli_depth *d, int64_t c, int64_t m, int64_t k)
{
    return d->order == DLI_DEPTH_LAST ? (k * d->c + c) * d->multiplier + m : (m * d->c + c) * d->cells + k;
}

void dli_depth_weights(const struct dli_depth *d, const void *w, float *plain)
{
    for (int64_t o = 0; o < d->c * d->multiplier; o++)
        for (int64_t k = 0; k < d->cells; k++)
            plain[o * d->cells + k] = dli_param_at(w, place(d, o / d->multiplier, o % d->multiplier, k));
}

void dli_depth_gradient(const struct dli_depth *d, const float *plain, float *dw)
{
    for (int64_t o = 0; o < d->c * d->multiplier; o++)
        for (int64_t k = 0; k < d->cells; k++)
            dw[place(d, o / d->multiplier, o % d->multiplier, k)] = plain[o * d->cells + k];
}
