/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces are cut from blocks of 64 KiB; what is larger gets a block of its own. */
#include "formats/onnx/arena.h"

#include <stdalign.h>
#include <string.h>

enum { BLOCK = 65536 };

struct dli_onnx_block {
    struct dli_onnx_block *next;
    alignas(max_align_t) char bytes[];
};

static char *add_block(struct dli_onnx_arena *a, size_t size, struct dl4c_error *err)
{
    size_t total;
    if (!dli_add_size(size, sizeof(struct dli_onnx_block), &total))
        return dli_alloc(a->ctx, size, err); /* which refuses it */
    struct dli_onnx_block *b = dli_alloc(a->ctx, total, err);
    if (!b)
        return NULL;
    memset(b->bytes, 0, size);
    b->next = a->blocks;
    a->blocks = b;
    return b->bytes;
}

void *dli_onnx_new(struct dli_onnx_arena *a, size_t count, size_t size, struct dl4c_error *err)
{
    const size_t unit = alignof(max_align_t);
    size_t bytes;
    if (!dli_mul_size(count, size, &bytes) || bytes > SIZE_MAX - unit)
        return dli_array(a->ctx, count, size, err); /* which refuses it */
    bytes = (bytes + unit - 1) / unit * unit;
    if (bytes > BLOCK / 4) {
        /* The block that pieces are cut from stays first. */
        struct dli_onnx_block *first = a->blocks;
        char *own = add_block(a, bytes, err);
        if (own && first) {
            struct dli_onnx_block *b = a->blocks;
            a->blocks = first;
            b->next = first->next;
            first->next = b;
        } else if (own) {
            a->used = a->size = 0;
        }
        return own;
    }
    if (!a->blocks || a->size - a->used < bytes) {
        if (!add_block(a, BLOCK, err))
            return NULL;
        a->used = 0;
        a->size = BLOCK;
    }
    char *piece = a->blocks->bytes + a->used;
    a->used += bytes;
    return piece;
}

char *dli_onnx_text(struct dli_onnx_arena *a, const void *bytes, size_t size, struct dl4c_error *err)
{
    if (size == SIZE_MAX)
        return dli_alloc(a->ctx, size, err); /* which refuses it */
    char *text = dli_onnx_new(a, size + 1, 1, err);
    if (text && size > 0)
        memcpy(text, bytes, size);
    return text;
}

void dli_onnx_arena_free(struct dli_onnx_arena *a)
{
    while (a->blocks) {
        struct dli_onnx_block *next = a->blocks->next;
        dli_free(a->blocks);
        a->blocks = next;
    }
    a->used = a->size = 0;
}
