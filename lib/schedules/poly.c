/* SPDX-License-Identifier: Apache-2.0 */
/* poly: value * (1 + i / max_iter)^power, and 0 from max_iter on. Deeplearning4j's has this plus, so that it grows until it ends. */
#include "schedules/schedule.h"

#include <math.h>

struct poly {
    struct dli_schedule_head head;
    double power;
    int64_t max_iter;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "max_iter",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct poly, max_iter),
      .min = 1,
      .max = 1 << 30,
      .doc = "iteration or epoch from which the value is 0" },
    { .name = "power",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct poly, power),
      .def = 1,
      .min = -1e30,
      .max = 1e30,
      .doc = "of the growth" },
    { 0 },
};

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct poly *a = s->attrs;
    return at >= a->max_iter ? 0 : base * pow(1 + (double)at / (double)a->max_iter, a->power);
}

const struct dli_schedule dli_schedule_poly = {
    .name = "poly",
    .doc = "Grows with a power of the share done, then is 0.",
    .dl4j = "PolySchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct poly),
    .value = value,
};
