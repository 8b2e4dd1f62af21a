/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products in vectors of avx512: 24 sums, 4 inputs and a weight in registers. */
#include "kernels/x86/avx512/vec.h"
enum { TILE_ROWS = 4, TILE_OUTS = 6 };
#include "kernels/x86/dense.inc.h"
DENSE(dense, 4)
DENSE(dense_bf16, 2)
DENSE(dense_i8, 1)

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_dense(struct dli_kernels *t)
{
    t->dense = dense;
    t->dense_bf16 = dense_bf16;
    t->dense_i8 = dense_i8;
}
