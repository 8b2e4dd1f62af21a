/* SPDX-License-Identifier: Apache-2.0 */
/* sigmoid: value / (1 + exp(-gamma (i - step))). */
#include "schedules/schedule.h"

#include <math.h>

struct sigmoid {
    struct dli_schedule_head head;
    double gamma;
    int64_t step;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "gamma",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct sigmoid, gamma),
      .min = -1e30,
      .max = 1e30,
      .doc = "how steep it is; below 0 it falls" },
    { .name = "step",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct sigmoid, step),
      .min = 0,
      .max = 1 << 30,
      .doc = "iteration or epoch at which the value is half" },
    { 0 },
};

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct sigmoid *a = s->attrs;
    return base / (1 + exp(-a->gamma * (double)(at - a->step)));
}

const struct dli_schedule dli_schedule_sigmoid = {
    .name = "sigmoid",
    .doc = "Rises from near 0 along a logistic curve.",
    .dl4j = "SigmoidSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct sigmoid),
    .value = value,
};
