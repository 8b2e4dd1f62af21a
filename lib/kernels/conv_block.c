/* SPDX-License-Identifier: Apache-2.0 */
/* An inverted residual block in one pass: expansion by 1x1 (or a network's first convolution in its place), depthwise convolution,
 * projection by 1x1 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018). The expanded maps, several times
 * larger than what goes in and comes out, are never whole: a task goes over a band of output rows in pieces, and in a piece over the
 * expanded channels panel by panel.
 *
 *   X [c_in][rows][columns]                the image's rows for a first convolution, with their padding
 *   E [2][rows in][columns + padding][W]   two channel blocks of the expansion, with the padding as zeros
 *   D [2][rows * columns][W]               the depthwise convolution of it
 *   M [panel of the output][pixel][2 W]    sums of the projection, which every panel adds its share to
 *
 * Where the map is small and the images are fewer than the threads, bands would be mostly border: there the threads share the expanded
 * channels, D holds all of them, and the projection is a second loop over its own panels.
 *
 * Every sum runs in the order in which the three layers by themselves would run it. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"

#include <math.h>

/* X, E, D and M of a piece together: a good part of a second-level cache. */
enum { PIECE = 96 << 10 /* floats */ };

struct layer {
    const float *packed, *bias; /* padded to whole blocks */
    float lo, hi;
};

struct geometry {
    const struct dli_conv_block *b;
    const struct dli_conv_shape *d; /* of the depthwise layer */
    const struct dli_conv_kernels *k;
    int64_t w, in, wide, out; /* vector; channel blocks that come in, of the depthwise layer, that go out */
    int64_t panels;           /* of `wide` */
    int64_t row_e;            /* floats of a row of E */
    int64_t bands, parts;     /* of an image; of a map whose channels are shared */
    struct layer expand, depthwise, project;
    const float *x, *addend;
    float *y, *scratch, *all; /* all: D of the shared way */
    int64_t columns;          /* of a row of X; 0 where there is none */
};

static int64_t rows_in(const struct dli_conv_shape *d, int64_t rows) { return (rows - 1) * d->sh + d->kh; }
static int64_t row_floats(const struct dli_conv_shape *d, int64_t w)
{
    return dli_max_i64(d->pad_left + d->w_in, (d->w_out - 1) * d->sw + d->kw) * w;
}

static bool is_point(const struct dli_conv_plan *p)
{
    return p->algorithm == DLI_CONV_POINT && p->shape.groups == 1 && !p->fuse.pool2 && p->precision == DL4C_PRECISION_F32;
}

static bool is_first(const struct dli_conv_plan *p) { return p->algorithm == DLI_CONV_FIRST && !p->fuse.pool2; }

/* Rows of the image under `rows` rows of the first convolution. */
static int64_t rows_under(const struct dli_conv_shape *f, int64_t rows) { return (rows - 1) * f->sh + (int64_t)(f->kh - 1) * f->dh + 1; }

