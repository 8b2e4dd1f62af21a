/* SPDX-License-Identifier: Apache-2.0 */
/* binary16 by F16C, 8 at a time; a tail goes through a buffer, so that an element's bits do not depend on its place. */
#include "kernels/x86/avx2/init.h"

#include <immintrin.h>
#include <string.h>

enum { EIGHT = 8 };

static void widen_8(const char *x, char *y)
{
    _mm256_storeu_ps((float *)(void *)y, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)x)));
}
static void narrow_8(const char *x, char *y)
{
    _mm_storeu_si128((__m128i *)(void *)y, _mm256_cvtps_ph(_mm256_loadu_ps((const float *)(const void *)x), _MM_FROUND_TO_NEAREST_INT));
}

static void widen_f16(size_t n, const void *x, void *y)
{
    size_t i = 0;
    for (; i + EIGHT <= n; i += EIGHT)
        widen_8((const char *)x + 2 * i, (char *)y + 4 * i);
    if (i < n) {
        char from[2 * EIGHT] = { 0 }, to[4 * EIGHT];
        memcpy(from, (const char *)x + 2 * i, 2 * (n - i));
        widen_8(from, to);
        memcpy((char *)y + 4 * i, to, 4 * (n - i));
    }
}

static void narrow_f16(size_t n, const void *x, void *y)
{
    size_t i = 0;
    for (; i + EIGHT <= n; i += EIGHT)
        narrow_8((const char *)x + 4 * i, (char *)y + 2 * i);
    if (i < n) {
        char from[4 * EIGHT] = { 0 }, to[2 * EIGHT];
        memcpy(from, (const char *)x + 4 * i, 4 * (n - i));
        narrow_8(from, to);
        memcpy((char *)y + 2 * i, to, 2 * (n - i));
    }
}

void dli_avx2_init_convert(struct dli_kernels *t)
{
    t->widen_f16 = widen_f16;
    t->narrow_f16 = narrow_f16;
}
