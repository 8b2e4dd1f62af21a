/* SPDX-License-Identifier: Apache-2.0 */
/* squared_hinge: sum of max(0, 1 - y a)^2, for targets of -1 and 1. */
#include "losses/loss.h"

#include <math.h>

static double term(double a, double y, double *slope)
{
    const double t = 1 - y * a;
    *slope = t > 0 ? -2 * t * y : 0;
    return t < 0 ? 0 : t * t; /* NaN stays */
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_squared_hinge = {
    .name = "squared_hinge",
    .doc = "Squared hinge loss of targets -1 and 1.",
    .dl4j = "LossSquaredHinge",
    .separate = true,
    .compute = compute,
};