bool dli_conv_block_plan(const struct dli_conv_plan *const *layers, int32_t n, struct dli_conv_block *b)
{
    *b = (struct dli_conv_block){ .expand = n == 3 ? layers[0] : NULL, .depthwise = layers[n - 2], .project = layers[n - 1] };
    const struct dli_conv_shape *d = &b->depthwise->shape, *p = &b->project->shape;
    if (b->depthwise->algorithm != DLI_CONV_DEPTHWISE || b->depthwise->fuse.add || !is_point(b->project) || d->dh != 1 || d->dw != 1 ||
        (d->kw != 3 && d->kw != 5) || d->kh > 5 || (d->sw != 1 && d->sw != 2) || d->sh > 2 || d->pad_left >= d->kw || d->pad_top >= d->kh ||
        p->c_in != d->c_out || p->h_in != d->h_out || p->w_in != d->w_out)
        return false;
    if (b->expand) {
        const struct dli_conv_shape *e = &b->expand->shape;
        if ((!is_point(b->expand) && !is_first(b->expand)) || b->expand->fuse.add || e->c_out != d->c_in || e->h_out != d->h_in ||
            e->w_out != d->w_in)
            return false;
    }
    const int64_t w = dli_kernels()->block, out = dli_ceil_div(p->c_out, w), wide = dli_ceil_div(d->c_in, w);
    const struct dli_conv_shape *f = b->expand && is_first(b->expand) ? &b->expand->shape : NULL;
    size_t row_x = 0, row_e, row_d, row_m, bytes;
    if ((f && !DLI_CONV_PRODUCT(&row_x, f->c_in, d->sh, f->sh, dli_conv_first_columns(b->expand))) ||
        !DLI_CONV_PRODUCT(&row_e, 2, d->sh, row_floats(d, w)) || !DLI_CONV_PRODUCT(&row_d, 2, d->w_out, w) ||
        !DLI_CONV_PRODUCT(&row_m, d->w_out, dli_ceil_div(out, 2) * 2, w) ||
        !DLI_CONV_PRODUCT(&bytes, row_x + row_e + row_d + row_m, d->h_out + d->kh, 64))
        return false;
    b->rows = dli_max_i64(1, dli_min_i64(d->h_out, PIECE / (int64_t)(row_x + row_e + row_d + row_m)));
    const int64_t x = f ? dli_lines(f->c_in * rows_under(f, rows_in(d, b->rows)) * dli_conv_first_columns(b->expand)) : 0;
    b->each = x + dli_lines(2 * rows_in(d, b->rows) * row_floats(d, w)) + b->rows * (int64_t)(row_d + row_m);
    size_t each, shared;
    if (!DLI_CONV_PRODUCT(&shared, wide, d->h_out, d->w_out, w) || !DLI_CONV_PRODUCT(&each, b->each, b->project->workers))
        return false;
    b->shared = !f && (int64_t)shared <= PIECE * 2 ? dli_lines((int64_t)shared) : 0;
    return DLI_CONV_PRODUCT(&b->scratch_bytes, 4, (int64_t)each + b->shared + dli_lines(wide * w) * 2 + dli_lines(out * w));
}

static struct dli_conv_multiply product(const struct layer *l, int64_t vectors)
{
    return (struct dli_conv_multiply){ .vectors = (int32_t)vectors, .lo = l->lo, .hi = l->hi };
}

/* The same rows by the first convolution. x: X, filled with the first panel. */
static void fill_first(const struct geometry *g, int64_t image, int64_t panel, int64_t top, int64_t first, int64_t last, int64_t plane_e,
                       float *e, float *x)
{
    const struct dli_conv_shape *d = g->d, *f = &g->b->expand->shape;
    const int64_t w = g->w, vectors = dli_min_i64(2, g->wide - 2 * panel), sum = f->c_in * f->kh * f->kw;
    const int64_t have = rows_under(f, last - first);
    if (panel == 0)
        dli_conv_first_rows(g->b->expand, g->x + image * f->c_in * f->h_in * f->w_in, first * f->sh - f->pad_top, have, x);
    for (int64_t y = first; y < last; y++)
        for (int64_t column = 0; column < d->w_in; column += g->k->tiles) {
            const struct dli_conv_first q = {
                .c_in = (int32_t)f->c_in, .kh = f->kh, .kw = f->kw, .dh = f->dh, .dw = f->dw, .sw = f->sw, .vectors = (int32_t)vectors,
                .pixels = (int32_t)dli_min_i64(g->k->tiles, d->w_in - column),
                .x = x + (y - first) * f->sh * g->columns + column * f->sw, .x_channel = have * g->columns, .x_row = g->columns,
                .w = g->expand.packed + panel * 2 * w * sum, .bias = g->expand.bias + panel * 2 * w, .lo = g->expand.lo,
                .hi = g->expand.hi, .y = e + (y - top) * g->row_e + (d->pad_left + column) * w, .y_vector = plane_e,
            };
            g->k->first(&q);
        }
}

