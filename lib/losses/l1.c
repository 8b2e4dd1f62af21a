/* SPDX-License-Identifier: Apache-2.0 */
/* l1: sum of w |a - y|; the slope at 0 is 0. */
#include "losses/loss.h"

#include <math.h>

struct l1 {
    char *weights;
};

static const struct dli_attr attrs[] = { DLI_LOSS_WEIGHTS, { 0 } };

static double term(double a, double y, double *slope)
{
    const double d = a - y;
    *slope = (double)((d > 0) - (d < 0));
    return fabs(d);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad) { return dli_loss_terms(x, i, grad, 1, term); }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_l1 = {
    .name = "l1",
    .doc = "Sum of absolute differences.",
    .dl4j = "LossL1",
    .attrs = attrs,
    .attrs_size = sizeof(struct l1),
    .binary = true,
    .separate = true,
    .compute = compute,
};
