/* SPDX-License-Identifier: Apache-2.0 */
/* adam: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; update = lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). State: m, v.
 * Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. */
#include "updaters/updater.h"

#include <math.h>

struct adam {
    struct dli_updater_head head;
    double beta1, beta2, epsilon;
};

static const struct dli_attr attrs[] = {
    DLI_UPDATER_HEAD(1e-3),
    { .name = "beta1",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adam, beta1),
      .def = 0.9,
      .min = 0,
      .max = 1,
      .doc = "decay of the mean of gradients" },
    { .name = "beta2",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adam, beta2),
      .def = 0.999,
      .min = 0,
      .max = 1,
      .doc = "decay of the mean of squared gradients" },
    { .name = "epsilon",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adam, epsilon),
      .def = 1e-8,
      .min = 0,
      .max = 1e30,
      .doc = "added to the root, against division by zero" },
    { 0 },
};

/* 1 - beta^t, rounded to float after the power: near 0 that differs from the exact value in the fifth digit, and the reference has it so.
 */
static float rest(float beta, int64_t t) { return 1.0f - (float)pow((double)beta, (double)t); }

static void begin(const void *attr, double lr, int64_t t, float c[DLI_UPDATER_CONSTANTS])
{
    const struct adam *a = attr;
    const float b1 = (float)a->beta1, b2 = (float)a->beta2, epsilon = (float)a->epsilon;
    const float alpha = (float)lr * sqrtf(rest(b2, t)) / rest(b1, t);
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
    .attrs = attrs,
    .attrs_size = sizeof(struct adam),
    .n_states = 2,
    .begin = begin,
    .range = range,
};
