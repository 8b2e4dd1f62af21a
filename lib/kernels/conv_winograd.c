/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 convolution of stride 1 as Winograd F(4x4,3x3) on the blocked layout: Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015. The output is cut into tiles of 4x4; each reads 6x6 pixels, which are transformed into 36 points; at each point the
 * tiles' channels are multiplied with a matrix of transformed weights; 36 results a tile and channel are transformed into 16 pixels.
 *
 *   V [36][tile block][c_in block][tile][W]      a tile block is what the register block of `multiply` takes at once
 *   U [36][panel][c_in][2 W]                     packed weights; the last panel has W columns where the blocks of c_out are odd
 *   M [36][panel][tile][2 W]
 *
 * Tiles are worked on in chunks, so that V and M stay in the caches. With many tiles a chunk is a task of its own. With few,
 * as at batch 1 on small images, all threads share one chunk and each reads its own part of U: then U, read once, is the bound.
 *
 * U is four times as large as the weights. Where it would be very large, or memory is short, the weights are packed as they are,
 * [panel][c_in][9][2 W], and a panel's U is made in parts of PART channels when its turn comes: a part serves all tiles of the chunk.
 * Weights stored in fewer bits are kept so too: rounded before the transform, they bring a quarter of the error that a rounded U does.
 * Scales of bytes lie behind them, one for each output channel. In bfloat16 arithmetic V and U are pairs of channels, V [..][tile][W / 2]
 * and U [36][panel][c_in / 2][2 W], rounded after their transforms. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"
#include "kernels/stored.h"
#include <math.h>

enum { POINTS = 36, PART = 64 };
/* tune: */
enum {
    CHUNK,  /* tiles */
    GROUP,  /* panels whose M is held at once */
    SHARED, /* up to so many tiles are one chunk of all threads */
    EXPAND  /* U is made when it is needed */
};

struct geometry {
    const struct dli_conv_call *call;
    const struct dli_conv_kernels *k;
    int64_t w, in, out;       /* vector, channel blocks */
    int64_t depth;            /* words of a tile and channel block of V: W floats, or half as many pairs */
    int64_t panels;           /* of two output blocks */
    int64_t rows, columns;    /* tiles of an image */
    int64_t tiles, chunk;     /* all, and of a chunk */
    const float *bias;
    float *v, *m;             /* shared by all threads or the first worker's */
    int64_t v_step, m_step;   /* between points */
    int64_t u_step;           /* of a part of U, 0 where U is packed */
    int64_t wide;             /* floats of the weights of a part of U, where they are stored in fewer bits */
    int64_t group, per_worker;
    int64_t splits; /* of the shared steps */
};

/* A cache line more than they need between points: 36 streams that lie a multiple of 4 KiB apart would fight for one set. */
static int64_t step_of(int64_t tiles, int64_t channels) { return tiles * channels + 16; }

