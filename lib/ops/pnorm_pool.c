/* SPDX-License-Identifier: Apache-2.0 */
/* pnorm_pool: [c, h, w] -> [c, oh, ow], (sum |x|^p)^(1/p) over each window's cells in the image. A cell gets
 * dy * sum^(1/p - 1) * |x|^(p - 1) * sign(x). Gulcehre et al., "Learned-Norm Pooling for Deep Feedforward and Recurrent Neural
 * Networks", ECML 2014. */
#include "ops/pooling.h"

struct pnorm {
    struct dli_pool_attrs pool;
    int64_t p;
};

static const struct dli_attr attrs[] = {
    DLI_POOL_ATTRS,
    { .name = "p", .type = DL4C_ATTR_INT, .offset = offsetof(struct pnorm, p), .def = 2, .min = 1, .max = 64, .doc = "the norm's power" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_pool_infer(i, "pnorm_pool", err); }

static void forward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    dli_pool_norm(x->ctx, x->threads, &p, ((const struct pnorm *)x->attrs)->p, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_pooling p = dli_pool_of(x, DLI_POOL_AVERAGE);
    if (x->din[0])
        dli_pool_norm_backward(x->ctx, x->threads, &p, ((const struct pnorm *)x->attrs)->p, x->in[0], x->dout, x->din[0]);
}

const struct dli_op dli_op_pnorm_pool = {
    .name = "pnorm_pool",
    .doc = "p-norm of windows of an image.",
    .dl4j = "SubsamplingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct pnorm),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
