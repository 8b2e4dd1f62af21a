/* SPDX-License-Identifier: Apache-2.0 */
/* A measure's life: creation, adding rows, merging, and its numbers. */
#include "evaluation/measure.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 1 << 20, MOST_STEPS = 1 << 20, MOST_BINS = 1 << 16, KNOWN_FLAGS = 7 };

static bool has_roc(const struct dl4c_measure_options *o)
{
    return (o->kind >= DL4C_MEASURE_ROC && o->kind <= DL4C_MEASURE_ROC_MULTICLASS) ||
           (o->kind == DL4C_MEASURE_BINARY && o->flags & DL4C_MEASURE_WITH_ROC);
}

static dl4c_status check_options(const struct dl4c_measure_options *o, struct dl4c_error *err)
{
    if (o->kind < DL4C_MEASURE_BINARY || o->kind > DL4C_MEASURE_CALIBRATION)
        return dli_fail(err, DL4C_E_INVALID, "measure", "kind %" PRId32 " is not known", o->kind);
    const int32_t most = o->kind == DL4C_MEASURE_ROC ? 2 : MOST_COLUMNS;
    if (o->columns < 1 || o->columns > most)
        return dli_fail(err, DL4C_E_INVALID, "measure", "columns is %" PRId32 ", wanted 1 to %" PRId32, o->columns, most);
    if (o->steps < 0 || o->steps > MOST_STEPS)
        return dli_fail(err, DL4C_E_INVALID, "measure", "steps is %" PRId32 ", wanted 0 to %d", o->steps, MOST_STEPS);
    if (o->digits < 0 || o->digits > 17)
        return dli_fail(err, DL4C_E_INVALID, "measure", "digits is %" PRId32 ", wanted 0 to 17", o->digits);
    if (o->reliability_bins < 0 || o->reliability_bins > MOST_BINS || o->histogram_bins < 0 || o->histogram_bins > MOST_BINS)
        return dli_fail(err, DL4C_E_INVALID, "measure", "bins are %" PRId32 " and %" PRId32 ", wanted 0 to %d", o->reliability_bins,
                        o->histogram_bins, MOST_BINS);
    if (o->flags & ~KNOWN_FLAGS || o->reserved)
        return dli_fail(err, DL4C_E_INVALID, "measure", "flags %#" PRIx32 " are not known", (uint32_t)(o->flags & ~KNOWN_FLAGS));
    for (int32_t i = 0; o->names && i < o->columns; i++)
        if (!o->names[i])
            return dli_fail(err, DL4C_E_INVALID, "measure", "names[%" PRId32 "] is NULL, wanted a name", i);
    for (int32_t i = 0; o->thresholds && i < o->columns; i++)
        if (!(o->thresholds[i] >= 0.0f && o->thresholds[i] <= 1.0f))
            return dli_fail(err, DL4C_E_INVALID, "measure", "threshold %s of column %" PRId32 " is outside 0 to 1",
                            DLI_NUM((double)o->thresholds[i]), i);
    return DL4C_OK;
}

static dl4c_status make_roc(dl4c_measure *m, struct dl4c_error *err)
{
    const int32_t n = m->kind == DL4C_MEASURE_ROC ? 1 : m->columns;
    m->roc = dli_calloc(m->ctx, (size_t)n, sizeof *m->roc, err);
    if (!m->roc)
        return dli_alloc_status();
    m->n_roc = n;
    for (int32_t i = 0; i < n; i++)
        DLI_TRY(dli_roc_init(m->ctx, &m->roc[i], m->steps, m->flags & DL4C_MEASURE_ALL_POINTS, err));
    return DL4C_OK;
}

