/* SPDX-License-Identifier: Apache-2.0 */
/* subtract: the first input less the second. They get dy and -dy. */
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_infer_equal(i, "subtract", err); }

static void forward(const struct dli_exec *x) { dli_fold(x, DLI_SUB); }

static void backward(const struct dli_exec *x)
{
    const int64_t n = dli_out_floats(x);
    if (x->din[1])
        dli_scale(x->ctx, x->threads, n, -1, 0, x->dout, x->din[1]);
    if (x->din[0])
        dli_copy(x, n, x->dout, x->din[0]);
}

const struct dli_op dli_op_subtract = {
    .name = "subtract",
    .doc = "Difference of two inputs.",
    .dl4j = "ElementWiseVertex",
    .min_inputs = 2,
    .max_inputs = 2,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_TIMES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
