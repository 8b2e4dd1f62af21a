/* SPDX-License-Identifier: Apache-2.0 */
/* The weighted mean of vectors, for averaging parameters. */
#ifndef DLI_KERNELS_MEAN_H
#define DLI_KERNELS_MEAN_H

#include "kernels/kernels.h"

/* y[m][i] = the sum over k in index order of weights[k] * x[k][i], divided by `total`, for every one of n_y vectors y; sums and quotient
 * in double. Whole weights below 2^29 make the products exact; the quotient is a product with 1 / total, which moves the double by less
 * than 2^-51 of itself before it is rounded to float. x and y may share memory where x[k] + i is y[m] + i. Vectors with a weight of 0 are
 * not read. */
static inline void dli_mean(int64_t n, const float *const *x, const int64_t *weights, int32_t n_x, double total, float *const *y,
                            int32_t n_y)
{
    dli_kernels()->mean(n, x, weights, n_x, total, y, n_y);
}

#endif
