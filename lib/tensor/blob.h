/* SPDX-License-Identifier: Apache-2.0 */
/* Counted storage: what tensors are views of and parameters lie in. */
#ifndef DLI_TENSOR_BLOB_H
#define DLI_TENSOR_BLOB_H

#include "base/alloc.h"
#include <stdatomic.h>

struct dli_blob {
    _Atomic int64_t refs;
    void *data; /* never NULL; to DLI_ALIGN where created here, anything where wrapped (a mapped file) */
    size_t bytes;
    bool read_only; /* set by the maker before the blob is shared: tensors over it refuse writing */
    bool mapped;    /* by the maker too: pages of a file, which the system may drop and which processes share */
    void (*release)(void *cookie);
    void (*forget)(void *cookie, size_t offset, size_t bytes); /* these bytes are not read soon; NULL: nothing is known to do */
    void *cookie;
};

/* Of one block of the context's allocator, which it does not keep alive: freeing needs the heap alone. */
dl4c_status dli_blob_create(dl4c_context *ctx, size_t bytes, struct dli_blob **blob, struct dl4c_error *err); /* not cleared */
dl4c_status dli_blob_create_zeroed(dl4c_context *ctx, size_t bytes, struct dli_blob **blob, struct dl4c_error *err);

/* Over memory that somebody else owns; release(cookie) runs once, on the thread that drops the last reference, and may be NULL.
 * After a failure it was not called. */
dl4c_status dli_blob_wrap(dl4c_context *ctx, const void *data, size_t bytes, void (*release)(void *cookie), void *cookie,
                          struct dli_blob **blob, struct dl4c_error *err);

struct dli_blob *dli_blob_ref(struct dli_blob *blob); /* returns its argument; NULL is allowed */
void dli_blob_unref(struct dli_blob *blob);           /* NULL is allowed */

#endif
