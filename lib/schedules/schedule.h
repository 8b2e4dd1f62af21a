/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule is one descriptor in one file: the value of a hyperparameter at an iteration or epoch, both counted from 0. */
#ifndef DLI_SCHEDULES_SCHEDULE_H
#define DLI_SCHEDULES_SCHEDULE_H

#include "base/attrs.h"
#include "base/context.h"

enum { DLI_BY_ITERATION = 0, DLI_BY_EPOCH = 1 };

/* What every schedule takes, first in its attributes. */
struct dli_schedule_head {
    int32_t by; /* DLI_BY_* */
    int32_t reserved;
    double value; /* at the beginning; 0: that of the hyperparameter itself */
};
extern const char *const dli_schedule_by[];
#define DLI_SCHEDULE_HEAD                                                                                                                  \
    { .name = "by",                                                                                                                        \
      .type = DL4C_ATTR_STR,                                                                                                               \
      .offset = offsetof(struct dli_schedule_head, by),                                                                                    \
      .choices = dli_schedule_by,                                                                                                          \
      .doc = "what it counts" },                                                                                                           \
    {                                                                                                                                      \
        .name = "value", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct dli_schedule_head, value), .min = 0, .max = 1e30,              \
        .doc = "value at the beginning; 0: that of the hyperparameter itself"                                                              \
    }

/* A spec made ready. */
struct dli_schedule_at {
    const struct dli_schedule *schedule; /* NULL: constant */
    void *attrs;
    void *made;                    /* by open; NULL: nothing */
    struct dli_schedule_at *inner; /* NULL: none */
};

struct dli_schedule {
    const char *name;
    const char *doc;
    const char *dl4j;             /* Deeplearning4j's class, short: "StepSchedule" */
    const struct dli_attr *attrs; /* begins with DLI_SCHEDULE_HEAD */
    size_t attrs_size;
    /* Optional: what value wants made of the attributes, from dli_alloc; checks them. */
    dl4c_status (*open)(dl4c_context *ctx, const void *attrs, void **made, struct dl4c_error *err);
    const char *(*inner)(const void *attrs); /* optional: the spec of a schedule whose value becomes `base`; NULL: none */
    double (*value)(const struct dli_schedule_at *s, double base, int64_t at); /* at: the iteration or epoch */
};

const struct dli_schedule *dli_schedule_find(const char *name);
bool dli_schedule_kind(int32_t i, struct dli_kind_entry *e);

/* text NULL: constant. */
dl4c_status dli_schedule_open(dl4c_context *ctx, const char *text, struct dli_schedule_at *out, struct dl4c_error *err);
void dli_schedule_close(struct dli_schedule_at *s); /* one that was never opened (zeros) is allowed */
double dli_schedule_value(const struct dli_schedule_at *s, double base, int64_t iteration, int64_t epoch);

#endif
