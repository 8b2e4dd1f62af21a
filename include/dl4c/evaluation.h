/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Evaluation of classifiers: accuracy, precision, recall, F1, confusion matrix, top-N; the words and numbers of Deeplearning4j's
 * Evaluation.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_EVALUATION_H
#define DL4C_EVALUATION_H

#include <dl4c/base.h>

DL4C_BEGIN

/**
 * Counts of (actual, predicted) and what follows from them. Counting is for one thread at a time; getters and text forms may run
 * together on any threads while nobody counts.
 */
typedef struct dl4c_evaluation dl4c_evaluation;

/** Flags of struct dl4c_evaluation_options: what the default averaging of two classes is. */
enum {
    DL4C_EVALUATION_FIRST_POSITIVE = 1, /**< the first one's values, in place of the second one's */
    DL4C_EVALUATION_NO_POSITIVE = 2     /**< the macro average, but of F1, which is the second one's, as in Deeplearning4j */
};

/** What is counted, and under which names. */
struct dl4c_evaluation_options {
    size_t struct_size;
    int32_t n_classes;          /**< 2 to 32768 */
    int32_t top_n;              /**< counts how often the right class is among the N likeliest; 0 and 1: plain accuracy only */
    const char *const *classes; /**< n_classes names, copied, UTF-8; NULL: "0", "1", ... */
    double threshold;           /**< of two classes, the second is predicted where its probability is above this; 0: the larger wins */
    const float *costs;         /**< n_classes, at least 0, copied: the class of the largest cost * probability is predicted; NULL: none */
    uint64_t flags;             /**< DL4C_EVALUATION_* */
};
#define DL4C_EVALUATION_OPTIONS_INIT { sizeof(struct dl4c_evaluation_options), 0, 0, 0, 0, 0, 0 }

/**
 * Creates an evaluation that has counted nothing. Memory: 12 * n_classes * (n_classes + 2) bytes.
 * @param options  Borrowed; n_classes must be set.
 * @param e        Receives the evaluation; NULL on failure.
 * @retval DL4C_E_INVALID  n_classes outside its range, top_n negative or above n_classes, a name that is NULL, a threshold outside
 *                         0..1 or with other than two classes or beside costs, a cost that is negative or not finite
 * @retval DL4C_E_VERSION  an unknown flag
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluation_create(dl4c_context *ctx, const struct dl4c_evaluation_options *options, dl4c_evaluation **e,
                                            struct dl4c_error *err);
/** Frees the evaluation and writes NULL. Takes NULL. Since: 0.1. */
DL4C_API void dl4c_evaluation_destroy(dl4c_evaluation **e);

/**
 * Counts @p n examples, all or, on failure, none.
 * @param probabilities  [n, n_classes] row-major, borrowed; the largest wins, the lowest index on a tie. Need not sum to 1.
 * @param labels         [n] class indices, borrowed.
 * @retval DL4C_E_INVALID   a label outside the classes; the message names the row
 * @retval DL4C_E_DIVERGED  a probability is NaN; the message names the row and class
 * Threads: one at a time. Cost: O(n * n_classes). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluation_add(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, int64_t n,
                                         struct dl4c_error *err);
/**
 * The same, but rows whose @p mask, [n], is 0 are left out, whatever their label and probabilities are: the label masks of
 * Deeplearning4j. NULL: none is. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluation_add_masked(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, const float *mask,
                                                int64_t n, struct dl4c_error *err);
/**
 * Adds the counts of another evaluation, which stays as it is.
 * @retval DL4C_E_INVALID  the two differ in number or names of classes, in top_n, threshold or costs
 * Threads: one at a time for @p e; @p other must not be counting. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluation_merge(dl4c_evaluation *e, const dl4c_evaluation *other, struct dl4c_error *err);

/** Examples counted. Since: 0.1. */
DL4C_API int64_t dl4c_evaluation_count(const dl4c_evaluation *e);
/** Number of classes. Since: 0.1. */
DL4C_API int32_t dl4c_evaluation_classes(const dl4c_evaluation *e);
/** The N of top-N, 1 where plain accuracy was asked for. Since: 0.1. */
DL4C_API int32_t dl4c_evaluation_top_n(const dl4c_evaluation *e);
/** Borrowed, valid while @p e lives. NULL outside the classes. Since: 0.1. */
DL4C_API const char *dl4c_evaluation_class_name(const dl4c_evaluation *e, int32_t i);
/** How often class @p actual was taken for @p predicted; 0 outside the classes. Since: 0.1. */
DL4C_API int64_t dl4c_evaluation_confusion(const dl4c_evaluation *e, int32_t actual, int32_t predicted);

