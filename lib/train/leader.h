/* SPDX-License-Identifier: Apache-2.0 */
/* Leading a group of workers: whom it has, what they are told, what they answer, and going on without those that are lost. */
#ifndef DLI_TRAIN_LEADER_H
#define DLI_TRAIN_LEADER_H

#include "train/member.h"
#include "train/run_dir.h"

struct dli_leader {
    dl4c_context *ctx;  /* borrowed from the trainer */
    struct dli_member m; /* the leader's own; with `trains` it has a share */
    dl4c_group *group;
    bool remote;        /* workers may be other processes: they are set up, get their rows by messages, and may be lost */
    bool trains;        /* rank 0 is the worker at place 0 of the data; else rank 1 is */
    bool dl4j;
    bool heard;         /* all workers wait for an order */
    int32_t n;          /* workers of this generation */
    int32_t min_workers;
    int64_t worker_timeout_ms, join_timeout_ms, round_timeout_ms; /* round: 0: none */
    int64_t rounds;
    int level;          /* kernel set of all */
    uint64_t *ids;      /* [n] of the workers, by place */
    struct dli_run *run; /* borrowed; NULL: none */
    const struct dli_settings *settings; /* borrowed */
    struct dli_report_of *reports; /* [n] */
    struct dli_share_of *shares;   /* [n] */
    struct dl4c_message *messages; /* [n]: room for what is sent to all at once */
};

/* How a worker gets its rows. */
struct dli_share_of {
    bool stored;  /* it reads them itself */
    bool wanted;  /* of the round at work: they are to be sent */
    bool arrived; /* of the minibatch at work: it has it */
};

struct dli_report_of {
    int32_t n_steps;
    struct dli_step_report *steps; /* [frequency] */
};

/* The group stands: hears hello from all, within the join timeout, and sets up who is new. *without: the rank at fault, -1: not known. */
dl4c_status dli_leader_welcome(struct dli_leader *l, struct dli_watch *watch, int32_t *without, struct dl4c_error *err);
/* Whether somebody waits to join. */
bool dli_leader_waited_for(struct dli_leader *l);
/* The next generation, with those who remain and those who wait; `without`: a rank that is left behind, -1: none. Waits for enough workers
 * to come until the join timeout passes. The trainer's parameters and state are what all go on from. */
dl4c_status dli_leader_regroup(struct dli_leader *l, int32_t without, struct dli_watch *watch, struct dl4c_error *err);

/* Trains the rows that are dealt out and takes the mean. *without: the rank at fault, -1: not known. A status for which
 * dli_leader_may_go_on: a worker is lost, and the trainer holds nothing good. */
dl4c_status dli_leader_round(struct dli_leader *l, const struct dli_deal *deal, int32_t steps, struct dli_watch *watch, int32_t *without,
                             struct dl4c_error *err);
bool dli_leader_may_go_on(const struct dli_leader *l, dl4c_status status);

/* The rows of a round, to all workers that are others (send.c). */
dl4c_status dli_leader_send_shares(struct dli_leader *l, const struct dli_deal *deal, struct dli_order *o, struct dli_watch *watch,
                                   int32_t *without, struct dl4c_error *err);

/* The rank of the worker at a place; the place of the first that is not the leader. */
static inline int32_t dli_leader_rank(const struct dli_leader *l, int32_t place) { return place + !l->trains; }
static inline int32_t dli_leader_first(const struct dli_leader *l) { return l->trains; }
dl4c_status dli_leader_tell(struct dli_leader *l, int32_t place, const void *message, size_t size, struct dl4c_error *err);
/* The next message of a worker, while the host's flags are looked at. until_ns: when it is late. */
dl4c_status dli_leader_hear(struct dli_leader *l, int32_t place, void *message, size_t size, int64_t until_ns, struct dli_watch *watch,
                            struct dl4c_error *err);

/* Tells all that the training is over, where they wait to be told something. */
void dli_leader_end(struct dli_leader *l, dl4c_status status, const char *message);
void dli_leader_clear(struct dli_leader *l);

#endif
