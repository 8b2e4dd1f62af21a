/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of each element: activations and their derivatives, arithmetic of two arrays, scale and shift of channels. Outputs may be
 * the same array as an input (never partly overlap it). An element's bits do not depend on its place in the array. */
#ifndef DLI_KERNELS_ELEMENTWISE_H
#define DLI_KERNELS_ELEMENTWISE_H

#include "base/context.h"
#include "kernels/layout.h"

/* Derivatives at the corners are Deeplearning4j's. Vectorised exponentials, logarithms and error functions stay within 2 ulp of the
 * exact value before the outer formula is applied; NaN gives NaN and infinities what the formula gives. */
enum {
    DLI_IDENTITY,
    DLI_RELU,       /* max(x, 0); slope at 0 is 0 */
    DLI_LEAKY_RELU, /* x >= 0 ? x : a * x; slope at 0 is 1 */
    DLI_CLIP,       /* min(max(x, a), b), relu6 with 0 and 6; slope at a and b is 0 */
    DLI_SIGMOID,    /* 1 / (1 + exp(-x)) */
    DLI_TANH,
    DLI_ELU,          /* x >= 0 ? x : a * (exp(x) - 1); slope below 0 is b * exp(x), at 0 1 */
    DLI_SOFTPLUS,     /* log(1 + exp(x)) */
    DLI_SWISH,        /* x * sigmoid(x) */
    DLI_GELU_SIGMOID, /* x * sigmoid(1.702 x): what Deeplearning4j calls GELU */
    DLI_GELU_TANH,    /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
    DLI_GELU_ERF,     /* x / 2 * (1 + erf(x / sqrt(2))) */
    DLI_HARD_SIGMOID, /* min(max(a * x + b, 0), 1); Deeplearning4j: 0.2 and 0.5; slope at both corners is a */
    DLI_UNARIES
};
struct dli_unary {
    int32_t op;
    float a, b;
};

/* y = f(x). */
void dli_unary_run(dl4c_context *ctx, int32_t threads, const struct dli_unary *u, int64_t n, const float *x, float *y);

/* What the derivative is computed from: the output y where true (sigmoid, tanh, relu, clip), else the input x. relu and clip
 * give the same from either. */
bool dli_unary_wants_output(int32_t op);
/* dx = dy * f'; xy is y or x as above. */
void dli_unary_backward(dl4c_context *ctx, int32_t threads, const struct dli_unary *u, int64_t n, const float *xy, const float *dy,
                        float *dx);

enum { DLI_ADD, DLI_SUB, DLI_MUL, DLI_AVERAGE, DLI_MAX, DLI_BINARIES }; /* average: (a + b) / 2; max: NaN in either gives NaN */
/* y = a op b. */
void dli_binary_run(dl4c_context *ctx, int32_t threads, int32_t op, int64_t n, const float *a, const float *b, float *y);

/* y += alpha * x, y = alpha * x + beta. */
void dli_axpy(dl4c_context *ctx, int32_t threads, int64_t n, float alpha, const float *x, float *y);
void dli_scale(dl4c_context *ctx, int32_t threads, int64_t n, float alpha, float beta, const float *x, float *y);

/* y = scale[c] * x + shift[c] for images [n, c, hw] in `layout`; scale NULL is 1, shift NULL is 0. Rows [n, k] with a bias: plain,
 * c = k, hw = 1. In the blocked layout scale and shift still have c elements. */
void dli_channel_affine(dl4c_context *ctx, int32_t threads, int32_t layout, int64_t n, int64_t c, int64_t hw, const float *x,
                        const float *scale, const float *shift, float *y);

/* sum[c] = the sum over images and pixels of x, or of x * y where y is given; plain [n, c, hw]. Products and sums in double; an
 * image's sum has a fixed order, and images follow each other in index order. With hw = 1: column sums of [n, c]. */
void dli_channel_sum(dl4c_context *ctx, int32_t threads, int64_t n, int64_t c, int64_t hw, const float *x, const float *y, double *sum);

#endif