static bool plan(struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const struct dli_conv_kernels *k = dli_kernels()->conv;
    const int64_t w = dli_kernels()->block, in = dli_ceil_div(s->c_in, w) * w, out = dli_ceil_div(s->c_out, w) * w;
    const int64_t panels = dli_ceil_div(out, 2 * w);
    p->in_layout = p->out_layout = DLI_BLOCKED;
    /* About 28 tiles let a panel of U, fetched ahead from wherever it is, serve long enough, and keep V and M close; twice as many
     * where U is so large that it comes from main memory, or has to be made. */
    const bool few = dli_ceil_div(s->h_out, 4) * dli_ceil_div(s->w_out, 4) <= 4, large = in * out > 1 << 16;
    const bool low = p->tune[DLI_CONV_FLAGS] & DLI_CONV_LOW_MEMORY;
    if (low && p->precision == DL4C_PRECISION_BF16)
        p->precision = DL4C_PRECISION_BF16_WEIGHTS; /* whose U need not be kept */
    const bool pairs = p->precision == DL4C_PRECISION_BF16, stored = p->precision != DL4C_PRECISION_F32 && !pairs;
    const bool expand = stored || low || (few && !pairs && in * out > 1 << 17);
    const int64_t deep = pairs ? in / 2 : in;
    const int64_t chunk = 28 / k->tiles * k->tiles * (large || expand ? 2 : 1);
    p->tune[CHUNK] = chunk;
    p->tune[GROUP] = dli_min_i64(panels, large && !expand ? 2 : 1);
    p->tune[SHARED] = p->workers > 1 ? 28 * p->workers : 0;
    p->tune[EXPAND] = expand;
    size_t v, m, u, own, shared, scales;
    if (!DLI_CONV_PRODUCT(&p->packed_bytes, expand ? 9 : POINTS, in, out, dli_stored_bytes(p->precision)) ||
        !DLI_CONV_PRODUCT(&scales, p->precision == DL4C_PRECISION_INT8_WEIGHTS, out, 4) ||
        !dli_add_size(p->packed_bytes, scales, &p->packed_bytes) || !DLI_CONV_PRODUCT(&v, POINTS, step_of(chunk, deep), 4) ||
        !DLI_CONV_PRODUCT(&m, POINTS, step_of(chunk, dli_min_i64(out, p->tune[GROUP] * 2 * w)), 4) ||
        !DLI_CONV_PRODUCT(&u, (expand ? POINTS : 0) + (stored ? 9 : 0), step_of(PART, 2 * w), 4) || !dli_add_size(v, m, &own) ||
        !dli_add_size(own, u, &own) ||
        !dli_mul_size(own, (size_t)p->workers, &own) || !DLI_CONV_PRODUCT(&v, POINTS, step_of(p->tune[SHARED], deep), 4) ||
        !DLI_CONV_PRODUCT(&m, POINTS, step_of(p->tune[SHARED], expand ? 2 * w : out), 4) || !dli_add_size(m, u, &m) ||
        !dli_mul_size(m, expand ? (size_t)p->workers : 1, &m) || !dli_add_size(v, m, &shared))
        return false;
    return dli_add_size(own > shared ? own : shared, (size_t)dli_lines(out) * 4, &p->scratch_bytes);
}

struct packing {
    const struct dli_conv_plan *p;
    const char *w;
    const float *scale;
    float *packed;
};

static void pack_panel(void *arg, size_t panel, int32_t worker)
{
    (void)worker;
    const struct packing *k = arg;
    const struct dli_conv_shape *s = &k->p->shape;
    const int64_t w = dli_kernels()->block, in = dli_ceil_div(s->c_in, w) * w, out = dli_ceil_div(s->c_out, w) * w;
    const int64_t first = (int64_t)panel * 2 * w, width = dli_min_i64(2 * w, out - first);
    const int64_t bytes = dli_stored_bytes(k->p->precision), step = (k->p->tune[EXPAND] ? 9 * width : width) * bytes;
    char *to = (char *)k->packed + first * in * (step / width);
    double g[9 * DLI_CONV_PANEL_MAX];
    float row[9 * DLI_CONV_PANEL_MAX], scales[9 * DLI_CONV_PANEL_MAX] = { 0 };
    if (bytes == 1) {
        for (int64_t j = 0; j < dli_min_i64(width, s->c_out - first); j++) {
            scales[j] = dli_stored_scale(s->c_in * 9, k->w + (first + j) * s->c_in * 9 * (int64_t)sizeof(float), 1);
            scales[j] *= k->scale ? fabsf(k->scale[first + j]) : 1.0f;
        }
        memcpy((float *)(void *)((char *)k->packed + 9 * in * out) + first, scales, (size_t)width * sizeof *scales);
        for (int64_t i = width; i < 9 * width; i++)
            scales[i] = scales[i - width];
    }
    for (int64_t c = 0; c < in; c++, to += step) {
        for (int64_t j = 0; j < width; j++) {
            const bool real = c < s->c_in && first + j < s->c_out;
            const double scale = k->scale && real ? (double)k->scale[first + j] : 1.0;
            for (int i = 0; i < 9; i++)
                g[i * width + j] = real ? dli_conv_weight(k->w, ((first + j) * s->c_in + c) * 9 + i) * scale : 0.0;
        }
        if (k->p->precision == DL4C_PRECISION_BF16) {
            float u[POINTS * DLI_CONV_PANEL_MAX];
            dli_kernels()->conv->wino_weights(g, width, u, width);
            for (int64_t i = 0; i < POINTS; i++)
                dli_store_pairs(width, u + i * width, c % 2, to - c % 2 * step + i * in * out * bytes);
            continue;
        }
        if (!k->p->tune[EXPAND]) {
            dli_kernels()->conv->wino_weights(g, width, (float *)(void *)to, in * out);
            continue;
        }
        for (int64_t i = 0; i < 9 * width; i++)
            row[i] = (float)g[i];
        dli_store(k->p->precision, 9 * width, row, scales, to);
    }
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *w, const float *scale, float *packed)
{
    struct packing k = { p, w, scale, packed };
    const int64_t block = dli_kernels()->block;
    dli_parallel(ctx, threads, (size_t)dli_ceil_div(p->shape.c_out, 2 * block), pack_panel, &k);
}

