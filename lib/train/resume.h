/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints that fit writes for itself, and going on from one: a model file that also says where the training stood.
 *
 * DIRECTORY/checkpoint.safetensors is replaced as a whole; with early stopping DIRECTORY/best-EPOCH.safetensors beside it is the epoch with
 * the lowest validation score so far. Both are models that dl4c_model_load takes. */
#ifndef DLI_TRAIN_RESUME_H
#define DLI_TRAIN_RESUME_H

#include "train/run_dir.h"
#include "train/trainer.h"

/* Where a fit stands: all that decides what comes next, beside the graph's parameters, updater state, iteration and epoch. */
struct dli_standing {
    int64_t epochs;                   /* done by this fit */
    int64_t examples, right, counted; /* of the epoch at work, in training; counted: those that a mask leaves anything of */
    int64_t taken;                    /* rows of the source's epoch that are behind: the reference drops some */
    int64_t steps;                    /* minibatches of the epoch at work ... */
    double sum;                       /* ... and of their scores */
    int64_t rounds;                   /* of averaging */
    int64_t best_epoch;               /* 0: none yet */
    int64_t worse;                    /* validations since the best */
    double best_score;
    double kept_train, kept_val, kept_accuracy; /* of the best epoch */
    double train_score, val_score, val_accuracy; /* of the last epoch; NaN: there is none */
    int64_t scores_bytes, epochs_bytes; /* of the run's record */
};

struct dli_resume;

/* What a checkpoint is of: run_dir's description, and the trainer, which the graph was given to as it was before the training.
 * *resume is NULL without options->checkpoint_dir. DL4C_E_STATE: there is a checkpoint, and nobody asked to go on from it. */
dl4c_status dli_resume_create(const struct dli_run_about *about, dl4c_trainer *t, struct dli_resume **resume, struct dl4c_error *err);
void dli_resume_destroy(struct dli_resume **resume);

/* Goes on from the checkpoint where there is one (*found): parameters, updater's state, iteration and epoch become the trainer's, and
 * *best the best epoch's where there is one; labels those of the epoch at work, unknown where the checkpoint has none for as many workers
 * and classes. The graph is in training. DL4C_E_STATE: it is of another training; DL4C_E_CORRUPT. */
dl4c_status dli_resume_load(struct dli_resume *resume, dl4c_trainer *t, struct dli_standing *at, struct dli_labels *labels,
                            struct dli_trainer_copy *best, bool *found, struct dl4c_error *err);

/* Whether the time between two checkpoints has passed. */
bool dli_resume_due(const struct dli_resume *resume);
/* Writes a checkpoint. is_best: the graph is that of at->best_epoch, to be kept beside it. Does nothing where resume is NULL. */
dl4c_status dli_resume_save(struct dli_resume *resume, dl4c_trainer *t, const struct dli_standing *at, const struct dli_labels *labels,
                            bool is_best, struct dl4c_error *err);

#endif
