/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a convolution, in the plain layout: by Winograd (conv_winograd_train.c), or products with the im2col matrix of a few input
 * channels at a time. The split into channels changes no bit: a product's element depends on its row and column alone. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/gemm.h"

/* A task's matrix: half of a second-level cache, but enough rows for the products to pay their packing. */
enum { COL_WANTED = 1 << 17 /* floats */, ROWS_WANTED = 256 };

struct split {
    int64_t channels, chunks; /* a task's input channels, tasks per group */
    size_t col_bytes, gemm_bytes;
};

static struct dli_gemm data_product(const struct dli_conv_shape *s, int64_t channels)
{
    const int64_t kk = (int64_t)s->kh * s->kw, hw = s->h_out * s->w_out;
    return (struct dli_gemm){ .m = channels * kk, .n = hw, .k = s->c_out / s->groups, .lda = s->c_in / s->groups * kk, .trans_a = true,
                              .ldb = hw, .ldc = hw };
}

static struct dli_gemm weights_product(const struct dli_conv_shape *s, int64_t channels)
{
    const int64_t kk = (int64_t)s->kh * s->kw, hw = s->h_out * s->w_out;
    return (struct dli_gemm){ .m = s->c_out / s->groups, .n = channels * kk, .k = hw, .lda = hw, .ldb = hw, .trans_b = true,
                              .ldc = s->c_in / s->groups * kk, .accumulate = true };
}

/* The same for any number of workers, so that scratch made for many serves few. */
static bool split_of(const struct dli_conv_shape *s, struct split *p)
{
    const int64_t in = s->c_in / s->groups;
    size_t channel;
    if (!DLI_CONV_PRODUCT(&channel, s->kh, s->kw, s->h_out, s->w_out, 4))
        return false;
    int64_t channels = dli_max_i64(dli_max_i64(1, ROWS_WANTED / ((int64_t)s->kh * s->kw)), COL_WANTED / (int64_t)(channel / 4));
    channels = dli_min_i64(channels, dli_ceil_div(in, 8));
    p->chunks = dli_ceil_div(in, channels);
    p->channels = dli_ceil_div(in, p->chunks);
    p->chunks = dli_ceil_div(in, p->channels);
    if (!dli_mul_size(channel, (size_t)p->channels, &p->col_bytes) || !dli_add_size(p->col_bytes, 63, &p->col_bytes))
        return false;
    p->col_bytes &= ~(size_t)63;
    p->gemm_bytes = 0;
    const int64_t last = in - (p->chunks - 1) * p->channels;
    for (int i = 0; i < 4; i++) {
        const struct dli_gemm g = i & 1 ? data_product(s, i & 2 ? last : p->channels) : weights_product(s, i & 2 ? last : p->channels);
        const size_t bytes = dli_gemm_scratch(&g, 1);
        p->gemm_bytes = bytes > p->gemm_bytes ? bytes : p->gemm_bytes;
    }
    if (p->gemm_bytes > SIZE_MAX / 4)
        return false;
    p->gemm_bytes = (p->gemm_bytes + 63) & ~(size_t)63;
    return true;
}

size_t dli_conv_backward_scratch(const struct dli_conv_shape *s, int64_t n, int32_t workers)
{
    struct split p;
    size_t bytes;
    if (dli_conv_wants_winograd(s, true))
        return dli_wino_backward_scratch(s, n, workers < 1 ? 1 : workers);
    if (!split_of(s, &p) || !dli_add_size(p.col_bytes, p.gemm_bytes, &bytes) ||
        !dli_mul_size(bytes, (size_t)(workers < 1 ? 1 : workers), &bytes))
        return SIZE_MAX;
    return bytes;
}

struct gradient {
    const struct dli_conv_shape *s;
    dl4c_context *ctx;
    int32_t blas;
    int64_t n;
    const float *w, *x, *dy;
    float *dx, *dw, *db;
    char *scratch;
    struct split p;
};

