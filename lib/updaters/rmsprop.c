/* SPDX-License-Identifier: Apache-2.0 */
/* rmsprop: c = decay c + (1 - decay) g^2; update = lr g / (sqrt(c) + eps). State: c, which begins at eps.
 * Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012. */
#include "updaters/updater.h"

#include <math.h>

struct rmsprop {
    struct dli_updater_head head;
    double decay, epsilon;
};

static const struct dli_attr attrs[] = {
    DLI_UPDATER_HEAD(0.1),
    { .name = "decay",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct rmsprop, decay),
      .def = 0.95,
      .min = 0,
      .max = 1,
      .doc = "decay of the mean of squared gradients" },
    { .name = "epsilon",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct rmsprop, epsilon),
      .def = 1e-8,
      .min = 0,
      .max = 1e30,
      .doc = "added to the root, against division by zero; where the mean begins" },
    { 0 },
};

static float initial(const void *attr, int32_t state)
{
    (void)state;
    return (float)((const struct rmsprop *)attr)->epsilon;
}

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    const struct rmsprop *a = attr;
    c[0] = (float)now->lr;
    c[1] = (float)a->decay;
    c[2] = 1.0f - (float)a->decay;
    c[3] = (float)a->epsilon;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float lr = c[0], decay = c[1], rest = c[2], epsilon = c[3];
    float *restrict mean = state[0];
    for (size_t i = 0; i < n; i++) {
        mean[i] = mean[i] * decay + g[i] * g[i] * rest;
        g[i] = g[i] * lr / (sqrtf(mean[i]) + epsilon);
    }
}

const struct dli_updater dli_updater_rmsprop = {
    .name = "rmsprop",
    .doc = "Gradients divided by the root of their mean square.",
    .dl4j = "RmsProp",
    .attrs = attrs,
    .attrs_size = sizeof(struct rmsprop),
    .n_states = 1,
    .initial = initial,
    .begin = begin,
    .range = range,
};
