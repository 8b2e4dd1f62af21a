/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and correlation of columns of numbers. */
#include "evaluation/measure.h"

#include <math.h>

const char *const dli_regression_keys[DLI_SUMS] = {
    "exampleCountPerColumn", "labelsSumPerColumn", "sumSquaredErrorsPerColumn", "sumAbsErrorsPerColumn", "currentMean",
    "currentPredictionMean", "sumOfProducts",      "sumSquaredLabels",          "sumSquaredPredicted",   "sumLabels",
};

dl4c_status dli_regression_init(dl4c_measure *m, struct dl4c_error *err)
{
    double *all = dli_calloc(m->ctx, (size_t)m->columns * DLI_SUMS, sizeof *all, err);
    if (!all)
        return dli_alloc_status();
    for (int i = 0; i < DLI_SUMS; i++)
        m->sum[i] = all + (size_t)i * (size_t)m->columns;
    return DL4C_OK;
}

/* Rows first to end of one column. Float sums in row order, as Deeplearning4j's over a minibatch. */
static void add_part(dl4c_measure *m, const struct dli_rows *r, int64_t first, int64_t end, int32_t k)
{
    float labels = 0, predicted = 0, errors = 0, squared_errors = 0, products = 0, squared_labels = 0, squared_predicted = 0;
    int64_t n = 0;
    for (int64_t i = first; i < end; i++) {
        if (dli_masked(r, i, k))
            continue;
        const float y = r->labels[i * m->columns + k], p = r->predictions[i * m->columns + k], e = p - y;
        labels += y;
        predicted += p;
        errors += fabsf(e);
        squared_errors += e * e;
        products += y * p;
        squared_labels += y * y;
        squared_predicted += p * p;
        n++;
    }
    const double before = m->sum[DLI_EXAMPLES][k], after = before + (double)n;
    m->sum[DLI_LABELS][k] += (double)labels;
    m->sum[DLI_SUM_LABELS][k] += (double)labels;
    m->sum[DLI_ABSOLUTE_ERRORS][k] += (double)errors;
    m->sum[DLI_SQUARED_ERRORS][k] += (double)squared_errors;
    m->sum[DLI_PRODUCTS][k] += (double)products;
    m->sum[DLI_SQUARED_LABELS][k] += (double)squared_labels;
    m->sum[DLI_SQUARED_PREDICTED][k] += (double)squared_predicted;
    if (n == 0)
        return;
    m->sum[DLI_MEAN][k] = (m->sum[DLI_MEAN][k] * before + (double)labels) / after;
    m->sum[DLI_PREDICTED_MEAN][k] = (m->sum[DLI_PREDICTED_MEAN][k] * before + (double)predicted) / after;
    m->sum[DLI_EXAMPLES][k] = after;
}

void dli_regression_add(dl4c_measure *m, const struct dli_rows *r)
{
    for (int64_t first = 0; first < r->n; first += DLI_SUM_ROWS)
        for (int32_t k = 0; k < m->columns; k++)
            add_part(m, r, first, first + DLI_SUM_ROWS < r->n ? first + DLI_SUM_ROWS : r->n, k);
}

void dli_regression_merge(dl4c_measure *m, const dl4c_measure *other)
{
    for (int32_t k = 0; k < m->columns; k++) {
        const double a = m->sum[DLI_EXAMPLES][k], b = other->sum[DLI_EXAMPLES][k];
        for (int i = 0; i < DLI_SUMS; i++) {
            if (i != DLI_MEAN && i != DLI_PREDICTED_MEAN)
                m->sum[i][k] += other->sum[i][k];
            else if (a + b > 0)
                m->sum[i][k] = (m->sum[i][k] * a + other->sum[i][k] * b) / (a + b);
        }
    }
}

double dli_regression_value(const dl4c_measure *m, int32_t metric, int32_t k)
{
    const double n = m->sum[DLI_EXAMPLES][k], mean = m->sum[DLI_MEAN][k], predicted_mean = m->sum[DLI_PREDICTED_MEAN][k];
    const double squared_labels = m->sum[DLI_SQUARED_LABELS][k], squared_predicted = m->sum[DLI_SQUARED_PREDICTED][k];
    const double products = m->sum[DLI_PRODUCTS][k], squared_errors = m->sum[DLI_SQUARED_ERRORS][k];
    switch (metric) {
    case DL4C_METRIC_MSE: return squared_errors / n;
    case DL4C_METRIC_MAE: return m->sum[DLI_ABSOLUTE_ERRORS][k] / n;
    case DL4C_METRIC_RMSE: return sqrt(squared_errors / n);
    case DL4C_METRIC_RSE: {
        const double above = squared_predicted - 2 * products + squared_labels, below = squared_labels - n * mean * mean;
        return fabs(below) > 1e-5 ? above / below : (double)INFINITY;
    }
    case DL4C_METRIC_PC:
        return (products - n * predicted_mean * mean) /
               (sqrt(squared_labels - n * mean * mean) * sqrt(squared_predicted - n * predicted_mean * predicted_mean));
    case DL4C_METRIC_R2: {
        const double total = squared_labels + mean * (n * mean - 2 * m->sum[DLI_SUM_LABELS][k]);
        return (total - squared_errors) / total;
    }
    default: return (double)NAN;
    }
}
