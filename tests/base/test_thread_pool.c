/* SPDX-License-Identifier: Apache-2.0 */
/* Parallel loops: every task once, workers apart, nesting, several callers, lazily started threads, forks, signals. */
#define _GNU_SOURCE
#include "base/thread_pool.h"
#include "support/slow.h"
#include "support/under.h"

#include <dirent.h>
#include <fenv.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { TASKS = 1000, WORKERS = 4 };

static dl4c_context *context_of(int32_t threads)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.threads = threads;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    return ctx;
}

/* Threads of this process, by the kernel. */
static int threads_now(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

struct tally {
    _Atomic int done[TASKS];
    _Atomic int busy[WORKERS]; /* one while that worker is in a task */
    _Atomic int clashes, highest;
    dl4c_context *ctx;
    _Atomic int inner;
};

static void count(void *arg, size_t task, int32_t worker)
{
    struct tally *t = arg;
    if (worker < 0 || worker >= WORKERS || atomic_fetch_add(&t->busy[worker], 1) != 0)
        atomic_fetch_add(&t->clashes, 1);
    int high = atomic_load(&t->highest);
    while (worker > high && !atomic_compare_exchange_weak(&t->highest, &high, worker)) {
    }
    atomic_fetch_add(&t->done[task], 1);
    if (worker >= 0 && worker < WORKERS)
        atomic_fetch_sub(&t->busy[worker], 1);
}

static void assert_all_once(struct tally *t)
{
    assert_int_equal(t->clashes, 0);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(t->done[i], 1);
}

static void every_task_runs_once_and_workers_never_meet(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    for (int32_t threads = 0; threads <= WORKERS + 1; threads++) {
        struct tally t;
        memset(&t, 0, sizeof t);
        dli_parallel(ctx, threads, TASKS, count, &t);
        assert_all_once(&t);
        assert_true(t.highest < dli_parallel_width(ctx, threads));
    }
    assert_int_equal(dli_parallel_width(ctx, 0), WORKERS);
    assert_int_equal(dli_parallel_width(ctx, 2), 2);
    assert_int_equal(dli_parallel_width(ctx, 99), WORKERS);
    dli_parallel(ctx, 0, 0, count, NULL); /* nothing to do */
    dl4c_context_destroy(&ctx);
}

static void add_one(void *arg, size_t task, int32_t worker)
{
    struct tally *t = arg;
    (void)task;
    if (worker != 0)
        atomic_fetch_add(&t->clashes, 1);
    atomic_fetch_add(&t->inner, 1);
}
static void nest(void *arg, size_t task, int32_t worker)
{
    struct tally *t = arg;
    (void)worker;
    dli_parallel(t->ctx, 0, 10, add_one, t);
    atomic_fetch_add(&t->done[task], 1);
}

static void shares_are_all_done_however_many_workers_come(void **state)
{
    (void)state;
    dl4c_context *few = context_of(WORKERS), *many = context_of(33);
    for (int32_t threads = 0; threads <= WORKERS; threads++)
        for (size_t n = 0; n <= TASKS; n = 3 * n + 1) {
            struct tally t;
            memset(&t, 0, sizeof t);
            dli_parallel_shares(few, threads, n, count, &t);
            assert_int_equal(t.clashes, 0);
            for (size_t i = 0; i < TASKS; i++)
                assert_int_equal(t.done[i], i < n);
        }
    struct tally t;
    memset(&t, 0, sizeof t);
    t.ctx = many;
    dli_parallel_shares(many, 0, TASKS, nest, &t); /* more workers than shares */
    assert_all_once(&t);
    assert_int_equal(t.inner, 10 * TASKS);
    dl4c_context_destroy(&few);
    dl4c_context_destroy(&many);
}

struct owners {
    pthread_t of[WORKERS];
    _Atomic int begun;
};

/* Each thread's first task waits for those of all others, so that nobody does another's. */
static void own(void *arg, size_t task, int32_t worker)
{
    struct owners *o = arg;
    (void)worker;
    o->of[task] = pthread_self();
    atomic_fetch_add(&o->begun, 1);
    for (const time_t end = time(NULL) + (TEST_SLOW ? 100 : 20); atomic_load(&o->begun) < WORKERS && time(NULL) < end;)
        sched_yield();
}

static void a_thread_begins_with_the_same_share_each_time(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    struct owners first = { .begun = 0 };
    dli_parallel_shares(ctx, 0, WORKERS, own, &first);
    assert_int_equal(first.begun, WORKERS);
    assert_true(pthread_equal(first.of[0], pthread_self()));
    for (int loop = 0; loop < 20; loop++) {
        struct owners again = { .begun = 0 };
        dli_parallel_shares(ctx, 0, WORKERS, own, &again);
        for (int i = 0; i < WORKERS; i++)
            assert_true(pthread_equal(again.of[i], first.of[i]));
    }
    dl4c_context_destroy(&ctx);
}

static void a_loop_inside_a_task_runs_on_the_spot(void **state)
{
    (void)state;
    struct tally t;
    memset(&t, 0, sizeof t);
    t.ctx = context_of(WORKERS);
    dli_parallel(t.ctx, 0, TASKS, nest, &t);
    assert_all_once(&t);
    assert_int_equal(t.inner, 10 * TASKS);
    dl4c_context_destroy(&t.ctx);
}

static void *call_from_here(void *arg)
{
    dl4c_context *ctx = arg;
    for (int i = 0; i < 20; i++) {
        struct tally t;
        memset(&t, 0, sizeof t);
        dli_parallel(ctx, 0, TASKS, count, &t);
        for (int k = 0; k < TASKS; k++)
            if (t.done[k] != 1 || t.clashes)
                return arg;
    }
    return NULL;
}

static void several_threads_may_call_at_once(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    pthread_t callers[12]; /* more than the pool has slots */
    for (int i = 0; i < 12; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_from_here, ctx), 0);
    for (int i = 0; i < 12; i++) {
        void *bad = ctx;
        pthread_join(callers[i], &bad);
        assert_null(bad);
    }
    dl4c_context_destroy(&ctx);
}

