/* SPDX-License-Identifier: Apache-2.0 */
/* noop: the gradient itself is subtracted, as running statistics want it. */
#include "updaters/updater.h"

static void begin(const void *attr, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS])
{
    (void)attr;
    (void)now;
    (void)c;
}

static void range(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state)
{
    (void)c;
    (void)n;
    (void)g;
    (void)state;
}

const struct dli_updater dli_updater_noop = {
    .name = "noop",
    .doc = "Subtracts the gradient as it is.",
    .dl4j = "NoOp",
    .begin = begin,
    .range = range,
};
