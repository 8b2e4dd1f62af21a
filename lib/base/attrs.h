/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute tables: what a descriptor (operator, updater, schedule, loss, image transform) takes, and reading values into its struct.
 * A table ends with { 0 }. Type, range and spelling are checked here, once for all. */
#ifndef DLI_BASE_ATTRS_H
#define DLI_BASE_ATTRS_H

#include "base/strbuf.h"
#include <dl4c/op.h>

enum { DLI_LIST_MAX = 8 };
struct dli_int_list {
    int32_t n;
    int64_t v[DLI_LIST_MAX];
};
struct dli_float_list {
    int32_t n;
    double v[DLI_LIST_MAX];
};

/* In the struct at `offset`: INT int64_t; FLOAT double; STR with choices int32_t (index of the word), without choices char * (NULL
 * where not given and there is no default); INTS and FLOATS with a count int64_t[count] and double[count] (a single value is
 * spread over all), with count 0 struct dli_int_list and dli_float_list. */
struct dli_attr {
    const char *name;
    int32_t type; /* DL4C_ATTR_* */
    bool required;
    int32_t count; /* of INTS and FLOATS */
    size_t offset;
    double def, min, max;       /* min == max == 0: any */
    const char *def_text;       /* default of STR (a word of choices) */
    const char *const *choices; /* NULL-terminated */
    const char *doc;
};

struct dli_attr_set {
    const struct dli_attr *table; /* NULL: none */
    void *values;                 /* the struct */
};

/* Sets every default, then the given attributes; each must stand in one of the sets, at most once. On failure the structs hold
 * nothing that needs freeing. `what` names the thing in messages: "conv2d 'conv1_1'". */
dl4c_status dli_attrs_read(dl4c_context *ctx, const char *what, const struct dli_attr_set *sets, int32_t n_sets,
                           const struct dl4c_attr *attrs, int32_t n, struct dl4c_error *err);
void dli_attrs_free(const struct dli_attr *table, void *values);
/* dst gets the bytes of src and copies of its texts. */
dl4c_status dli_attrs_copy(dl4c_context *ctx, const struct dli_attr *table, void *dst, const void *src, size_t size,
                           struct dl4c_error *err);
/* Value `a` of the table as a dl4c_attr that borrows from `values`; STR with choices as its word. */
void dli_attrs_get(const struct dli_attr *a, const void *values, struct dl4c_attr *out);
bool dli_attrs_is_default(const struct dli_attr *a, const void *values);
/* ":key=value,key=value" of all values that are not the default; nothing where all are. */
void dli_attrs_print(const struct dli_attr *table, const void *values, struct dli_strbuf *out);
/* The same without those of these names; NULL ends them. */
void dli_attrs_print_but(const struct dli_attr *table, const void *values, const char *const *but, struct dli_strbuf *out);
void dli_attrs_info(const struct dli_attr *a, struct dl4c_attr_info *out);

/* A text of the one grammar: NAME, NAME:key=value,... or NAME(key=value,...). Values are words, numbers, lists (3x3 and 0.5;1) or
 * nested NAME(key=value,...). attrs are all STR: dli_attrs_read turns them into what the table wants. */
struct dli_spec {
    char *name;
    int32_t n_attrs;
    struct dl4c_attr *attrs;
    char *text; /* what name and attrs point into */
};
dl4c_status dli_spec_parse(dl4c_context *ctx, const char *text, struct dli_spec *spec, struct dl4c_error *err);
void dli_spec_free(struct dli_spec *spec);

/* A descriptor table of any kind: what dl4c_descriptor_* and name look-up need. */
struct dli_kind_entry {
    const char *name, *doc;
    const struct dli_attr *attrs;
    int32_t min_inputs, max_inputs, trainable;
};

#endif