/* Pauses around the moment when idle threads go to sleep: a wake-up that is lost would leave a task undone, or the caller waiting. */
static void loops_find_threads_awake_or_asleep(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    for (int i = 0; i < 2000; i++) {
        struct tally t;
        memset(&t, 0, sizeof t);
        const size_t tasks = (size_t)(2 + i % 7);
        dli_parallel(ctx, 0, tasks, count, &t);
        for (size_t k = 0; k < tasks; k++)
            assert_int_equal(t.done[k], 1);
        assert_int_equal(t.clashes, 0);
        for (volatile int pause = 0; pause < i % 50 * 2000;)
            pause = pause + 1;
    }
    dl4c_context_destroy(&ctx);
}

static void many_callers_of_many_contexts_all_get_their_work_done(void **state)
{
    (void)state;
    dl4c_context *ctx[3] = { context_of(1), context_of(3), context_of(WORKERS) };
    pthread_t callers[9];
    for (int i = 0; i < 9; i++) /* the first calls race to start the threads */
        assert_int_equal(pthread_create(&callers[i], NULL, call_from_here, ctx[i % 3]), 0);
    for (int i = 0; i < 9; i++) {
        void *bad = &bad;
        pthread_join(callers[i], &bad);
        assert_null(bad);
    }
    for (int i = 0; i < 3; i++)
        dl4c_context_destroy(&ctx[i]);
}

/* Tasks that wait for each other end only where as many of them run at once. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t all;
    int here;
};

static void meet(void *arg, size_t task, int32_t worker)
{
    struct meeting *m = arg;
    (void)task;
    (void)worker;
    pthread_mutex_lock(&m->lock);
    if (++m->here == WORKERS)
        pthread_cond_broadcast(&m->all);
    while (m->here < WORKERS)
        pthread_cond_wait(&m->all, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

static void as_many_threads_work_as_the_context_has(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    for (int i = 0; i < 20; i++) { /* woken from sleep, and still looking for work */
        struct meeting m = { .here = 0 };
        pthread_mutex_init(&m.lock, NULL);
        pthread_cond_init(&m.all, NULL);
        dli_parallel(ctx, 0, WORKERS, meet, &m);
        assert_int_equal(m.here, WORKERS);
        pthread_mutex_destroy(&m.lock);
        pthread_cond_destroy(&m.all);
    }
    dl4c_context_destroy(&ctx);
}

struct rounding {
    struct meeting m;
    float third[WORKERS], tiny[WORKERS];
};

static void divide(void *arg, size_t task, int32_t worker)
{
    struct rounding *r = arg;
    volatile float one = 1, three = 3, least = 1e-38f;
    meet(&r->m, task, worker);
    r->third[task] = one / three;
    r->tiny[task] = least / three;
}

