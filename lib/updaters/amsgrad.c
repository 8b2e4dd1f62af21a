/* SPDX-License-Identifier: Apache-2.0 */
/* amsgrad: m and v as adam; h = max(h, v); update = lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(h) + eps). State: m, v, h.
 * Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", ICLR 2018. */
#include "updaters/updater.h"

#include <math.h>

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct dli_updater_moments *a = attr;
    const float b1 = (float)a->beta1, b2 = (float)a->beta2;
    const float alpha = (float)now->lr * sqrtf(dli_updater_rest(b2, now->t)) / dli_updater_rest(b1, now->t);
    c[0] = isfinite(alpha) ? alpha : (float)a->epsilon;
    c[1] = b1;
    c[2] = 1.0f - b1;
    c[3] = b2;
    c[4] = 1.0f - b2;
    c[5] = (float)a->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float alpha = c[0], b1 = c[1], rest1 = c[2], b2 = c[3], rest2 = c[4], epsilon = c[5];
    float *restrict m = state[0], *restrict v = state[1], *restrict h = state[2];
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + g[i] * rest1;
        v[i] = b2 * v[i] + g[i] * g[i] * rest2;
        h[i] = h[i] < v[i] ? v[i] : h[i];
        g[i] = m[i] * alpha / (sqrtf(h[i]) + epsilon);
    }
}

const struct dli_updater dli_updater_amsgrad = {
    .name = "amsgrad",
    .doc = "Adam with the greatest of all second moments.",
    .dl4j = "AMSGrad",
    .attrs = dli_updater_moments_attrs,
    .attrs_size = sizeof(struct dli_updater_moments),
    .n_states = 3,
    .begin = begin,
    .range = range,
};
