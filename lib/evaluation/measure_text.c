/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of Deeplearning4j's stats() and toJson() for the measures by column, to the byte. */
#include "base/escape.h"
#include "evaluation/measure.h"

#include <stdio.h>

enum { LABEL_WIDTH = 15 };

static dl4c_status start(const dl4c_measure *m, char **text, struct dli_strbuf *b, struct dl4c_error *err)
{
    if (!m || !text)
        return dli_fail(err, DL4C_E_INVALID, "measure", "%s is NULL", m ? "text" : "m");
    *text = NULL;
    dli_strbuf_init(b, m->ctx);
    return DL4C_OK;
}

/* A failure is the text's: dli_strbuf_take reports it. */
static double area_of(const dl4c_measure *m, struct dli_strbuf *b, int32_t metric, int32_t k)
{
    double area = 0;
    if (b->err.status == DL4C_OK)
        dli_measure_area(m, metric, k, &area, &b->err);
    return area;
}

static void add_name(const dl4c_measure *m, struct dli_strbuf *b, int32_t k, size_t width)
{
    char number[32];
    snprintf(number, sizeof number, m->kind == DL4C_MEASURE_REGRESSION ? "col_%" PRId32 : "%" PRId32, k);
    dli_java_padded(b, m->names ? m->names[k] : number, width);
}

static size_t name_width(const dl4c_measure *m)
{
    size_t width = m->kind == DL4C_MEASURE_REGRESSION ? 0 : LABEL_WIDTH;
    for (int32_t k = 0; k < m->columns; k++) {
        char number[32];
        snprintf(number, sizeof number, "col_%" PRId32, k);
        const size_t n = m->names ? dli_java_length(m->names[k]) : m->kind == DL4C_MEASURE_REGRESSION ? dli_java_length(number) : 0;
        width = n > width ? n : width;
    }
    return width + 5;
}

static void add_count(struct dli_strbuf *b, int64_t n, int width) { dli_strbuf_addf(b, "%-*" PRId64, width, n); }

static void add_stepped(const dl4c_measure *m, struct dli_strbuf *b)
{
    if (m->steps > 0)
        dli_strbuf_addf(
            b, "\n[Note: Thresholded AUC/AUPRC calculation used with %" PRId32 " steps); accuracy may reduced compared to exact mode]",
            m->steps);
}

static void add_heads(struct dli_strbuf *b, const char *const *head, const int *width)
{
    for (int i = 0; head[i]; i++)
        dli_java_padded(b, head[i], (size_t)width[i]);
}

static void binary_stats(const dl4c_measure *m, struct dli_strbuf *b)
{
    static const char *const head[] = { "Accuracy", "F1", "Precision", "Recall", "Total", "TP", "TN", "FP", "FN", NULL };
    static const int width[] = { 12, 12, 12, 12, 8, 7, 7, 7, 7 };
    static const int32_t metric[] = { DL4C_METRIC_ACCURACY, DL4C_METRIC_F1, DL4C_METRIC_PRECISION, DL4C_METRIC_RECALL };
    const size_t name = name_width(m);
    dli_java_padded(b, "Label", name);
    add_heads(b, head, width);
    if (m->n_roc)
        dli_java_padded(b, "AUC", 12);
    if (m->rows == 0) {
        dli_strbuf_add(b, "\n-- No Data --\n");
        return;
    }
    for (int32_t k = 0; k < m->columns; k++) {
        dli_strbuf_addc(b, '\n');
        add_name(m, b, k, name);
        for (int i = 0; i < 4; i++)
            dli_java_fixed(b, dl4c_measure_value(m, metric[i], k), m->digits, 12);
        add_count(b, dl4c_measure_count(m, k), 8);
        add_count(b, m->tp[k], 7);
        add_count(b, m->tn[k], 7);
        add_count(b, m->fp[k], 7);
        add_count(b, m->fn[k], 7);
        if (m->n_roc)
            dli_java_fixed(b, area_of(m, b, DL4C_METRIC_AUROC, k), m->digits, 12);
    }
    if (m->thresholds) {
        dli_strbuf_add(b, "\nPer-output decision thresholds: [");
        for (int32_t k = 0; k < m->columns; k++) {
            dli_strbuf_add(b, k == 0 ? "" : ", ");
            dli_java_float(b, m->thresholds[k]);
        }
        dli_strbuf_addc(b, ']');
    }
}

