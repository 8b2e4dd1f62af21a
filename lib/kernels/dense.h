/* SPDX-License-Identifier: Apache-2.0 */
/* Fully connected layers. The weight is [out][in], row-major, which is Deeplearning4j's column-major [in, out], and is used where
 * it lies: in a mapped file too, so it needs no alignment at all. */
#ifndef DLI_KERNELS_DENSE_H
#define DLI_KERNELS_DENSE_H

#include "base/context.h"
#include "kernels/update.h"

/* y[n, out] = x[n, in] * W^T + bias. Rows of x are ldx floats apart, y is contiguous; bias may be NULL. y overlaps nothing.
 *
 * y[r][o] is the sum, in order of the chunks, of the dot products of chunks of DLI_DENSE_CHUNK inputs, plus bias last; a chunk's
 * dot product runs in the lanes of a vector that are added up in a fixed tree. So it depends on row r of x, row o of W and bias[o]
 * alone: the batch, the threads and the place of the row change no bit. At n = 1 each weight is read once, at the memory's
 * speed. */
enum { DLI_DENSE_CHUNK = 1024 };
void dli_dense_run(dl4c_context *ctx, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx, const void *w,
                   const float *bias, float *y);

/* The same with weights stored in fewer bits (stored.h). `to` and `stored`: dli_dense_stored_bytes bytes, aligned to DLI_ALIGN.
 * bf16-weights: the bits that dli_dense_run gives for the rounded weights. int8-weights: those it gives for the whole numbers, times the
 * scale, plus bias. bf16: inputs are rounded too, lanes sum pairs; only where dl4c_precision_check allows it; scratch for up to n rows:
 * dli_dense_stored_scratch bytes, aligned likewise, else none is needed. */
size_t dli_dense_stored_bytes(int32_t precision, int64_t in, int64_t out);
void dli_dense_store(dl4c_context *ctx, int32_t threads, int32_t precision, int64_t in, int64_t out, const void *w, void *to);
size_t dli_dense_stored_scratch(int32_t precision, int64_t n, int64_t in);
void dli_dense_run_stored(dl4c_context *ctx, int32_t threads, int32_t precision, int64_t n, int64_t in, int64_t out, const float *x,
                          int64_t ldx, const void *stored, const float *bias, float *y, void *scratch);

/* Scratch of the two below for up to n rows, in bytes; workers as dli_parallel_width gives it. Aligned to DLI_ALIGN. */
size_t dli_dense_backward_scratch(int64_t n, int64_t in, int64_t out, int32_t workers);

/* dx[n, in] = dy[n, out] * W; the sum over out in index order. blas as for dli_gemm_run. */
void dli_dense_backward_data(dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, int64_t in, int64_t out, const float *dy,
                             const void *w, float *dx, void *scratch);

/* dw[out][in] and db[out] (NULL: not wanted) = the sums over the batch, in index order; added to what is there if `accumulate`. */
void dli_dense_backward_weight(dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, int64_t in, int64_t out, const float *x,
                               int64_t ldx, const float *dy, float *dw, float *db, bool accumulate, void *scratch);

/* db alone. */
void dli_dense_backward_bias(dl4c_context *ctx, int32_t threads, int64_t n, int64_t out, const float *dy, float *db, bool accumulate);

/* dw as dli_dense_backward_weight gives it with own kernels and without `accumulate`, to the bit, but each piece is handed over as soon as
 * it is there and dw is nowhere stored. For at most DLI_DENSE_TAKEN rows, for which the scratch holds x and dy once more. */
enum { DLI_DENSE_TAKEN = 512 };
size_t dli_dense_learn_scratch(int64_t n, int64_t in, int64_t out, int32_t workers);
void dli_dense_learn_weight(dl4c_context *ctx, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx,
                            const float *dy, const struct dli_taker *taker, float *db, void *scratch);

#endif
