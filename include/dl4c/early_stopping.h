/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Early stopping with Deeplearning4j's pieces: conditions that end a training, what a model's score is, and the best model of all epochs.
 * The short form is dl4c_fit's own `early_stopping`.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_EARLY_STOPPING_H
#define DL4C_EARLY_STOPPING_H

#include <dl4c/train.h>

DL4C_BEGIN

/**
 * When training ends and what is best. At least one condition that can end it must be set; fit's `epochs` is one, and is no limit where
 * it is 0. An epoch is scored if it is the first of this training or an every_epochs-th after that.
 */
struct dl4c_early_stopping_options {
    size_t struct_size;
    dl4c_source *source; /**< what models are scored on; wanted */
    /** "loss": mean loss plus regularisation, the lower the better; "accuracy", "balanced_accuracy", "precision", "recall", "f1",
     * "g_measure", "mcc" with DL4C_AVERAGE_DEFAULT, "auroc", "auprc" (areas under the exact curves, of more than two classes the mean over
     * each against the others), the higher the better. NULL: "loss". */
    const char *score;
    uint32_t every_epochs;   /**< 0: 1 */
    uint32_t no_improvement; /**< ends where so many epochs have brought no better score; 0: off */
    double min_improvement;  /**< a score must be better by more than this to count for no_improvement */
    double best_score;       /**< ends at a score better than this; if has_best_score */
    double max_score;        /**< ends after a minibatch whose score is above this, or NaN; if has_max_score */
    int32_t has_best_score;
    int32_t has_max_score;
    int64_t max_time_ms;   /**< ends after the first iteration at which so much time has passed; 0: off */
    int32_t invalid_score; /**< 1: a training that diverges ends there, instead of failing with DL4C_E_DIVERGED */
    int32_t save_last;     /**< 1: dir gets latestGraph.bin too, after each epoch that is scored and at the end */
    const char *dir;       /**< URI of a directory, made where missing, that gets bestGraph.bin, with the updater's state; NULL: none */
    uint64_t flags;        /**< must be 0 */
};
#define DL4C_EARLY_STOPPING_OPTIONS_INIT                                                                                                   \
    {                                                                                                                                      \
        sizeof(struct dl4c_early_stopping_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                               \
    }

/** Why a training ended; values never change. */
enum {
    DL4C_STOP_EPOCH_CONDITION = 1,     /**< the number of epochs, no improvement, or the best score */
    DL4C_STOP_ITERATION_CONDITION = 2, /**< time, a minibatch's score, or divergence */
    DL4C_STOP_LISTENER = 3             /**< a listener of the caller asked */
};

/** How a training went. Filled by dl4c_fit_early_stopping, freed by dl4c_early_stopping_result_clear. */
struct dl4c_early_stopping_result {
    size_t struct_size;
    int32_t reason;       /**< DL4C_STOP_* */
    int32_t n_scores;     /**< epochs that were scored */
    int64_t best_epoch;   /**< as listeners count, from 1; 0: none was scored */
    int64_t total_epochs; /**< whole ones, of this training */
    double best_score;    /**< NaN where none was scored */
    int64_t *epochs;      /**< [n_scores] which epochs were scored */
    double *scores;       /**< [n_scores] */
    char details[128];    /**< the condition as Deeplearning4j writes it: "MaxEpochsTerminationCondition(30)" */
};
#define DL4C_EARLY_STOPPING_RESULT_INIT                                                                                                    \
    {                                                                                                                                      \
        sizeof(struct dl4c_early_stopping_result), 0, 0, 0, 0, 0, 0, 0, { 0 }                                                              \
    }
/** Frees the arrays and writes zeros but for struct_size. Takes NULL. Since: 0.1. */
DL4C_API void dl4c_early_stopping_result_clear(struct dl4c_early_stopping_result *result);

/**
 * Trains until a condition ends it, and gives back the model of the epoch with the best score; one that is not finite is best only while
 * nothing else is there.
 *
 * Conditions are looked at in this order: after each iteration time, a minibatch's score, divergence; after each epoch its number; after
 * each epoch that was scored improvement and best score.
 * @param graph    As for dl4c_fit. It is left as the last step left it.
 * @param source   What is trained on.
 * @param fit      Options as for dl4c_fit, its listeners called too; without validation and early_stopping, which are @p options's.
 *                 epochs: most epochs, 0: no limit.
 * @param options  Must name a source and a condition.
 * @param best     Receives the best model, with its updater's state, as a graph of its own that the caller destroys; its info says in
 *                 `training` which epoch it is. NULL on failure, and where training ended before an epoch was scored. May be NULL.
 * @param result   May be NULL.
 * @retval DL4C_E_INVALID   no source, no condition, a number out of range, an unknown score
 * @retval DL4C_E_DIVERGED  without invalid_score and has_max_score
 * What else dl4c_fit, dl4c_evaluate and dl4c_model_save answer.
 * Threads: as dl4c_fit. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fit_early_stopping(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *fit,
                                             const struct dl4c_early_stopping_options *options, dl4c_graph **best,
                                             struct dl4c_early_stopping_result *result, struct dl4c_error *err);

DL4C_END
#endif
