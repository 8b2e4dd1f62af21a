/* SPDX-License-Identifier: Apache-2.0 */
/* Parameter averaging: workers that each train a copy of the graph on a share of the rows, and take the mean of their parameters after some
 * minibatches. Without a transport the calling thread is worker 0 and trains the graph itself, and the others are threads; with one it
 * leads, and the workers are whoever joins (dl4c_worker_run). */
#ifndef DLI_TRAIN_WORKERS_H
#define DLI_TRAIN_WORKERS_H

#include "base/deadline.h"
#include "train/trainer.h"
#include <dl4c/transport.h>

#include <pthread.h>

struct dli_run;
struct dli_workers;

/* What a worker did with one minibatch. */
struct dli_worker_step {
    int32_t worker, step; /* step: of the round, from 0 */
    int64_t rows, right, counted; /* counted: rows that a mask leaves anything of */
    double score;
    const int64_t *labels; /* of the rows, or their targets, borrowed until the next round; NULL: not known here */
    const float *y;
};

/* ---- rows in memory, for a round (shares.c) ---- */

/* Rows of a source, copied, in the order they came. */
struct dli_rows {
    dl4c_context *ctx;  /* borrowed */
    int64_t n, room;    /* rows; for how many there is memory */
    int64_t row, k;     /* floats of a row; of its targets */
    float *x, *y;       /* [n, row]; [n, k], NULL where there are labels */
    int64_t *labels;    /* [n]; NULL where there are targets */
    int64_t *index;     /* [n]; NULL: not known */
};
void dli_rows_free(struct dli_rows *rows);
/* Takes the next `want` rows of the epoch, fewer where it ends, after those that are there. */
dl4c_status dli_rows_add(struct dli_rows *rows, dl4c_trainer *t, dl4c_source *source, int64_t want, struct dl4c_error *err);
/* Memory for the rows of a share: with labels or targets, with their places in the source or without. */
dl4c_status dli_rows_room(struct dli_rows *rows, const dl4c_trainer *t, int64_t n, bool labels, bool index, struct dl4c_error *err);
/* The first n rows are gone; those behind them come first. */
void dli_rows_drop(struct dli_rows *rows, int64_t n);
/* n rows of `from` more, from `first` on; there is room. */
void dli_rows_take(struct dli_rows *rows, const struct dli_rows *from, int64_t first, int64_t n);
/* n of them from `first` on, as a batch that borrows them. */
void dli_rows_batch(const struct dli_rows *rows, int64_t first, int64_t n, struct dl4c_batch *b);

/* Rows that a thread reads from the source while those before are trained. */
struct dli_ahead {
    pthread_t thread;
    bool running;
    struct dli_rows rows;
    bool over;          /* the epoch's last is among them */
    dl4c_status status; /* of the source, after those rows */
    struct dl4c_error err;
    dl4c_trainer *t;    /* borrowed, as the source */
    dl4c_source *source;
    int64_t want;
};
/* Begins to read `want` rows; does nothing where no thread can be started. Nobody else uses the source until dli_ahead_end. */
void dli_ahead_begin(struct dli_ahead *a, dl4c_trainer *t, dl4c_source *source, int64_t want);
void dli_ahead_end(struct dli_ahead *a);
/* What was read comes behind the rows that are there. */
dl4c_status dli_ahead_take(struct dli_ahead *a, struct dli_rows *rows, struct dl4c_error *err);

/* The rows [*first, *last) of `rows` that a worker gets where `workers` share them: contiguous, and as many for each as can be. */
void dli_share(int64_t rows, int32_t workers, int32_t worker, int64_t *first, int64_t *last);

/* ---- rounds ---- */

/* Starts the threads, or waits until all workers have joined. t is the leader's trainer, whose graph is in training from here on; class
 * weights are set. source: that of the rounds to come; NULL: rows are given. rounds: those before a checkpoint. run gets events of
 * workers; NULL: none. *group: one that was joined already, which is taken; NULL there: none. */
dl4c_status dli_workers_create(dl4c_trainer *t, const struct dl4c_fit_options *options, dl4c_source *source, dl4c_group **group,
                               int64_t rounds, struct dli_run *run, struct dli_watch *watch, struct dli_workers **workers,
                               struct dl4c_error *err);
/* Takes NULL; writes NULL; joins the threads, tells other processes how the training ended. */
void dli_workers_destroy(struct dli_workers **workers, dl4c_status status, const char *message);

/* Where all of a group call fit: joins it. */
dl4c_status dli_workers_join(dl4c_context *ctx, const struct dl4c_fit_options *options, dl4c_group **group, int32_t *rank, int32_t *size,
                             struct dl4c_error *err);
/* Rank 0's, where the training failed before it had workers: tells the others why, and leaves it. Takes NULL there; writes NULL. */
void dli_workers_call_off(dl4c_group **group, dl4c_status status, const char *message);
/* Works in it until the training is over, and leaves it. */
dl4c_status dli_workers_serve(dl4c_context *ctx, const struct dl4c_fit_options *options, dl4c_group **group, struct dl4c_error *err);

/* Another epoch, of which the source has given `taken` rows already: rows that were read and not trained are forgotten. */
void dli_workers_begin_epoch(struct dli_workers *workers, int64_t taken);
/* One round: up to averaging_frequency minibatches a worker, each step's rows shared out evenly; then parameters and the updater's state
 * are the mean over the workers, weighted by the rows each has seen, and the graph's iteration has grown by the steps. *steps: [*n], in the
 * order of steps and of workers, borrowed until the next call; *n is 0, and nothing was done, where the source's epoch is over. Where a
 * worker is lost on the way, the round begins again without it. After a failure the graph is as the last whole round left it. */
dl4c_status dli_workers_round(struct dli_workers *workers, dl4c_source *source, struct dli_watch *watch,
                              const struct dli_worker_step **steps, int64_t *n, struct dl4c_error *err);

/* Rows of the source that the last round took, dropped ones too. */
int64_t dli_workers_taken(const struct dli_workers *workers);
/* Rounds have as many workers as those of a record; borrowed. */
struct dli_replay;
void dli_workers_replay(struct dli_workers *workers, const struct dli_replay *replay);

/* What the reference does otherwise, for comparing with it: the mean is over the workers that had rows, whatever their number; a round
 * counts averaging_frequency iterations, however many there were; workers of a ComputationGraph begin every round at iteration 0 and
 * epoch 0. */
void dli_workers_as_dl4j(struct dli_workers *workers);
/* A round of given rows; who is lost makes it fail. Those of a worker's step begin at first[worker * frequency + step] of `rows`, count of
 * them (0: none; later steps of that worker have none either). rows is the caller's. */
dl4c_status dli_workers_run(struct dli_workers *workers, const struct dli_rows *rows, const int64_t *first, const int64_t *count,
                            struct dli_watch *watch, const struct dli_worker_step **steps, int64_t *n, struct dl4c_error *err);

#endif
