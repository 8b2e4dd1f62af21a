/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products, by our own packed kernels or by BLIS. */
#ifndef DLI_KERNELS_GEMM_H
#define DLI_KERNELS_GEMM_H

#include "base/context.h"

/* C[m, n] = op(A)[m, k] * op(B)[k, n], plus C where `accumulate`; row-major, ld* floats between stored rows. A is stored [m, k], or
 * [k, m] with trans_a; B [k, n], or [n, k] with trans_b. a and b need no alignment (mapped files); C overlaps neither. k = 0 gives
 * zeros, or leaves C alone. */
struct dli_gemm {
    int64_t m, n, k;
    const float *a;
    int64_t lda;
    bool trans_a;
    const float *b;
    int64_t ldb;
    bool trans_b;
    float *c;
    int64_t ldc;
    bool accumulate;
};

/* Bytes of scratch, aligned to DLI_ALIGN, that a run with that many workers (dli_parallel_width) needs; never 0. Pointers and
 * accumulate are not looked at. Products that run at the same time, as in the tasks of a dli_parallel, need one scratch each. */
size_t dli_gemm_scratch(const struct dli_gemm *g, int32_t workers);
/* The same for products of any number of rows up to g->m: fewer rows may take another way, and more memory. */
size_t dli_gemm_scratch_rows(const struct dli_gemm *g, int32_t workers);

/* Cannot fail. blas is one of DLI_BLAS_* (base/context.h). An element of C depends on its row of A and its column of B only: the order
 * of summation follows from k and the provider, not from m, n, the place, the threads or the transpositions. */
void dli_gemm_run(dl4c_context *ctx, int32_t threads, int32_t blas, const struct dli_gemm *g, void *scratch);

/* What multiplies under this choice: "own", or the name of BLIS's kernels ("haswell"). */
const char *dli_gemm_provider(int32_t blas);

#endif
