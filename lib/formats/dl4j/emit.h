/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Jackson writes it with an indent of 2, and the classes of names.h in it. */
#ifndef DLI_FORMATS_DL4J_EMIT_H
#define DLI_FORMATS_DL4J_EMIT_H

#include "formats/dl4j/names.h"

struct dli_dl4j_emit {
    struct dli_strbuf b;
    int depth;
    bool first; /* of the object or list that is open */
};

void dli_dl4j_open(struct dli_dl4j_emit *e, char bracket); /* '{' or '[' */
void dli_dl4j_close(struct dli_dl4j_emit *e, char bracket);
void dli_dl4j_key(struct dli_dl4j_emit *e, const char *key);
void dli_dl4j_raw(struct dli_dl4j_emit *e, const char *key, const char *value); /* value as it is */
void dli_dl4j_text(struct dli_dl4j_emit *e, const char *key, const char *value);
void dli_dl4j_int_out(struct dli_dl4j_emit *e, const char *key, int64_t value);
void dli_dl4j_num_out(struct dli_dl4j_emit *e, const char *key, double value); /* with a point; "NaN" in quotes */
void dli_dl4j_ints_out(struct dli_dl4j_emit *e, const char *key, const int64_t *v, int32_t n);
void dli_dl4j_item(struct dli_dl4j_emit *e); /* before each element of a list that stands on lines of its own */

/* A spec's value of one attribute; NULL where it has none. */
const char *dli_dl4j_spec_get(const struct dli_spec *s, const char *attr);

/* {"@class": ...} of a spec. `at` names the vertex. */
dl4c_status dli_dl4j_activation_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                    struct dl4c_error *err);
dl4c_status dli_dl4j_loss_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                              struct dl4c_error *err);
dl4c_status dli_dl4j_init_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                              struct dl4c_error *err);
/* {"type": ...} of a distribution. */
dl4c_status dli_dl4j_distribution_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                      struct dl4c_error *err);
dl4c_status dli_dl4j_updater_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                 struct dl4c_error *err);

#endif
