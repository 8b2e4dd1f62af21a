/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products in vectors of avx2: 12 sums, 3 inputs and a weight in registers. */
#include "kernels/x86/avx2/vec.h"
enum { TILE_ROWS = 3, TILE_OUTS = 4 };
#include "kernels/x86/dense.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_dense(struct dli_kernels *t) { t->dense = dense; }
