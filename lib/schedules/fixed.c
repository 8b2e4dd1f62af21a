/* SPDX-License-Identifier: Apache-2.0 */
/* fixed: the same value always. */
#include "schedules/schedule.h"

static const struct dli_attr attrs[] = { DLI_SCHEDULE_HEAD, { 0 } };

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    (void)s;
    (void)at;
    return base;
}

const struct dli_schedule dli_schedule_fixed = {
    .name = "fixed",
    .doc = "The same value always.",
    .dl4j = "FixedSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_schedule_head),
    .value = value,
};
