/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of pairs of bfloat16 with VDPBF16PS: the vectors of avx512 hold 16 pairs, and a lane adds the products of its pair. */
#include "kernels/x86/avx512/vec.h"
enum { TILE_ROWS = 4, TILE_OUTS = 6 };

INLINE vec madd_pairs(vec a, vec b, vec c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }
#define madd madd_pairs

#include "kernels/x86/dense.inc.h"
DENSE(dense_pairs, 4)

#include "kernels/x86/avx512bf16/init.h"

void dli_avx512bf16_init_dense(struct dli_kernels *t) { t->dense_pairs = dense_pairs; }