static void roc_stats(const dl4c_measure *m, struct dli_strbuf *b)
{
    if (m->roc[0].n == 0) {
        dli_strbuf_add(b, "ROC: No data available (no data has been performed)");
        return;
    }
    dli_strbuf_add(b, "AUC (Area under ROC Curve):                ");
    dli_java_double(b, area_of(m, b, DL4C_METRIC_AUROC, 0));
    dli_strbuf_add(b, "\nAUPRC (Area under Precision/Recall Curve): ");
    dli_java_double(b, area_of(m, b, DL4C_METRIC_AUPRC, 0));
    add_stepped(m, b);
}

static void rocs_stats(const dl4c_measure *m, struct dli_strbuf *b)
{
    const bool binary = m->kind == DL4C_MEASURE_ROC_BINARY;
    const size_t name = name_width(m);
    double sum = 0;
    dli_java_padded(b, "Label", name);
    dli_java_padded(b, "AUC", 12);
    if (binary)
        dli_java_padded(b, "AUPRC", 12);
    dli_strbuf_add(b, "# Pos     # Neg     ");
    if (m->rows == 0) {
        dli_strbuf_add(b, "\n-- No Data --\n");
        return;
    }
    for (int32_t k = 0; k < m->columns; k++) {
        const double auc = area_of(m, b, DL4C_METRIC_AUROC, k);
        dli_strbuf_addc(b, '\n');
        add_name(m, b, k, name);
        dli_java_fixed(b, auc, m->digits, 12);
        if (binary)
            dli_java_fixed(b, area_of(m, b, DL4C_METRIC_AUPRC, k), m->digits, 12);
        add_count(b, m->roc[k].positive, 10);
        add_count(b, m->roc[k].n - m->roc[k].positive, 10);
        sum += auc;
    }
    if (!binary) { /* no newline before it in Deeplearning4j either */
        dli_strbuf_add(b, "Average AUC: ");
        dli_java_fixed(b, sum / m->columns, m->digits, 12);
    }
    add_stepped(m, b);
}

static void regression_stats(const dl4c_measure *m, struct dli_strbuf *b)
{
    static const char *const head[] = { "MSE", "MAE", "RMSE", "RSE", "PC", "R^2" };
    const size_t name = name_width(m);
    dli_java_padded(b, "Column", name);
    for (int i = 0; i < 6; i++)
        dli_java_padded(b, head[i], (size_t)m->digits + 10);
    dli_strbuf_addc(b, '\n');
    for (int32_t k = 0; k < m->columns; k++) {
        add_name(m, b, k, name);
        for (int i = 0; i < 6; i++)
            dli_java_scientific(b, dli_regression_value(m, DL4C_METRIC_MSE + i, k), m->digits, m->digits + 10);
        dli_strbuf_addc(b, '\n');
    }
}

dl4c_status dl4c_measure_stats(const dl4c_measure *m, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(m, text, &b, err));
    switch (m->kind) {
    case DL4C_MEASURE_BINARY: binary_stats(m, &b); break;
    case DL4C_MEASURE_ROC: roc_stats(m, &b); break;
    case DL4C_MEASURE_REGRESSION: regression_stats(m, &b); break;
    case DL4C_MEASURE_CALIBRATION: dli_strbuf_addf(&b, "EvaluationCalibration(nBins=%" PRId32 ")", m->reliability_bins); break;
    default: rocs_stats(m, &b);
    }
    return dli_strbuf_take(&b, text, err);
}

/* --- JSON --- */

