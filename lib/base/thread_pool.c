/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that runs parallel loops. A loop is put into one of a few slots that live as long as the pool; idle threads look for a moment
 * whether another comes, then sleep. Layers of a network follow each other within microseconds, so that between two of them nobody takes
 * a lock or makes a system call. */
#define _GNU_SOURCE
#include "base/thread_pool.h"
#include "base/cpu.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#else
#include <fenv.h>
#endif

/* A slot's gate, in one word, so that a thread joins or leaves in one step: how many helpers hold on to the slot, how many workers came,
 * the caller included, and how many may. */
#define HELPER    UINT64_C(1)
#define JOINED    (UINT64_C(1) << 16)
#define WIDTH     (UINT64_C(1) << 32)
#define OPEN      (UINT64_C(1) << 48) /* there may be tasks left */
#define WAITED    (UINT64_C(1) << 49) /* the caller sleeps until the last helper has left */
#define TAKEN     (UINT64_C(1) << 50) /* the slot has a caller */
#define FIELD(gate, unit) ((gate) / (unit)&0xffff)

enum {
    SLOTS = 8,       /* loops at once; a caller that finds none free works alone */
    MOST = 0xffff,   /* workers of a loop */
    PATIENCE = 2000, /* looks before a thread goes to sleep: some 20 to 130 microseconds */
    LINE = 64        /* bytes of a cache line: what threads write often is kept apart */
};

struct slot {
    _Atomic uint64_t gate;
    char pad0[LINE - sizeof(uint64_t)];
    _Atomic size_t next; /* task to take */
    char pad1[LINE - sizeof(size_t)];
    void (*fn)(void *, size_t, int32_t);
    void *arg;
    size_t n_tasks;
    int mode; /* how the caller's thread rounds */
    int cpu;  /* and what it may use */
    char pad2[LINE];
};

struct dli_pool {
    dl4c_context *ctx;
    pid_t pid; /* of the process that started the threads: they do not exist in a forked child */
    int32_t n_threads;
    pthread_t *threads;
    pthread_mutex_t lock; /* of those who go to sleep and those who wake them */
    pthread_cond_t work, done;
    char pad0[LINE];
    _Atomic uint32_t posted; /* counts loops */
    _Atomic int32_t sleepers;
    _Atomic bool stop;
    _Atomic int32_t homes; /* numbers that threads have taken */
    char pad1[LINE];
    struct slot slots[SLOTS];
};

static _Thread_local bool inside_task;
static _Thread_local int32_t home; /* whose share this thread begins with: 0 in threads that are not ours */

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Traps stay as they are in the thread. */
#if defined(__x86_64__)
enum { MODE_BITS = 0xe040 }; /* of MXCSR */
int dli_float_mode(void) { return (int)(_mm_getcsr() & MODE_BITS); }
void dli_float_mode_take(int mode)
{
    if (dli_float_mode() != mode)
        _mm_setcsr((_mm_getcsr() & ~(unsigned)MODE_BITS) | (unsigned)mode);
}
#else
int dli_float_mode(void) { return fegetround(); }
void dli_float_mode_take(int mode) { fesetround(mode); }
#endif

