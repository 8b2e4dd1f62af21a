/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256's compression by the SHA instructions of x86: sha256rnds2 does two rounds on the state as ABEF and CDGH, sha256msg1 and
 * sha256msg2 extend the schedule by four words. */
#include "base/sha256_block.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Four rounds with w + k; the halves change places after each pair. */
#define ROUNDS(w, i)                                                                                                                       \
    do {                                                                                                                                   \
        const __m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)(const void *)&dli_sha256_k[i]));                              \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);                                                                                      \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));                                                             \
    } while (0)

/* a: words t-16 to t-13, b to d: the twelve after them; a becomes words t to t+3. */
#define EXTEND(a, b, c, d) (a = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d))

__attribute__((target("sha,sse4.1,ssse3"))) void dli_sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t n)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    const __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; n > 0; n--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++) {
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), big_endian);
            ROUNDS(w[i], 4 * i);
        }
        for (int i = 16; i < 64; i += 16) {
            EXTEND(w[0], w[1], w[2], w[3]);
            ROUNDS(w[0], i);
            EXTEND(w[1], w[2], w[3], w[0]);
            ROUNDS(w[1], i + 4);
            EXTEND(w[2], w[3], w[0], w[1]);
            ROUNDS(w[2], i + 8);
            EXTEND(w[3], w[0], w[1], w[2]);
            ROUNDS(w[3], i + 12);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#else
void dli_sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t n) { dli_sha256_blocks_c(h, p, n); }
#endif
