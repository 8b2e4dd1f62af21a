/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Training: fit, a trainer for loops of one's own, listeners, early stopping, the run directory; evaluating a graph on a source.
 *
 * A step: the gradients' sum over the minibatch is divided by its rows (not where a model of Deeplearning4j has miniBatch false); a layer's
 * gradient_normalization is applied; l2 * w and l1 * sign(w) are added; the updater turns that into what is subtracted from the parameters;
 * weight decay adds its share of w to that; constraints come last. The score is the mean loss of the rows plus 0.5 l2 |W|^2 + l1 |W| of
 * what is regularised, and 0.5 |W|^2 of what decays. Iterations
 * and epochs go on from those of the graph, and so does the updater's state where the updater is the same. The order of these, the
 * formulas and the state's layout are Deeplearning4j's.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_TRAIN_H
#define DL4C_TRAIN_H

#include <dl4c/evaluation.h>
#include <dl4c/graph.h>
#include <dl4c/source.h>

DL4C_BEGIN

enum { DL4C_TRAIN_EPOCH_START = 1, DL4C_TRAIN_ITERATION = 2, DL4C_TRAIN_EPOCH_END = 3 };

/** Where a training stands, for dl4c_listener.event. What does not belong to its kind is NaN or 0. */
struct dl4c_train_event {
    size_t struct_size;
    int32_t kind;      /**< DL4C_TRAIN_* */
    int32_t stop;      /**< in: 0; set to 1, it stops training as a callback that answers 1 does */
    dl4c_graph *graph; /**< borrowed; not in training meanwhile: it may be run, cloned and saved, but not edited */
    int64_t iteration; /**< steps the graph has had */
    int64_t epoch;     /**< the one at work or just done, from 1 */
    double score;      /**< of the minibatch before the step, regularisation included; at an epoch's end the mean over its minibatches */
    double val_score, val_accuracy; /**< at an epoch's end with validation */
    int64_t rows;                   /**< of the minibatch */
    int64_t done, total;            /**< rows trained on in this call of fit, and how many it will be; total 0: not known */
    int64_t source_ns;              /**< how long the source took to give the minibatch */
    int64_t round;                  /**< averagings of parameters before; -1: one worker trains alone */
    int32_t worker;                 /**< which worker's step it was; with several there is an event for each */
    int32_t reserved;               /**< 0 */
    const int32_t *cancel;          /**< of fit's options; NULL: none. Who works long looks at it, or hands it on */
    int64_t timeout_ms;             /**< what fit has left, at least 1; 0: no limit */
};

/**
 * Called during training, on the thread that called fit. Any member may be NULL. listener.h has ready-made ones.
 * Anything but 0 stops training after the step or epoch; fit then returns DL4C_OK and the graph is as it is. During iteration_done the
 * graph is in training (its sessions answer DL4C_E_STATE); during the others sessions of it may run.
 */
struct dl4c_listener {
    size_t struct_size;
    void *user;
    /** After each step: score of the minibatch before the step, regularisation included; iteration and epoch count from 1. With several
     * workers once for all that did the step, with the mean of their scores weighted by rows, when the round is over. */
    int (*iteration_done)(void *user, int64_t iteration, int64_t epoch, double score);
    int (*epoch_start)(void *user, int64_t epoch);
    /** train_score: mean over the epoch's minibatches; the others are NaN without validation. */
    int (*epoch_end)(void *user, int64_t epoch, double train_score, double val_score, double val_accuracy);
    /**
     * All of the above with more to see, and it may fail: fit then ends with that failure, and the graph is as the last step left it.
     * Called after the others. While any listener has it, another thread that uses the graph during a call makes fit fail with
     * DL4C_E_STATE.
     */
    dl4c_status (*event)(void *user, struct dl4c_train_event *event, struct dl4c_error *err);
    void (*release)(void *user); /**< frees user: called by dl4c_listener_close, never by fit */
};
#define DL4C_LISTENER_INIT                                                                                                                 \
    {                                                                                                                                      \
        sizeof(struct dl4c_listener), 0, 0, 0, 0, 0, 0                                                                                     \
    }

