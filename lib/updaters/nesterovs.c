/* SPDX-License-Identifier: Apache-2.0 */
/* nesterovs: v = mu v - lr g; update = mu v_before - (1 + mu) v. State: v.
 * Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013. */
#include "updaters/updater.h"

struct nesterovs {
    struct dli_updater_head head;
    double momentum;
    char *momentum_schedule; /* spec; NULL: constant */
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
    { .name = "momentum_schedule",
      .type = DL4C_ATTR_STR,
      .offset = offsetof(struct nesterovs, momentum_schedule),
      .doc = "how the momentum changes: \"exponential(gamma=0.95)\" ..." },
    { 0 },
};

static double momentum(const void *attr, const char **schedule)
{
    const struct nesterovs *a = attr;
    *schedule = a->momentum_schedule;
    return a->momentum;
}

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    (void)attr;
    c[0] = (float)now->lr;
    c[1] = (float)now->momentum;
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
    .momentum = momentum,
    .kernel = DLI_UPDATE_NESTEROVS,
    .begin = begin,
    .range = range,
};
