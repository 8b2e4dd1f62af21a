/* SPDX-License-Identifier: Apache-2.0 */
/* The text grammar: NAME, NAME:key=value,... or NAME(key=value,...). */
#include "base/attrs.h"

#include <string.h>

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

void dli_spec_free(struct dli_spec *spec)
{
    dli_free(spec->attrs);
    dli_free(spec->text);
    memset(spec, 0, sizeof *spec);
}

/* Splits key=value,... in place at the commas outside parentheses. */
static dl4c_status parse_pairs(dl4c_context *ctx, const char *whole, char *p, struct dli_spec *spec, struct dl4c_error *err)
{
    size_t capacity = 0;
    while (*p) {
        char *key = p;
        while (word_char(*p))
            p++;
        if (p == key || *p != '=')
            return dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": wanted key=value at \"%.60s\"", whole, key);
        *p++ = '\0';
        char *value = p;
        int depth = 0;
        while (*p && (depth > 0 || *p != ',')) {
            depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
            if (depth < 0)
                break;
            p++;
        }
        if (depth != 0)
            return dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": parentheses do not match", whole);
        if (p == value)
            return dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": %.60s has no value", whole, key);
        if (*p == ',') {
            *p++ = '\0';
            if (!*p)
                return dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\" ends with a comma", whole);
        }
        DLI_TRY(dli_grow(ctx, &spec->attrs, &capacity, (size_t)spec->n_attrs + 1, sizeof *spec->attrs, err));
        spec->attrs[spec->n_attrs++] = dl4c_attr_str(key, value);
    }
    return DL4C_OK;
}

dl4c_status dli_spec_parse(dl4c_context *ctx, const char *text, struct dli_spec *spec, struct dl4c_error *err)
{
    memset(spec, 0, sizeof *spec);
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "spec", "the text is NULL, wanted NAME or NAME:key=value,...");
    spec->text = dli_strdup(ctx, text, err);
    if (!spec->text)
        return dli_alloc_status();
    char *p = spec->name = spec->text;
    while (word_char(*p))
        p++;
    dl4c_status status = DL4C_OK;
    if (p == spec->name) {
        status = dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": wanted a name first", text);
    } else if (*p == ':') {
        *p++ = '\0';
        status =
            *p ? parse_pairs(ctx, text, p, spec, err) : dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": nothing after the colon", text);
    } else if (*p == '(') {
        const size_t n = strlen(p);
        if (p[n - 1] != ')') {
            status = dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": wanted ) at the end", text);
        } else {
            p[n - 1] = '\0';
            *p++ = '\0';
            status = parse_pairs(ctx, text, p, spec, err);
        }
    } else if (*p) {
        status = dli_fail(err, DL4C_E_INVALID, "spec", "\"%.200s\": wanted ':' or the end after the name, found \"%.20s\"", text, p);
    }
    if (status != DL4C_OK)
        dli_spec_free(spec);
    return status;
}
