/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution: checking a layer, choosing its algorithm, and handing over to it. */
#include "kernels/conv_parts.h"

#include "kernels/kernels.h"
#include "kernels/layout.h"
#include <math.h>

bool dli_conv_product(size_t *out, int32_t n, const int64_t *factors)
{
    size_t product = 1;
    for (int32_t i = 0; i < n; i++)
        if (factors[i] < 0 || !dli_mul_size(product, (size_t)factors[i], &product))
            return false;
    *out = product;
    return product <= PTRDIFF_MAX;
}

/* Winograd where its 36 products a tile are well below the 9 products a pixel it replaces, and the transforms have enough
 * channels to be shared by. */
bool dli_conv_wants_winograd(const struct dli_conv_shape *s, bool training)
{
    if (s->groups != 1 || s->kh != 3 || s->kw != 3 || s->sh != 1 || s->sw != 1 || s->dh != 1 || s->dw != 1 || s->c_in < 12 || s->c_out < 12)
        return false;
    const double tiles = (double)dli_ceil_div(s->h_out, 4) * (double)dli_ceil_div(s->w_out, 4);
    if (training && (tiles < 9 || s->pad_top > 2 || s->pad_left > 2))
        return false;
    return tiles * 36 * 1.4 < (double)s->h_out * (double)s->w_out * 9;
}

static int32_t choose(const struct dli_conv_shape *s, uint32_t flags)
{
    const int64_t w = dli_kernels()->block;
    if (flags & DLI_CONV_PLAIN)
        return dli_conv_wants_winograd(s, true) ? DLI_CONV_WINOGRAD_PLAIN : DLI_CONV_IM2COL;
    if (s->groups > 1) {
        if (s->groups == s->c_in && s->groups == s->c_out)
            return DLI_CONV_DEPTHWISE;
        if (s->c_in / s->groups % w || s->c_out / s->groups % w)
            return DLI_CONV_IM2COL;
    } else if (s->c_in <= 4) {
        return DLI_CONV_FIRST;
    }
    if (dli_conv_wants_winograd(s, false))
        return DLI_CONV_WINOGRAD;
    const bool point = s->kh == 1 && s->kw == 1 && s->sh == 1 && s->sw == 1 && s->pad_top == 0 && s->pad_left == 0 &&
                       s->h_in == s->h_out && s->w_in == s->w_out;
    return point ? DLI_CONV_POINT : DLI_CONV_DIRECT;
}

static const struct dli_conv_algorithm *const algorithms[] = {
    [DLI_CONV_WINOGRAD] = &dli_conv_winograd, [DLI_CONV_DIRECT] = &dli_conv_direct,       [DLI_CONV_POINT] = &dli_conv_direct,
    [DLI_CONV_FIRST] = &dli_conv_first,       [DLI_CONV_DEPTHWISE] = &dli_conv_depthwise, [DLI_CONV_IM2COL] = &dli_conv_im2col,
    [DLI_CONV_WINOGRAD_PLAIN] = &dli_conv_winograd_plain,
};

bool dli_conv_can_fuse(const struct dli_conv_shape *s, const struct dli_conv_fuse *f)
{
    if (!f || !f->pool2)
        return true;
    const int32_t algorithm = choose(s, 0);
    return algorithm != DLI_CONV_IM2COL && algorithm != DLI_CONV_DEPTHWISE && s->h_out >= 2 && s->w_out >= 2;
}

static dl4c_status check(const struct dli_conv_shape *s, uint32_t flags, struct dl4c_error *err)
{
    const int32_t least = flags & DLI_CONV_PLAIN ? -65536 : 0;
    if (s->c_in < 1 || s->h_in < 1 || s->w_in < 1 || s->c_out < 1 || s->h_out < 1 || s->w_out < 1)
        return dli_fail(err, DL4C_E_INVALID, "conv", "input %" PRId64 "x%" PRId64 "x%" PRId64 " or output %" PRId64 "x%" PRId64 "x%" PRId64
                        " is empty", s->c_in, s->h_in, s->w_in, s->c_out, s->h_out, s->w_out);
    if (s->kh < 1 || s->kw < 1 || s->sh < 1 || s->sw < 1 || s->dh < 1 || s->dw < 1 || s->pad_top < least ||
        s->pad_left < least)
        return dli_fail(err, DL4C_E_INVALID, "conv", "kernel %" PRId32 "x%" PRId32 ", stride %" PRId32 "x%" PRId32 ", dilation %" PRId32
                        "x%" PRId32 " or padding %" PRId32 ",%" PRId32 " is out of range", s->kh, s->kw, s->sh, s->sw, s->dh, s->dw,
                        s->pad_top, s->pad_left);
    if (s->groups < 1 || s->c_in % s->groups || s->c_out % s->groups)
        return dli_fail(err, DL4C_E_INVALID, "conv", "%" PRId32 " groups do not divide %" PRId64 " input and %" PRId64 " output channels",
                        s->groups, s->c_in, s->c_out);
    /* Blocked images and weights, in bytes, and every pixel position with room to spare: later arithmetic on them can't overflow. */
    size_t size;
    if (s->c_in > INT64_MAX / 64 || s->c_out > INT64_MAX / 64 || !DLI_CONV_PRODUCT(&size, s->c_in + 32, s->h_in, s->w_in, 4) ||
        !DLI_CONV_PRODUCT(&size, s->c_out + 32, s->h_out, s->w_out, 4) ||
        !DLI_CONV_PRODUCT(&size, s->c_in / s->groups + 32, s->c_out + 32, s->kh, s->kw, 64) || !DLI_CONV_PRODUCT(&size, s->kh, s->dh, 64) ||
        !DLI_CONV_PRODUCT(&size, s->kw, s->dw, 64) || !DLI_CONV_PRODUCT(&size, s->h_out, s->sh, 64) ||
        !DLI_CONV_PRODUCT(&size, s->w_out, s->sw, 64))
        return dli_fail(err, DL4C_E_LIMIT, "conv", "%" PRId64 " x %" PRId64 " channels of %" PRId64 "x%" PRId64
                        " pixels are more than memory can address", s->c_in, s->c_out, s->h_in, s->w_in);
    return DL4C_OK;
}