/** Class @p i against all others; each pointer may be NULL. Zeros outside the classes. Since: 0.1. */
DL4C_API void dl4c_evaluation_class_counts(const dl4c_evaluation *e, int32_t i, int64_t *true_positives, int64_t *false_positives,
                                           int64_t *true_negatives, int64_t *false_negatives);

/** What dl4c_evaluation_metric and dl4c_evaluation_class_metric compute; values never change. tp, fp, tn, fn as in class_counts. */
enum {
    DL4C_METRIC_ACCURACY = 1,          /**< right / all, under every averaging; of one class (tp + tn) / all */
    DL4C_METRIC_BALANCED_ACCURACY = 2, /**< mean recall of the classes that occur, under every averaging; of one class the mean of
                                            its recall and of tn / (tn + fp) */
    DL4C_METRIC_PRECISION = 3,         /**< tp / (tp + fp) */
    DL4C_METRIC_RECALL = 4,            /**< tp / (tp + fn) */
    DL4C_METRIC_F1 = 5,                /**< harmonic mean of precision and recall */
    DL4C_METRIC_G_MEASURE = 6,         /**< geometric mean of precision and recall */
    DL4C_METRIC_MCC = 7,               /**< Matthews correlation coefficient, -1..1 */
    DL4C_METRIC_FALSE_POSITIVE_RATE = 8,
    DL4C_METRIC_FALSE_NEGATIVE_RATE = 9,
    DL4C_METRIC_FALSE_ALARM_RATE = 10  /**< mean of the two rates above */
};

/** How classes become one number; values never change. */
enum {
    DL4C_AVERAGE_DEFAULT = 0, /**< of two classes the positive one's value (G-measure and MCC: macro), of more the macro average */
    DL4C_AVERAGE_MACRO = 1,   /**< mean over the classes */
    DL4C_AVERAGE_MICRO = 2    /**< from tp, fp, tn and fn summed over the classes */
};

/**
 * One number over all classes, as Deeplearning4j computes it: macro precision leaves out the classes that were never predicted,
 * recall those that never occur, F1 both; the other macro averages take every class, with 0 for 0/0 in rates and in the G-measure.
 * The F1 of two classes is the second one's under macro and micro averaging. NaN where nothing is left to average (F1 if no class that
 * occurs was ever predicted; MCC if a class never occurs or was never or always predicted), and for an unknown metric or averaging.
 * 0 where nothing was counted. Unlike Deeplearning4j's, the micro false negative rate is fn / (fn + tp).
 * Since: 0.1.
 */
DL4C_API double dl4c_evaluation_metric(const dl4c_evaluation *e, int32_t metric, int32_t average);
/** The same of class @p i against all others: 0 for 0/0, NaN for MCC's; NaN outside the classes. Since: 0.1. */
DL4C_API double dl4c_evaluation_class_metric(const dl4c_evaluation *e, int32_t metric, int32_t i);

/* The usual ones under their own names, with DL4C_AVERAGE_DEFAULT. Since: 0.1. */
/** Right / all. Since: 0.1. */
DL4C_API double dl4c_evaluation_accuracy(const dl4c_evaluation *e);
/** Mean recall of the classes that occur. Since: 0.1. */
DL4C_API double dl4c_evaluation_balanced_accuracy(const dl4c_evaluation *e);
/** Share of examples with fewer than top_n classes strictly likelier than the right one; the accuracy where top_n is 1. */
DL4C_API double dl4c_evaluation_top_n_accuracy(const dl4c_evaluation *e);
/** DL4C_METRIC_PRECISION with DL4C_AVERAGE_DEFAULT. Since: 0.1. */
DL4C_API double dl4c_evaluation_precision(const dl4c_evaluation *e);
/** DL4C_METRIC_RECALL with DL4C_AVERAGE_DEFAULT. Since: 0.1. */
DL4C_API double dl4c_evaluation_recall(const dl4c_evaluation *e);
/** DL4C_METRIC_F1 with DL4C_AVERAGE_DEFAULT. Since: 0.1. */
DL4C_API double dl4c_evaluation_f1(const dl4c_evaluation *e);
/** Of one class against all others: tp / (tp + fp). Since: 0.1. */
DL4C_API double dl4c_evaluation_class_precision(const dl4c_evaluation *e, int32_t i);
/** Of one class against all others: tp / (tp + fn). Since: 0.1. */
DL4C_API double dl4c_evaluation_class_recall(const dl4c_evaluation *e, int32_t i);
/** Of one class against all others: harmonic mean of the two. Since: 0.1. */
DL4C_API double dl4c_evaluation_class_f1(const dl4c_evaluation *e, int32_t i);

