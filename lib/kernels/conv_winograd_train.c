/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd F(4x4,3x3) in training, where images come and go in the plain layout and weights change in every step. Forward, and the
 * gradient of the data, which is a convolution with the reversed weights: conv_winograd.c, with the images converted a few at a time.
 * The gradient of the weights:
 *
 *   Z[point][channel block][tile][W]  dy, carried to the points by the output transform turned round
 *   V[point][channel block][tile][W]  x, by the input transform
 *   U[point][c_out][c_in]             sum over tiles of Z times V: 36 products of matrices
 *
 * and U carried back to the nine taps at the end. Tiles come in chunks, whose Z and V stay in the caches; the sum goes through all of
 * them in their order, whatever the chunks are. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"

enum { TURN = 4 /* in tune, behind conv_winograd.c's: images of one turn */, POINTS = 36 };
enum { CHUNK = 256 /* tiles of a sum that is kept in registers */, TURN_FLOATS = 1 << 22, TURN_TILES = 28 * 16 };

static int64_t blocks_of(int64_t channels) { return dli_ceil_div(channels, dli_kernels()->block); }
static int64_t tiles_of(const struct dli_conv_shape *s) { return dli_ceil_div(s->h_out, 4) * dli_ceil_div(s->w_out, 4); }

/* Floats of an image's input and output in the blocked layout. */
static bool image_floats(const struct dli_conv_shape *s, int64_t *in, int64_t *out)
{
    size_t x, y;
    const int64_t w = dli_kernels()->block;
    if (!DLI_CONV_PRODUCT(&x, blocks_of(s->c_in), w, s->h_in, s->w_in) || !DLI_CONV_PRODUCT(&y, blocks_of(s->c_out), w, s->h_out, s->w_out))
        return false;
    *in = (int64_t)x;
    *out = (int64_t)y;
    return true;
}

/* ---- forward, and the data's gradient --------------------------------------------------------------------------- */

static bool plan(struct dli_conv_plan *p)
{
    int64_t in, out;
    size_t bytes;
    if (!dli_conv_winograd.plan(p) || !image_floats(&p->shape, &in, &out) || in > INT64_MAX / 16 || out > INT64_MAX / 16)
        return false;
    /* Enough tiles to share, as long as the converted images stay near. */
    const int64_t near = dli_max_i64(1, TURN_FLOATS / (in + out));
    p->tune[TURN] = dli_min_i64(near, dli_ceil_div(TURN_TILES, tiles_of(&p->shape)));
    p->in_layout = p->out_layout = DLI_PLAIN;
    p->scratch_bytes = (p->scratch_bytes + 63) & ~(size_t)63;
    return DLI_CONV_PRODUCT(&bytes, p->tune[TURN], dli_lines(in) + dli_lines(out), (p->fuse.add ? 2 : 1), 4) &&
           dli_add_size(p->scratch_bytes, bytes, &p->scratch_bytes);
}

struct packing {
    const struct dli_conv_plan *p;
    const char *w;
    const float *scale;
    float *packed;
};

/* Transformed in floats: in every step, the precision of conv_winograd.c would cost more than it gives. */
static void pack_panel(void *arg, size_t panel, int32_t worker)
{
    (void)worker;
    const struct packing *k = arg;
    const struct dli_conv_shape *s = &k->p->shape;
    const bool turned = k->p->tune[DLI_CONV_FLAGS] & DLI_CONV_TRANSPOSED;
    const int64_t w = dli_kernels()->block, in = blocks_of(s->c_in) * w, out = blocks_of(s->c_out) * w;
    const int64_t first = (int64_t)panel * 2 * w, width = dli_min_i64(2 * w, out - first), real = dli_min_i64(width, s->c_out - first);
    const int64_t step_j = turned ? 9 : s->c_in * 9, step_c = turned ? s->c_out * 9 : 9;
    float *to = k->packed + first * in, g[9 * DLI_CONV_PANEL_MAX];
    memset(g, 0, sizeof g);
    for (int64_t c = 0; c < in; c++, to += width) {
        const char *from = k->w + (c * step_c + first * step_j) * (int64_t)sizeof *g;
        for (int64_t j = 0; j < real; j++, from += step_j * (int64_t)sizeof *g) {
            float taps[9];
            if (c < s->c_in)
                memcpy(taps, from, sizeof taps);
            else
                memset(taps, 0, sizeof taps);
            const float scale = k->scale ? k->scale[first + j] : 1.0f;
            for (int i = 0; i < 9; i++)
                g[i * width + j] = taps[turned ? 8 - i : i] * scale;
        }
        dli_kernels()->conv->wino_expand(g, 1, width, to, in * out);
    }
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *w, const float *scale, float *packed)
{
    struct packing k = { p, w, scale, packed };
    dli_parallel(ctx, threads, (size_t)dli_ceil_div(p->shape.c_out, 2 * dli_kernels()->block), pack_panel, &k);
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_shape *s = &c->p->shape;
    const int64_t turn = c->p->tune[TURN], hw_in = s->h_in * s->w_in, hw_out = s->h_out * s->w_out;
    int64_t in, out;
    image_floats(s, &in, &out);
    float *x = c->scratch, *y = x + turn * dli_lines(in), *addend = y + turn * dli_lines(out);
    for (int64_t image = 0; image < c->n; image += turn) {
        struct dli_conv_call part = *c;
        part.n = dli_min_i64(turn, c->n - image);
        part.x = x;
        part.y = y;
        part.y_image = out;
        part.scratch = addend + (c->p->fuse.add ? turn * dli_lines(out) : 0);
        dli_layout_to_blocked(c->ctx, c->threads, x, c->x + image * s->c_in * hw_in, part.n, s->c_in, hw_in);
        if (c->addend) {
            dli_layout_to_blocked(c->ctx, c->threads, addend, c->addend + image * s->c_out * hw_out, part.n, s->c_out, hw_out);
            part.addend = addend;
        }
        dli_conv_winograd.run(&part);
        dli_layout_to_plain(c->ctx, c->threads, c->y + image * s->c_out * hw_out, y, part.n, s->c_out, hw_out);
    }
}

