/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution in the plain layout: the image's windows as columns of a matrix, times the weights. Any shape; used in training, for
 * groups that do not fill channel blocks, and wherever neither neighbour wants the blocked layout. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/gemm.h"
#include "kernels/layout.h"

/* tune: */
enum { ROWS /* of the output, a task */, COL_FLOATS, GEMM_BYTES };

/* A task's matrix: half of a second-level cache, so that the product finds it there, but enough pixels for the product to pay its
 * packing of the weights. */
enum { COL_WANTED = 1 << 17 /* floats */, PIXELS_WANTED = 256 };

/* Output columns [*a, *b) of a row of w_out that read inside the image for this tap. */
static void inside(int64_t w_in, int64_t w_out, int64_t step, int64_t shift, int64_t *a, int64_t *b)
{
    const int64_t first = shift >= 0 ? 0 : dli_ceil_div(-shift, step);
    const int64_t last = w_in - shift <= 0 ? 0 : dli_ceil_div(w_in - shift, step);
    *a = dli_min_i64(first, w_out);
    *b = dli_max_i64(*a, dli_min_i64(last, w_out));
}

void dli_im2col(const struct dli_conv_shape *s, const float *x, int64_t first, int64_t count, int64_t top, int64_t bottom, float *col)
{
    for (int64_t c = first; c < first + count; c++)
        for (int64_t ky = 0; ky < s->kh; ky++)
            for (int64_t kx = 0; kx < s->kw; kx++) {
                int64_t a, b;
                const int64_t shift = kx * s->dw - s->pad_left;
                inside(s->w_in, s->w_out, s->sw, shift, &a, &b);
                for (int64_t oy = top; oy < bottom; oy++, col += s->w_out) {
                    const int64_t y = oy * s->sh + ky * s->dh - s->pad_top;
                    if (y < 0 || y >= s->h_in || a == b) {
                        memset(col, 0, (size_t)s->w_out * sizeof *col);
                        continue;
                    }
                    const float *row = x + (c * s->h_in + y) * s->w_in;
                    for (int64_t i = 0; i < a; i++)
                        col[i] = 0;
                    if (s->sw == 1)
                        memcpy(col + a, row + shift + a, (size_t)(b - a) * sizeof *col);
                    else
                        for (int64_t i = a; i < b; i++)
                            col[i] = row[i * s->sw + shift];
                    for (int64_t i = b; i < s->w_out; i++)
                        col[i] = 0;
                }
            }
}

void dli_col2im(const struct dli_conv_shape *s, float *x, int64_t first, int64_t count, const float *col)
{
    for (int64_t c = first; c < first + count; c++)
        for (int64_t ky = 0; ky < s->kh; ky++)
            for (int64_t kx = 0; kx < s->kw; kx++) {
                int64_t a, b;
                const int64_t shift = kx * s->dw - s->pad_left;
                inside(s->w_in, s->w_out, s->sw, shift, &a, &b);
                for (int64_t oy = 0; oy < s->h_out; oy++, col += s->w_out) {
                    const int64_t y = oy * s->sh + ky * s->dh - s->pad_top;
                    if (y < 0 || y >= s->h_in)
                        continue;
                    float *row = x + (c * s->h_in + y) * s->w_in;
                    for (int64_t i = a; i < b; i++)
                        row[i * s->sw + shift] += col[i];
                }
            }
}

static bool is_product(const struct dli_conv_shape *s) /* the image itself is the matrix */
{
    return s->kh == 1 && s->kw == 1 && s->sh == 1 && s->sw == 1 && s->pad_top == 0 && s->pad_left == 0 && s->h_in == s->h_out &&
           s->w_in == s->w_out;
}

static struct dli_gemm product(const struct dli_conv_shape *s, int64_t rows)
{
    const int64_t k = s->c_in / s->groups * s->kh * s->kw;
    return (struct dli_gemm){ .m = s->c_out / s->groups, .n = rows * s->w_out, .k = k, .lda = k,
                              .ldb = is_product(s) ? s->h_in * s->w_in : rows * s->w_out, .ldc = s->h_out * s->w_out };
}

