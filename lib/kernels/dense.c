/* SPDX-License-Identifier: Apache-2.0 */
/* Fully connected layers over threads: tasks are blocks of outputs. */
#include "kernels/dense.h"

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

/* A task is up to 64 rows by 48 outputs: 64 x 1024 inputs (256 KiB) and 48 x 1024 weights (192 KiB) lie in the L2 cache together.
 * With few rows the weights are read once from memory, 8 rows of W at a time, all along the inputs: long streams for the
 * prefetcher. */
enum { ROWS = 64, OUTS = 48, FEW_ROWS = 3, STREAMS = 8 };

struct job {
    const struct dli_kernels *k;
    int64_t n, in, out, ldx, row_blocks;
    const float *x, *bias;
    const char *w;
    float *y;
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void dense_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const int64_t row = (int64_t)task % j->row_blocks * ROWS, out = (int64_t)task / j->row_blocks * OUTS;
    const int64_t rows = least(ROWS, j->n - row), outs = least(OUTS, j->out - out);
    const int64_t group = rows <= FEW_ROWS ? STREAMS : OUTS;
    float *y = j->y + row * j->out + out;
    for (int64_t o = 0; o < outs; o += group)
        for (int64_t i = 0; i < j->in; i += DLI_DENSE_CHUNK)
            j->k->dense(rows, least(group, outs - o), least(DLI_DENSE_CHUNK, j->in - i), j->x + row * j->ldx + i, j->ldx,
                        j->w + ((out + o) * j->in + i) * (int64_t)sizeof(float), j->in, y + o, j->out, i > 0);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outs; o++) {
            float *v = y + r * j->out + o;
            *v = (j->in > 0 ? *v : 0) + (j->bias ? j->bias[out + o] : 0);
        }
}

void dli_dense_run(dl4c_context *ctx, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx, const void *w,
                   const float *bias, float *y)
{
    struct job j = { dli_kernels(), n, in, out, ldx, (n + ROWS - 1) / ROWS, x, bias, w, y };
    dli_parallel(ctx, threads, (size_t)(j.row_blocks * ((out + OUTS - 1) / OUTS)), dense_task, &j);
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

void dli_dense_backward_weight(dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, int64_t in, int64_t out, const float *x,
                               int64_t ldx, const float *dy, float *dw, float *db, bool accumulate, void *scratch)
{
    const struct dli_gemm g = weight_product(n, in, out, x, ldx, dy, dw, accumulate);
    dli_gemm_run(ctx, threads, blas, &g, scratch);
    if (db) {
        struct bias_job j = { n, out, dy, db, accumulate };
        dli_parallel(ctx, threads, (size_t)((out + BIAS_OUTS - 1) / BIAS_OUTS), bias_task, &j);
    }
}