/** Flags of dl4c_evaluation_stats. */
enum {
    DL4C_STATS_NO_CONFUSION = 1,  /**< without the matrix: stats(false, false) */
    DL4C_STATS_ANY_CONFUSION = 2, /**< with the matrix however many classes there are: stats(false, true) */
    DL4C_STATS_NO_WARNINGS = 4    /**< without the lines on classes that were never predicted or never occur: stats(true) */
};

/* Text forms. Each gives NUL-terminated text that the caller frees by dl4c_free, NULL on failure; each may fail with DL4C_E_NOMEM
 * and DL4C_E_LIMIT. The same counts give the same bytes under every locale. Since: 0.1. */

/**
 * The text of Deeplearning4j's stats(), to the byte; no newline at its end. The matrix is left out, with a note, above 20 classes.
 * @param flags  DL4C_STATS_*, or 0.
 * @retval DL4C_E_INVALID  an unknown flag
 */
DL4C_API dl4c_status dl4c_evaluation_stats(const dl4c_evaluation *e, uint32_t flags, char **text, struct dl4c_error *err);
/**
 * The JSON object of `dl4c evaluate --json`, in one line: accuracy, balanced_accuracy, precision, recall, f1, top_n (the top-N
 * accuracy), top (the N), n, classes (names), confusion (rows: actual) and per_class (objects with class, n, precision, recall,
 * f1). What is not a number is null.
 */
DL4C_API dl4c_status dl4c_evaluation_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/**
 * The text of Deeplearning4j's toJson() and toYaml(), which are the same bytes: its fromJson() reads it. Lines of the matrix stand in
 * the order of its hash maps.
 */
