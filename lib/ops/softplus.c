/* SPDX-License-Identifier: Apache-2.0 */
/* softplus: y = log(1 + exp(x)), any shape. dx = dy / (1 + exp(-x)). */
#include "ops/support.h"

static const struct dli_unary u = { DLI_SOFTPLUS, 0, 0 };

static void forward(const struct dli_exec *x) { dli_op_unary(x, &u); }

static void backward(const struct dli_exec *x) { dli_op_unary_backward(x, &u); }

const struct dli_op dli_op_softplus = {
    .name = "softplus",
    .doc = "Smooth rectifier.",
    .dl4j = "ActivationSoftPlus",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
