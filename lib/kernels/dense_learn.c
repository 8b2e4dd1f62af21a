/* SPDX-License-Identifier: Apache-2.0 */
/* The weight's gradient of a fully connected layer, handed over while it lies in the cache: x is packed once, a task is a tile's rows of
 * the weight by some of its columns. Sums are those of gemm.c: over the rows of the batch in rounds of K. */
#include "kernels/dense.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"

#include <string.h>

/* A strip's gradient, what goes with it and the panels of x beside it share the first two caches. The panels of the columns that tasks
 * in a row work on, PANELS floats of all the batch's rows, stay in the second one. */
enum { K = 256, PANELS = 128 * 1024, STRIP = 256, PACK_ROWS = 448, PACK_COLS = 1024, MR_MOST = 16 };

struct learn {
    const struct dli_kernels *k;
    const struct dli_taker *taker;
    int64_t n, in, out, ldx;
    const float *x, *dy;
    float *a, *b;   /* dy and x, packed: [round][panel][K][mr or nr] */
    float *pieces;  /* of the workers: [mr][STRIP] */
    int64_t cols;   /* of a task */
    int64_t tiles;  /* of rows */
    int64_t share;  /* of them for a worker: they take turns, then come the next columns */
    int64_t blocks; /* of columns */
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t unit) { return ceil_div(a, unit) * unit; }
static inline int64_t lines(int64_t floats) { return round_up(floats, 16); }

size_t dli_dense_learn_scratch(int64_t n, int64_t in, int64_t out, int32_t workers)
{
    const struct dli_kernels *k = dli_kernels();
    size_t a, b, all;
    if (!dli_mul_size((size_t)round_up(out, k->gemm_mr), (size_t)n * sizeof(float), &a) ||
        !dli_mul_size((size_t)round_up(in, k->gemm_nr), (size_t)n * sizeof(float), &b) || !dli_add_size(a, b, &all) ||
        !dli_add_size(all, (size_t)(workers > 0 ? workers : 1) * MR_MOST * STRIP * sizeof(float) + 3 * DLI_ALIGN, &all))
        return SIZE_MAX;
    return all;
}

/* First the panels of dy, then those of x. */
static void pack_task(void *arg, size_t task, int32_t worker)
{
    const struct learn *l = arg;
    const int64_t mr = l->k->gemm_mr, nr = l->k->gemm_nr, a_tasks = ceil_div(l->out, PACK_ROWS / mr * mr);
    (void)worker;
    for (int64_t p = 0; p < l->n; p += K) {
        const int64_t now = least(K, l->n - p);
        if ((int64_t)task < a_tasks) {
            const int64_t first = (int64_t)task * (PACK_ROWS / mr * mr), rows = least(PACK_ROWS / mr * mr, l->out - first);
            l->k->gemm_pack(l->a + p * round_up(l->out, mr) + first * now, mr, l->dy + p * l->out + first, rows, now, 1, l->out);
        } else {
            const int64_t first = ((int64_t)task - a_tasks) * PACK_COLS, cols = least(PACK_COLS, l->in - first);
            l->k->gemm_pack(l->b + p * round_up(l->in, nr) + first * now, nr, l->x + p * l->ldx + first, cols, now, 1, l->ldx);
        }
    }
}

/* What the pieces of a tile go with, on its way while the tile is summed. */
static inline void fetch(const struct dli_taker *t, int64_t in, int64_t at, int64_t rows, int64_t cols)
{
    for (int32_t s = 0; s < t->n_near; s++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c += 16)
                __builtin_prefetch(t->near[s] + at + r * in + c, 1);
}

static void learn_task(void *arg, size_t task, int32_t worker)
{
    const struct learn *l = arg;
    const int64_t mr = l->k->gemm_mr, nr = l->k->gemm_nr;
    const int64_t tile = (int64_t)task / (l->share * l->blocks) * l->share + (int64_t)task % l->share;
    const int64_t row = tile * mr, rows = least(mr, l->out - row);
    const int64_t first = (int64_t)task / l->share % l->blocks * l->cols, last = least(l->in, first + l->cols);
    if (tile >= l->tiles)
        return;
    float *piece = l->pieces + (int64_t)worker * MR_MOST * STRIP;
    for (int64_t strip = first; strip < last; strip += STRIP) {
        const int64_t end = least(last, strip + STRIP);
        for (int64_t c = strip; c < end; c += nr) {
            const int64_t cols = least(nr, end - c);
            fetch(l->taker, l->in, row * l->in + c, rows, cols);
            for (int64_t p = 0; p < l->n; p += K) {
                const int64_t now = least(K, l->n - p);
                l->k->gemm(now, l->a + p * round_up(l->out, mr) + row * now, l->b + p * round_up(l->in, nr) + c * now, piece + c - strip,
                           STRIP, rows, cols, p > 0);
            }
        }
        for (int64_t r = 0; r < rows; r++)
            l->taker->take(l->taker->user, (row + r) * l->in + strip, end - strip, piece + r * STRIP);
    }
}

void dli_dense_learn_weight(dl4c_context *ctx, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx,
                            const float *dy, const struct dli_taker *taker, float *db, void *scratch)
{
    const struct dli_kernels *k = dli_kernels();
    struct learn l = { .k = k, .taker = taker, .n = n, .in = in, .out = out, .ldx = ldx, .x = x, .dy = dy, .a = scratch };
    l.b = l.a + lines(round_up(out, k->gemm_mr) * n);
    l.pieces = l.b + lines(round_up(in, k->gemm_nr) * n);
    const int64_t fit = PANELS / (n > 0 ? n : 1) / STRIP * STRIP;
    l.cols = least(2048, fit > STRIP ? fit : STRIP);
    l.blocks = ceil_div(in, l.cols);
    l.tiles = ceil_div(out, k->gemm_mr);
    const int64_t workers = dli_parallel_width(ctx, threads);
    l.share = ceil_div(l.tiles, workers);
    dli_parallel(ctx, threads, (size_t)(ceil_div(out, PACK_ROWS / k->gemm_mr * k->gemm_mr) + ceil_div(in, PACK_COLS)), pack_task, &l);
    dli_parallel_shares(ctx, threads, (size_t)(ceil_div(l.tiles, l.share) * l.share * l.blocks), learn_task, &l);
    if (db)
        dli_dense_backward_bias(ctx, threads, n, out, dy, db, false);
}
