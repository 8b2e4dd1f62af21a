/* SPDX-License-Identifier: Apache-2.0 */
/* One rank of a test of the transport "mpi": started by mpirun (tests/transport/mpi.py), or alone. Sees the public headers only, and the
 * module beside the shared library. Usage: test_mpi SIZE [gentle | late], SIZE being the number of ranks that were started. Prints
 * "rank R of N: right". */
#define _GNU_SOURCE
#include "conformance/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int wrong;
#define WANT(condition)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s (%d: %s)\n", __LINE__, #condition, (int)err.status, err.message); \
            wrong++;                                                                               \
        }                                                                                          \
    } while (0)

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *cancel_soon(void *g)
{
    usleep(100000);
    dl4c_group_cancel(g);
    return NULL;
}

static void refused(dl4c_context *ctx)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    o.url = "mpi:some";
    WANT(dl4c_group_join(ctx, &o, &g, &err) == DL4C_E_INVALID && !g);
}

/* Of a group that stands: what ends it comes last. */
static void live(dl4c_context *ctx, dl4c_group *g, const struct dl4c_members *who)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_regroup_options r = DL4C_REGROUP_OPTIONS_INIT;
    dl4c_group *second = NULL;
    char c = 0;
    o.url = "mpi";
    WANT(dl4c_group_join(ctx, &o, &second, &err) == DL4C_E_EXISTS && !second);
    WANT(dl4c_group_regroup(g, &r, &err) == DL4C_E_UNSUPPORTED);
    wrong += conformance_group(g, (size_t)8 << 20);
    WANT(dl4c_group_barrier(g, 30000, &err) == DL4C_OK);
    if (who->size < 2 || who->rank > 1)
        return;
    /* A message of another size, and all that follows. */
    if (who->rank == 0) {
        WANT(dl4c_group_send(g, 1, "12345", 5, 10000, &err) == DL4C_OK);
    } else {
        char room[8];
        WANT(dl4c_group_recv(g, 0, room, 8, 10000, &err) == DL4C_E_CORRUPT);
        WANT(dl4c_group_recv(g, 0, room, 8, 10000, &err) == DL4C_E_PEER);
        return;
    }
    pthread_t thread;
    const double began = now_s();
    WANT(pthread_create(&thread, NULL, cancel_soon, g) == 0);
    WANT(dl4c_group_recv(g, 1, &c, 1, 30000, &err) == DL4C_E_CANCELLED);
    WANT(now_s() - began < 10);
    pthread_join(thread, NULL);
}

/* A message that nobody takes in time: the buffer is the caller's again, and what was cut is never taken for whole. */
static void late(dl4c_group *g, const struct dl4c_members *who)
{
    enum { SIZE = 4 << 20 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *bytes = calloc(SIZE, 1), c = 0;
    const double began = now_s();
    if (who->rank == 0) {
        WANT(dl4c_group_send(g, 1, bytes, SIZE, 300, &err) == DL4C_E_TIMEOUT);
        WANT(now_s() - began < 10);
        memset(bytes, 1, SIZE);
        WANT(dl4c_group_send(g, 1, &c, 1, 300, &err) == DL4C_E_PEER);
    } else if (who->rank == 1) {
        WANT(dl4c_group_recv(g, 2, &c, 1, 600, &err) == DL4C_E_TIMEOUT); /* does no harm */
        WANT(dl4c_group_recv(g, 0, bytes, SIZE, 600, &err) == DL4C_E_TIMEOUT);
        WANT(dl4c_group_recv(g, 2, &c, 1, 600, &err) == DL4C_E_PEER);
    }
    free(bytes);
}

/* Memory that holds anything but zeros, and fails once. */
static long until_failure;

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *p = until_failure > 0 && --until_failure == 0 ? NULL : aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (p)
        memset(p, 0xa5, size);
    return p;
}

static void give(void *user, void *memory, size_t size)
{
    (void)user, (void)size;
    free(memory);
}

/* Joins with a context of its own, after those that fail at each allocation in turn: all ranks fail alike, before they wait for others. */
static dl4c_status join_at_last(dl4c_context **ctx, dl4c_group **g, const struct dl4c_group_options *o, struct dl4c_error *err)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_status status = DL4C_E_NOMEM;
    co.alloc = take;
    co.release = give;
    for (long n = 1; status == DL4C_E_NOMEM && n < 1000; n++) {
        until_failure = n;
        status = dl4c_context_create(&co, ctx, err);
        if (status == DL4C_OK && (status = dl4c_group_join(*ctx, o, g, err)) == DL4C_E_NOMEM)
            dl4c_context_destroy(ctx);
    }
    until_failure = 0;
    return status;
}

int main(int argc, char **argv)
{
    const int size = argc > 1 ? atoi(argv[1]) : 1, gentle = argc > 2 && strcmp(argv[2], "gentle") == 0;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    WANT(dl4c_context_create(NULL, &ctx, &err) == DL4C_OK);
    refused(ctx);
    dl4c_context_destroy(&ctx);
    o.url = "mpi:";
    o.timeout_ms = 60000;
    const dl4c_status joined = join_at_last(&ctx, &g, &o, &err); /* who is rank 0 drives, which nobody has to know before */
    if (joined == DL4C_E_UNSUPPORTED) {
        printf("unsupported: %s\n", err.message);
        dl4c_context_destroy(&ctx);
        return 77;
    }
    WANT(joined == DL4C_OK);
    if (g) {
        WANT(dl4c_group_members(g, &who, &err) == DL4C_OK && who.size == size && who.generation == 1);
        if (argc > 2 && !gentle)
            late(g, &who);
        else if (gentle)
            WANT(conformance_group(g, 1 << 20) == 0 && dl4c_group_barrier(g, 30000, &err) == DL4C_OK);
        else
            live(ctx, g, &who);
    }
    dl4c_group_leave(&g, gentle ? 10000 : 2000);
    WANT(dl4c_group_join(ctx, &o, &g, &err) != DL4C_OK && !g); /* MPI begins once in a process */
    dl4c_context_destroy(&ctx);
    if (wrong == 0)
        printf("rank %d of %d: right\n", (int)who.rank, (int)who.size);
    return wrong != 0;
}
