/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Normalizers of features and labels, as Deeplearning4j's DataNormalization has them, and its normalizer.bin.
 *
 * Rows are [n, features]; images [n, channels, height, width] are normalised channel by channel. Tensors are f32, contiguous and changed in
 * place.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_NORMALIZER_H
#define DL4C_NORMALIZER_H

#include <dl4c/tensor.h>

DL4C_BEGIN

/** What was learnt of the data, and how to use it. */
typedef struct dl4c_normalizer dl4c_normalizer;

/**
 * Makes a normalizer from its text form.
 *
 * "standardize" (mean 0, standard deviation 1; labels=1: the labels too), "min_max" (min=0, max=1: the target range; labels=1),
 * "image_scaler" (min=0, max=1, pixel=255: from 0 ... pixel to min ... max), "vgg16" (the means of ImageNet, blue first, are subtracted).
 * The first two must be fitted before use.
 *
 * @param ctx   NULL: the default context
 * @param spec  borrowed
 * @param n     receives what the caller destroys; NULL on failure
 * @param err   may be NULL
 * @retval DL4C_E_INVALID  no such normalizer, or an argument out of range
 */
DL4C_API dl4c_status dl4c_normalizer_create(dl4c_context *ctx, const char *spec, dl4c_normalizer **n, struct dl4c_error *err);
/** Destroys it and writes NULL; NULL and a pointer to NULL are allowed. */
DL4C_API void dl4c_normalizer_destroy(dl4c_normalizer **n);

/**
 * Learns from all rows at once, in double and in index order; forgets what it knew. Those that learn nothing do nothing.
 *
 * @param n         the normalizer
 * @param features  borrowed
 * @param labels    borrowed; wanted with labels=1, else may be NULL
 * @param err       may be NULL
 * @retval DL4C_E_INVALID  no rows, or a tensor of another form than wanted
 */
DL4C_API dl4c_status dl4c_normalizer_fit(dl4c_normalizer *n, const dl4c_tensor *features, const dl4c_tensor *labels,
                                         struct dl4c_error *err);

/**
 * Normalises features in place. A feature that never changed is only shifted.
 *
 * @param n         the normalizer
 * @param features  changed
 * @param err       may be NULL
 * @retval DL4C_E_STATE    not fitted
 * @retval DL4C_E_INVALID  another number of features or channels than it was fitted on
 */
DL4C_API dl4c_status dl4c_normalizer_apply(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err);
/** Undoes dl4c_normalizer_apply, up to rounding. */
DL4C_API dl4c_status dl4c_normalizer_revert(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err);
/** Normalises labels in place where they were fitted; else nothing happens. */
DL4C_API dl4c_status dl4c_normalizer_apply_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err);
/** Undoes dl4c_normalizer_apply_labels. */
DL4C_API dl4c_status dl4c_normalizer_revert_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err);

/** Means of the features, or their minima: @p count numbers that live as long as the normalizer and are valid until the next fit. NULL
 * and 0 where nothing was learnt. */
DL4C_API const float *dl4c_normalizer_center(const dl4c_normalizer *n, int64_t *count);
/** Standard deviations of the features, or their maxima; as dl4c_normalizer_center. */
DL4C_API const float *dl4c_normalizer_spread(const dl4c_normalizer *n, int64_t *count);

/**
 * Reads a file that Deeplearning4j's NormalizerSerializer wrote, or dl4c_normalizer_save.
 *
 * @param ctx  NULL: the default context
 * @param uri  path or URI
 * @param n    receives what the caller destroys; NULL on failure
 * @param err  may be NULL
 * @retval DL4C_E_CORRUPT      not such a file, or a damaged one
 * @retval DL4C_E_UNSUPPORTED  a kind that is not known here
 * @retval DL4C_E_NOTFOUND, DL4C_E_NOMEM, and what else dl4c_fs_open answers
 */
DL4C_API dl4c_status dl4c_normalizer_load(dl4c_context *ctx, const char *uri, dl4c_normalizer **n, struct dl4c_error *err);
/** Writes such a file. DL4C_E_STATE: not fitted; DL4C_E_UNSUPPORTED: "vgg16", which Deeplearning4j does not write either. */
DL4C_API dl4c_status dl4c_normalizer_save(const dl4c_normalizer *n, const char *uri, struct dl4c_error *err);

DL4C_END

#endif
