/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_measure: counts and sums by column. */
#ifndef DLI_EVALUATION_MEASURE_H
#define DLI_EVALUATION_MEASURE_H

#include "base/context.h"
#include "evaluation/java.h"
#include <dl4c/evaluation.h>

enum { DLI_SUM_ROWS = 4096 }; /* rows that are summed in float */

/* A curve in Deeplearning4j's order of points; tp, fp and fn belong to precision and recall. */
struct dli_curve {
    int64_t n;
    double *threshold, *x, *y;
    int64_t *tp, *fp, *fn;
};

/* One yes or no. With steps > 0: counts at each of steps + 1 thresholds; exact: all scores, with their labels, or of one that was read
 * the curves alone, to which nothing can be added. */
struct dli_roc {
    int32_t steps;
    bool all_points;
    int64_t n, positive;
    int64_t *true_positive, *false_positive; /* [steps + 1] */
    float *score;                            /* [n] */
    unsigned char *label;                    /* [n] of 0 and 1 */
    size_t capacity;
    bool read;
    struct dli_curve curve[2]; /* of one that was read: ROC, precision and recall */
    double area[2];
};

/* Sums of a regression's column, in the order of the JSON's members. */
enum {
    DLI_EXAMPLES,
    DLI_LABELS,
    DLI_SQUARED_ERRORS,
    DLI_ABSOLUTE_ERRORS,
    DLI_MEAN,
    DLI_PREDICTED_MEAN,
    DLI_PRODUCTS,
    DLI_SQUARED_LABELS,
    DLI_SQUARED_PREDICTED,
    DLI_SUM_LABELS,
    DLI_SUMS
};

struct dli_calibration {
    int64_t *positive, *total;                     /* [reliability_bins, columns] */
    double *sum;                                   /* the same: of predictions */
    float *part;                                   /* the same: scratch of a call */
    int64_t *labels, *predicted;                   /* [columns] */
    double *residuals, *probabilities;             /* [histogram_bins] */
    double *class_residuals, *class_probabilities; /* [histogram_bins, columns] */
};

struct dl4c_measure {
    dl4c_context *ctx;
    int32_t kind, columns, steps, digits, reliability_bins, histogram_bins, flags;
    int64_t rows;               /* added, those without a mask's leave too where it is by value */
    char **names;               /* NULL: numbers */
    float *thresholds;          /* NULL: 0.5 */
    int64_t *tp, *fp, *tn, *fn; /* BINARY: [columns] */
    struct dli_roc *roc;        /* [n_roc] */
    int32_t n_roc;
    double *sum[DLI_SUMS]; /* REGRESSION: [columns] each */
    struct dli_calibration calibration;
};

/* What of a row is added. */
struct dli_rows {
    const float *labels, *predictions, *mask;
    int32_t mask_columns;
    int64_t n;
};
static inline bool dli_masked(const struct dli_rows *r, int64_t row, int32_t column)
{
    return r->mask && r->mask[r->mask_columns == 1 ? row : row * r->mask_columns + column] == 0.0f;
}

dl4c_status dli_roc_init(dl4c_context *ctx, struct dli_roc *r, int32_t steps, bool all_points, struct dl4c_error *err);
void dli_roc_free(struct dli_roc *r);
dl4c_status dli_roc_reserve(dl4c_context *ctx, struct dli_roc *r, int64_t more, struct dl4c_error *err);
void dli_roc_add(struct dli_roc *r, float score, bool label); /* reserved before */
void dli_roc_merge(struct dli_roc *r, const struct dli_roc *other);
dl4c_status dli_roc_curve(dl4c_context *ctx, const struct dli_roc *r, int32_t curve, struct dli_curve *c, struct dl4c_error *err);
dl4c_status dli_curve_make(dl4c_context *ctx, struct dli_curve *c, int64_t n, bool counts, struct dl4c_error *err);
void dli_curve_free(struct dli_curve *c);
double dli_curve_area(const struct dli_curve *c);

/* AUROC or AUPRC; NaN without data. */
dl4c_status dli_measure_area(const dl4c_measure *m, int32_t metric, int32_t column, double *area, struct dl4c_error *err);

dl4c_status dli_regression_init(dl4c_measure *m, struct dl4c_error *err);
void dli_regression_add(dl4c_measure *m, const struct dli_rows *r);
void dli_regression_merge(dl4c_measure *m, const dl4c_measure *other);
extern const char *const dli_regression_keys[DLI_SUMS]; /* members of the JSON */
double dli_regression_value(const dl4c_measure *m, int32_t metric, int32_t column);

dl4c_status dli_calibration_init(dl4c_measure *m, struct dl4c_error *err);
void dli_calibration_free(dl4c_measure *m);
void dli_calibration_add(dl4c_measure *m, const struct dli_rows *r);
void dli_calibration_merge(dl4c_measure *m, const dl4c_measure *other);
dl4c_status dli_calibration_curve(const dl4c_measure *m, int32_t curve, int32_t column, double **points, int64_t *n,
                                  struct dl4c_error *err);
/* [rows, columns] in base64 of Nd4j.write, of longs or doubles; whether it was that. */
bool dli_calibration_table(const char *text, size_t size, int32_t rows, int32_t columns, int64_t *longs, double *doubles);
void dli_calibration_json(const dl4c_measure *m, struct dli_jackson *j);

#endif
