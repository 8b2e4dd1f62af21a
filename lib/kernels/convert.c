/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and byte order, which compilers turn into vectors by themselves; binary16 through the table. */
#include "kernels/convert.h"

#include "kernels/kernels.h"
#include <string.h>

void dli_widen_f16(size_t n, const void *x, void *y) { dli_kernels()->widen_f16(n, x, y); }
void dli_narrow_f16(size_t n, const void *x, void *y) { dli_kernels()->narrow_f16(n, x, y); }

void dli_widen_bf16(size_t n, const void *x, void *y)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, (const char *)x + 2 * i, sizeof half);
        const uint32_t bits = (uint32_t)half << 16;
        memcpy((char *)y + 4 * i, &bits, sizeof bits);
    }
}

void dli_narrow_bf16(size_t n, const void *x, void *y)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const char *)x + 4 * i, sizeof bits);
        const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
        const uint16_t half = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
        memcpy((char *)y + 2 * i, &half, sizeof half);
    }
}

#define SWAP(type, swap)                                                                                                                   \
    for (size_t i = 0; i < n; i++) {                                                                                                       \
        type v;                                                                                                                            \
        memcpy(&v, (const char *)x + sizeof v * i, sizeof v);                                                                              \
        v = swap(v);                                                                                                                       \
        memcpy((char *)y + sizeof v * i, &v, sizeof v);                                                                                    \
    }

void dli_byte_swap(size_t n, size_t element, const void *x, void *y)
{
    if (element == 8)
        SWAP(uint64_t, __builtin_bswap64)
    else if (element == 4)
        SWAP(uint32_t, __builtin_bswap32)
    else if (element == 2)
        SWAP(uint16_t, __builtin_bswap16)
    else if (y != x)
        memcpy(y, x, n);
}
