/* SPDX-License-Identifier: Apache-2.0 */
/* identity: y = x, any shape. */
#include "ops/support.h"

static void forward(const struct dli_exec *x) { dli_copy(x, dli_out_floats(x), x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_op dli_op_identity = {
    .name = "identity",
    .doc = "The input as it is.",
    .dl4j = "ActivationIdentity",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_VIEW | DLI_OP_BLOCKED,
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
