/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the JSON of Deeplearning4j's EvaluationBinary, ROC, ROCBinary, ROCMultiClass, RegressionEvaluation and EvaluationCalibration. */
#include "base/number.h"
#include "evaluation/measure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_COUNT (INT64_C(1) << 53)

struct reading {
    dl4c_context *ctx;
    const json_t *root;
    size_t size;      /* of the text */
    const char *name; /* of the class, for messages */
    struct dl4c_measure_options o;
    const char **names;
    float *thresholds;
};

static dl4c_status bad(const struct reading *r, struct dl4c_error *err, const char *what)
{
    return dli_fail(err, DL4C_E_CORRUPT, "measure", "the JSON of %s has %s", r->name, what);
}

/* What is not finite stands in quotes. */
static bool number(const json_t *v, double *out)
{
    static const struct {
        const char *text;
        double value;
    } words[] = { { "NaN", (double)NAN }, { "Infinity", (double)INFINITY }, { "-Infinity", -(double)INFINITY } };
    if (json_is_number(v)) {
        *out = json_number_value(v);
        return true;
    }
    for (size_t i = 0; json_is_string(v) && i < sizeof words / sizeof *words; i++)
        if (strcmp(json_string_value(v), words[i].text) == 0) {
            *out = words[i].value;
            return true;
        }
    return false;
}

static bool count(const json_t *v, int64_t *out)
{
    const json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    *out = (int64_t)n;
    return n >= 0 && n <= MOST_COUNT;
}

static bool flag(const json_t *o, const char *key, bool def)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : def;
}

static bool doubles(const json_t *array, int64_t n, double *out)
{
    if (!json_is_array(array) || json_array_size(array) != (size_t)n)
        return false;
    for (int64_t i = 0; i < n; i++)
        if (!number(json_array_get(array, (size_t)i), &out[i]))
            return false;
    return true;
}

static bool counts(const json_t *array, int64_t n, int64_t *out)
{
    if (!json_is_array(array) || json_array_size(array) != (size_t)n)
        return false;
    for (int64_t i = 0; i < n; i++)
        if (!count(json_array_get(array, (size_t)i), &out[i]))
            return false;
    return true;
}

/* The values of an array written as text: {dataType, shape, data}, before 1.0.0-beta3 the data alone. */
static const json_t *text_array(const json_t *v) { return json_is_array(v) ? v : json_object_get(v, "data"); }

/* A table may have 4096 times the text that asks for it, as a matrix of Evaluation may. */
static dl4c_status check_room(const struct reading *r, double bytes, struct dl4c_error *err)
{
    if (bytes <= (double)(64 << 20) || bytes / 4096 <= (double)r->size)
        return DL4C_OK;
    return dli_fail(err, DL4C_E_LIMIT, "measure", "the tables of %s have more than 4096 times the %zu bytes that ask for them", r->name,
                    r->size);
}

static dl4c_status read_columns(struct reading *r, size_t n, struct dl4c_error *err)
{
    if (n < 1 || n > 1 << 20)
        return bad(r, err, "neither data nor names that say how many columns there are, 1 to 1048576");
    r->o.columns = (int32_t)n;
    return DL4C_OK;
}

/* Names in a list, or none. */
static dl4c_status read_names(struct reading *r, const json_t *list, struct dl4c_error *err)
{
    const size_t n = json_array_size(list);
    if (!list || json_is_null(list))
        return DL4C_OK;
    if (n != (size_t)r->o.columns)
        return n == 0 ? DL4C_OK : bad(r, err, "another number of names than of columns");
    r->names = dli_array(r->ctx, n, sizeof *r->names, err);
    if (!r->names)
        return dli_alloc_status();
    for (size_t i = 0; i < n; i++)
        if (!(r->names[i] = json_string_value(json_array_get(list, i))))
            return bad(r, err, "a name that is no text");
    r->o.names = r->names;
    return DL4C_OK;
}

static dl4c_status read_int(const struct reading *r, const json_t *o, const char *key, int64_t most, int64_t def, int32_t *out,
                            struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    int64_t n = def;
    if (v && (!count(v, &n) || n > most)) {
        char what[80];
        snprintf(what, sizeof what, "a %s outside 0 to %" PRId64, key, most);
        return bad(r, err, what);
    }
    *out = (int32_t)n;
    return DL4C_OK;
}

