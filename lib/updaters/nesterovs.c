/* SPDX-License-Identifier: Apache-2.0 */
/* nesterovs: v = mu v - lr g; update = mu v_before - (1 + mu) v. State: v.
 * Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013. */
#include "updaters/updater.h"

struct nesterovs {
    struct dli_updater_head head;
    double momentum;
};

static const struct dli_attr attrs[] = {
    DLI_UPDATER_HEAD(0.1),
    { .name = "momentum",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct nesterovs, momentum),
      .def = 0.9,
      .min = 0,
      .max = 1,
      .doc = "share of the velocity that is kept" },
    { 0 },
};

static void begin(const void *attr, double lr, int64_t t, float c[DLI_UPDATER_CONSTANTS])
{
    (void)t;
    c[0] = (float)lr;
    c[1] = (float)((const struct nesterovs *)attr)->momentum;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float lr = c[0], mu = c[1], less = -mu - 1.0f;
    float *restrict v = state[0];
    for (size_t i = 0; i < n; i++) {
        const float kept = mu * v[i];
        v[i] = kept - lr * g[i];
        g[i] = kept + less * v[i];
    }
}

const struct dli_updater dli_updater_nesterovs = {
    .name = "nesterovs",
    .doc = "Stochastic gradient descent with Nesterov's momentum.",
    .dl4j = "Nesterovs",
    .attrs = attrs,
    .attrs_size = sizeof(struct nesterovs),
    .n_states = 1,
    .begin = begin,
    .range = range,
};
