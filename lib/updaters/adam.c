/* SPDX-License-Identifier: Apache-2.0 */
/* adam: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; update = lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). State: m, v.
 * Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. */
#include "updaters/updater.h"

#include <math.h>

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct dli_updater_moments *a = attr;
    const float b1 = (float)a->beta1, b2 = (float)a->beta2, epsilon = (float)a->epsilon;
    const float alpha = (float)now->lr * sqrtf(dli_updater_rest(b2, now->t)) / dli_updater_rest(b1, now->t);
    c[0] = isfinite(alpha) ? alpha : epsilon;
    c[1] = b1;
    c[2] = 1.0f - b1;
    c[3] = b2;
    c[4] = 1.0f - b2;
    c[5] = epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float alpha = c[0], b1 = c[1], rest1 = c[2], b2 = c[3], rest2 = c[4], epsilon = c[5];
    float *restrict m = state[0], *restrict v = state[1];
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + g[i] * rest1;
        v[i] = b2 * v[i] + g[i] * g[i] * rest2;
        g[i] = m[i] * alpha / (sqrtf(v[i]) + epsilon);
    }
}

const struct dli_updater dli_updater_adam = {
    .name = "adam",
    .doc = "Adaptive moment estimation.",
    .dl4j = "Adam",
    .attrs = dli_updater_moments_attrs,
    .attrs_size = sizeof(struct dli_updater_moments),
    .n_states = 2,
    .kernel = DLI_UPDATE_ADAM,
    .begin = begin,
    .range = range,
};