static void data_task(void *arg, size_t number, int32_t worker)
{
    const struct gradient *g = arg;
    const struct dli_conv_shape *s = g->s;
    const int64_t task = (int64_t)number, chunk = task % g->p.chunks, group = task / g->p.chunks % s->groups;
    const int64_t image = task / g->p.chunks / s->groups, in = s->c_in / s->groups, out = s->c_out / s->groups;
    const int64_t first = chunk * g->p.channels, count = dli_min_i64(g->p.channels, in - first), hw = s->h_in * s->w_in;
    char *scratch = g->scratch + (size_t)worker * (g->p.col_bytes + g->p.gemm_bytes);
    struct dli_gemm q = data_product(s, count);
    q.a = g->w + group * out * q.lda + first * s->kh * s->kw;
    q.b = g->dy + (image * s->c_out + group * out) * q.ldb;
    q.c = (float *)(void *)(scratch + g->p.gemm_bytes);
    dli_gemm_run(g->ctx, 1, g->blas, &q, scratch);
    float *dx = g->dx + image * s->c_in * hw;
    memset(dx + (group * in + first) * hw, 0, (size_t)(count * hw) * sizeof *dx);
    dli_col2im(s, dx, group * in + first, count, q.c);
}

void dli_conv_backward_data(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, const float *w,
                            const float *dy, float *dx, void *scratch)
{
    struct gradient g = { .s = s, .ctx = ctx, .blas = blas, .n = n, .w = w, .dy = dy, .dx = dx, .scratch = scratch };
    if (dli_conv_wants_winograd(s, true))
        dli_wino_backward_data(s, ctx, threads, n, w, dy, dx, scratch);
    else if (split_of(s, &g.p) && n > 0)
        dli_parallel(ctx, threads, (size_t)(n * s->groups * g.p.chunks), data_task, &g);
}

static void weights_task(void *arg, size_t number, int32_t worker)
{
    const struct gradient *g = arg;
    const struct dli_conv_shape *s = g->s;
    const int64_t group = (int64_t)number / g->p.chunks, in = s->c_in / s->groups, out = s->c_out / s->groups;
    const int64_t first = (int64_t)number % g->p.chunks * g->p.channels, count = dli_min_i64(g->p.channels, in - first);
    char *scratch = g->scratch + (size_t)worker * (g->p.col_bytes + g->p.gemm_bytes);
    float *col = (float *)(void *)(scratch + g->p.gemm_bytes);
    struct dli_gemm q = weights_product(s, count);
    q.b = col;
    q.c = g->dw + group * out * q.ldc + first * s->kh * s->kw;
    for (int64_t image = 0; image < g->n; image++) {
        dli_im2col(s, g->x + image * s->c_in * s->h_in * s->w_in, group * in + first, count, 0, s->h_out, col);
        q.a = g->dy + (image * s->c_out + group * out) * q.lda;
        q.accumulate = image > 0;
        dli_gemm_run(g->ctx, 1, g->blas, &q, scratch);
    }
}

static void bias_task(void *arg, size_t channel, int32_t worker)
{
    (void)worker;
    const struct gradient *g = arg;
    const int64_t hw = g->s->h_out * g->s->w_out;
    double sum = 0;
    for (int64_t image = 0; image < g->n; image++) {
        const float *dy = g->dy + (image * g->s->c_out + (int64_t)channel) * hw;
        for (int64_t i = 0; i < hw; i++)
            sum += (double)dy[i];
    }
    g->db[channel] = (float)sum;
}

void dli_conv_backward_weights(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, const float *x,
                               const float *dy, float *dw, float *db, void *scratch)
{
    struct gradient g = { .s = s, .ctx = ctx, .blas = blas, .n = n, .x = x, .dy = dy, .dw = dw, .db = db, .scratch = scratch };
    if (n < 1)
        memset(dw, 0, (size_t)(s->c_out * (s->c_in / s->groups) * s->kh * s->kw) * sizeof *dw);
    else if (dli_conv_wants_winograd(s, true))
        dli_wino_backward_weights(s, ctx, threads, n, x, dy, dw, scratch);
    else if (split_of(s, &g.p))
        dli_parallel(ctx, threads, (size_t)(s->groups * g.p.chunks), weights_task, &g);
    if (db)
        dli_parallel(ctx, threads, (size_t)s->c_out, bias_task, &g);
}