/** Flags of struct dl4c_fit_options. */
enum {
    DL4C_FIT_KEEP_GRADIENT = 1, /**< for dl4c_trainer_gradient: a trainer stores gradients whole, which takes memory and time */
    DL4C_FIT_ANY_KERNELS = 2,   /**< resume: go on although the checkpoint was written under another kernel set; bits will differ */
    DL4C_FIT_AS_DL4J = 4,       /**< averaging as ParameterAveragingTrainingMaster does it, its defects too: docs/design/averaging.md */
    DL4C_FIT_GRADIENTS = 8      /**< workers take the mean of their gradients in each step, not of parameters: synchronous SGD */
};

/** Options of dl4c_fit and dl4c_trainer_create. Zero everywhere: all defaults. */
struct dl4c_fit_options {
    size_t struct_size;
    uint32_t epochs;         /**< 0: 20 */
    int32_t no_shuffle;      /**< 1: examples come in the source's order in every epoch */
    int64_t batch;           /**< per worker; 0: 32 */
    const char *updater;     /**< "nesterovs:lr=3e-4,momentum=0.9", "adam:lr=1e-3", "sgd:lr=0.1"; NULL: the graph's, else the first */
    const char *lr_schedule; /**< "step:decay=0.5,step=10,by=epoch", "exponential:gamma=0.9999"; NULL: as the updater says */
    double l1, l2;           /**< of weights of layers that say nothing themselves */
    uint64_t seed;           /**< of shuffling and dropout */
    const float *class_weights; /**< [n_class_weights], one for each class: what an example's loss is multiplied by; NULL: none */
    int32_t n_class_weights;
    int32_t balanced;        /**< 1: weights n / (classes * n of the class), as scikit-learn's "balanced"; reads the source once before */
    dl4c_source *validation; /**< scored after each epoch in inference mode, with the same weights of classes; NULL: none */
    uint32_t early_stopping; /**< epochs without a lower validation score before it stops; the best is kept in any case; 0: off */
    int32_t workers;         /**< 0 and 1: one trains alone; more: so many train copies and take the mean of their parameters */
    int32_t averaging_frequency; /**< minibatches of each worker between two means; 0: 5 */
    int32_t threads;             /**< in all, shared by the workers, at least one each; 0: the context's */
    const char *transport;       /**< NULL or "threads": workers are threads; a group's URL (transport.h): fit leads, and they join;
                                      "mpi": all ranks call fit */
    const char *run_dir;         /**< URI of a directory for the record of the run (see dl4c_fit); NULL: none */
    const char *command;         /**< what run.json says under "command": how a user would do it again; NULL: null */
    const struct dl4c_listener *listeners; /**< borrowed during the call */
    int32_t n_listeners;
    int32_t seed_zero; /**< 1: the seed is meant even where it is 0; else 0 is 42 */
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< DL4C_FIT_* or 0 */
    uint32_t validate_every; /**< epochs: the first and every so-many-th after it is validated; 0: 1 */
    int32_t no_save_updater; /**< 1: only parameters are averaged, and the updater begins each round as it was before the first */
    const char *checkpoint_dir;  /**< URI of a directory where fit keeps what it takes to go on (see dl4c_fit); NULL: none */
    int64_t checkpoint_every_ms; /**< between two checkpoints within an epoch; one is written after each epoch, too; 0: 60 000 */
    int32_t resume;              /**< 1: goes on from the checkpoint in checkpoint_dir; from the beginning where there is none yet */
    int32_t min_workers;         /**< over a transport: training goes on while so many are left or come back in time; 0: 1 */
    int64_t join_timeout_ms;     /**< for all workers to join, and for enough of them to come back; 0: 60 000 */
    int64_t worker_timeout_ms;   /**< a worker of which nothing is heard for so long is lost; 0: 10 000 */
    int64_t round_timeout_ms;    /**< a worker that has not trained its share of a round by then is left behind; 0: never */
    const char *replay;          /**< URI of a run_dir: each round has as many workers as that training had; NULL: workers. In threads */
    int32_t *rank;               /**< receives this process's rank where all of a group call fit ("mpi"), else 0; NULL: not wanted */
    int32_t prefetch;            /**< of several workers: minibatches of each that are read while those before are trained, in a thread of
                                      its own, which may call the source; bits are the same; 0: none */
    int32_t exchange;            /**< DL4C_EXCHANGE_* (transport.h) of what is averaged: of parameters, what they have moved by since the
                                      mean before, of gradients themselves. The updater's state is always exact */
};
#define DL4C_FIT_OPTIONS_INIT                                                                                                              \
    {                                                                                                                                      \
        sizeof(struct dl4c_fit_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,\
            0, 0, 0, 0, 0, 0, 0                                                                                                            \
    }

/**
 * Trains a graph on a source.
 *
 * With workers > 1 every worker trains a copy of the graph. In a round each step's rows, workers times batch of them, are shared out
 * evenly in the order the source gives them; after averaging_frequency steps, or where the epoch ends, parameters and the updater's state
 * become the mean over the workers, weighted by the rows each has seen since the last. The number of workers changes the bits, that of
 * threads does not.
 *
 * With a URL in transport fit trains nothing itself: it gathers the group there, waits for so many workers (dl4c_worker_run), gives each
 * the network and, round by round, its rows. A worker that is lost, or that joins, makes no other difference than that the round is begun
 * with those who are there: each example of an epoch is trained once, and bits follow from the number of workers in each round, which the
 * record names. With the same number of workers they are those of threads, where the kernel sets are the same: all workers use the best
 * that each of them has. With "mpi" all ranks call fit: rank 0 leads and trains a share, the others work as dl4c_worker_run does and leave
 * their graph as it was; workers is the number of ranks. DL4C_E_PEER: fewer than min_workers are left, and join_timeout_ms brought no
 * others. With the record's directory in replay, and graph, source and options as they were, fit does such a training again in threads, to
 * the same bits.
 *
 * The graph gets parameters of its own at the first step; graphs, sessions and tensors that share them see nothing. The same graph,
 * source, options and kernel set give the same bits, whatever the number of threads. On success the graph's info says in `training`
 * what was done. After a failure the graph is as the last whole step left it, and can be used.
 *
 * With @p options->run_dir the training is recorded in that directory, which is made where it is missing, through the file system of its
 * URI (which must know create and append). All numbers are JSON's, the same under every locale, and null stands for NaN:
 *
 *     run.json      one object, before the first step: "format" (1), "command", "time", "options", "seed", "versions", "cpu", "kernels",
 *                   "gemm", "threads", "epochs_before" and "iterations_before" (what the graph had been trained), "train" and "validation"
 *                   ("shape" of a row, "rows", "classes", "class_names"), "digests" ("model" before the training, "trunk", "train",
 *                   "validation")
 *     scores.jsonl  a line for each step: "time", "epoch", "round", "iteration", "worker", "examples", "score", "rate"
 *     epochs.jsonl  a line for each epoch: "time", "epoch", "round", "iteration", "examples", "train_score", "train_accuracy", "val_score",
 *                   "val_accuracy", "seconds", "labels", "label_dispersion"
 *     events.jsonl  "time", "kind", "epoch", "round", "iteration", "worker", "message"; the last kind is "end" where training was done
 *
 * With @p options->checkpoint_dir fit keeps what it takes to go on after the process was killed: checkpoint.safetensors, a model that
 * dl4c_model_load takes, with the updater's state and where the training stood, replaced as a whole after each epoch, every
 * checkpoint_every_ms and when fit is cancelled; beside it, with early stopping, best-EPOCH.safetensors. With resume and the graph, source
 * and options of the first time fit goes on from there and ends with the same bits as if nothing had happened; epochs and timeout_ms may be
 * others. The record in run_dir is cut back to what it was then and goes on, too. DL4C_E_STATE: the checkpoint is of another training, and
 * the message says what differs; or there is one, and resume is 0.
 *
 * "time" is in seconds since 1970 UTC, "rate" in examples a second, "round" counts parameter averagings and is null without them.
 * docs/reference/run-directory.md says the rest. Files grow by whole lines, at the latest a second after a step and at the end of each
 * epoch, and can be read meanwhile and after the process was killed; a reader leaves out a last line without its end. Where the record
 * cannot be written, the training fails: a record with holes would look like a whole one.
 *
 * @param graph    With one input and one output that has a loss.
 * @param source   With labels, and perhaps masks (dl4c_trainer_masks says what those do; not with several workers); its rows are the
 *                 graph's input. Where the model's file has images as [height, width, channels], they may
 *                 also come as [channels, height, width], as readers give them.
 * @param options  NULL: all defaults.
 * @retval DL4C_E_INVALID      the source's shape or classes do not fit; nothing to train; no loss; an attribute of the updater
 * @retval DL4C_E_NOTFOUND     no updater, schedule or loss is called so
 * @retval DL4C_E_UNSUPPORTED  several inputs, or several outputs with a loss; transport
 * @retval DL4C_E_DIVERGED     a feature, the score or a parameter is not finite; the message names the iteration
 * @retval DL4C_E_STATE        the graph runs or is trained in another call; run_dir holds a record already, and nothing was touched
 * @retval DL4C_E_IO           and what else run_dir's file system answers
 * @retval DL4C_E_CANCELLED, DL4C_E_TIMEOUT, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the source answers
 * Threads: one call per graph and source at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fit(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *options, struct dl4c_error *err);

/** Options of dl4c_worker_run. Zero everywhere: all defaults. */
struct dl4c_worker_options {
    size_t struct_size;
    int32_t threads;           /**< 0: the context's */
    int32_t reserved;          /**< 0 */
    int64_t join_timeout_ms;   /**< for a leader to be there, at the beginning and after it was lost; 0: 60 000 */
    int64_t worker_timeout_ms; /**< a leader of which nothing is heard for so long is lost; 0: 10 000 */
    const int32_t *cancel;     /**< see dl4c_cancel_set: the worker leaves, and the others go on without it */
    const char *features;      /**< URI of a copy of the features store that is trained on; NULL: where the leader has it */
};
#define DL4C_WORKER_OPTIONS_INIT { sizeof(struct dl4c_worker_options), 0, 0, 0, 0, 0, 0 }

/**
 * Works in a training that another process or thread leads (dl4c_fit with the same URL in transport), until that is over. Network, settings
 * and rows come from the leader; where the worker can open the store that is trained on, it reads its rows there and is only told which.
 * Rows that are not the leader's to the bit are not trained: the leader then sends them. A leader that is lost is waited for: one that
 * goes on from a checkpoint is joined again.
 * @param ctx  Its memory limit and threads are the worker's.
 * @retval DL4C_E_PEER       no leader was there, or came back, in join_timeout_ms
 * @retval DL4C_E_STATE      the training failed; the message says how
 * @retval DL4C_E_CANCELLED  by options->cancel
 * @retval DL4C_E_CORRUPT    the leader sent what cannot be
 * @retval DL4C_E_DENIED, DL4C_E_VERSION, DL4C_E_UNSUPPORTED, DL4C_E_INVALID  as dl4c_group_join
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_worker_run(dl4c_context *ctx, const char *url, const struct dl4c_worker_options *options, struct dl4c_error *err);


/** The parts of fit, for loops of one's own. One thread at a time; the graph is in training during the calls only. */
typedef struct dl4c_trainer dl4c_trainer;

/**
 * Makes a trainer.
 * @param options  Uses batch, updater, lr_schedule, l1, l2, seed, class_weights, threads and flags; balanced and run_dir are fit's alone.
 * @param t        Receives the trainer, which keeps the graph alive; NULL on failure.
 * @retval DL4C_E_INVALID, DL4C_E_NOTFOUND, DL4C_E_UNSUPPORTED, DL4C_E_STATE as for dl4c_fit; where the graph leaves the shape of its
 *         input open, some of them come with the first step
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_trainer_create(dl4c_graph *graph, const struct dl4c_fit_options *options, dl4c_trainer **t,
                                         struct dl4c_error *err);
/** Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_trainer_destroy(dl4c_trainer **t);
/**
 * One step on one minibatch. Allocates nothing after the first.
 * @param x      f32 [n, ...], n at most the batch of the options; used in place where contiguous. Where heights and widths may vary, a
 *               step whose rows have another shape than those before it plans anew, and allocates for that.
 * @param y      [n] i64 class indices, or f32 [n, k] targets. Where the output of the loss is [k, ...], pixels or times, each has a loss:
 *               i64 [n, ...] or f32 [n, k, ...]; the score of a row is their sum.
 * @param score  Receives the score before the step: mean loss plus regularisation; may be NULL.
 * @retval DL4C_E_INVALID   a shape or type does not fit; a label is outside the classes
 * @retval DL4C_E_DIVERGED  a feature or the score is not finite (nothing was changed), or a parameter is not after the step
 * @retval DL4C_E_STATE     the graph runs or is trained in another call
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_trainer_step(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err);
/**
 * Masks of the minibatches of all calls that follow, until others are set: they are 0 for what is only there to fill up.
 * Times of the input that are masked are skipped by simple_rnn and global_pool; as in Deeplearning4j, lstm and graves_lstm run over them.
 * A loss that is masked counts neither in the score nor in the gradient; both are divided by all rows nevertheless.
 * @param x_mask  f32 [n, time] for x of [n, features, time], contiguous, kept by a reference; NULL: none.
 * @param y_mask  f32, contiguous, kept by a reference: [n] or [n, 1], a value for each row; [n, ...] for each pixel or time of the output;
 *                as y for each target. NULL: none.
 * @retval DL4C_E_INVALID  not f32 or not contiguous; whether shape and values fit, the next step says
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_trainer_masks(dl4c_trainer *t, dl4c_tensor *x_mask, dl4c_tensor *y_mask, struct dl4c_error *err);
/** The score of a minibatch in inference mode, regularisation included; nothing is changed. Fails as a step. Since: 0.1. */
DL4C_API dl4c_status dl4c_trainer_score(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err);
/** Raises the epoch that schedules by epoch see. Since: 0.1. */
DL4C_API void dl4c_trainer_next_epoch(dl4c_trainer *t);
/** Steps made with the graph so far. Since: 0.1. */
DL4C_API int64_t dl4c_trainer_iteration(const dl4c_trainer *t);
/**
 * Trainable parameters as a flat read-only f32 tensor in Deeplearning4j's order; one reference for the caller. Its values stay as they
 * are: a step after it works on a copy, and allocates for that.
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_trainer_params(dl4c_trainer *t, dl4c_tensor **params, struct dl4c_error *err);
/** The updater's state, block after block; the same promises. Empty where the updater has none. Since: 0.1. */
DL4C_API dl4c_status dl4c_trainer_updater_state(dl4c_trainer *t, dl4c_tensor **state, struct dl4c_error *err);
/**
 * The gradient of the last step: sums over the minibatch, without regularisation; a copy. Zeros before the first.
 * @retval DL4C_E_STATE  the trainer was made without DL4C_FIT_KEEP_GRADIENT
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_trainer_gradient(dl4c_trainer *t, dl4c_tensor **gradient, struct dl4c_error *err);

/** Options of dl4c_evaluate. Zero everywhere: all defaults. */
struct dl4c_evaluate_options {
    size_t struct_size;
    int64_t batch;   /**< 0: 64 */
    int32_t top_n;   /**< 0: 1 */
    int32_t threads; /**< 0: the context's */
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    /** Called for each example that was not recognised; NULL: none. `index` as in dl4c_batch, else counted from 0. */
    void (*mistake)(void *user, int64_t index, int64_t actual, int64_t predicted, double probability);
    void *mistake_user;
    uint64_t flags; /**< must be 0 */
    /** Each is given every row, of labels as ones and zeros or of the source's targets; as many columns as the output has values. */
    dl4c_measure *const *measures;
    int32_t n_measures;
    int32_t precision; /**< DL4C_PRECISION_* of the session that answers */
};
#define DL4C_EVALUATE_OPTIONS_INIT                                                                                                         \
    {                                                                                                                                      \
        sizeof(struct dl4c_evaluate_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                                        \
    }

/**
 * Runs a classifier over a source and counts. The output with a loss, else the first, gives a probability for each class, or one value
 * that is the probability of the second of two. The classes' names are the graph's, else the source's, else numbers. Rows as for dl4c_fit.
 * Where the output is [k, ...], pixels or times, each is counted as a row. What the source masks is left out.
 * @param options     NULL: all defaults.
 * @param evaluation  Receives the counts, which the caller destroys; NULL on failure. May be NULL where options name measures: then
 *                    targets need not be classes.
 * @retval DL4C_E_INVALID   the source's shape or classes do not fit, it has no labels, or a measure has other columns than the output
 * @retval DL4C_E_STATE     the graph is being trained
 * @retval DL4C_E_DIVERGED  a probability is NaN
 * @retval DL4C_E_CANCELLED, DL4C_E_TIMEOUT, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the source answers
 * Threads: safe for the graph, one call per source at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluate(dl4c_graph *graph, dl4c_source *source, const struct dl4c_evaluate_options *options,
                                   dl4c_evaluation **evaluation, struct dl4c_error *err);

DL4C_END
#endif
