/* SPDX-License-Identifier: Apache-2.0 */
/* Between the plain and the blocked layout. */
#include "kernels/layout.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

struct job {
    const struct dli_kernels *k;
    float *y;
    const float *x;
    int64_t c, hw, blocks; /* blocks of an image */
    bool to_blocked;
    struct dli_split split;
};

int64_t dli_blocked_size(int64_t c, int64_t hw)
{
    const int64_t block = dli_kernels()->block;
    return (c + block - 1) / block * block * hw;
}

static void convert_blocks(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const int64_t block = j->k->block;
    int64_t first, last;
    dli_split_range(&j->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const int64_t image = i / j->blocks, channel = i % j->blocks * block;
        const int64_t plain = (image * j->c + channel) * j->hw, blocked = i * block * j->hw;
        const int64_t channels = j->c - channel < block ? j->c - channel : block;
        if (j->to_blocked)
            j->k->to_blocked(block, j->y + blocked, j->x + plain, channels, j->hw);
        else
            j->k->to_plain(block, j->y + plain, j->x + blocked, channels, j->hw);
    }
}

static void run(dl4c_context *ctx, int32_t threads, bool to_blocked, float *y, const float *x, int64_t n, int64_t c, int64_t hw)
{
    const struct dli_kernels *k = dli_kernels();
    struct job j = { k, y, x, c, hw, (c + k->block - 1) / k->block, to_blocked, { 0 } };
    j.split = dli_split_items(n * j.blocks, k->block * hw);
    dli_parallel(ctx, threads, j.split.n_tasks, convert_blocks, &j);
}

void dli_layout_to_blocked(dl4c_context *ctx, int32_t threads, float *y, const float *x, int64_t n, int64_t c, int64_t hw)
{
    run(ctx, threads, true, y, x, n, c, hw);
}

void dli_layout_to_plain(dl4c_context *ctx, int32_t threads, float *y, const float *x, int64_t n, int64_t c, int64_t hw)
{
    run(ctx, threads, false, y, x, n, c, hw);
}
