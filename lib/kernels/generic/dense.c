/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products in 8 lanes. */
#include "kernels/kernels.h"

#include <string.h>

enum { LANES = 8 };

static inline float tree(const float s[LANES]) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

static float dot(int64_t k, const float *x, const char *w)
{
    float sum[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        float v[LANES]; /* the weight may lie at any address */
        memcpy(v, w + i * (int64_t)sizeof(float), sizeof v);
        for (int j = 0; j < LANES; j++)
            sum[j] += x[i + j] * v[j];
    }
    for (int j = 0; i < k; i++, j++) {
        float v;
        memcpy(&v, w + i * (int64_t)sizeof(float), sizeof v);
        sum[j] += x[i] * v;
    }
    return tree(sum);
}

static void dense(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y, int64_t ldy,
                  bool accumulate)
{
    for (int64_t o = 0; o < outs; o++)
        for (int64_t r = 0; r < rows; r++) {
            const float s = dot(k, x + r * ldx, (const char *)w + o * ldw * (int64_t)sizeof(float));
            y[r * ldy + o] = accumulate ? y[r * ldy + o] + s : s;
        }
}

void dli_generic_init_dense(struct dli_kernels *t) { t->dense = dense; }