/* --- curves --- */

static dl4c_status read_curve(const struct reading *r, const json_t *o, bool precision, struct dli_curve *c, struct dl4c_error *err)
{
    const json_t *threshold = json_object_get(o, "threshold");
    const int64_t n = (int64_t)json_array_size(threshold);
    if (n < 2)
        return bad(r, err, "an exact ROC without its curves");
    DLI_TRY(dli_curve_make(r->ctx, c, n, precision, err));
    if (!doubles(threshold, n, c->threshold) || !doubles(json_object_get(o, precision ? "recall" : "fpr"), n, c->x) ||
        !doubles(json_object_get(o, precision ? "precision" : "tpr"), n, c->y))
        return bad(r, err, "a curve whose arrays differ in length or hold no numbers");
    if (precision && (!counts(json_object_get(o, "tpCount"), n, c->tp) || !counts(json_object_get(o, "fpCount"), n, c->fp) ||
                      !counts(json_object_get(o, "fnCount"), n, c->fn)))
        return bad(r, err, "a precision and recall curve without its counts");
    return DL4C_OK;
}

/* Each threshold 0, 1/steps, ..., 1 once. */
static dl4c_status read_steps(const struct reading *r, const json_t *o, struct dli_roc *c, struct dl4c_error *err)
{
    json_t *all = json_object_get(o, "counts"), *one;
    const char *key;
    if (json_object_size(all) != (size_t)c->steps + 1)
        return bad(r, err, "another number of counts than of steps");
    memset(c->true_positive, -1, ((size_t)c->steps + 1) * sizeof *c->true_positive);
    json_object_foreach(all, key, one)
    {
        double t;
        int64_t tp, fp;
        if (!number(json_object_get(one, "threshold"), &t) || !(t >= 0 && t <= 1) ||
            !count(json_object_get(one, "countTruePositive"), &tp) || !count(json_object_get(one, "countFalsePositive"), &fp))
            return bad(r, err, "a step that has no threshold and counts");
        const int32_t i = (int32_t)(t * c->steps + 0.5);
        if (fabs(t - i * (1.0 / c->steps)) > 1e-9 || c->true_positive[i] >= 0 || tp > c->positive || fp > c->n - c->positive)
            return bad(r, err, "steps that contradict their thresholds or the examples");
        c->true_positive[i] = tp;
        c->false_positive[i] = fp;
    }
    return DL4C_OK;
}

static dl4c_status read_roc(const struct reading *r, const json_t *o, struct dli_roc *c, struct dl4c_error *err)
{
    int32_t steps = 0;
    int64_t negative = 0, n;
    double area;
    DLI_TRY(read_int(r, o, "thresholdSteps", INT32_MAX, 0, &steps, err));
    if (!json_is_object(o) || steps != c->steps || flag(o, "isExact", steps == 0) != (steps == 0))
        return bad(r, err, "curves that differ in their steps");
    if (!count(json_object_get(o, "countActualPositive"), &c->positive) || !count(json_object_get(o, "countActualNegative"), &negative) ||
        c->positive + negative > MOST_COUNT)
        return bad(r, err, "a ROC without the numbers of its examples");
    c->n = c->positive + negative;
    if (json_object_get(o, "exampleCount") && (!count(json_object_get(o, "exampleCount"), &n) || n != c->n))
        return bad(r, err, "an exampleCount that is not the sum of positive and negative examples");
    if (c->steps > 0)
        return read_steps(r, o, c, err);
    if (c->n == 0)
        return DL4C_OK;
    c->read = true;
    for (int i = 0; i < 2; i++) {
        DLI_TRY(read_curve(r, json_object_get(o, i ? "prCurve" : "rocCurve"), i == 1, &c->curve[i], err));
        c->area[i] = number(json_object_get(o, i ? "auprc" : "auc"), &area) ? area : dli_curve_area(&c->curve[i]);
    }
    return DL4C_OK;
}

