/* SPDX-License-Identifier: Apache-2.0 */
/* leaky_relu: y = x where x >= 0, else leak * x; any shape. The slope at 0 is 1, as Deeplearning4j has it.
 * Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML workshop 2013. */
#include "ops/support.h"

struct leaky_relu {
    double leak;
};

static const struct dli_attr attrs[] = {
    { .name = "leak", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct leaky_relu, leak), .def = 0.01, .doc = "slope for x < 0" },
    { 0 },
};

static struct dli_unary unary(const void *attr)
{
    const struct leaky_relu *a = attr;
    return (struct dli_unary){ DLI_LEAKY_RELU, (float)a->leak, 0 };
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

const struct dli_op dli_op_leaky_relu = {
    .name = "leaky_relu",
    .doc = "Leaky rectifier.",
    .dl4j = "ActivationLReLU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct leaky_relu),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
