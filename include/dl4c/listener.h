/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Ready-made listeners for dl4c_fit: score, performance, time left, evaluation, checkpoints.
 *
 *     struct dl4c_listener l = DL4C_LISTENER_INIT;
 *     if (dl4c_listener_checkpoint(NULL, "checkpoints", NULL, &l, &err)) goto done;
 *     fit.listeners = &l; fit.n_listeners = 1;
 *     ...
 *     dl4c_listener_close(&l);
 *
 * A listener belongs to the caller, serves one call of fit at a time and any number of them in turn, and is closed when the last has
 * come back. Several stand beside each other in one array. The library prints nothing: lines go to a callback, or to the context's log
 * at DL4C_LOG_INFO, which is silent unless the context was made otherwise. The lines are those of Deeplearning4j, which counts
 * iterations from 0; everything else here counts from 1.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_LISTENER_H
#define DL4C_LISTENER_H

#include <dl4c/train.h>

DL4C_BEGIN

/** Frees what a listener of this header holds and takes its members away. Takes NULL, and a listener that holds nothing. Since: 0.1. */
DL4C_API void dl4c_listener_close(struct dl4c_listener *l);

/** Options of the listeners that write lines. Zero everywhere: all defaults. */
struct dl4c_line_options {
    size_t struct_size;
    int64_t every;   /**< iterations; 0: 10 */
    dl4c_log_fn log; /**< gets the lines with level DL4C_LOG_INFO and origin "train"; NULL: the context's log */
    void *log_user;
    int32_t score; /**< 1: a line of performance ends with the score */
    int32_t reserved;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_LINE_OPTIONS_INIT                                                                                                             \
    {                                                                                                                                      \
        sizeof(struct dl4c_line_options), 0, 0, 0, 0, 0, 0                                                                                 \
    }

/**
 * "Score at iteration 20 is 0.6931471805599453": ScoreIterationListener.
 * @param options  NULL: all defaults.
 * @param l        Made with DL4C_LISTENER_INIT; filled. Untouched on failure.
 * @retval DL4C_E_INVALID  every is negative
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_listener_score(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                         struct dl4c_error *err);
/**
 * "ETL: 0 ms; iteration 20; iteration time: 12 ms; samples/sec: 2666.667; batches/sec: 83.333; ": PerformanceListener. ETL is how long
 * the source took; the time of an iteration ends with its event and begins with the one before. Arguments and failures as above.
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_listener_performance(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                               struct dl4c_error *err);
/**
 * "Remaining time : 3mn - End expected : 2030-01-31T12:34:56Z": TimeIterationListener, with the end in UTC. Silent while nobody knows how
 * many rows there are. Arguments and failures as above. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_listener_time(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                        struct dl4c_error *err);

/** Options of dl4c_listener_evaluative. Zero everywhere: all defaults. */
struct dl4c_evaluative_options {
    size_t struct_size;
    int32_t when;  /**< DL4C_TRAIN_*; 0: DL4C_TRAIN_EPOCH_END */
    int32_t top_n; /**< 0: 1 */
    int64_t every; /**< of those: epochs or iterations; 0: 1 */
    int64_t batch; /**< 0: 64 */
    int32_t threads; /**< 0: the context's */
    int32_t reserved;
    /** Gets each evaluation, borrowed during the call; anything but 0 stops training. NULL: its text goes to log. */
    int (*done)(void *user, int64_t iteration, int64_t epoch, const dl4c_evaluation *evaluation);
    void *done_user;
    dl4c_log_fn log; /**< as in dl4c_line_options, but a message may have many lines */
    void *log_user;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_EVALUATIVE_OPTIONS_INIT                                                                                                       \
    {                                                                                                                                      \
        sizeof(struct dl4c_evaluative_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                                            \
    }
/**
 * Evaluates the graph on a source while it is trained: EvaluativeListener. A failure of the evaluation is one of fit, whose cancel flag and
 * time limit hold for it too.
 * @param source   Borrowed until the listener is closed; not the one that is trained on.
 * @param options  NULL: all defaults.
 * @param l        As above.
 * @retval DL4C_E_INVALID  an unknown `when`, or a negative number
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_listener_evaluative(dl4c_context *ctx, dl4c_source *source, const struct dl4c_evaluative_options *options,
                                              struct dl4c_listener *l, struct dl4c_error *err);

/** Options of dl4c_listener_checkpoint. Zero everywhere: after every epoch, all kept. Several of the first three may be set. */
struct dl4c_checkpoint_options {
    size_t struct_size;
    int64_t every_epochs;     /**< after each epoch that this divides */
    int64_t every_iterations; /**< after each iteration that this divides */
    int64_t every_ms;         /**< after the first iteration for which so much time has passed since the last save for this reason */
    int32_t since_last;       /**< 1: iterations and time count from the last save, whatever its reason */
    int32_t keep_last;        /**< 0: all; else all but the last so many are removed ... */
    int32_t keep_every;       /**< ... and, if not 0, every so-many-th is kept too */
    int32_t delete_existing;  /**< 1: checkpoints in the directory are removed first; else they are DL4C_E_STATE */
    uint64_t flags;           /**< must be 0 */
};
#define DL4C_CHECKPOINT_OPTIONS_INIT                                                                                                       \
    {                                                                                                                                      \
        sizeof(struct dl4c_checkpoint_options), 0, 0, 0, 0, 0, 0, 0, 0                                                                     \
    }
/**
 * Saves the graph with its updater's state while it is trained: CheckpointListener.
 *
 * The directory gets checkpoint_0_ComputationGraph.zip, checkpoint_1_ComputationGraph.zip ... (MultiLayerNetwork where the graph is one)
 * and checkpointInfo.txt with a line for each: checkpointNum, timestamp in ms since 1970, iteration, epoch, modelType, filename. Each file
 * appears whole or not at all, the line after its file, and old files go last: whatever stops the process, the last line names a model
 * that can be loaded. Iteration and epoch are the counts in the file. A save that fails is a failure of fit.
 * @param dir      URI of a directory; made where it is missing.
 * @param options  NULL: all defaults.
 * @param l        As above.
 * @retval DL4C_E_INVALID  a negative number, or keep_every without keep_last
 * @retval DL4C_E_STATE    the directory holds a checkpointInfo.txt already; nothing was touched
 * @retval DL4C_E_IO, DL4C_E_NOMEM, DL4C_E_LIMIT and what else the file system answers
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_listener_checkpoint(dl4c_context *ctx, const char *dir, const struct dl4c_checkpoint_options *options,
                                              struct dl4c_listener *l, struct dl4c_error *err);
/**
 * The URI of the newest checkpoint of a directory whose file is there, as checkpointInfo.txt names it, ours or Deeplearning4j's.
 * @param uri  Freed by dl4c_free; NULL on failure.
 * @retval DL4C_E_NOTFOUND  no checkpointInfo.txt, or none of its files is there
 * @retval DL4C_E_CORRUPT   a line is not one of a checkpoint; the message says which
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_checkpoint_last(dl4c_context *ctx, const char *dir, char **uri, struct dl4c_error *err);

DL4C_END
#endif
