/* SPDX-License-Identifier: Apache-2.0 */
/* cosine_proximity: -(y . a) / (|y| |a|), norms kept above 1e-5. */
#include "losses/loss.h"

#include <math.h>

static double above(double v) { return v < 1e-5 ? 1e-5 : v; } /* NaN stays */

static double row(const struct dli_loss_exec *x, int64_t i, float *grad)
{
    const float *a = x->a + i * x->k;
    const double weight = dli_loss_row_weight(x, i);
    double dot = 0, aa = 0, yy = 0;
    for (int64_t j = 0; j < x->k; j++) {
        const double y = dli_loss_target(x, i, j);
        dot += (double)a[j] * y;
        aa += (double)a[j] * (double)a[j];
        yy += y * y;
    }
    const double size = above(sqrt(aa)), target_size = above(sqrt(yy)), divisor = target_size * size * above(aa);
    for (int64_t j = 0; grad && j < x->k; j++)
        grad[j] = (float)(-weight * (dli_loss_target(x, i, j) * aa - (double)a[j] * dot) / divisor);
    return -weight * dot / (size * target_size);
}
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_cosine_proximity = {
    .name = "cosine_proximity",
    .doc = "Cosine of the angle between outputs and targets, negative.",
    .dl4j = "LossCosineProximity",
    .compute = compute,
};
