/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: time, rates, and taking turns with a peer.
 *
 * A benchmark prints one JSON object on a line when it is ready. Under --serve it then reads seconds from standard input, a number a
 * line, works for about that long and prints one line with its rate; so bench/vs_peers can let two programs that are loaded already
 * run in turn. Without it, it works once, for --seconds. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench {
    const char *name;
    double seconds; /* of a turn */
    bool serve;
    double items;             /* done by one call of work */
    bool (*work)(void *user); /* false: it failed and has said why */
    void *user;
};

double bench_now(void); /* seconds of a clock that only goes forward */
double bench_peak_mib(void);

/* An option with a value, of one benchmark. */
struct bench_option {
    const char *name;
    enum { BENCH_INT, BENCH_LONG, BENCH_TEXT, BENCH_SIZE } kind;
    void *value; /* int32_t, int64_t, const char *; int32_t, the height of HxW */
    int32_t *width;
};

/* Reads the command line: options, which end with { 0 }, and those that all benchmarks have, --seconds S, --serve and --json. False: it has
 * something else. */
bool bench_options(struct bench *b, int argc, char **argv, const struct bench_option *options);

/* Warms up, prints `ready` (JSON members without braces) and goes on as said above. Returns the program's exit status. */
int bench_run(struct bench *b, const char *ready);

#endif
