/* SPDX-License-Identifier: Apache-2.0 */
/* wasserstein: mean of y a, for a critic whose targets are 1 and -1.
 * Arjovsky, Chintala and Bottou, "Wasserstein Generative Adversarial Networks", ICML 2017. */
#include "losses/loss.h"

#include <math.h>

static double term(double a, double y, double *slope)
{
    *slope = y;
    return y * a;
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1.0 / (double)x->k, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_wasserstein = {
    .name = "wasserstein",
    .doc = "Mean of products with the targets.",
    .dl4j = "LossWasserstein",
    .separate = true,
    .compute = compute,
};
