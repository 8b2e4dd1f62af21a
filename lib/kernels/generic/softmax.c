/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of one row in plain C, summed in 8 lanes. */
#include "kernels/kernels.h"

#include <math.h>

enum { LANES = 8 };

static inline float tree(const float s[LANES]) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

static float maximum(size_t k, const float *x)
{
    float m = x[0];
    for (size_t i = 1; i < k; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

static void softmax(size_t k, const float *x, float *y)
{
    const float m = maximum(k, x);
    float s[LANES] = { 0 };
    for (size_t i = 0; i < k; i++) {
        y[i] = expf(x[i] - m);
        s[i % LANES] += y[i];
    }
    const float sum = tree(s);
    for (size_t i = 0; i < k; i++)
        y[i] /= sum;
}

static void log_softmax(size_t k, const float *x, float *y)
{
    const float m = maximum(k, x);
    float s[LANES] = { 0 };
    for (size_t i = 0; i < k; i++)
        s[i % LANES] += expf(x[i] - m);
    const float log_sum = logf(tree(s));
    for (size_t i = 0; i < k; i++)
        y[i] = x[i] - m - log_sum;
}

static void softmax_backward(size_t k, const float *y, const float *dy, float *dx)
{
    float s[LANES] = { 0 };
    for (size_t i = 0; i < k; i++)
        s[i % LANES] += dy[i] * y[i];
    const float dot = tree(s);
    for (size_t i = 0; i < k; i++)
        dx[i] = y[i] * (dy[i] - dot);
}

void dli_generic_init_softmax(struct dli_kernels *t)
{
    t->softmax = softmax;
    t->log_softmax = log_softmax;
    t->softmax_backward = softmax_backward;
}