/* Rows [first, last) of two blocks of what comes into the depthwise layer, to E, whose first row is number `top` of the map. */
static void fill(const struct geometry *g, int64_t image, int64_t panel, int64_t top, int64_t first, int64_t last, int64_t plane_e,
                 float *e)
{
    const struct dli_conv_shape *d = g->d;
    const int64_t w = g->w, vectors = dli_min_i64(2, g->wide - 2 * panel), plane = d->h_in * d->w_in * w;
    if (!g->b->expand) {
        for (int64_t v = 0; v < vectors; v++)
            for (int64_t y = first; y < last; y++)
                memcpy(e + v * plane_e + (y - top) * g->row_e + d->pad_left * w,
                       g->x + (image * g->wide + 2 * panel + v) * plane + y * d->w_in * w, (size_t)(d->w_in * w) * sizeof *e);
        return;
    }
    const int64_t k = g->in * w, blocks = dli_ceil_div(d->w_in, g->k->tiles), calls = (last - first) * blocks;
    struct dli_conv_multiply q = product(&g->expand, vectors);
    q.blocks = g->in;
    q.a_step = plane;
    q.b = g->expand.packed + panel * 2 * w * k;
    q.bias = g->expand.bias + panel * 2 * w;
    q.y_vector = plane_e;
    /* The calls together fetch the next panel. */
    const int64_t share = calls > 0 ? dli_ceil_div(vectors * w, calls) : 0;
    const float *next = panel + 1 < g->panels ? q.b + vectors * w * k : q.b;
    q.next_step = share;
    for (int64_t y = first, call = 0; y < last; y++)
        for (int64_t b = 0; b < blocks; b++, call++) {
            const int64_t from = d->w_in * b / blocks;
            q.tiles = (int32_t)(d->w_in * (b + 1) / blocks - from);
            q.a = g->x + image * g->in * plane + (y * d->w_in + from) * w;
            q.y = e + (y - top) * g->row_e + (d->pad_left + from) * w;
            q.next = next + dli_min_i64(call * share, vectors * w - share) * k;
            g->k->multiply(&q);
        }
}

/* Output rows [from, from + rows) of two blocks of the depthwise layer, to D with plane_d floats a block. Rows of E outside the map and
 * the columns beside it are zero already. */
static void depthwise(const struct geometry *g, int64_t image, int64_t panel, int64_t from, int64_t rows, float *x, float *e, float *to,
                      int64_t plane_d)
{
    const struct dli_conv_shape *d = g->d;
    const int64_t w = g->w, vectors = dli_min_i64(2, g->wide - 2 * panel), top = from * d->sh - d->pad_top, have = rows_in(d, rows);
    const int64_t plane_e = have * g->row_e, taps = (int64_t)d->kh * d->kw * w;
    const int64_t first = dli_max_i64(0, top), last = dli_min_i64(d->h_in, top + have);
    if (g->columns > 0 && first < last)
        fill_first(g, image, panel, top, first, last, plane_e, e, x);
    else if (g->columns == 0)
        fill(g, image, panel, top, first, last, plane_e, e);
    for (int64_t v = 0; v < vectors; v++) {
        const struct dli_conv_rows q = { .kh = d->kh, .kw = d->kw, .sh = d->sh, .sw = d->sw, .rows = rows, .columns = d->w_out,
                                         .x = e + v * plane_e, .x_row = g->row_e, .w = g->depthwise.packed + (2 * panel + v) * taps,
                                         .bias = g->depthwise.bias + (2 * panel + v) * w, .lo = g->depthwise.lo, .hi = g->depthwise.hi,
                                         .y = to + v * plane_d, .y_row = d->w_out * w };
        g->k->depthwise_rows(&q);
    }
}

