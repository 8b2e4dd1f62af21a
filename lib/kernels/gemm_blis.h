/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products by BLIS, where it is built in and its kernels keep our rules. */
#ifndef DLI_KERNELS_GEMM_BLIS_H
#define DLI_KERNELS_GEMM_BLIS_H

#include "kernels/gemm.h"

/* The name of BLIS's kernels ("haswell") where products through them keep dli_gemm_run's rule and this machine may run them, else NULL.
 * The first call initialises BLIS; later ones cost nothing. */
const char *dli_gemm_blis_kernels(void);

/* As dli_gemm_run, only where the above is not NULL; no scratch. m, n and k at least 1. */
void dli_gemm_blis_run(dl4c_context *ctx, int32_t threads, const struct dli_gemm *g);

#endif
