/* SPDX-License-Identifier: Apache-2.0 */
/* cube: y = x^3, any shape. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    return x * x * x;
}

static float slope(const void *attr, float x)
{
    (void)attr;
    return 3 * x * x;
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_cube = {
    .name = "cube",
    .doc = "Third power.",
    .dl4j = "ActivationCube",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