const struct dli_conv_algorithm dli_conv_winograd_plain = { plan, pack, run };

/* The convolution of dy that gives dx. */
static bool data_plan(const struct dli_conv_shape *s, int32_t workers, struct dli_conv_plan *p)
{
    const struct dli_conv_shape back = { .c_in = s->c_out, .h_in = s->h_out, .w_in = s->w_out, .c_out = s->c_in, .h_out = s->h_in,
                                         .w_out = s->w_in, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
                                         .pad_top = 2 - s->pad_top, .pad_left = 2 - s->pad_left, .groups = 1 };
    memset(p, 0, sizeof *p);
    p->shape = back;
    p->workers = workers;
    p->algorithm = DLI_CONV_WINOGRAD_PLAIN;
    p->tune[DLI_CONV_FLAGS] = DLI_CONV_PLAIN | DLI_CONV_TRANSPOSED;
    if (!plan(p) || p->packed_bytes > SIZE_MAX / 4 || p->scratch_bytes > SIZE_MAX / 4)
        return false;
    p->packed_bytes = (p->packed_bytes + 63) & ~(size_t)63;
    p->scratch_bytes = (p->scratch_bytes + 63) & ~(size_t)63;
    return true;
}

void dli_wino_backward_data(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int64_t n, const float *w, const float *dy,
                            float *dx, void *scratch)
{
    struct dli_conv_plan p;
    if (n < 1 || !data_plan(s, dli_parallel_width(ctx, threads), &p))
        return;
    pack(&p, ctx, threads, (const char *)w, NULL, scratch);
    dli_conv_run(&p, ctx, threads, n, scratch, NULL, dy, NULL, dx, (char *)scratch + p.packed_bytes);
}

/* ---- the weights' gradient -------------------------------------------------------------------------------------- */

struct sums {
    const struct dli_conv_shape *s;
    const struct dli_conv_kernels *k;
    int64_t w, in, out;             /* vector, channel blocks */
    int64_t rows, columns;          /* tiles of an image */
    int64_t turn, chunk;            /* images converted at once, tiles of a step */
    int64_t x_image, y_image;       /* floats */
    int64_t v_step, z_step, u_step; /* between points */
    float *x, *y, *v, *z, *u, *dw;
    int64_t first, tiles; /* of the step, counted from the first image of the turn */
    bool add;
};

static bool sums_of(const struct dli_conv_shape *s, int64_t n, struct sums *g, size_t *bytes)
{
    *g = (struct sums){ .s = s, .k = dli_kernels()->conv, .w = dli_kernels()->block, .in = blocks_of(s->c_in), .out = blocks_of(s->c_out),
                        .rows = dli_ceil_div(s->h_out, 4), .columns = dli_ceil_div(s->w_out, 4) };
    size_t v, z, u, images, sum;
    if (!image_floats(s, &g->x_image, &g->y_image) || g->x_image > INT64_MAX / 16 || g->y_image > INT64_MAX / 16)
        return false;
    g->turn = dli_min_i64(dli_max_i64(1, n), dli_ceil_div(CHUNK, g->rows * g->columns));
    g->chunk = dli_min_i64(CHUNK, g->turn * g->rows * g->columns);
    /* A cache line more than they need between points, as in conv_winograd.c. */
    g->v_step = g->chunk * g->in * g->w + 16;
    g->z_step = g->chunk * g->out * g->w + 16;
    if (!DLI_CONV_PRODUCT(&images, g->turn, dli_lines(g->x_image) + dli_lines(g->y_image), 4) ||
        !DLI_CONV_PRODUCT(&v, POINTS, g->v_step, 4) || !DLI_CONV_PRODUCT(&z, POINTS, g->z_step, 4) ||
        !DLI_CONV_PRODUCT(&u, g->out * g->w, g->in * g->w, POINTS, 4))
        return false;
    g->u_step = g->out * g->w * g->in * g->w + 16;
    return dli_add_size(images, v, &sum) && dli_add_size(sum, z, &sum) && dli_add_size(sum, u, &sum) &&
           dli_add_size(sum, POINTS * 16 * 4 + 64, bytes) && *bytes < SIZE_MAX / 4;
}

