/* SPDX-License-Identifier: Apache-2.0 */
/* mse: l2 divided by the number of outputs. */
#include "losses/loss.h"

struct mse {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_squares_row(x, i, grad, 1.0 / (double)x->k); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_mse = {
    .name = "mse",
    .doc = "Mean of squared differences.",
    .dl4j = "LossMSE",
    .attrs = attrs,
    .attrs_size = sizeof(struct mse),
    .binary = true,
    .separate = true,
    .compute = compute,
};
