/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution's inner loops with AVX-512: 28 accumulators of the 32 registers. */
#include <immintrin.h>

#define W       16
#define TILES   14
#define KERNELS dli_conv_kernels_avx512
#define vf      __m512
#define vload   _mm512_loadu_ps
#define vstore  _mm512_storeu_ps
#define vset1   _mm512_set1_ps
#define vfma    _mm512_fmadd_ps
#define vmax    _mm512_max_ps
#define vmin    _mm512_min_ps
#define vmax_nan(a, b) _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a)

#include "kernels/conv_simd.inc"
