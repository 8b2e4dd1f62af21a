/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products by BLIS: single-threaded calls on blocks of outputs, from our pool. Only bli_* functions are called, and the shared
 * library exports none of them. BLIS takes memory for packed blocks from malloc, not from the context's allocator, keeps it until the
 * process ends, and calls abort() when there is none: that can't be turned off, and a host that minds chooses blas=own. */
#define _POSIX_C_SOURCE 200809L
#include "kernels/gemm_blis.h"

#ifdef DLI_HAVE_BLIS

#include "base/cpu.h"
#include "base/thread_pool.h"
#include <blis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernels whose rows and columns were found to have the same bits in products of every height, width and storage (tests/kernels/
 * test_gemm.c; 0.9.0). That holds for the packed path alone: the one for small matrices sums in another order, so that with haswell, zen,
 * zen2 and zen3 row 0 of a 300-row product differs from the 1-row product. It is turned off in every call. */
static const struct {
    arch_t arch;
    unsigned needs; /* DLI_CPU_* */
} tested[] = {
    { BLIS_ARCH_SKX, DLI_CPU_AVX512 }, { BLIS_ARCH_HASWELL, DLI_CPU_AVX2 }, { BLIS_ARCH_ZEN, DLI_CPU_AVX2 },
    { BLIS_ARCH_ZEN2, DLI_CPU_AVX2 },  { BLIS_ARCH_ZEN3, DLI_CPU_AVX2 },    { BLIS_ARCH_SANDYBRIDGE, 0 },
    { BLIS_ARCH_PENRYN, 0 },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *kernels;

static bool is_tested(arch_t arch)
{
    for (size_t i = 0; i < sizeof tested / sizeof *tested; i++)
        if (tested[i].arch == arch)
            return (dli_cpu_flags() & tested[i].needs) == tested[i].needs;
    return false;
}

/* The user's BLIS_ARCH_TYPE, a number, is obeyed by BLIS without a look at the processor, and a wrong one ends in abort(): not even
 * initialised unless it names kernels of the list. */
static bool environment_is_safe(void)
{
    const char *text = getenv("BLIS_ARCH_TYPE");
    if (!text)
        return true;
    for (size_t i = 0; i < sizeof tested / sizeof *tested; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)tested[i].arch);
        if (strcmp(text, number) == 0)
            return is_tested(tested[i].arch);
    }
    return false;
}

static void start(void)
{
    if (!environment_is_safe())
        return;
    bli_init();
    const arch_t arch = bli_arch_query_id();
    if (is_tested(arch))
        kernels = bli_arch_string(arch);
}

const char *dli_gemm_blis_kernels(void)
{
    pthread_once(&once, start);
    return kernels;
}

/* Blocks of C: large enough that packing A and B for each call costs some percent, small enough for a few tasks a thread. */
enum { ROWS = 256, COLS = 512 };

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void block_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    const struct dli_gemm *g = arg;
    const int64_t blocks = (g->n + COLS - 1) / COLS;
    const int64_t row = (int64_t)task / blocks * ROWS, col = (int64_t)task % blocks * COLS;
    float one = 1, beta = g->accumulate ? 1 : 0; /* BLIS takes no pointers to const, and does not write */
    float *a = (float *)(uintptr_t)(g->a + row * (g->trans_a ? 1 : g->lda)),
          *b = (float *)(uintptr_t)(g->b + col * (g->trans_b ? g->ldb : 1));
    rntm_t run;
    bli_rntm_init(&run);
    bli_rntm_set_num_threads(1, &run);
    bli_rntm_disable_l3_sup(&run);
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, least(ROWS, g->m - row), least(COLS, g->n - col), g->k, &one, a,
                 g->trans_a ? 1 : g->lda, g->trans_a ? g->lda : 1, b, g->trans_b ? 1 : g->ldb, g->trans_b ? g->ldb : 1, &beta,
                 g->c + row * g->ldc + col, g->ldc, 1, NULL, &run);
}

void dli_gemm_blis_run(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g)
{
    struct dli_gemm copy = *g;
    const int64_t tasks = (g->m + ROWS - 1) / ROWS * ((g->n + COLS - 1) / COLS);
    dli_parallel(ctx, threads, (size_t)tasks, block_task, &copy);
}

#else

const char *dli_gemm_blis_kernels(void) { return NULL; }
void dli_gemm_blis_run(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g)
{
    (void)ctx;
    (void)threads;
    (void)g;
}

#endif
