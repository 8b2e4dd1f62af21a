/* SPDX-License-Identifier: Apache-2.0 */
/* scale: y = factor * x, any shape. */
#include "ops/support.h"

struct scale {
    double factor;
};

static const struct dli_attr attrs[] = {
    { .name = "factor", .type = DL4C_ATTR_FLOAT, .required = true, .offset = offsetof(struct scale, factor), .doc = "factor" },
    { 0 },
};

static void forward(const struct dli_exec *x)
{
    dli_scale(x->ctx, x->threads, dli_out_floats(x), (float)((const struct scale *)x->attrs)->factor, 0, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_scale(x->ctx, x->threads, dli_out_floats(x), (float)((const struct scale *)x->attrs)->factor, 0, x->dout, x->din[0]);
}

const struct dli_op dli_op_scale = {
    .name = "scale",
    .doc = "The input times a number.",
    .dl4j = "ScaleVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_TIMES,
    .attrs = attrs,
    .attrs_size = sizeof(struct scale),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
