/* SPDX-License-Identifier: Apache-2.0 */
/* Fully connected layers over threads: tasks are blocks of outputs. */
#include "kernels/dense.h"

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels/stored.h"
#include <string.h>

/* A task is up to 64 rows by 48 to 288 outputs: 64 x 1024 inputs (256 KiB) lie in the L2 cache, where each tile's outputs read them
 * again, and weights pass by; the more outputs, the seldomer the inputs come from farther away. With few rows the weights are read once
 * from memory, 8 rows of W at a time, all along the inputs: long streams for the prefetcher. */
enum { ROWS = 64, OUTS = 48, OUTS_MOST = 288, OUTS_UNIT = 6, FEW_ROWS = 3, STREAMS = 8 };

struct job {
    void (*kernel)(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y, int64_t ldy,
                   bool accumulate);
    int64_t n, in, out, ldx, ldw, row_blocks;
    int64_t outs; /* of a task */
    const float *x, *bias;
    const float *scale; /* [out]: of weights in bytes, else NULL */
    const char *w;
    int64_t bytes; /* of a weight */
    float *y;
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void dense_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const int64_t row = (int64_t)task % j->row_blocks * ROWS, out = (int64_t)task / j->row_blocks * j->outs;
    const int64_t rows = least(ROWS, j->n - row), outs = least(j->outs, j->out - out);
    const int64_t group = rows <= FEW_ROWS ? STREAMS : outs;
    float *y = j->y + row * j->out + out;
    for (int64_t o = 0; o < outs; o += group)
        for (int64_t i = 0; i < j->in; i += DLI_DENSE_CHUNK)
            j->kernel(rows, least(group, outs - o), least(DLI_DENSE_CHUNK, j->in - i), j->x + row * j->ldx + i, j->ldx,
                      j->w + ((out + o) * j->ldw + i) * j->bytes, j->ldw, y + o, j->out, i > 0);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outs; o++) {
            float *v = y + r * j->out + o;
            const float sum = j->in > 0 ? *v : 0;
            *v = (j->scale ? sum * j->scale[out + o] : sum) + (j->bias ? j->bias[out + o] : 0);
        }
}

static void run(dl4c_context *ctx, int32_t threads, struct job *j)
{
    j->row_blocks = (j->n + ROWS - 1) / ROWS;
    j->outs = OUTS;
    if (j->n > FEW_ROWS) { /* two tasks a worker, where there are outputs enough */
        const int64_t parts = (2 * (int64_t)dli_parallel_width(ctx, threads) + j->row_blocks - 1) / j->row_blocks;
        const int64_t share = (j->out + parts * OUTS_UNIT - 1) / (parts * OUTS_UNIT) * OUTS_UNIT;
        j->outs = share < OUTS ? OUTS : least(share, OUTS_MOST);
    }
    dli_parallel_shares(ctx, threads, (size_t)(j->row_blocks * ((j->out + j->outs - 1) / j->outs)), dense_task, j);
}

void dli_dense_run(dl4c_context *ctx, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx, const void *w,
                   const float *bias, float *y)
{
    struct job j = { .kernel = dli_kernels()->dense, .n = n, .in = in, .out = out, .ldx = ldx, .ldw = in, .x = x, .bias = bias, .w = w,
                     .bytes = sizeof(float), .y = y };
    run(ctx, threads, &j);
}

/* ---- stored weights: rows of an even number of bfloat16, so that products take them in pairs, or of bytes and then the scales */

static int64_t stored_row(int32_t precision, int64_t in) { return dli_stored_bytes(precision) == 2 ? in + in % 2 : in; }

static size_t round_up(size_t n) { return (n + DLI_ALIGN - 1) / DLI_ALIGN * DLI_ALIGN; }

static size_t stored_weights(int32_t precision, int64_t in, int64_t out)
{
    return round_up((size_t)(stored_row(precision, in) * out) * (size_t)dli_stored_bytes(precision));
}

size_t dli_dense_stored_bytes(int32_t precision, int64_t in, int64_t out)
{
    return stored_weights(precision, in, out) + (dli_stored_bytes(precision) == 1 ? (size_t)out * sizeof(float) : 0);
}

struct storing {
    int32_t precision;
    int64_t in, out;
    const char *w;
    char *to;
    float *scale;
};

static void store_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct storing *s = arg;
    const int64_t row = stored_row(s->precision, s->in), bytes = dli_stored_bytes(s->precision);
    for (int64_t o = (int64_t)task * OUTS; o < least(((int64_t)task + 1) * OUTS, s->out); o++) {
        const char *w = s->w + o * s->in * (int64_t)sizeof(float);
        char *to = s->to + o * row * bytes;
        if (bytes == 1) {
            float scale[256];
            s->scale[o] = scale[0] = dli_stored_scale(s->in, w, 1);
            for (int64_t i = 1; i < 256; i++)
                scale[i] = scale[0];
            for (int64_t i = 0; i < s->in; i += 256)
                dli_store(s->precision, least(256, s->in - i), w + i * (int64_t)sizeof(float), scale, to + i);
        } else {
            dli_store(s->precision, s->in, w, NULL, to);
            memset(to + s->in * bytes, 0, (size_t)((row - s->in) * bytes));
        }
    }
}

