/* SPDX-License-Identifier: Apache-2.0 */
/* l2: sum of w (a - y)^2; da = 2 w (a - y). */
#include "losses/loss.h"

struct l2 {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_squares_row(x, i, grad, 1.0); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_l2 = {
    .name = "l2",
    .doc = "Sum of squared differences.",
    .dl4j = "LossL2",
    .attrs = attrs,
    .attrs_size = sizeof(struct l2),
    .binary = true,
    .separate = true,
    .compute = compute,
};
