/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, copying and printing attributes by their tables. */
#include "base/attrs.h"
#include "base/number.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct reader {
    dl4c_context *ctx;
    const char *what;
    struct dl4c_error *err;
};

static void *at(const struct dli_attr *a, void *values) { return (char *)values + a->offset; }
static const void *cat(const struct dli_attr *a, const void *values) { return (const char *)values + a->offset; }

static bool bounded(const struct dli_attr *a) { return a->min != 0 || a->max != 0; }

static dl4c_status check_range(const struct reader *r, const struct dli_attr *a, double v)
{
    if (!(v == v))
        return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is not a number", r->what, a->name);
    if (bounded(a) && (v < a->min || v > a->max))
        return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is %s, wanted %s to %s", r->what, a->name, DLI_NUM(v),
                        DLI_NUM(a->min), DLI_NUM(a->max));
    return DL4C_OK;
}

static void list_choices(const struct dli_attr *a, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; a->choices[i] && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", a->choices[i]);
}

static dl4c_status set_text(const struct reader *r, const struct dli_attr *a, const char *text, void *values)
{
    if (!text)
        return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is NULL", r->what, a->name);
    if (a->choices) {
        for (int32_t i = 0; a->choices[i]; i++)
            if (strcmp(a->choices[i], text) == 0) {
                memcpy(at(a, values), &i, sizeof i);
                return DL4C_OK;
            }
        char known[256];
        list_choices(a, known, sizeof known);
        return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is \"%.60s\", wanted one of %s", r->what, a->name, text, known);
    }
    char *copy = dli_strdup(r->ctx, text, r->err), *old;
    if (!copy)
        return dli_alloc_status();
    memcpy(&old, at(a, values), sizeof old);
    dli_free(old);
    memcpy(at(a, values), &copy, sizeof copy);
    return DL4C_OK;
}

/* Stores n numbers as the table wants them; ints holds exact integers where they were integers. */
static dl4c_status set_numbers(const struct reader *r, const struct dli_attr *a, const double *fs, const int64_t *is, int32_t n,
                               void *values)
{
    const bool list = a->type == DL4C_ATTR_INTS || a->type == DL4C_ATTR_FLOATS;
    const bool integral = a->type == DL4C_ATTR_INT || a->type == DL4C_ATTR_INTS;
    const int32_t want = list ? a->count : 1;
    const int32_t fewest = list && want == 0 && !a->required ? 0 : 1; /* what a list holds that nobody gave can be given back */
    if (n < fewest || n > DLI_LIST_MAX || (want > 0 && n != want && n != 1)) {
        if (want > 0)
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s has %" PRId32 " values, wanted %" PRId32, r->what, a->name, n,
                            want);
        return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s has %" PRId32 " values, wanted %" PRId32 " to %d", r->what, a->name,
                        n, fewest, DLI_LIST_MAX);
    }
    for (int32_t i = 0; i < n; i++) {
        if (integral && !is)
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s wants whole numbers, not %s", r->what, a->name, DLI_NUM(fs[i]));
        DLI_TRY(check_range(r, a, is ? (double)is[i] : fs[i]));
    }
    int64_t iv[DLI_LIST_MAX] = { 0 };
    double fv[DLI_LIST_MAX] = { 0 };
    const int32_t stored = want > 0 ? want : n;
    for (int32_t i = 0; i < stored; i++) {
        const int32_t k = n == 1 ? 0 : i;
        if (integral)
            iv[i] = is[k];
        else
            fv[i] = is ? (double)is[k] : fs[k];
    }
    if (list && a->count == 0) {
        if (integral) {
            struct dli_int_list l = { .n = n };
            memcpy(l.v, iv, sizeof iv);
            memcpy(at(a, values), &l, sizeof l);
        } else {
            struct dli_float_list l = { .n = n };
            memcpy(l.v, fv, sizeof fv);
            memcpy(at(a, values), &l, sizeof l);
        }
    } else if (integral) {
        memcpy(at(a, values), iv, (size_t)stored * sizeof *iv);
    } else {
        memcpy(at(a, values), fv, (size_t)stored * sizeof *fv);
    }
    return DL4C_OK;
}

