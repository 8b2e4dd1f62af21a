/* SPDX-License-Identifier: Apache-2.0 */
/* Typed access to a configuration's JSON. */
#include "formats/dl4j/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

dl4c_status dli_dl4j_parse(const char *text, size_t size, json_t **root, struct dl4c_error *err)
{
    json_error_t e;
    *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
    if (*root)
        return json_is_object(*root)
                   ? DL4C_OK
                   : (json_decref(*root), *root = NULL, dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration is no JSON object"));
    if (json_error_code(&e) == json_error_out_of_memory)
        return dli_fail(err, DL4C_E_NOMEM, "dl4j", "no memory for a configuration of %zu bytes", size);
    return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration is no JSON: line %d, column %d: %.150s", e.line, e.column, e.text);
}

const char *dli_dl4j_class(const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "@class"));
    if (!name)
        return "";
    for (const char *p = name; *p; p++)
        if (*p == '.' || *p == '$')
            name = p + 1;
    return name;
}

const json_t *dli_dl4j_get(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v) ? v : NULL;
}

dl4c_status dli_dl4j_wrong(const char *key, const char *wanted, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "layer '%.100s' (%.60s): \"%.60s\" is not %s", at->layer, at->class, key, wanted);
}

dl4c_status dli_dl4j_unsupported(const struct dli_dl4j_at *at, struct dl4c_error *err, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "layer '%.100s' (%.60s): %s", at->layer, at->class, text);
}

dl4c_status dli_dl4j_int(const json_t *o, const char *key, int64_t def, const struct dli_dl4j_at *at, int64_t *out, struct dl4c_error *err)
{
    const json_t *v = dli_dl4j_get(o, key);
    *out = def;
    if (!v)
        return DL4C_OK;
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return DL4C_OK;
    }
    const double d = json_number_value(v);
    if (!json_is_real(v) || floor(d) < d || fabs(d) > 0x1p53)
        return dli_dl4j_wrong(key, "an integer", at, err);
    *out = (int64_t)d;
    return DL4C_OK;
}

dl4c_status dli_dl4j_num(const json_t *o, const char *key, double def, const struct dli_dl4j_at *at, double *out, struct dl4c_error *err)
{
    const json_t *v = dli_dl4j_get(o, key);
    const char *text;
    *out = def;
    if (!v)
        return DL4C_OK;
    if (json_is_number(v)) {
        *out = json_number_value(v);
        return DL4C_OK;
    }
    text = json_string_value(v);
    if (text && strcmp(text, "NaN") == 0)
        *out = (double)NAN;
    else if (text && strcmp(text, "Infinity") == 0)
        *out = (double)INFINITY;
    else if (text && strcmp(text, "-Infinity") == 0)
        *out = -(double)INFINITY;
    else
        return dli_dl4j_wrong(key, "a number", at, err);
    return DL4C_OK;
}

dl4c_status dli_dl4j_bool(const json_t *o, const char *key, bool def, const struct dli_dl4j_at *at, bool *out, struct dl4c_error *err)
{
    const json_t *v = dli_dl4j_get(o, key);
    *out = v ? json_is_true(v) : def;
    return v && !json_is_boolean(v) ? dli_dl4j_wrong(key, "true or false", at, err) : DL4C_OK;
}

dl4c_status dli_dl4j_str(const json_t *o, const char *key, const char *def, const struct dli_dl4j_at *at, const char **out,
                         struct dl4c_error *err)
{
    const json_t *v = dli_dl4j_get(o, key);
    *out = v ? json_string_value(v) : def;
    return v && !json_is_string(v) ? dli_dl4j_wrong(key, "a text", at, err) : DL4C_OK;
}

dl4c_status dli_dl4j_ints(const json_t *o, const char *key, int32_t n, int64_t def, const struct dli_dl4j_at *at, int64_t *out,
                          struct dl4c_error *err)
{
    const json_t *v = dli_dl4j_get(o, key);
    for (int32_t i = 0; i < n; i++)
        out[i] = def;
    if (!v)
        return DL4C_OK;
    if (json_is_integer(v)) {
        for (int32_t i = 0; i < n; i++)
            out[i] = json_integer_value(v);
        return DL4C_OK;
    }
    bool good = json_is_array(v) && json_array_size(v) == (size_t)n;
    for (int32_t i = 0; good && i < n; i++) {
        good = json_is_integer(json_array_get(v, (size_t)i));
        out[i] = json_integer_value(json_array_get(v, (size_t)i));
    }
    return good ? DL4C_OK : dli_dl4j_wrong(key, n == 2 ? "a list of 2 integers" : "a list of 4 integers", at, err);
}

dl4c_status dli_dl4j_object(const json_t *o, const char *key, const struct dli_dl4j_at *at, const json_t **out, struct dl4c_error *err)
{
    *out = dli_dl4j_get(o, key);
    return *out && !json_is_object(*out) ? dli_dl4j_wrong(key, "an object", at, err) : DL4C_OK;
}

dl4c_status dli_dl4j_array(const json_t *o, const char *key, const struct dli_dl4j_at *at, const json_t **out, struct dl4c_error *err)
{
    *out = dli_dl4j_get(o, key);
    return *out && !json_is_array(*out) ? dli_dl4j_wrong(key, "a list", at, err) : DL4C_OK;
}
