/* SPDX-License-Identifier: Apache-2.0 */
/* The weighted mean of vectors, in plain C that compilers turn into vector code; memory is what it waits for. */
#include "kernels/mean.h"

#include <string.h>

enum { PIECE = 512 }; /* floats; their sums stay in the first-level cache */

static void add(int64_t n, double weight, const float *restrict x, double *restrict sum)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += weight * (double)x[i];
}

void dli_mean(int64_t n, const float *const *x, const int64_t *weights, int32_t n_x, double total, float *const *y, int32_t n_y)
{
    const double scale = 1.0 / total;
    double sum[PIECE];
    float mean[PIECE];
    for (int64_t at = 0; at < n; at += PIECE) {
        const int64_t m = n - at < PIECE ? n - at : PIECE;
        memset(sum, 0, sizeof sum);
        for (int32_t k = 0; k < n_x; k++)
            if (weights[k] != 0)
                add(m, (double)weights[k], x[k] + at, sum);
        for (int64_t i = 0; i < m; i++)
            mean[i] = (float)(sum[i] * scale);
        for (int32_t k = 0; k < n_y; k++)
            memcpy(y[k] + at, mean, (size_t)m * sizeof *mean);
    }
}
