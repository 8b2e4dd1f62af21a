/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: creation, the default one, references, log. */
#define _GNU_SOURCE /* madvise */
#include "base/context.h"
#include "base/escape.h"
#include "base/thread_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

static void *plain_alloc(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *p = NULL;
#ifdef MADV_HUGEPAGE
    /* Weights and activations are streamed through: large blocks ask for pages of 2 MiB, which spare a miss for every 4 KiB. */
    const size_t huge = (size_t)2 << 20;
    if (size >= 4 * huge && alignment < huge) {
        if (posix_memalign(&p, huge, size) != 0)
            return NULL;
        madvise(p, size / huge * huge, MADV_HUGEPAGE); /* a wish */
        return p;
    }
#endif
    return posix_memalign(&p, alignment < sizeof p ? sizeof p : alignment, size) == 0 ? p : NULL;
}

static void plain_release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static dl4c_status blas_of(const char *name, int32_t *blas, struct dl4c_error *err)
{
    *blas = DLI_BLAS_AUTO;
    if (!name || strcmp(name, "auto") == 0)
        return DL4C_OK;
    if (strcmp(name, "own") == 0) {
        *blas = DLI_BLAS_OWN;
        return DL4C_OK;
    }
    if (strcmp(name, "blis") == 0) {
#ifdef DLI_HAVE_BLIS
        *blas = DLI_BLAS_BLIS;
        return DL4C_OK;
#else
        return dli_fail(err, DL4C_E_UNSUPPORTED, "context", "blas \"blis\" was not built into this library");
#endif
    }
    return dli_fail(err, DL4C_E_INVALID, "context", "blas is \"%s\", wanted auto, own or blis", name);
}

dl4c_status dl4c_context_create(const struct dl4c_context_options *options, dl4c_context **ctx, struct dl4c_error *err)
{
    if (!ctx)
        return dli_fail(err, DL4C_E_INVALID, "context", "ctx is NULL");
    *ctx = NULL;
    struct dl4c_context_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "context", err));
    if (!o.alloc != !o.release)
        return dli_fail(err, DL4C_E_INVALID, "context", "alloc and release must be set together");
    if (o.threads < 0 || o.threads > 4096)
        return dli_fail(err, DL4C_E_INVALID, "context", "threads is %" PRId32 ", wanted 0 to 4096", o.threads);
    if (o.memory_limit_bytes < 0)
        return dli_fail(err, DL4C_E_INVALID, "context", "memory_limit_bytes is %" PRId64, o.memory_limit_bytes);
    if (o.log_level < 0 || o.log_level > DL4C_LOG_DEBUG)
        return dli_fail(err, DL4C_E_INVALID, "context", "log_level is %" PRId32 ", wanted 0 to %d", o.log_level, DL4C_LOG_DEBUG);
    if (o.flags)
        return dli_fail(err, DL4C_E_VERSION, "context", "flags %#" PRIx64 " are not known to this library", o.flags);
    int32_t blas;
    DLI_TRY(blas_of(o.blas, &blas, err));

    const dl4c_alloc_fn alloc = o.alloc ? o.alloc : plain_alloc;
    const dl4c_release_fn release = o.release ? o.release : plain_release;
    struct dli_heap *heap = alloc(o.alloc_user, sizeof *heap, 64);
    struct dl4c_context *c = heap ? alloc(o.alloc_user, sizeof *c, 64) : NULL;
    if (!c || pthread_mutex_init(memset(&c->lock, 0, sizeof c->lock), NULL) != 0) {
        if (c)
            release(o.alloc_user, c, sizeof *c);
        if (heap)
            release(o.alloc_user, heap, sizeof *heap);
        return dli_fail(err, DL4C_E_NOMEM, "context", "no memory for a context");
    }
    heap->alloc = alloc;
    heap->release = release;
    heap->user = o.alloc_user;
    heap->limit = o.memory_limit_bytes;
    atomic_init(&heap->used, 0);
    atomic_init(&heap->peak, 0);
    atomic_init(&heap->refs, 1);
    atomic_init(&c->refs, 1);
    c->heap = heap;
    c->log = o.log;
    c->log_user = o.log_user;
    c->log_level = o.log_level ? o.log_level : DL4C_LOG_WARNING;
    c->threads = o.threads ? o.threads : dli_cores();
    c->blas = blas;
    atomic_init(&c->pool, NULL);
    atomic_init(&c->serial, 0);
    for (int i = 0; i < DLI_SLOTS; i++) {
        c->slot[i] = NULL;
        c->slot_release[i] = NULL;
    }
    *ctx = c;
    return DL4C_OK;
}

static pthread_once_t default_once = PTHREAD_ONCE_INIT;
static dl4c_context *default_context;

static void make_default(void) { dl4c_context_create(NULL, &default_context, NULL); }

dl4c_context *dli_context(dl4c_context *ctx, struct dl4c_error *err)
{
    if (ctx)
        return ctx;
    pthread_once(&default_once, make_default);
    if (!default_context)
        dli_fail(err, DL4C_E_NOMEM, "context", "no memory for the default context");
    return default_context;
}

dl4c_context *dli_context_ref(dl4c_context *ctx, struct dl4c_error *err)
{
    ctx = dli_context(ctx, err);
    if (ctx)
        atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void dli_context_unref(dl4c_context *ctx)
{
    if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < DLI_SLOTS; i++)
        if (ctx->slot_release[i])
            ctx->slot_release[i](ctx->slot[i]);
    dli_pool_destroy(atomic_load(&ctx->pool));
    pthread_mutex_destroy(&ctx->lock);
    struct dli_heap *heap = ctx->heap;
    heap->release(heap->user, ctx, sizeof *ctx);
    if (atomic_fetch_sub_explicit(&heap->refs, 1, memory_order_acq_rel) == 1)
        heap->release(heap->user, heap, sizeof *heap);
}

void dl4c_context_destroy(dl4c_context **ctx)
{
    if (!ctx || !*ctx)
        return;
    dli_context_unref(*ctx);
    *ctx = NULL;
}

int32_t dl4c_context_threads(dl4c_context *ctx)
{
    ctx = dli_context(ctx, NULL);
    return ctx ? ctx->threads : 1;
}

void dl4c_context_memory(dl4c_context *ctx, int64_t *used_bytes, int64_t *peak_bytes)
{
    ctx = dli_context(ctx, NULL);
    if (used_bytes)
        *used_bytes = ctx ? atomic_load_explicit(&ctx->heap->used, memory_order_relaxed) : 0;
    if (peak_bytes)
        *peak_bytes = ctx ? atomic_load_explicit(&ctx->heap->peak, memory_order_relaxed) : 0;
}

void dli_log(dl4c_context *ctx, int32_t level, const char *origin, const char *fmt, ...)
{
    ctx = dli_context(ctx, NULL);
    if (!ctx || !ctx->log || level > ctx->log_level)
        return;
    char message[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    dli_utf8_clean(message);
    ctx->log(ctx->log_user, level, origin, message);
}
