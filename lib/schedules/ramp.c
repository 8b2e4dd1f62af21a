/* SPDX-License-Identifier: Apache-2.0 */
/* ramp: value * (i + 1) / n for the first n iterations, then value; value may be another schedule's. */
#include "schedules/schedule.h"

struct ramp {
    struct dli_schedule_head head;
    int64_t n;
    char *of;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "n",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct ramp, n),
      .min = 1,
      .max = 1 << 30,
      .doc = "iterations or epochs until the whole value" },
    { .name = "of",
      .type = DL4C_ATTR_STR,
      .offset = offsetof(struct ramp, of),
      .doc = "a schedule that gives the value: \"step(decay=0.5,step=100)\"; not given: constant" },
    { 0 },
};

static const char *inner(const void *attr) { return ((const struct ramp *)attr)->of; }

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct ramp *a = s->attrs;
    return at >= a->n - 1 ? base : base * ((double)(at + 1) / (double)a->n);
}

const struct dli_schedule dli_schedule_ramp = {
    .name = "ramp",
    .doc = "Rises in a straight line to the value.",
    .dl4j = "RampSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct ramp),
    .inner = inner,
    .value = value,
};