size_t dli_wino_backward_scratch(const struct dli_conv_shape *s, int64_t n, int32_t workers)
{
    struct dli_conv_plan p;
    struct sums g;
    size_t weights;
    if (!data_plan(s, workers, &p) || !sums_of(s, n, &g, &weights))
        return SIZE_MAX;
    weights = (weights + 63) & ~(size_t)63;
    const size_t data = p.packed_bytes + p.scratch_bytes;
    return data > weights ? data : weights;
}

/* One channel block of x or of dy to the points, all tiles of the step. */
static void transform(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct sums *g = arg;
    const struct dli_conv_shape *s = g->s;
    const bool gradient = (int64_t)number >= g->in;
    const int64_t block = gradient ? (int64_t)number - g->in : (int64_t)number;
    for (int64_t t = 0; t < g->tiles;) {
        const int64_t at = g->first + t, image = at / (g->rows * g->columns), row = at / g->columns % g->rows, column = at % g->columns;
        const int64_t n = dli_min_i64(g->tiles - t, g->columns - column), to = (block * g->tiles + t) * g->w;
        if (gradient) {
            const struct dli_wino_gradient q = { .dy = g->y + image * g->y_image + block * s->h_out * s->w_out * g->w, .h = s->h_out,
                                                 .w = s->w_out, .top = 4 * row, .left = 4 * column, .tiles = (int32_t)n, .z = g->z + to,
                                                 .z_step = g->z_step };
            g->k->wino_gradient(&q);
        } else {
            const struct dli_wino_input q = { .x = g->x + image * g->x_image + block * s->h_in * s->w_in * g->w, .h = s->h_in,
                                              .w = s->w_in, .top = 4 * row - s->pad_top, .left = 4 * column - s->pad_left,
                                              .tiles = (int32_t)n, .v = g->v + to, .v_step = g->v_step };
            g->k->wino_input(&q);
        }
        t += n;
    }
}

enum { EACH = 4 /* blocks of output channels of a task: they share what they read of V */ };

static void product(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct sums *g = arg;
    const int64_t parts = dli_ceil_div(g->out, EACH), point = (int64_t)number / parts, first = (int64_t)number % parts * EACH;
    const int64_t last = dli_min_i64(g->out, first + EACH);
    for (int64_t in = 0; in < g->in; in += 2)
        for (int64_t out = first; out < last; out++) {
            const struct dli_conv_outer q = { .vectors = in + 1 < g->in ? 2 : 1, .steps = g->tiles,
                                              .a = g->z + point * g->z_step + out * g->tiles * g->w,
                                              .b = g->v + point * g->v_step + in * g->tiles * g->w, .b_vector = g->tiles * g->w,
                                              .c = g->u + point * g->u_step + (out * g->w * g->in + in) * g->w, .c_step = g->in * g->w,
                                              .add = g->add };
            g->k->outer(&q);
        }
}

static void take_back(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct sums *g = arg;
    const int64_t channels = g->s->c_in, o = (int64_t)number;
    float taps[9 * DLI_CONV_PANEL_MAX];
    for (int64_t in = 0; in < g->in; in++) {
        g->k->wino_weights_back(g->u + (o * g->in + in) * g->w, g->u_step, taps);
        const int64_t n = dli_min_i64(g->w, channels - in * g->w);
        float *to = g->dw + (o * channels + in * g->w) * 9;
        for (int64_t j = 0; j < n; j++)
            for (int i = 0; i < 9; i++)
                to[j * 9 + i] = taps[i * g->w + j];
    }
}

void dli_wino_backward_weights(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int64_t n, const float *x,
                               const float *dy, float *dw, void *scratch)
{
    struct sums g;
    size_t bytes;
    if (!sums_of(s, n, &g, &bytes))
        return;
    g.dw = dw;
    g.x = scratch;
    g.y = g.x + g.turn * dli_lines(g.x_image);
    g.v = g.y + g.turn * dli_lines(g.y_image);
    g.z = g.v + POINTS * g.v_step;
    g.u = g.z + POINTS * g.z_step;
    const int64_t hw_in = s->h_in * s->w_in, hw_out = s->h_out * s->w_out;
    for (int64_t image = 0; image < n; image += g.turn) {
        const int64_t images = dli_min_i64(g.turn, n - image), all = images * g.rows * g.columns;
        dli_layout_to_blocked(ctx, threads, g.x, x + image * s->c_in * hw_in, images, s->c_in, hw_in);
        dli_layout_to_blocked(ctx, threads, g.y, dy + image * s->c_out * hw_out, images, s->c_out, hw_out);
        for (g.first = 0; g.first < all; g.first += g.tiles) {
            g.tiles = dli_min_i64(g.chunk, all - g.first);
            dli_parallel(ctx, threads, (size_t)(g.in + g.out), transform, &g);
            dli_parallel(ctx, threads, (size_t)(POINTS * dli_ceil_div(g.out, EACH)), product, &g);
            g.add = true;
        }
    }
    dli_parallel(ctx, threads, (size_t)s->c_out, take_back, &g);
}
