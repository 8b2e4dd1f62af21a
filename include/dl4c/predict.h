/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The classes of images, a line each, into a file on any file system or to the caller.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_PREDICT_H
#define DL4C_PREDICT_H

#include <dl4c/reader.h>

DL4C_BEGIN

/** How an image's line looks; values never change. */
enum {
    /** A JSON object: path, top [{class, index, probability}] with the likeliest first, error (null, or why there is no answer). */
    DL4C_PREDICT_JSONL = 0,
    /** path, then class, index and probability for each of the top, then error; quoted as RFC 4180 says; no heading. */
    DL4C_PREDICT_CSV = 1
};

enum {
    DL4C_PREDICT_LOW_MEMORY = 1, /**< DL4C_SESSION_LOW_MEMORY */
    /** Goes on where an earlier call with the same work ended, however that was. Where OUT is there already and was made by the same work
     * nothing is done; by other work it is DL4C_E_EXISTS. */
    DL4C_PREDICT_RESUME = 2
};

/** Takes lines in the order of the images, whole ones. Anything but 0 ends the call (DL4C_E_CANCELLED). */
typedef int (*dl4c_predict_fn)(void *user, const char *text, size_t size);

/** Options of dl4c_predict. Zero everywhere: all defaults. */
struct dl4c_predict_options {
    size_t struct_size;
    int64_t top;        /**< classes an image; 0: 1; those that there are at most */
    int64_t batch;      /**< images at once; 0: 16 */
    int64_t shard_size; /**< images that are done again at most after an interruption; 0: 1024 */
    int32_t format;     /**< DL4C_PREDICT_JSONL or _CSV */
    int32_t threads;    /**< 0: the context's */
    int32_t precision;  /**< DL4C_PRECISION_* */
    int32_t part;       /**< which part of n_parts this call does, from 1 */
    int32_t n_parts;    /**< parts that the images are dealt out to, one a process, on any machines; 0: 1 */
    int32_t reserved;   /**< must be 0 */
    dl4c_predict_fn write; /**< gets the lines where out is NULL */
    void *write_user;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< DL4C_PREDICT_* */
};
#define DL4C_PREDICT_OPTIONS_INIT { sizeof(struct dl4c_predict_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Runs every image of a reader once through a graph that takes images and gives one probability a class. Lines follow the list or the
 * sorted paths; the same work gives the same bytes, whatever the batch, the threads or the number of parts. Classes are called as the
 * graph's info says, else by their index; of equal probabilities the lower index comes first.
 * @param out  A path or URI of a file, which appears when all images are done, replacing one that is there; NULL: options->write gets the
 *             lines. More images than a shard, and parts, lie in OUT.parts until then, which a failure leaves for DL4C_PREDICT_RESUME.
 *             "_NAME.work.json" beside it records what it was made with.
 * @retval DL4C_E_INVALID   no image has an answer; the images do not fit the graph; resuming: OUT.parts is of other work
 * @retval DL4C_E_EXISTS    resuming: OUT is there and is of other work, which the message names, or nobody knows of what
 * @retval DL4C_E_BUSY      another process, which the message names, works on the same part
 * @retval DL4C_E_STATE     another process took the part over, because this one gave no sign of life for half a minute
 * @retval DL4C_E_CANCELLED, DL4C_E_TIMEOUT, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the reader and the file system answer
 * Threads: one call per reader at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_predict(dl4c_graph *graph, dl4c_reader *images, const char *out, const struct dl4c_predict_options *options,
                                  struct dl4c_error *err);

DL4C_END
#endif
