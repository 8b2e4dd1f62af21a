/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling for the vec.h included before: blocks of channels lane by lane; plain rows LANES outputs at a time where the windows lie in
 * the image and columns are 1 or 2 apart, one by one elsewhere. The order of every sum is that of the scan. */
#include "kernels/kernels.h"
#include "kernels/pool_window.h"
#include <math.h>

struct state {
    vec v;
    truth nan; /* of a maximum: NaN was seen */
};

INLINE struct state begin(const bool max) { return (struct state){ splat(max ? -INFINITY : 0), never() }; }

INLINE void take(const bool max, struct state *s, vec cell)
{
    if (max) {
        s->v = larger(cell, s->v);
        s->nan = either(s->nan, is_nan(cell));
    } else {
        s->v = add(s->v, cell);
    }
}

INLINE vec finish(const bool max, struct state s, float cells) { return max ? choose(s.nan, splat(NAN), s.v) : divide(s.v, splat(cells)); }

INLINE void blocked(const bool max, const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    for (int64_t i = first; i < last; i++) {
        const struct dli_window rows = dli_window_h(p, i);
        for (int64_t j = 0; j < p->ow; j++) {
            const struct dli_window cols = dli_window_w(p, j);
            float *out = y + (i * p->ow + j) * LANES;
            if (rows.n == 0 || cols.n == 0) {
                store(out, zero());
                continue;
            }
            struct state s = begin(max);
            const float *row = x + (rows.start * p->w + cols.start) * LANES;
            for (int64_t a = 0; a < rows.n; a++, row += p->dilation_h * p->w * LANES)
                for (int64_t b = 0; b < cols.n; b++)
                    take(max, &s, load(row + b * p->dilation_w * LANES));
            store(out, finish(max, s, max ? 1 : dli_window_cells(p, &rows, &cols)));
        }
    }
}

static void pool_blocked(int64_t block, const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    (void)block; /* LANES in the tables that hold this */
    if (p->kind == DLI_POOL_MAX)
        blocked(true, p, first, last, x, y);
    else
        blocked(false, p, first, last, x, y);
}

/* The first n of the numbers p[0], p[stride] ...; stride is 1 or 2. */
INLINE vec load_apart(const float *p, const int stride, int64_t n)
{
    if (stride == 1)
        return load_mask(first_lanes(n), p);
    return even_lanes(load_mask(first_lanes(2 * n - 1), p), load_mask(first_lanes(2 * n - 1 - LANES), p + LANES));
}

static float one_output(const struct dli_pooling *p, const struct dli_window *rows, int64_t j, const float *x)
{
    const struct dli_window cols = dli_window_w(p, j);
    if (rows->n == 0 || cols.n == 0)
        return 0;
    const bool max = p->kind == DLI_POOL_MAX;
    const float *row = x + rows->start * p->w + cols.start;
    float v = max ? -INFINITY : 0;
    for (int64_t a = 0; a < rows->n; a++, row += p->dilation_h * p->w)
        for (int64_t b = 0; b < cols.n; b++) {
            const float cell = row[b * p->dilation_w];
            v = !max ? v + cell : cell > v || cell != cell ? (v != v ? v : cell) : v;
        }
    return max ? v : v / dli_window_cells(p, rows, &cols);
}

INLINE void inner_outputs(const bool max, const int stride, const struct dli_pooling *p, const struct dli_window *rows, int64_t from,
                          int64_t to, const float *x, float *y)
{
    const struct dli_window cols = { 0, p->kernel_w, p->kernel_w };
    const float cells = max ? 1 : dli_window_cells(p, rows, &cols);
    for (int64_t j = from; j < to; j += LANES) {
        const int64_t n = to - j < LANES ? to - j : LANES;
        struct state s = begin(max);
        const float *row = x + rows->start * p->w + j * stride - p->pad_w;
        for (int64_t a = 0; a < rows->n; a++, row += p->dilation_h * p->w)
            for (int64_t b = 0; b < p->kernel_w; b++)
                take(max, &s, load_apart(row + b * p->dilation_w, stride, n));
        store_mask(y + j, first_lanes(n), finish(max, s, cells));
    }
}

static void pool_plain(const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    /* Outputs [from, to) have their whole window in the image. */
    const int64_t extent = (p->kernel_w - 1) * p->dilation_w + 1, room = p->w + p->pad_w - extent;
    int64_t from = (p->pad_w + p->stride_w - 1) / p->stride_w, to = room >= 0 ? room / p->stride_w + 1 : 0;
    to = to < p->ow ? to : p->ow;
    if (p->stride_w > 2 || from > to)
        from = to = 0;
    for (int64_t i = first; i < last; i++) {
        const struct dli_window rows = dli_window_h(p, i);
        float *out = y + i * p->ow;
        const int64_t begin_at = rows.n == 0 ? 0 : from, end_at = rows.n == 0 ? 0 : to;
        for (int64_t j = 0; j < begin_at; j++)
            out[j] = one_output(p, &rows, j, x);
        if (p->stride_w == 1 && p->kind == DLI_POOL_MAX)
            inner_outputs(true, 1, p, &rows, begin_at, end_at, x, out);
        else if (p->stride_w == 1)
            inner_outputs(false, 1, p, &rows, begin_at, end_at, x, out);
        else if (p->kind == DLI_POOL_MAX)
            inner_outputs(true, 2, p, &rows, begin_at, end_at, x, out);
        else
            inner_outputs(false, 2, p, &rows, begin_at, end_at, x, out);
        for (int64_t j = end_at; j < p->ow; j++)
            out[j] = one_output(p, &rows, j, x);
    }
}

static void global_plain(int32_t kind, int64_t hw, const float *x, float *y)
{
    if (hw == 0) {
        *y = 0;
    } else if (kind == DLI_POOL_MAX) {
        struct state s = begin(true);
        int64_t i = 0;
        for (; i + LANES <= hw; i += LANES)
            take(true, &s, load(x + i));
        float lanes[LANES], v = -INFINITY;
        store(lanes, finish(true, s, 1));
        const int64_t left = hw - i;
        for (int64_t l = 0; l < LANES + left; l++) {
            const float cell = l < LANES ? lanes[l] : x[i + l - LANES];
            v = cell > v || cell != cell ? (v != v ? v : cell) : v;
        }
        *y = v;
    } else {
        vec sum = zero();
        for (int64_t i = 0; i < hw; i += LANES)
            sum = add(sum, load_mask(first_lanes(hw - i), x + i));
        *y = _mm_cvtss_f32(sum_lanes4(sum, zero(), zero(), zero())) / (float)hw;
    }
}

static void global_blocked(int64_t block, int32_t kind, int64_t hw, const float *x, float *y)
{
    (void)block;
    if (hw == 0) {
        store(y, zero());
    } else if (kind == DLI_POOL_MAX) {
        struct state s = begin(true);
        for (int64_t i = 0; i < hw; i++)
            take(true, &s, load(x + i * LANES));
        store(y, finish(true, s, 1));
    } else {
        vec s[4] = { zero(), zero(), zero(), zero() };
        int64_t i = 0;
        for (; i + 4 <= hw; i += 4)
            UNROLLED (q, 4, 1)
                s[q] = add(s[q], load(x + (i + q) * LANES));
        UNROLLED (q, 3, 1)
            if (i + q < hw)
                s[q] = add(s[q], load(x + (i + q) * LANES));
        store(y, divide(add(add(s[0], s[2]), add(s[1], s[3])), splat((float)hw)));
    }
}
