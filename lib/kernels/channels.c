/* SPDX-License-Identifier: Apache-2.0 */
/* Scale and shift of channels, and sums over channels (elementwise.h). */
#include "kernels/elementwise.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

enum { LANES = 8, MAX_BLOCK = 16 };

struct job {
    const struct dli_kernels *k;
    int32_t layout;
    int64_t n, c, hw, blocks;
    const float *x, *scale, *shift, *other;
    float *y;
    double *sum;
    struct dli_split split;
};

static void affine_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        if (j->layout == DLI_PLAIN) {
            const int64_t c = i % j->c;
            j->k->scale((size_t)j->hw, j->scale ? j->scale[c] : 1, j->shift ? j->shift[c] : 0, j->x + i * j->hw, j->y + i * j->hw);
            continue;
        }
        const int64_t block = j->k->block, channel = i % j->blocks * block;
        float scale[MAX_BLOCK], shift[MAX_BLOCK];
        for (int64_t l = 0; l < block; l++) { /* padding lanes keep their value */
            scale[l] = j->scale && channel + l < j->c ? j->scale[channel + l] : 1;
            shift[l] = j->shift && channel + l < j->c ? j->shift[channel + l] : 0;
        }
        const int64_t at = i * block * j->hw;
        j->k->affine_blocked(block, j->hw, scale, shift, j->x + at, j->y + at);
    }
}

/* Rows [n, c]: an element at a time has its own scale and shift. */
static void affine_rows_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const float *x = j->x + i * j->c;
        float *y = j->y + i * j->c;
        if (j->scale && j->shift) {
            j->k->affine((size_t)j->c, j->scale, j->shift, x, y);
            continue;
        }
        if (j->scale || j->shift)
            j->k->binary(j->scale ? DLI_MUL : DLI_ADD, (size_t)j->c, j->scale ? j->scale : j->shift, x, y);
        else
            j->k->scale((size_t)j->c, 1, 0, x, y);
    }
}

void dli_channel_affine(dl4c_context *ctx, int32_t threads, int32_t layout, int64_t n, int64_t c, int64_t hw, const float *x,
                        const float *scale, const float *shift, float *y)
{
    const struct dli_kernels *k = dli_kernels();
    struct job j = { .k = k, .layout = layout, .n = n, .c = c, .hw = hw, .x = x, .scale = scale, .shift = shift, .y = y };
    if (layout == DLI_PLAIN && hw == 1) {
        j.split = dli_split_items(n, c);
        dli_parallel(ctx, threads, j.split.n_tasks, affine_rows_task, &j);
        return;
    }
    const int64_t lanes = layout == DLI_BLOCKED ? k->block : 1;
    j.blocks = (c + lanes - 1) / lanes;
    j.split = dli_split_items(n * j.blocks, hw * lanes);
    dli_parallel(ctx, threads, j.split.n_tasks, affine_task, &j);
}

static double plane_sum(int64_t hw, const float *x, const float *y)
{
    double s[LANES] = { 0 };
    int64_t i = 0;
    if (y) {
        for (; i + LANES <= hw; i += LANES)
            for (int l = 0; l < LANES; l++)
                s[l] += (double)x[i + l] * y[i + l];
        for (int l = 0; i < hw; i++, l++)
            s[l] += (double)x[i] * y[i];
    } else {
        for (; i + LANES <= hw; i += LANES)
            for (int l = 0; l < LANES; l++)
                s[l] += x[i + l];
        for (int l = 0; i < hw; i++, l++)
            s[l] += x[i];
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void sum_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t c = first; c < last; c++)
        j->sum[c] = 0;
    if (j->hw == 1) { /* along the rows, for the sake of the memory; each column's order is the same */
        for (int64_t i = 0; i < j->n; i++) {
            const float *x = j->x + i * j->c, *y = j->other ? j->other + i * j->c : NULL;
            for (int64_t c = first; c < last; c++)
                j->sum[c] += y ? (double)x[c] * y[c] : x[c];
        }
        return;
    }
    for (int64_t c = first; c < last; c++)
        for (int64_t i = 0; i < j->n; i++) {
            const int64_t at = (i * j->c + c) * j->hw;
            j->sum[c] += plane_sum(j->hw, j->x + at, j->other ? j->other + at : NULL);
        }
}

void dli_channel_sum(dl4c_context *ctx, int32_t threads, int64_t n, int64_t c, int64_t hw, const float *x, const float *y, double *sum)
{
    struct job j = { .n = n, .c = c, .hw = hw, .x = x, .other = y, .sum = sum };
    j.split = dli_split_items(c, n * hw);
    dli_parallel(ctx, threads, j.split.n_tasks, sum_task, &j);
}
