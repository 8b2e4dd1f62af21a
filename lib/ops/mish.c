/* SPDX-License-Identifier: Apache-2.0 */
/* mish: y = x * tanh(log(1 + exp(x))), any shape.
 * Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    return x * tanhf((x > 0 ? x : 0) + log1pf(expf(-fabsf(x))));
}

static float slope(const void *attr, float x)
{
    (void)attr;
    const float t = tanhf((x > 0 ? x : 0) + log1pf(expf(-fabsf(x)))), s = 1 / (1 + expf(-x));
    return t + x * s * (1 - t * t);
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_mish = {
    .name = "mish",
    .doc = "Product with the hyperbolic tangent of softplus.",
    .dl4j = "ActivationMish",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
