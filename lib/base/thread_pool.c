/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that runs parallel loops: jobs in a list, every idle thread takes the next task of the first job that has one left. */
#define _GNU_SOURCE
#include "base/thread_pool.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#else
#include <fenv.h>
#endif

struct job {
    void (*fn)(void *, size_t, int32_t);
    void *arg;
    size_t n_tasks;
    int32_t width;           /* workers allowed */
    _Atomic size_t next;     /* task to take */
    _Atomic size_t finished; /* tasks done */
    int32_t joined;          /* workers that came, the caller included; under the lock */
    int32_t inside;          /* helpers that still hold a pointer to this job; under the lock */
    int mode;                /* how the caller's thread rounds */
    struct job *link;
};

struct dli_pool {
    dl4c_context *ctx;
    pid_t pid; /* of the process that started the threads: they do not exist in a forked child */
    int32_t n_threads;
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    struct job *jobs;
    _Atomic uint32_t posted; /* counts jobs, so that idle threads can look without the lock for a moment */
    bool stop;
};

static _Thread_local bool inside_task;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* How this thread computes: rounding, and what becomes of numbers too small for the format. A host may have set it for the calling thread:
 * our own threads follow, so that no bit depends on who does the work. Traps stay off in them. */
#if defined(__x86_64__)
enum { MODE_BITS = 0xe040 }; /* of MXCSR */
static int mode_now(void) { return (int)(_mm_getcsr() & MODE_BITS); }
static void take_mode(int mode)
{
    if (mode_now() != mode)
        _mm_setcsr((_mm_getcsr() & ~(unsigned)MODE_BITS) | (unsigned)mode);
}
#else
static int mode_now(void) { return fegetround(); }
static void take_mode(int mode) { fesetround(mode); }
#endif

static void work_on(struct job *job, int32_t worker)
{
    const bool outer = inside_task;
    inside_task = true;
    for (;;) {
        const size_t task = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (task >= job->n_tasks)
            break;
        job->fn(job->arg, task, worker);
        atomic_fetch_add_explicit(&job->finished, 1, memory_order_acq_rel);
    }
    inside_task = outer;
}

static struct job *open_job(struct dli_pool *pool)
{
    for (struct job *j = pool->jobs; j; j = j->link)
        if (j->joined < j->width && atomic_load_explicit(&j->next, memory_order_relaxed) < j->n_tasks)
            return j;
    return NULL;
}

static void *thread_main(void *arg)
{
    struct dli_pool *pool = arg;
    uint32_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job *job = NULL; /* gcc does not see through the loop under sanitizers */
        while (!pool->stop && !(job = open_job(pool))) {
            /* Layers of a network follow each other within microseconds: look for a moment before going to sleep. */
            seen = atomic_load(&pool->posted);
            pthread_mutex_unlock(&pool->lock);
            for (int spin = 0; spin < 2000 && atomic_load_explicit(&pool->posted, memory_order_relaxed) == seen; spin++)
                relax();
            pthread_mutex_lock(&pool->lock);
            if (!pool->stop && !open_job(pool) && atomic_load(&pool->posted) == seen)
                pthread_cond_wait(&pool->work, &pool->lock);
        }
        if (pool->stop)
            break;
        const int32_t worker = job->joined++;
        job->inside++;
        pthread_mutex_unlock(&pool->lock);
        take_mode(job->mode);
        work_on(job, worker);
        pthread_mutex_lock(&pool->lock);
        if (--job->inside == 0)
            pthread_cond_broadcast(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void pool_free(struct dli_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    dli_free(pool->threads);
    dli_free(pool);
}

void dli_pool_destroy(struct dli_pool *pool)
{
    if (!pool)
        return;
    if (pool->pid != getpid()) { /* a forked child: the threads and the state of the lock belong to the parent */
        dli_free(pool->threads);
        dli_free(pool);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    pool_free(pool);
}

bool dli_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(thread, NULL, fn, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static struct dli_pool *pool_start(dl4c_context *ctx)
{
    struct dli_pool *pool = dli_calloc(ctx, 1, sizeof *pool, NULL);
    if (!pool)
        return NULL;
    pool->ctx = ctx;
    pool->pid = getpid();
    atomic_init(&pool->posted, 0);
    pool->threads = dli_calloc(ctx, (size_t)ctx->threads, sizeof *pool->threads, NULL);
    if (!pool->threads) {
        dli_free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    while (pool->n_threads < ctx->threads - 1 && dli_thread_start(&pool->threads[pool->n_threads], thread_main, pool))
        pool->n_threads++; /* where one can't be had, fewer do the same work */
    return pool;
}

/* The context's pool, started when first needed. NULL: do the work alone. */
static struct dli_pool *pool_of(dl4c_context *ctx)
{
    struct dli_pool *pool = atomic_load_explicit(&ctx->pool, memory_order_acquire);
    if (pool)
        return pool->pid == getpid() ? pool : NULL;
    struct dli_pool *fresh = pool_start(ctx);
    if (!fresh)
        return NULL;
    if (atomic_compare_exchange_strong(&ctx->pool, &pool, fresh))
        return fresh;
    dli_pool_destroy(fresh);
    return pool;
}

int32_t dli_parallel_width(dl4c_context *ctx, int32_t threads)
{
    ctx = dli_context(ctx, NULL);
    if (!ctx)
        return 1;
    return threads <= 0 || threads > ctx->threads ? ctx->threads : threads;
}

void dli_parallel(dl4c_context *ctx, int32_t threads, size_t n_tasks, void (*fn)(void *, size_t, int32_t), void *arg)
{
    const int32_t width = dli_parallel_width(ctx, threads);
    ctx = dli_context(ctx, NULL);
    struct dli_pool *pool = n_tasks > 1 && width > 1 && !inside_task && ctx ? pool_of(ctx) : NULL;
    if (!pool) {
        const bool outer = inside_task;
        inside_task = true;
        for (size_t i = 0; i < n_tasks; i++)
            fn(arg, i, 0);
        inside_task = outer;
        return;
    }
    struct job job = { .fn = fn, .arg = arg, .n_tasks = n_tasks, .width = width, .joined = 1, .mode = mode_now() };
    atomic_init(&job.next, 0);
    atomic_init(&job.finished, 0);
    pthread_mutex_lock(&pool->lock);
    job.link = pool->jobs;
    pool->jobs = &job;
    atomic_fetch_add(&pool->posted, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);

    work_on(&job, 0);

    for (int spin = 0; spin < 2000 && atomic_load_explicit(&job.finished, memory_order_acquire) < n_tasks; spin++)
        relax();
    pthread_mutex_lock(&pool->lock);
    for (struct job **link = &pool->jobs; *link; link = &(*link)->link)
        if (*link == &job) {
            *link = job.link;
            break;
        }
    while (job.inside > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