/* Where tile number `t` lies, and how many of the next `most` follow it in its row of tiles. */
struct run {
    int64_t image, row, column, n;
};
static struct run run_at(const struct geometry *g, int64_t t, int64_t most)
{
    struct run r = { .image = t / (g->rows * g->columns), .row = t / g->columns % g->rows, .column = t % g->columns };
    r.n = dli_min_i64(most, g->columns - r.column);
    return r;
}

/* Tile blocks of a chunk of `tiles`: as few as the register block allows, sizes as equal as can be. */
static int64_t blocks_of(const struct geometry *g, int64_t tiles) { return dli_ceil_div(tiles, g->k->tiles); }
static int64_t block_start(int64_t tiles, int64_t blocks, int64_t block) { return tiles * block / blocks; }

/* One channel block of one tile block: pixels to V. */
static void input_block(const struct geometry *g, float *v, int64_t first, int64_t tiles, int64_t block, int64_t channel)
{
    const struct dli_conv_shape *s = &g->call->p->shape;
    const int64_t blocks = blocks_of(g, tiles), from = block_start(tiles, blocks, block), n = block_start(tiles, blocks, block + 1) - from;
    float rounded[POINTS * 16 * 16], *to = g->depth == g->w ? v + from * g->in * g->w + channel * n * g->w : rounded;
    const int64_t step = g->depth == g->w ? g->v_step : n * g->w;
    for (int64_t t = 0; t < n;) {
        const struct run r = run_at(g, first + from + t, n - t);
        const float *x = g->call->x + (r.image * g->in + channel) * s->h_in * s->w_in * g->w;
        const struct dli_wino_input q = { .x = x, .h = s->h_in, .w = s->w_in, .top = 4 * r.row - s->pad_top,
                                          .left = 4 * r.column - s->pad_left, .tiles = (int32_t)r.n, .v = to + t * g->w,
                                          .v_step = step };
        g->k->wino_input(&q);
        t += r.n;
    }
    if (g->depth != g->w)
        for (int64_t i = 0; i < POINTS; i++)
            dli_kernels()->narrow_pairs(n * g->w, rounded + i * step, v + i * g->v_step + (from * g->in + channel * n) * g->depth);
}

/* Products first..last-1, numbered [point][panel of the group]: V times U to M. */
static void products(const struct geometry *g, const float *v, float *m, int64_t tiles, int64_t panel, int64_t panels, int64_t first,
                     int64_t last)
{
    const int64_t w = g->w, in = g->in * g->depth, blocks = blocks_of(g, tiles); /* `in` words, like everything of V and U */
    void (*const multiply)(const struct dli_conv_multiply *) = g->depth == w ? g->k->multiply : dli_kernels()->multiply_pairs;
    for (int64_t i = first; i < last; i++) {
        const int64_t point = i / panels, mine = panel + i % panels;
        const int32_t vectors = 2 * mine + 1 < g->out ? 2 : 1;
        const float *u = g->call->packed + (point * g->out * w + mine * 2 * w) * in;
        const int64_t after = i + 1 == last ? i : i + 1;
        const float *next = g->call->packed + (after / panels * g->out * w + (panel + after % panels) * 2 * w) * in;
        const int64_t share = vectors * w / blocks; /* of the next panel, which every tile block fetches a part of */
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t from = block_start(tiles, blocks, b), n = block_start(tiles, blocks, b + 1) - from;
            const struct dli_conv_multiply q = { .tiles = (int32_t)n, .vectors = vectors, .blocks = g->in,
                                                 .a = v + point * g->v_step + from * in, .a_step = n * g->depth, .b = u,
                                                 .c = m + point * g->m_step + i % panels * 2 * w * tiles + from * vectors * w,
                                                 .c_step = vectors * w, .next = next + b * in * share, .next_step = share };
            multiply(&q);
        }
    }
}