static dl4c_status make(dl4c_measure *m, const struct dl4c_measure_options *o, struct dl4c_error *err)
{
    const size_t n = (size_t)m->columns;
    if (o->names) {
        m->names = dli_calloc(m->ctx, n, sizeof *m->names, err);
        for (size_t i = 0; m->names && i < n; i++)
            if (!(m->names[i] = dli_strdup(m->ctx, o->names[i], err)))
                return dli_alloc_status();
        if (!m->names)
            return dli_alloc_status();
    }
    if (m->kind == DL4C_MEASURE_BINARY) {
        m->tp = dli_calloc(m->ctx, 4 * n, sizeof *m->tp, err);
        m->thresholds = m->tp && o->thresholds ? dli_array(m->ctx, n, sizeof *m->thresholds, err) : NULL;
        if (!m->tp || (o->thresholds && !m->thresholds))
            return dli_alloc_status();
        m->fp = m->tp + n;
        m->tn = m->fp + n;
        m->fn = m->tn + n;
        if (o->thresholds)
            memcpy(m->thresholds, o->thresholds, n * sizeof *m->thresholds);
    }
    if (has_roc(o))
        return make_roc(m, err);
    if (m->kind == DL4C_MEASURE_REGRESSION)
        return dli_regression_init(m, err);
    return m->kind == DL4C_MEASURE_CALIBRATION ? dli_calibration_init(m, err) : DL4C_OK;
}

dl4c_status dl4c_measure_create(dl4c_context *ctx, const struct dl4c_measure_options *options, dl4c_measure **m, struct dl4c_error *err)
{
    if (!m)
        return dli_fail(err, DL4C_E_INVALID, "measure", "m is NULL");
    *m = NULL;
    struct dl4c_measure_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "measure", err));
    DLI_TRY(check_options(&o, err));
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    dl4c_measure *made = dli_calloc(ctx, 1, sizeof *made, err);
    if (!made) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    made->ctx = ctx;
    made->kind = o.kind;
    made->columns = o.columns;
    made->steps = o.steps;
    made->digits = o.digits ? o.digits : o.kind == DL4C_MEASURE_REGRESSION ? 5 : 4;
    made->reliability_bins = o.reliability_bins ? o.reliability_bins : 10;
    made->histogram_bins = o.histogram_bins ? o.histogram_bins : 50;
    made->flags = o.flags;
    const dl4c_status status = make(made, &o, err);
    if (status != DL4C_OK)
        dl4c_measure_destroy(&made);
    *m = made;
    return status;
}

void dl4c_measure_destroy(dl4c_measure **m)
{
    if (!m || !*m)
        return;
    dl4c_measure *old = *m;
    *m = NULL;
    for (int32_t i = 0; old->names && i < old->columns; i++)
        dli_free(old->names[i]);
    dli_free(old->names);
    dli_free(old->thresholds);
    dli_free(old->tp);
    for (int32_t i = 0; i < old->n_roc; i++)
        dli_roc_free(&old->roc[i]);
    dli_free(old->roc);
    dli_free(old->sum[0]);
    dli_calibration_free(old);
    dl4c_context *ctx = old->ctx;
    dli_free(old);
    dli_context_unref(ctx);
}

static dl4c_status check_rows(const dl4c_measure *m, const struct dli_rows *r, struct dl4c_error *err)
{
    const bool by_value = m->kind == DL4C_MEASURE_BINARY || m->kind == DL4C_MEASURE_ROC_BINARY || m->kind == DL4C_MEASURE_REGRESSION;
    if (r->mask && r->mask_columns != 1 && !(by_value && r->mask_columns == m->columns))
        return dli_fail(err, DL4C_E_INVALID, "measure", "a mask of %" PRId32 " columns, wanted one of 1%s", r->mask_columns,
                        by_value ? " or of as many as there are" : "");
    for (int64_t i = 0; i < r->n; i++)
        for (int32_t k = 0; k < m->columns; k++) {
            const float y = r->labels[i * m->columns + k], p = r->predictions[i * m->columns + k];
            if (dli_masked(r, i, k))
                continue;
            if (isnan(p) || isnan(y))
                return dli_fail(err, DL4C_E_DIVERGED, "measure", "the %s in row %" PRId64 ", column %" PRId32 " is NaN",
                                isnan(p) ? "prediction" : "label", i, k);
            if (m->kind != DL4C_MEASURE_REGRESSION && y != 0.0f && y != 1.0f)
                return dli_fail(err, DL4C_E_INVALID, "measure", "the label in row %" PRId64 ", column %" PRId32 " is %s, wanted 0 or 1", i,
                                k, DLI_NUM((double)y));
        }
    return DL4C_OK;
}

