/* SPDX-License-Identifier: Apache-2.0 */
/* tanh: any shape. dx = dy * (1 - y * y). */
#include "ops/support.h"

static const struct dli_unary u = { DLI_TANH, 0, 0 };

static void forward(const struct dli_exec *x) { dli_op_unary(x, &u); }

static void backward(const struct dli_exec *x) { dli_op_unary_backward(x, &u); }

const struct dli_op dli_op_tanh = {
    .name = "tanh",
    .doc = "Hyperbolic tangent.",
    .dl4j = "ActivationTanH",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_OUT,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
