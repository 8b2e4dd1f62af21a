/* SPDX-License-Identifier: Apache-2.0 */
/* Element types into each other: one element, and strided runs. Halves are kept as their bits. */
#ifndef DLI_TENSOR_CONVERT_H
#define DLI_TENSOR_CONVERT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* IEEE 754 binary16 and bfloat16; to nearest, ties to even; NaN stays NaN (quiet), too large becomes infinity. */
double dli_f16_to_f64(uint16_t bits);
uint16_t dli_f64_to_f16(double v);
static inline float dli_bf16_to_f32(uint16_t bits)
{
    const uint32_t u = (uint32_t)bits << 16;
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}
uint16_t dli_f64_to_bf16(double v);

/* n elements: dst[i * dst_stride] = src[i * src_stride], strides in elements, pointers unaligned or not, no overlap. Floats to
 * integers are truncated and saturated, NaN becomes 0; integers saturate; anything to a float is rounded once, to nearest even. */
void dli_convert(int32_t dst_type, void *dst, int64_t dst_stride, int32_t src_type, const void *src, int64_t src_stride, int64_t n);

#endif
