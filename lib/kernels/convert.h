/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of other number formats to and from float, and byte order. Arrays need no alignment and do not overlap, unless said. */
#ifndef DLI_KERNELS_CONVERT_H
#define DLI_KERNELS_CONVERT_H

#include <stddef.h>
#include <stdint.h>

/* Rounding is to nearest, ties to even; too large becomes infinity; NaN stays NaN (quiet); subnormal numbers are kept. */
void dli_f16_to_f32(size_t n, const void *x, void *y);
void dli_f32_to_f16(size_t n, const void *x, void *y);
void dli_bf16_to_f32(size_t n, const void *x, void *y);
void dli_f32_to_bf16(size_t n, const void *x, void *y);
void dli_f64_to_f32(size_t n, const void *x, void *y);
void dli_f32_to_f64(size_t n, const void *x, void *y);

/* Reverses the bytes of n elements of 2, 4 or 8 bytes; y may be x. */
void dli_byte_swap(size_t n, size_t element, const void *x, void *y);

#endif
