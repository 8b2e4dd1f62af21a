/* SPDX-License-Identifier: Apache-2.0 */
/* selu: y = 1.0507 x where x > 0, else 1.0507 * 1.67326 * (exp(x) - 1); any shape.
 * Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017: the two numbers in full. */
#include "ops/pointwise.h"

#include <math.h>

#define LAMBDA       1.0507009873554804934f
#define LAMBDA_ALPHA (1.0507009873554804934f * 1.6732632423543772848f)

static float value(const void *attr, float x)
{
    (void)attr;
    return x > 0 ? LAMBDA * x : LAMBDA_ALPHA * expm1f(x);
}

static float slope(const void *attr, float x)
{
    (void)attr;
    return x > 0 ? LAMBDA : LAMBDA_ALPHA * expf(x);
}

DLI_POINTWISE_RUNS

const struct dli_op dli_op_selu = {
    .name = "selu",
    .doc = "Scaled exponential linear unit.",
    .dl4j = "ActivationSELU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
