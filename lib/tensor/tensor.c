/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: types, making, wrapping, references, looking. */
#include "tensor/tensor.h"

#include <string.h>

static const struct {
    size_t size;
    const char *name;
} dtypes[] = {
    [0] = { 0, "?" },          [DL4C_F32] = { 4, "f32" }, [DL4C_F64] = { 8, "f64" }, [DL4C_F16] = { 2, "f16" }, [DL4C_BF16] = { 2, "bf16" },
    [DL4C_I32] = { 4, "i32" }, [DL4C_I64] = { 8, "i64" }, [DL4C_U8] = { 1, "u8" },
};

static size_t dtype_index(int32_t dtype) { return dtype > 0 && (size_t)dtype < sizeof dtypes / sizeof *dtypes ? (size_t)dtype : 0; }

size_t dl4c_dtype_size(int32_t dtype) { return dtypes[dtype_index(dtype)].size; }
const char *dl4c_dtype_name(int32_t dtype) { return dtypes[dtype_index(dtype)].name; }

dl4c_status dli_dtype_check(int32_t dtype, const char *origin, struct dl4c_error *err)
{
    if (dtype_index(dtype) == 0)
        return dli_fail(err, DL4C_E_INVALID, origin, "%" PRId32 " is not an element type", dtype);
    return DL4C_OK;
}

static dl4c_status check_arguments(int32_t dtype, const int64_t *shape, int32_t rank, size_t *bytes, struct dl4c_error *err)
{
    DLI_TRY(dli_dtype_check(dtype, "tensor", err));
    DLI_TRY(dli_shape_check(shape, rank, "tensor", err));
    if (!dli_shape_bytes(shape, rank, dtype, bytes))
        return dli_fail(err, DL4C_E_INVALID, "tensor", "shape %s of %s has more bytes than memory can hold", DLI_SHAPE(shape, rank),
                        dl4c_dtype_name(dtype));
    return DL4C_OK;
}

/* Takes over the blob's reference where it succeeds. strides NULL: contiguous. */
static dl4c_status make(dl4c_context *ctx, int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank, struct dli_blob *blob,
                        size_t byte_offset, dl4c_tensor **out, struct dl4c_error *err)
{
    dl4c_tensor *t = dli_calloc(ctx, 1, sizeof *t, err);
    if (!t)
        return dli_alloc_status();
    atomic_init(&t->refs, 1);
    t->ctx = dli_context_ref(ctx, NULL); /* exists: it has just given memory */
    t->blob = blob;
    t->data = (char *)blob->data + byte_offset;
    t->dtype = dtype;
    t->rank = rank;
    t->read_only = blob->read_only;
    if (rank > 0)
        memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    if (strides && rank > 0)
        memcpy(t->strides, strides, (size_t)rank * sizeof *strides);
    else
        dli_shape_strides(t->shape, rank, t->strides);
    *out = t;
    return DL4C_OK;
}

static dl4c_status create(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, bool zero, dl4c_tensor **t,
                          struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the place for the tensor is NULL");
    *t = NULL;
    size_t bytes;
    struct dli_blob *blob;
    DLI_TRY(check_arguments(dtype, shape, rank, &bytes, err));
    DLI_TRY(zero ? dli_blob_create_zeroed(ctx, bytes, &blob, err) : dli_blob_create(ctx, bytes, &blob, err));
    const dl4c_status status = make(ctx, dtype, shape, NULL, rank, blob, 0, t, err);
    if (status != DL4C_OK)
        dli_blob_unref(blob);
    return status;
}

dl4c_status dl4c_tensor_create(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                               struct dl4c_error *err)
{
    return create(ctx, dtype, shape, rank, true, t, err);
}

dl4c_status dli_tensor_create_raw(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                                  struct dl4c_error *err)
{
    return create(ctx, dtype, shape, rank, false, t, err);
}

/* The bytes that a strided shape reaches: from `before` bytes below data, `total` in all. A quarter of the address space is the
 * limit, so that later sums of strides cannot overflow. */
static dl4c_status reach(int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank, const void *data, size_t *before,
                         size_t *total, struct dl4c_error *err)
{
    int64_t lowest, highest, n, size = (int64_t)dl4c_dtype_size(dtype);
    const bool counted = dli_shape_size(shape, rank, &n);
    *before = *total = 0;
    if (counted && n == 0)
        return DL4C_OK;
    if (!counted || !dli_shape_span(shape, strides, rank, &lowest, &highest) || !dli_mul_i64(lowest, size, &lowest) ||
        !dli_add_i64(highest, 1, &highest) || !dli_mul_i64(highest, size, &highest) || highest > PTRDIFF_MAX / 4 ||
        lowest < -PTRDIFF_MAX / 4 || (uintptr_t)data < (uintptr_t)-lowest || UINTPTR_MAX - (uintptr_t)data < (uintptr_t)highest)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "shape %s with strides %s of %s reaches outside of memory", DLI_SHAPE(shape, rank),
                        DLI_SHAPE(strides, rank), dl4c_dtype_name(dtype));
    *before = (size_t)-lowest;
    *total = (size_t)(highest - lowest);
    return DL4C_OK;
}

