/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of rows over threads. */
#include "kernels/softmax.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

/* An exponential costs about as much as copying this many floats. */
enum { EXP_COST = 8 };

struct job {
    const struct dli_kernels *k;
    int64_t width;
    const float *x, *dy;
    float *y;
    void (*row)(size_t k, const float *x, float *y); /* NULL: backward */
    struct dli_split split;
};

static void rows_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const int64_t at = r * j->width;
        if (j->row)
            j->row((size_t)j->width, j->x + at, j->y + at);
        else
            j->k->softmax_backward((size_t)j->width, j->x + at, j->dy + at, j->y + at);
    }
}

static void run(dl4c_context *ctx, int32_t threads, int64_t rows, struct job *j)
{
    if (j->width <= 0)
        return;
    j->split = dli_split_items(rows, j->width * EXP_COST);
    dli_parallel(ctx, threads, j->split.n_tasks, rows_task, j);
}

void dli_softmax_rows(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *x, float *y)
{
    run(ctx, threads, rows, &(struct job){ .k = dli_kernels(), .width = k, .x = x, .y = y, .row = dli_kernels()->softmax });
}

void dli_log_softmax_rows(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *x, float *y)
{
    run(ctx, threads, rows, &(struct job){ .k = dli_kernels(), .width = k, .x = x, .y = y, .row = dli_kernels()->log_softmax });
}

void dli_softmax_backward(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *y, const float *dy, float *dx)
{
    run(ctx, threads, rows, &(struct job){ .k = dli_kernels(), .width = k, .x = y, .dy = dy, .y = dx });
}
