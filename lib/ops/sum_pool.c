/* SPDX-License-Identifier: Apache-2.0 */
/* sum_pool: [c, h, w] -> [c, oh, ow], the sum of each window's cells in the image, every one of which gets its gradient. */
#include "ops/pooling.h"

static const struct dli_attr attrs[] = { DLI_POOL_ATTRS, { 0 } };

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_pool_infer(i, "sum_pool", err); }

static void forward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    dli_pool_norm(x->ctx, x->threads, &p, 0, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    if (x->din[0])
        dli_pool_norm_backward(x->ctx, x->threads, &p, 0, NULL, x->dout, x->din[0]);
}

const struct dli_op dli_op_sum_pool = {
    .name = "sum_pool",
    .doc = "Sum of windows of an image.",
    .dl4j = "SubsamplingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_pool_attrs),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
