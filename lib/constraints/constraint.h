/* SPDX-License-Identifier: Apache-2.0 */
/* A constraint is one descriptor in one file: what parameters are forced to be after each step. Computed in double, stored in float. */
#ifndef DLI_CONSTRAINTS_CONSTRAINT_H
#define DLI_CONSTRAINTS_CONSTRAINT_H

#include "base/attrs.h"
#include "base/context.h"

/* What every constraint takes, first in its attributes. */
struct dli_constraint_head {
    char *params;                   /* names joined by ';' */
    struct dli_int_list dimensions; /* of the parameter, over which norms are taken */
    double epsilon;
};
#define DLI_CONSTRAINT_PARAMS                                                                                                              \
    {                                                                                                                                      \
        .name = "params", .type = DL4C_ATTR_STR, .offset = offsetof(struct dli_constraint_head, params), .def_text = "W",                  \
        .doc = "which parameters, joined by ';'"                                                                                           \
    }
#define DLI_CONSTRAINT_HEAD                                                                                                                \
    DLI_CONSTRAINT_PARAMS,                                                                                                                 \
        { .name = "dimensions",                                                                                                            \
          .type = DL4C_ATTR_INTS,                                                                                                          \
          .offset = offsetof(struct dli_constraint_head, dimensions),                                                                      \
          .min = 0,                                                                                                                        \
          .max = 3,                                                                                                                        \
          .doc = "axes over which a norm is taken: 1 for dense layers, 1x2x3 for convolutions; not given: all" },                          \
    {                                                                                                                                      \
        .name = "epsilon", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct dli_constraint_head, epsilon), .def = 1e-6, .min = 0,        \
        .max = 1, .doc = "added to norms before they divide"                                                                               \
    }

struct dli_constraint {
    const char *name;
    const char *doc;
    const char *dl4j;             /* Deeplearning4j's class, short: "MaxNormConstraint" */
    const struct dli_attr *attrs; /* begins with DLI_CONSTRAINT_HEAD, or with DLI_CONSTRAINT_PARAMS where it takes no norms */
    size_t attrs_size;
    /* One of the two. */
    double (*factor)(const void *attrs, double norm); /* what the elements under a norm are multiplied by */
    float (*element)(const void *attrs, float w);
};

const struct dli_constraint *dli_constraint_find(const char *name);
bool dli_constraint_kind(int32_t i, struct dli_kind_entry *e);

/* The text between *list and the next ';' outside parentheses, copied (dli_free); NULL at the end. Moves *list behind it. */
dl4c_status dli_constraint_next(dl4c_context *ctx, const char **list, char **spec, struct dl4c_error *err);

/* A spec made ready for one parameter. */
struct dli_constraint_at {
    const struct dli_constraint *constraint;
    void *attrs;
    int64_t n, n_norms;
    int64_t shape[4], stride[4], norm_stride[4]; /* elements; norm_stride is 0 along what a norm is taken over */
    double *norms;                               /* [n_norms] */
};
/* Whether the constraint in `spec` is meant for a parameter called so; checks the spec. */
dl4c_status dli_constraint_applies(dl4c_context *ctx, const char *spec, const char *param, bool *applies, struct dl4c_error *err);
/* shape [rank] in order 'c' or 'f'. */
dl4c_status dli_constraint_open(dl4c_context *ctx, const char *spec, const int64_t *shape, int32_t rank, char order,
                                struct dli_constraint_at *out, struct dl4c_error *err);
void dli_constraint_close(struct dli_constraint_at *c); /* one that was never opened (zeros) is allowed */
void dli_constraint_apply(const struct dli_constraint_at *c, float *w);

#endif
