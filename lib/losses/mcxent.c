/* SPDX-License-Identifier: Apache-2.0 */
/* mcxent: multi-class cross entropy, -sum of w y log(a). */
#include "losses/loss.h"

const struct dli_loss dli_loss_mcxent = {
    .name = "mcxent",
    .doc = "Multi-class cross entropy.",
    .dl4j = "LossMCXENT",
    .attrs = dli_softmax_loss_attrs,
    .attrs_size = sizeof(struct dli_softmax_loss),
    .can_fuse = dli_softmax_loss_can_fuse,
    .separate = true,
    .compute = dli_softmax_loss_compute,
};
