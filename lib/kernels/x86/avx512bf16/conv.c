/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution's products of pairs of bfloat16 with VDPBF16PS: the register block of avx512. */
#include "kernels/x86/avx512bf16/init.h"

#include <immintrin.h>

#define W       16
#define TILES   14
#define DEPTH   8
#define vf      __m512
#define vload   _mm512_loadu_ps
#define vstore  _mm512_storeu_ps
#define vset1   _mm512_set1_ps
#define vmax    _mm512_max_ps
#define vmin    _mm512_min_ps
#define vfma(x, w, sum) _mm512_dpbf16_ps(sum, (__m512bh)(x), (__m512bh)(w))

#include "kernels/conv_multiply.inc"

static void narrow_pairs(int64_t n, const float *x, void *y)
{
    char *to = y;
    for (int64_t i = 0; i < n; i += W) {
        const __mmask16 m = n - i < W ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)0xffff;
        const __m256i half = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(m, x + i));
        _mm256_mask_storeu_epi16(to + 2 * i, m, half);
    }
}

void dli_avx512bf16_init_conv(struct dli_kernels *t)
{
    t->multiply_pairs = multiply_any;
    t->narrow_pairs = narrow_pairs;
}
