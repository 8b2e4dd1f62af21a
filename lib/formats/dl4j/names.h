/* SPDX-License-Identifier: Apache-2.0 */
/* Deeplearning4j's classes of activations, losses, updaters, schedules and weight initialisations, and our specs of the same. */
#ifndef DLI_FORMATS_DL4J_NAMES_H
#define DLI_FORMATS_DL4J_NAMES_H

#include "base/attrs.h"
#include "formats/dl4j/json.h"

/* A number of the class's JSON and its attribute in the spec. */
struct dli_dl4j_arg {
    const char *key, *attr;
    double def;   /* what the class has where the JSON says nothing; NaN: null */
    bool integer; /* written without a point */
};

struct dli_dl4j_name {
    const char *class;          /* after the family's package */
    const char *spec;           /* our name */
    struct dli_dl4j_arg arg[6]; /* in the order of the keys; ends with { 0 } */
};

struct dli_dl4j_family {
    const char *package;
    const char *what;                  /* for messages: "activation" */
    const struct dli_dl4j_name *names; /* ends with { 0 } */
};
extern const struct dli_dl4j_family dli_dl4j_activations, dli_dl4j_losses, dli_dl4j_updaters, dli_dl4j_schedules, dli_dl4j_inits,
    dli_dl4j_distributions, dli_dl4j_constraints, dli_dl4j_noises;

const struct dli_dl4j_name *dli_dl4j_by_class(const struct dli_dl4j_family *f, const char *class);
const struct dli_dl4j_name *dli_dl4j_by_spec(const struct dli_dl4j_family *f, const char *spec);

/* JSON to a spec, "relu" or "elu(alpha=0.5)" (freed by dli_free); *spec is NULL for a missing one and for the identity. */
dl4c_status dli_dl4j_read_activation(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err);
dl4c_status dli_dl4j_read_loss(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err);
dl4c_status dli_dl4j_read_init(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err);
/* The "distribution" of o. */
dl4c_status dli_dl4j_read_distribution(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec,
                                       struct dl4c_error *err);
/* which: "iupdater" or "biasUpdater" of a layer. */
dl4c_status dli_dl4j_read_updater(dl4c_context *ctx, const json_t *layer, const char *which, const struct dli_dl4j_at *at, char **spec,
                                  struct dl4c_error *err);

#endif
