/* SPDX-License-Identifier: Apache-2.0 */
/* step: value * decay^floor(i / step). */
#include "schedules/schedule.h"

#include <math.h>

struct step {
    struct dli_schedule_head head;
    double decay, step;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "decay",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct step, decay),
      .min = 0,
      .max = 1e30,
      .doc = "what each step multiplies by" },
    { .name = "step",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct step, step),
      .min = 1e-30,
      .max = 1e30,
      .doc = "iterations or epochs from one step to the next" },
    { 0 },
};

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct step *a = s->attrs;
    return base * pow(a->decay, floor((double)at / a->step));
}

const struct dli_schedule dli_schedule_step = {
    .name = "step",
    .doc = "Multiplied by decay every so many iterations or epochs.",
    .dl4j = "StepSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct step),
    .value = value,
};
