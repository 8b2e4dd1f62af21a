/* SPDX-License-Identifier: Apache-2.0 */
/* What the leader of a training and its workers say to each other over a group's messages.
 *
 * Numbers are int64 or floats as they lie in memory: members of other byte orders are refused by the first message. A worker believes
 * nothing that it has not checked, and the leader neither. In a generation of the group:
 *
 *     each worker   hello
 *     leader        to a worker that is new: setup, the model and the settings; to all: state, then parameters and updater's state by
 *                   broadcast from rank 0
 *     each worker   an int64: 1 where it reads the store itself
 *     leader        round, to each worker with the sizes of its minibatches; then, minibatch by minibatch and to all at once, the rows
 *     each worker   when it has trained them, a report; leader, a verdict; all, the mean
 *     leader        end
 *
 * A worker that reads the store gets the rows' places in it and their checksum, and answers with an int64: 1, it has just those; 0, it
 * wants to be sent them, now and in all rounds to come.
 *
 * Where a message is lost with a member, the generation is over, everyone regroups, and it begins again with hello. */
#ifndef DLI_TRAIN_WIRE_H
#define DLI_TRAIN_WIRE_H

#include "train/trainer.h"

enum { DLI_WIRE_VERSION = 2 };
#define DLI_WIRE_MAGIC INT64_C(0x31006334746c6400) /* other in another byte order */

struct dli_hello {
    int64_t magic, version;
    int64_t level; /* kernel set: dli_cpu_rank */
    int64_t ready; /* 1: was set up by this leader, in an earlier generation */
};

enum dli_order_kind { DLI_ORDER_SETUP = 1, DLI_ORDER_STATE, DLI_ORDER_ROUND, DLI_ORDER_END };
enum {
    DLI_ROWS_LABELS = 1,
    DLI_ROWS_TARGETS = 2,
    DLI_ROWS_INDEX = 4,
    DLI_ROWS_SHARED = 8, /* in memory that both see */
    DLI_ROWS_STORED = 16 /* in the store, where the worker reads them */
};

struct dli_order {
    int64_t kind;
    int64_t a, b;             /* setup: bytes of the model and of the settings; end: status of the training, bytes of its message;
                                 round, rows that are stored: a is their checksum */
    int64_t level;            /* state: the kernel set that all use from here on */
    int64_t number;           /* round: this worker's place in the data, from 0 */
    int64_t steps;            /* round: minibatches */
    int64_t rows, what;       /* round: of all its minibatches; DLI_ROWS_* */
    int64_t iteration, epoch; /* state and round: the graph's, before it */
    int64_t dl4j;             /* round: 1: the reference's rules, see dli_workers_as_dl4j */
};

/* After the reports, an int64: take the mean; or do as the next order says. */
enum { DLI_VERDICT_MEAN = 1, DLI_VERDICT_ORDER };

struct dli_report {
    int64_t status; /* dl4c_status; not OK: a message of `bytes` bytes follows */
    int64_t bytes;
    int64_t steps; /* OK: so many struct dli_step_report follow */
};

struct dli_step_report {
    int64_t step, rows, right, counted;
    double score;
};

/* ---- settings: what of the fit's options a worker needs, as JSON ---- */

struct dli_settings {
    char *updater;
    double l1, l2;
    uint64_t seed;
    int64_t batch, frequency;
    int64_t prefetch; /* not 0: training begins when the first minibatch of a round is there */
    bool average_state;
    bool gradients;   /* of a step are averaged, not parameters */
    int32_t exchange; /* DL4C_EXCHANGE_* */
    float *class_weights;
    int32_t n_class_weights;
    struct dl4c_shape shape; /* of a row */
    char *store, *digest;    /* where the rows are stored, and what of; NULL: nowhere */
};
dl4c_status dli_settings_write(dl4c_context *ctx, const struct dli_settings *s, char **text, struct dl4c_error *err);
/* What another process sent: DL4C_E_CORRUPT. */
dl4c_status dli_settings_read(dl4c_context *ctx, const char *text, size_t size, struct dli_settings *s, struct dl4c_error *err);
void dli_settings_free(struct dli_settings *s);

/* Of a share, minibatch after minibatch: first[s] is the first of count[s] rows, which have labels. */
struct dli_rows;
uint32_t dli_rows_checksum(const struct dli_rows *rows, const int64_t *first, const int64_t *count, int64_t steps);

/* The seed of what is random in the worker at a place in the data. */
static inline uint64_t dli_worker_seed(uint64_t seed, int64_t number) { return seed + (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15); }

#endif