/* "3x3", "1", "0.5;1", "true", "false". */
static dl4c_status set_parsed(const struct reader *r, const struct dli_attr *a, const char *text, void *values)
{
    double fs[DLI_LIST_MAX];
    int64_t is[DLI_LIST_MAX];
    int32_t n = 0;
    bool integral = true;
    if (a->type == DL4C_ATTR_INT && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        is[0] = text[0] == 't';
        return set_numbers(r, a, fs, is, 1, values);
    }
    const char *p = text;
    for (;;) {
        const size_t k = strcspn(p, "x;");
        if (n == DLI_LIST_MAX)
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is \"%.60s\", more than %d values", r->what, a->name, text,
                            DLI_LIST_MAX);
        if (!dli_parse_double(p, k, &fs[n]))
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is \"%.60s\", wanted %s", r->what, a->name, text,
                            a->type == DL4C_ATTR_INT     ? "a whole number"
                            : a->type == DL4C_ATTR_FLOAT ? "a number"
                            : a->type == DL4C_ATTR_INTS  ? "whole numbers joined by x"
                                                         : "numbers joined by ;");
        integral &= dli_parse_i64(p, k, &is[n]);
        n++;
        if (!p[k])
            break;
        p += k + 1;
    }
    return set_numbers(r, a, fs, integral ? is : NULL, n, values);
}

static dl4c_status set(const struct reader *r, const struct dli_attr *a, const struct dl4c_attr *v, void *values)
{
    if (a->type == DL4C_ATTR_STR) {
        if (v->type != DL4C_ATTR_STR)
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s wants text", r->what, a->name);
        return set_text(r, a, v->v.s, values);
    }
    switch (v->type) {
    case DL4C_ATTR_INT: return set_numbers(r, a, NULL, &v->v.i, 1, values);
    case DL4C_ATTR_FLOAT: return set_numbers(r, a, &v->v.f, NULL, 1, values);
    case DL4C_ATTR_INTS:
        if (v->v.is)
            return set_numbers(r, a, NULL, v->v.is, v->count, values);
        break;
    case DL4C_ATTR_FLOATS:
        if (v->v.fs)
            return set_numbers(r, a, v->v.fs, NULL, v->count, values);
        break;
    case DL4C_ATTR_STR:
        if (v->v.s)
            return set_parsed(r, a, v->v.s, values);
        break;
    default: break;
    }
    return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s has type %" PRId32 " or no value", r->what, a->name, v->type);
}

static dl4c_status set_default(const struct reader *r, const struct dli_attr *a, void *values)
{
    if (a->type == DL4C_ATTR_STR) {
        if (a->choices) {
            const int32_t first = 0;
            memcpy(at(a, values), &first, sizeof first);
        } else {
            memset(at(a, values), 0, sizeof(char *));
        }
        return a->def_text ? set_text(r, a, a->def_text, values) : DL4C_OK;
    }
    const bool integral = a->type == DL4C_ATTR_INT || a->type == DL4C_ATTR_INTS;
    const int64_t i = integral ? (int64_t)a->def : 0; /* a float's default need not fit */
    if ((a->type == DL4C_ATTR_INTS || a->type == DL4C_ATTR_FLOATS) && a->count == 0) {
        memset(at(a, values), 0, a->type == DL4C_ATTR_INTS ? sizeof(struct dli_int_list) : sizeof(struct dli_float_list));
        return DL4C_OK;
    }
    const int32_t n = a->count > 0 ? a->count : 1;
    for (int32_t k = 0; k < n; k++) {
        if (integral)
            memcpy((char *)at(a, values) + (size_t)k * sizeof i, &i, sizeof i);
        else
            memcpy((char *)at(a, values) + (size_t)k * sizeof a->def, &a->def, sizeof a->def);
    }
    return DL4C_OK;
}

static bool find(const struct dli_attr_set *sets, int32_t n_sets, const char *name, int32_t *set_index, const struct dli_attr **a)
{
    for (int32_t s = 0; s < n_sets; s++)
        for (const struct dli_attr *t = sets[s].table; t && t->name; t++)
            if (strcmp(t->name, name) == 0) {
                *set_index = s;
                *a = t;
                return true;
            }
    return false;
}

