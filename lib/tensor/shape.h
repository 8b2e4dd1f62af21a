/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on shapes and strides, overflow-checked; strides are in elements. Pure: no memory, no tensors. */
#ifndef DLI_TENSOR_SHAPE_H
#define DLI_TENSOR_SHAPE_H

#include "base/alloc.h"
#include <dl4c/tensor.h>

/* Rank 0..8, lengths at least 0, the number of elements (lengths of 0 counted as 1) within int64_t: then strides exist. */
dl4c_status dli_shape_check(const int64_t *shape, int32_t rank, const char *origin, struct dl4c_error *err);

/* Number of elements; false on overflow or a negative length. */
bool dli_shape_size(const int64_t *shape, int32_t rank, int64_t *n);
bool dli_shape_bytes(const int64_t *shape, int32_t rank, int32_t dtype, size_t *bytes); /* false where no block can be that large */
bool dli_shape_equal(const int64_t *a, int32_t rank_a, const int64_t *b, int32_t rank_b);

void dli_shape_strides(const int64_t *shape, int32_t rank, int64_t *strides); /* C order, of a checked shape */
bool dli_shape_is_contiguous(const int64_t *shape, const int64_t *strides, int32_t rank);

/* Lowest and highest offset that an index reaches, both 0 where there are no elements; false on overflow. */
bool dli_shape_span(const int64_t *shape, const int64_t *strides, int32_t rank, int64_t *lowest, int64_t *highest);

/* Strides under which `to` (the same number of elements, not 0) goes over the same elements in C order; false: needs a copy. */
bool dli_shape_restride(const int64_t *from, const int64_t *strides, int32_t rank, const int64_t *to, int32_t to_rank, int64_t *to_strides);

/* Drops axes of length 1 and joins neighbours that are one run in both operands, so that loops over them are long; returns the
 * new rank, at least 1. */
int32_t dli_shape_join(const int64_t *shape, int32_t rank, const int64_t *a, const int64_t *b, int64_t *shape_out, int64_t *a_out,
                       int64_t *b_out);

/* "[2, 3, 224, 224]" for messages: dli_fail(err, ..., "input is %s", DLI_SHAPE(shape, rank)). Returns text. */
char *dli_shape_text(char *text, size_t size, const int64_t *shape, int32_t rank);
enum { DLI_SHAPE_TEXT = 24 * DL4C_MAX_RANK };
#define DLI_SHAPE(shape, rank) dli_shape_text((char[DLI_SHAPE_TEXT]){ 0 }, DLI_SHAPE_TEXT, (shape), (rank))

#endif
