/* SPDX-License-Identifier: Apache-2.0 */
/* adadelta: a = rho a + (1 - rho) g^2; update = g sqrt(d + eps) / sqrt(a + eps); d = rho d + (1 - rho) update^2. State: a, d. It takes no
 * learning rate. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012. */
#include "updaters/updater.h"

#include <math.h>

struct adadelta {
    double rho, epsilon;
};

static const struct dli_attr attrs[] = {
    { .name = "rho",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adadelta, rho),
      .def = 0.95,
      .min = 0,
      .max = 1,
      .doc = "decay of the means of squared gradients and updates" },
    { .name = "epsilon",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adadelta, epsilon),
      .def = 1e-6,
      .min = 0,
      .max = 1e30,
      .doc = "added under the roots: what the first updates follow from" },
    { 0 },
};

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct adadelta *a = attr;
    (void)now;
    c[0] = (float)a->rho;
    c[1] = 1.0f - (float)a->rho;
    c[2] = (float)a->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float rho = c[0], rest = c[1], epsilon = c[2];
    float *restrict gradients = state[0], *restrict updates = state[1];
    for (size_t i = 0; i < n; i++) {
        gradients[i] = gradients[i] * rho + g[i] * g[i] * rest;
        g[i] = g[i] * (sqrtf(updates[i] + epsilon) / sqrtf(gradients[i] + epsilon));
        updates[i] = updates[i] * rho + g[i] * g[i] * rest;
    }
}

const struct dli_updater dli_updater_adadelta = {
    .name = "adadelta",
    .doc = "Steps in proportion to the steps before, without a learning rate.",
    .dl4j = "AdaDelta",
    .attrs = attrs,
    .attrs_size = sizeof(struct adadelta),
    .no_lr = true,
    .n_states = 2,
    .begin = begin,
    .range = range,
};
