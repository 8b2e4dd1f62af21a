/* SPDX-License-Identifier: Apache-2.0 */
/* The three interpolations, each to the bit like its model:
 *   DL4J     OpenCV's resize of 8-bit images with INTER_LINEAR: weights of 2048, 11 fractional bits through the horizontal pass, of
 *            which 4 are cut before the vertical one.
 *   PILLOW   Pillow's Image.resize with BILINEAR: a triangle as wide as the scale when shrinking, weights of 1 << 22, each pass rounded
 *            to 8 bits. Since Pillow 13 the vertical pass comes first where the height loses more than twice as many pixels as the
 *            width (and loses any); else, and in older releases always, the horizontal one. Results differ by a level at most.
 *   NEAREST  Pillow's Image.resize with NEAREST: the source coordinate is summed up step by step. */
#include "image/resize.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* OpenCV keeps the scale as a double (one over the inverse) and the position as a float. */
static void axis_dl4j(struct dli_axis *a, int32_t src, int64_t dst, int64_t begin, bool clamp_weight)
{
    const double scale = 1.0 / ((double)dst / src);
    for (int32_t i = 0; i < a->n; i++) {
        float f = (float)(((double)(begin + i) + 0.5) * scale - 0.5);
        int32_t s = (int32_t)floorf(f);
        f -= (float)s;
        if (clamp_weight && s < 0)
            s = 0, f = 0;
        if (clamp_weight && s >= src - 1)
            s = src - 1, f = 0;
        a->first[i] = s < 0 ? 0 : s > src - 1 ? src - 1 : s;
        a->last[i] = s + 1 < 0 ? 0 : s + 1 > src - 1 ? src - 1 : s + 1;
        a->pairs[2 * i] = (int16_t)lrintf((1.0f - f) * (1 << DLI_PIXELS_TWO_BITS));
        a->pairs[2 * i + 1] = (int16_t)lrintf(f * (1 << DLI_PIXELS_TWO_BITS));
    }
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double pillow_support(int32_t src, int64_t dst)
{
    const double scale = (double)src / (double)dst;
    return scale < 1.0 ? 1.0 : scale;
}

static void axis_pillow(struct dli_axis *a, int32_t src, int64_t dst, int64_t begin, double *w)
{
    const double scale = (double)src / (double)dst, support = pillow_support(src, dst), inverse = 1.0 / support;
    for (int32_t i = 0; i < a->n; i++) {
        const double center = ((double)(begin + i) + 0.5) * scale;
        int32_t lo = (int32_t)(center - support + 0.5), hi = (int32_t)(center + support + 0.5);
        lo = lo < 0 ? 0 : lo;
        hi = hi > src ? src : hi;
        double sum = 0.0;
        for (int32_t k = 0; k < hi - lo; k++) {
            w[k] = triangle((k + lo - center + 0.5) * inverse);
            sum += w[k];
        }
        for (int32_t k = 0; k < hi - lo; k++)
            a->weights[(size_t)i * (size_t)a->taps + (size_t)k] =
                (int32_t)(0.5 + (sum != 0.0 ? w[k] / sum : w[k]) * (1 << DLI_PIXELS_BITS));
        a->first[i] = lo;
        a->last[i] = hi - 1;
    }
}

static void axis_nearest(struct dli_axis *a, int32_t src, int64_t dst, int64_t begin)
{
    const double step = (double)src / (double)dst;
    double at = step * 0.5;
    for (int64_t i = 0; i < begin; i++)
        at += step;
    for (int32_t i = 0; i < a->n; i++, at += step)
        a->first[i] = a->last[i] = at < src ? (int32_t)at : src - 1;
}

static void axis_free(struct dli_axis *a)
{
    dli_free(a->first);
    dli_free(a->last);
    dli_free(a->pairs);
    dli_free(a->weights);
    dli_free(a->plan);
    memset(a, 0, sizeof *a);
}

static dl4c_status axis_make(dl4c_context *ctx, struct dli_axis *a, int32_t method, int32_t src, int64_t dst, int64_t begin, int32_t n,
                             bool clamp_weight, struct dl4c_error *err)
{
    axis_free(a);
    a->n = n;
    a->taps = method == DL4C_RESIZE_DL4J ? 2 : method == DL4C_RESIZE_PILLOW ? (int32_t)ceil(pillow_support(src, dst)) * 2 + 1 : 1;
    size_t places;
    if (!dli_mul_size((size_t)n, (size_t)a->taps, &places))
        return dli_fail(err, DL4C_E_NOMEM, "image", "no tables for scaling %" PRId32 " to %" PRId64, src, dst);
    a->first = dli_array(ctx, (size_t)n, sizeof *a->first, err);
    if (!a->first)
        return dli_alloc_status();
    a->last = dli_array(ctx, (size_t)n, sizeof *a->last, err);
    if (!a->last)
        return dli_alloc_status();
    if (method == DL4C_RESIZE_DL4J) {
        a->pairs = dli_array(ctx, places, sizeof *a->pairs, err);
        if (!a->pairs)
            return dli_alloc_status();
    } else if (method == DL4C_RESIZE_PILLOW) {
        a->weights = dli_calloc(ctx, places, sizeof *a->weights, err);
        if (!a->weights)
            return dli_alloc_status();
    }
    if (method == DL4C_RESIZE_DL4J) {
        axis_dl4j(a, src, dst, begin, clamp_weight);
    } else if (method == DL4C_RESIZE_NEAREST) {
        axis_nearest(a, src, dst, begin);
    } else {
        double *w = dli_array(ctx, (size_t)a->taps, sizeof *w, err);
        if (!w)
            return dli_alloc_status();
        axis_pillow(a, src, dst, begin, w);
        dli_free(w);
    }
    return DL4C_OK;
}

void dli_resizer_init(struct dli_resizer *r, dl4c_context *ctx)
{
    memset(r, 0, sizeof *r);
    r->ctx = ctx;
}

static void free_buffers(struct dli_resizer *r)
{
    dli_free(r->ring);
    dli_free((void *)r->rows);
    dli_free(r->down);
    dli_free(r->out);
    r->ring = NULL;
    r->rows = NULL;
    r->down = r->out = NULL;
}

void dli_resizer_free(struct dli_resizer *r)
{
    axis_free(&r->x);
    axis_free(&r->y);
    free_buffers(r);
    r->ready = false;
}

static bool same_scale(const struct dli_scale *a, const struct dli_scale *b)
{
    return a->method == b->method && a->channels == b->channels && a->src_width == b->src_width && a->src_height == b->src_height &&
           a->win_width == b->win_width && a->win_height == b->win_height && a->width == b->width && a->height == b->height &&
           a->win_x == b->win_x && a->win_y == b->win_y;
}

static dl4c_status make_buffers(struct dli_resizer *r, struct dl4c_error *err)
{
    const struct dli_scale *s = &r->scale;
    const size_t c = (size_t)s->channels;
    size_t bytes;
    r->down_first =
        s->method == DL4C_RESIZE_PILLOW && s->height < s->src_height && s->src_height - s->height > 2 * (s->src_width - s->width);
    r->ring_rows = r->y.taps < r->scale.src_height ? r->y.taps : r->scale.src_height;
    r->row = (size_t)(r->down_first ? s->src_width : s->win_width) * c;
    if (!dli_mul_size(r->row * sizeof(int16_t), (size_t)r->ring_rows, &bytes))
        return dli_fail(err, DL4C_E_NOMEM, "image", "no rows for scaling to %" PRId64 "x%" PRId64, r->scale.width, r->scale.height);
    free_buffers(r);
    r->ring = dli_alloc_aligned(r->ctx, bytes, err);
    if (!r->ring)
        return dli_alloc_status();
    r->rows = dli_array(r->ctx, (size_t)r->ring_rows, sizeof *r->rows, err);
    if (!r->rows)
        return dli_alloc_status();
    r->down = dli_alloc_aligned(r->ctx, r->row, err);
    if (!r->down)
        return dli_alloc_status();
    r->out = dli_alloc_aligned(r->ctx, (size_t)s->win_width * c, err);
    if (!r->out)
        return dli_alloc_status();
    return DL4C_OK;
}

dl4c_status dli_resizer_prepare(struct dli_resizer *r, const struct dli_scale *s, struct dl4c_error *err)
{
    if (r->ready && same_scale(&r->scale, s))
        return DL4C_OK;
    if (s->method < DL4C_RESIZE_DL4J || s->method > DL4C_RESIZE_NEAREST)
        return dli_fail(err, DL4C_E_INVALID, "image", "resize method %" PRId32 " is not known", s->method);
    r->ready = false;
    r->scale = *s;
    DLI_TRY(axis_make(r->ctx, &r->x, s->method, s->src_width, s->width, s->win_x, s->win_width, true, err));
    if (s->method == DL4C_RESIZE_DL4J) {
        const struct dli_kernels *kernels = dli_kernels();
        const size_t width = (size_t)s->src_width;
        r->x.plan = dli_alloc_aligned(r->ctx, kernels->pixels_plan2(&r->x, width, s->channels, NULL), err);
        if (!r->x.plan)
            return dli_alloc_status();
        kernels->pixels_plan2(&r->x, width, s->channels, r->x.plan);
    }
    DLI_TRY(axis_make(r->ctx, &r->y, s->method, s->src_height, s->height, s->win_y, s->win_height, false, err));
    DLI_TRY(make_buffers(r, err));
    r->ready = true;
    return DL4C_OK;
}

static void across_nearest(const struct dli_axis *a, const uint8_t *src, uint8_t *dst, int32_t channels)
{
    if (channels == 1)
        for (int32_t i = 0; i < a->n; i++)
            dst[i] = src[a->first[i]];
    else
        for (int32_t i = 0; i < a->n; i++)
            memcpy(dst + 3 * i, src + (size_t)a->first[i] * 3, 3);
}

static void across(const struct dli_resizer *r, const uint8_t *src, int32_t y)
{
    const struct dli_kernels *kernels = dli_kernels();
    const size_t slot = (size_t)(y % r->ring_rows) * r->row, width = (size_t)r->scale.src_width;
    uint8_t *bytes = (uint8_t *)r->ring + slot;
    if (r->down_first)
        memcpy(bytes, src, r->row);
    else if (r->scale.method == DL4C_RESIZE_DL4J)
        kernels->pixels_across2(&r->x, src, width, r->scale.channels, (int16_t *)r->ring + slot);
    else if (r->scale.method == DL4C_RESIZE_PILLOW)
        kernels->pixels_across(&r->x, src, width, r->scale.channels, bytes);
    else
        across_nearest(&r->x, src, bytes, r->scale.channels);
}

static const uint8_t *down(struct dli_resizer *r, int32_t i)
{
    const struct dli_kernels *kernels = dli_kernels();
    const struct dli_axis *a = &r->y;
    const uint8_t *bytes = r->ring;
    if (r->scale.method == DL4C_RESIZE_NEAREST)
        return bytes + (size_t)(a->first[i] % r->ring_rows) * r->row;
    if (r->scale.method == DL4C_RESIZE_DL4J) {
        const int16_t *s0 = (const int16_t *)r->ring + (size_t)(a->first[i] % r->ring_rows) * r->row;
        const int16_t *s1 = (const int16_t *)r->ring + (size_t)(a->last[i] % r->ring_rows) * r->row;
        kernels->pixels_down2(s0, s1, a->pairs[2 * i], a->pairs[2 * i + 1], r->down, r->row);
        return r->down;
    }
    const int32_t n = a->last[i] - a->first[i] + 1;
    for (int32_t k = 0; k < n; k++)
        r->rows[k] = bytes + (size_t)((a->first[i] + k) % r->ring_rows) * r->row;
    kernels->pixels_down(r->rows, a->weights + (size_t)i * (size_t)a->taps, n, r->row, r->down);
    if (!r->down_first)
        return r->down;
    kernels->pixels_across(&r->x, r->down, (size_t)r->scale.src_width, r->scale.channels, r->out);
    return r->out;
}

dl4c_status dli_resizer_run(struct dli_resizer *r, struct dli_rows *rows, int32_t *used, dli_row_sink sink, void *arg,
                            struct dl4c_error *err)
{
    int32_t read = 0;
    for (int32_t i = 0; i < r->y.n; i++) {
        while (read <= r->y.last[i]) {
            const uint8_t *row;
            DLI_TRY(rows->next(rows, &row, err));
            if (read >= r->y.first[i])
                across(r, row, read);
            read++;
        }
        sink(arg, i, down(r, i));
    }
    *used = read;
    return DL4C_OK;
}
