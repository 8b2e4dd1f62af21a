/* SPDX-License-Identifier: Apache-2.0 */
/* shift: y = x + value, any shape. */
#include "ops/support.h"

struct shift {
    double value;
};

static const struct dli_attr attrs[] = {
    { .name = "value", .type = DL4C_ATTR_FLOAT, .required = true, .offset = offsetof(struct shift, value), .doc = "summand" },
    { 0 },
};

static void forward(const struct dli_exec *x)
{
    dli_scale(x->ctx, x->threads, dli_out_floats(x), 1, (float)((const struct shift *)x->attrs)->value, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_op dli_op_shift = {
    .name = "shift",
    .doc = "The input plus a number.",
    .dl4j = "ShiftVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_TIMES,
    .attrs = attrs,
    .attrs_size = sizeof(struct shift),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
