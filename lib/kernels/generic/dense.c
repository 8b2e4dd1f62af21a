/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products in 8 lanes, and stored weights to floats. */
#include "kernels/kernels.h"

#include <string.h>

enum { LANES = 8 };

static inline float tree(const float s[LANES]) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

/* Weight number i of those stored with `bytes` each (see kernels.h), which may lie at any address. */
static inline __attribute__((always_inline)) float weight(const int bytes, const char *w, int64_t i)
{
    float v;
    if (bytes == 1)
        return (float)(signed char)w[i];
    if (bytes == 2) {
        uint16_t half;
        memcpy(&half, w + 2 * i, sizeof half);
        const uint32_t bits = (uint32_t)half << 16;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    memcpy(&v, w + 4 * i, sizeof v);
    return v;
}

static inline __attribute__((always_inline)) float dot(const int bytes, int64_t k, const float *x, const char *w)
{
    float sum[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES)
        for (int j = 0; j < LANES; j++)
            sum[j] += x[i + j] * weight(bytes, w, i + j);
    for (int j = 0; i < k; i++, j++)
        sum[j] += x[i] * weight(bytes, w, i);
    return tree(sum);
}

#define DENSE(name, bytes)                                                                                                            \
    static void name(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y,        \
                     int64_t ldy, bool accumulate)                                                                                    \
    {                                                                                                                                 \
        for (int64_t o = 0; o < outs; o++)                                                                                            \
            for (int64_t r = 0; r < rows; r++) {                                                                                      \
                const float s = dot(bytes, k, x + r * ldx, (const char *)w + o * ldw * bytes);                                        \
                y[r * ldy + o] = accumulate ? y[r * ldy + o] + s : s;                                                                 \
            }                                                                                                                         \
    }
DENSE(dense, 4)
DENSE(dense_bf16, 2)
DENSE(dense_i8, 1)

static void widen_bf16(int64_t n, const void *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = weight(2, x, i);
}

static void widen_i8(int64_t rows, int64_t columns, const void *x, const float *scale, float *y)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            y[r * columns + c] = weight(1, x, r * columns + c) * scale[c];
}

void dli_generic_init_dense(struct dli_kernels *t)
{
    t->dense = dense;
    t->dense_bf16 = dense_bf16;
    t->dense_i8 = dense_i8;
    t->widen_bf16 = widen_bf16;
    t->widen_i8 = widen_i8;
}
