/* SPDX-License-Identifier: Apache-2.0 */
/* relu6: y = min(max(x, 0), 6), any shape. The slope at both corners is 0. Sandler et al., "MobileNetV2", CVPR 2018. */
#include "ops/support.h"

static const struct dli_unary u = { DLI_CLIP, 0, 6 };

static bool as_clip(const void *attr, float *lo, float *hi)
{
    (void)attr;
    *lo = 0;
    *hi = 6;
    return true;
}

static void forward(const struct dli_exec *x) { dli_op_unary(x, &u); }

static void backward(const struct dli_exec *x) { dli_op_unary_backward(x, &u); }

const struct dli_op dli_op_relu6 = {
    .name = "relu6",
    .doc = "Rectifier that stops at 6.",
    .dl4j = "ActivationReLU6",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_OUT,
    .infer = dli_infer_same,
    .as_clip = as_clip,
    .forward = forward,
    .backward = backward,
};
