/* SPDX-License-Identifier: Apache-2.0 */
/* elu: y = x where x >= 0, else alpha * (exp(x) - 1); any shape. The slope at 0 is 1, below 0 alpha * exp(x) or, where
 * `slope` is given, slope * exp(x): Deeplearning4j leaves alpha out of it.
 * Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", ICLR 2016. */
#include "ops/support.h"

struct elu {
    double alpha, slope;
};

static const struct dli_attr attrs[] = {
    { .name = "alpha", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct elu, alpha), .def = 1,
      .doc = "minus the limit towards minus infinity" },
    { .name = "slope", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct elu, slope), .min = 0, .max = 1e30,
      .doc = "factor of exp(x) in the slope; 0: alpha; 1: as Deeplearning4j has it" },
    { 0 },
};

static struct dli_unary unary(const void *attr)
{
    const struct elu *a = attr;
    return (struct dli_unary){ DLI_ELU, (float)a->alpha, (float)(a->slope > 0 ? a->slope : a->alpha) };
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

const struct dli_op dli_op_elu = {
    .name = "elu",
    .doc = "Exponential linear unit.",
    .dl4j = "ActivationELU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct elu),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
