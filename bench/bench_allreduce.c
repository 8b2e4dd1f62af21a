/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of one vector of each member, dl4c_group_average. Members are threads of this process; processes of their own, one thread each,
 * with --processes; the ranks that mpirun started with the URL mpi:. bench/vs_allreduce runs it beside MPI and gloo.
 *
 *     bench_allreduce [--members N] [--floats N] [--rounds N] [--url URL] [--processes]
 *
 * Prints one JSON line: seconds of a round, best, median and worst; a round begins when all members have met and ends when the last has the
 * mean. The mean of the last round is checked. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <dl4c/dl4c.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    dl4c_context *ctx;
    const char *url;
    int members, rounds;
    bool processes, mpi;
    int64_t floats;
    double *seconds; /* [rounds]; of member 0 */
};

struct member {
    struct run *run;
    int number, failed;
    pthread_t thread;
    struct dl4c_error err;
};

static dl4c_status rounds(struct member *m, dl4c_group *g, float *in, float *out)
{
    struct run *r = m->run;
    struct dl4c_average_options o = DL4C_AVERAGE_OPTIONS_INIT;
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    dl4c_group_members(g, &who, NULL);
    if (r->mpi) {
        m->number = who.rank;
        r->members = who.size;
    }
    o.weight = 1;
    o.threads = 1;
    for (int64_t i = 0; i < r->floats; i++) {
        in[i] = (float)(who.rank + 1) * (float)(i % 1000);
        out[i] = 0; /* the pages are there before the clock runs */
    }
    for (int k = 0; k < r->rounds; k++) {
        if (dl4c_group_barrier(g, 60000, &m->err))
            return m->err.status;
        const double began = bench_now();
        if (dl4c_group_average(g, &o, in, out, r->floats, NULL, &m->err) || dl4c_group_barrier(g, 60000, &m->err))
            return m->err.status;
        if (who.rank == 0)
            r->seconds[k] = bench_now() - began;
    }
    for (int64_t i = 0; i < r->floats; i++)
        if (out[i] != (float)((double)(i % 1000) * (r->members * (r->members + 1) / 2) / r->members))
            m->failed = 1;
    return DL4C_OK;
}

static void *work(void *arg)
{
    struct member *m = arg;
    struct run *r = m->run;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_group *g = NULL;
    float *in = malloc((size_t)r->floats * sizeof *in), *out = malloc((size_t)r->floats * sizeof *out);
    o.url = r->url;
    o.driver = m->number == 0 && !r->mpi; /* MPI knows who drives */
    o.size = o.driver ? r->members : 0;
    if (!in || !out || dl4c_group_join(r->ctx, &o, &g, &m->err) || rounds(m, g, in, out))
        m->failed = 2;
    dl4c_group_leave(&g, 1000);
    free(in);
    free(out);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whether it went well. */
static bool one_member(struct run *r, struct member *m)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    co.threads = 1;
    if (dl4c_context_create(&co, &r->ctx, &m->err)) {
        fprintf(stderr, "%s\n", m->err.message);
        return false;
    }
    m->run = r;
    work(m);
    if (m->failed)
        fprintf(stderr, "member %d: %s\n", m->number, m->failed == 1 ? "the mean is wrong" : m->err.message);
    dl4c_context_destroy(&r->ctx);
    return m->failed == 0;
}

static bool in_processes(struct run *r, struct member *m)
{
    pid_t others[64];
    bool good = true;
    for (int i = 1; i < r->members; i++) { /* before the library has threads */
        m[i].number = i;
        others[i] = fork();
        if (others[i] == 0)
            _exit(one_member(r, &m[i]) ? 0 : 1);
    }
    const int members = r->members;
    good = one_member(r, &m[0]);
    for (int i = 1; i < members; i++) {
        int how = 1;
        good = others[i] > 0 && waitpid(others[i], &how, 0) == others[i] && how == 0 && good;
    }
    return good;
}

static bool in_threads(struct run *r, struct member *m)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int members = r->members;
    bool good = true;
    if (dl4c_context_create(NULL, &r->ctx, &err))
        return false;
    for (int i = 0; i < members; i++) {
        m[i].run = r;
        m[i].number = i;
        if (pthread_create(&m[i].thread, NULL, work, &m[i]) != 0)
            return false;
    }
    for (int i = 0; i < members; i++) {
        pthread_join(m[i].thread, NULL);
        if (m[i].failed)
            fprintf(stderr, "member %d: %s\n", i, m[i].failed == 1 ? "the mean is wrong" : m[i].err.message);
        good = good && m[i].failed == 0;
    }
    dl4c_context_destroy(&r->ctx);
    return good;
}

int main(int argc, char **argv)
{
    struct run r = { .url = "threads:bench", .members = 2, .rounds = 15, .floats = 16000000 };
    bool bad = false;
    for (int i = 1; i < argc && !bad; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--processes") == 0) {
            r.processes = true;
            continue;
        }
        if (value && strcmp(argv[i], "--members") == 0)
            r.members = atoi(value);
        else if (value && strcmp(argv[i], "--rounds") == 0)
            r.rounds = atoi(value);
        else if (value && strcmp(argv[i], "--floats") == 0)
            r.floats = atoll(value);
        else if (value && strcmp(argv[i], "--url") == 0)
            r.url = value;
        else
            bad = true;
        i++;
    }
    if (bad || r.members < 1 || r.members > 64 || r.rounds < 1 || r.floats < 1) {
        fprintf(stderr, "usage: bench_allreduce [--members N] [--floats N] [--rounds N] [--url URL] [--processes]\n");
        return 2;
    }
    struct member m[64] = { 0 };
    r.mpi = strncmp(r.url, "mpi", 3) == 0;
    r.seconds = calloc((size_t)r.rounds, sizeof *r.seconds);
    if (!r.seconds)
        return 1;
    const bool good = r.mpi ? one_member(&r, &m[0]) : r.processes ? in_processes(&r, m) : in_threads(&r, m);
    qsort(r.seconds, (size_t)r.rounds, sizeof *r.seconds, by_value);
    if (good && m[0].number == 0)
        printf("{\"url\": \"%s\", \"members\": %d, "
               "\"floats\": %lld, \"rounds\": %d, \"best_s\": %.6f, \"median_s\": %.6f, "
               "\"worst_s\": %.6f}\n", r.url, r.members, (long long)r.floats, r.rounds, r.seconds[0], r.seconds[r.rounds / 2],
               r.seconds[r.rounds - 1]);
    free(r.seconds);
    return !good;
}
