/* SPDX-License-Identifier: Apache-2.0 */
/* poisson: sum of a - y log(a): the negative log likelihood of counts y with means a, but for what a does not change. */
#include "losses/loss.h"

#include <math.h>

static double term(double a, double y, double *slope)
{
    *slope = 1 - y / a;
    return a - y * log(a);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_poisson = {
    .name = "poisson",
    .doc = "Negative log likelihood of counts.",
    .dl4j = "LossPoisson",
    .separate = true,
    .compute = compute,
};
