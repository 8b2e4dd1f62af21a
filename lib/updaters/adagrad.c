/* SPDX-License-Identifier: Apache-2.0 */
/* adagrad: h = h + g^2; update = lr g / (sqrt(h) + eps). State: h, which begins at eps.
 * Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR 2011. */
#include "updaters/updater.h"

#include <math.h>

struct adagrad {
    struct dli_updater_head head;
    double epsilon;
};

static const struct dli_attr attrs[] = {
    DLI_UPDATER_HEAD(0.1),
    { .name = "epsilon",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct adagrad, epsilon),
      .def = 1e-6,
      .min = 0,
      .max = 1e30,
      .doc = "added to the root, against division by zero; where the sum begins" },
    { 0 },
};

static float initial(const void *attr, int32_t state)
{
    (void)state;
    return (float)((const struct adagrad *)attr)->epsilon;
}

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    c[0] = (float)now->lr;
    c[1] = (float)((const struct adagrad *)attr)->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float lr = c[0], epsilon = c[1];
    float *restrict h = state[0];
    for (size_t i = 0; i < n; i++) {
        h[i] += g[i] * g[i];
        g[i] = g[i] * lr / (sqrtf(h[i]) + epsilon);
    }
}

const struct dli_updater dli_updater_adagrad = {
    .name = "adagrad",
    .doc = "Gradients divided by the root of the sum of their squares.",
    .dl4j = "AdaGrad",
    .attrs = attrs,
    .attrs_size = sizeof(struct adagrad),
    .n_states = 1,
    .initial = initial,
    .begin = begin,
    .range = range,
};
