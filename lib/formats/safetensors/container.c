/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the header of a safetensors file; every number in it is checked. */
#include "formats/safetensors/container.h"
#include <dl4c/tensor.h>

#include <stdlib.h>
#include <string.h>

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
    if (n > DLI_ST_MOST_HEADER || n > size - 8)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%s says its header has %" PRIu64 " bytes, the file has %zu", what, n, size);
    json_error_t why;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the header of %s is not a JSON object: %.120s", what, root ? "" : why.text);
    }
    json_t *metadata = json_object_get(root, "__metadata__"), *value;
    const char *key;
    bool texts = !metadata || json_is_object(metadata);
    json_object_foreach(metadata, key, value)
        texts = texts && json_is_string(value);
    if (!texts) {
        json_decref(root);
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the __metadata__ of %s is not an object of strings", what);
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
        return dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors", "tensor \"%.200s\" of %s has the type \"%.20s\"", name, what,
                        dtype ? dtype : "");
    if (!json_is_array(shape) || json_array_size(shape) > 8 || !json_is_array(place) || json_array_size(place) != 2)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%.200s\" of %s has no shape of up to 8 axes, or no place", name,
                        what);
    t->rank = (int32_t)json_array_size(shape);
    size_t bytes = dl4c_dtype_size(t->dtype);
    for (int32_t r = 0; r < t->rank; r++) {
        json_t *d = json_array_get(shape, (size_t)r);
        t->shape[r] = json_integer_value(d);
        if (!json_is_integer(d) || t->shape[r] < 0 || !dli_mul_size(bytes, (size_t)t->shape[r], &bytes))
            return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%.200s\" of %s has an impossible shape", name, what);
    }
    json_t *from = json_array_get(place, 0), *to = json_array_get(place, 1);
    const json_int_t begin = json_integer_value(from), end = json_integer_value(to);
    if (!json_is_integer(from) || !json_is_integer(to) || begin < 0 || end < begin || (size_t)(end - begin) != bytes)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%.200s\" of %s has %zu bytes and lies at %lld to %lld", name, what,
                        bytes, (long long)begin, (long long)end);
    if ((size_t)end > size - data)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%.200s\" of %s ends at %lld, its data at %zu", name, what,
                        (long long)end, size - data);
    t->offset = data + (size_t)begin;
    t->bytes = bytes;
    return DL4C_OK;
}

const char *dli_st_metadata(json_t *header, const char *key)
{
    return json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
}

bool dli_st_sniff(const uint8_t *bytes, size_t size)
{
    return size > 8 && bytes[8] == '{' && little64(bytes) <= DLI_ST_MOST_HEADER;
}

static int by_offset(const void *a, const void *b)
{
    const struct dli_st_tensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty ones before the one that begins where they lie */
}

dl4c_status dli_st_complete(const char *what, dl4c_context *ctx, json_t *header, size_t data, size_t size, size_t *n_tensors,
                            struct dl4c_error *err)
{
    const char *name;
    json_t *entry;
    size_t n = 0, at = data;
    dl4c_status status = DL4C_OK;
    *n_tensors = 0;
    struct dli_st_tensor *all = dli_array(ctx, json_object_size(header) + 1, sizeof *all, err);
    if (!all)
        return dli_alloc_status();
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0 && status == DL4C_OK)
            status = dli_st_find(what, header, data, size, name, &all[n++], err);
    }
    qsort(all, n, sizeof *all, by_offset);
    for (size_t i = 0; i < n && status == DL4C_OK; i++) {
        if (all[i].offset != at)
            status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "a tensor of %s lies at byte %zu where the one before it ends at %zu",
                              what, all[i].offset - data, at - data);
        at = all[i].offset + all[i].bytes;
    }
    if (status == DL4C_OK && at != size)
        status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "%zu bytes at the end of %s belong to no tensor", size - at, what);
    dli_free(all);
    if (status == DL4C_OK)
        *n_tensors = n;
    return status;
}
