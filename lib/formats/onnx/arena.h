/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one load: many small pieces that go at once. */
#ifndef DLI_FORMATS_ONNX_ARENA_H
#define DLI_FORMATS_ONNX_ARENA_H

#include "base/alloc.h"

struct dli_onnx_block;
struct dli_onnx_arena {
    dl4c_context *ctx;
    struct dli_onnx_block *blocks;
    size_t used, size; /* of the first block */
};

/* Cleared, aligned for any C type. */
void *dli_onnx_new(struct dli_onnx_arena *a, size_t count, size_t size, struct dl4c_error *err);
/* NUL-terminated. */
char *dli_onnx_text(struct dli_onnx_arena *a, const void *bytes, size_t size, struct dl4c_error *err);
void dli_onnx_arena_free(struct dli_onnx_arena *a);

#endif
