/* SPDX-License-Identifier: Apache-2.0 */
/* adamax: m = b1 m + (1 - b1) g; u = max(b2 u, |g|) + 1e-32; update = lr / (1 - b1^t) * m / u. State: m, u.
 * Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 7.1. */
#include "updaters/updater.h"

#include <math.h>

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct dli_updater_moments *a = attr;
    const float b1 = (float)a->beta1, b2 = (float)a->beta2;
    const float alpha = (float)now->lr / dli_updater_rest(b1, now->t);
    c[0] = isfinite(alpha) ? alpha : (float)a->epsilon;
    c[1] = b1;
    c[2] = 1.0f - b1;
    c[3] = b2;
    c[4] = 1.0f - b2;
    c[5] = (float)a->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float alpha = c[0], b1 = c[1], rest1 = c[2], b2 = c[3];
    float *restrict m = state[0], *restrict u = state[1];
    for (size_t i = 0; i < n; i++) {
        const float kept = b2 * u[i], now = fabsf(g[i]);
        m[i] = b1 * m[i] + g[i] * rest1;
        u[i] = (kept < now ? now : kept) + 1e-32f; /* never 0 */
        g[i] = m[i] * alpha / u[i];
    }
}

const struct dli_updater dli_updater_adamax = {
    .name = "adamax",
    .doc = "Adam with the infinity norm.",
    .dl4j = "AdaMax",
    .attrs = dli_updater_moments_attrs,
    .attrs_size = sizeof(struct dli_updater_moments),
    .n_states = 2,
    .begin = begin,
    .range = range,
};
