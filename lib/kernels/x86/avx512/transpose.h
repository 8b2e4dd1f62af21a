/* SPDX-License-Identifier: Apache-2.0 */
/* 16 x 16 floats turned in registers. */
#ifndef DLI_KERNELS_X86_AVX512_TRANSPOSE_H
#define DLI_KERNELS_X86_AVX512_TRANSPOSE_H

#include "kernels/x86/avx512/vec.h"

/* r[i] lane j becomes r[j] lane i: by pairs, by quarters of a vector, then the quarters among the vectors. */
INLINE void transpose(vec r[LANES])
{
    vec t[LANES];
    UNROLLED (i, 16, 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLLED (i, 16, 4) {
        r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
        r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
        r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
        r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
    }
    UNROLLED (i, 4, 1) { /* r[4 q + i]: quarter p holds column 4 p + i of rows 4 q ... 4 q + 3 */
        const vec low = _mm512_shuffle_f32x4(r[i], r[4 + i], 0x88), high = _mm512_shuffle_f32x4(r[i], r[4 + i], 0xdd);
        const vec low2 = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0x88), high2 = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0xdd);
        t[i] = _mm512_shuffle_f32x4(low, low2, 0x88);
        t[4 + i] = _mm512_shuffle_f32x4(high, high2, 0x88);
        t[8 + i] = _mm512_shuffle_f32x4(low, low2, 0xdd);
        t[12 + i] = _mm512_shuffle_f32x4(high, high2, 0xdd);
    }
    UNROLLED (i, 16, 1)
        r[i] = t[i];
}

#endif
