/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Training the unfrozen part of a network on features of its frozen part, with the weights going back into the network: what
 * Deeplearning4j calls TransferLearningHelper. For features that outlive the process, or more than memory holds, see dl4c_featurize.
 *
 *     dl4c_transfer_create(vgg, at, 1, &t, &err);
 *     dl4c_transfer_featurize(t, images, NULL, &features, &err);
 *     dl4c_transfer_fit(t, features, &fit, &err);                  // vgg has the new weights
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_TRANSFER_H
#define DL4C_TRANSFER_H

#include <dl4c/train.h>

DL4C_BEGIN

/** A graph, its frozen part and the rest. One thread at a time. */
typedef struct dl4c_transfer dl4c_transfer;

/**
 * Splits a graph behind what is frozen. The inputs of the rest are the vertices at the border under their names, sorted by these.
 * @param graph   Kept alive. Only dl4c_transfer_fit and dl4c_transfer_update change it: weights, counts, updater, info.
 * @param freeze  Vertices to freeze with all they depend on, beside what is frozen already; @p graph itself keeps its marks. May be NULL.
 * @param t       Receives the helper; NULL on failure.
 * @retval DL4C_E_NOTFOUND  no vertex is called so
 * @retval DL4C_E_INVALID   nothing is frozen, nothing is left to train, or a vertex with weights that is not frozen feeds a frozen one
 * @retval DL4C_E_STATE     the graph is being trained
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transfer_create(dl4c_graph *graph, const char *const *freeze, int32_t n_freeze, dl4c_transfer **t,
                                          struct dl4c_error *err);
/** The graph and the sources it gave go on. Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_transfer_destroy(dl4c_transfer **t);
/** The frozen part, for dl4c_featurize or sessions of one's own; borrowed. Since: 0.1. */
DL4C_API dl4c_graph *dl4c_transfer_frozen(dl4c_transfer *t);
/** The rest, to be looked at, evaluated on features or trained by hand; borrowed. Since: 0.1. */
DL4C_API dl4c_graph *dl4c_transfer_unfrozen(dl4c_transfer *t);

/** Options of dl4c_transfer_featurize. Zero everywhere: all defaults. */
struct dl4c_transfer_options {
    size_t struct_size;
    int64_t batch;   /**< 0: 16 */
    int32_t threads; /**< 0: the context's */
    int32_t reserved;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_TRANSFER_OPTIONS_INIT                                                                                                         \
    {                                                                                                                                      \
        sizeof(struct dl4c_transfer_options), 0, 0, 0, 0, 0, 0, 0, 0                                                                       \
    }
/**
 * Runs every row of a source once through the frozen part and keeps what comes out in memory.
 * @param source    Rows for the graph's input as for dl4c_fit, with labels or without.
 * @param options   NULL: all defaults.
 * @param features  Receives a source of the same rows, labels and classes, in the same order, that the caller destroys; NULL on failure.
 * @retval DL4C_E_INVALID      the source's shape does not fit, or it has no rows
 * @retval DL4C_E_UNSUPPORTED  the graph has several inputs, or the border several vertices: train on those by hand
 * @retval DL4C_E_CANCELLED, DL4C_E_TIMEOUT, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the source answers
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transfer_featurize(dl4c_transfer *t, dl4c_source *source, const struct dl4c_transfer_options *options,
                                             dl4c_source **features, struct dl4c_error *err);
/**
 * dl4c_fit of the rest on features, then dl4c_transfer_update. After a failure of fit the graph has its weights of before.
 * @retval DL4C_E_STATE  the graph or the rest runs or is trained in another call
 * What else dl4c_fit answers. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transfer_fit(dl4c_transfer *t, dl4c_source *features, const struct dl4c_fit_options *options,
                                       struct dl4c_error *err);
/**
 * Gives the graph the weights of the rest as they are now, its counts of iterations and epochs, its updater, and its classes and
 * `training`. Weights are not copied: they are shared until one is trained. The updater's state comes too where the graph's own marks say
 * that the same is trained; else training of the graph begins with a fresh one.
 * @retval DL4C_E_STATE  the graph or the rest runs or is trained in another call; nothing was changed
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transfer_update(dl4c_transfer *t, struct dl4c_error *err);

DL4C_END
#endif