static void add_binary(dl4c_measure *m, const struct dli_rows *r)
{
    for (int64_t i = 0; i < r->n; i++)
        for (int32_t k = 0; k < m->columns; k++) {
            const bool yes = r->predictions[i * m->columns + k] > (m->thresholds ? m->thresholds[k] : 0.5f);
            const bool label = r->labels[i * m->columns + k] == 1.0f;
            if (!dli_masked(r, i, k))
                (yes ? label ? m->tp : m->fp : label ? m->fn : m->tn)[k]++;
        }
}

static dl4c_status check_open(const dl4c_measure *m, struct dl4c_error *err)
{
    for (int32_t k = 0; k < m->n_roc; k++)
        if (m->roc[k].read)
            return dli_fail(err, DL4C_E_STATE, "measure", "exact curves read from JSON have no predictions, so that nothing can be added");
    return DL4C_OK;
}

dl4c_status dl4c_measure_add(dl4c_measure *m, const float *labels, const float *predictions, const float *mask, int32_t mask_columns,
                             int64_t n, struct dl4c_error *err)
{
    if (!m)
        return dli_fail(err, DL4C_E_INVALID, "measure", "m is NULL");
    if (n < 0 || (n > 0 && (!labels || !predictions)))
        return dli_fail(err, DL4C_E_INVALID, "measure", "%" PRId64 " rows with labels %s and predictions %s", n, labels ? "given" : "NULL",
                        predictions ? "given" : "NULL");
    const struct dli_rows r = { labels, predictions, mask, mask_columns, n };
    DLI_TRY(check_open(m, err));
    DLI_TRY(check_rows(m, &r, err));
    for (int32_t k = 0; k < m->n_roc; k++)
        DLI_TRY(dli_roc_reserve(m->ctx, &m->roc[k], n, err));
    if (m->kind == DL4C_MEASURE_BINARY)
        add_binary(m, &r);
    if (m->kind == DL4C_MEASURE_REGRESSION)
        dli_regression_add(m, &r);
    if (m->kind == DL4C_MEASURE_CALIBRATION)
        dli_calibration_add(m, &r);
    for (int64_t i = 0; i < n && m->n_roc > 0; i++)
        for (int32_t k = m->columns - m->n_roc; k < m->columns; k++) /* of ROC's two columns the second */
            if (!dli_masked(&r, i, k))
                dli_roc_add(&m->roc[m->n_roc == 1 ? 0 : k], predictions[i * m->columns + k], labels[i * m->columns + k] == 1.0f);
    m->rows += n;
    return DL4C_OK;
}

static bool same_thresholds(const dl4c_measure *m, const dl4c_measure *other)
{
    for (int32_t k = 0; k < m->columns && (m->thresholds || other->thresholds); k++)
        if ((m->thresholds ? m->thresholds[k] : 0.5f) != (other->thresholds ? other->thresholds[k] : 0.5f))
            return false;
    return true;
}

dl4c_status dl4c_measure_merge(dl4c_measure *m, const dl4c_measure *other, struct dl4c_error *err)
{
    if (!m || !other)
        return dli_fail(err, DL4C_E_INVALID, "measure", "%s is NULL", m ? "other" : "m");
    if (m->kind != other->kind || m->columns != other->columns || m->steps != other->steps || m->n_roc != other->n_roc ||
        m->reliability_bins != other->reliability_bins || m->histogram_bins != other->histogram_bins || !same_thresholds(m, other))
        return dli_fail(err, DL4C_E_INVALID, "measure",
                        "measures of kinds %" PRId32 " and %" PRId32 ", with %" PRId32 " and %" PRId32
                        " columns, differ in kind, columns, steps, bins or thresholds",
                        m->kind, other->kind, m->columns, other->columns);
    DLI_TRY(check_open(m, err));
    DLI_TRY(check_open(other, err));
    for (int32_t k = 0; k < m->n_roc; k++)
        DLI_TRY(dli_roc_reserve(m->ctx, &m->roc[k], other->roc[k].n, err));
    for (int32_t k = 0; k < m->n_roc; k++)
        dli_roc_merge(&m->roc[k], &other->roc[k]);
    for (size_t i = 0; m->tp && i < 4 * (size_t)m->columns; i++)
        m->tp[i] += other->tp[i];
    if (m->kind == DL4C_MEASURE_REGRESSION)
        dli_regression_merge(m, other);
    if (m->kind == DL4C_MEASURE_CALIBRATION)
        dli_calibration_merge(m, other);
    m->rows += other->rows;
    return DL4C_OK;
}

