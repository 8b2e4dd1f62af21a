/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_trainer, which fit drives. */
#ifndef DLI_TRAIN_TRAINER_H
#define DLI_TRAIN_TRAINER_H

#include "losses/loss.h"
#include "train/update.h"
#include <dl4c/train.h>

#include <string.h>

struct dl4c_trainer {
    dl4c_context *ctx; /* a reference */
    dl4c_graph *graph; /* a reference */
    char *updater;     /* spec of layers that say nothing themselves */
    double l1, l2;     /* the same */
    int32_t threads;
    /* NULL and zero until the shape of rows is known: */
    struct dli_tape *tape;
    struct dli_update *update;
    struct dli_loss_at loss;
    int32_t output;          /* of the tape: the one with the loss */
    int32_t act;             /* DLI_LOSS_ACT_* */
    bool fused;              /* the loss gives dz */
    bool tells;              /* activations are NaN where a feature of the row is not finite */
    int64_t batch, row, k;   /* most rows, floats of a row of x, outputs at each position */
    int64_t positions;       /* of an output row [k, ...]: pixels or times, each with a loss of its own; 1 for a vector */
    struct dli_shape out;    /* of an output row */
    int64_t k_y;             /* values of y at each position: k but for losses that say otherwise */
    float *turned[3];        /* with positions: activations, targets and gradient as [batch * positions, k] */
    double *position_scores; /* with positions: [batch * positions] */
    struct dl4c_shape shape; /* of a row of x, as it comes from outside */
    bool channels_first;     /* images come so although the model's file has their channels last */
    struct dli_blob *state;  /* the updater's; the graph holds the same */
    double *scores;          /* [batch] */
    uint64_t seed;
    float *class_weights; /* [n_class_weights]; NULL: none */
    int32_t n_class_weights;
    float *rows;            /* [batch]: weights of the rows; NULL where all are 1 */
    float *masked_rows;     /* [batch]: those of rows with masks; made when first needed */
    float *mask_turned;     /* with positions: a mask of targets as [batch * positions, k]; made when first needed */
    dl4c_tensor *masks[2];  /* of x and of y, from dl4c_trainer_masks; NULL */
    const float *row_mask;  /* of the run at work: [n * positions] of the caller's; NULL: none */
    int64_t counted;        /* rows of the last run that a mask leaves anything of */
    dl4c_tensor *staged[2]; /* contiguous copies of x and y that are not, made when first needed */
    bool keep_gradient;     /* whole, for dl4c_trainer_gradient */
    bool held;              /* fit holds the graph over many steps */
    _Atomic int32_t busy;
};

/* All members of the group call fit. */
static inline bool dli_fit_by_all(const struct dl4c_fit_options *o) { return o->transport && strncmp(o->transport, "mpi:", 4) == 0; }
/* Over workers. */
static inline bool dli_fit_leads(const struct dl4c_fit_options *o) { return o->transport && strchr(o->transport, ':'); }
static inline bool dli_fit_averages(const struct dl4c_fit_options *o) { return o->workers > 1 || dli_fit_leads(o); }
/* Threads of each worker: those in one process share its cores, the leader among them. */
int32_t dli_fit_worker_threads(dl4c_context *ctx, const struct dl4c_fit_options *o);

/* Defaults filled in and ranges checked. `source_side`: what only fit can use is allowed. */
dl4c_status dli_fit_options(const struct dl4c_fit_options *in, bool source_side, struct dl4c_fit_options *out, struct dl4c_error *err);

/* shape: of a row of x; NULL: as the graph says. */
dl4c_status dli_trainer_create(dl4c_graph *graph, const struct dl4c_fit_options *options, const struct dl4c_shape *shape, dl4c_trainer **t,
                               struct dl4c_error *err);
/* Makes the tape for rows of this shape, the first or another; the graph is in training. NULL: as the graph says. */
dl4c_status dli_trainer_plan(dl4c_trainer *t, const struct dl4c_shape *shape, struct dl4c_error *err);
void dli_trainer_free_scores(dl4c_trainer *t);
/* One output for two classes. */
bool dli_trainer_binary(const dl4c_trainer *t);
dl4c_status dli_trainer_check_weights(const dl4c_trainer *t, struct dl4c_error *err);
/* The weights of classes, copied; NULL: none. */
dl4c_status dli_trainer_class_weights(dl4c_trainer *t, const float *weights, int32_t n, struct dl4c_error *err);
/* Whether n classes of index labels, or targets of length n, suit the output. */
dl4c_status dli_trainer_classes(const dl4c_trainer *t, int32_t n, bool targets, struct dl4c_error *err);
/* Whether its classes can be told by indices below n. */
dl4c_status dli_trainer_can_index(const dl4c_trainer *t, int32_t n, struct dl4c_error *err);

/* One step, or with `train` false the score alone in inference mode, on n rows in memory; labels are checked already. For the message
 * of a row that is not finite, index names examples; NULL: by row. *right: how many rows were recognised; may be NULL. */
dl4c_status dli_trainer_run(dl4c_trainer *t, bool train, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err);
/* The two halves of a step whose gradients others share in, on a trainer that keeps them whole. First: the gradients of a minibatch,
 * divided by its rows, are left in the tape; nothing else changes. Then: the update with what is there, means over `rows` rows of all. */
dl4c_status dli_trainer_gradients(dl4c_trainer *t, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err);
dl4c_status dli_trainer_apply(dl4c_trainer *t, int64_t rows, struct dl4c_error *err);
/* The next batch of a source, at most `most` rows; counts of a batch's kind are known, and checked, only when it is there. */
dl4c_status dli_trainer_next(dl4c_trainer *t, dl4c_source *source, int64_t most, struct dl4c_batch *b, struct dl4c_error *err);
/* Parameters and state are this trainer's and its graph's alone from here on, to be written to. */
dl4c_status dli_trainer_own(dl4c_trainer *t, struct dl4c_error *err);
/* The part of the last score that is data loss, summed over the rows. */
double dli_trainer_loss_sum(const dl4c_trainer *t, int64_t n);

/* What scores and gradients of n rows are divided by. */
int64_t dli_trainer_divisor(const dl4c_trainer *t, int64_t n);

/* Parameters and state for later, and back. */
struct dli_trainer_copy {
    float *params, *state;
    int64_t iteration, epoch;
};
dl4c_status dli_trainer_save(dl4c_trainer *t, struct dli_trainer_copy *copy, struct dl4c_error *err);
dl4c_status dli_trainer_restore(dl4c_trainer *t, const struct dli_trainer_copy *copy, struct dl4c_error *err);
void dli_trainer_copy_free(struct dli_trainer_copy *copy);

#endif