/* thresholdSteps and which points are kept, of a ROC or of what holds several. */
static dl4c_status read_roc_options(struct reading *r, const json_t *o, struct dl4c_error *err)
{
    if (!flag(o, "rocRemoveRedundantPts", true))
        r->o.flags |= DL4C_MEASURE_ALL_POINTS;
    DLI_TRY(read_int(r, o, "thresholdSteps", 1 << 20, 0, &r->o.steps, err));
    return check_room(r, 16.0 * (r->o.steps + 1.0) * r->o.columns, err);
}

static dl4c_status read_underlying(const struct reading *r, const json_t *o, dl4c_measure *m, struct dl4c_error *err)
{
    const json_t *all = json_object_get(o, "underlying");
    if (!all || json_is_null(all))
        return DL4C_OK;
    if (json_array_size(all) != (size_t)m->columns)
        return bad(r, err, "another number of curves than of columns");
    for (int32_t k = 0; k < m->columns; k++) {
        DLI_TRY(read_roc(r, json_array_get(all, (size_t)k), &m->roc[k], err));
        m->rows = m->roc[k].n > m->rows ? m->roc[k].n : m->rows;
    }
    return DL4C_OK;
}

static dl4c_status rocs_options(struct reading *r, struct dl4c_error *err)
{
    const json_t *labels = json_object_get(r->root, "labels"), *all = json_object_get(r->root, "underlying");
    DLI_TRY(read_columns(r, json_is_array(all) ? json_array_size(all) : json_array_size(labels), err));
    DLI_TRY(read_names(r, labels, err));
    return read_roc_options(r, r->root, err);
}

static dl4c_status roc_options(struct reading *r, struct dl4c_error *err)
{
    r->o.columns = 2; /* the second is the one that counts, as of a softmax of two */
    return read_roc_options(r, r->root, err);
}

static dl4c_status rocs_state(const struct reading *r, dl4c_measure *m, struct dl4c_error *err)
{
    return read_underlying(r, r->root, m, err);
}

static dl4c_status roc_state(const struct reading *r, dl4c_measure *m, struct dl4c_error *err)
{
    DLI_TRY(read_roc(r, r->root, &m->roc[0], err));
    m->rows = m->roc[0].n;
    return DL4C_OK;
}

/* --- counts of yes and no --- */

static dl4c_status binary_options(struct reading *r, struct dl4c_error *err)
{
    const json_t *tp = json_object_get(r->root, "countTruePositive"), *labels = json_object_get(r->root, "labels");
    const json_t *rocs = json_object_get(r->root, "rocBinary"), *thresholds = json_object_get(r->root, "decisionThreshold");
    const json_t *values = text_array(thresholds);
    const json_t *widest = json_is_array(tp) ? tp : json_is_array(labels) ? labels : values;
    DLI_TRY(read_columns(r, json_array_size(widest), err));
    DLI_TRY(read_names(r, labels, err));
    if (json_is_object(rocs)) {
        r->o.flags |= DL4C_MEASURE_WITH_ROC;
        DLI_TRY(read_roc_options(r, rocs, err));
    }
    if (!thresholds || json_is_null(thresholds))
        return DL4C_OK;
    if (json_array_size(values) != (size_t)r->o.columns)
        return bad(r, err, "another number of thresholds than of columns");
    r->thresholds = dli_array(r->ctx, (size_t)r->o.columns, sizeof *r->thresholds, err);
    if (!r->thresholds)
        return dli_alloc_status();
    for (int32_t k = 0; k < r->o.columns; k++) {
        double v;
        if (!number(json_array_get(values, (size_t)k), &v) || !(v >= 0 && v <= 1))
            return bad(r, err, "a threshold outside 0 to 1");
        r->thresholds[k] = (float)v;
    }
    r->o.thresholds = r->thresholds;
    return DL4C_OK;
}

