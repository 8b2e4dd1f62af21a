/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products in vectors of avx2: 12 sums, 3 inputs and a weight in registers. */
#include "kernels/x86/avx2/vec.h"
enum { TILE_ROWS = 3, TILE_OUTS = 4 };
#include "kernels/x86/dense.inc.h"
DENSE(dense, 4)
DENSE(dense_bf16, 2)
DENSE(dense_i8, 1)

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_dense(struct dli_kernels *t)
{
    t->dense = dense;
    t->dense_bf16 = dense_bf16;
    t->dense_i8 = dense_i8;
}