/* The known name with the fewest edits, if it is near: "did you mean". */
static const char *nearest(const struct dli_attr_set *sets, int32_t n_sets, const char *name)
{
    const char *best = NULL;
    int best_edits = 3;
    const size_t n = strlen(name);
    for (int32_t s = 0; s < n_sets; s++)
        for (const struct dli_attr *t = sets[s].table; t && t->name; t++) {
            int row[64];
            const size_t m = strlen(t->name);
            if (m >= 63 || n >= 63)
                continue;
            for (size_t j = 0; j <= m; j++)
                row[j] = (int)j;
            for (size_t i = 1; i <= n; i++) {
                int diagonal = row[0];
                row[0] = (int)i;
                for (size_t j = 1; j <= m; j++) {
                    const int change = diagonal + (name[i - 1] != t->name[j - 1]);
                    diagonal = row[j];
                    const int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
                    row[j] = change < shift ? change : shift;
                }
            }
            if (row[m] < best_edits) {
                best_edits = row[m];
                best = t->name;
            }
        }
    return best;
}

static dl4c_status read_all(const struct reader *r, const struct dli_attr_set *sets, int32_t n_sets, const struct dl4c_attr *attrs,
                            int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const struct dli_attr *a = NULL;
        int32_t s = 0;
        if (!attrs[i].name)
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: attribute %" PRId32 " has no name", r->what, i);
        if (!find(sets, n_sets, attrs[i].name, &s, &a)) {
            const char *near = nearest(sets, n_sets, attrs[i].name);
            return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s has no attribute \"%.60s\"%s%s%s", r->what, attrs[i].name,
                            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        }
        for (int32_t j = 0; j < i; j++)
            if (strcmp(attrs[j].name, attrs[i].name) == 0)
                return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s: %s is given twice", r->what, attrs[i].name);
        DLI_TRY(set(r, a, &attrs[i], sets[s].values));
    }
    for (int32_t s = 0; s < n_sets; s++)
        for (const struct dli_attr *t = sets[s].table; t && t->name; t++) {
            bool given = !t->required;
            for (int32_t i = 0; i < n && !given; i++)
                given = strcmp(attrs[i].name, t->name) == 0;
            if (!given)
                return dli_fail(r->err, DL4C_E_INVALID, "attributes", "%s needs the attribute %s: %s", r->what, t->name, t->doc);
        }
    return DL4C_OK;
}

dl4c_status dli_attrs_read(dl4c_context *ctx, const char *what, const struct dli_attr_set *sets, int32_t n_sets,
                           const struct dl4c_attr *attrs, int32_t n, struct dl4c_error *err)
{
    const struct reader r = { ctx, what, err };
    dl4c_status status = DL4C_OK;
    if (n < 0 || (n > 0 && !attrs))
        return dli_fail(err, DL4C_E_INVALID, "attributes", "%s: %" PRId32 " attributes at NULL", what, n);
    for (int32_t s = 0; s < n_sets; s++) /* texts first: freeing must find NULL where nothing was set */
        for (const struct dli_attr *t = sets[s].table; t && t->name; t++)
            if (t->type == DL4C_ATTR_STR && !t->choices)
                memset(at(t, sets[s].values), 0, sizeof(char *));
    for (int32_t s = 0; s < n_sets && status == DL4C_OK; s++)
        for (const struct dli_attr *t = sets[s].table; t && t->name && status == DL4C_OK; t++)
            status = set_default(&r, t, sets[s].values);
    if (status == DL4C_OK)
        status = read_all(&r, sets, n_sets, attrs, n);
    if (status != DL4C_OK)
        for (int32_t s = 0; s < n_sets; s++)
            dli_attrs_free(sets[s].table, sets[s].values);
    return status;
}

void dli_attrs_free(const struct dli_attr *table, void *values)
{
    for (const struct dli_attr *t = table; t && t->name && values; t++)
        if (t->type == DL4C_ATTR_STR && !t->choices) {
            char *text;
            memcpy(&text, at(t, values), sizeof text);
            dli_free(text);
            memset(at(t, values), 0, sizeof text);
        }
}

dl4c_status dli_attrs_copy(dl4c_context *ctx, const struct dli_attr *table, void *dst, const void *src, size_t size, struct dl4c_error *err)
{
    memcpy(dst, src, size);
    for (const struct dli_attr *t = table; t && t->name; t++)
        if (t->type == DL4C_ATTR_STR && !t->choices)
            memset(at(t, dst), 0, sizeof(char *));
    for (const struct dli_attr *t = table; t && t->name; t++)
        if (t->type == DL4C_ATTR_STR && !t->choices) {
            char *text, *copy = NULL;
            memcpy(&text, cat(t, src), sizeof text);
            if (text && !(copy = dli_strdup(ctx, text, err))) {
                dli_attrs_free(table, dst);
                return dli_alloc_status();
            }
            memcpy(at(t, dst), &copy, sizeof copy);
        }
    return DL4C_OK;
}

