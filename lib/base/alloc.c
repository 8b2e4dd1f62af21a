/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks with a small header that names their heap, so that freeing needs no context and sizes are always known. */
#include "base/alloc.h"
#include "base/context.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct header { /* just before the block */
    struct dli_heap *heap;
    size_t total;    /* bytes asked of the allocator */
    uint32_t offset; /* from the allocator's pointer to the block */
    uint32_t magic;
};
enum { MAGIC = 0x44344c43, PLAIN = 32 };
_Static_assert(sizeof(struct header) <= PLAIN, "the header fits before a plain block");

static struct header *header_of(void *memory) { return (struct header *)((char *)memory - sizeof(struct header)); }

static void heap_unref(struct dli_heap *heap)
{
    if (atomic_fetch_sub_explicit(&heap->refs, 1, memory_order_acq_rel) == 1)
        heap->release(heap->user, heap, sizeof *heap);
}

static _Thread_local dl4c_status last_failure = DL4C_E_NOMEM;

dl4c_status dli_alloc_status(void) { return last_failure; }

/* Counts the bytes as used, unless that would pass the limit; *now is what is in use afterwards. One thread's refusal never makes
 * another thread's block fail: nothing is counted and taken back. */
static bool reserve(struct dli_heap *heap, int64_t total, int64_t *now)
{
    int64_t used = atomic_load_explicit(&heap->used, memory_order_relaxed);
    do {
        *now = used;
        if (heap->limit && used + total > heap->limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&heap->used, &used, used + total, memory_order_relaxed, memory_order_relaxed));
    *now = used + total;
    return true;
}

static void *take(dl4c_context *ctx, size_t size, size_t align, struct dl4c_error *err)
{
    ctx = dli_context(ctx, err);
    if (!ctx) {
        last_failure = DL4C_E_NOMEM;
        return NULL;
    }
    struct dli_heap *heap = ctx->heap;
    const size_t offset = align > PLAIN ? align : PLAIN;
    size_t total;
    int64_t now;
    if (!dli_add_size(size, offset, &total) || total > PTRDIFF_MAX / 1024) { /* no machine has 2^53: sums cannot overflow */
        last_failure = dli_fail(err, DL4C_E_NOMEM, "memory", "a block of %zu bytes cannot exist", size);
        return NULL;
    }
    if (!reserve(heap, (int64_t)total, &now)) {
        last_failure =
            dli_fail(err, DL4C_E_LIMIT, "memory", "%zu more bytes would pass the memory limit of %" PRId64 " bytes (%" PRId64 " in use)",
                     size, heap->limit, now);
        return NULL;
    }
    char *base = heap->alloc(heap->user, total, align);
    if (!base) {
        atomic_fetch_sub_explicit(&heap->used, (int64_t)total, memory_order_relaxed);
        last_failure =
            dli_fail(err, DL4C_E_NOMEM, "memory", "no memory for %zu bytes (%" PRId64 " in use)", size, now - (int64_t)total);
        return NULL;
    }
    atomic_fetch_add_explicit(&heap->refs, 1, memory_order_relaxed);
    int64_t peak = atomic_load_explicit(&heap->peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&heap->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
    struct header *h = header_of(base + offset);
    h->heap = heap;
    h->total = total;
    h->offset = (uint32_t)offset;
    h->magic = MAGIC;
    return base + offset;
}

void *dli_alloc(dl4c_context *ctx, size_t size, struct dl4c_error *err) { return take(ctx, size, 16, err); }
void *dli_alloc_aligned(dl4c_context *ctx, size_t size, struct dl4c_error *err) { return take(ctx, size, DLI_ALIGN, err); }

void *dli_array(dl4c_context *ctx, size_t count, size_t size, struct dl4c_error *err)
{
    size_t bytes;
    if (!dli_mul_size(count, size, &bytes)) {
        last_failure = dli_fail(err, DL4C_E_NOMEM, "memory", "%zu elements of %zu bytes cannot exist", count, size);
        return NULL;
    }
    return dli_alloc(ctx, bytes, err);
}

void *dli_calloc(dl4c_context *ctx, size_t count, size_t size, struct dl4c_error *err)
{
    void *p = dli_array(ctx, count, size, err);
    if (p)
        memset(p, 0, count * size);
    return p;
}

void dli_free(void *memory)
{
    if (!memory)
        return;
    struct header *h = header_of(memory);
    assert(h->magic == MAGIC);
    struct dli_heap *heap = h->heap;
    const size_t total = h->total;
    char *base = (char *)memory - h->offset;
    h->magic = 0;
    atomic_fetch_sub_explicit(&heap->used, (int64_t)total, memory_order_relaxed);
    heap->release(heap->user, base, total);
    heap_unref(heap);
}

void dl4c_free(void *text) { dli_free(text); }

void *dli_realloc(dl4c_context *ctx, void *memory, size_t size, struct dl4c_error *err)
{
    void *bigger = dli_alloc(ctx, size, err);
    if (bigger && memory) {
        const size_t old = header_of(memory)->total - header_of(memory)->offset;
        memcpy(bigger, memory, old < size ? old : size);
        dli_free(memory);
    }
    return bigger;
}

char *dli_strndup(dl4c_context *ctx, const char *text, size_t n, struct dl4c_error *err)
{
    char *copy = dli_alloc(ctx, n + 1, err); /* n bytes are in memory already: n + 1 fits */
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

char *dli_strdup(dl4c_context *ctx, const char *text, struct dl4c_error *err) { return dli_strndup(ctx, text, strlen(text), err); }

dl4c_status dli_grow(dl4c_context *ctx, void *array_pointer, size_t *capacity, size_t count, size_t element, struct dl4c_error *err)
{
    if (count <= *capacity)
        return DL4C_OK;
    size_t wanted = *capacity + *capacity / 2, bytes;
    if (wanted < count)
        wanted = count;
    if (wanted < 8)
        wanted = 8;
    if (!dli_mul_size(wanted, element, &bytes))
        return dli_fail(err, DL4C_E_NOMEM, "memory", "%zu elements of %zu bytes cannot exist", wanted, element);
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *bigger = dli_realloc(ctx, old, bytes, err);
    if (!bigger)
        return dli_alloc_status();
    memcpy(array_pointer, &bigger, sizeof bigger);
    *capacity = wanted;
    return DL4C_OK;
}
