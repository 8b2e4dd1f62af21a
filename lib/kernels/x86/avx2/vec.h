/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 with FMA under the names that the shared bodies (the .inc.h files of x86) are written in: a vector of 8 floats, masks of the
 * first n lanes. */
#ifndef DLI_KERNELS_X86_AVX2_VEC_H
#define DLI_KERNELS_X86_AVX2_VEC_H

#include "kernels/x86/unroll.h"
#include <immintrin.h>
#include <stdint.h>

enum { LANES = 8 };
typedef __m256 vec;
typedef __m256i mask; /* lanes that a load or store touches */
typedef __m256 truth; /* the result of a comparison: all bits of a lane */

INLINE mask first_lanes(int64_t n)
{
    const int32_t most = n > LANES ? LANES : n < 0 ? 0 : (int32_t)n;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(most), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vec load(const void *p) { return _mm256_loadu_ps(p); }
INLINE vec load_mask(mask m, const void *p) { return _mm256_maskload_ps(p, m); } /* 0 elsewhere */
/* Stored weights: bfloat16 is the upper half of a float. */
INLINE vec load_bf16(const void *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
INLINE vec load_i8(const void *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))); }
INLINE void store(void *p, vec v) { _mm256_storeu_ps(p, v); }
INLINE void store_mask(void *p, mask m, vec v) { _mm256_maskstore_ps(p, m, v); }
INLINE vec splat(float v) { return _mm256_set1_ps(v); }
INLINE vec zero(void) { return _mm256_setzero_ps(); }
INLINE vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec divide(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec root(vec a) { return _mm256_sqrt_ps(a); }
INLINE vec madd(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }   /* a * b + c */
INLINE vec nmadd(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a * b */
INLINE vec larger(vec a, vec b) { return _mm256_max_ps(a, b); }             /* a > b ? a : b, so b where either is NaN */
INLINE vec smaller(vec a, vec b) { return _mm256_min_ps(a, b); }            /* a < b ? a : b, so b where either is NaN */

INLINE truth less(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
INLINE truth less_equal(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
INLINE truth is_nan(vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
INLINE truth both(truth a, truth b) { return _mm256_and_ps(a, b); }
INLINE truth either(truth a, truth b) { return _mm256_or_ps(a, b); }
INLINE truth never(void) { return _mm256_setzero_ps(); }
INLINE vec choose(truth t, vec yes, vec no) { return _mm256_blendv_ps(no, yes, t); }

/* Lanes 0, 2, 4 ... of a, then of b. */
INLINE vec even_lanes(vec a, vec b)
{
    const __m256d mixed = _mm256_castps_pd(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(mixed, _MM_SHUFFLE(3, 1, 2, 0)));
}

INLINE vec absolute(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vec sign_of(vec a) { return _mm256_and_ps(_mm256_set1_ps(-0.0f), a); } /* the sign bit alone */
INLINE vec or_bits(vec a, vec b) { return _mm256_or_ps(a, b); }
INLINE vec round_even(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a * 2^n for whole n between -252 and 254, in two steps whose factors are normal numbers. */
INLINE vec scale2(vec a, vec n)
{
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    const __m256i bias = _mm256_set1_epi32(127);
    const vec first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const vec second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return mul(mul(a, first), second);
}
/* Exponent and significand of positive normal numbers: a = m * 2^e with sqrt(1/2) <= m < sqrt(2). */
INLINE vec split_exponent(vec a, vec *e)
{
    const __m256i bits = _mm256_castps_si256(a), shifted = _mm256_sub_epi32(bits, _mm256_set1_epi32(0x3f3504f3));
    const __m256i exponent = _mm256_srai_epi32(shifted, 23);
    *e = _mm256_cvtepi32_ps(exponent);
    return _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(exponent, 23)));
}

/* The sums of the lanes of four vectors: the same tree for each of them, wherever it stands. */
INLINE __m128 sum_lanes4(vec a, vec b, vec c, vec d)
{
    const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    const __m256 all = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd))),
                                     _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd))));
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

#endif
