/* SPDX-License-Identifier: Apache-2.0 */
/* exponential: value * gamma^i. */
#include "schedules/schedule.h"

#include <math.h>

struct exponential {
    struct dli_schedule_head head;
    double gamma;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "gamma",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct exponential, gamma),
      .min = 0,
      .max = 1e30,
      .doc = "what each iteration or epoch multiplies by" },
    { 0 },
};

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    return base * pow(((const struct exponential *)s->attrs)->gamma, (double)at);
}

const struct dli_schedule dli_schedule_exponential = {
    .name = "exponential",
    .doc = "Multiplied by gamma each time.",
    .dl4j = "ExponentialSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct exponential),
    .value = value,
};