static void add_curve(const dl4c_measure *m, struct dli_jackson *j, const struct dli_roc *r, bool precision)
{
    struct dli_curve c;
    if (j->b->err.status != DL4C_OK ||
        dli_roc_curve(m->ctx, r, precision ? DL4C_CURVE_PRECISION_RECALL : DL4C_CURVE_ROC, &c, &j->b->err) != DL4C_OK)
        return;
    dli_jackson_key(j, precision ? "prCurve" : "rocCurve");
    dli_jackson_open(j, precision ? "org.nd4j.evaluation.curves.PrecisionRecallCurve" : "org.nd4j.evaluation.curves.RocCurve");
    dli_jackson_doubles(j, "threshold", c.threshold, c.n);
    if (precision) {
        dli_jackson_doubles(j, "precision", c.y, c.n);
        dli_jackson_doubles(j, "recall", c.x, c.n);
        dli_jackson_ints(j, "tpCount", c.tp, c.n);
        dli_jackson_ints(j, "fpCount", c.fp, c.n);
        dli_jackson_ints(j, "fnCount", c.fn, c.n);
        dli_jackson_int(j, "totalCount", r->n);
    } else {
        dli_jackson_doubles(j, "fpr", c.x, c.n);
        dli_jackson_doubles(j, "tpr", c.y, c.n);
    }
    dli_jackson_double(j, precision ? "area" : "auc", dli_curve_area(&c));
    dli_jackson_close(j);
    dli_curve_free(&c);
}

static void add_steps(struct dli_jackson *j, const struct dli_roc *r)
{
    dli_jackson_key(j, "counts");
    dli_jackson_open(j, NULL);
    for (int32_t i = 0; r->steps > 0 && i <= r->steps; i++) {
        const double threshold = i * (1.0 / r->steps);
        dli_strbuf_add(j->b, j->any ? "," : "");
        dli_strbuf_addc(j->b, '\n');
        dli_strbuf_pad(j->b, ' ', 2 * (size_t)j->depth);
        dli_strbuf_addc(j->b, '"');
        dli_java_double(j->b, threshold);
        dli_strbuf_add(j->b, "\" : ");
        dli_jackson_open(j, NULL);
        dli_jackson_double(j, "threshold", threshold);
        dli_jackson_int(j, "countTruePositive", r->true_positive[i]);
        dli_jackson_int(j, "countFalsePositive", r->false_positive[i]);
        dli_jackson_close(j);
    }
    dli_jackson_close(j);
}

static void add_roc(const dl4c_measure *m, struct dli_jackson *j, int32_t k)
{
    const struct dli_roc *r = &m->roc[k];
    dli_jackson_open(j, "org.nd4j.evaluation.classification.ROC");
    dli_jackson_int(j, "thresholdSteps", r->steps);
    dli_jackson_int(j, "countActualPositive", r->positive);
    dli_jackson_int(j, "countActualNegative", r->n - r->positive);
    add_steps(j, r);
    if (r->n > 0) {
        dli_jackson_double(j, "auc", area_of(m, j->b, DL4C_METRIC_AUROC, k));
        dli_jackson_double(j, "auprc", area_of(m, j->b, DL4C_METRIC_AUPRC, k));
    }
    if (r->n > 0 && r->steps == 0) {
        add_curve(m, j, r, false);
        add_curve(m, j, r, true);
    }
    dli_jackson_bool(j, "isExact", r->steps == 0);
    dli_jackson_int(j, "exampleCount", r->n);
    dli_jackson_bool(j, "rocRemoveRedundantPts", !r->all_points);
    dli_jackson_close(j);
}

static void add_underlying(const dl4c_measure *m, struct dli_jackson *j)
{
    if (m->rows == 0) {
        dli_jackson_null(j, "underlying");
        return;
    }
    dli_jackson_key(j, "underlying");
    dli_strbuf_add(j->b, "[ ");
    for (int32_t k = 0; k < m->n_roc; k++) {
        dli_strbuf_add(j->b, k == 0 ? "" : ", ");
        add_roc(m, j, k);
    }
    dli_strbuf_add(j->b, " ]");
}