dl4c_status dli_conv_plan(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, int32_t blas, int32_t workers,
                          struct dli_conv_plan *plan, struct dl4c_error *err)
{
    return dli_conv_plan_precision(s, f, flags, DL4C_PRECISION_F32, blas, workers, plan, err);
}

dl4c_status dli_conv_plan_precision(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, int32_t precision,
                                    int32_t blas, int32_t workers, struct dli_conv_plan *plan, struct dl4c_error *err)
{
    memset(plan, 0, sizeof *plan);
    DLI_TRY(check(s, flags, err));
    plan->shape = *s;
    if (f)
        plan->fuse = *f;
    plan->blas = blas;
    plan->workers = workers < 1 ? 1 : workers;
    plan->algorithm = choose(s, flags);
    plan->tune[DLI_CONV_FLAGS] = flags;
    if (plan->algorithm == DLI_CONV_WINOGRAD || plan->algorithm == DLI_CONV_DIRECT || plan->algorithm == DLI_CONV_POINT)
        plan->precision = precision;
    if (plan->fuse.pool2 && (flags & DLI_CONV_PLAIN || plan->algorithm == DLI_CONV_IM2COL || !dli_conv_can_fuse(s, f)))
        return dli_fail(err, DL4C_E_INVALID, "conv", "pooling can't be fused with a convolution of this shape and layout");
    if (!algorithms[plan->algorithm]->plan(plan) || !dli_add_size(plan->packed_bytes, 63, &plan->packed_bytes) ||
        !dli_add_size(plan->scratch_bytes, 63, &plan->scratch_bytes))
        return dli_fail(err, DL4C_E_LIMIT, "conv", "%" PRId64 " x %" PRId64 " channels of %" PRId64 "x%" PRId64
                        " pixels are more than memory can address", s->c_in, s->c_out, s->h_in, s->w_in);
    plan->packed_bytes &= ~(size_t)63;
    plan->scratch_bytes &= ~(size_t)63;
    /* FNV-1a over what the packed bytes follow from, the weights apart. */
    const int64_t words[] = { plan->algorithm == DLI_CONV_POINT ? DLI_CONV_DIRECT : plan->algorithm, dli_kernels()->block, s->c_in,
                              s->c_out, s->kh, s->kw, s->groups, (int64_t)plan->packed_bytes, plan->precision };
    uint64_t key = 14695981039346656037u;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int bit = 0; bit < 64; bit += 8)
            key = (key ^ ((uint64_t)words[i] >> bit & 255)) * 1099511628211u;
    plan->pack_key = key;
    return DL4C_OK;
}

void dli_conv_pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const void *w, const float *scale, void *packed)
{
    algorithms[p->algorithm]->pack(p, ctx, threads, w, scale, packed);
}

static void run(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, int64_t n, const void *packed, const float *bias,
                const float *x, const float *addend, float *y, int64_t y_image, void *scratch)
{
    if (n < 1)
        return;
    struct dli_conv_call c = { .p = p, .ctx = ctx, .threads = threads, .n = n, .packed = packed, .bias = bias, .x = x,
                               .addend = p->fuse.add ? addend : NULL, .y = y, .y_image = y_image, .scratch = scratch, .lo = -INFINITY,
                               .hi = INFINITY };
    if (p->fuse.act == DLI_CONV_ACT_RELU) {
        c.lo = 0;
    } else if (p->fuse.act == DLI_CONV_ACT_CLIP) {
        c.lo = p->fuse.lo;
        c.hi = p->fuse.hi;
    }
    algorithms[p->algorithm]->run(&c);
}

static int64_t image_floats(const struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const int64_t pixels = p->fuse.pool2 ? (s->h_out / 2) * (s->w_out / 2) : s->h_out * s->w_out;
    return p->out_layout == DLI_BLOCKED ? dli_blocked_size(s->c_out, pixels) : s->c_out * pixels;
}

void dli_conv_run(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, int64_t n, const void *packed, const float *bias,
                  const float *x, const float *addend, float *y, void *scratch)
{
    run(p, ctx, threads, n, packed, bias, x, addend, y, image_floats(p), scratch);
}

bool dli_conv_can_run_apart(const struct dli_conv_plan *p)
{
    return p->out_layout == DLI_BLOCKED && !p->fuse.add && p->shape.groups == 1 && p->algorithm != DLI_CONV_DEPTHWISE;
}

void dli_conv_run_apart(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, int64_t n, const void *packed, const float *bias,
                        const float *x, float *y, int64_t y_image, void *scratch)
{
    run(p, ctx, threads, n, packed, bias, x, NULL, y, y_image, scratch);
}
