/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_context. */
#ifndef DLI_BASE_CONTEXT_H
#define DLI_BASE_CONTEXT_H

#include "base/alloc.h"
#include <stdatomic.h>
#include <pthread.h>

struct dli_pool;

enum { DLI_BLAS_AUTO = 0, DLI_BLAS_OWN = 1, DLI_BLAS_BLIS = 2 };

/* A slot where a module keeps what it registered in a context; freed with the context. */
enum { DLI_SLOT_FS, DLI_SLOT_TRANSPORT, DLI_SLOTS };

/* The heap: outlives the context while blocks of it are alive. */
struct dli_heap {
    dl4c_alloc_fn alloc;
    dl4c_release_fn release;
    void *user;
    int64_t limit;              /* 0: none */
    _Atomic int64_t used, peak; /* bytes */
    _Atomic int64_t refs;       /* blocks, plus one of the context */
};

struct dl4c_context {
    _Atomic int64_t refs; /* the host's handle and every object */
    struct dli_heap *heap;
    dl4c_log_fn log;
    void *log_user;
    int32_t log_level;
    int32_t threads; /* resolved, at least 1 */
    int32_t blas;    /* DLI_BLAS_* */
    _Atomic(struct dli_pool *) pool; /* made at the first parallel call */
    _Atomic uint64_t serial;         /* gives what needs it a number of its own */
    pthread_mutex_t lock;            /* of the slots */
    void *slot[DLI_SLOTS];
    void (*slot_release[DLI_SLOTS])(void *);
};

/* ctx, or the default context where it is NULL. NULL only when the default one could not be made; *err says why. The default
 * context lives as long as the process. */
dl4c_context *dli_context(dl4c_context *ctx, struct dl4c_error *err);

/* An object's reference. dli_context_ref takes NULL for the default context and returns what it took a reference of. */
dl4c_context *dli_context_ref(dl4c_context *ctx, struct dl4c_error *err);
void dli_context_unref(dl4c_context *ctx);

void dli_log(dl4c_context *ctx, int32_t level, const char *origin, const char *fmt, ...) DLI_PRINTF(4, 5);

#endif
