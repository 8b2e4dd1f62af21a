/* SPDX-License-Identifier: Apache-2.0 */
/* Direct convolution on the blocked layout, any kernel, stride, dilation and padding, and groups of whole channel blocks: pixels of
 * every tap and channel block are gathered into the operand of the register block, where a border is a vector of zeros.
 *
 *   A [tap][c_in block][pixel][W], W floats a pixel; for 1x1 the image itself
 *   B [group][panel][tap][c_in][2 W], the packed weights; the last panel of a group has W columns where its blocks are odd
 *
 * The sum over taps and channels runs in parts small enough for the caches; partial sums wait in M [panel][pixel][2 W] as floats, which
 * changes no bit. Weights stored in fewer bits are widened a panel and part at a time, for all pixels of a task; scales of bytes lie
 * behind them, one for each output channel. Bfloat16 arithmetic: A and B are pairs of channels, [pixel][W / 2] and [c_in / 2][2 W]. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"
#include "kernels/stored.h"
#include <math.h>

/* tune: */
enum { PIXELS /* a task's, of the unpooled output */, PART /* channel blocks of a step of the sum */, EACH /* a worker's floats */ };

struct geometry {
    const struct dli_conv_call *call;
    const struct dli_conv_kernels *k;
    int64_t w, in, out, panels; /* vector; channel blocks and panels of a group */
    int64_t sum;                /* channel blocks in the sum: taps * in */
    int64_t pixels, chunks;     /* of an image that are wanted */
    int64_t slices;             /* of the panels */
    bool pairs, point;          /* of bfloat16; the image itself is A */
    const float *bias;
};

static struct geometry geometry_of(const struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    struct geometry g = { .k = dli_kernels()->conv, .w = dli_kernels()->block };
    g.in = dli_ceil_div(s->c_in / s->groups, g.w);
    g.out = dli_ceil_div(s->c_out / s->groups, g.w);
    g.panels = dli_ceil_div(g.out, 2);
    g.sum = g.in * s->kh * s->kw;
    g.pairs = p->precision == DL4C_PRECISION_BF16;
    g.point = p->algorithm == DLI_CONV_POINT && !g.pairs;
    g.pixels = p->fuse.pool2 ? s->h_out / 2 * 2 * s->w_out : s->h_out * s->w_out;
    return g;
}

static bool plan(struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const struct geometry g = geometry_of(p);
    p->in_layout = p->out_layout = DLI_BLOCKED;
    int64_t pixels = 4 * g.k->tiles;
    if (p->fuse.pool2)
        pixels = 2 * s->w_out * dli_max_i64(1, pixels / (2 * s->w_out));
    p->tune[PIXELS] = pixels = dli_min_i64(pixels, g.pixels);
    const bool stored = p->precision != DL4C_PRECISION_F32;
    p->tune[PART] = g.point && !stored ? g.sum : dli_min_i64(g.sum, 512 / g.w);
    size_t a = 0, m, row = 0, wide = 0, scales;
    if (!DLI_CONV_PRODUCT(&p->packed_bytes, s->groups, g.out, g.w, g.sum, g.w, dli_stored_bytes(p->precision)) ||
        !DLI_CONV_PRODUCT(&scales, p->precision == DL4C_PRECISION_INT8_WEIGHTS, s->groups, g.out, g.w, 4) ||
        !dli_add_size(p->packed_bytes, scales, &p->packed_bytes) ||
        (stored && !g.pairs && !DLI_CONV_PRODUCT(&wide, p->tune[PART], g.w, 2 * g.w)) ||
        (!g.point && !DLI_CONV_PRODUCT(&a, p->tune[PART], pixels, g.w)) ||
        !DLI_CONV_PRODUCT(&m, pixels, g.out, g.w) || (p->fuse.pool2 && !DLI_CONV_PRODUCT(&row, pixels, g.w)))
        return false;
    size_t each, bytes;
    if (!dli_add_size(a, m, &each) || !dli_add_size(each, row, &each) || !dli_add_size(each, wide, &each) ||
        !dli_mul_size(each + 64, 4 * (size_t)p->workers, &bytes))
        return false;
    p->tune[EACH] = dli_lines((int64_t)each);
    return dli_add_size(bytes, (size_t)dli_lines(s->groups * g.out * g.w) * 4, &p->scratch_bytes);
}

struct packing {
    const struct dli_conv_plan *p;
    const char *w;
    const float *scale;
    float *packed;
    struct geometry g;
};

