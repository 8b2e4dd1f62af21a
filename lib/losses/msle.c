/* SPDX-License-Identifier: Apache-2.0 */
/* msle: mean of w log((1 + a) / (1 + y))^2. */
#include "losses/loss.h"

#include <math.h>

struct msle {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double term(double a, double y, double *slope)
{
    const double ratio = log((1 + a) / (1 + y));
    *slope = 2 * ratio / (1 + a);
    return ratio * ratio;
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1.0 / (double)x->k, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_msle = {
    .name = "msle",
    .doc = "Mean of squared differences of logarithms.",
    .dl4j = "LossMSLE",
    .attrs = attrs,
    .attrs_size = sizeof(struct msle),
    .binary = true,
    .separate = true,
    .compute = compute,
};
