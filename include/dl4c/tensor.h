/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Opaque n-dimensional arrays: create, wrap, ref, view, read and write .npy.
 */
#ifndef DL4C_TENSOR_H
#define DL4C_TENSOR_H

#include <dl4c/base.h>

DL4C_BEGIN

/**
 * An array of up to 8 axes over shared storage. Counted: dl4c_tensor_ref and dl4c_tensor_unref. Shape, strides and type never change,
 * so that they may be asked from any thread; the elements are as safe as memory is: many readers, or one writer.
 */
typedef struct dl4c_tensor dl4c_tensor;

enum { DL4C_MAX_RANK = 8 };

/** Element types; values never change. */
enum { DL4C_F32 = 1, DL4C_F64 = 2, DL4C_F16 = 3, DL4C_BF16 = 4, DL4C_I32 = 5, DL4C_I64 = 6, DL4C_U8 = 7 };

/** Bytes of one element, 0 for an unknown type. Threads: safe. Since: 0.1. */
DL4C_API size_t dl4c_dtype_size(int32_t dtype);
/** "f32", "i64" ..., "?" for an unknown type. Static storage. Threads: safe. Since: 0.1. */
DL4C_API const char *dl4c_dtype_name(int32_t dtype);

/**
 * Creates a contiguous tensor of zeros (C order: the last axis is the fastest).
 * @param shape  @p rank lengths, each at least 0; may be NULL for rank 0 (a single element).
 * @param t      Receives one reference; NULL on failure.
 * @retval DL4C_E_INVALID  an unknown type, a rank above 8, a negative length, more elements than memory can hold
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT, where the context has one
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_create(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                                        struct dl4c_error *err);

/** Called once when the last tensor over wrapped memory is gone, on the thread that dropped it. */
typedef void (*dl4c_release_cookie_fn)(void *cookie);

enum { DL4C_WRAP_READ_ONLY = 1 /**< writing through the library is DL4C_E_DENIED */ };

/**
 * Makes a tensor over the caller's memory, without a copy.
 * @param strides  @p rank distances in elements, may be negative or 0 (the axis repeats); NULL: contiguous in C order.
 * @param data     The element at index 0, 0, ...; aligned to the element's size; stays the caller's and must live until release runs.
 *                 May be NULL where there are no elements.
 * @param release  NULL: the caller keeps the memory alive by other means.
 * @retval DL4C_E_INVALID  as dl4c_tensor_create; NULL or misaligned memory, strides that reach outside of any memory
 * @retval DL4C_E_VERSION  a flag that this library does not know
 * If it fails, release is not called and the memory is still the caller's alone. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_wrap(dl4c_context *ctx, int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank,
                                      void *data, uint32_t flags, dl4c_release_cookie_fn release, void *cookie, dl4c_tensor **t,
                                      struct dl4c_error *err);

/** Takes one more reference; returns its argument. NULL is allowed. Threads: safe. Since: 0.1. */
DL4C_API dl4c_tensor *dl4c_tensor_ref(dl4c_tensor *t);
/** Drops a reference and writes NULL. Takes NULL. Threads: safe. Since: 0.1. */
DL4C_API void dl4c_tensor_unref(dl4c_tensor **t);

/** One of DL4C_F32 ... Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_tensor_dtype(const dl4c_tensor *t);
/** Number of axes, 0 to 8. Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_tensor_rank(const dl4c_tensor *t);
/** Length of an axis; axes below 0 count from the end; 1 outside the rank. Threads: safe. Since: 0.1. */
DL4C_API int64_t dl4c_tensor_dim(const dl4c_tensor *t, int32_t axis);
/** rank lengths, borrowed. Threads: safe. Since: 0.1. */
DL4C_API const int64_t *dl4c_tensor_shape(const dl4c_tensor *t);
/** rank distances in elements, borrowed. Threads: safe. Since: 0.1. */
DL4C_API const int64_t *dl4c_tensor_strides(const dl4c_tensor *t);
/** Number of elements. Threads: safe. Since: 0.1. */
DL4C_API int64_t dl4c_tensor_size(const dl4c_tensor *t);
/** 1 where the elements lie in C order without gaps. Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_tensor_is_contiguous(const dl4c_tensor *t);
/** 1 where the elements may not be written: wrapped so, or part of a mapped file. Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_tensor_is_read_only(const dl4c_tensor *t);
/** The element at index 0, 0, ...: borrowed; NULL where the tensor is read-only (use dl4c_tensor_data_const). Threads: safe. Since: 0.1. */
DL4C_API void *dl4c_tensor_data(dl4c_tensor *t);
/** The same to read; never NULL. Threads: safe. Since: 0.1. */
DL4C_API const void *dl4c_tensor_data_const(const dl4c_tensor *t);

