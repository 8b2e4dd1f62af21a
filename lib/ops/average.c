/* SPDX-License-Identifier: Apache-2.0 */
/* average: the mean of all inputs, which have one shape: their sum in their order, times 1 / n. Every input gets dy / n. */
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_infer_equal(i, "average", err); }

static void forward(const struct dli_exec *x)
{
    dli_fold(x, DLI_ADD);
    dli_scale(x->ctx, x->threads, dli_out_floats(x), 1.0f / (float)x->n_in, 0, x->out, x->out);
}

static void backward(const struct dli_exec *x)
{
    for (int32_t k = x->n_in; k-- > 0;) /* din[0], which may be dout, last */
        if (x->din[k])
            dli_scale(x->ctx, x->threads, dli_out_floats(x), 1.0f / (float)x->n_in, 0, x->dout, x->din[k]);
}

const struct dli_op dli_op_average = {
    .name = "average",
    .doc = "Mean of inputs.",
    .dl4j = "ElementWiseVertex",
    .min_inputs = 1,
    .max_inputs = -1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_TIMES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
