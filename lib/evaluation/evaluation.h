/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_evaluation: the counts everything else is computed from. */
#ifndef DLI_EVALUATION_EVALUATION_H
#define DLI_EVALUATION_EVALUATION_H

#include "base/context.h"
#include <dl4c/evaluation.h>

struct dl4c_evaluation {
    dl4c_context *ctx;
    int32_t n_classes;
    int32_t top_n; /* at least 1 */
    double threshold;
    float *costs;       /* [n_classes]; NULL: none */
    int32_t positive;   /* of two classes; -1: none */
    int64_t n;          /* examples */
    int64_t top_right;  /* examples whose class was among the top_n; counted only where top_n > 1 */
    int64_t *confusion; /* [actual, predicted] */
    int64_t *actual;    /* [n_classes], row sums */
    int64_t *predicted; /* [n_classes], column sums */
    int32_t *seen;      /* [actual, n_classes]: the classes that each was taken for, in the order in which that happened first */
    int32_t *n_seen;    /* [n_classes] */
    char **names;
    bool named; /* not "0", "1", ... for want of names */
};

/* confusion[actual, predicted], within the classes. */
static inline int64_t dli_confusion(const dl4c_evaluation *e, int32_t actual, int32_t predicted)
{
    return e->confusion[(size_t)actual * (size_t)e->n_classes + (size_t)predicted];
}

/* Counts `n` times actual for predicted in the matrix, its sums and the order of the first times. */
void dli_evaluation_count(dl4c_evaluation *e, int32_t actual, int32_t predicted, int64_t n);
/* The classes that `actual` was taken for, in the order in which Deeplearning4j's HashMultiset would give them; how many. */
int32_t dli_evaluation_row(const dl4c_evaluation *e, int32_t actual, int32_t *out);

/* Precision, recall or F1 of a class, -1 where it is 0/0: what macro averages leave out. */
double dli_class_metric_or_none(const dl4c_evaluation *e, int32_t metric, int32_t i);

#endif
