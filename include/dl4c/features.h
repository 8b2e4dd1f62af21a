/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The features store, and pushing every image once through a frozen trunk to fill it.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_FEATURES_H
#define DL4C_FEATURES_H

#include <dl4c/reader.h>

DL4C_BEGIN

/** An opened store: a folder of shards features-00000.safetensors with manifest.json. What dl4c_featurize made has bad.jsonl and
 * _SUCCESS too. */
typedef struct dl4c_features dl4c_features;

/** How a feature map becomes one number; values never change. */
enum { DL4C_POOL_NONE = 0, DL4C_POOL_AVG = 1, DL4C_POOL_MAX = 2 };

/** Flags of dl4c_featurize. Since: 0.1. */
enum {
    DL4C_FEATURIZE_LOW_MEMORY = 1, /**< DL4C_SESSION_LOW_MEMORY for the trunk; the store says so, for last bits may differ */
    /** Goes on where an earlier call ended, however that was: shards that are whole, by their digests, are not made again. A store that is
     * finished is read and stays. */
    DL4C_FEATURIZE_RESUME = 2
};

/** Options of dl4c_featurize. Zero everywhere: all defaults. */
struct dl4c_featurize_options {
    size_t struct_size;
    const char *const *at; /**< vertices; NULL: the trunk's outputs. Several: one store each under OUT/VERTEX/ ('/' becomes '_') */
    int32_t n_at;
    int32_t pool;       /**< DL4C_POOL_*: over space, of each feature map */
    int64_t batch;      /**< 0: 16 */
    int64_t shard_size; /**< images a shard; 0: 1024 */
    int32_t threads;    /**< 0: the context's */
    int32_t overwrite;  /**< 1: an existing store is replaced; else it is DL4C_E_EXISTS */
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< DL4C_FEATURIZE_* */
    int32_t precision; /**< DL4C_PRECISION_* of the trunk's session; another than f32 is recorded in the store as "precision" */
    int32_t part;      /**< which part of n_parts this call does, from 1 */
    int32_t n_parts;   /**< parts that the shards are dealt out to, one a process, on any machines; 0: 1 */
    int32_t reserved;  /**< must be 0 */
};
#define DL4C_FEATURIZE_OPTIONS_INIT { sizeof(struct dl4c_featurize_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Runs every image of a reader once through a graph and stores what comes out at one or several vertices. Rows follow the list or the
 * sorted paths; the same work gives the same bytes, whatever the batch, the threads or the machine's load.
 * @param out  A path or URI of a directory; made where missing.
 * A failure leaves the shards finished so far, without manifest.json and _SUCCESS, and OUT/_progress, which knows them: a call with
 * DL4C_FEATURIZE_RESUME goes on. What comes out is the same to the byte as from a call that was never interrupted.
 *
 * With n_parts each call makes every n_parts-th shard of the same store; whoever finds all shards whole writes manifest.json and _SUCCESS
 * (the other calls return DL4C_OK without). Rows of two shards are in memory while one of them is being written.
 * @retval DL4C_E_EXISTS   a store is there, and overwrite is 0; resuming: a finished store of other work is there
 * @retval DL4C_E_BUSY     another process, which the message names, works on the same part of the same store
 * @retval DL4C_E_STATE    another process took the part over, because this one gave no sign of life for half a minute
 * @retval DL4C_E_INVALID  no image could be used; two vertices would share a folder; the images do not fit the trunk; resuming: the store
 *                         was begun with another model, images or settings
 * @retval DL4C_E_NOTFOUND no vertex is called so
 * @retval DL4C_E_CANCELLED, DL4C_E_TIMEOUT, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the reader and the file system answer
 * Threads: one call per reader at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_featurize(dl4c_graph *trunk, dl4c_reader *images, const char *out, const struct dl4c_featurize_options *options,
                                    struct dl4c_error *err);

