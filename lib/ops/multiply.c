/* SPDX-License-Identifier: Apache-2.0 */
/* multiply: the product of all inputs, which have one shape; in their order. Each gets dy times the product of the others. */
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_infer_equal(i, "multiply", err); }

static void forward(const struct dli_exec *x) { dli_fold(x, DLI_MUL); }

static void backward(const struct dli_exec *x)
{
    const int64_t n = dli_out_floats(x);
    for (int32_t k = x->n_in; k-- > 0;) { /* din[0], which may be dout, last */
        const float *d = x->dout;
        if (!x->din[k])
            continue;
        for (int32_t j = 0; j < x->n_in; j++)
            if (j != k) {
                dli_binary_run(x->ctx, x->threads, DLI_MUL, n, d, x->in[j], x->din[k]);
                d = x->din[k];
            }
        dli_copy(x, n, d, x->din[k]);
    }
}

const struct dli_op dli_op_multiply = {
    .name = "multiply",
    .doc = "Product of inputs.",
    .dl4j = "ElementWiseVertex",
    .min_inputs = 1,
    .max_inputs = -1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN | DLI_OP_TIMES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
