/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * What fit, evaluate and featurize take: batches of examples, from tensors in memory, a features store, an image reader or the host.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_SOURCE_H
#define DL4C_SOURCE_H

#include <dl4c/tensor.h>

DL4C_BEGIN

/** A sequence of batches that can be begun again. One thread at a time. */
typedef struct dl4c_source dl4c_source;

/** One batch. Everything is borrowed until the next call on the source. */
struct dl4c_batch {
    size_t struct_size;
    int64_t n;             /**< rows; the last batch of an epoch may be short; 0: the epoch is over */
    const float *x;        /**< [n, ...] contiguous, in the source's shape */
    const int64_t *labels; /**< [n] class indices, each below n_classes; NULL where y is given or there are none */
    const float *y;        /**< [n, n_classes] targets, one-hot or not; NULL where labels are given */
    const int64_t *index;  /**< [n] which example of the source each row is, 0-based in its unshuffled order; NULL: not known */
    /** [n, time] of rows [features, time]: 1 where a row has a value, 0 where it is filled up; NULL: all 1. */
    const float *x_mask;
    /** [n, y_mask_values] of ones and zeros: which losses count. A value for a row, each pixel or time, or each target; NULL: all. */
    const float *y_mask;
    int64_t y_mask_values; /**< 0 where y_mask is NULL */
};
#define DL4C_BATCH_INIT                                                                                                                    \
    {                                                                                                                                      \
        sizeof(struct dl4c_batch), 0, 0, 0, 0, 0, 0, 0, 0                                                                                  \
    }

/** What a source gives. */
struct dl4c_source_info {
    size_t struct_size;
    int32_t rank;                 /**< of a row: 1 to 7, the batch axis left out */
    int32_t n_classes;            /**< or the length of the targets; 0: no labels */
    int64_t shape[DL4C_MAX_RANK]; /**< of a row */
    int64_t rows;                 /**< examples of an epoch; -1: not known */
    const char *const *classes;   /**< n_classes names in index order; NULL: not known */
    const char *digest;           /**< equal for equal examples; of a store the SHA-256 of its manifest.json, hex; NULL: not known */
    const char *store;            /**< URI of a features store that has these examples, each under its index; NULL: there is none */
};
#define DL4C_SOURCE_INFO_INIT                                                                                                              \
    {                                                                                                                                      \
        sizeof(struct dl4c_source_info), 0, 0, { 0 }, 0, 0, 0                                                                              \
    }

/**
 * A source of the host's own. Its members are called on the thread inside the library call that uses the source, one at a time.
 * A member that fails fills *err, whose message then reaches the caller; the rest of the epoch is not asked for.
 */
struct dl4c_source_ops {
    size_t struct_size;
    /** Fills *info; text and arrays stay valid while the source lives, and the answer stays the same. */
    dl4c_status (*info)(void *user, struct dl4c_source_info *info, struct dl4c_error *err);
    /** Begins an epoch: the order depends on (seed, epoch) alone; shuffle 0: the source's own order. */
    dl4c_status (*reset)(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err);
    /** The next batch of at most max_rows rows; batch->n = 0 at the end of the epoch. *batch is zero but for struct_size. */
    dl4c_status (*next)(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err);
    /** Optional: the name of example i (a path), borrowed until the next call; NULL: none. */
    const char *(*name)(void *user, int64_t i);
};

