/* SPDX-License-Identifier: Apache-2.0 */
/* kld: Kullback and Leibler's divergence, sum of y log(y / a). For the score both are kept between 1e-5 and 1; the slope is -y / a without
 * that, as Deeplearning4j has both. */
#include "losses/loss.h"

#include <math.h>

static double term(double a, double y, double *slope)
{
    const double p = a < 1e-5 ? 1e-5 : a > 1 ? 1 : a, q = y < 1e-5 ? 1e-5 : y > 1 ? 1 : y; /* NaN stays */
    *slope = y != 0 ? -y / a : 0;
    return q * log(q / p);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_kld = {
    .name = "kld",
    .doc = "Divergence of the outputs from the targets.",
    .dl4j = "LossKLD",
    .separate = true,
    .compute = compute,
};
