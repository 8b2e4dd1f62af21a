/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a group that takes means over and over, whatever happens to the others: what a trainer does, without training. Sees the
 * public headers only.
 *
 *     member drive URL SIZE SECONDS LOST_AFTER_MS TIMEOUT_MS [FLOATS]
 *     member follow URL LOST_AFTER_MS TIMEOUT_MS [FLOATS]
 *
 * The driver ends it for all, when it gets SIGUSR1 or after SECONDS. Every member checks every mean, and prints a line for each thing that
 * happens: "SECONDS stands GENERATION SIZE RANK", "SECONDS round N" (every 4th), "SECONDS lost MESSAGE", "SECONDS rejoins MESSAGE",
 * "SECONDS done ROUNDS", "SECONDS log MESSAGE"; and "WRONG" where a mean is. */
#define _POSIX_C_SOURCE 200809L
#include <dl4c/dl4c.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct life {
    dl4c_context *ctx;
    const char *url;
    int drive, size;
    double seconds;
    int64_t lost_after_ms, timeout_ms, floats, rounds;
    dl4c_group *g;
    struct dl4c_members who;
    float *in, *out;
};

static volatile sig_atomic_t enough;
static void on_signal(int number)
{
    (void)number;
    enough = 1;
}

static double now_s(void)
{
    static time_t first;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    first = first ? first : t.tv_sec;
    return (double)(t.tv_sec - first) + (double)t.tv_nsec * 1e-9;
}

static void say(const char *what, const char *message)
{
    printf("%.2f %s %s\n", now_s(), what, message);
    fflush(stdout);
}

static void log_line(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user, (void)level, (void)origin;
    say("log", message);
}

/* A generation stands: who is in it, and this member's vector. */
static void stands(struct life *l)
{
    char text[80];
    l->who = (struct dl4c_members)DL4C_MEMBERS_INIT;
    dl4c_group_members(l->g, &l->who, NULL);
    snprintf(text, sizeof text, "%" PRIu64 " %" PRId32 " %" PRId32, l->who.generation, l->who.size, l->who.rank);
    say("stands", text);
    for (int64_t i = 0; i < l->floats; i++)
        l->in[i] = (float)(l->who.rank + 1) * (float)(i % 1000);
}

static dl4c_status join(struct life *l, struct dl4c_error *err)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    o.url = l->url;
    o.driver = l->drive;
    o.size = l->drive ? l->size : 0;
    o.lost_after_ms = l->lost_after_ms;
    o.timeout_ms = 30000;
    const dl4c_status status = dl4c_group_join(l->ctx, &o, &l->g, err);
    if (status == DL4C_OK)
        stands(l);
    return status;
}

/* One mean; *stop: the driver says that it was the last. */
static dl4c_status one_round(struct life *l, int32_t *stop, struct dl4c_error *err)
{
    struct dl4c_average_options o = DL4C_AVERAGE_OPTIONS_INIT;
    dl4c_status status = dl4c_group_broadcast(l->g, 0, stop, sizeof *stop, l->timeout_ms, err);
    o.weight = 1;
    o.threads = 1;
    o.timeout_ms = l->timeout_ms;
    if (status == DL4C_OK)
        status = dl4c_group_average(l->g, &o, l->in, l->out, l->floats, NULL, err);
    if (status != DL4C_OK)
        return status;
    for (int64_t i = 0; i < l->floats; i++)
        if (l->out[i] != (float)((double)(i % 1000) * (l->who.size * (l->who.size + 1) / 2) / l->who.size)) {
            say("WRONG", "a mean");
            exit(3);
        }
    if (++l->rounds % 4 == 0) {
        char text[30];
        snprintf(text, sizeof text, "%" PRId64, l->rounds);
        say("round", text);
    }
    return DL4C_OK;
}

static dl4c_status go_on(struct life *l, struct dl4c_error *err)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    o.timeout_ms = l->timeout_ms;
    const dl4c_status status = dl4c_group_regroup(l->g, &o, err);
    if (status == DL4C_OK)
        stands(l);
    return status;
}

static int live(struct life *l)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    int32_t stop = 0;
    if (join(l, &err) != DL4C_OK) {
        say("cannot", err.message);
        return 1;
    }
    while (!stop) {
        if (l->drive) {
            struct dl4c_members m = DL4C_MEMBERS_INIT;
            stop = enough || now_s() >= l->seconds;
            dl4c_group_members(l->g, &m, NULL);
            if (!stop && m.waiting > 0 && go_on(l, &err) != DL4C_OK) {
                say("cannot", err.message);
                return 1;
            }
        }
        if (one_round(l, &stop, &err) == DL4C_OK)
            continue;
        say("lost", err.message);
        stop = 0;
        if (go_on(l, &err) == DL4C_OK)
            continue;
        if (l->drive) {
            say("cannot", err.message);
            return 1;
        }
        say("rejoins", err.message);
        dl4c_group_leave(&l->g, 0);
        if (join(l, &err) != DL4C_OK) {
            say("cannot", err.message);
            return 1;
        }
    }
    dl4c_group_barrier(l->g, l->timeout_ms, NULL); /* who leaves is lost to those who still take the last mean */
    char text[30];
    snprintf(text, sizeof text, "%" PRId64, l->rounds);
    say("done", text);
    return 0;
}

int main(int argc, char **argv)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct life l = { .floats = 200000 };
    const int drive = argc > 1 && strcmp(argv[1], "drive") == 0, k = drive ? 5 : 3;
    if (argc < k + 2) {
        fprintf(stderr, "usage: member drive URL SIZE SECONDS LOST_AFTER_MS TIMEOUT_MS [FLOATS]\n"
                        "       member follow URL LOST_AFTER_MS TIMEOUT_MS [FLOATS]\n");
        return 2;
    }
    l.url = argv[2];
    l.drive = drive;
    l.size = drive ? atoi(argv[3]) : 0;
    l.seconds = drive ? atoi(argv[4]) : 0;
    l.lost_after_ms = atoi(argv[k]);
    l.timeout_ms = atoi(argv[k + 1]);
    if (argc > k + 2)
        l.floats = atoll(argv[k + 2]);
    now_s();
    if (drive)
        signal(SIGUSR1, on_signal);
    l.in = malloc((size_t)l.floats * sizeof *l.in);
    l.out = malloc((size_t)l.floats * sizeof *l.out);
    co.log = log_line;
    co.threads = 1;
    if (!l.in || !l.out || dl4c_context_create(&co, &l.ctx, &err) != DL4C_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const int failed = live(&l);
    dl4c_group_leave(&l.g, 2000);
    dl4c_context_destroy(&l.ctx);
    free(l.in);
    free(l.out);
    return failed;
}