static dl4c_status binary_state(const struct reading *r, dl4c_measure *m, struct dl4c_error *err)
{
    static const char *const keys[] = { "countTruePositive", "countFalsePositive", "countTrueNegative", "countFalseNegative" };
    int64_t *const to[] = { m->tp, m->fp, m->tn, m->fn };
    int none = 0;
    for (int i = 0; i < 4; i++) {
        const json_t *v = json_object_get(r->root, keys[i]);
        if (!v || json_is_null(v))
            none++;
        else if (!counts(v, m->columns, to[i]))
            return bad(r, err, "counts that are no numbers, or not as many as columns");
    }
    if (none % 4 != 0)
        return bad(r, err, "some of its four counts, and not all");
    for (int32_t k = 0; k < m->columns; k++) {
        const int64_t n = m->tp[k] + m->fp[k] + m->tn[k] + m->fn[k];
        m->rows = n > m->rows ? n : m->rows;
    }
    const json_t *rocs = json_object_get(r->root, "rocBinary");
    return json_is_object(rocs) ? read_underlying(r, rocs, m, err) : DL4C_OK;
}

/* --- regression --- */

static bool default_name(const char *name, int32_t k)
{
    char number_name[32];
    snprintf(number_name, sizeof number_name, "col_%" PRId32, k);
    return strcmp(name, number_name) == 0;
}

static dl4c_status regression_options(struct reading *r, struct dl4c_error *err)
{
    const json_t *names = json_object_get(r->root, "columnNames");
    const json_t *n = text_array(json_object_get(r->root, "exampleCountPerColumn"));
    bool all = true;
    DLI_TRY(read_columns(r, json_is_array(n) ? json_array_size(n) : json_array_size(names), err));
    DLI_TRY(read_names(r, names, err));
    for (int32_t k = 0; r->names && k < r->o.columns; k++)
        all = all && default_name(r->names[k], k);
    if (all)
        r->o.names = NULL;
    return read_int(r, r->root, "precision", 17, 5, &r->o.digits, err);
}

static dl4c_status regression_state(const struct reading *r, dl4c_measure *m, struct dl4c_error *err)
{
    for (int i = 0; i < DLI_SUMS; i++) {
        const json_t *v = json_object_get(r->root, dli_regression_keys[i]);
        if (i == DLI_SUM_LABELS && (!v || json_is_null(v))) /* older ones had one sum of the labels */
            memcpy(m->sum[i], m->sum[DLI_LABELS], (size_t)m->columns * sizeof *m->sum[i]);
        else if (!doubles(text_array(v), m->columns, m->sum[i]))
            return bad(r, err, "sums that are missing, no numbers, or not as many as columns");
    }
    for (int32_t k = 0; k < m->columns; k++) {
        const double n = m->sum[DLI_EXAMPLES][k];
        if (!(n >= 0 && n <= (double)MOST_COUNT && n == floor(n)))
            return bad(r, err, "an exampleCountPerColumn that is no count");
        m->rows = (int64_t)n > m->rows ? (int64_t)n : m->rows;
    }
    return DL4C_OK;
}

/* --- calibration --- */

static dl4c_status calibration_options(struct reading *r, struct dl4c_error *err)
{
    DLI_TRY(read_columns(r, json_array_size(text_array(json_object_get(r->root, "labelCountsEachClass"))), err));
    DLI_TRY(read_int(r, r->root, "reliabilityDiagNumBins", 1 << 16, 10, &r->o.reliability_bins, err));
    DLI_TRY(read_int(r, r->root, "histogramNumBins", 1 << 16, 50, &r->o.histogram_bins, err));
    if (r->o.reliability_bins < 1 || r->o.histogram_bins < 1)
        return bad(r, err, "no bins");
    if (!flag(r->root, "excludeEmptyBins", true))
        r->o.flags |= DL4C_MEASURE_EMPTY_BINS;
    return check_room(r, 8.0 * r->o.columns * (4.0 * r->o.reliability_bins + 2.0 * r->o.histogram_bins + 2), err);
}

