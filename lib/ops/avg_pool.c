/* SPDX-License-Identifier: Apache-2.0 */
/* avg_pool: [c, h, w] -> [c, oh, ow], the mean of each window over its cells in the image or, with include_pad, over those in the padded
 * image. The gradient is shared out evenly over the cells in the image. */
#include "ops/pooling.h"

static const struct dli_attr attrs[] = {
    DLI_POOL_ATTRS,
    { .name = "include_pad", .type = DL4C_ATTR_INT, .offset = DLI_POOL_AT(include_pad), .min = 0, .max = 1,
      .doc = "1: cells of the padding count in the divisor" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_pool_infer(i, "avg_pool", err); }

static void forward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    dli_pool_run(x->ctx, x->threads, &p, x->out_layout, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    if (x->din[0])
        dli_pool_backward(x->ctx, x->threads, &p, NULL, x->dout, x->din[0]);
}

const struct dli_op dli_op_avg_pool = {
    .name = "avg_pool",
    .doc = "Mean of windows of an image.",
    .dl4j = "SubsamplingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BLOCKED,
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_pool_attrs),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
