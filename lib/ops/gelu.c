/* SPDX-License-Identifier: Apache-2.0 */
/* gelu: y = x * P(Z <= x) of a standard normal Z, any shape: exact (erf), or by one of its two approximations.
 * Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016. */
#include "ops/support.h"

static const char *const forms[] = { "sigmoid", "tanh", "erf", NULL };

struct gelu {
    int32_t form, reserved;
};

static const struct dli_attr attrs[] = {
    { .name = "form", .type = DL4C_ATTR_STR, .offset = offsetof(struct gelu, form), .def_text = "sigmoid", .choices = forms,
      .doc = "sigmoid: x * sigmoid(1.702 x), which is Deeplearning4j's; tanh; erf: exact" },
    { 0 },
};

static struct dli_unary unary(const void *attr)
{
    const struct gelu *a = attr;
    return (struct dli_unary){ DLI_GELU_SIGMOID + a->form, 0, 0 };
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

const struct dli_op dli_op_gelu = {
    .name = "gelu",
    .doc = "Gaussian error linear unit.",
    .dl4j = "ActivationGELU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct gelu),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
