/* SPDX-License-Identifier: Apache-2.0 */
/* xent: binary cross entropy of each output, -sum of w (y log(p) + (1 - y) log(1 - p)), p being a kept clip_eps from 0 and 1.
 * da = w (p - y) / (p (1 - p)); with a sigmoid dz = da a (1 - a), which is w (a - y) where nothing was clipped. */
#include "losses/loss.h"

#include <math.h>

struct xent {
    char *weights;
    double clip_eps;
};

static const struct dli_attr attrs[] = {
    DLI_LOSS_WEIGHTS,
    { .name = "clip_eps",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct xent, clip_eps),
      .def = 1e-5,
      .min = 0,
      .max = 0.5,
      .doc = "probabilities are kept this far from 0 and 1" },
    { 0 },
};

static double row(const struct dli_loss_exec *x, int64_t i, float *grad)
{
    const struct xent *at = x->attrs;
    const float *a = x->a + i * x->k, low = (float)at->clip_eps, high = (float)(1.0 - at->clip_eps);
    const double row_weight = dli_loss_row_weight(x, i);
    double score = 0;
    for (int64_t j = 0; j < x->k; j++) {
        const float kept = a[j] < low ? low : a[j] > high ? high : a[j]; /* NaN stays */
        const double p = (double)kept, y = dli_loss_target(x, i, j), w = dli_loss_weight(x, i, j);
        /* Where y is 0 or 1 the other term is nothing, also without clipping, where its logarithm may be infinite. */
        score -= w * ((y != 0 ? y * log(p) : 0.0) + (y != 1 ? (1 - y) * log1p(-p) : 0.0));
        if (!grad)
            continue;
        if (x->fused && kept == a[j])
            grad[j] = (float)(row_weight * w * (p - y));
        else
            grad[j] = (float)(row_weight * w * (p - y) / (p * (1 - p)) * (x->fused ? (double)a[j] * (1 - (double)a[j]) : 1.0));
    }
    return score * row_weight;
}

static bool can_fuse(int32_t act) { return act == DLI_LOSS_ACT_SIGMOID; }
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

const struct dli_loss dli_loss_xent = {
    .name = "xent",
    .doc = "Binary cross entropy of each output.",
    .dl4j = "LossBinaryXENT",
    .attrs = attrs,
    .attrs_size = sizeof(struct xent),
    .binary = true,
    .can_fuse = can_fuse,
    .separate = true,
    .compute = compute,
};
