/* SPDX-License-Identifier: Apache-2.0 */
/* sparse_mcxent: mcxent under the name that Deeplearning4j gives it where labels are indices; here every loss takes indices. */
#include "losses/loss.h"

const struct dli_loss dli_loss_sparse_mcxent = {
    .name = "sparse_mcxent",
    .doc = "Multi-class cross entropy of class indices.",
    .dl4j = "LossSparseMCXENT",
    .attrs = dli_softmax_loss_attrs,
    .attrs_size = sizeof(struct dli_softmax_loss),
    .can_fuse = dli_softmax_loss_can_fuse,
    .separate = true,
    .compute = dli_softmax_loss_compute,
};
