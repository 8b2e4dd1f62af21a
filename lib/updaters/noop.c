/* SPDX-License-Identifier: Apache-2.0 */
/* noop: the gradient itself is subtracted, as running statistics want it. */
#include "updaters/updater.h"

static void begin(const void *attr, double lr, int64_t t, float c[DLI_UPDATER_CONSTANTS])
{
    (void)attr;
    (void)lr;
    (void)t;
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
