/* SPDX-License-Identifier: Apache-2.0 */
/* cycle: from `initial` up to `max` and down again in straight lines, then below `initial` for the rest of the cycle; and again.
 * Smith, "A disciplined approach to neural network hyper-parameters", 2018. */
#include "schedules/schedule.h"

#include <math.h>

struct cycle {
    struct dli_schedule_head head;
    double initial, max, annealing_decay;
    int64_t cycle_length, annealing_length;
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "max",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct cycle, max),
      .min = 0,
      .max = 1e30,
      .doc = "greatest value" },
    { .name = "cycle_length",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct cycle, cycle_length),
      .min = 1,
      .max = 1 << 30,
      .doc = "iterations or epochs of a cycle" },
    { .name = "initial",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct cycle, initial),
      .min = 0,
      .max = 1e30,
      .doc = "value at the beginning; 0: a tenth of the greatest" },
    { .name = "annealing_length",
      .type = DL4C_ATTR_INT,
      .offset = offsetof(struct cycle, annealing_length),
      .def = -1,
      .min = -1,
      .max = 1 << 30,
      .doc = "how much of it lies below the first value; -1: a tenth" },
    { .name = "annealing_decay",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct cycle, annealing_decay),
      .def = 0.1,
      .min = 0,
      .max = 1e30,
      .doc = "what each iteration or epoch of that multiplies by" },
    { 0 },
};

static int64_t annealing(const struct cycle *a)
{
    return a->annealing_length >= 0 ? a->annealing_length : (int64_t)floor((double)a->cycle_length * 0.1 + 0.5);
}

static dl4c_status check(dl4c_context *ctx, const void *attr, void **made, struct dl4c_error *err)
{
    const struct cycle *a = attr;
    (void)ctx;
    (void)made;
    if (a->initial > a->max)
        return dli_fail(err, DL4C_E_INVALID, "cycle", "initial is above max");
    if (annealing(a) > a->cycle_length)
        return dli_fail(err, DL4C_E_INVALID, "cycle", "annealing_length %" PRId64 " is above cycle_length %" PRId64, annealing(a),
                        a->cycle_length);
    return DL4C_OK;
}

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct cycle *a = s->attrs;
    const double low = a->initial > 0 ? a->initial : 0.1 * a->max;
    const int64_t half = (a->cycle_length - annealing(a)) / 2, i = at % a->cycle_length;
    const double increment = (a->max - low) / (double)half; /* not used where half is 0 */
    (void)base;
    if (i < half)
        return low + increment * (double)i;
    if (i < 2 * half)
        return a->max - increment * (double)(i - half);
    return low * pow(a->annealing_decay, (double)(annealing(a) - (a->cycle_length - i)));
}

const struct dli_schedule dli_schedule_cycle = {
    .name = "cycle",
    .doc = "Up, down and below, cycle after cycle.",
    .dl4j = "CycleSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct cycle),
    .open = check,
    .value = value,
};