static void pack_panel(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct packing *k = arg;
    const struct dli_conv_shape *s = &k->p->shape;
    const struct geometry *g = &k->g;
    const int64_t group = (int64_t)number / g->panels, panel = (int64_t)number % g->panels, taps = (int64_t)s->kh * s->kw;
    const int64_t in = s->c_in / s->groups, out = s->c_out / s->groups;
    const int64_t first = panel * 2 * g->w, width = dli_min_i64(2 * g->w, g->out * g->w - first);
    const int64_t bytes = dli_stored_bytes(k->p->precision);
    char *to = (char *)k->packed + (group * g->out * g->w + first) * g->sum * g->w * bytes;
    float row[DLI_CONV_PANEL_MAX], *scales = NULL;
    if (bytes == 1) {
        scales = (float *)(void *)((char *)k->packed + s->groups * g->out * g->w * g->sum * g->w) + group * g->out * g->w + first;
        for (int64_t j = 0; j < width; j++) {
            const int64_t o = group * out + first + j;
            scales[j] = first + j < out ? dli_stored_scale(in * taps, k->w + o * in * taps * (int64_t)sizeof(float), 1) : 0.0f;
            scales[j] *= k->scale && first + j < out ? fabsf(k->scale[o]) : 1.0f;
        }
    }
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t c = 0; c < g->in * g->w; c++, to += width * bytes) {
            for (int64_t j = 0; j < width; j++) {
                const int64_t o = group * out + first + j;
                const bool real = c < in && first + j < out;
                row[j] = real ? dli_conv_weight(k->w, (o * in + c) * taps + tap) * (k->scale ? k->scale[o] : 1.0f) : 0.0f;
            }
            if (g->pairs)
                dli_store_pairs(width, row, c % 2, to - c % 2 * width * bytes);
            else
                dli_store(k->p->precision, width, row, scales, to);
        }
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *w, const float *scale, float *packed)
{
    struct packing k = { p, w, scale, packed, geometry_of(p) };
    dli_parallel(ctx, threads, (size_t)(p->shape.groups * k.g.panels), pack_panel, &k);
}

/* Pixels from..from+n-1 of one tap and channel plane x [h_in][w_in][W]. */
static void gather(const struct geometry *g, const float *x, int64_t ky, int64_t kx, int64_t from, int64_t n, float *a)
{
    const struct dli_conv_shape *s = &g->call->p->shape;
    for (int64_t i = 0; i < n;) {
        const int64_t oy = (from + i) / s->w_out, ox = (from + i) % s->w_out, count = dli_min_i64(n - i, s->w_out - ox);
        const int64_t y = oy * s->sh + ky * s->dh - s->pad_top;
        const float *row = y >= 0 && y < s->h_in ? x + y * s->w_in * g->w : NULL;
        g->k->gather(row, s->w_in, ox * s->sw + kx * s->dw - s->pad_left, s->sw, count, a + i * g->w);
        i += count;
    }
}

/* Weights of a panel from channel block `part` of the sum on. */
static const float *weights_of(const struct geometry *g, int64_t group, int64_t panel, int64_t part)
{
    const int64_t vectors = 2 * panel + 1 < g->out ? 2 : 1;
    const int64_t at = (group * g->out + 2 * panel) * g->w * g->sum * g->w + part * g->w * vectors * g->w;
    return (const float *)(const void *)dli_conv_stored(g->call->packed, at, dli_stored_bytes(g->call->p->precision));
}

/* The same as floats, `length` channel blocks of them, in `wide`. */
static const float *widened(const struct geometry *g, int64_t group, int64_t panel, const float *u, int64_t length, float *wide)
{
    const struct dli_conv_plan *p = g->call->p;
    const int64_t all = p->shape.groups * g->out * g->w, vectors = 2 * panel + 1 < g->out ? 2 : 1;
    const float *scales = NULL;
    if (p->precision == DL4C_PRECISION_INT8_WEIGHTS)
        scales = (const float *)(const void *)dli_conv_stored(g->call->packed, all * g->sum * g->w, 1) +
                 (group * g->out + 2 * panel) * g->w;
    dli_stored_widen(p->precision, length * g->w, vectors * g->w, u, scales, wide);
    return wide;
}

/* The sums m of a panel, pooled, to the output; `row` has room for the pixels of one channel block. */
static void finish_pooled(const struct geometry *g, const float *m, int64_t image, int64_t group, int64_t panel, int64_t from,
                          int64_t pixels, float *row)
{
    const struct dli_conv_call *c = g->call;
    const struct dli_conv_shape *s = &c->p->shape;
    const int64_t w = g->w, half = s->w_out / 2;
    for (int64_t o = 2 * panel; o < dli_min_i64(2 * panel + 2, g->out); o++) {
        const int64_t block = group * g->out + o, whole = image * s->groups * g->out + block;
        const float *addend = c->addend ? c->addend + (whole * s->h_out * s->w_out + from) * w : NULL;
        const struct dli_conv_finish f = { .m = m + (o & 1) * w, .m_step = 2 * panel + 1 < g->out ? 2 * w : w, .n = pixels,
                                           .bias = g->bias + block * w, .lo = c->lo, .hi = c->hi, .addend = addend, .y = row };
        g->k->finish(&f);
        float *y = c->y + image * c->y_image + (block * (s->h_out / 2) + from / s->w_out / 2) * half * w;
        for (int64_t i = 0; i < pixels / s->w_out; i += 2)
            g->k->pool(row + i * s->w_out * w, s->w_out, half, y + i / 2 * half * w);
    }
}