static bool plan(struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const int64_t k = s->c_in / s->groups * s->kh * s->kw;
    size_t row, weights, col;
    if (!DLI_CONV_PRODUCT(&row, k, s->w_out, 4) || !DLI_CONV_PRODUCT(&weights, s->c_out, k, 4))
        return false;
    int64_t rows = dli_max_i64(dli_max_i64(1, PIXELS_WANTED / s->w_out), COL_WANTED / (int64_t)(row / 4));
    rows = dli_min_i64(rows, dli_ceil_div(s->h_out, dli_min_i64(p->workers, s->h_out)));
    rows = dli_ceil_div(s->h_out, dli_ceil_div(s->h_out, rows));
    if (!dli_mul_size(row, (size_t)rows, &col))
        return false;
    p->in_layout = p->out_layout = DLI_PLAIN;
    p->packed_bytes = weights;
    p->tune[ROWS] = rows;
    p->tune[COL_FLOATS] = is_product(s) ? 0 : (int64_t)((col / 4 + 15) & ~(size_t)15);
    size_t gemm = 0;
    const int64_t last = s->h_out % rows;
    for (int i = 0; i < 2; i++) {
        const struct dli_gemm g = product(s, i == 0 || last == 0 ? rows : last);
        const size_t bytes = dli_gemm_scratch(&g, 1);
        gemm = bytes > gemm ? bytes : gemm;
    }
    if (gemm > SIZE_MAX / 4)
        return false;
    p->tune[GEMM_BYTES] = (int64_t)((gemm + 63) & ~(size_t)63);
    size_t each;
    return dli_add_size((size_t)p->tune[COL_FLOATS] * 4, (size_t)p->tune[GEMM_BYTES], &each) &&
           dli_mul_size(each, (size_t)p->workers, &p->scratch_bytes);
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *w, const float *scale, float *packed)
{
    const int64_t k = p->shape.c_in / p->shape.groups * p->shape.kh * p->shape.kw;
    memcpy(packed, w, (size_t)(p->shape.c_out * k) * sizeof *packed);
    if (scale)
        for (int64_t c = 0; c < p->shape.c_out; c++)
            for (int64_t i = 0; i < k; i++)
                packed[c * k + i] *= scale[c];
}

/* Bias and activation of output rows top..bottom-1 of one channel. */
static void finish(const struct dli_conv_call *c, int64_t plane, int64_t channel, int64_t top, int64_t bottom)
{
    const struct dli_conv_shape *s = &c->p->shape;
    const int64_t n = (bottom - top) * s->w_out, at = plane * s->h_out * s->w_out + top * s->w_out;
    const float bias = c->bias ? c->bias[channel] : 0.0f, lo = c->lo, hi = c->hi;
    float *y = c->y + at;
    for (int64_t i = 0; i < n; i++) {
        float v = y[i] + bias;
        v = v < lo ? lo : v; /* NaN passes */
        y[i] = v > hi ? hi : v;
    }
}

static void task(void *arg, size_t number, int32_t worker)
{
    const struct dli_conv_call *c = arg;
    const struct dli_conv_plan *p = c->p;
    const struct dli_conv_shape *s = &p->shape;
    const int64_t chunks = dli_ceil_div(s->h_out, p->tune[ROWS]);
    const int64_t chunk = (int64_t)number % chunks, group = (int64_t)number / chunks % s->groups;
    const int64_t image = (int64_t)number / chunks / s->groups;
    const int64_t top = chunk * p->tune[ROWS], bottom = dli_min_i64(top + p->tune[ROWS], s->h_out);
    const int64_t in = s->c_in / s->groups, out = s->c_out / s->groups;
    float *scratch = c->scratch + worker * (p->tune[COL_FLOATS] + p->tune[GEMM_BYTES] / 4);
    float *col = scratch + p->tune[GEMM_BYTES] / 4;
    const float *x = c->x + image * s->c_in * s->h_in * s->w_in;

    struct dli_gemm g = product(s, bottom - top);
    g.a = c->packed + group * out * g.k;
    if (is_product(s)) {
        g.b = x + group * in * s->h_in * s->w_in + top * s->w_out;
    } else {
        dli_im2col(s, x, group * in, in, top, bottom, col);
        g.b = col;
    }
    const int64_t plane = image * s->c_out + group * out;
    const int64_t at = plane * s->h_out * s->w_out + top * s->w_out;
    g.c = c->y + at;
    g.accumulate = p->fuse.add; /* the product goes on top of the addend, which may be y itself */
    if (p->fuse.add && c->addend != c->y)
        for (int64_t i = 0; i < out; i++)
            memcpy(g.c + i * g.ldc, c->addend + at + i * g.ldc, (size_t)g.n * sizeof *g.c);
    dli_gemm_run(c->ctx, 1, p->blas, &g, scratch);
    if (c->bias || p->fuse.act != DLI_CONV_ACT_NONE)
        for (int64_t i = 0; i < out; i++)
            finish(c, plane + i, group * out + i, top, bottom);
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_shape *s = &c->p->shape;
    dli_parallel(c->ctx, c->threads, (size_t)(c->n * s->groups * dli_ceil_div(s->h_out, c->p->tune[ROWS])), task, (void *)c);
}

const struct dli_conv_algorithm dli_conv_im2col = { plan, pack, run };