int32_t dl4c_measure_kind(const dl4c_measure *m) { return m->kind; }
int32_t dl4c_measure_columns(const dl4c_measure *m) { return m->columns; }

static const struct dli_roc *roc_of(const dl4c_measure *m, int32_t column)
{
    return column >= 0 && column < m->n_roc ? &m->roc[column] : NULL;
}

int64_t dl4c_measure_count(const dl4c_measure *m, int32_t column)
{
    int64_t n = 0;
    if (column < 0 || column >= m->columns)
        return 0;
    if (m->tp)
        return m->tp[column] + m->fp[column] + m->tn[column] + m->fn[column];
    if (m->kind == DL4C_MEASURE_REGRESSION)
        return (int64_t)m->sum[DLI_EXAMPLES][column];
    for (int32_t i = 0; m->kind == DL4C_MEASURE_CALIBRATION && i < m->columns; i++)
        n += m->calibration.predicted[i];
    const struct dli_roc *r = roc_of(m, m->kind == DL4C_MEASURE_ROC ? 0 : column);
    return r ? r->n : n;
}

void dl4c_measure_column_counts(const dl4c_measure *m, int32_t column, int64_t *true_positives, int64_t *false_positives,
                                int64_t *true_negatives, int64_t *false_negatives)
{
    int64_t n[4] = { 0 };
    const struct dli_roc *r = m->tp ? NULL : roc_of(m, column);
    if (m->tp && column >= 0 && column < m->columns) {
        n[0] = m->tp[column];
        n[1] = m->fp[column];
        n[2] = m->tn[column];
        n[3] = m->fn[column];
    } else if (r) {
        n[0] = r->positive;
        n[1] = r->n - r->positive;
    }
    int64_t *const out[4] = { true_positives, false_positives, true_negatives, false_negatives };
    for (int i = 0; i < 4; i++)
        if (out[i])
            *out[i] = n[i];
}

static double ratio(int64_t part, int64_t rest) { return part == 0 && rest == 0 ? 0.0 : (double)part / (double)(part + rest); }

/* Precision and recall of a column are NaN for 0/0, as Deeplearning4j's EvaluationBinary has them; the other rates are 0. */
static double binary_value(const dl4c_measure *m, int32_t metric, int32_t k)
{
    const int64_t tp = m->tp[k], fp = m->fp[k], tn = m->tn[k], fn = m->fn[k];
    const double precision = (double)tp / (double)(tp + fp), recall = (double)tp / (double)(tp + fn);
    switch (metric) {
    case DL4C_METRIC_ACCURACY: return (double)(tp + tn) / (double)(tp + fp + tn + fn);
    case DL4C_METRIC_BALANCED_ACCURACY: return (ratio(tp, fn) + ratio(tn, fp)) / 2.0;
    case DL4C_METRIC_PRECISION: return precision;
    case DL4C_METRIC_RECALL: return recall;
    case DL4C_METRIC_F1: return precision == 0.0 || recall == 0.0 ? 0.0 : 2.0 * precision * recall / (precision + recall);
    case DL4C_METRIC_G_MEASURE: return sqrt(precision * recall);
    case DL4C_METRIC_MCC:
        return ((double)tp * (double)tn - (double)fp * (double)fn) /
               sqrt((double)(tp + fp) * (double)(tp + fn) * (double)(tn + fp) * (double)(tn + fn));
    case DL4C_METRIC_FALSE_POSITIVE_RATE: return ratio(fp, tn);
    case DL4C_METRIC_FALSE_NEGATIVE_RATE: return ratio(fn, tp);
    case DL4C_METRIC_FALSE_ALARM_RATE: return (ratio(fp, tn) + ratio(fn, tp)) / 2.0;
    default: return (double)NAN;
    }
}