dl4c_status dl4c_tensor_wrap(dl4c_context *ctx, int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank, void *data,
                             uint32_t flags, dl4c_release_cookie_fn release, void *cookie, dl4c_tensor **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the place for the tensor is NULL");
    *t = NULL;
    size_t bytes, before;
    int64_t contiguous[DL4C_MAX_RANK];
    if (flags & ~(uint32_t)DL4C_WRAP_READ_ONLY)
        return dli_fail(err, DL4C_E_VERSION, "tensor", "flags %#" PRIx32 " are not known to this library", flags);
    DLI_TRY(check_arguments(dtype, shape, rank, &bytes, err));
    if (!strides) {
        dli_shape_strides(shape, rank, contiguous);
        strides = contiguous;
    }
    int64_t n;
    static _Alignas(8) char nothing[8]; /* what an empty tensor at NULL points to */
    if (!data && dli_shape_size(shape, rank, &n) && n == 0)
        data = nothing;
    if (!data)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the memory to wrap is NULL");
    if ((uintptr_t)data % dl4c_dtype_size(dtype) != 0)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the memory to wrap is not aligned to the %zu bytes of %s", dl4c_dtype_size(dtype),
                        dl4c_dtype_name(dtype));
    DLI_TRY(reach(dtype, shape, strides, rank, data, &before, &bytes, err));
    struct dli_blob *blob;
    DLI_TRY(dli_blob_wrap(ctx, (char *)data - before, bytes, release, cookie, &blob, err));
    blob->read_only = flags & DL4C_WRAP_READ_ONLY;
    const dl4c_status status = make(ctx, dtype, shape, strides, rank, blob, before, t, err);
    if (status != DL4C_OK) {
        blob->release = NULL; /* the memory is still the caller's alone */
        dli_blob_unref(blob);
    }
    return status;
}

dl4c_status dli_tensor_from_blob(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, struct dli_blob *blob,
                                 size_t byte_offset, dl4c_tensor **t, struct dl4c_error *err)
{
    *t = NULL;
    size_t bytes;
    DLI_TRY(check_arguments(dtype, shape, rank, &bytes, err));
    if (byte_offset > blob->bytes || bytes > blob->bytes - byte_offset)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "%zu bytes at %zu are not inside storage of %zu bytes", bytes, byte_offset,
                        blob->bytes);
    const char *from = (const char *)blob->data + byte_offset;
    if ((uintptr_t)from % dl4c_dtype_size(dtype) == 0) {
        DLI_TRY(make(ctx, dtype, shape, NULL, rank, blob, byte_offset, t, err));
        dli_blob_ref(blob);
        return DL4C_OK;
    }
    DLI_TRY(dli_tensor_create_raw(ctx, dtype, shape, rank, t, err));
    memcpy((*t)->data, from, bytes);
    (*t)->read_only = blob->read_only;
    return DL4C_OK;
}

dl4c_status dli_tensor_view(dl4c_tensor *t, const int64_t *shape, const int64_t *strides, int32_t rank, int64_t offset, dl4c_tensor **view,
                            struct dl4c_error *err)
{
    *view = NULL;
    dl4c_tensor *v = dli_calloc(t->ctx, 1, sizeof *v, err);
    if (!v)
        return dli_alloc_status();
    atomic_init(&v->refs, 1);
    v->ctx = dli_context_ref(t->ctx, NULL);
    v->blob = dli_blob_ref(t->blob);
    v->data = (char *)t->data + offset * (int64_t)dl4c_dtype_size(t->dtype);
    v->dtype = t->dtype;
    v->rank = rank;
    v->read_only = t->read_only;
    if (rank > 0) {
        memcpy(v->shape, shape, (size_t)rank * sizeof *shape);
        memcpy(v->strides, strides, (size_t)rank * sizeof *strides);
    }
    *view = v;
    return DL4C_OK;
}

dl4c_tensor *dl4c_tensor_ref(dl4c_tensor *t)
{
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void dl4c_tensor_unref(dl4c_tensor **t)
{
    if (!t || !*t)
        return;
    dl4c_tensor *dead = *t;
    *t = NULL;
    if (atomic_fetch_sub_explicit(&dead->refs, 1, memory_order_acq_rel) != 1)
        return;
    dl4c_context *ctx = dead->ctx;
    dli_blob_unref(dead->blob);
    dli_free(dead);
    dli_context_unref(ctx);
}

int32_t dl4c_tensor_dtype(const dl4c_tensor *t) { return t->dtype; }
int32_t dl4c_tensor_rank(const dl4c_tensor *t) { return t->rank; }
const int64_t *dl4c_tensor_shape(const dl4c_tensor *t) { return t->shape; }
const int64_t *dl4c_tensor_strides(const dl4c_tensor *t) { return t->strides; }
int32_t dl4c_tensor_is_read_only(const dl4c_tensor *t) { return t->read_only; }
void *dl4c_tensor_data(dl4c_tensor *t) { return t->read_only ? NULL : t->data; }
const void *dl4c_tensor_data_const(const dl4c_tensor *t) { return t->data; }
int32_t dl4c_tensor_is_contiguous(const dl4c_tensor *t) { return dli_shape_is_contiguous(t->shape, t->strides, t->rank); }

int64_t dl4c_tensor_dim(const dl4c_tensor *t, int32_t axis)
{
    const int64_t i = axis < 0 ? (int64_t)axis + t->rank : axis;
    return i >= 0 && i < t->rank ? t->shape[i] : 1;
}

int64_t dl4c_tensor_size(const dl4c_tensor *t)
{
    int64_t n = 0;
    dli_shape_size(t->shape, t->rank, &n); /* fits: checked when the tensor was made */
    return n;
}
