/* SPDX-License-Identifier: Apache-2.0 */
/* flatten: the row as one axis, in the order of channels, height, width. */
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    i->out.rank = 1;
    i->out.batch = i->in[0].batch;
    return dli_shape_elements(&i->in[0], &i->out.dim[0], err);
}

static void forward(const struct dli_exec *x) { dli_copy(x, dli_out_floats(x), x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_op dli_op_flatten = {
    .name = "flatten",
    .doc = "All axes of a row as one.",
    .dl4j = "CnnToFeedForwardPreProcessor",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_VIEW,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
