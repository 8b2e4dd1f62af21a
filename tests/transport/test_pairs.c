/* SPDX-License-Identifier: Apache-2.0 */
/* The transport of examples/pairs.c, which a host brings along: what every transport promises, between forked processes; losses. Sees the
 * public headers alone, as a host does. */
#define _GNU_SOURCE
#include "../../examples/pairs.h"
#include "conformance/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A member of its own process: joins, does its part, leaves. Answers 0 where all was right. */
static int live(struct pairs *p, int rank, int (*part)(dl4c_group *g, int rank))
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    char url[20];
    int wrong = 1;
    snprintf(url, sizeof url, "pairs:%d", rank);
    o.url = url;
    o.driver = rank == 0;
    o.size = rank == 0 ? p->size : 0;
    o.timeout_ms = 20000;
    if (dl4c_context_create(NULL, &ctx, &err) == DL4C_OK && pairs_register(ctx, p, &err) == DL4C_OK
        && dl4c_group_join(ctx, &o, &g, &err) == DL4C_OK)
        wrong = part(g, rank);
    else
        printf("rank %d: %s\n", rank, err.message);
    dl4c_group_leave(&g, 1000);
    dl4c_context_destroy(&ctx);
    pairs_close(p);
    return wrong;
}

/* Forks the members. Returns how many were not right. */
static int run(int size, int (*part)(dl4c_group *g, int rank))
{
    struct pairs p;
    pid_t pids[PAIRS_MOST];
    int wrong = 0;
    assert_int_equal(pairs_open(&p, size), 0);
    fflush(NULL);
    for (int r = 0; r < size; r++) {
        pids[r] = fork();
        assert_true(pids[r] >= 0);
        if (pids[r] == 0) {
            alarm(60);
            const int bad = live(&p, r, part);
            fflush(NULL);
            _exit(bad != 0);
        }
    }
    pairs_close(&p);
    for (int r = 0; r < size; r++) {
        int how = 0;
        waitpid(pids[r], &how, 0);
        wrong += how != 0;
    }
    return wrong;
}

static int conforms(dl4c_group *g, int rank)
{
    (void)rank;
    const int failed = conformance_group(g, (size_t)4 << 20);
    dl4c_group_barrier(g, 20000, NULL); /* who leaves is lost to those who still talk */
    return failed;
}

static void processes_have_what_every_transport_promises(void **state)
{
    (void)state;
    assert_int_equal(run(5, conforms), 0);
    assert_int_equal(run(2, conforms), 0);
    assert_int_equal(run(1, conforms), 0);
}

static struct {
    _Atomic int there, told;
} *seen; /* by all processes */

static void wait_until(const _Atomic int *n, int wanted)
{
    for (int i = 0; i < 4000 && *n < wanted; i++)
        usleep(5000);
}

/* Rank 2 is killed when all have joined: all others are told who it was, whomever they wait for; and no signal reaches who writes to it. */
static int is_told(dl4c_group *g, int rank)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char c = 0;
    ++seen->there;
    wait_until(&seen->there, 4);
    if (rank == 2)
        kill(getpid(), SIGKILL);
    const int64_t began = now_ms();
    dl4c_status status = dl4c_group_recv(g, rank == 0 ? 1 : 0, &c, 1, 20000, &err);
    int right = status == DL4C_E_PEER && strstr(err.message, "rank 2") && now_ms() - began < 10000;
    status = dl4c_group_send(g, 2, &c, 1, 20000, &err);
    right = right && status == DL4C_E_PEER;
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    right = right && dl4c_group_regroup(g, &o, &err) == DL4C_E_UNSUPPORTED;
    ++seen->told; /* nobody leaves before all have been told: their own going would be told, too */
    wait_until(&seen->told, 3);
    return !right;
}

static void a_member_that_is_killed_is_named(void **state)
{
    (void)state;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(seen != MAP_FAILED);
    assert_int_equal(run(4, is_told), 1); /* the one that was killed */
}

static void *cancel_soon(void *g)
{
    usleep(100000);
    dl4c_group_cancel(g);
    return NULL;
}

static int is_cancelled(dl4c_group *g, int rank)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    pthread_t thread;
    char c = 0;
    if (rank == 1)
        return dl4c_group_recv(g, 0, &c, 1, 20000, &err) != DL4C_E_PEER; /* until rank 0 has gone */
    if (pthread_create(&thread, NULL, cancel_soon, g) != 0)
        return 1;
    const dl4c_status status = dl4c_group_recv(g, 1, &c, 1, 20000, &err);
    pthread_join(thread, NULL);
    return status != DL4C_E_CANCELLED;
}

static void who_is_cancelled_waits_no_longer(void **state)
{
    (void)state;
    assert_int_equal(run(2, is_cancelled), 0);
}

static void wrong_places_are_refused(void **state)
{
    static const char *const bad[] = { "pairs:", "pairs:2", "pairs:-1", "pairs:one", "pairs:1x", "pairs:0" /* no driver */ };
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    struct pairs p;
    (void)state;
    assert_int_equal(pairs_open(&p, PAIRS_MOST + 1), -1);
    assert_int_equal(pairs_open(&p, 2), 0);
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(pairs_register(ctx, &p, &err), DL4C_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.url = bad[i];
        assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_E_INVALID);
        assert_null(g);
    }
    o.url = "pairs:1";
    o.timeout_ms = 100;
    assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_E_PEER); /* this process gave up the other end */
    dl4c_context_destroy(&ctx);
    pairs_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_have_what_every_transport_promises),
        cmocka_unit_test(a_member_that_is_killed_is_named),
        cmocka_unit_test(who_is_cancelled_waits_no_longer),
        cmocka_unit_test(wrong_places_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
