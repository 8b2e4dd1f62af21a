/* SPDX-License-Identifier: Apache-2.0 */
/* All memory of the library: the context's allocator, its limit, and checked size arithmetic. */
#ifndef DLI_BASE_ALLOC_H
#define DLI_BASE_ALLOC_H

#include "base/error.h"
#include <stdbool.h>

#define DLI_ALIGN 64 /* of dli_alloc_aligned: a cache line and the widest vector */

/* size bytes, aligned for any C type, not cleared. A size of 0 gives a unique pointer. NULL after a failure: NOMEM, or LIMIT where
 * the context's memory limit would be passed; *err says how much was wanted. Free with dli_free, from any thread, also after
 * the context's handle is gone: the block remembers its heap. */
void *dli_alloc(dl4c_context *ctx, size_t size, struct dl4c_error *err);
void *dli_calloc(dl4c_context *ctx, size_t count, size_t size, struct dl4c_error *err); /* cleared; count * size is checked */
void *dli_array(dl4c_context *ctx, size_t count, size_t size, struct dl4c_error *err);  /* not cleared; count * size is checked */
void *dli_alloc_aligned(dl4c_context *ctx, size_t size, struct dl4c_error *err);        /* to DLI_ALIGN, not cleared */
/* Grows or shrinks a block of dli_alloc, dli_calloc or dli_array (memory NULL: allocates); after a failure the old one stands. */
void *dli_realloc(dl4c_context *ctx, void *memory, size_t size, struct dl4c_error *err);
void dli_free(void *memory); /* NULL is allowed */

/* Why the last call above that answered NULL on this thread did so, NOMEM or LIMIT: `if (!p) return dli_alloc_status();`, also after
 * several calls in a row. Right also where err is NULL. */
dl4c_status dli_alloc_status(void);

char *dli_strdup(dl4c_context *ctx, const char *text, struct dl4c_error *err);
char *dli_strndup(dl4c_context *ctx, const char *text, size_t n, struct dl4c_error *err);

/* Room for one more element: grows *array (element bytes each, *capacity elements) to at least `count` by half more. */
dl4c_status dli_grow(dl4c_context *ctx, void *array_pointer, size_t *capacity, size_t count, size_t element, struct dl4c_error *err);

/* The one place where sizes are multiplied and added. True when the result fits. */
static inline bool dli_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool dli_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool dli_mul_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool dli_add_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_add_overflow(a, b, out); }

#endif
