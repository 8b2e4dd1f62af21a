/* SPDX-License-Identifier: Apache-2.0 */
/* loss: the input as it is, with an activation and a loss; without parameters. */
#include "ops/support.h"

const struct dli_op dli_op_loss = {
    .name = "loss",
    .doc = "A loss for the input.",
    .dl4j = "LossLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK,
    .attrs = dli_loss_attrs,
    .attrs_size = sizeof(struct dli_loss_attr),
    .infer = dli_infer_same,
    .forward = dli_pass_forward,
    .backward = dli_pass_backward,
};
