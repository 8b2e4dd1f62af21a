/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of 14 rows by two vectors of avx512: 28 sums, two vectors of B and one number of A in registers. */
#include "kernels/x86/avx512/transpose.h"
enum { MR = 14, MR_HALF = 8, MR_QUARTER = 4 };
#include "kernels/x86/gemm.inc.h"

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_gemm(struct dli_kernels *t)
{
    t->gemm_mr = MR;
    t->gemm_nr = NR;
    t->gemm = gemm;
    t->gemm_pack = pack;
    t->gemm_row = row;
}
