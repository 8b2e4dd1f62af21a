/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a training: a directory with run.json and three files of JSON objects, one a line, that others read while they grow.
 * Keys and units are in docs/reference/run-directory.md. */
#ifndef DLI_TRAIN_RUN_DIR_H
#define DLI_TRAIN_RUN_DIR_H

#include "train/labels.h"
#include <dl4c/train.h>

/* One thread at a time. Every function below takes NULL for a training that keeps no record, and then does nothing. A failure to write
 * is the training's: DL4C_E_IO and what else the file system answers; nothing more is written after it. */
struct dli_run;

struct dli_run_about {
    const struct dl4c_fit_options *options; /* defaults filled in; run_dir says where; NULL there: no record */
    dl4c_graph *graph;                      /* not in training yet: its digest is made */
    dl4c_source *source;
    const char *updater; /* with its schedule, as layers that say nothing themselves get it */
    int32_t threads;
};
/* Makes the directory where it is missing, writes run.json and the first event. *run is NULL without options->run_dir. DL4C_E_STATE: a
 * record is there already, and options->resume is not set. */
dl4c_status dli_run_create(const struct dli_run_about *about, struct dli_run **run, struct dl4c_error *err);
/* Goes on with the record that is there, cut back to what dli_run_sizes told. A directory without a record is begun. */
dl4c_status dli_run_resume(const struct dli_run_about *about, int64_t scores_bytes, int64_t epochs_bytes, struct dli_run **run,
                           struct dl4c_error *err);
/* Bytes of scores.jsonl and epochs.jsonl that are written. */
void dli_run_sizes(const struct dli_run *run, int64_t *scores_bytes, int64_t *epochs_bytes);
/* Writes nothing more. */
void dli_run_close(struct dli_run **run);

struct dli_run_score {
    int64_t epoch, round /* of averaging; -1: there is none */, iteration;
    int32_t worker;
    int64_t examples; /* of the minibatch */
    double score, rate;
};
/* Lines are gathered for up to a second. */
dl4c_status dli_run_score(struct dli_run *run, const struct dli_run_score *s, struct dl4c_error *err);

struct dli_run_epoch {
    int64_t epoch, round, iteration, examples;
    double train_score, train_accuracy, val_score, val_accuracy, seconds; /* NaN: not known */
    const struct dli_labels *labels;
};
/* Writes what was gathered too. */
dl4c_status dli_run_epoch(struct dli_run *run, const struct dli_run_epoch *e, struct dl4c_error *err);

/* kind: one of those in docs/reference/run-directory.md. */
dl4c_status dli_run_event(struct dli_run *run, const char *kind, int64_t epoch, int64_t iteration, struct dl4c_error *err, const char *fmt,
                          ...) DLI_PRINTF(6, 7);
/* The same of a round and a worker (-1: of all); workers: how many there are from this round on, 0: as before. */
dl4c_status dli_run_worker_event(struct dli_run *run, const char *kind, int64_t epoch, int64_t iteration, int64_t round, int32_t worker,
                                 int32_t workers, struct dl4c_error *err, const char *fmt, ...) DLI_PRINTF(9, 10);
/* The kernel set that all workers use, which shows when they have joined: run.json is replaced as a whole where it says another. */
dl4c_status dli_run_kernels(struct dli_run *run, const char *kernels, struct dl4c_error *err);
/* Writes what was gathered. */
dl4c_status dli_run_flush(struct dli_run *run, struct dl4c_error *err);
/* The last event of a training that failed, as well as it can be written; why->status is not DL4C_OK. */
void dli_run_failed(struct dli_run *run, int64_t epoch, int64_t iteration, const struct dl4c_error *why);

#endif
