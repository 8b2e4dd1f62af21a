/* SPDX-License-Identifier: Apache-2.0 */
/* What every source of the library shares. */
#ifndef DLI_SOURCE_SOURCE_H
#define DLI_SOURCE_SOURCE_H

#include "base/context.h"
#include <dl4c/source.h>

/* The order of examples 0..n-1 in an epoch: depends on n, seed and epoch alone; shuffle false: as they are. */
void dli_source_order(int64_t *order, int64_t n, bool shuffle, uint64_t seed, int64_t epoch);

/* Copies rows of `floats` floats: dst[i] = src[rows[i]], on the context's threads. */
void dli_source_gather(dl4c_context *ctx, float *dst, const float *src, int64_t floats, const int64_t *rows, int64_t n);

#endif
