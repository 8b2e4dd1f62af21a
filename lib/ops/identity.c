/* SPDX-License-Identifier: Apache-2.0 */
/* identity: y = x, any shape. */
#include "ops/support.h"

const struct dli_op dli_op_identity = {
    .name = "identity",
    .doc = "The input as it is.",
    .dl4j = "ActivationIdentity",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_VIEW | DLI_OP_BLOCKED,
    .infer = dli_infer_same,
    .forward = dli_pass_forward,
    .backward = dli_pass_backward,
};