static dl4c_status calibration_state(const struct reading *r, dl4c_measure *m, struct dl4c_error *err)
{
    struct dli_calibration *c = &m->calibration;
    const struct {
        const char *key;
        int64_t *longs;
        double *doubles;
        int32_t rows;
    } tables[] = { { "rDiagBinPosCount", c->positive, NULL, m->reliability_bins },
                   { "rDiagBinTotalCount", c->total, NULL, m->reliability_bins },
                   { "rDiagBinSumPredictions", NULL, c->sum, m->reliability_bins },
                   { "residualPlotByLabelClass", NULL, c->class_residuals, m->histogram_bins },
                   { "probHistogramByLabelClass", NULL, c->class_probabilities, m->histogram_bins } };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const json_t *v = json_object_get(json_object_get(r->root, tables[i].key), "array");
        if (!json_is_string(v) || !dli_calibration_table(json_string_value(v), json_string_length(v), tables[i].rows, m->columns,
                                                         tables[i].longs, tables[i].doubles))
            return bad(r, err, "a table that is no array of its bins and classes");
    }
    if (!counts(text_array(json_object_get(r->root, "labelCountsEachClass")), m->columns, c->labels) ||
        !counts(text_array(json_object_get(r->root, "predictionCountsEachClass")), m->columns, c->predicted) ||
        !doubles(text_array(json_object_get(r->root, "residualPlotOverall")), m->histogram_bins, c->residuals) ||
        !doubles(text_array(json_object_get(r->root, "probHistogramOverall")), m->histogram_bins, c->probabilities))
        return bad(r, err, "counts or histograms that are missing or of another length");
    for (int32_t k = 0; k < m->columns; k++)
        if ((m->rows += c->predicted[k]) > MOST_COUNT)
            return bad(r, err, "more examples than can be counted");
    return DL4C_OK;
}

static const struct kind {
    const char *name;
    int32_t kind;
    dl4c_status (*options)(struct reading *r, struct dl4c_error *err);
    dl4c_status (*state)(const struct reading *r, dl4c_measure *m, struct dl4c_error *err);
} kinds[] = {
    { "EvaluationBinary", DL4C_MEASURE_BINARY, binary_options, binary_state },
    { "ROC", DL4C_MEASURE_ROC, roc_options, roc_state },
    { "ROCBinary", DL4C_MEASURE_ROC_BINARY, rocs_options, rocs_state },
    { "ROCMultiClass", DL4C_MEASURE_ROC_MULTICLASS, rocs_options, rocs_state },
    { "RegressionEvaluation", DL4C_MEASURE_REGRESSION, regression_options, regression_state },
    { "EvaluationCalibration", DL4C_MEASURE_CALIBRATION, calibration_options, calibration_state },
};

static dl4c_status read_root(struct reading *r, dl4c_measure **m, struct dl4c_error *err)
{
    const char *class = json_string_value(json_object_get(r->root, "@class")), *dot = class ? strrchr(class, '.') : NULL;
    const struct kind *kind = NULL;
    r->name = dot ? dot + 1 : class ? class : "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, r->name) == 0)
            kind = &kinds[i];
    if (!kind)
        return dli_fail(err, DL4C_E_CORRUPT, "measure", "the JSON is of class '%.100s', wanted one that measures columns%s", r->name,
                        strcmp(r->name, "Evaluation") == 0 ? ": an Evaluation is for dl4c_evaluation_from_dl4j" : "");
    r->name = kind->name; /* short */
    r->o.kind = kind->kind;
    DLI_TRY(kind->options(r, err));
    DLI_TRY(dl4c_measure_create(r->ctx, &r->o, m, err));
    return kind->state(r, *m, err);
}

dl4c_status dl4c_measure_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_measure **m, struct dl4c_error *err)
{
    if (!m || !text)
        return dli_fail(err, DL4C_E_INVALID, "measure", "%s is NULL", m ? "text" : "m");
    *m = NULL;
    struct reading r = { .size = size, .o = DL4C_MEASURE_OPTIONS_INIT };
    r.ctx = dli_context_ref(ctx, err);
    if (!r.ctx)
        return DL4C_E_NOMEM;
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    r.root = root;
    dl4c_measure *made = NULL;
    const dl4c_status status = json_is_object(root)
                                   ? read_root(&r, &made, err)
                                   : dli_fail(err, DL4C_E_CORRUPT, "measure", "the text is no JSON object: line %d: %.150s",
                                              root ? 1 : why.line, root ? "another value" : why.text);
    dli_free(r.names);
    dli_free(r.thresholds);
    json_decref(root);
    dli_context_unref(r.ctx);
    if (status != DL4C_OK)
        dl4c_measure_destroy(&made);
    *m = made;
    return status;
}
