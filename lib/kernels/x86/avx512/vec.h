/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 under the names that the shared bodies (the .inc.h files of x86) are written in: a vector of 16 floats, masks of the first n
 * lanes. */
#ifndef DLI_KERNELS_X86_AVX512_VEC_H
#define DLI_KERNELS_X86_AVX512_VEC_H

#include "kernels/x86/unroll.h"
#include <immintrin.h>
#include <stdint.h>

enum { LANES = 16 };
typedef __m512 vec;
typedef __mmask16 mask;  /* lanes that a load or store touches */
typedef __mmask16 truth; /* the result of a comparison */

INLINE mask first_lanes(int64_t n) { return n >= LANES ? (mask)0xffff : n <= 0 ? (mask)0 : (mask)((1u << n) - 1); }
INLINE vec load(const void *p) { return _mm512_loadu_ps(p); }
INLINE vec load_mask(mask m, const void *p) { return _mm512_maskz_loadu_ps(m, p); } /* 0 elsewhere */
/* Stored weights: bfloat16 is the upper half of a float. */
INLINE vec load_bf16(const void *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
INLINE vec load_i8(const void *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INLINE void store(void *p, vec v) { _mm512_storeu_ps(p, v); }
INLINE void store_mask(void *p, mask m, vec v) { _mm512_mask_storeu_ps(p, m, v); }
INLINE vec splat(float v) { return _mm512_set1_ps(v); }
INLINE vec zero(void) { return _mm512_setzero_ps(); }
INLINE vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec divide(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec root(vec a) { return _mm512_sqrt_ps(a); }
INLINE vec madd(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }   /* a * b + c */
INLINE vec nmadd(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a * b */
INLINE vec larger(vec a, vec b) { return _mm512_max_ps(a, b); }             /* a > b ? a : b, so b where either is NaN */
INLINE vec smaller(vec a, vec b) { return _mm512_min_ps(a, b); }            /* a < b ? a : b, so b where either is NaN */

INLINE truth less(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE truth less_equal(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
INLINE truth is_nan(vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
INLINE truth both(truth a, truth b) { return a & b; }
INLINE truth either(truth a, truth b) { return a | b; }
INLINE truth never(void) { return 0; }
INLINE vec choose(truth t, vec yes, vec no) { return _mm512_mask_blend_ps(t, no, yes); }

/* Lanes 0, 2, 4 ... of a, then of b. */
INLINE vec even_lanes(vec a, vec b)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, even, b);
}

INLINE vec absolute(vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
INLINE vec sign_of(vec a) { return _mm512_and_ps(_mm512_set1_ps(-0.0f), a); } /* the sign bit alone */
INLINE vec or_bits(vec a, vec b) { return _mm512_or_ps(a, b); }
INLINE vec round_even(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a * 2^n for whole n; results below the normal range round once. */
INLINE vec scale2(vec a, vec n) { return _mm512_scalef_ps(a, n); }
/* Exponent and significand of positive normal numbers: a = m * 2^e with sqrt(1/2) <= m < sqrt(2). */
INLINE vec split_exponent(vec a, vec *e)
{
    const __m512i bits = _mm512_castps_si512(a), shifted = _mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f3504f3));
    const __m512i exponent = _mm512_srai_epi32(shifted, 23);
    *e = _mm512_cvtepi32_ps(exponent);
    return _mm512_castsi512_ps(_mm512_sub_epi32(bits, _mm512_slli_epi32(exponent, 23)));
}

/* The sums of the lanes of four vectors: the same tree for each of them, wherever it stands. */
INLINE __m128 sum_lanes4(vec a, vec b, vec c, vec d)
{
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512 all = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))),
                                     _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#endif
