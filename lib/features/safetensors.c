/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the header of a safetensors file; every number in it is checked. */
#include "features/safetensors.h"
#include <dl4c/tensor.h>

#include <string.h>

enum { MOST_HEADER = 100 * 1000 * 1000 }; /* what the format's own reader allows */

static uint64_t little64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

dl4c_status dli_st_parse(const char *what, const void *bytes, size_t size, json_t **header, size_t *data, struct dl4c_error *err)
{
    *header = NULL;
    if (size < 8)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s has %zu bytes, wanted a header", what, size);
    const uint64_t n = little64(bytes);
    if (n > MOST_HEADER || n > size - 8)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s says its header has %" PRIu64 " bytes, the file has %zu", what, n, size);
    json_error_t why;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: the header is not a JSON object: %.120s", what, root ? "" : why.text);
    }
    json_t *metadata = json_object_get(root, "__metadata__"), *value;
    const char *key;
    bool texts = !metadata || json_is_object(metadata);
    json_object_foreach(metadata, key, value)
        texts = texts && json_is_string(value);
    if (!texts) {
        json_decref(root);
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: its __metadata__ is not an object of strings", what);
    }
    *header = root;
    *data = 8 + (size_t)n;
    return DL4C_OK;
}

static int32_t dtype_of(const char *name)
{
    static const struct {
        const char *name;
        int32_t dtype;
    } known[] = { { "F32", DL4C_F32 }, { "F64", DL4C_F64 }, { "F16", DL4C_F16 }, { "BF16", DL4C_BF16 },
                  { "I32", DL4C_I32 }, { "I64", DL4C_I64 }, { "U8", DL4C_U8 } };
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].dtype;
    return 0;
}

dl4c_status dli_st_find(const char *what, json_t *header, size_t data, size_t size, const char *name, struct dli_st_tensor *t,
                        struct dl4c_error *err)
{
    memset(t, 0, sizeof *t);
    json_t *entry = json_object_get(header, name);
    if (!entry)
        return dli_fail(err, DL4C_E_NOTFOUND, "safetensors", "%s has no tensor \"%s\"", what, name);
    json_t *shape = json_object_get(entry, "shape"), *place = json_object_get(entry, "data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    t->dtype = dtype_of(dtype);
    if (!t->dtype)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors", "%s: tensor \"%s\" has the type \"%.20s\"", what, name, dtype ? dtype : "");
    if (!json_is_array(shape) || json_array_size(shape) > 8 || !json_is_array(place) || json_array_size(place) != 2)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: tensor \"%s\" has no shape of up to 8 axes, or no place", what, name);
    t->rank = (int32_t)json_array_size(shape);
    size_t bytes = dl4c_dtype_size(t->dtype);
    for (int32_t r = 0; r < t->rank; r++) {
        json_t *d = json_array_get(shape, (size_t)r);
        t->shape[r] = json_integer_value(d);
        if (!json_is_integer(d) || t->shape[r] < 0 || !dli_mul_size(bytes, (size_t)t->shape[r], &bytes))
            return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: tensor \"%s\" has an impossible shape", what, name);
    }
    json_t *from = json_array_get(place, 0), *to = json_array_get(place, 1);
    const json_int_t begin = json_integer_value(from), end = json_integer_value(to);
    if (!json_is_integer(from) || !json_is_integer(to) || begin < 0 || end < begin || (size_t)(end - begin) != bytes)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: tensor \"%s\" of %zu bytes lies at %lld to %lld", what, name, bytes,
                        (long long)begin, (long long)end);
    if ((size_t)end > size - data)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s: tensor \"%s\" ends at %lld, the file's data at %zu", what, name,
                        (long long)end, size - data);
    t->offset = data + (size_t)begin;
    t->bytes = bytes;
    return DL4C_OK;
}

const char *dli_st_metadata(json_t *header, const char *key)
{
    return json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
}
