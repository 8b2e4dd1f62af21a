/* SPDX-License-Identifier: Apache-2.0 */
/* inverse: value / (1 + gamma i)^power. */
#include "schedules/schedule.h"

#include <math.h>

struct inverse {
    struct dli_schedule_head head;
    double gamma, power;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "gamma",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct inverse, gamma),
      .min = 0,
      .max = 1e30,
      .doc = "how fast it falls" },
    { .name = "power",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct inverse, power),
      .def = 1,
      .min = 0,
      .max = 1e30,
      .doc = "of the divisor" },
    { 0 },
};

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct inverse *a = s->attrs;
    return base / pow(1 + a->gamma * (double)at, a->power);
}

const struct dli_schedule dli_schedule_inverse = {
    .name = "inverse",
    .doc = "Divided by a power that grows with each iteration or epoch.",
    .dl4j = "InverseSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct inverse),
    .value = value,
};