/* All products of one panel, its U made part by part in u. */
static void expanded_products(const struct geometry *g, const float *v, float *m, float *u, int64_t tiles, int64_t panel)
{
    const int64_t w = g->w, in = g->in * w, blocks = blocks_of(g, tiles), vectors = 2 * panel + 1 < g->out ? 2 : 1;
    const int32_t precision = g->call->p->precision;
    const int64_t bytes = dli_stored_bytes(precision), columns = vectors * w;
    const char *weights = dli_conv_stored(g->call->packed, panel * 2 * w * in * 9, bytes);
    const float *scales = NULL;
    float *wide = u + POINTS * g->u_step;
    if (precision == DL4C_PRECISION_INT8_WEIGHTS)
        scales = (const float *)(const void *)dli_conv_stored(g->call->packed, 9 * in * g->out * w, 1) + panel * 2 * w;
    for (int64_t part = 0; part < in; part += PART) {
        const int64_t length = dli_min_i64(PART, in - part), share = dli_max_i64(1, 9 * columns * bytes / (4 * POINTS * blocks));
        const float *floats = (const float *)(const void *)weights;
        if (precision != DL4C_PRECISION_F32) {
            dli_stored_widen(precision, 9 * length, columns, weights, scales, wide);
            floats = wide;
        }
        g->k->wino_expand(floats, length, columns, u, g->u_step);
        weights += length * 9 * columns * bytes;
        const float *next = (const float *)(const void *)weights; /* the next part, or panel; past the last one fetching does no harm */
        for (int64_t point = 0; point < POINTS; point++)
            for (int64_t b = 0; b < blocks; b++, next += share * length) {
                const int64_t from = block_start(tiles, blocks, b), n = block_start(tiles, blocks, b + 1) - from;
                const struct dli_conv_multiply q = { .tiles = (int32_t)n, .vectors = (int32_t)vectors, .blocks = length / w,
                                                     .a = v + point * g->v_step + from * in + part * n, .a_step = n * w,
                                                     .b = u + point * g->u_step, .c = m + point * g->m_step + from * vectors * w,
                                                     .c_step = vectors * w, .next = next, .next_step = share, .add = part > 0 };
                g->k->multiply(&q);
            }
    }
}

/* M to pixels: one output channel block of `count` tiles from tile `from` of the chunk on. m: of the block's panel. */
static void output_block(const struct geometry *g, const float *m, int64_t first, int64_t from, int64_t count, int64_t block)
{
    const struct dli_conv_call *c = g->call;
    const struct dli_conv_shape *s = &c->p->shape;
    const bool pool2 = c->p->fuse.pool2;
    const int64_t w = g->w, width = (block | 1) < g->out ? 2 * w : w, plane = s->h_out * s->w_out * w;
    const int64_t plane_y = pool2 ? (s->h_out / 2) * (s->w_out / 2) * w : plane;
    for (int64_t t = from; t < from + count;) {
        const struct run r = run_at(g, first + t, from + count - t);
        const struct dli_wino_output q = { .m = m + t * width + (block & 1) * w, .m_point = g->m_step, .m_tile = width,
                                           .bias = g->bias + block * w, .lo = c->lo, .hi = c->hi, .pool2 = pool2, .h = s->h_out,
                                           .w = s->w_out, .top = 4 * r.row, .left = 4 * r.column, .tiles = (int32_t)r.n,
                                           .addend = c->addend ? c->addend + (r.image * g->out + block) * plane : NULL,
                                           .y = c->y + r.image * c->y_image + block * plane_y };
        g->k->wino_output(&q);
        t += r.n;
    }
}

static void own_chunk(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    float *v = g->v + worker * g->per_worker, *m = v + POINTS * g->v_step;
    const int64_t first = (int64_t)number * g->chunk, tiles = dli_min_i64(g->chunk, g->tiles - first), blocks = blocks_of(g, tiles);
    for (int64_t c = 0; c < g->in; c++)
        for (int64_t b = 0; b < blocks; b++)
            input_block(g, v, first, tiles, b, c);
    for (int64_t panel = 0; panel < g->panels; panel += g->group) {
        const int64_t panels = dli_min_i64(g->group, g->panels - panel);
        if (g->u_step)
            expanded_products(g, v, m, m + POINTS * g->m_step, tiles, panel);
        else
            products(g, v, m, tiles, panel, panels, 0, POINTS * panels);
        for (int64_t b = 2 * panel; b < dli_min_i64(2 * (panel + panels), g->out); b++)
            output_block(g, m + (b / 2 - panel) * 2 * g->w * tiles, first, 0, tiles, b);
    }
}