/**
 * Elements start, start + step, ... before stop, of one axis.
 * @param axis   Below 0 counts from the end.
 * @param start  0 to the axis's length; below 0 counts from the end. The same for @p stop, where INT64_MAX is the end.
 * @param step   At least 1.
 * @param view   Receives a tensor that shares storage with @p t, empty where stop is not after start; NULL on failure.
 * @retval DL4C_E_INVALID  an axis, start or stop outside of the tensor (nothing is clamped), a step below 1
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT
 * Threads: safe. Cost: one small block. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_slice(dl4c_tensor *t, int32_t axis, int64_t start, int64_t stop, int64_t step, dl4c_tensor **view,
                                       struct dl4c_error *err);
/**
 * Another shape over the same elements in C order.
 * @param shape  @p rank lengths with the same product; one may be -1 and is worked out.
 * @param view   Receives a tensor that shares storage with @p t; NULL on failure.
 * @retval DL4C_E_INVALID  another number of elements, or strides that make it impossible without a copy (dl4c_tensor_to makes one)
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT
 * Threads: safe. Cost: one small block. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_reshape(dl4c_tensor *t, const int64_t *shape, int32_t rank, dl4c_tensor **view, struct dl4c_error *err);
/**
 * Axes in another order.
 * @param perm  Axis i of the view is axis perm[i] of @p t, each once; NULL reverses.
 * @param view  Receives a tensor that shares storage with @p t; NULL on failure.
 * @retval DL4C_E_INVALID  @p perm is not a permutation
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT
 * Threads: safe. Cost: one small block. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_transpose(dl4c_tensor *t, const int32_t *perm, dl4c_tensor **view, struct dl4c_error *err);

/**
 * Copies all elements, converting the type: floats to integers are cut towards 0 and saturated, NaN becomes 0; integers saturate;
 * anything to a float is rounded once, to nearest even.
 *
 * Where the two share storage and overlap, @p dst becomes what @p src was before the call.
 * @retval DL4C_E_INVALID  the shapes differ, or an axis of @p dst repeats one element
 * @retval DL4C_E_DENIED   @p dst is read-only
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT; only where they overlap
 * Threads: as memory: nobody else may write @p src, or use @p dst. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_copy(dl4c_tensor *dst, const dl4c_tensor *src, struct dl4c_error *err);
/**
 * A contiguous tensor of a type with the same elements, converted as by dl4c_tensor_copy.
 * @param out  Receives a tensor with storage of its own, or a new reference to @p t itself where nothing would change; NULL on failure.
 * @retval DL4C_E_INVALID  an unknown type
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT
 * Threads: safe while nobody writes @p t. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_to(dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err);

/**
 * Reads a .npy file: versions 1 to 3; C and Fortran order; both byte orders; f2 f4 f8 i4 i8 u1, and b1 as u1.
 * @param uri  A path or a URI of a file system that the context knows.
 * @param t    Receives a contiguous tensor; NULL on failure.
 * @retval DL4C_E_CORRUPT      not a .npy file, a malformed header, or fewer elements than the shape promises; known before memory is taken
 * @retval DL4C_E_UNSUPPORTED  another element type (the message names it), a later version, more than 8 axes
 * @retval DL4C_E_NOTFOUND     and what else dl4c_fs_open and dl4c_fs_read_at answer
 * @retval DL4C_E_NOMEM        also DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_load_npy(dl4c_context *ctx, const char *uri, dl4c_tensor **t, struct dl4c_error *err);
/** The same from memory, which is only read during the call. Bytes behind the last element are ignored. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_tensor_parse_npy(dl4c_context *ctx, const void *bytes, size_t size, dl4c_tensor **t, struct dl4c_error *err);
/**
 * Writes .npy version 1.0, C order, little endian, bf16 as f4. The file appears whole or not at all.
 * @retval DL4C_E_IO     and what else dl4c_fs_create, dl4c_fs_write and dl4c_fs_commit answer
 * @retval DL4C_E_NOMEM  also DL4C_E_LIMIT: a tensor that is not contiguous is copied first
 * Threads: safe while nobody writes @p t. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_tensor_save_npy(const dl4c_tensor *t, const char *uri, struct dl4c_error *err);

DL4C_END
#endif
