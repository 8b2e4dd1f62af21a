/* SPDX-License-Identifier: Apache-2.0 */
/* Large models keep their weights in files beside the model's own, by a relative name. */
#include "formats/onnx/import.h"

#include <string.h>

struct dli_onnx_beside {
    struct dli_onnx_beside *next;
    const char *location;
    struct dli_blob *blob;
};

void dli_onnx_external_close(struct dli_onnx_import *im)
{
    for (struct dli_onnx_beside *b = im->beside; b; b = b->next)
        dli_blob_unref(b->blob);
    im->beside = NULL;
}

struct dli_blob *dli_onnx_blob_of(const struct dli_onnx_import *im, const uint8_t *bytes)
{
    for (struct dli_onnx_beside *b = im->beside; b; b = b->next) {
        const uintptr_t at = (uintptr_t)bytes, from = (uintptr_t)b->blob->data;
        if (at >= from && at - from < b->blob->bytes)
            return b->blob;
    }
    return im->file;
}

/* A name that stays in the model's folder: a model from elsewhere must not read whatever file it likes. */
static bool stays_inside(const char *location)
{
    if (location[0] == 0 || location[0] == '/' || strchr(location, '\\') || strchr(location, ':') || strchr(location, '?'))
        return false;
    for (const char *part = location; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == 0 || part[2] == '/'))
            return false;
    return true;
}

/* The model's URI with its last component replaced; what follows a '?' in a URI with a scheme stays. */
static dl4c_status uri_beside(struct dli_onnx_import *im, const char *location, char **out, struct dl4c_error *err)
{
    const char *query = strstr(im->uri, "://") ? strchr(im->uri, '?') : NULL;
    size_t folder = query ? (size_t)(query - im->uri) : strlen(im->uri);
    while (folder > 0 && im->uri[folder - 1] != '/')
        folder--;
    const size_t n = strlen(location), q = query ? strlen(query) : 0;
    *out = dli_onnx_new(&im->arena, folder + n + q + 1, 1, err);
    if (!*out)
        return dli_alloc_status();
    memcpy(*out, im->uri, folder);
    memcpy(*out + folder, location, n);
    if (q > 0)
        memcpy(*out + folder + n, query, q);
    return DL4C_OK;
}

static dl4c_status open_beside(struct dli_onnx_import *im, const char *location, struct dli_onnx_beside **b, struct dl4c_error *err)
{
    char *uri;
    for (*b = im->beside; *b; *b = (*b)->next)
        if (strcmp((*b)->location, location) == 0)
            return DL4C_OK;
    DLI_TRY(uri_beside(im, location, &uri, err));
    struct dli_onnx_beside *fresh = dli_onnx_new(&im->arena, 1, sizeof *fresh, err);
    if (!fresh)
        return dli_alloc_status();
    DLI_TRY(dli_format_map(im->ctx, uri, &fresh->blob, err));
    fresh->location = location;
    fresh->next = im->beside;
    im->beside = *b = fresh;
    im->budget += (int64_t)(fresh->blob->bytes / sizeof(float)) * 16;
    return DL4C_OK;
}

dl4c_status dli_onnx_external_open(struct dli_onnx_import *im, struct dli_onnx_tensor *t, struct dl4c_error *err)
{
    struct dli_onnx_beside *b;
    if (!im->uri)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx",
                        "tensor '%.150s' has its data in another file '%.150s', and the model comes from memory", t->name, t->location);
    if (!stays_inside(t->location))
        return dli_fail(err, DL4C_E_DENIED, "onnx", "tensor '%.150s' has its data in '%.150s'; only files in the model's folder are read",
                        t->name, t->location);
    const dl4c_status status = open_beside(im, t->location, &b, err);
    if (status != DL4C_OK)
        return dli_fail_prefix(err, status, "the data of tensor '%.100s'", t->name);
    const uint64_t size = b->blob->bytes, offset = t->offset < 0 ? 0 : (uint64_t)t->offset;
    if (offset > size || (t->length >= 0 && (uint64_t)t->length > size - offset))
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "the data of tensor '%.150s' ends behind the %" PRIu64 " bytes of '%.150s'", t->name,
                        size, t->location);
    t->raw = (const uint8_t *)b->blob->data + offset;
    t->raw_size = t->length >= 0 ? (size_t)t->length : (size_t)(size - offset);
    return dli_onnx_tensor_check(t, err);
}
