/* SPDX-License-Identifier: Apache-2.0 */
/* A transport that stacks on any other and makes it fail on purpose: what a bad network does, the same at every run. Sees the public
 * headers only, so that a host can use it for a transport of its own, and for what it trains with.
 *
 *     static struct faults_plan plan = { .seed = 1, .n = 1, .faults = { { .kind = FAULTS_DROP, .rank = 2, .at = 7 } } };
 *     faults_register(ctx, &plan);                        "faults:tcp://host:7000" is now "tcp://host:7000" with faults
 *
 * Every message goes with its number and a checksum, as over a transport that deserves the name: what is lost, twice there or altered on
 * the way is DL4C_E_CORRUPT at the receiver, or the deadline passes; it is never taken for what was sent. */
#ifndef TESTS_CONFORMANCE_FAULTS_H
#define TESTS_CONFORMANCE_FAULTS_H

#include <dl4c/transport.h>

enum faults_kind {
    FAULTS_DROP = 1,  /* a message is not sent, though the sender is told that it was */
    FAULTS_DUPLICATE, /* a message is sent twice */
    FAULTS_FLIP,      /* one bit of a message is wrong */
    FAULTS_DELAY,     /* a call begins late, by .ms, or fails when its deadline passes before */
    FAULTS_CUT,       /* the member is off the net, for good: to the others it is lost, its own calls answer DL4C_E_PEER */
    FAULTS_FAIL,      /* a call answers .status and has done nothing */
    FAULTS_KINDS
};

struct faults_fault {
    int kind;
    int rank;           /* of the member that meets it, in the generation that counts; -1: of any */
    int at;             /* the n-th message sent (drop, duplicate, flip) or call (the others) of a member, from 1 on, over all generations;
                           0: by chance */
    int per_mille;      /* the chance of each, drawn from seed, rank, kind and number */
    int ms;             /* of a delay */
    dl4c_status status; /* of a call that fails */
};

enum { FAULTS_MAX = 8 };

/* Members of a context share one; it must outlive the context. */
struct faults_plan {
    uint64_t seed;
    int n;
    struct faults_fault faults[FAULTS_MAX];
    int32_t met[FAULTS_KINDS]; /* how many of each kind there were; written atomically */
};

/* Registers "faults" in a context. */
dl4c_status faults_register(dl4c_context *ctx, struct faults_plan *plan, struct dl4c_error *err);

#endif