/* What a thread computes must not depend on which thread it is. */
static void all_threads_round_as_the_caller_does(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(WORKERS);
    const int before = fegetround(), modes[] = { before, FE_DOWNWARD, before };
    volatile float one = 1, three = 3, least = 1e-38f;
    for (int i = 0; i < 3; i++) { /* the threads start with the first mode and see the second */
        struct rounding r = { .m = { .here = 0 } };
        pthread_mutex_init(&r.m.lock, NULL);
        pthread_cond_init(&r.m.all, NULL);
        fesetround(modes[i]);
#if defined(__x86_64__)
        const unsigned csr = _mm_getcsr();
        _mm_setcsr(i == 1 ? csr | 0x8040 : csr); /* numbers too small for the format are 0 */
#endif
        const float third = one / three, tiny = least / three;
        dli_parallel(ctx, 0, WORKERS, divide, &r);
#if defined(__x86_64__)
        _mm_setcsr(csr);
#endif
        fesetround(before);
        for (int k = 0; k < WORKERS; k++) {
            assert_true(r.third[k] == third);
            assert_true(r.tiny[k] == tiny);
        }
        pthread_mutex_destroy(&r.m.lock);
        pthread_cond_destroy(&r.m.all);
    }
    dl4c_context_destroy(&ctx);
}

static void threads_start_when_needed_and_end_with_the_context(void **state)
{
    (void)state;
    struct tally t;
    memset(&t, 0, sizeof t);
    const int before = threads_now();
    dl4c_context *ctx = context_of(WORKERS);
    assert_int_equal(threads_now(), before);
    dli_parallel(ctx, 0, 1, count, &t); /* one task needs nobody else */
    dli_parallel(ctx, 1, 5, count, &t);
    assert_int_equal(threads_now(), before);
    dli_parallel(ctx, 0, TASKS, count, &t);
    assert_int_equal(threads_now(), before + WORKERS - 1);
    dl4c_context_destroy(&ctx);
    for (int tries = 0; threads_now() != before && tries < 2000; tries++) /* one that was joined may still be listed for a moment */
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    assert_int_equal(threads_now(), before);
}

static void block_signals(void *arg, size_t task, int32_t worker)
{
    (void)task;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (worker > 0 && !sigismember(&mask, SIGTERM))
        atomic_fetch_add((_Atomic int *)arg, 1);
    sched_yield();
}

static void signals_are_left_to_the_hosts_threads(void **state)
{
    (void)state;
    _Atomic int open = 0;
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    dl4c_context *ctx = context_of(WORKERS);
    dli_parallel(ctx, 0, TASKS, block_signals, &open);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(open, 0);
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    dl4c_context_destroy(&ctx);
}

static void a_forked_child_works_alone(void **state)
{
    (void)state;
    if (TEST_EMULATED) {
        print_message("skipped: qemu ends a child forked beside threads\n");
        skip();
    }
    dl4c_context *ctx = context_of(WORKERS);
    struct tally t;
    memset(&t, 0, sizeof t);
    dli_parallel(ctx, 0, TASKS, count, &t);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(10); /* a hang ends as a failure */
        memset(&t, 0, sizeof t);
        dli_parallel(ctx, 0, TASKS, count, &t);
        /* tsan allows no new thread after a fork of a program with threads, and has one of its own. */
        int good = UNDER_TSAN || threads_now() == 1;
        for (int i = 0; i < TASKS; i++)
            good &= t.done[i] == 1;
        dl4c_context_destroy(&ctx);
#if !UNDER_TSAN
        ctx = context_of(2); /* a context of its own has threads again */
        memset(&t, 0, sizeof t);
        dli_parallel(ctx, 0, TASKS, count, &t);
        good &= threads_now() == 2;
        dl4c_context_destroy(&ctx);
#endif
        _exit(good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    memset(&t, 0, sizeof t);
    dli_parallel(ctx, 0, TASKS, count, &t); /* the parent goes on as before */
    assert_all_once(&t);
    dl4c_context_destroy(&ctx);
}

static void cores_follow_the_affinity_mask(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    assert_true(dli_cores() >= 1 && dli_cores() <= CPU_COUNT(&before));
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(dli_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_and_workers_never_meet),
        cmocka_unit_test(shares_are_all_done_however_many_workers_come),
        cmocka_unit_test(a_thread_begins_with_the_same_share_each_time),
        cmocka_unit_test(a_loop_inside_a_task_runs_on_the_spot),
        cmocka_unit_test(several_threads_may_call_at_once),
        cmocka_unit_test(loops_find_threads_awake_or_asleep),
        cmocka_unit_test(many_callers_of_many_contexts_all_get_their_work_done),
        cmocka_unit_test(as_many_threads_work_as_the_context_has),
        cmocka_unit_test(all_threads_round_as_the_caller_does),
        cmocka_unit_test(threads_start_when_needed_and_end_with_the_context),
        cmocka_unit_test(signals_are_left_to_the_hosts_threads),
        cmocka_unit_test(a_forked_child_works_alone),
        cmocka_unit_test(cores_follow_the_affinity_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
