/* SPDX-License-Identifier: Apache-2.0 */
/* Time, rates and turns: what bench.h says. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <time.h>

enum { MAX_RUNS = 100000 };

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static bool take(const struct bench_option *o, const char *text)
{
    switch (o->kind) {
    case BENCH_INT: *(int32_t *)o->value = atoi(text); return true;
    case BENCH_LONG: *(int64_t *)o->value = atoll(text); return true;
    case BENCH_TEXT: *(const char **)o->value = text; return true;
    case BENCH_SIZE: return sscanf(text, "%" SCNd32 "x%" SCNd32, (int32_t *)o->value, o->width) == 2;
    }
    return false;
}

bool bench_options(struct bench *b, int argc, char **argv, const struct bench_option *options)
{
    for (int i = 1; i < argc; i++) {
        const struct bench_option *o = options;
        if (strcmp(argv[i], "--json") == 0) /* the only form there is */
            continue;
        if (strcmp(argv[i], "--serve") == 0) {
            b->serve = true;
            continue;
        }
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--seconds") == 0) {
            b->seconds = atof(argv[++i]);
            continue;
        }
        while (o->name && strcmp(o->name, argv[i]) != 0)
            o++;
        if (!o->name || !take(o, argv[++i]))
            return false;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One turn: the median run's rate, the best one's, and how many there were. */
static bool turn(const struct bench *b, double seconds, char *line, size_t size)
{
    static double times[MAX_RUNS];
    int runs = 0;
    const double begin = bench_now();
    while ((bench_now() - begin < seconds || runs < 3) && runs < MAX_RUNS) {
        const double t = bench_now();
        if (!b->work(b->user))
            return false;
        times[runs++] = bench_now() - t;
    }
    qsort(times, (size_t)runs, sizeof *times, by_value);
    snprintf(line, size, "\"%s_per_s\": %.3f, \"best_%s_per_s\": %.3f, \"runs\": %d", b->name, b->items / times[runs / 2], b->name,
             b->items / times[0], runs);
    return true;
}

int bench_run(struct bench *b, const char *ready)
{
    char line[256], word[64];
    if (!b->work(b->user)) /* warm */
        return 1;
    if (!b->serve) {
        if (!turn(b, b->seconds, line, sizeof line))
            return 1;
        printf("{%s, %s, \"peak_rss_mb\": %.1f}\n", line, ready, bench_peak_mib());
        return 0;
    }
    printf("{%s, \"peak_rss_mb\": %.1f}\n", ready, bench_peak_mib());
    fflush(stdout);
    while (fgets(word, sizeof word, stdin)) {
        if (!turn(b, atof(word), line, sizeof line))
            return 1;
        printf("{%s, \"peak_rss_mb\": %.1f}\n", line, bench_peak_mib());
        fflush(stdout);
    }
    return 0;
}
