/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling by sums and p-norms, in the plain layout. Windows are summed in scan order, in double. */
#include "base/thread_pool.h"
#include "kernels/pool.h"
#include "kernels/pool_window.h"
#include "kernels/split.h"

#include <math.h>
#include <string.h>

struct job {
    const struct dli_pooling *p;
    int64_t power; /* 0: the sum itself */
    const float *x, *dy;
    float *y; /* the output; backward dx */
    struct dli_split split;
};

/* |v|^p */
static double power_of(double v, int64_t p)
{
    double r = 1;
    v = fabs(v);
    for (int64_t k = 0; k < p; k++)
        r *= v;
    return r;
}

static double sum_of(const struct job *j, const float *corner, const struct dli_window *rows, const struct dli_window *cols)
{
    const struct dli_pooling *p = j->p;
    double sum = 0;
    for (int64_t a = 0; a < rows->n; a++)
        for (int64_t b = 0; b < cols->n; b++) {
            const double v = (double)corner[a * p->dilation_h * p->w + b * p->dilation_w];
            sum += j->power ? power_of(v, j->power) : v;
        }
    return sum;
}

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct job *j = arg;
    const struct dli_pooling *p = j->p;
    int64_t first, last;
    (void)worker;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *x = j->x + r / p->oh * p->h * p->w;
        const struct dli_window rows = dli_window_h(p, r % p->oh);
        for (int64_t k = 0; k < p->ow; k++) {
            const struct dli_window cols = dli_window_w(p, k);
            const double sum = sum_of(j, x + rows.start * p->w + cols.start, &rows, &cols);
            j->y[r * p->ow + k] = (float)(j->power < 2 ? sum : pow(sum, 1 / (double)j->power));
        }
    }
}

/* What each cell of a window gets, but for its own factor. */
static double share_of(const struct job *j, const float *corner, const struct dli_window *rows, const struct dli_window *cols, double dy)
{
    if (j->power < 2)
        return dy;
    const double sum = sum_of(j, corner, rows, cols);
    return sum > 0 ? dy * pow(sum, 1 / (double)j->power - 1) : sum < 0 || sum == 0 ? 0 : sum; /* NaN stays NaN */
}

static void backward_plane(const struct job *j, const float *x, const float *dy, float *dx)
{
    const struct dli_pooling *p = j->p;
    memset(dx, 0, sizeof *dx * (size_t)(p->h * p->w));
    for (int64_t i = 0; i < p->oh; i++) {
        const struct dli_window rows = dli_window_h(p, i);
        for (int64_t k = 0; k < p->ow; k++) {
            const struct dli_window cols = dli_window_w(p, k);
            const int64_t corner = rows.start * p->w + cols.start;
            const double share = share_of(j, x ? x + corner : NULL, &rows, &cols, (double)dy[i * p->ow + k]);
            for (int64_t a = 0; a < rows.n; a++)
                for (int64_t b = 0; b < cols.n; b++) {
                    const int64_t cell = corner + a * p->dilation_h * p->w + b * p->dilation_w;
                    const double v = j->power ? (double)x[cell] : 1, sign = v > 0 ? 1 : v < 0 ? -1 : v;
                    dx[cell] += (float)(j->power ? share * power_of(v, j->power - 1) * sign : share);
                }
        }
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct job *j = arg;
    const struct dli_pooling *p = j->p;
    int64_t first, last;
    (void)worker;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        backward_plane(j, j->power ? j->x + i * p->h * p->w : NULL, j->dy + i * p->oh * p->ow, j->y + i * p->h * p->w);
}

void dli_pool_norm(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int64_t power, const float *x, float *y)
{
    struct job j = { .p = p, .power = power, .x = x, .y = y };
    j.split = dli_split_items(p->n * p->c * p->oh, p->ow * p->kernel_h * p->kernel_w);
    dli_parallel(ctx, threads, j.split.n_tasks, forward_task, &j);
}

void dli_pool_norm_backward(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int64_t power, const float *x, const float *dy,
                            float *dx)
{
    struct job j = { .p = p, .power = power, .x = x, .dy = dy, .y = dx };
    j.split = dli_split_items(p->n * p->c, p->h * p->w + p->oh * p->ow);
    dli_parallel(ctx, threads, j.split.n_tasks, backward_task, &j);
}
