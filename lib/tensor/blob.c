/* SPDX-License-Identifier: Apache-2.0 */
/* Counted storage. */
#include "tensor/blob.h"

#include <string.h>

_Static_assert(sizeof(struct dli_blob) <= DLI_ALIGN, "the data of a created blob starts one alignment after its head");

dl4c_status dli_blob_create(dl4c_context *ctx, size_t bytes, struct dli_blob **blob, struct dl4c_error *err)
{
    *blob = NULL;
    size_t total;
    if (!dli_add_size(bytes, DLI_ALIGN, &total))
        return dli_fail(err, DL4C_E_NOMEM, "memory", "a block of %zu bytes cannot exist", bytes);
    struct dli_blob *b = dli_alloc_aligned(ctx, total, err);
    if (!b)
        return dli_alloc_status();
    memset(b, 0, sizeof *b);
    atomic_init(&b->refs, 1);
    b->data = (char *)b + DLI_ALIGN;
    b->bytes = bytes;
    *blob = b;
    return DL4C_OK;
}

dl4c_status dli_blob_create_zeroed(dl4c_context *ctx, size_t bytes, struct dli_blob **blob, struct dl4c_error *err)
{
    DLI_TRY(dli_blob_create(ctx, bytes, blob, err));
    memset((*blob)->data, 0, bytes);
    return DL4C_OK;
}

dl4c_status dli_blob_wrap(dl4c_context *ctx, const void *data, size_t bytes, void (*release)(void *cookie), void *cookie,
                          struct dli_blob **blob, struct dl4c_error *err)
{
    *blob = NULL;
    struct dli_blob *b = dli_calloc(ctx, 1, sizeof *b, err);
    if (!b)
        return dli_alloc_status();
    atomic_init(&b->refs, 1);
    b->data = (void *)(uintptr_t)data;
    b->bytes = bytes;
    b->release = release;
    b->cookie = cookie;
    *blob = b;
    return DL4C_OK;
}

struct dli_blob *dli_blob_ref(struct dli_blob *blob)
{
    if (blob)
        atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

void dli_blob_unref(struct dli_blob *blob)
{
    if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (blob->release)
        blob->release(blob->cookie);
    dli_free(blob);
}
