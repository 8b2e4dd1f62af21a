/* SPDX-License-Identifier: Apache-2.0 */
/* max_pool: [c, h, w] -> [c, oh, ow], the greatest cell of each window; cells outside the image do not count, a window without any
 * gives 0. The gradient goes to the first maximum in scan order. */
#include "ops/pooling.h"

static const struct dli_attr attrs[] = { DLI_POOL_ATTRS, { 0 } };

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_pool_infer(i, "max_pool", err); }

static void forward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_MAX);
    dli_pool_run(x->ctx, x->threads, &p, x->out_layout, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_MAX);
    if (x->din[0])
        dli_pool_backward(x->ctx, x->threads, &p, x->in[0], x->dout, x->din[0]);
}

const struct dli_op dli_op_max_pool = {
    .name = "max_pool",
    .doc = "Maximum of windows of an image.",
    .dl4j = "SubsamplingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_pool_attrs),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