/** Options of dl4c_features_open. Zero everywhere: all defaults. */
struct dl4c_features_options {
    size_t struct_size;
    int32_t verify; /**< 1: check the digest of every shard */
    int32_t reserved;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_FEATURES_OPTIONS_INIT { sizeof(struct dl4c_features_options), 0, 0, 0 }

/**
 * Opens a store, mapped where the file system can. manifest.json, which dl4c_featurize writes when all shards are whole, makes a folder a
 * store: one made by other means needs no _SUCCESS.
 * @param f  Receives the store, which the caller closes; NULL on failure.
 * @retval DL4C_E_NOTFOUND  no such folder, or a shard of the manifest is missing
 * @retval DL4C_E_STATE     the folder has no manifest.json: it is no store, or was never finished
 * @retval DL4C_E_CORRUPT   the manifest or a shard, which the message names, is not what the format promises; a label outside the classes
 * @retval DL4C_E_INVALID   there are no rows
 * @retval DL4C_E_UNSUPPORTED, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the file system answers
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_features_open(dl4c_context *ctx, const char *uri, const struct dl4c_features_options *options, dl4c_features **f,
                                        struct dl4c_error *err);
/** Closes a store and writes NULL. Takes NULL. Tensors over its shards stay good. Since: 0.1. */
DL4C_API void dl4c_features_close(dl4c_features **f);
/** Borrowed; lives as long as the store. */
DL4C_API dl4c_source *dl4c_features_source(dl4c_features *f);
/** Rows in all, one for each image that could be read. Since: 0.1. */
DL4C_API int64_t dl4c_features_rows(const dl4c_features *f);
/** Shape of a row. */
DL4C_API int32_t dl4c_features_shape(const dl4c_features *f, int64_t shape[DL4C_MAX_RANK]);
/** Number of classes, 0 where images had none. Since: 0.1. */
DL4C_API int32_t dl4c_features_class_count(const dl4c_features *f);
/** Name of class @p i, NULL outside; borrowed. Since: 0.1. */
DL4C_API const char *dl4c_features_class(const dl4c_features *f, int32_t i);
/** Path and label of row i; borrowed. */
DL4C_API const char *dl4c_features_path(const dl4c_features *f, int64_t i);
/** Class of row @p i, -1 where it has none or outside. Since: 0.1. */
DL4C_API int64_t dl4c_features_label(const dl4c_features *f, int64_t i);
/** Number of shards. Since: 0.1. */
DL4C_API int32_t dl4c_features_shard_count(const dl4c_features *f);
/** Shard @p k as a read-only tensor [rows of the shard, ...], a copy that outlives the store; one reference for the caller. Since: 0.1. */
DL4C_API dl4c_status dl4c_features_shard(dl4c_features *f, int32_t k, dl4c_tensor **t, struct dl4c_error *err);
/** What the store records: model's digest, vertex, preprocessing, size, pooling, kernel set, by key; NULL: not recorded. Borrowed. */
DL4C_API const char *dl4c_features_metadata(const dl4c_features *f, const char *key);

/** Options of dl4c_head_softmax. Zero everywhere: all defaults. */
struct dl4c_head_options {
    size_t struct_size;
    const char *weight_init; /**< NULL: "xavier" */
    double dropout;          /**< probability to retain an element of the input; 0: off */
    double l1, l2;
    uint64_t seed;
    uint64_t flags; /**< 1: the seed is meant even where it is 0; else 0 is 42 */
};
#define DL4C_HEAD_OPTIONS_INIT { sizeof(struct dl4c_head_options), 0, 0, 0, 0, 0, 0 }
/** A new prediction layer for a store: [flatten ->] softmax output with negative log likelihood, called "predictions"; it remembers the
 * store's classes, preprocessing, size, pooling, vertex and trunk digest. */
DL4C_API dl4c_status dl4c_head_softmax(dl4c_features *f, const struct dl4c_head_options *options, dl4c_graph **head,
                                       struct dl4c_error *err);
/** Checks that a head of one's own fits a store (one input of its shape, as many outputs as classes) and makes it remember the same.
 * DL4C_E_INVALID names both shapes. */
DL4C_API dl4c_status dl4c_head_for(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err);

/**
 * Whether a head may take a store's features, as far as both record where theirs come from: vertex, pooling, preprocessing, image size and
 * the network itself. Shapes alone do not tell: two layers of one width have the same.
 * @retval DL4C_E_INVALID  they contradict each other; the message names both
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_features_check(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err);

DL4C_END
#endif
