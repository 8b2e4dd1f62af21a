/* SPDX-License-Identifier: Apache-2.0 */
/* A transport of one's own: processes of one host that were forked from each other, over a pair of sockets for every two of them. */
#ifndef EXAMPLES_PAIRS_H
#define EXAMPLES_PAIRS_H

#include <dl4c/transport.h>

enum { PAIRS_MOST = 16 };

struct pairs {
    int size;
    int fd[PAIRS_MOST][PAIRS_MOST]; /* [a][b]: a's end of the pair with b; -1: none */
};

/* Before the fork: a pair for every two of `size` members. 0, or -1 with errno. */
int pairs_open(struct pairs *p, int size);
void pairs_close(struct pairs *p);
/* After it, in each process: "pairs:RANK" joins as that member, which is what the process is from then on. p outlives ctx. */
dl4c_status pairs_register(dl4c_context *ctx, struct pairs *p, struct dl4c_error *err);

#endif
