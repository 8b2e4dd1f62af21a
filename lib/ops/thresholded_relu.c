/* SPDX-License-Identifier: Apache-2.0 */
/* thresholded_relu: y = x where x > theta, else 0; any shape. Konda, Memisevic and Krueger, "Zero-bias autoencoders", ICLR 2015. */
#include "ops/pointwise.h"

#include <math.h>

struct thresholded_relu {
    double theta;
};

static const struct dli_attr attrs[] = {
    { .name = "theta", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct thresholded_relu, theta), .def = 1, .doc = "where x begins" },
    { 0 },
};

static float value(const void *attr, float x) { return x <= (float)((const struct thresholded_relu *)attr)->theta ? 0 : x; /* NaN stays */ }

static float slope(const void *attr, float x) { return x > (float)((const struct thresholded_relu *)attr)->theta ? 1 : 0; }

DLI_POINTWISE_RUNS

const struct dli_op dli_op_thresholded_relu = {
    .name = "thresholded_relu",
    .doc = "Rectifier with a jump at a threshold.",
    .dl4j = "ActivationThresholdedReLU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_POINTWISE_FLAGS,
    .attrs = attrs,
    .attrs_size = sizeof(struct thresholded_relu),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
