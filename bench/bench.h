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

/* Takes an option all benchmarks have, --seconds S, --serve or --json, off the command line; 0 where argv[i] is none of them, else how
 * many words it took, -1 where its value is missing. */
int bench_option(struct bench *b, int argc, char **argv, int i);

/* Warms up, prints `ready` (JSON members without braces) and goes on as said above. Returns the program's exit status. */
int bench_run(struct bench *b, const char *ready);

#endif
