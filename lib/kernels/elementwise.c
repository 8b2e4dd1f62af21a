/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions over threads. */
#include "kernels/elementwise.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

enum { UNARY, UNARY_BACKWARD, BINARY, AXPY, SCALE };

struct job {
    const struct dli_kernels *k;
    int32_t what, op;
    const struct dli_unary *u;
    float alpha, beta;
    const float *a, *b;
    float *y;
    struct dli_split split;
};

static void elements_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    const size_t n = (size_t)(last - first);
    const float *a = j->a ? j->a + first : NULL, *b = j->b ? j->b + first : NULL;
    float *y = j->y ? j->y + first : NULL;
    switch (j->what) {
    case UNARY: j->k->unary(j->u, n, a, y); break;
    case UNARY_BACKWARD: j->k->unary_backward(j->u, n, a, b, y); break;
    case BINARY: j->k->binary(j->op, n, a, b, y); break;
    case AXPY: j->k->axpy(n, j->alpha, a, y); break;
    default: j->k->scale(n, j->alpha, j->beta, a, y); break;
    }
}

static void run(dl4c_context *ctx, int32_t threads, int64_t n, struct job *j)
{
    j->k = dli_kernels();
    j->split = dli_split_items(n, 1);
    dli_parallel(ctx, threads, j->split.n_tasks, elements_task, j);
}

void dli_unary_run(dl4c_context *ctx, int32_t threads, const struct dli_unary *u, int64_t n, const float *x, float *y)
{
    run(ctx, threads, n, &(struct job){ .what = UNARY, .u = u, .a = x, .y = y });
}

bool dli_unary_wants_output(int32_t op) { return op == DLI_SIGMOID || op == DLI_TANH || op == DLI_RELU || op == DLI_CLIP; }

void dli_unary_backward(dl4c_context *ctx, int32_t threads, const struct dli_unary *u, int64_t n, const float *xy, const float *dy,
                        float *dx)
{
    run(ctx, threads, n, &(struct job){ .what = UNARY_BACKWARD, .u = u, .a = xy, .b = dy, .y = dx });
}

void dli_binary_run(dl4c_context *ctx, int32_t threads, int32_t op, int64_t n, const float *a, const float *b, float *y)
{
    run(ctx, threads, n, &(struct job){ .what = BINARY, .op = op, .a = a, .b = b, .y = y });
}

void dli_axpy(dl4c_context *ctx, int32_t threads, int64_t n, float alpha, const float *x, float *y)
{
    run(ctx, threads, n, &(struct job){ .what = AXPY, .alpha = alpha, .a = x, .y = y });
}

void dli_scale(dl4c_context *ctx, int32_t threads, int64_t n, float alpha, float beta, const float *x, float *y)
{
    run(ctx, threads, n, &(struct job){ .what = SCALE, .alpha = alpha, .beta = beta, .a = x, .y = y });
}
