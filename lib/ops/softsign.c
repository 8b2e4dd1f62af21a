/* SPDX-License-Identifier: Apache-2.0 */
/* softsign: y = x / (1 + |x|), any shape. */
#include "ops/pointwise.h"

#include <math.h>

static float value(const void *attr, float x)
{
    (void)attr;
    return x / (1 + fabsf(x));
}

static float slope(const void *attr, float x)
{
    (void)attr;
    const float t = 1 + fabsf(x);
    return 1 / (t * t);
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_softsign = {
    .name = "softsign",
    .doc = "x over one more than its magnitude.",
    .dl4j = "ActivationSoftSign",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
