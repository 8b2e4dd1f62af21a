/* SPDX-License-Identifier: Apache-2.0 */
/* rectified_tanh: y = max(tanh(x), 0), any shape; the slope at 0 is 0. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    return x < 0 ? 0 : tanhf(x);
}

static float slope(const void *attr, float x)
{
    (void)attr;
    const float t = tanhf(x);
    return x > 0 ? 1 - t * t : 0;
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_rectified_tanh = {
    .name = "rectified_tanh",
    .doc = "Hyperbolic tangent, 0 below 0.",
    .dl4j = "ActivationRectifiedTanh",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
