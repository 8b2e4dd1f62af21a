/* SPDX-License-Identifier: Apache-2.0 */
/* An updater is one descriptor in one file: from a gradient and its own state to what is subtracted from the parameters. Everything is
 * computed in float as Deeplearning4j does, so that half-trained runs go on with the same numbers. */
#ifndef DLI_UPDATERS_UPDATER_H
#define DLI_UPDATERS_UPDATER_H

#include "base/attrs.h"
#include "base/context.h"
#include "base/strbuf.h"
#include "kernels/update.h"

enum { DLI_UPDATER_STATES = 3, DLI_UPDATER_CONSTANTS = 8 };

/* What every updater that learns takes, first in its attributes. */
struct dli_updater_head {
    double lr;
    char *lr_schedule; /* spec; NULL: constant */
};
#define DLI_UPDATER_HEAD(lr_default)                                                                                                       \
    { .name = "lr",                                                                                                                        \
      .type = DL4C_ATTR_FLOAT,                                                                                                             \
      .offset = offsetof(struct dli_updater_head, lr),                                                                                     \
      .def = (lr_default),                                                                                                                 \
      .min = 0,                                                                                                                            \
      .max = 1e30,                                                                                                                         \
      .doc = "learning rate" },                                                                                                            \
    {                                                                                                                                      \
        .name = "lr_schedule", .type = DL4C_ATTR_STR, .offset = offsetof(struct dli_updater_head, lr_schedule),                            \
        .doc = "how the learning rate changes: \"step(decay=0.5,step=10)\" ..."                                                            \
    }

/* What adam and its kin take. */
struct dli_updater_moments {
    struct dli_updater_head head;
    double beta1, beta2, epsilon;
};
extern const struct dli_attr dli_updater_moments_attrs[];

/* What changes from step to step. */
struct dli_updater_now {
    double lr, momentum; /* by their schedules */
    int64_t t;           /* steps, from 1 */
};

struct dli_updater {
    const char *name;
    const char *doc;
    const char *dl4j;             /* Deeplearning4j's class, short: "Nesterovs" */
    const struct dli_attr *attrs; /* begins with DLI_UPDATER_HEAD but for no_lr; NULL: takes none */
    size_t attrs_size;
    bool no_lr;                                         /* its attributes have no DLI_UPDATER_HEAD */
    int32_t n_states;                                   /* vectors of state as long as the parameters */
    enum dli_update_kind kernel;                        /* that does the same as range */
    float (*initial)(const void *attrs, int32_t state); /* NULL: zeros */
    /* Its momentum as written, and the schedule of it (a spec, NULL: constant). NULL: it has none. */
    double (*momentum)(const void *attrs, const char **schedule);
    /* Constants of one step. */
    void (*begin)(const void *attrs, const struct dli_updater_now *now, float c[DLI_UPDATER_CONSTANTS]);
    /* n elements: the gradient becomes the update, which the caller subtracts from the parameters. */
    void (*range)(const float c[DLI_UPDATER_CONSTANTS], size_t n, float *restrict g, float *const *state);
};

const struct dli_updater *dli_updater_find(const char *name);
bool dli_updater_kind(int32_t i, struct dli_kind_entry *e);

/* A spec made ready. */
struct dli_updater_at {
    const struct dli_updater *updater;
    void *attrs;
    char *text; /* the spec again, as one would write it: equal for equal updaters */
};
dl4c_status dli_updater_open(dl4c_context *ctx, const char *spec, struct dli_updater_at *out, struct dl4c_error *err);
void dli_updater_close(struct dli_updater_at *u); /* one that was never opened (zeros) is allowed */
/* The learning rate as written, and its schedule's spec or NULL; 1 and NULL where it takes none. */
double dli_updater_lr(const struct dli_updater_at *u);
const char *dli_updater_lr_schedule(const struct dli_updater_at *u);
/* The momentum likewise; 0 and NULL where it has none. */
double dli_updater_momentum(const struct dli_updater_at *u, const char **schedule);

/* For begin: 1 - beta^t, rounded to float after the power: near 0 that differs from the exact value in the fifth digit, and the reference
 * has it so. */
float dli_updater_rest(float beta, int64_t t);

#endif