void dli_dense_store(dl4c_context *ctx, int32_t threads, int32_t precision, int64_t in, int64_t out, const void *w, void *to)
{
    struct storing s = { precision, in, out, w, to, (float *)(void *)((char *)to + stored_weights(precision, in, out)) };
    dli_parallel(ctx, threads, (size_t)((out + OUTS - 1) / OUTS), store_task, &s);
}

/* Pieces of rows of x to pairs of bfloat16. */
enum { PIECE = 4096 };
struct rounding {
    int64_t in, ldx, pairs, pieces;
    const float *x;
    char *to;
};

static void round_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct rounding *j = arg;
    const int64_t row = (int64_t)task / j->pieces, from = (int64_t)task % j->pieces * PIECE, n = least(PIECE, j->in - from);
    char *to = j->to + (row * j->pairs * 2 + from) * 2;
    dli_kernels()->narrow_pairs(n, j->x + row * j->ldx + from, to);
    if (from + n == j->in && j->in % 2)
        memset(to + 2 * n, 0, 2);
}

size_t dli_dense_stored_scratch(int32_t precision, int64_t n, int64_t in)
{
    return precision == DL4C_PRECISION_BF16 ? round_up((size_t)(n * (in + in % 2)) * 2) : 0;
}

void dli_dense_run_stored(dl4c_context *ctx, int32_t threads, int32_t precision, int64_t n, int64_t in, int64_t out, const float *x,
                          int64_t ldx, const void *stored, const float *bias, float *y, void *scratch)
{
    const struct dli_kernels *k = dli_kernels();
    struct job j = { .n = n, .in = in, .out = out, .ldx = ldx, .ldw = stored_row(precision, in), .x = x, .bias = bias, .w = stored,
                     .bytes = dli_stored_bytes(precision), .y = y };
    j.kernel = j.bytes == 1 ? k->dense_i8 : k->dense_bf16;
    if (j.bytes == 1)
        j.scale = (const float *)(const void *)((const char *)stored + stored_weights(precision, in, out));
    if (precision == DL4C_PRECISION_BF16) {
        struct rounding r = { in, ldx, (in + 1) / 2, (in + PIECE - 1) / PIECE, x, scratch };
        dli_parallel(ctx, threads, (size_t)(n * r.pieces), round_task, &r);
        j.kernel = k->dense_pairs;
        j.x = scratch;
        j.in = j.ldx = j.ldw = r.pairs;
        j.bytes = 4;
    }
    run(ctx, threads, &j);
}

static struct dli_gemm data_product(int64_t n, int64_t in, int64_t out, const float *dy, const void *w, float *dx)
{
    return (struct dli_gemm){ .m = n, .n = in, .k = out, .a = dy, .lda = out, .b = w, .ldb = in, .c = dx, .ldc = in };
}

static struct dli_gemm weight_product(int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx, const float *dy, float *dw,
                                      bool accumulate)
{
    return (struct dli_gemm){
        .m = out, .n = in, .k = n, .a = dy, .lda = out, .trans_a = true, .b = x, .ldb = ldx, .c = dw, .ldc = in, .accumulate = accumulate
    };
}

size_t dli_dense_backward_scratch(int64_t n, int64_t in, int64_t out, int32_t workers)
{
    const struct dli_gemm data = data_product(n, in, out, NULL, NULL, NULL);
    const struct dli_gemm weight = weight_product(n, in, out, NULL, in, NULL, NULL, false);
    const size_t a = dli_gemm_scratch_rows(&data, workers), b = dli_gemm_scratch(&weight, workers);
    return a > b ? a : b;
}

void dli_dense_backward_data(dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, int64_t in, int64_t out, const float *dy,
                             const void *w, float *dx, void *scratch)
{
    const struct dli_gemm g = data_product(n, in, out, dy, w, dx);
    dli_gemm_run(ctx, threads, blas, &g, scratch);
}

struct bias_job {
    int64_t n, out;
    const float *dy;
    float *db;
    bool accumulate;
};

enum { BIAS_OUTS = 256 };

static void bias_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct bias_job *j = arg;
    const int64_t first = (int64_t)task * BIAS_OUTS, outs = least(BIAS_OUTS, j->out - first);
    double sum[BIAS_OUTS] = { 0 };
    for (int64_t r = 0; r < j->n; r++)
        for (int64_t o = 0; o < outs; o++)
            sum[o] += j->dy[r * j->out + first + o];
    for (int64_t o = 0; o < outs; o++)
        j->db[first + o] = (float)(j->accumulate ? j->db[first + o] + sum[o] : sum[o]);
}

void dli_dense_backward_bias(dl4c_context *ctx, int32_t threads, int64_t n, int64_t out, const float *dy, float *db, bool accumulate)
{
    struct bias_job j = { n, out, dy, db, accumulate };
    dli_parallel(ctx, threads, (size_t)((out + BIAS_OUTS - 1) / BIAS_OUTS), bias_task, &j);
}

void dli_dense_backward_weight(dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, int64_t in, int64_t out, const float *x,
                               int64_t ldx, const float *dy, float *dw, float *db, bool accumulate, void *scratch)
{
    const struct dli_gemm g = weight_product(n, in, out, x, ldx, dy, dw, accumulate);
    dli_gemm_run(ctx, threads, blas, &g, scratch);
    if (db)
        dli_dense_backward_bias(ctx, threads, n, out, dy, db, accumulate);
}
