/* SPDX-License-Identifier: Apache-2.0 */
/* nadam: m and v as adam; update = lr (b1 m + (1 - b1) g) / (1 - b1^t) / (sqrt(v) + eps); v is not corrected. State: m, v.
 * Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop 2016. */
#include "updaters/updater.h"

#include <math.h>

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct dli_updater_moments *a = attr;
    const float b1 = (float)a->beta1, b2 = (float)a->beta2;
    const float rest = dli_updater_rest(b1, now->t);
    c[0] = (float)now->lr;
    c[6] = rest > 0 ? rest : (float)a->epsilon;
    c[1] = b1;
    c[2] = 1.0f - b1;
    c[3] = b2;
    c[4] = 1.0f - b2;
    c[5] = (float)a->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float lr = c[0], b1 = c[1], rest1 = c[2], b2 = c[3], rest2 = c[4], epsilon = c[5], rest = c[6];
    float *restrict m = state[0], *restrict v = state[1];
    for (size_t i = 0; i < n; i++) {
        const float part = g[i] * rest1;
        m[i] = b1 * m[i] + part;
        v[i] = b2 * v[i] + g[i] * g[i] * rest2;
        g[i] = lr * ((m[i] * b1 + part) / rest) / (sqrtf(v[i]) + epsilon);
    }
}

const struct dli_updater dli_updater_nadam = {
    .name = "nadam",
    .doc = "Adam with Nesterov's momentum.",
    .dl4j = "Nadam",
    .attrs = dli_updater_moments_attrs,
    .attrs_size = sizeof(struct dli_updater_moments),
    .n_states = 2,
    .begin = begin,
    .range = range,
};