void dli_attrs_get(const struct dli_attr *a, const void *values, struct dl4c_attr *out)
{
    const void *p = cat(a, values);
    out->name = a->name;
    out->type = a->type;
    out->count = 1;
    switch (a->type) {
    case DL4C_ATTR_INT: memcpy(&out->v.i, p, sizeof out->v.i); break;
    case DL4C_ATTR_FLOAT: memcpy(&out->v.f, p, sizeof out->v.f); break;
    case DL4C_ATTR_STR:
        if (a->choices) {
            int32_t i;
            memcpy(&i, p, sizeof i);
            out->v.s = a->choices[i];
        } else {
            memcpy(&out->v.s, p, sizeof out->v.s);
        }
        break;
    case DL4C_ATTR_INTS:
        out->count = a->count ? a->count : ((const struct dli_int_list *)p)->n;
        out->v.is = a->count ? p : ((const struct dli_int_list *)p)->v;
        break;
    default:
        out->count = a->count ? a->count : ((const struct dli_float_list *)p)->n;
        out->v.fs = a->count ? p : ((const struct dli_float_list *)p)->v;
        break;
    }
}

bool dli_attrs_is_default(const struct dli_attr *a, const void *values)
{
    struct dl4c_attr v;
    dli_attrs_get(a, values, &v);
    switch (a->type) {
    case DL4C_ATTR_INT: return (double)v.v.i == a->def;
    case DL4C_ATTR_FLOAT: return v.v.f == a->def;
    case DL4C_ATTR_STR: {
        const char *def = a->def_text ? a->def_text : a->choices ? a->choices[0] : NULL;
        return v.v.s == def || (v.v.s && def && strcmp(v.v.s, def) == 0);
    }
    case DL4C_ATTR_INTS:
        if (a->count == 0)
            return v.count == 0;
        for (int32_t i = 0; i < v.count; i++)
            if ((double)v.v.is[i] != a->def)
                return false;
        return true;
    default:
        if (a->count == 0)
            return v.count == 0;
        for (int32_t i = 0; i < v.count; i++)
            if (v.v.fs[i] != a->def)
                return false;
        return true;
    }
}

void dli_attrs_print(const struct dli_attr *table, const void *values, struct dli_strbuf *out)
{
    dli_attrs_print_but(table, values, NULL, out);
}

static bool is_among(const char *name, const char *const *names)
{
    for (; names && *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

void dli_attrs_print_but(const struct dli_attr *table, const void *values, const char *const *but, struct dli_strbuf *out)
{
    bool first = true;
    char number[40];
    for (const struct dli_attr *t = table; t && t->name; t++) {
        if ((dli_attrs_is_default(t, values) && !t->required) || is_among(t->name, but))
            continue;
        struct dl4c_attr v;
        dli_attrs_get(t, values, &v);
        dli_strbuf_addf(out, "%c%s=", first ? ':' : ',', t->name);
        first = false;
        for (int32_t i = 0; i < v.count; i++)
            switch (v.type) {
            case DL4C_ATTR_INT: dli_strbuf_addf(out, "%" PRId64, v.v.i); break;
            case DL4C_ATTR_FLOAT: dli_strbuf_add(out, dli_number_shortest(number, sizeof number, v.v.f)); break;
            case DL4C_ATTR_STR: dli_strbuf_add(out, v.v.s); break;
            case DL4C_ATTR_INTS: dli_strbuf_addf(out, "%s%" PRId64, i ? "x" : "", v.v.is[i]); break;
            default:
                dli_strbuf_add(out, i ? ";" : "");
                dli_strbuf_add(out, dli_number_shortest(number, sizeof number, v.v.fs[i]));
                break;
            }
    }
}

void dli_attrs_info(const struct dli_attr *a, struct dl4c_attr_info *out)
{
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->name = a->name;
    out->doc = a->doc;
    out->type = a->type;
    out->count = a->count;
    out->required = a->required;
    out->choices = a->choices;
    while (a->choices && a->choices[out->n_choices])
        out->n_choices++;
    out->min = bounded(a) ? a->min : -1.7976931348623157e308;
    out->max = bounded(a) ? a->max : 1.7976931348623157e308;
    out->def = a->def;
    out->def_text = a->def_text ? a->def_text : a->choices ? a->choices[0] : NULL;
}