/**
 * Makes a source of the host's callbacks. The table is copied.
 * @param release  Runs once with @p user, when the source is destroyed, or at once if this fails; may be NULL.
 * @param source   Receives the source; NULL on failure.
 * @retval DL4C_E_INVALID  info, reset or next is missing
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_create(dl4c_context *ctx, const struct dl4c_source_ops *ops, void *user, void (*release)(void *user),
                                        dl4c_source **source, struct dl4c_error *err);
/**
 * A source over tensors, of which it keeps references. Batches in the source's own order are the tensor's memory where that is
 * contiguous f32; shuffled rows are copied.
 * @param x       [n, ...], at least one row; element types other than f32 and strides are converted into a copy.
 * @param labels  [n] class indices of an integer type, or [n, k] float targets, or [n, k, ...] of every pixel or time; NULL: none.
 * @param n_classes  For indices; 0: the largest plus one. For targets 0 or how many a row has.
 * @retval DL4C_E_INVALID   the shapes do not fit; a label is outside the classes, and the message names its row
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_tensors(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_source **source,
                                         struct dl4c_error *err);
/**
 * The same with masks, of which it keeps references, too.
 * @param x_mask  [n, time] for x of [n, features, time]; NULL: none.
 * @param y_mask  [n], or [n, ...] with as many values for each row as struct dl4c_batch says; NULL: none.
 * Errors and threads as dl4c_source_tensors. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_masked(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_tensor *x_mask,
                                        dl4c_tensor *y_mask, dl4c_source **source, struct dl4c_error *err);
/** Gives up a source. Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_source_destroy(dl4c_source **source);

/** What the source gives; text and arrays are borrowed. DL4C_E_INVALID: a host's source answered nonsense. Since: 0.1. */
DL4C_API dl4c_status dl4c_source_get_info(dl4c_source *source, struct dl4c_source_info *info, struct dl4c_error *err);
/**
 * Begins an epoch.
 * @param shuffle  1: in an order that depends on @p seed and @p epoch alone; 0: in the source's own.
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_reset(dl4c_source *source, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err);
/**
 * The next batch.
 * @param max_rows  At least 1.
 * @param batch     Filled; n is 0 when the epoch is over. Borrowed until the next call on the source.
 * @retval DL4C_E_STATE    no epoch was begun, or the last call failed
 * @retval DL4C_E_INVALID  a label is outside the classes, or a host's source answered nonsense
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_next(dl4c_source *source, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err);
/** The name of an example by its index in unshuffled order, borrowed until the next call; NULL where examples have none. Since: 0.1. */
DL4C_API const char *dl4c_source_name(dl4c_source *source, int64_t i);

/**
 * The arrays of a file that Deeplearning4j's DataSet.save or MultiDataSet.save wrote: f32, contiguous, in the order features, labels,
 * masks of features, masks of labels. Absent masks of a MultiDataSet are NULL.
 */
struct dl4c_dataset {
    size_t struct_size;
    int32_t n_features, n_labels, n_feature_masks, n_label_masks;
    dl4c_tensor **arrays; /**< the sum of the four; the struct's own after dl4c_dataset_load */
};
#define DL4C_DATASET_INIT { sizeof(struct dl4c_dataset), 0, 0, 0, 0, 0 }

/**
 * Reads such a file, of Deeplearning4j 0.5 to 1.0.0-M2.1; which of the two it is, its first byte says. Values become f32. Memory: the
 * file's size, and at most as much again for the arrays.
 * @param dataset  Set to DL4C_DATASET_INIT by the caller; filled, and cleared by dl4c_dataset_clear. Empty on failure.
 * @retval DL4C_E_CORRUPT      not such a file, or cut off
 * @retval DL4C_E_UNSUPPORTED  a rank above 8, or an element type other than FLOAT, DOUBLE, INT and LONG
 * @retval DL4C_E_NOTFOUND, DL4C_E_IO, DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_dataset_load(dl4c_context *ctx, const char *uri, struct dl4c_dataset *dataset, struct dl4c_error *err);
/** Gives the arrays back. Takes NULL. Since: 0.1. */
DL4C_API void dl4c_dataset_clear(struct dl4c_dataset *dataset);
/**
 * Writes such a file; what Deeplearning4j reads.
 * @param dataset  Borrowed; arrays of any element type. Only masks of a MultiDataSet may be NULL.
 * @param multi    1: a MultiDataSet; 0: a DataSet, with at most one array of each kind.
 * @retval DL4C_E_INVALID  arrays missing or too many
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_dataset_save(dl4c_context *ctx, const struct dl4c_dataset *dataset, int32_t multi, const char *uri,
                                       struct dl4c_error *err);
/**
 * Such a file of one array of features, at most one of labels, [n, k] or [n, k, ...], and their masks as a source.
 * @retval DL4C_E_UNSUPPORTED  more arrays
 * Errors also as dl4c_dataset_load and dl4c_source_masked. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_source_dataset(dl4c_context *ctx, const char *uri, dl4c_source **source, struct dl4c_error *err);

DL4C_END
#endif
