/* SPDX-License-Identifier: Apache-2.0 */
/* output: a dense layer with a loss. The loss is computed from the activation that follows, by whoever trains. */
#include "ops/linear.h"

struct output {
    char *loss; /* a spec; first, where DLI_OP_OUTPUT promises it */
    struct dli_linear linear;
};

static const struct dli_attr attrs[] = {
    DLI_LOSS_ATTR(struct output),
    DLI_LINEAR_ATTRS(struct output, linear),
    { 0 },
};

static const struct dli_linear *linear(const void *attr) { return &((const struct output *)attr)->linear; }

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_linear_infer(linear(i->attrs), i, "output", err); }

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err) { return dli_linear_prepare(linear(p->attrs), p, err); }

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    dli_linear_pack(linear(p->attrs), p, params, threads, packed);
}

static void forward(const struct dli_exec *x) { dli_linear_forward(linear(x->attrs), x); }

static void backward(const struct dli_exec *x) { dli_linear_backward(linear(x->attrs), x); }

const struct dli_op dli_op_output = {
    .name = "output",
    .doc = "Fully connected layer with a loss.",
    .dl4j = "OutputLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct output),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
