/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products by our own kernels, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 2008:
 * a panel of B is packed once and shared, blocks of A are packed by each worker, tiles of C are summed in registers. */
#include "kernels/gemm.h"

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "kernels/gemm_blis.h"
#include "kernels/kernels.h"
#include <string.h>

/* K is what an element's bits depend on: its sum is made of sums over K steps each. The others only say who computes what:
 * a block of A (168 x 256 floats, 168 KiB) and a group of B's columns (512 x 256, 512 KiB) share the L2 cache, the panel of B (4 MiB)
 * the L3. Up to LOW_ROWS rows each worker packs columns of B for itself, up to N_OWN at a time, and nobody waits for anybody; A is packed
 * again for each, so that they are N_LEAST where there are as many. Up to THIN_ROWS rows B is used where it lies, for packing would cost
 * more than the product. */
enum { K = 256, N_OWN = 512, N_LEAST = 128, M_BLOCK = 168, N_GROUP = 512, N_PANEL = 4096, LOW_ROWS = 64, THIN_ROWS = 4, THIN_COLS = 1024 };

/* At the head of a worker's scratch: which block of A lies behind it. */
struct packed_block {
    int64_t block, unused[7];
    float a[];
};

struct job {
    const struct dli_kernels *k;
    const struct dli_gemm *g;
    char *scratch; /* of the workers, worker_size each */
    size_t worker_size;
    float *panel;
    int64_t p, k_now;          /* the steps of this round */
    int64_t n0, n_now;         /* its columns */
    int64_t m_block, m_blocks; /* rows of a block, a multiple of mr */
    int64_t n_group, n_groups; /* columns of a group, a multiple of nr */
    int64_t pack_cols;         /* columns that a packing task takes, a multiple of nr */
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline size_t to_lines(int64_t floats) { return ((size_t)floats * sizeof(float) + DLI_ALIGN - 1) / DLI_ALIGN * DLI_ALIGN; }

/* Cuts `size` into as few parts of at most `limit` as possible, equal but for rounding up to a multiple of `unit`. */
static int64_t even_part(int64_t size, int64_t limit, int64_t unit)
{
    const int64_t units = ceil_div(size, unit), per_part = limit / unit < 1 ? 1 : limit / unit;
    return ceil_div(units, ceil_div(units, per_part)) * unit;
}

static bool is_thin(const struct dli_gemm *g) { return g->m <= THIN_ROWS && !g->trans_b; }

static bool is_low(const struct dli_gemm *g) { return g->m <= LOW_ROWS; }
static int64_t round_up(int64_t a, int64_t unit) { return ceil_div(a, unit) * unit; }

static size_t worker_size(const struct dli_kernels *k, const struct dli_gemm *g)
{
    if (is_thin(g))
        return to_lines(THIN_COLS);
    if (is_low(g))
        return to_lines(round_up(g->m, k->gemm_mr) * least(K, g->k)) + to_lines(round_up(least(N_OWN, g->n), k->gemm_nr) * least(K, g->k));
    return sizeof(struct packed_block) + to_lines(even_part(g->m, M_BLOCK, k->gemm_mr) * least(K, g->k));
}

size_t dli_gemm_scratch(const struct dli_gemm *g, int32_t workers)
{
    if (g->m <= 0 || g->n <= 0 || g->k <= 0)
        return DLI_ALIGN;
    const struct dli_kernels *k = dli_kernels();
    const size_t each = worker_size(k, g) * (size_t)(workers > 0 ? workers : 1);
    return is_thin(g) || is_low(g) ? each : each + to_lines(round_up(least(N_PANEL, g->n), k->gemm_nr) * least(K, g->k));
}

size_t dli_gemm_scratch_rows(const struct dli_gemm *g, int32_t workers)
{
    /* The most rows of each way; blocks of equal parts are largest where they are full. */
    const int64_t most[] = { g->m, g->m / M_BLOCK * M_BLOCK, M_BLOCK, LOW_ROWS, THIN_ROWS };
    size_t all = 0;
    for (int i = 0; i < 5; i++) {
        struct dli_gemm fewer = *g;
        fewer.m = least(g->m, most[i]);
        const size_t bytes = dli_gemm_scratch(&fewer, workers);
        all = bytes > all ? bytes : all;
    }
    return all;
}

/* Where element (row, column) of a matrix lies, and how far the next ones are. */
static inline const float *a_at(const struct dli_gemm *g, int64_t i, int64_t p)
{
    return g->a + (g->trans_a ? p * g->lda + i : i * g->lda + p);
}
static inline const float *b_at(const struct dli_gemm *g, int64_t p, int64_t j)
{
    return g->b + (g->trans_b ? j * g->ldb + p : p * g->ldb + j);
}

static void pack_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct job *j = arg;
    const struct dli_gemm *g = j->g;
    const int64_t first = (int64_t)task * j->pack_cols, cols = least(j->pack_cols, j->n_now - first);
    j->k->gemm_pack(j->panel + first * j->k_now, j->k->gemm_nr, b_at(g, j->p, j->n0 + first), cols, j->k_now, g->trans_b ? g->ldb : 1,
                    g->trans_b ? 1 : g->ldb);
}

