/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling over threads, and its gradients. */
#include "kernels/pool.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/pool_window.h"
#include "kernels/split.h"
#include <string.h>

struct job {
    const struct dli_kernels *k;
    const struct dli_pooling *p;
    int32_t kind, layout;
    int64_t c, hw, blocks; /* global pooling; blocks of an image */
    int64_t bands;         /* of rows, for each plane */
    const float *x, *dy;
    float *y;
    struct dli_split split;
};

static void pool_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const struct dli_pooling *p = j->p;
    const int64_t lanes = j->layout == DLI_BLOCKED ? j->k->block : 1;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const int64_t plane = i / j->bands, band = i % j->bands;
        const int64_t row = p->oh * band / j->bands, end = p->oh * (band + 1) / j->bands;
        const float *x = j->x + plane * p->h * p->w * lanes;
        float *y = j->y + plane * p->oh * p->ow * lanes;
        if (j->layout == DLI_BLOCKED)
            j->k->pool_blocked(lanes, p, row, end, x, y);
        else
            j->k->pool_plain(p, row, end, x, y);
    }
}

void dli_pool_run(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int32_t layout, const float *x, float *y)
{
    const struct dli_kernels *k = dli_kernels();
    const int64_t lanes = layout == DLI_BLOCKED ? k->block : 1;
    const int64_t planes = p->n * (layout == DLI_BLOCKED ? (p->c + lanes - 1) / lanes : p->c);
    const int64_t plane = (p->h * p->w + p->oh * p->ow) * lanes;
    struct job j = { .k = k, .p = p, .layout = layout, .x = x, .y = y, .bands = 1 };
    if (planes < 16 && plane > 4 * DLI_TASK_ELEMENTS && p->oh > 0) /* few large planes: cut each into bands of rows */
        j.bands = p->oh < 8 ? p->oh : 8;
    j.split = dli_split_items(planes * j.bands, plane / j.bands);
    dli_parallel(ctx, threads, j.split.n_tasks, pool_task, &j);
}

static void backward_plane(const struct dli_pooling *p, const float *x, const float *dy, float *dx)
{
    memset(dx, 0, sizeof *dx * (size_t)(p->h * p->w));
    for (int64_t i = 0; i < p->oh; i++) {
        const struct dli_window rows = dli_window_h(p, i);
        for (int64_t j = 0; j < p->ow; j++) {
            const struct dli_window cols = dli_window_w(p, j);
            if (rows.n == 0 || cols.n == 0)
                continue;
            const int64_t corner = rows.start * p->w + cols.start;
            const float d = dy[i * p->ow + j];
            if (p->kind == DLI_POOL_MAX) {
                int64_t best = corner;
                for (int64_t a = 0; a < rows.n; a++)
                    for (int64_t b = 0; b < cols.n; b++) {
                        const int64_t cell = corner + a * p->dilation_h * p->w + b * p->dilation_w;
                        if (x[cell] > x[best] || (x[cell] != x[cell] && x[best] == x[best]))
                            best = cell;
                    }
                dx[best] += d;
            } else {
                const float share = d / dli_window_cells(p, &rows, &cols);
                for (int64_t a = 0; a < rows.n; a++)
                    for (int64_t b = 0; b < cols.n; b++)
                        dx[corner + a * p->dilation_h * p->w + b * p->dilation_w] += share;
            }
        }
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const struct dli_pooling *p = j->p;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        backward_plane(p, p->kind == DLI_POOL_MAX ? j->x + i * p->h * p->w : NULL, j->dy + i * p->oh * p->ow, j->y + i * p->h * p->w);
}

void dli_pool_backward(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, const float *x, const float *dy, float *dx)
{
    struct job j = { .p = p, .x = x, .dy = dy, .y = dx };
    j.split = dli_split_items(p->n * p->c, p->h * p->w + p->oh * p->ow);
    dli_parallel(ctx, threads, j.split.n_tasks, backward_task, &j);
}

static void global_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        if (j->layout == DLI_PLAIN) {
            j->k->pool_global_plain(j->kind, j->hw, j->x + i * j->hw, j->y + i);
            continue;
        }
        const int64_t block = j->k->block, channel = i % j->blocks * block;
        const int64_t channels = j->c - channel < block ? j->c - channel : block;
        float lanes[16]; /* the widest block */
        j->k->pool_global_blocked(block, j->kind, j->hw, j->x + i * block * j->hw, lanes);
        memcpy(j->y + i / j->blocks * j->c + channel, lanes, sizeof *lanes * (size_t)channels);
    }
}

void dli_pool_global(dl4c_context *ctx, int32_t threads, int32_t kind, int32_t layout, int64_t n, int64_t c, int64_t hw, const float *x,
                     float *y)
{
    const struct dli_kernels *k = dli_kernels();
    const int64_t lanes = layout == DLI_BLOCKED ? k->block : 1;
    struct job j = { .k = k, .kind = kind, .layout = layout, .c = c, .hw = hw, .blocks = (c + lanes - 1) / lanes, .x = x, .y = y };
    j.split = dli_split_items(n * j.blocks, hw * lanes);
    dli_parallel(ctx, threads, j.split.n_tasks, global_task, &j);
}

static void global_backward_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        float *dx = j->y + i * j->hw;
        const float share = j->kind == DLI_POOL_MAX ? 0 : j->dy[i] / (float)j->hw;
        for (int64_t p = 0; p < j->hw; p++)
            dx[p] = share;
        if (j->kind != DLI_POOL_MAX || j->hw == 0)
            continue;
        const float *x = j->x + i * j->hw;
        int64_t best = 0;
        for (int64_t p = 1; p < j->hw; p++)
            if (x[p] > x[best] || (x[p] != x[p] && x[best] == x[best]))
                best = p;
        dx[best] = j->dy[i];
    }
}

void dli_pool_global_backward(dl4c_context *ctx, int32_t threads, int32_t kind, int64_t n, int64_t c, int64_t hw, const float *x,
                              const float *dy, float *dx)
{
    struct job j = { .kind = kind, .hw = hw, .x = x, .dy = dy, .y = dx };
    j.split = dli_split_items(n * c, hw);
    dli_parallel(ctx, threads, j.split.n_tasks, global_backward_task, &j);
}
