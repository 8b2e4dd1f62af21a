/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of 6 rows by two vectors of avx2: 12 sums, two vectors of B and one number of A in registers. */
#include "kernels/x86/avx2/transpose.h"
enum { MR = 6, MR_HALF = 4, MR_QUARTER = 2 };
#include "kernels/x86/gemm.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_gemm(struct dli_kernels *t)
{
    t->gemm_mr = MR;
    t->gemm_nr = NR;
    t->gemm = gemm;
    t->gemm_pack = pack;
    t->gemm_row = row;
}