static void block_task(void *arg, size_t task, int32_t worker)
{
    const struct job *j = arg;
    const struct dli_gemm *g = j->g;
    const struct dli_kernels *k = j->k;
    const int64_t mr = k->gemm_mr, nr = k->gemm_nr;
    const int64_t block = (int64_t)task / j->n_groups, row = block * j->m_block, rows = least(j->m_block, g->m - row);
    const int64_t col = (int64_t)task % j->n_groups * j->n_group, col_end = least(j->n_now, col + j->n_group);
    struct packed_block *packed = (struct packed_block *)(void *)(j->scratch + (size_t)worker * j->worker_size);
    if (packed->block != block) {
        k->gemm_pack(packed->a, mr, a_at(g, row, j->p), rows, j->k_now, g->trans_a ? 1 : g->lda, g->trans_a ? g->lda : 1);
        packed->block = block;
    }
    const bool accumulate = g->accumulate || j->p > 0;
    for (int64_t c = col; c < col_end; c += nr)
        for (int64_t i = 0; i < rows; i += mr)
            k->gemm(j->k_now, packed->a + i * j->k_now, j->panel + c * j->k_now, g->c + (row + i) * g->ldc + j->n0 + c, g->ldc,
                    least(mr, rows - i), least(nr, col_end - c), accumulate);
}

static void run_packed(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g, char *scratch)
{
    const struct dli_kernels *k = dli_kernels();
    const int32_t workers = dli_parallel_width(ctx, threads);
    struct job j = { .k = k, .g = g, .scratch = scratch, .worker_size = worker_size(k, g) };
    j.panel = (float *)(void *)(scratch + j.worker_size * (size_t)workers);
    j.m_block = even_part(g->m, M_BLOCK, k->gemm_mr);
    j.m_blocks = ceil_div(g->m, j.m_block);
    for (j.n0 = 0; j.n0 < g->n; j.n0 += N_PANEL) {
        j.n_now = least(N_PANEL, g->n - j.n0);
        /* At least four tasks a worker where there are columns enough: the last one to finish is waited for. */
        const int64_t groups = ceil_div(4 * (int64_t)workers, j.m_blocks);
        const int64_t limit = least(N_GROUP, ceil_div(j.n_now, groups));
        j.n_group = even_part(j.n_now, limit < k->gemm_nr ? k->gemm_nr : limit, k->gemm_nr);
        j.n_groups = ceil_div(j.n_now, j.n_group);
        for (j.p = 0; j.p < g->k; j.p += K) {
            j.k_now = least(K, g->k - j.p);
            j.pack_cols = even_part(j.n_now, j.n_now * j.k_now < 32768 ? j.n_now : 256, k->gemm_nr);
            dli_parallel(ctx, threads, (size_t)ceil_div(j.n_now, j.pack_cols), pack_task, &j);
            for (int32_t w = 0; w < workers; w++)
                ((struct packed_block *)(void *)(scratch + (size_t)w * j.worker_size))->block = -1;
            dli_parallel(ctx, threads, (size_t)(j.m_blocks * j.n_groups), block_task, &j);
        }
    }
}

/* All rows of some columns, round after round. */
static void low_task(void *arg, size_t task, int32_t worker)
{
    const struct job *j = arg;
    const struct dli_gemm *g = j->g;
    const struct dli_kernels *k = j->k;
    const int64_t mr = k->gemm_mr, nr = k->gemm_nr, col = (int64_t)task * j->n_group, cols = least(j->n_group, g->n - col);
    char *scratch = j->scratch + (size_t)worker * j->worker_size;
    float *a = (float *)(void *)scratch, *b = (float *)(void *)(scratch + to_lines(round_up(g->m, mr) * least(K, g->k)));
    for (int64_t p = 0; p < g->k; p += K) {
        const int64_t k_now = least(K, g->k - p);
        k->gemm_pack(a, mr, a_at(g, 0, p), g->m, k_now, g->trans_a ? 1 : g->lda, g->trans_a ? g->lda : 1);
        k->gemm_pack(b, nr, b_at(g, p, col), cols, k_now, g->trans_b ? g->ldb : 1, g->trans_b ? 1 : g->ldb);
        for (int64_t c = 0; c < cols; c += nr)
            for (int64_t i = 0; i < g->m; i += mr)
                k->gemm(k_now, a + i * k_now, b + c * k_now, g->c + i * g->ldc + col + c, g->ldc, least(mr, g->m - i), least(nr, cols - c),
                        g->accumulate || p > 0);
    }
}