static void task(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    const struct dli_conv_call *c = g->call;
    const struct dli_conv_plan *p = c->p;
    const struct dli_conv_shape *s = &p->shape;
    const bool point = g->point, pairs = g->pairs;
    const int64_t w = g->w, slice = (int64_t)number % g->slices, chunk = (int64_t)number / g->slices % g->chunks;
    const int64_t group = (int64_t)number / g->slices / g->chunks % s->groups, image = (int64_t)number / g->slices / g->chunks / s->groups;
    const int64_t from = chunk * p->tune[PIXELS], pixels = dli_min_i64(p->tune[PIXELS], g->pixels - from);
    const int64_t panel0 = g->panels * slice / g->slices, panel1 = g->panels * (slice + 1) / g->slices;
    const int64_t blocks = dli_ceil_div(pixels, g->k->tiles);
    const int64_t plane_x = s->h_in * s->w_in * w, plane_y = s->h_out * s->w_out * w;
    const float *x = c->x + (image * s->groups + group) * g->in * plane_x;
    float *m = (float *)g->bias + dli_lines(s->groups * g->out * w) + worker * p->tune[EACH];
    float *row = m + p->tune[PIXELS] * g->out * w, *a = row + (p->fuse.pool2 ? p->tune[PIXELS] * w : 0);
    float *wide = a + (point ? 0 : p->tune[PART] * p->tune[PIXELS] * w);
    const int64_t bytes = dli_stored_bytes(p->precision);

    for (int64_t part = 0; part < g->sum; part += p->tune[PART]) {
        const int64_t length = dli_min_i64(p->tune[PART], g->sum - part);
        if (!point)
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t first = pixels * b / blocks, n = pixels * (b + 1) / blocks - first;
                for (int64_t i = 0; i < length; i++) {
                    const int64_t tap = (part + i) / g->in;
                    float pixel[16 * DLI_CONV_PANEL_MAX], *to = pairs ? pixel : a + (first * length + i * n) * w;
                    gather(g, x + (part + i) % g->in * plane_x, tap / s->kw, tap % s->kw, from + first, n, to);
                    if (pairs)
                        dli_kernels()->narrow_pairs(n * w, pixel, a + (first * length + i * n) * w / 2);
                }
            }
        for (int64_t panel = panel0; panel < panel1; panel++) {
            const int64_t vectors = 2 * panel + 1 < g->out ? 2 : 1, share = vectors * w / blocks;
            const float *u = weights_of(g, group, panel, part), *next = panel + 1 < panel1 ? weights_of(g, group, panel + 1, part) : u;
            float *to = m + panel * 2 * p->tune[PIXELS] * w;
            if (p->precision != DL4C_PRECISION_F32 && !pairs)
                u = widened(g, group, panel, u, length, wide);
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t first = pixels * b / blocks, n = pixels * (b + 1) / blocks - first;
                struct dli_conv_multiply q = { .tiles = (int32_t)n, .vectors = (int32_t)vectors, .blocks = length,

                                                     .a = point ? x + part * plane_x + (from + first) * w
                                                                : a + first * length * (pairs ? w / 2 : w),
                                                     .a_step = point ? plane_x : n * (pairs ? w / 2 : w), .b = u,
                                                     .c = to + first * vectors * w,
                                                     .c_step = vectors * w, .add = part > 0,
                                                     .next = next + b * share * length * w * bytes / 4,
                                                     .next_step = pairs ? share : share * bytes / 4 };
                if (part + length == g->sum && !p->fuse.pool2) {
                    const int64_t block = group * g->out + 2 * panel;
                    const int64_t in_image = block * plane_y + (from + first) * w, at = image * s->groups * g->out * plane_y + in_image;
                    q.y = c->y + image * c->y_image + in_image;
                    q.y_vector = plane_y;
                    q.bias = g->bias + block * w;
                    q.addend = c->addend ? c->addend + at : NULL;
                    q.lo = c->lo;
                    q.hi = c->hi;
                }
                if (pairs)
                    dli_kernels()->multiply_pairs(&q);
                else
                    g->k->multiply(&q);
            }
            if (part + length == g->sum && p->fuse.pool2)
                finish_pooled(g, to, image, group, panel, from, pixels, row);
        }
    }
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_shape *s = &c->p->shape;
    struct geometry g = geometry_of(c->p);
    g.call = c;
    g.chunks = dli_ceil_div(g.pixels, c->p->tune[PIXELS]);
    dli_conv_bias(c->scratch, NULL, 0, s->groups * g.out * g.w);
    dli_conv_bias(c->scratch, c->bias, s->c_out, s->c_out);
    g.bias = c->scratch;
    const int64_t tasks = c->n * s->groups * g.chunks, width = dli_parallel_width(c->ctx, c->threads);
    g.slices = tasks < 3 * width ? dli_min_i64(g.panels, dli_ceil_div(3 * width, tasks)) : 1;
    dli_parallel(c->ctx, c->threads, (size_t)(tasks * g.slices), task, &g);
}

const struct dli_conv_algorithm dli_conv_direct = { plan, pack, run };
