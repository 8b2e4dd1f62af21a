/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products in plain C: a tile of 4 x 8 sums, which compilers keep in the registers of any machine. */
#include "kernels/kernels.h"

#include <string.h>

enum { MR = 4, NR = 8 };

static void gemm(int64_t k, const float *a, const float *b, float *c, int64_t ldc, int64_t rows, int64_t cols, bool accumulate)
{
    float sum[MR][NR] = { { 0 } };
    for (int64_t p = 0; p < k; p++)
        for (int i = 0; i < MR; i++)
            for (int j = 0; j < NR; j++)
                sum[i][j] += a[p * MR + i] * b[p * NR + j];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum[i][j] : sum[i][j];
}

static inline float load(const char *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void pack(float *panel, int64_t width, const void *src, int64_t n, int64_t k, int64_t step_i, int64_t step_p)
{
    const char *from = src;
    const int64_t size = sizeof(float);
    for (int64_t first = 0; first < n; first += width)
        for (int64_t p = 0; p < k; p++)
            for (int64_t i = 0; i < width; i++)
                panel[first * k + p * width + i] = first + i < n ? load(from + ((first + i) * step_i + p * step_p) * size) : 0;
}

static void row(int64_t k, const void *a, int64_t step_a, const void *b, int64_t ldb, int64_t cols, float *sum)
{
    const int64_t size = sizeof(float);
    for (int64_t j = 0; j < cols; j++)
        sum[j] = 0;
    for (int64_t p = 0; p < k; p++) {
        const float v = load((const char *)a + p * step_a * size);
        const char *from = (const char *)b + p * ldb * size;
        for (int64_t j = 0; j < cols; j++)
            sum[j] += v * load(from + j * size);
    }
}

void dli_generic_init_gemm(struct dli_kernels *t)
{
    t->gemm_mr = MR;
    t->gemm_nr = NR;
    t->gemm = gemm;
    t->gemm_pack = pack;
    t->gemm_row = row;
}