static void run_low(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g, char *scratch)
{
    const struct dli_kernels *k = dli_kernels();
    struct job j = { .k = k, .g = g, .scratch = scratch, .worker_size = worker_size(k, g) };
    const int64_t width = dli_parallel_width(ctx, threads), share = width > 1 ? ceil_div(g->n, 4 * width) : g->n;
    j.n_group = even_part(g->n, least(N_OWN, share < N_LEAST ? N_LEAST : share), k->gemm_nr);
    dli_parallel(ctx, threads, (size_t)ceil_div(g->n, j.n_group), low_task, &j);
}

static void thin_task(void *arg, size_t task, int32_t worker)
{
    const struct job *j = arg;
    const struct dli_gemm *g = j->g;
    const int64_t col = (int64_t)task * THIN_COLS, cols = least(THIN_COLS, g->n - col);
    float *sum = (float *)(void *)(j->scratch + (size_t)worker * j->worker_size);
    for (int64_t p = 0; p < g->k; p += K)
        for (int64_t i = 0; i < g->m; i++) {
            j->k->gemm_row(least(K, g->k - p), a_at(g, i, p), g->trans_a ? g->lda : 1, b_at(g, p, col), g->ldb, cols, sum);
            float *c = g->c + i * g->ldc + col;
            if (g->accumulate || p > 0)
                for (int64_t n = 0; n < cols; n++)
                    c[n] += sum[n];
            else
                memcpy(c, sum, (size_t)cols * sizeof *c);
        }
}

static void run_thin(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g, char *scratch)
{
    const struct dli_kernels *k = dli_kernels();
    struct job j = { .k = k, .g = g, .scratch = scratch, .worker_size = worker_size(k, g) };
    dli_parallel(ctx, threads, (size_t)ceil_div(g->n, THIN_COLS), thin_task, &j);
}

/* AUTO: our kernels wherever there are vector ones. One thread of a Sapphire Rapids under other load, GFLOP/s at 1024 cubed: own avx512 84
 * to 103, own avx2 58 to 63; BLIS 0.9.0 with its skx kernels 80 to 89, but it does not know this processor and takes haswell: 41 to 49
 * (zen3 47). Without AVX2 our plain C does 13, and BLIS's sandybridge 28, penryn 15. */
static bool use_blis(int32_t blas)
{
    if (blas == DLI_BLAS_OWN || (blas == DLI_BLAS_AUTO && dli_cpu_flags() & DLI_CPU_AVX2))
        return false;
    const char *kernels = dli_gemm_blis_kernels();
    /* A mask that lowers our kernels shall not bring in higher ones from there. */
    return kernels && (blas == DLI_BLAS_BLIS || strcmp(kernels, "sandybridge") == 0 || strcmp(kernels, "penryn") == 0);
}

void dli_gemm_run(dl4c_context *ctx, int32_t threads, int32_t blas, const struct dli_gemm *g, void *scratch)
{
    if (g->m <= 0 || g->n <= 0)
        return;
    if (g->k <= 0) {
        for (int64_t i = 0; i < g->m && !g->accumulate; i++)
            memset(g->c + i * g->ldc, 0, (size_t)g->n * sizeof *g->c);
        return;
    }
    if (use_blis(blas))
        dli_gemm_blis_run(ctx, threads, g);
    else if (is_thin(g))
        run_thin(ctx, threads, g, scratch);
    else if (is_low(g))
        run_low(ctx, threads, g, scratch);
    else
        run_packed(ctx, threads, g, scratch);
}

const char *dl4c_context_gemm(dl4c_context *ctx)
{
    ctx = dli_context(ctx, NULL);
    return dli_gemm_provider(ctx ? ctx->blas : DLI_BLAS_AUTO);
}

const char *dli_gemm_provider(int32_t blas) { return use_blis(blas) ? dli_gemm_blis_kernels() : "own"; }
