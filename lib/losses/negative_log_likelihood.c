/* SPDX-License-Identifier: Apache-2.0 */
/* negative_log_likelihood: mcxent under the name that classifiers know it by. */
#include "losses/loss.h"

const struct dli_loss dli_loss_negative_log_likelihood = {
    .name = "negative_log_likelihood",
    .doc = "Negative log likelihood of the right class.",
    .dl4j = "LossNegativeLogLikelihood",
    .attrs = dli_softmax_loss_attrs,
    .attrs_size = sizeof(struct dli_softmax_loss),
    .can_fuse = dli_softmax_loss_can_fuse,
    .separate = true,
    .compute = dli_softmax_loss_compute,
};
