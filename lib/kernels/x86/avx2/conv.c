/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution's inner loops with AVX2 and FMA: 12 accumulators of the 16 registers. */
#include <immintrin.h>

#define W       8
#define TILES   6
#define KERNELS dli_conv_kernels_avx2
#define vf      __m256
#define vload   _mm256_loadu_ps
#define vstore  _mm256_storeu_ps
#define vset1   _mm256_set1_ps
#define vfma    _mm256_fmadd_ps
#define vmax    _mm256_max_ps
#define vmin    _mm256_min_ps
#define vmax_nan(a, b) _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q))

#include "kernels/conv_simd.inc"
