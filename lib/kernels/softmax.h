/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of rows. */
#ifndef DLI_KERNELS_SOFTMAX_H
#define DLI_KERNELS_SOFTMAX_H

#include "base/context.h"

/* y[r][i] = exp(x[r][i] - max) / sum, rows x k, contiguous; y may be x. The sum has a fixed order for a given k. A row with NaN or
 * +infinity gives NaN throughout; k = 0 does nothing. */
void dli_softmax_rows(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *x, float *y);

/* y[r][i] = x[r][i] - max - log(sum): finite where softmax underflows to 0. */
void dli_log_softmax_rows(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *x, float *y);

/* dx[r][i] = y[r][i] * (dy[r][i] - sum over j of dy[r][j] * y[r][j]), y being the softmax; dx may be y or dy. */
void dli_softmax_backward(dl4c_context *ctx, int32_t threads, int64_t rows, int64_t k, const float *y, const float *dy, float *dx);

#endif
