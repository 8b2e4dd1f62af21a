/* SPDX-License-Identifier: Apache-2.0 */
/* 8 x 8 floats turned in registers. */
#ifndef DLI_KERNELS_X86_AVX2_TRANSPOSE_H
#define DLI_KERNELS_X86_AVX2_TRANSPOSE_H

#include "kernels/x86/avx2/vec.h"

/* r[i] lane j becomes r[j] lane i: by pairs, by halves of a vector, then the halves among the vectors. */
INLINE void transpose(vec r[LANES])
{
    vec t[LANES];
    UNROLLED (i, 8, 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLLED (i, 8, 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
    }
    UNROLLED (i, 4, 1) {
        t[i] = _mm256_permute2f128_ps(r[i], r[4 + i], 0x20);
        t[4 + i] = _mm256_permute2f128_ps(r[i], r[4 + i], 0x31);
    }
    UNROLLED (i, 8, 1)
        r[i] = t[i];
}

#endif
