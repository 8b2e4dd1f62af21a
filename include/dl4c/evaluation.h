/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Evaluation of classifiers: accuracy, precision, recall, F1, confusion matrix, top-N; the words and numbers of Deeplearning4j's
 * Evaluation.
 */
#ifndef DL4C_EVALUATION_H
#define DL4C_EVALUATION_H

#include <dl4c/base.h>

DL4C_BEGIN

/** Counts of (actual, predicted) and what follows from them. One thread at a time. */
typedef struct dl4c_evaluation dl4c_evaluation;

struct dl4c_evaluation_options {
    size_t struct_size;
    int32_t n_classes;          /**< at least 2 */
    int32_t top_n;              /**< 0 and 1: plain accuracy only */
    const char *const *classes; /**< n_classes names, copied; NULL: 0..n-1 */
};
#define DL4C_EVALUATION_OPTIONS_INIT { sizeof(struct dl4c_evaluation_options), 0, 0, 0 }

DL4C_API dl4c_status dl4c_evaluation_create(dl4c_context *ctx, const struct dl4c_evaluation_options *options, dl4c_evaluation **e,
                                            struct dl4c_error *err);
DL4C_API void dl4c_evaluation_destroy(dl4c_evaluation **e);

/**
 * Counts @p n examples.
 * @param probabilities  [n, n_classes] row-major, borrowed; the largest wins, the lowest index on a tie.
 * @param labels         [n] class indices, borrowed.
 * @retval DL4C_E_INVALID   a label outside the classes (nothing is counted)
 * @retval DL4C_E_DIVERGED  a probability is NaN
 */
DL4C_API dl4c_status dl4c_evaluation_add(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, int64_t n,
                                         struct dl4c_error *err);
/** Adds the counts of another evaluation of the same classes. */
DL4C_API dl4c_status dl4c_evaluation_merge(dl4c_evaluation *e, const dl4c_evaluation *other, struct dl4c_error *err);

DL4C_API int64_t dl4c_evaluation_count(const dl4c_evaluation *e);
DL4C_API int32_t dl4c_evaluation_classes(const dl4c_evaluation *e);
/** Borrowed. NULL outside the classes. */
DL4C_API const char *dl4c_evaluation_class_name(const dl4c_evaluation *e, int32_t i);
/** How often class @p actual was taken for @p predicted; 0 outside. */
DL4C_API int64_t dl4c_evaluation_confusion(const dl4c_evaluation *e, int32_t actual, int32_t predicted);

/* All in 0..1 (mcc -1..1); 0 where nothing was counted. Macro averages leave out the classes that Deeplearning4j leaves out. */
DL4C_API double dl4c_evaluation_accuracy(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_balanced_accuracy(const dl4c_evaluation *e); /**< mean recall of the classes that occur */
DL4C_API double dl4c_evaluation_top_n_accuracy(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_precision(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_recall(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_f1(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_class_precision(const dl4c_evaluation *e, int32_t i);
DL4C_API double dl4c_evaluation_class_recall(const dl4c_evaluation *e, int32_t i);
DL4C_API double dl4c_evaluation_class_f1(const dl4c_evaluation *e, int32_t i);

enum { DL4C_STATS_NO_CONFUSION = 1 };
/** The text of Deeplearning4j's stats(), to the byte. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_evaluation_stats(const dl4c_evaluation *e, uint32_t flags, char **text, struct dl4c_error *err);
/** The JSON object of `dl4c evaluate --json`. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_evaluation_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/** The confusion matrix as Deeplearning4j's toCSV() and toHTML() give it, and as a plain SVG picture. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_evaluation_confusion_csv(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_confusion_svg(const dl4c_evaluation *e, char **text, struct dl4c_error *err);

DL4C_END
#endif
