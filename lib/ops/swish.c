/* SPDX-License-Identifier: Apache-2.0 */
/* swish: y = x / (1 + exp(-x)), any shape. With s = 1 / (1 + exp(-x)): dx = dy * (s + x * s * (1 - s)).
 * Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017. */
#include "ops/support.h"

static const struct dli_unary u = { DLI_SWISH, 0, 0 };

static void forward(const struct dli_exec *x) { dli_op_unary(x, &u); }

static void backward(const struct dli_exec *x) { dli_op_unary_backward(x, &u); }

const struct dli_op dli_op_swish = {
    .name = "swish",
    .doc = "x times its logistic function.",
    .dl4j = "ActivationSwish",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
