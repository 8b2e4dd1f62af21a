/* SPDX-License-Identifier: Apache-2.0 */
/* multi_label: mean of exp(a_n - a_p) over all pairs of a class p that a row has and one n that it has not; 0 where there is no such pair.
 * Zhang and Zhou, "Multilabel Neural Networks with Applications to Functional Genomics and Text Categorization", IEEE TKDE 2006. */
#include "losses/loss.h"

#include <math.h>

static double row(const struct dli_loss_exec *x, int64_t i, float *grad)
{
    const float *a = x->a + i * x->k;
    const double weight = dli_loss_row_weight(x, i);
    double positive = 0, score = 0;
    int64_t negative = 0;
    for (int64_t j = 0; j < x->k; j++) {
        const double y = dli_loss_target(x, i, j);
        positive += y;
        negative += y == 0;
        score += (double)a[j] * 0; /* NaN stays where there are no pairs */
    }
    const bool pairs = negative > 0 && negative < x->k;
    for (int64_t j = 0; j < x->k; j++) {
        const double y = dli_loss_target(x, i, j);
        double above = 0, below = 0;
        for (int64_t m = 0; pairs && m < x->k; m++) {
            const double other = dli_loss_target(x, i, m);
            if (y == 0)
                above += other * exp((double)a[j] - (double)a[m]);
            if (y != 0 && other == 0)
                below += y * exp((double)a[m] - (double)a[j]);
        }
        const double norm = (double)negative * positive;
        if (pairs)
            score += below / norm;
        if (grad)
            grad[j] = pairs ? (float)(weight * (above - below) / norm) : 0.0f;
    }
    return weight * score;
}
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_multi_label = {
    .name = "multi_label",
    .doc = "Ranks the classes that a row has above those that it has not.",
    .dl4j = "LossMultiLabel",
    .compute = compute,
};