static void work_on(struct slot *s, int32_t worker)
{
    const bool outer = inside_task;
    void (*const fn)(void *, size_t, int32_t) = s->fn;
    void *const arg = s->arg;
    const size_t n = s->n_tasks;
    inside_task = true;
    for (size_t task; (task = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < n;)
        fn(arg, task, worker);
    inside_task = outer;
}

/* A loop with tasks left that wants another worker, joined as number *worker; NULL where there is none. */
static struct slot *join(struct dli_pool *pool, int32_t *worker)
{
    for (int32_t i = 0; i < SLOTS; i++) {
        struct slot *s = &pool->slots[i];
        uint64_t gate = atomic_load(&s->gate);
        /* What the gate says holds for the loop that is joined, even where the slot has changed hands since it was looked at. */
        while (gate & OPEN && FIELD(gate, JOINED) < FIELD(gate, WIDTH))
            if (atomic_compare_exchange_weak(&s->gate, &gate, gate + HELPER + JOINED)) {
                *worker = (int32_t)FIELD(gate, JOINED);
                return s;
            }
    }
    return NULL;
}

static void leave(struct dli_pool *pool, struct slot *s)
{
    /* This one found no task left: nobody else needs to look. */
    uint64_t gate = atomic_fetch_and(&s->gate, ~OPEN) & ~OPEN;
    while (!atomic_compare_exchange_weak(&s->gate, &gate, gate - HELPER))
        ;
    if (gate & WAITED && FIELD(gate, HELPER) == 1) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void *thread_main(void *arg)
{
    struct dli_pool *pool = arg;
    home = atomic_fetch_add(&pool->homes, 1) + 1;
    for (;;) {
        const uint32_t seen = atomic_load(&pool->posted);
        if (atomic_load(&pool->stop)) /* after `seen`: what is posted behind it wakes this thread, the end of the pool too */
            break;
        int32_t worker;
        struct slot *s = join(pool, &worker);
        if (s) {
            dli_float_mode_take(s->mode);
            dli_cpu_limit(s->cpu);
            work_on(s, worker);
            leave(pool, s);
            continue;
        }
        for (int spin = 0; spin < PATIENCE && atomic_load_explicit(&pool->posted, memory_order_relaxed) == seen; spin++)
            relax();
        if (atomic_load(&pool->posted) != seen)
            continue;
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        while (atomic_load(&pool->posted) == seen) /* whoever posts after this sees a sleeper, and waits for the lock to wake it */
            pthread_cond_wait(&pool->work, &pool->lock);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

/* Tells idle threads that there is something to look at. */
static void post(struct dli_pool *pool)
{
    atomic_fetch_add(&pool->posted, 1);
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
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
    atomic_store(&pool->stop, true);
    post(pool);
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
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->stop, false);
    atomic_init(&pool->homes, 0);
    for (int32_t i = 0; i < SLOTS; i++)
        atomic_init(&pool->slots[i].gate, 0);
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

/* A slot nobody has; NULL where all are taken. */
static struct slot *take_slot(struct dli_pool *pool)
{
    for (int32_t i = 0; i < SLOTS; i++) {
        uint64_t nobody = 0;
        if (atomic_compare_exchange_strong(&pool->slots[i].gate, &nobody, TAKEN))
            return &pool->slots[i];
    }
    return NULL;
}

void dli_parallel(dl4c_context *ctx, int32_t threads, size_t n_tasks, void (*fn)(void *, size_t, int32_t), void *arg)
{
    const int32_t width = dli_parallel_width(ctx, threads);
    ctx = dli_context(ctx, NULL);
    struct dli_pool *pool = n_tasks > 1 && width > 1 && !inside_task && ctx ? pool_of(ctx) : NULL;
    struct slot *s = pool ? take_slot(pool) : NULL;
    if (!s) {
        const bool outer = inside_task;
        inside_task = true;
        for (size_t i = 0; i < n_tasks; i++)
            fn(arg, i, 0);
        inside_task = outer;
        return;
    }
    s->fn = fn;
    s->arg = arg;
    s->n_tasks = n_tasks;
    s->mode = dli_float_mode();
    s->cpu = dli_cpu_limited();
    atomic_store_explicit(&s->next, 0, memory_order_relaxed);
    atomic_store(&s->gate, TAKEN | OPEN | JOINED | (uint64_t)(width < MOST ? width : MOST) * WIDTH);
    post(pool);

    work_on(s, 0);

    /* No task is left; those that helpers took are done when the last helper has gone. */
    uint64_t gate = atomic_fetch_and(&s->gate, ~OPEN);
    for (int spin = 0; spin < PATIENCE && FIELD(gate, HELPER) > 0; spin++) {
        relax();
        gate = atomic_load(&s->gate);
    }
    if (FIELD(gate, HELPER) > 0) {
        pthread_mutex_lock(&pool->lock);
        gate = atomic_fetch_or(&s->gate, WAITED);
        while (FIELD(gate, HELPER) > 0) {
            pthread_cond_wait(&pool->done, &pool->lock);
            gate = atomic_load(&s->gate);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    atomic_store(&s->gate, 0);
}

enum { SHARES = 16 }; /* of more workers some begin with another's */

struct share {
    _Atomic size_t next;
    size_t end;
    char pad[LINE - 2 * sizeof(size_t)];
};

struct shares {
    struct share of[SHARES];
    int32_t n;
    void (*fn)(void *, size_t, int32_t);
    void *arg;
};

static void take_shares(void *arg, size_t lane, int32_t worker)
{
    struct shares *s = arg;
    (void)lane;
    for (int32_t k = 0; k < s->n; k++) {
        struct share *own = &s->of[(home + k) % s->n];
        for (size_t task; (task = atomic_fetch_add_explicit(&own->next, 1, memory_order_relaxed)) < own->end;)
            s->fn(s->arg, task, worker);
    }
}

void dli_parallel_shares(dl4c_context *ctx, int32_t threads, size_t n_tasks, void (*fn)(void *, size_t, int32_t), void *arg)
{
    const int32_t width = dli_parallel_width(ctx, threads);
    struct shares s = { .n = width < SHARES ? width : SHARES, .fn = fn, .arg = arg };
    for (int32_t k = 0; k < s.n; k++) {
        atomic_init(&s.of[k].next, n_tasks * (size_t)k / (size_t)s.n);
        s.of[k].end = n_tasks * ((size_t)k + 1) / (size_t)s.n;
    }
    dli_parallel(ctx, threads, (size_t)width, take_shares, &s);
}
