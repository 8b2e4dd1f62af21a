/* SPDX-License-Identifier: Apache-2.0 */
/* The record of one training as it is known so far: docs/reference/run-directory.md, read while it grows and whatever became of it. What is
 * wrong in it is noted and left out; only missing memory is a failure. */
#ifndef DLI_MONITOR_RECORD_H
#define DLI_MONITOR_RECORD_H

#include "monitor/tail.h"
#include "monitor/trace.h"

enum { DLI_LOG_SCORES, DLI_LOG_EPOCHS, DLI_LOG_EVENTS, DLI_LOGS };

/* Columns of the trace of epochs. */
enum {
    DLI_EPOCH_TRAIN_SCORE,
    DLI_EPOCH_TRAIN_ACCURACY,
    DLI_EPOCH_VAL_SCORE,
    DLI_EPOCH_VAL_ACCURACY,
    DLI_EPOCH_SECONDS,
    DLI_EPOCH_EXAMPLES,
    DLI_EPOCH_ITERATION,
    DLI_EPOCH_COLUMNS
};

/* Workers with a curve of their own; the last one stands for all after it too. */
enum { DLI_RECORD_WORKERS = 64 };

struct dli_event {
    double time;
    int64_t epoch, iteration, round, worker; /* -1: null */
    char *kind, *message;
    int64_t stamp;
};

/* How the labels of an epoch lay: see labels.c of this folder. */
enum { DLI_WORST = 8 };
struct dli_worst { /* a class whose share of a worker's examples is far from its share of all */
    int32_t worker;
    int64_t class;
    double share, all;
};
struct dli_label_check {
    int64_t epoch, workers, classes, rows; /* epoch -1: nothing was told yet */
    bool differ;                           /* the workers' shares, by more than chance explains */
    double v;                              /* Cramer's V of workers by classes: 0: the shares are equal, 1: no class is with two workers */
    bool unmixed;                          /* the classes of minibatches, by more than chance explains */
    double dispersion;                     /* NaN: not told */
    int64_t told, differing, unmixing;     /* epochs */
    struct dli_worst worst[DLI_WORST];     /* n_worst of them, the worst first */
    int32_t n_worst;
};

struct dli_log {
    struct dli_tail tail;
    int64_t bad, first_bad; /* lines left out; the number of the first */
    char why[160];          /* of the first */
    char trouble[480];      /* why it cannot be read now; "": it can */
};

struct dli_record {
    dl4c_context *ctx; /* borrowed */
    char *uri, *about_uri;
    struct dli_log logs[DLI_LOGS];
    bool more; /* it was not read to its end */
    int64_t stamp;
    char *about; /* run.json as one line; NULL: none yet */
    int64_t about_stamp;
    double batch;            /* of a worker, as run.json says; 0: it does not */
    char about_trouble[480]; /* "": none */
    struct dli_trace scores, epochs;
    int64_t last[DLI_RECORD_WORKERS]; /* iteration of each worker */
    int64_t last_iteration, last_epoch;
    int64_t most_workers; /* the highest number of a worker, plus 1 */
    int64_t not_finite;   /* scores that are null */
    int64_t restarts;     /* times that it went on from an earlier iteration */
    int64_t replaced;     /* times that another record came under the name */
    double newest;        /* time of the newest line; NaN: none */
    struct dli_event *events;
    size_t n_events, room_events;
    int64_t events_lost; /* the oldest, where there are very many */
    struct dli_label_check labels;
    int64_t labels_stamp;
};

/* Names the files and looks at nothing. */
dl4c_status dli_record_create(dl4c_context *ctx, const char *uri, struct dli_record **record, struct dl4c_error *err);
/* Takes NULL; writes NULL. */
void dli_record_destroy(struct dli_record **record);
/* Reads what came since, about `budget` bytes of each file; what changed gets the stamp, which grows from call to call. DL4C_E_NOMEM and
 * DL4C_E_LIMIT: what was read so far stands. */
dl4c_status dli_record_refresh(struct dli_record *record, int64_t stamp, int64_t budget, struct dl4c_error *err);
/* Whether the training said how it ended. */
bool dli_record_ended(const struct dli_record *record);

/* ---- inside (lines.c, labels.c) ---- */

/* One line of a log. A line that cannot be used is noted. */
dl4c_status dli_record_line(struct dli_record *record, int log, const char *line, size_t n, int64_t number, struct dl4c_error *err);
dl4c_status dli_record_event(struct dli_record *record, struct dli_event *event, const char *kind, const char *message,
                             struct dl4c_error *err);
void dli_record_forget_events(struct dli_record *record);
/* counts[workers + 1, classes], whose last row is filled here; all below 2^31. dispersion NaN: not told; batches: of the epoch, as far as
 * is known. */
void dli_label_check(struct dli_label_check *check, int64_t *counts, int64_t workers, int64_t classes, int64_t epoch, double dispersion,
                     double batches);

#endif
