/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of an epoch's examples: how many of each class every worker had, and whether they came mixed. */
#ifndef DLI_TRAIN_LABELS_H
#define DLI_TRAIN_LABELS_H

#include "base/alloc.h"

/* All zeros: nothing is counted, and the calls below do nothing. */
struct dli_labels {
    int32_t workers;
    int64_t classes;
    int64_t *counts;   /* [workers, classes] */
    int64_t *batch;    /* [classes]: of the minibatch at work; zeros between the calls */
    double *squares;   /* [classes]: over all minibatches, the square of a class's count by the minibatch's rows */
    int64_t rows, batches;
    bool unknown; /* a minibatch said nothing of classes, so the counts are not those of the epoch */
};

/* Counts that would need more memory than they are worth are not made: labels->classes stays 0. */
dl4c_status dli_labels_init(struct dli_labels *labels, dl4c_context *ctx, int32_t workers, int64_t classes, struct dl4c_error *err);
void dli_labels_free(struct dli_labels *labels);
/* Another epoch. */
void dli_labels_clear(struct dli_labels *labels);
/* A minibatch of a worker: index[n], else y[n, classes] with one 1 in each row, else nobody knows. */
void dli_labels_add(struct dli_labels *labels, int32_t worker, const int64_t *index, const float *y, int64_t n);
/* Whether counts are those of all examples since dli_labels_clear. NULL: no. */
bool dli_labels_known(const struct dli_labels *labels);
/* How much more the classes of minibatches differ than those of examples dealt out at random: Pearson's chi-squared of minibatches by
 * classes, divided by its mean over all orders of the examples. 1: as mixed as chance makes them; about the rows of a minibatch where each
 * holds one class alone; NaN: not known, or fewer than two minibatches or classes. */
double dli_labels_dispersion(const struct dli_labels *labels);

#endif
