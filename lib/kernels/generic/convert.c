/* SPDX-License-Identifier: Apache-2.0 */
/* binary16 in integer arithmetic, after the layouts of IEEE 754: 1 sign, 5 exponent (bias 15), 10 fraction bits; 1, 8 (127), 23. */
#include "kernels/kernels.h"

#include <string.h>

static uint32_t widen(uint32_t half)
{
    const uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 31) /* infinity and NaN, which is made quiet as processors do */
        return sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000u : 0);
    if (exponent > 0)
        return sign | (exponent + 112) << 23 | fraction << 13;
    if (fraction == 0)
        return sign;
    uint32_t e = 113; /* a subnormal half is a normal float */
    for (; !(fraction & 0x400); fraction <<= 1)
        e--;
    return sign | e << 23 | (fraction & 0x3ff) << 13;
}

static uint32_t narrow(uint32_t bits)
{
    const uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return sign | 0x7e00 | (rest >> 13 & 0x3ff);
    if (rest >= 0x477ff000) /* 65520, half way past the largest, and above */
        return sign | 0x7c00;
    if (rest >= 0x38800000) { /* normal halves: rounding may carry into the exponent, which is right */
        const uint32_t shifted = rest - 0x38000000;
        return sign | (shifted + 0xfff + (shifted >> 13 & 1)) >> 13;
    }
    if (rest < 0x33000000) /* below half of the smallest */
        return sign;
    const uint32_t fraction = (rest & 0x7fffff) | 0x800000, shift = 126 - (rest >> 23);
    const uint32_t whole = fraction >> shift, left = fraction & ((1u << shift) - 1), half = 1u << (shift - 1);
    return sign | (whole + (left > half || (left == half && (whole & 1))));
}

static void widen_f16(size_t n, const void *x, void *y)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, (const char *)x + 2 * i, sizeof half);
        const uint32_t bits = widen(half);
        memcpy((char *)y + 4 * i, &bits, sizeof bits);
    }
}

static void narrow_f16(size_t n, const void *x, void *y)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const char *)x + 4 * i, sizeof bits);
        const uint16_t half = (uint16_t)narrow(bits);
        memcpy((char *)y + 2 * i, &half, sizeof half);
    }
}

void dli_generic_init_convert(struct dli_kernels *t)
{
    t->widen_f16 = widen_f16;
    t->narrow_f16 = narrow_f16;
}
