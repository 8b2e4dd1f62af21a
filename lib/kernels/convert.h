/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of halves to and from float, and byte order: the fast paths of tensor/convert.h. Arrays need no alignment and do not
 * overlap, unless said. */
#ifndef DLI_KERNELS_CONVERT_H
#define DLI_KERNELS_CONVERT_H

#include <stddef.h>

/* IEEE 754 binary16 and bfloat16. To nearest, ties to even; too large becomes infinity; subnormal numbers are kept; NaN stays NaN,
 * made quiet where it is narrowed. */
void dli_widen_f16(size_t n, const void *x, void *y);
void dli_narrow_f16(size_t n, const void *x, void *y);
void dli_widen_bf16(size_t n, const void *x, void *y);
void dli_narrow_bf16(size_t n, const void *x, void *y);

/* Reverses the bytes of n elements of 1, 2, 4 or 8 bytes; y may be x. */
void dli_byte_swap(size_t n, size_t element, const void *x, void *y);

#endif
