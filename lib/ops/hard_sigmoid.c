/* SPDX-License-Identifier: Apache-2.0 */
/* hard_sigmoid: y = min(max(alpha * x + beta, 0), 1), any shape. The slope at both corners is alpha. */
#include "ops/support.h"

struct hard_sigmoid {
    double alpha, beta;
};

static const struct dli_attr attrs[] = {
    { .name = "alpha", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct hard_sigmoid, alpha), .def = 0.2, .doc = "slope" },
    { .name = "beta", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct hard_sigmoid, beta), .def = 0.5, .doc = "value at 0" },
    { 0 },
};

static struct dli_unary unary(const void *attr)
{
    const struct hard_sigmoid *a = attr;
    return (struct dli_unary){ DLI_HARD_SIGMOID, (float)a->alpha, (float)a->beta };
}

static void forward(const struct dli_exec *x)
{
    const struct dli_unary u = unary(x->attrs);
    dli_op_unary(x, &u);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_unary u = unary(x->attrs);
    dli_op_unary_backward(x, &u);
}

const struct dli_op dli_op_hard_sigmoid = {
    .name = "hard_sigmoid",
    .doc = "Piecewise linear logistic function.",
    .dl4j = "ActivationHardSigmoid",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct hard_sigmoid),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
