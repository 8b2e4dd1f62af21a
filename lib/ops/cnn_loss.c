/* SPDX-License-Identifier: Apache-2.0 */
/* cnn_loss: maps as they are, with an activation and a loss for every pixel; without parameters. */
#include "ops/support.h"

const struct dli_op dli_op_cnn_loss = {
    .name = "cnn_loss",
    .doc = "A loss for every pixel of maps.",
    .dl4j = "CnnLossLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK,
    .attrs = dli_loss_attrs,
    .attrs_size = sizeof(struct dli_loss_attr),
    .infer = dli_infer_same,
    .forward = dli_pass_forward,
    .backward = dli_pass_backward,
};