dl4c_status dli_measure_area(const dl4c_measure *m, int32_t metric, int32_t column, double *area, struct dl4c_error *err)
{
    struct dli_curve c;
    *area = (double)NAN;
    if (column >= m->n_roc || m->roc[column].n == 0)
        return DL4C_OK;
    if (m->roc[column].read) {
        *area = m->roc[column].area[metric != DL4C_METRIC_AUROC];
        return DL4C_OK;
    }
    DLI_TRY(dli_roc_curve(m->ctx, &m->roc[column], metric == DL4C_METRIC_AUROC ? DL4C_CURVE_ROC : DL4C_CURVE_PRECISION_RECALL, &c, err));
    *area = dli_curve_area(&c);
    dli_curve_free(&c);
    return DL4C_OK;
}

double dl4c_measure_value(const dl4c_measure *m, int32_t metric, int32_t column)
{
    const int32_t columns = m->kind == DL4C_MEASURE_ROC ? 1 : m->columns;
    if (column < -1 || column >= columns || m->rows == 0)
        return (double)NAN;
    if (column == -1) {
        double sum = 0;
        for (int32_t k = 0; k < columns; k++)
            sum += dl4c_measure_value(m, metric, k);
        return sum / columns;
    }
    double area;
    if (metric == DL4C_METRIC_AUROC || metric == DL4C_METRIC_AUPRC)
        return dli_measure_area(m, metric, column, &area, NULL) == DL4C_OK ? area : (double)NAN;
    if (m->kind == DL4C_MEASURE_BINARY)
        return binary_value(m, metric, column);
    return m->kind == DL4C_MEASURE_REGRESSION ? dli_regression_value(m, metric, column) : (double)NAN;
}

dl4c_status dl4c_measure_curve(const dl4c_measure *m, int32_t curve, int32_t column, double **points, int64_t *n_points,
                               struct dl4c_error *err)
{
    if (!m || !points || !n_points)
        return dli_fail(err, DL4C_E_INVALID, "measure", "%s is NULL", !m ? "m" : points ? "n_points" : "points");
    *points = NULL;
    *n_points = 0;
    const bool roc = curve == DL4C_CURVE_ROC || curve == DL4C_CURVE_PRECISION_RECALL;
    const bool calibration = curve >= DL4C_CURVE_RELIABILITY && curve <= DL4C_CURVE_PROBABILITIES;
    if (!(roc && m->n_roc > 0) && !(calibration && m->kind == DL4C_MEASURE_CALIBRATION))
        return dli_fail(err, DL4C_E_INVALID, "measure", "a measure of kind %" PRId32 " has no curve %" PRId32, m->kind, curve);
    const int32_t least = curve == DL4C_CURVE_RESIDUALS || curve == DL4C_CURVE_PROBABILITIES ? -1 : 0, end = roc ? m->n_roc : m->columns;
    if (column < least || column >= end)
        return dli_fail(err, DL4C_E_INVALID, "measure", "column %" PRId32 " is outside the %" PRId32, column, end);
    if (m->rows == 0 || (roc && m->roc[column].n == 0))
        return dli_fail(err, DL4C_E_STATE, "measure", "column %" PRId32 " has no data", column);
    if (calibration)
        return dli_calibration_curve(m, curve, column, points, n_points, err);
    struct dli_curve c;
    DLI_TRY(dli_roc_curve(m->ctx, &m->roc[column], curve, &c, err));
    memmove(c.threshold + c.n, c.x, (size_t)c.n * sizeof *c.x);
    memmove(c.threshold + 2 * c.n, c.y, (size_t)c.n * sizeof *c.y);
    dli_free(c.tp);
    *points = c.threshold;
    *n_points = c.n;
    return DL4C_OK;
}
