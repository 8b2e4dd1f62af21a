/* SPDX-License-Identifier: Apache-2.0 */
/* maximum: the greatest of all inputs, which have one shape; NaN wins. The gradient goes to the first input that is greatest. */
#include "kernels/split.h"
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_infer_equal(i, "maximum", err); }

struct loop {
    const struct dli_exec *x;
    struct dli_split split;
};

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const float dy = x->dout[i]; /* before din[0], which may be dout, is written */
        int32_t best = 0;
        for (int32_t k = 1; k < x->n_in; k++)
            if (x->in[k][i] > x->in[best][i])
                best = k;
        for (int32_t k = 0; k < x->n_in; k++)
            if (x->din[k])
                x->din[k][i] = k == best ? dy : 0;
    }
}

static void forward(const struct dli_exec *x) { dli_fold(x, DLI_MAX); }

static void backward(const struct dli_exec *x)
{
    struct loop l = { x, dli_split_items(dli_out_floats(x), x->n_in) };
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, backward_task, &l);
}

const struct dli_op dli_op_maximum = {
    .name = "maximum",
    .doc = "Maximum of inputs.",
    .dl4j = "ElementWiseVertex",
    .min_inputs = 1,
    .max_inputs = -1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN | DLI_OP_TIMES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
