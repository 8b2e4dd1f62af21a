/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_tensor. */
#ifndef DLI_TENSOR_TENSOR_H
#define DLI_TENSOR_TENSOR_H

#include "base/context.h"
#include "tensor/blob.h"
#include "tensor/shape.h"

struct dl4c_tensor {
    _Atomic int64_t refs;
    dl4c_context *ctx; /* a reference */
    struct dli_blob *blob;
    void *data; /* the element at index 0, 0, ...; aligned to the element's size; never NULL */
    int32_t dtype, rank;
    bool read_only;
    int64_t shape[DL4C_MAX_RANK], strides[DL4C_MAX_RANK]; /* strides in elements */
};

dl4c_status dli_dtype_check(int32_t dtype, const char *origin, struct dl4c_error *err);

/* As dl4c_tensor_create, not cleared. */
dl4c_status dli_tensor_create_raw(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                                  struct dl4c_error *err);

/* A contiguous tensor over part of a blob, of which it takes a reference; read-only where the blob is. Where the bytes are not
 * aligned to the element's size, which tensors are always, a copy of them. DL4C_E_INVALID: the part is not inside the blob. */
dl4c_status dli_tensor_from_blob(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, struct dli_blob *blob,
                                 size_t byte_offset, dl4c_tensor **t, struct dl4c_error *err);

/* Another shape and strides over t's storage, from `offset` elements past its first; the caller has checked that they stay inside. */
dl4c_status dli_tensor_view(dl4c_tensor *t, const int64_t *shape, const int64_t *strides, int32_t rank, int64_t offset, dl4c_tensor **view,
                            struct dl4c_error *err);

/* A contiguous tensor of type dtype with t's elements: t itself, one reference more, where it is that already. */
dl4c_status dli_tensor_as(const dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err);
static inline dl4c_status dli_tensor_as_f32(const dl4c_tensor *t, dl4c_tensor **out, struct dl4c_error *err)
{
    return dli_tensor_as(t, DL4C_F32, out, err);
}

#endif
