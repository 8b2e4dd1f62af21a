/* SPDX-License-Identifier: Apache-2.0 */
/* sgd: update = lr * g. */
#include "updaters/updater.h"

static const struct dli_attr attrs[] = { DLI_UPDATER_HEAD(1e-3), { 0 } };

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    (void)attr;
    c[0] = (float)now->lr;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    const float lr = c[0];
    (void)state;
    for (size_t i = 0; i < n; i++)
        g[i] *= lr;
}

const struct dli_updater dli_updater_sgd = {
    .name = "sgd",
    .doc = "Stochastic gradient descent.",
    .dl4j = "Sgd",
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_updater_head),
    .kernel = DLI_UPDATE_SGD,
    .begin = begin,
    .range = range,
};
