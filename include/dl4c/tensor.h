/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Opaque n-dimensional arrays: create, wrap, ref, view, read and write .npy.
 */
#ifndef DL4C_TENSOR_H
#define DL4C_TENSOR_H

#include <dl4c/base.h>

DL4C_BEGIN

/** An array of up to 8 axes over shared storage. Counted: dl4c_tensor_ref and dl4c_tensor_unref. A shape never changes. */
typedef struct dl4c_tensor dl4c_tensor;

enum { DL4C_MAX_RANK = 8 };

/** Element types; values never change. */
enum { DL4C_F32 = 1, DL4C_F64 = 2, DL4C_F16 = 3, DL4C_BF16 = 4, DL4C_I32 = 5, DL4C_I64 = 6, DL4C_U8 = 7 };

/** Bytes of one element, 0 for an unknown type. */
DL4C_API size_t dl4c_dtype_size(int32_t dtype);
/** "f32", "i64" ..., "?" for an unknown type. Static storage. */
DL4C_API const char *dl4c_dtype_name(int32_t dtype);

/**
 * Creates a contiguous tensor of zeros (C order: the last axis is the fastest).
 * @param shape  @p rank lengths, each at least 0; may be NULL for rank 0 (a single element).
 * @param t      Receives one reference; NULL on failure.
 * @retval DL4C_E_INVALID  an unknown type, a rank above 8, a negative length
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_create(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                                        struct dl4c_error *err);

/** Called once when the last tensor over wrapped memory is gone, on the thread that dropped it. */
typedef void (*dl4c_release_cookie_fn)(void *cookie);

enum { DL4C_WRAP_READ_ONLY = 1 /**< writing through the library is DL4C_E_DENIED */ };

/**
 * Makes a tensor over the caller's memory, without a copy.
 * @param strides  @p rank distances in elements, may be negative or 0; NULL: contiguous in C order.
 * @param data     The element at index 0, 0, ...; aligned to the element's size; stays the caller's and must live until release runs.
 * @param release  NULL: the caller keeps the memory alive by other means.
 * If it fails, release is not called and the memory is still the caller's alone. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_wrap(dl4c_context *ctx, int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank,
                                      void *data, uint32_t flags, dl4c_release_cookie_fn release, void *cookie, dl4c_tensor **t,
                                      struct dl4c_error *err);

/** Takes one more reference; returns its argument. NULL is allowed. Threads: safe. */
DL4C_API dl4c_tensor *dl4c_tensor_ref(dl4c_tensor *t);
/** Drops a reference and writes NULL. Takes NULL. Threads: safe. */
DL4C_API void dl4c_tensor_unref(dl4c_tensor **t);

DL4C_API int32_t dl4c_tensor_dtype(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_rank(const dl4c_tensor *t);
/** Length of an axis; axes below 0 count from the end; 1 outside the rank. */
DL4C_API int64_t dl4c_tensor_dim(const dl4c_tensor *t, int32_t axis);
/** rank lengths, borrowed. */
DL4C_API const int64_t *dl4c_tensor_shape(const dl4c_tensor *t);
/** rank distances in elements, borrowed. */
DL4C_API const int64_t *dl4c_tensor_strides(const dl4c_tensor *t);
/** Number of elements. */
DL4C_API int64_t dl4c_tensor_size(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_is_contiguous(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_is_read_only(const dl4c_tensor *t);
/** The element at index 0, 0, ...: borrowed; NULL where the tensor is read-only (use dl4c_tensor_data_const). */
DL4C_API void *dl4c_tensor_data(dl4c_tensor *t);
DL4C_API const void *dl4c_tensor_data_const(const dl4c_tensor *t);

/** Elements start..stop-1 of an axis (negative counts from the end), every step-th; a view that shares storage. */
DL4C_API dl4c_status dl4c_tensor_slice(dl4c_tensor *t, int32_t axis, int64_t start, int64_t stop, int64_t step, dl4c_tensor **view,
                                       struct dl4c_error *err);
/** Another shape over the same elements in C order; one length may be -1. A view; DL4C_E_INVALID where strides make that impossible. */
DL4C_API dl4c_status dl4c_tensor_reshape(dl4c_tensor *t, const int64_t *shape, int32_t rank, dl4c_tensor **view, struct dl4c_error *err);
/** Axes in another order: axis i of the view is axis perm[i]; NULL reverses. A view. */
DL4C_API dl4c_status dl4c_tensor_transpose(dl4c_tensor *t, const int32_t *perm, dl4c_tensor **view, struct dl4c_error *err);

/** Copies all elements, converting the type (floats to integers are truncated and saturated; NaN becomes 0). Shapes must be equal. */
DL4C_API dl4c_status dl4c_tensor_copy(dl4c_tensor *dst, const dl4c_tensor *src, struct dl4c_error *err);
/** A contiguous tensor of another type with the same elements; a new reference to t itself where nothing would change. */
DL4C_API dl4c_status dl4c_tensor_to(dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err);

/**
 * Reads a .npy file (versions 1 to 3; C and Fortran order; both byte orders; f2 f4 f8 i4 i8 u1).
 * @param uri  A path or a URI of a file system that the context knows.
 * @retval DL4C_E_CORRUPT, DL4C_E_UNSUPPORTED (other element types), DL4C_E_NOTFOUND, DL4C_E_IO
 */
DL4C_API dl4c_status dl4c_tensor_load_npy(dl4c_context *ctx, const char *uri, dl4c_tensor **t, struct dl4c_error *err);
/** The same from memory, which is only read during the call. */
DL4C_API dl4c_status dl4c_tensor_parse_npy(dl4c_context *ctx, const void *bytes, size_t size, dl4c_tensor **t, struct dl4c_error *err);
/** Writes .npy version 1.0, C order, little endian (bf16 as f4). The file appears whole or not at all. */
DL4C_API dl4c_status dl4c_tensor_save_npy(const dl4c_tensor *t, const char *uri, struct dl4c_error *err);

DL4C_END
#endif
