/* SPDX-License-Identifier: Apache-2.0 */
/* Weights stored in fewer bits than their arithmetic has: bfloat16, to nearest, ties to even, NaN kept; or a byte each and a scale for
 * each output channel, the channel's largest magnitude / 127. */
#ifndef DLI_KERNELS_STORED_H
#define DLI_KERNELS_STORED_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a weight under a DL4C_PRECISION_*: 4, 2 or 1. */
int32_t dli_stored_bytes(int32_t precision);

/* The scale of n weights that lie `step` floats apart at any address: 0 where all are 0, NaN where one is not finite, so that what is
 * computed with them is NaN too. */
float dli_stored_scale(int64_t n, const void *w, int64_t step);

/* to[i] = w[i] stored; `scale`, [n], is read for bytes. w at any address. */
void dli_store(int32_t precision, int64_t n, const void *w, const float *scale, void *to);
/* w[n] as the first (`half` 0) or second of pairs of bfloat16 at to[n]. */
void dli_store_pairs(int64_t n, const float *w, int64_t half, void *to);
/* y[r][c] = the weights as floats; scale[columns] is read for bytes. */
void dli_stored_widen(int32_t precision, int64_t rows, int64_t columns, const void *x, const float *scale, float *y);

#endif