DL4C_API dl4c_status dl4c_evaluation_dl4j_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/**
 * Reads that text, of Deeplearning4j 0.5 to 1.0.0-M2.1, back. Memory while reading: within 64 MiB or 4096 times the text.
 * @param text  @p size bytes, borrowed.
 * @param e     Receives the evaluation; NULL on failure.
 * @retval DL4C_E_CORRUPT      no such JSON, or counts that contradict each other
 * @retval DL4C_E_LIMIT        more classes than such a text may name
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_evaluation_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_evaluation **e,
                                               struct dl4c_error *err);
/** The matrix as Deeplearning4j's confusionToString(): rows actual, columns predicted, with class names. */
DL4C_API dl4c_status dl4c_evaluation_confusion_text(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/** The matrix as Deeplearning4j's toCSV(): class indices and totals. */
DL4C_API dl4c_status dl4c_evaluation_confusion_csv(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/** The matrix as Deeplearning4j's toHTML(): one table, styled by the host's style sheet. */
DL4C_API dl4c_status dl4c_evaluation_confusion_html(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
/**
 * The matrix as a self-contained picture: shades are shares of the actual class, blue where right, orange where wrong; counts in the
 * cells up to 40 classes, names beside them up to 80, and every cell that counted anything has a tooltip.
 */
DL4C_API dl4c_status dl4c_evaluation_confusion_svg(const dl4c_evaluation *e, char **text, struct dl4c_error *err);

/**
 * Measures of predictions, column by column: what Deeplearning4j calls EvaluationBinary, ROC, ROCBinary, ROCMultiClass,
 * RegressionEvaluation and EvaluationCalibration. Adding is for one thread at a time; getters and text forms may run together on any
 * threads while nobody adds.
 */
typedef struct dl4c_measure dl4c_measure;

/** What a dl4c_measure is; values never change. */
enum {
    DL4C_MEASURE_BINARY = 1,         /**< each column a yes or no of its own: counts at a threshold */
    DL4C_MEASURE_ROC = 2,            /**< one yes or no: one column, or the second of two; ROC and precision/recall curve */
    DL4C_MEASURE_ROC_BINARY = 3,     /**< the curves of each column, a yes or no of its own */
    DL4C_MEASURE_ROC_MULTICLASS = 4, /**< the curves of each class against the others */
    DL4C_MEASURE_REGRESSION = 5,     /**< errors and correlation of each column */
    DL4C_MEASURE_CALIBRATION = 6     /**< reliability diagram, histograms of residuals and of probabilities */
};

/** Flags of struct dl4c_measure_options. */
enum {
    DL4C_MEASURE_ALL_POINTS = 1, /**< curves keep the points that lie on a line with their neighbours */
    DL4C_MEASURE_WITH_ROC = 2,   /**< BINARY also holds a ROC_BINARY of the same columns, with `steps` */
    DL4C_MEASURE_EMPTY_BINS = 4  /**< reliability diagrams show bins without predictions, as NaN */
};

/** What is measured. */
struct dl4c_measure_options {
    size_t struct_size;
    int32_t kind;               /**< DL4C_MEASURE_* */
    int32_t columns;            /**< values in a row of labels and of predictions, 1 to 1048576; ROC: 1 or 2 */
    const char *const *names;   /**< `columns` names, copied, UTF-8; NULL: "0", "1", ..., in a regression "col_0", "col_1", ... */
    const float *thresholds;    /**< BINARY: a column is a yes above its own; NULL: 0.5; copied */
    int32_t steps;              /**< of the curves: thresholds 0, 1/steps, ..., 1; 0: exact, which keeps every prediction (5 bytes each) */
    int32_t digits;             /**< in texts; 0: 4, in a regression 5; at most 17 */
    int32_t reliability_bins;   /**< CALIBRATION; 0: 10; at most 65536 */
    int32_t histogram_bins;     /**< CALIBRATION; 0: 50; at most 65536 */
    int32_t flags;              /**< DL4C_MEASURE_ALL_POINTS, ... */
    int32_t reserved;           /**< must be 0 */
};
#define DL4C_MEASURE_OPTIONS_INIT { sizeof(struct dl4c_measure_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Creates a measure of nothing yet.
 * @param options  Borrowed; kind and columns must be set.
 * @param m        Receives the measure; NULL on failure.
 * @retval DL4C_E_INVALID  an unknown kind or a value outside its range
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_measure_create(dl4c_context *ctx, const struct dl4c_measure_options *options, dl4c_measure **m,
                                         struct dl4c_error *err);
/** Frees the measure and writes NULL. Takes NULL. Since: 0.1. */
DL4C_API void dl4c_measure_destroy(dl4c_measure **m);

/**
 * Adds @p n rows, all or, on failure, none. Sums of a call run in float over at most 4096 rows at a time and go on in double: the sums
 * of Deeplearning4j, which adds up minibatches in the same way.
 * @param labels        [n, columns] row-major, borrowed; 0 or 1 but in a regression.
 * @param predictions   [n, columns] row-major, borrowed.
 * @param mask          NULL, or [n, mask_columns] of 0 (left out) and other values.
 * @param mask_columns  1: of whole rows. `columns`: of single values; BINARY, ROC_BINARY and REGRESSION only.
 * @retval DL4C_E_INVALID   a label that is neither 0 nor 1, or such a mask for another kind; the message names row and column
 * @retval DL4C_E_DIVERGED  a prediction, or in a regression a label, is NaN
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT  of an exact curve
 * Threads: one at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_measure_add(dl4c_measure *m, const float *labels, const float *predictions, const float *mask,
                                      int32_t mask_columns, int64_t n, struct dl4c_error *err);
/**
 * Adds what another measure holds, which stays as it is.
 * @retval DL4C_E_INVALID  the two differ in kind, columns, steps, bins or thresholds
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT  of an exact curve
 * Threads: one at a time for @p m; nobody may add to @p other. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_measure_merge(dl4c_measure *m, const dl4c_measure *other, struct dl4c_error *err);

/** DL4C_MEASURE_*. Since: 0.1. */
DL4C_API int32_t dl4c_measure_kind(const dl4c_measure *m);
/** Values in a row. Since: 0.1. */
DL4C_API int32_t dl4c_measure_columns(const dl4c_measure *m);
/** Values counted in a column, those that a mask left out not; of ROC in its only one. 0 outside the columns. Since: 0.1. */
DL4C_API int64_t dl4c_measure_count(const dl4c_measure *m, int32_t column);
/**
 * Counts of one column at its threshold (BINARY). Of the curves: positive and negative labels, as true positives and false positives
 * with threshold 0. Each pointer may be NULL. Zeros for other kinds and outside the columns. Since: 0.1.
 */
DL4C_API void dl4c_measure_column_counts(const dl4c_measure *m, int32_t column, int64_t *true_positives, int64_t *false_positives,
                                         int64_t *true_negatives, int64_t *false_negatives);

/** Beside DL4C_METRIC_ACCURACY to DL4C_METRIC_FALSE_ALARM_RATE, which BINARY has; values never change. */
enum {
    DL4C_METRIC_AUROC = 20, /**< area under the ROC curve: ROC kinds, BINARY with DL4C_MEASURE_WITH_ROC */
    DL4C_METRIC_AUPRC = 21, /**< area under the precision/recall curve: the same */
    DL4C_METRIC_MSE = 30,   /**< mean squared error: REGRESSION, like those below */
    DL4C_METRIC_MAE = 31,   /**< mean absolute error */
    DL4C_METRIC_RMSE = 32,  /**< root of the mean squared error */
    DL4C_METRIC_RSE = 33,   /**< squared errors over squared deviations of the labels from their mean */
    DL4C_METRIC_PC = 34,    /**< Pearson's correlation */
    DL4C_METRIC_R2 = 35     /**< coefficient of determination */
};
/**
 * One number, as Deeplearning4j computes it; 0/0 is NaN but in BINARY's rates, where it is 0.
 * @param column  -1: the mean over all columns.
 * Returns NaN outside the columns, for a metric that the kind does not have, and without data. Cost: that of a sort for exact curves.
 * Since: 0.1.
 */
DL4C_API double dl4c_measure_value(const dl4c_measure *m, int32_t metric, int32_t column);

/** What dl4c_measure_curve gives; values never change. */
enum {
    DL4C_CURVE_ROC = 1,              /**< x: false positive rate, y: true positive rate; ROC kinds */
    DL4C_CURVE_PRECISION_RECALL = 2, /**< x: recall, y: precision; ROC kinds */
    DL4C_CURVE_RELIABILITY = 3,      /**< x: mean prediction of a bin, y: share of positive labels; CALIBRATION, like those below */
    DL4C_CURVE_RESIDUALS = 4,        /**< histogram of |label - prediction|; x: middle of a bin, y: count; of rows of a class, or -1: all */
    DL4C_CURVE_PROBABILITIES = 5     /**< histogram of predictions, the same */
};
/**
 * Points of a curve.
 * @param points  Receives [3, n_points]: threshold (or the lower edge of a bin), x, y; freed by dl4c_free. NULL on failure.
 * @retval DL4C_E_INVALID  the kind has no such curve, or the column is outside
 * @retval DL4C_E_STATE    nothing was added
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_measure_curve(const dl4c_measure *m, int32_t curve, int32_t column, double **points, int64_t *n_points,
                                        struct dl4c_error *err);

/** The text of Deeplearning4j's stats(), to the byte; freed by dl4c_free, NULL on failure. Since: 0.1. */
DL4C_API dl4c_status dl4c_measure_stats(const dl4c_measure *m, char **text, struct dl4c_error *err);
/** The text of Deeplearning4j's toJson() and toYaml(), which are the same bytes; as above. Since: 0.1. */
DL4C_API dl4c_status dl4c_measure_dl4j_json(const dl4c_measure *m, char **text, struct dl4c_error *err);
/**
 * Reads that text back, of 1.0.0-beta3 on, and of the same classes before. Its "@class" says which measure it is. Memory while reading:
 * within 64 MiB or 4096 times the text. Exact curves come without their predictions, as they are written: what is read has the same
 * numbers, curves and texts, but nothing can be added to it (DL4C_E_STATE). A ROC is taken for one of two columns.
 * @param text  @p size bytes, borrowed.
 * @param m     Receives the measure; NULL on failure.
 * @retval DL4C_E_CORRUPT  no such JSON, counts that contradict each other, or nothing that says how many columns there are
 * @retval DL4C_E_LIMIT    larger tables than such a text may ask for
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_measure_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_measure **m, struct dl4c_error *err);

DL4C_END
#endif