static void add_rocs(const dl4c_measure *m, struct dli_jackson *j, bool multiclass, char *const *names)
{
    dli_jackson_open(j, multiclass ? "org.nd4j.evaluation.classification.ROCMultiClass" : "org.nd4j.evaluation.classification.ROCBinary");
    if (!multiclass)
        add_underlying(m, j);
    dli_jackson_int(j, "thresholdSteps", m->steps);
    dli_jackson_bool(j, "rocRemoveRedundantPts", !(m->flags & DL4C_MEASURE_ALL_POINTS));
    if (multiclass)
        add_underlying(m, j);
    dli_jackson_texts(j, "labels", names, m->columns);
    dli_jackson_int(j, "axis", 1);
    dli_jackson_close(j);
}

static void add_counts(const dl4c_measure *m, struct dli_jackson *j, const char *key, const int64_t *v)
{
    if (m->rows == 0)
        dli_jackson_null(j, key);
    else
        dli_jackson_ints(j, key, v, m->columns);
}

static void binary_json(const dl4c_measure *m, struct dli_jackson *j)
{
    dli_jackson_open(j, "org.nd4j.evaluation.classification.EvaluationBinary");
    dli_jackson_int(j, "axis", 1);
    add_counts(m, j, "countTruePositive", m->tp);
    add_counts(m, j, "countFalsePositive", m->fp);
    add_counts(m, j, "countTrueNegative", m->tn);
    add_counts(m, j, "countFalseNegative", m->fn);
    if (m->n_roc) {
        dli_jackson_key(j, "rocBinary");
        add_rocs(m, j, false, NULL);
    } else {
        dli_jackson_null(j, "rocBinary");
    }
    dli_jackson_texts(j, "labels", m->names, m->columns);
    if (m->thresholds) {
        dli_jackson_floats(j, "decisionThreshold", m->thresholds, m->columns);
    } else {
        dli_jackson_null(j, "decisionThreshold");
    }
    dli_jackson_close(j);
}

static void regression_json(const dl4c_measure *m, struct dli_jackson *j)
{
    dli_jackson_open(j, "org.nd4j.evaluation.regression.RegressionEvaluation");
    dli_jackson_int(j, "axis", 1);
    dli_jackson_bool(j, "initialized", true);
    dli_jackson_key(j, "columnNames");
    for (int32_t k = 0; k < m->columns; k++) {
        dli_strbuf_add(j->b, k == 0 ? "[ " : ", ");
        if (m->names)
            dli_strbuf_json(j->b, m->names[k]);
        else
            dli_strbuf_addf(j->b, "\"col_%" PRId32 "\"", k);
    }
    dli_strbuf_add(j->b, " ]");
    dli_jackson_int(j, "precision", m->digits);
    for (int i = 0; i < DLI_SUMS; i++) {
        dli_jackson_key(j, dli_regression_keys[i]);
        dli_jackson_open(j, NULL);
        dli_jackson_key(j, "dataType");
        dli_strbuf_add(j->b, "\"DOUBLE\"");
        dli_jackson_ints(j, "shape", (int64_t[]){ m->columns }, 1);
        dli_jackson_doubles(j, "data", m->sum[i], m->columns);
        dli_jackson_close(j);
    }
    dli_jackson_close(j);
}

dl4c_status dl4c_measure_dl4j_json(const dl4c_measure *m, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(m, text, &b, err));
    struct dli_jackson j = { .b = &b };
    switch (m->kind) {
    case DL4C_MEASURE_BINARY: binary_json(m, &j); break;
    case DL4C_MEASURE_ROC: add_roc(m, &j, 0); break;
    case DL4C_MEASURE_REGRESSION: regression_json(m, &j); break;
    case DL4C_MEASURE_CALIBRATION: dli_calibration_json(m, &j); break;
    default: add_rocs(m, &j, m->kind == DL4C_MEASURE_ROC_MULTICLASS, m->names);
    }
    return dli_strbuf_take(&b, text, err);
}
