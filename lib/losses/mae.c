/* SPDX-License-Identifier: Apache-2.0 */
/* mae: l1 divided by the number of outputs. */
#include "losses/loss.h"

#include <math.h>

struct mae {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double term(double a, double y, double *slope)
{
    const double d = a - y;
    *slope = (double)((d > 0) - (d < 0));
    return fabs(d);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1.0 / (double)x->k, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_mae = {
    .name = "mae",
    .doc = "Mean of absolute differences.",
    .dl4j = "LossMAE",
    .attrs = attrs,
    .attrs_size = sizeof(struct mae),
    .binary = true,
    .separate = true,
    .compute = compute,
};
