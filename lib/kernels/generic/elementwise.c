/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions with the C library's mathematics: what the vectorised ones are measured against. */
#include "kernels/elementwise.h"

#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

#define SQRT_2_OVER_PI 0.797884560802865356f
#define SQRT_HALF      0.707106781186547524f
#define GELU_CUBIC     0.044715f
#define GELU_SLOPE     1.702f

static inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

static inline float gelu_inner(float x) { return SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x); }

#define EACH(expression)                                                                                                                   \
    for (size_t i = 0; i < n; i++) {                                                                                                       \
        const float v = x[i];                                                                                                              \
        y[i] = (expression);                                                                                                               \
    }                                                                                                                                      \
    break

static void unary(const struct dli_unary *u, size_t n, const float *x, float *y)
{
    const float a = u->a, b = u->b;
    switch (u->op) {
    case DLI_RELU: EACH(0 > v ? 0 : v); /* as the vector maximum: NaN stays NaN */
    case DLI_LEAKY_RELU: EACH(v < 0 ? a * v : v);
    case DLI_CLIP: EACH(b < (a > v ? a : v) ? b : (a > v ? a : v));
    case DLI_SIGMOID: EACH(sigmoid(v));
    case DLI_TANH: EACH(tanhf(v));
    case DLI_ELU: EACH(v < 0 ? a * expm1f(v) : v);
    case DLI_SOFTPLUS: EACH((0 > v ? 0 : v) + log1pf(expf(-fabsf(v))));
    case DLI_SWISH: EACH(v * sigmoid(v));
    case DLI_GELU_SIGMOID: EACH(v * sigmoid(GELU_SLOPE * v));
    case DLI_GELU_TANH: EACH(0.5f * v * (1 + tanhf(gelu_inner(v))));
    case DLI_GELU_ERF: EACH(0.5f * v * (1 + erff(SQRT_HALF * v)));
    case DLI_HARD_SIGMOID: EACH(1 < (0 > a * v + b ? 0 : a * v + b) ? 1 : (0 > a * v + b ? 0 : a * v + b));
    default:
        if (y != x)
            memcpy(y, x, n * sizeof *y);
        break;
    }
}

static inline float swish_slope(float x, float beta)
{
    const float s = sigmoid(beta * x);
    return s + beta * x * s * (1 - s);
}

static inline float gelu_tanh_slope(float x)
{
    const float t = tanhf(gelu_inner(x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
}

static inline float gelu_erf_slope(float x) { return 0.5f * (1 + erff(SQRT_HALF * x)) + x * expf(-0.5f * x * x) * (0.5f * SQRT_2_OVER_PI); }

#define EACH_SLOPE(expression)                                                                                                             \
    for (size_t i = 0; i < n; i++) {                                                                                                       \
        const float v = xy[i], d = dy[i];                                                                                                  \
        dx[i] = (expression);                                                                                                              \
    }                                                                                                                                      \
    break

static void unary_backward(const struct dli_unary *u, size_t n, const float *xy, const float *dy, float *dx)
{
    const float a = u->a, b = u->b;
    switch (u->op) {
    case DLI_RELU: EACH_SLOPE(v > 0 ? d : 0);
    case DLI_LEAKY_RELU: EACH_SLOPE(v < 0 ? a * d : d);
    case DLI_CLIP: EACH_SLOPE(v > a && v < b ? d : 0);
    case DLI_SIGMOID: EACH_SLOPE(d * (v * (1 - v)));
    case DLI_TANH: EACH_SLOPE(d * (1 - v * v));
    case DLI_ELU: EACH_SLOPE(v < 0 ? d * (b * expf(v)) : d);
    case DLI_SOFTPLUS: EACH_SLOPE(d * sigmoid(v));
    case DLI_SWISH: EACH_SLOPE(d * swish_slope(v, 1));
    case DLI_GELU_SIGMOID: EACH_SLOPE(d * swish_slope(v, GELU_SLOPE));
    case DLI_GELU_TANH: EACH_SLOPE(d * gelu_tanh_slope(v));
    case DLI_GELU_ERF: EACH_SLOPE(d * gelu_erf_slope(v));
    case DLI_HARD_SIGMOID: EACH_SLOPE(a * v + b >= 0 && a * v + b <= 1 ? d * a : 0);
    default:
        if (dx != dy)
            memcpy(dx, dy, n * sizeof *dx);
        break;
    }
}

#define EACH_PAIR(expression)                                                                                                              \
    for (size_t i = 0; i < n; i++) {                                                                                                       \
        const float v = a[i], w = b[i];                                                                                                    \
        y[i] = (expression);                                                                                                               \
    }                                                                                                                                      \
    break

static void binary(int32_t op, size_t n, const float *a, const float *b, float *y)
{
    switch (op) {
    case DLI_ADD: EACH_PAIR(v + w);
    case DLI_SUB: EACH_PAIR(v - w);
    case DLI_MUL: EACH_PAIR(v * w);
    case DLI_AVERAGE: EACH_PAIR(0.5f * (v + w));
    default: EACH_PAIR(v > w || v != v ? v : w);
    }
}

static void axpy(size_t n, float alpha, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += alpha * x[i];
}

static void scale(size_t n, float alpha, float beta, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = alpha * x[i] + beta;
}

static void affine(size_t n, const float *by, const float *shift, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = by[i] * x[i] + shift[i];
}

static void affine_blocked(int64_t block, int64_t hw, const float *by, const float *shift, const float *x, float *y)
{
    for (int64_t p = 0; p < hw; p++)
        for (int64_t l = 0; l < block; l++)
            y[p * block + l] = by[l] * x[p * block + l] + shift[l];
}

void dli_generic_init_elementwise(struct dli_kernels *t)
{
    t->unary = unary;
    t->unary_backward = unary_backward;
    t->binary = binary;
    t->axpy = axpy;
    t->scale = scale;
    t->affine = affine;
    t->affine_blocked = affine_blocked;
}
