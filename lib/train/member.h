/* SPDX-License-Identifier: Apache-2.0 */
/* One that trains in parameter averaging: a worker in a thread of the leader's process, one in another process, or the leader itself. */
#ifndef DLI_TRAIN_MEMBER_H
#define DLI_TRAIN_MEMBER_H

#include "train/wire.h"
#include "train/workers.h"
#include <dl4c/features.h>
#include <dl4c/transport.h>

#include <pthread.h>

/* How long somebody waits before looking again whether the host has cancelled; for a vector; for the last words. */
enum { DLI_LOOK_MS = 200, DLI_VECTOR_MS = 600000, DLI_END_MS = 5000 };

/* Whose rows are which in a round: [number * steps + step] of rows begin at first and are count. */
struct dli_deal {
    const struct dli_rows *rows;
    const int64_t *first, *count;
    int32_t steps; /* between two workers' entries */
    struct dli_arrivals *arrivals; /* of minibatches that are still under way; NULL: all are there */
};

/* Minibatches that a thread receives while those before are trained. */
struct dli_arrivals {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool running;
    int64_t steps, there; /* of a round; how many of them have come */
    dl4c_status status;   /* of the group */
    struct dl4c_error err;
    struct dli_member *m;
    const struct dli_order *order;
};

struct dli_member {
    dl4c_context *ctx; /* borrowed */
    dl4c_trainer *t;   /* NULL: not set up */
    dl4c_graph *graph; /* its own copy; NULL: the leader's */
    dl4c_group *group;
    int64_t frequency;
    uint64_t seed;
    bool average_state;
    bool gradients;     /* a round is one step, in which gradients are averaged */
    int32_t exchange;   /* DL4C_EXCHANGE_* */
    float *first_state; /* of the updater before the first round, where it is not averaged; else NULL */
    float *base;        /* the parameters before the round, the same on all, where only what they have moved by is exchanged; else NULL */
    struct dli_settings settings;  /* what the trainer was made of, where they came by messages */
    const struct dli_deal *shared; /* in the leader's process; NULL: rows come by messages */
    int64_t patience_ms;           /* for a message or a vector of the others */
    const int32_t *cancel;
    int32_t threads; /* of a trainer that is made of settings */
    dl4c_status status; /* of the last share; in the leader's process it is read once it was reported */
    struct dl4c_error err;
    int32_t n_steps; /* minibatches of the last share that were its */
    int64_t seen;    /* rows of it */
    struct dli_step_report *steps; /* [frequency] */
    struct dli_rows own;           /* rows that came by messages ... */
    int64_t *own_first, *own_count; /* ... and its minibatches [frequency] */
    const char *features;          /* URI of a store, borrowed; NULL: the one that the settings name */
    dl4c_features *store;          /* whose rows this worker reads itself; NULL: they are sent */
    struct dli_arrivals arrivals;  /* where the settings want minibatches received ahead ... */
    bool one_thread;               /* ... and not: MPI may take calls of the thread that joined only */
};

/* Ready to train with t, which is given: the graph is in training, the steps have memory. */
dl4c_status dli_member_init(struct dli_member *m, dl4c_trainer *t, const struct dli_settings *settings, struct dl4c_error *err);
/* The trainer and the graph go where the graph is its own. */
void dli_member_clear(struct dli_member *m);

/* Trains the share of one worker. The result is in n_steps, seen and steps. */
dl4c_status dli_member_train(struct dli_member *m, const struct dli_order *o, const struct dli_deal *deal, int64_t place,
                             struct dl4c_error *err);
/* Every member of the group calls it: parameters and the updater's state become the mean over those with weight. */
dl4c_status dli_member_average(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err);
/* Every member of the group calls it: parameters and state become rank 0's. */
dl4c_status dli_member_state(struct dli_member *m, struct dl4c_error *err);

/* ---- rows that come from elsewhere (feed.c) ---- */

/* Opens the store that the settings name, where this worker can and it is the same; says in the log where it is not. */
void dli_member_open_store(struct dli_member *m);
/* The minibatches of a share and its rows, read or received: own, own_first and own_count. Where minibatches are received ahead they come
 * during what follows, up to dli_member_received: the order stays where it is until then, and the group is nobody else's. */
dl4c_status dli_member_receive(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err);
/* Waits for the rest; a failure is the group's. */
dl4c_status dli_member_received(struct dli_member *m, struct dl4c_error *err);
/* Waits for minibatch `step` of the round. */
dl4c_status dli_arrivals_wait(struct dli_arrivals *a, int64_t step, struct dl4c_error *err);
/* What the leader sent cannot be. */
dl4c_status dli_member_strange(const char *what, struct dl4c_error *err);

/* A worker's part of a generation, until it fails or *ended. */
dl4c_status dli_member_serve(struct dli_member *m, bool *ended, struct dl4c_error *err);

#endif