/* Zeros where E lies outside the map, for pieces of `rows` output rows from `from` on. */
static void clear(const struct geometry *g, int64_t from, int64_t rows, float *e)
{
    const struct dli_conv_shape *d = g->d;
    const int64_t top = from * d->sh - d->pad_top, have = rows_in(d, rows);
    const int64_t left = d->pad_left * g->w, right = left + d->w_in * g->w;
    for (int64_t v = 0; v < 2; v++)
        for (int64_t y = top; y < top + have; y++, e += g->row_e) {
            const bool inside = y >= 0 && y < d->h_in;
            memset(e, 0, (size_t)(inside ? left : g->row_e) * sizeof *e);
            if (inside)
                memset(e + right, 0, (size_t)(g->row_e - right) * sizeof *e);
        }
}

/* The share of channel blocks [block, block + blocks) of D in the sums of output panels [first, last), for `pixels` from pixel `from` of
 * the map on. Where these are the last blocks the sums are finished into y. */
static void project(const struct geometry *g, int64_t image, int64_t block, int64_t blocks, int64_t first, int64_t last, int64_t from,
                    int64_t pixels, const float *d, int64_t plane_d, float *m)
{
    const int64_t w = g->w, tiles = dli_ceil_div(pixels, g->k->tiles), plane_y = g->d->h_out * g->d->w_out * w;
    const bool done = block + blocks == g->wide;
    for (int64_t t = 0; t < tiles; t++) {
        const int64_t at = pixels * t / tiles, n = pixels * (t + 1) / tiles - at;
        for (int64_t panel = first; panel < last; panel++) {
            const int64_t vectors = dli_min_i64(2, g->out - 2 * panel);
            struct dli_conv_multiply q = product(&g->project, vectors);
            q.tiles = (int32_t)n;
            q.blocks = blocks;
            q.a = d + at * w;
            q.a_step = plane_d;
            q.b = q.next = g->project.packed + (panel * 2 * w * g->wide + block * vectors * w) * w;
            q.c = m ? m + (panel * pixels + at) * 2 * w : NULL;
            q.c_step = vectors * w;
            q.add = block > 0;
            if (done) {
                const int64_t to = (image * g->out + 2 * panel) * plane_y + (from + at) * w;
                q.y = g->y + to;
                q.y_vector = plane_y;
                q.bias = g->project.bias + panel * 2 * w;
                q.addend = g->addend ? g->addend + to : NULL;
            }
            g->k->multiply(&q);
        }
    }
}

static void band(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    const struct dli_conv_shape *s = g->d;
    const int64_t image = (int64_t)number / g->bands, i = (int64_t)number % g->bands;
    const int64_t first = s->h_out * i / g->bands, last = s->h_out * (i + 1) / g->bands;
    float *x = g->scratch + worker * g->b->each;
    const int64_t pieces = dli_ceil_div(last - first, g->b->rows);
    for (int64_t piece = 0; piece < pieces; piece++) {
        const int64_t from = first + (last - first) * piece / pieces, rows = first + (last - first) * (piece + 1) / pieces - from;
        const int64_t pixels = rows * s->w_out, plane_d = pixels * g->w;
        const int64_t image_floats = g->columns > 0 ? g->b->expand->shape.c_in * rows_under(&g->b->expand->shape, rows_in(s, rows)) : 0;
        float *e = x + dli_lines(image_floats * g->columns), *d = e + dli_lines(2 * rows_in(s, rows) * g->row_e), *m = d + 2 * plane_d;
        clear(g, from, rows, e);
        for (int64_t panel = 0; panel < g->panels; panel++) {
            depthwise(g, image, panel, from, rows, x, e, d, plane_d);
            project(g, image, 2 * panel, dli_min_i64(2, g->wide - 2 * panel), 0, dli_ceil_div(g->out, 2), from * s->w_out, pixels, d,
                    plane_d, m);
        }
    }
}

static void shared_channels(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    const struct dli_conv_shape *s = g->d;
    const int64_t image = g->bands, panel = (int64_t)number, plane_d = s->h_out * s->w_out * g->w; /* bands: the image's number here */
    float *e = g->scratch + worker * g->b->each;
    clear(g, 0, s->h_out, e);
    depthwise(g, image, panel, 0, s->h_out, NULL, e, g->all + 2 * panel * plane_d, plane_d);
}

