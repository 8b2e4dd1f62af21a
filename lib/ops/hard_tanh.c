/* SPDX-License-Identifier: Apache-2.0 */
/* hard_tanh: y = min(max(x, -1), 1), any shape. The slope at both corners is 1. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    return x < -1 ? -1 : x > 1 ? 1 : x; /* NaN stays */
}

static float slope(const void *attr, float x)
{
    (void)attr;
    return x >= -1 && x <= 1 ? 1 : 0;
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_hard_tanh = {
    .name = "hard_tanh",
    .doc = "Piecewise linear hyperbolic tangent.",
    .dl4j = "ActivationHardTanH",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
