/* SPDX-License-Identifier: Apache-2.0 */
/* Reading values out of a Deeplearning4j configuration. A missing key and null have the default; a wrong type names layer and class. */
#ifndef DLI_FORMATS_DL4J_JSON_H
#define DLI_FORMATS_DL4J_JSON_H

#include "base/error.h"
#include <stdbool.h>
#include <jansson.h>

/* Where a value stands, for messages. */
struct dli_dl4j_at {
    const char *layer; /* the layer's or vertex's name */
    const char *class; /* short: "DenseLayer" */
};

/* Parses text of any origin; a key that stands twice in one object is refused. */
dl4c_status dli_dl4j_parse(const char *text, size_t size, json_t **root, struct dl4c_error *err);

/* What follows the last '.' or '$' of "@class"; "" where there is none. */
const char *dli_dl4j_class(const json_t *o);
/* The member, or NULL where it is missing or null. */
const json_t *dli_dl4j_get(const json_t *o, const char *key);

dl4c_status dli_dl4j_int(const json_t *o, const char *key, int64_t def, const struct dli_dl4j_at *at, int64_t *out, struct dl4c_error *err);
/* Numbers, and the texts "NaN", "Infinity" and "-Infinity". */
dl4c_status dli_dl4j_num(const json_t *o, const char *key, double def, const struct dli_dl4j_at *at, double *out, struct dl4c_error *err);
dl4c_status dli_dl4j_bool(const json_t *o, const char *key, bool def, const struct dli_dl4j_at *at, bool *out, struct dl4c_error *err);
/* Borrowed from o. */
dl4c_status dli_dl4j_str(const json_t *o, const char *key, const char *def, const struct dli_dl4j_at *at, const char **out,
                         struct dl4c_error *err);
/* n integers; a single number is spread over all. */
dl4c_status dli_dl4j_ints(const json_t *o, const char *key, int32_t n, int64_t def, const struct dli_dl4j_at *at, int64_t *out,
                          struct dl4c_error *err);
/* An object, an array; *out is NULL where missing. */
dl4c_status dli_dl4j_object(const json_t *o, const char *key, const struct dli_dl4j_at *at, const json_t **out, struct dl4c_error *err);
dl4c_status dli_dl4j_array(const json_t *o, const char *key, const struct dli_dl4j_at *at, const json_t **out, struct dl4c_error *err);

dl4c_status dli_dl4j_wrong(const char *key, const char *wanted, const struct dli_dl4j_at *at, struct dl4c_error *err);
dl4c_status dli_dl4j_unsupported(const struct dli_dl4j_at *at, struct dl4c_error *err, const char *fmt, ...) DLI_PRINTF(3, 4);

#endif