static void shared_project(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct geometry *g = arg;
    const struct dli_conv_shape *s = g->d;
    const int64_t panel = (int64_t)number / g->parts, part = (int64_t)number % g->parts, all = s->h_out * s->w_out;
    const int64_t from = all * part / g->parts, pixels = all * (part + 1) / g->parts - from;
    project(g, g->bands, 0, g->wide, panel, panel + 1, from, pixels, g->all + from * g->w, all * g->w, NULL);
}

/* The bounds of a layer's activation, and its bias padded into `to`, which moves on. */
static struct layer layer_of(const struct dli_conv_plan *p, const void *packed, const float *bias, int64_t padded, float **to)
{
    struct layer l = { .packed = packed, .bias = *to, .lo = -INFINITY, .hi = INFINITY };
    if (p->fuse.act == DLI_CONV_ACT_RELU) {
        l.lo = 0;
    } else if (p->fuse.act == DLI_CONV_ACT_CLIP) {
        l.lo = p->fuse.lo;
        l.hi = p->fuse.hi;
    }
    dli_conv_bias(*to, bias, p->shape.c_out, padded);
    *to += dli_lines(padded);
    return l;
}

void dli_conv_block_run(const struct dli_conv_block *b, dl4c_context *ctx, int32_t threads, int64_t n, const void *const *packed,
                        const float *const *bias, const float *x, const float *addend, float *y, void *scratch)
{
    if (n < 1)
        return;
    const int32_t at = b->expand != NULL;
    struct geometry g = { .b = b, .d = &b->depthwise->shape, .k = dli_kernels()->conv, .w = dli_kernels()->block, .x = x,
                          .addend = b->project->fuse.add ? addend : NULL, .y = y, .scratch = scratch };
    g.wide = dli_ceil_div(g.d->c_in, g.w);
    g.out = dli_ceil_div(b->project->shape.c_out, g.w);
    g.in = b->expand ? dli_ceil_div(b->expand->shape.c_in, g.w) : g.wide;
    g.panels = dli_ceil_div(g.wide, 2);
    g.row_e = row_floats(g.d, g.w);
    g.columns = b->expand && is_first(b->expand) ? dli_conv_first_columns(b->expand) : 0;
    if (b->expand)
        g.expand = layer_of(b->expand, packed[0], bias[0], g.wide * g.w, &g.scratch);
    g.depthwise = layer_of(b->depthwise, packed[at], bias[at], g.wide * g.w, &g.scratch);
    g.project = layer_of(b->project, packed[at + 1], bias[at + 1], g.out * g.w, &g.scratch);
    g.all = g.scratch;
    g.scratch += b->shared;
    const int64_t width = dli_min_i64(dli_parallel_width(ctx, threads), b->project->workers);
    if (width > 1 && n < width && b->shared > 0 && b->rows == g.d->h_out && g.d->h_out < 5 * width) {
        g.parts = dli_min_i64(dli_ceil_div(g.d->h_out * g.d->w_out, g.k->tiles), dli_ceil_div(3 * width, dli_ceil_div(g.out, 2)));
        for (g.bands = 0; g.bands < n; g.bands++) {
            dli_parallel(ctx, threads, (size_t)g.panels, shared_channels, &g);
            dli_parallel(ctx, threads, (size_t)(dli_ceil_div(g.out, 2) * g.parts), shared_project, &g);
        }
        return;
    }
    g.bands = n >= 4 * width || width == 1 ? 1 : n % width == 0 ? 1 : width;
    if (n == 1 && g.d->h_out >= 16 * width)
        g.bands = 2 * width;
    g.bands = dli_min_i64(g.bands, g.d->h_out);
    dli_parallel(ctx, threads, (size_t)(n * g.bands), band, &g);
}
