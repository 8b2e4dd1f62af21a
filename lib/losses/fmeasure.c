/* SPDX-License-Identifier: Apache-2.0 */
/* fmeasure: 1 - F of the whole minibatch, F = (1 + b^2) tp / ((1 + b^2) tp + b^2 fn + fp) with counts weighted by probabilities. It has no
 * score of a row: each gets an equal share. The output is the probability of the second of two classes, or those of both.
 * Pastor-Pellicer, Zamora-Martinez, Espana-Boquera and Castro-Bleda, "F-Measure as the Error Function to Train Neural Networks", IWANN
 * 2013. */
#include "losses/loss.h"

#include <math.h>

struct fmeasure {
    double beta;
};

static const struct dli_attr attrs[] = {
    { .name = "beta",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct fmeasure, beta),
      .def = 1,
      .min = 1e-30,
      .max = 1e15,
      .doc = "how much recall counts beside precision" },
    { 0 },
};

static double target(const struct dli_loss_exec *x, int64_t i) { return dli_loss_target(x, i, x->k - 1); }

static void compute(const struct dli_loss_exec *x)
{
    const double b2 = ((const struct fmeasure *)x->attrs)->beta * ((const struct fmeasure *)x->attrs)->beta;
    double tp = 0, fp = 0, fn = 0;
    for (int64_t i = 0; i < x->n; i++) {
        const double w = dli_loss_row_weight(x, i), y = w * target(x, i), other = w - y, p = (double)x->a[i * x->k + x->k - 1];
        tp += y * p;
        fp += other * p;
        fn += y * (x->k == 1 ? 1 - p : (double)x->a[i * x->k]);
    }
    const double top = (1 + b2) * tp, bottom = top + b2 * fn + fp;
    const bool nothing = top == 0 && bottom == 0;
    for (int64_t i = 0; i < x->n; i++) {
        x->score[i] = nothing ? 0 : (1 - top / bottom) / (double)x->n;
        if (!x->grad)
            continue;
        const double slope = nothing ? 0 : top / (bottom * bottom) - (1 + b2) * target(x, i) / bottom;
        if (x->k == 2)
            x->grad[i * 2] = 0;
        x->grad[i * x->k + x->k - 1] = (float)(slope * dli_loss_row_weight(x, i));
    }
}

static dl4c_status check(const void *own, int64_t k, struct dl4c_error *err)
{
    (void)own;
    return k == 1 || k == 2 ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "loss", "fmeasure wants 1 or 2 outputs, found %" PRId64, k);
}

const struct dli_loss dli_loss_fmeasure = {
    .name = "fmeasure",
    .doc = "One less the F measure of two classes, over the minibatch.",
    .dl4j = "LossFMeasure",
    .attrs = attrs,
    .attrs_size = sizeof(struct fmeasure),
    .binary = true,
    .check = check,
    .compute = compute,
};
