/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution of an image of few channels, as it comes in the plain layout, into the blocked one. A task copies the input rows of a
 * band of output rows with their padding, so that the inner loop reads ahead without looking.
 *
 *   packed weights [panel][c_in][kh][kw][2 W]; the last panel has W columns where the blocks of c_out are odd */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"

/* tune: */
enum { ROWS /* of the unpooled output, a task */, COLUMNS /* of a padded row */, EACH /* a worker's floats */ };

static int64_t rows_in(const struct dli_conv_shape *s, int64_t rows) { return (rows - 1) * s->sh + (int64_t)(s->kh - 1) * s->dh + 1; }

static bool plan(struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const int64_t w = dli_kernels()->block, tiles = dli_kernels()->conv->tiles, out = dli_ceil_div(s->c_out, w);
    p->in_layout = DLI_PLAIN;
    p->out_layout = DLI_BLOCKED;
    const int64_t wide = dli_ceil_div(s->w_out, tiles) * tiles;
    p->tune[ROWS] = dli_min_i64(s->h_out, 8);
    p->tune[COLUMNS] = (wide - 1) * s->sw + (int64_t)(s->kw - 1) * s->dw + 1;
    size_t input, pooled = 0, each;
    if (!DLI_CONV_PRODUCT(&p->packed_bytes, out, w, s->c_in, s->kh, s->kw, 4) ||
        !DLI_CONV_PRODUCT(&input, s->c_in, rows_in(s, p->tune[ROWS]), p->tune[COLUMNS]) ||
        (p->fuse.pool2 && !DLI_CONV_PRODUCT(&pooled, 2, out, s->w_out, w)) || !dli_add_size(input, pooled, &each) ||
        !dli_add_size(each, 64, &each))
        return false;
    p->tune[EACH] = dli_lines((int64_t)each);
    return dli_mul_size((size_t)p->tune[EACH], 4 * (size_t)p->workers, &p->scratch_bytes) &&
           dli_add_size(p->scratch_bytes, (size_t)dli_lines(out * w) * 4, &p->scratch_bytes);
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *weights, const float *scale, float *packed)
{
    (void)ctx;
    (void)threads;
    const struct dli_conv_shape *s = &p->shape;
    const int64_t w = dli_kernels()->block, out = dli_ceil_div(s->c_out, w) * w, sum = s->c_in * s->kh * s->kw;
    for (int64_t first = 0; first < out; first += 2 * w)
        for (int64_t i = 0; i < sum; i++)
            for (int64_t j = first; j < dli_min_i64(first + 2 * w, out); j++)
                *packed++ = j < s->c_out ? dli_conv_weight(weights, j * sum + i) * (scale ? scale[j] : 1.0f) : 0.0f;
}

struct geometry {
    const struct dli_conv_call *call;
    int64_t w, out, bands, rows; /* vector, output blocks, tasks an image, output rows wanted */
};

int64_t dli_conv_first_columns(const struct dli_conv_plan *p) { return p->tune[COLUMNS]; }

void dli_conv_first_rows(const struct dli_conv_plan *p, const float *x, int64_t top, int64_t rows, float *to)
{
    const struct dli_conv_shape *s = &p->shape;
    const int64_t columns = p->tune[COLUMNS], inside = dli_max_i64(0, dli_min_i64(s->w_in, columns - s->pad_left));
    const int64_t before = dli_min_i64(columns, s->pad_left);
    for (int64_t c = 0; c < s->c_in; c++)
        for (int64_t y = top; y < top + rows; y++, to += columns) {
            if (y < 0 || y >= s->h_in) {
                memset(to, 0, (size_t)columns * sizeof *to);
                continue;
            }
            memset(to, 0, (size_t)before * sizeof *to);
            memcpy(to + before, x + (c * s->h_in + y) * s->w_in, (size_t)inside * sizeof *to);
            memset(to + before + inside, 0, (size_t)(columns - before - inside) * sizeof *to);
        }
}

static void task(void *arg, size_t number, int32_t worker)
{
    const struct geometry *g = arg;
    const struct dli_conv_call *c = g->call;
    const struct dli_conv_plan *p = c->p;
    const struct dli_conv_shape *s = &p->shape;
    const struct dli_conv_kernels *k = dli_kernels()->conv;
    const int64_t w = g->w, image = (int64_t)number / g->bands, top = (int64_t)number % g->bands * p->tune[ROWS];
    const int64_t rows = dli_min_i64(p->tune[ROWS], g->rows - top), have = rows_in(s, rows), plane = s->h_out * s->w_out * w;
    const int64_t sum = s->c_in * s->kh * s->kw;
    const bool pool2 = p->fuse.pool2;
    float *x = c->scratch + dli_lines(g->out * w) + worker * p->tune[EACH];
    float *row = x + dli_lines(s->c_in * have * p->tune[COLUMNS]);
    dli_conv_first_rows(p, c->x + image * s->c_in * s->h_in * s->w_in, top * s->sh - s->pad_top, have, x);
    for (int64_t y = top; y < top + rows; y++) {
        for (int64_t column = 0; column < s->w_out; column += k->tiles)
            for (int64_t o = 0; o < g->out; o += 2) {
                const int64_t in_image = o * plane + (y * s->w_out + column) * w, at = image * g->out * plane + in_image;
                const struct dli_conv_first f = {
                    .c_in = (int32_t)s->c_in, .kh = s->kh, .kw = s->kw, .dh = s->dh, .dw = s->dw, .sw = s->sw,
                    .vectors = o + 1 < g->out ? 2 : 1, .pixels = (int32_t)dli_min_i64(k->tiles, s->w_out - column),
                    .x = x + (y - top) * s->sh * p->tune[COLUMNS] + column * s->sw, .x_channel = have * p->tune[COLUMNS],
                    .x_row = p->tune[COLUMNS], .w = c->packed + o * w * sum, .bias = c->scratch + o * w, .lo = c->lo, .hi = c->hi,
                    .addend = c->addend ? c->addend + at : NULL, .addend_vector = plane,
                    .y = pool2 ? row + (o * 2 + (y & 1)) * s->w_out * w + column * w : c->y + image * c->y_image + in_image,
                    .y_vector = pool2 ? 2 * s->w_out * w : plane,
                };
                k->first(&f);
            }
        if (pool2 && (y & 1))
            for (int64_t o = 0; o < g->out; o++)
                k->pool(row + o * 2 * s->w_out * w, s->w_out, s->w_out / 2,
                        c->y + image * c->y_image + (o * (s->h_out / 2) + y / 2) * (s->w_out / 2) * w);
    }
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_shape *s = &c->p->shape;
    struct geometry g = { .call = c, .w = dli_kernels()->block };
    g.out = dli_ceil_div(s->c_out, g.w);
    g.rows = c->p->fuse.pool2 ? s->h_out / 2 * 2 : s->h_out;
    g.bands = dli_ceil_div(g.rows, c->p->tune[ROWS]);
    dli_conv_bias(c->scratch, c->bias, s->c_out, g.out * g.w);
    dli_parallel(c->ctx, c->threads, (size_t)(c->n * g.bands), task, &g);
}

const struct dli_conv_algorithm dli_conv_first = { plan, pack, run };
