/* SPDX-License-Identifier: Apache-2.0 */
/* loss: the input as it is, with an activation and a loss; without parameters. */
#include "ops/support.h"

struct loss {
    char *loss; /* a spec; first, where DLI_OP_OUTPUT promises it */
};

static const struct dli_attr attrs[] = {
    { .name = "loss",
      .type = DL4C_ATTR_STR,
      .offset = offsetof(struct loss, loss),
      .def_text = "negative_log_likelihood",
      .doc = "what training minimises: \"negative_log_likelihood\", \"mcxent\", \"xent\", \"mse\" ..." },
    { 0 },
};

static void forward(const struct dli_exec *x) { dli_copy(x, dli_out_floats(x), x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_op dli_op_loss = {
    .name = "loss",
    .doc = "A loss for the input.",
    .dl4j = "LossLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK,
    .attrs = attrs,
    .attrs_size = sizeof(struct loss),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