static void shared_input(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct geometry *g = arg;
    const int64_t blocks = blocks_of(g, g->tiles);
    input_block(g, g->v, 0, g->tiles, (int64_t)number % blocks, (int64_t)number / blocks);
}

static void shared_products(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct geometry *g = arg;
    const int64_t all = POINTS * g->panels;
    products(g, g->v, g->m, g->tiles, 0, g->panels, all * (int64_t)number / g->splits, all * ((int64_t)number + 1) / g->splits);
}

static void shared_panel(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    float *m = g->m + worker * g->per_worker;
    expanded_products(g, g->v, m, m + POINTS * g->m_step, g->tiles, (int64_t)number);
    for (int64_t b = 2 * (int64_t)number; b < dli_min_i64(2 * (int64_t)number + 2, g->out); b++)
        output_block(g, m, 0, 0, g->tiles, b);
}

static void shared_output(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct geometry *g = arg;
    output_block(g, g->m + (int64_t)number / 2 * 2 * g->w * g->tiles, 0, 0, g->tiles, (int64_t)number);
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_plan *p = c->p;
    const struct dli_conv_shape *s = &p->shape;
    struct geometry g = { .call = c, .k = dli_kernels()->conv, .w = dli_kernels()->block, .group = p->tune[GROUP] };
    g.in = dli_ceil_div(s->c_in, g.w);
    g.out = dli_ceil_div(s->c_out, g.w);
    g.panels = dli_ceil_div(g.out, 2);
    /* Pixels that pooling drops are not computed where they would need tiles of their own. */
    g.rows = dli_ceil_div(p->fuse.pool2 ? s->h_out / 2 * 2 : s->h_out, 4);
    g.columns = dli_ceil_div(p->fuse.pool2 ? s->w_out / 2 * 2 : s->w_out, 4);
    g.tiles = c->n * g.rows * g.columns;
    dli_conv_bias(c->scratch, c->bias, s->c_out, g.out * g.w);
    g.bias = c->scratch;
    g.u_step = p->tune[EXPAND] ? step_of(PART, 2 * g.w) : 0;
    g.depth = p->precision == DL4C_PRECISION_BF16 ? g.w / 2 : g.w;
    g.wide = p->precision != DL4C_PRECISION_F32 ? 9 * g.u_step : 0;
    g.v = c->scratch + dli_lines(g.out * g.w);
    const int64_t width = dli_min_i64(dli_parallel_width(c->ctx, c->threads), p->workers);
    if (width > 1 && g.tiles <= p->tune[SHARED] && g.tiles <= 28 * width) {
        g.v_step = step_of(g.tiles, g.in * g.depth);
        g.m_step = step_of(g.tiles, g.u_step ? 2 * g.w : g.out * g.w);
        g.m = g.v + POINTS * g.v_step;
        g.per_worker = POINTS * (g.m_step + g.u_step) + g.wide;
        g.splits = dli_min_i64(POINTS * g.panels, 4 * width);
        dli_parallel(c->ctx, c->threads, (size_t)(blocks_of(&g, g.tiles) * g.in), shared_input, &g);
        if (g.u_step) {
            dli_parallel(c->ctx, c->threads, (size_t)g.panels, shared_panel, &g);
            return;
        }
        dli_parallel(c->ctx, c->threads, (size_t)g.splits, shared_products, &g);
        dli_parallel(c->ctx, c->threads, (size_t)g.out, shared_output, &g);
        return;
    }
    /* Chunks of equal size, and as many for each thread where there are few. */
    int64_t chunks = dli_ceil_div(g.tiles, p->tune[CHUNK]);
    if (chunks < 8 * width)
        chunks = dli_ceil_div(chunks, width) * width;
    g.chunk = dli_ceil_div(g.tiles, chunks);
    g.v_step = step_of(g.chunk, g.in * g.depth);
    g.m_step = step_of(g.chunk, dli_min_i64(g.out, 2 * g.group) * g.w);
    g.per_worker = POINTS * (g.v_step + g.m_step + g.u_step) + g.wide;
    dli_parallel(c->ctx, c->threads, (size_t)dli_ceil_div(g.tiles, g.chunk), own_chunk, &g);
}

const struct dli_conv_algorithm dli_conv_winograd = { plan, pack, run };
