/* SPDX-License-Identifier: Apache-2.0 */
/* rational_tanh: y = 1.7159 * r(2 x / 3) with r(v) = sign(v) * (1 - 1 / (1 + |v| + v^2 + 1.41645 v^4)), which is near tanh; any shape.
 * LeCun et al., "Efficient BackProp", 1998, for the two factors. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    const float v = x * (2 / 3.0f), t = fabsf(v), square = v * v;
    return copysignf(1.7159f * (1 - 1 / (1 + t + square + 1.41645f * square * square)), v);
}

static float slope(const void *attr, float x)
{
    (void)attr;
    const float v = x * (2 / 3.0f), t = fabsf(v), square = v * v, a = 1 + t + square + 1.41645f * square * square;
    return 1.7159f * (2 / 3.0f) * (1 + 2 * t + 4 * 1.41645f * square * t) / (a * a);
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_rational_tanh = {
    .name = "rational_tanh",
    .doc = "Rational approximation of a scaled hyperbolic tangent.",
    .dl4j = "ActivationRationalTanh",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
