/* SPDX-License-Identifier: Apache-2.0 */
/* mape: 100 times the mean of w |(y - a) / y|. Targets of 0 give infinity. */
#include "losses/loss.h"

#include <math.h>

struct mape {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double term(double a, double y, double *slope)
{
    const double d = a - y;
    *slope = (double)((d > 0) - (d < 0)) / fabs(y);
    return fabs(d / y);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 100.0 / (double)x->k, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_mape = {
    .name = "mape",
    .doc = "Mean of absolute differences in percent of the target.",
    .dl4j = "LossMAPE",
    .attrs = attrs,
    .attrs_size = sizeof(struct mape),
    .separate = true,
    .compute = compute,
};
