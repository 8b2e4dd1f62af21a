/* SPDX-License-Identifier: Apache-2.0 */
/* How far probabilities can be believed: reliability diagrams and histograms, and their JSON. */
#include "evaluation/measure.h"

#include <math.h>
#include <string.h>

dl4c_status dli_calibration_init(dl4c_measure *m, struct dl4c_error *err)
{
    struct dli_calibration *c = &m->calibration;
    const size_t columns = (size_t)m->columns, cells = (size_t)m->reliability_bins * columns, bars = (size_t)m->histogram_bins;
    int64_t *counts = dli_calloc(m->ctx, 2 * cells + 2 * columns, sizeof *counts, err);
    double *sums = counts ? dli_calloc(m->ctx, cells + 2 * bars + 2 * bars * columns, sizeof *sums, err) : NULL;
    c->positive = counts;
    c->sum = sums;
    c->part = sums ? dli_array(m->ctx, cells, sizeof *c->part, err) : NULL;
    if (!c->part)
        return dli_alloc_status();
    c->total = counts + cells;
    c->labels = c->total + cells;
    c->predicted = c->labels + columns;
    c->residuals = sums + cells;
    c->probabilities = c->residuals + bars;
    c->class_residuals = c->probabilities + bars;
    c->class_probabilities = c->class_residuals + bars * columns;
    return DL4C_OK;
}

void dli_calibration_free(dl4c_measure *m)
{
    dli_free(m->calibration.positive);
    dli_free(m->calibration.sum);
    dli_free(m->calibration.part);
}

/* The bin of v in float, as Deeplearning4j compares; -1 outside 0 to 1. The last one has 1 in it. */
static int32_t bin_of(float v, int32_t bins)
{
    const double size = 1.0 / bins;
    if (!(v >= 0.0f && v <= 1.0f))
        return -1;
    int32_t i = (int32_t)((double)v * bins);
    i = i > bins - 1 ? bins - 1 : i;
    while (i > 0 && v < (float)(i * size))
        i--;
    while (i < bins - 1 && v >= (float)((i + 1) * size))
        i++;
    return i;
}

static void add_row(dl4c_measure *m, const float *y, const float *p)
{
    struct dli_calibration *c = &m->calibration;
    int32_t best = 0;
    for (int32_t k = 0; k < m->columns; k++) {
        const bool positive = y[k] == 1.0f;
        const int32_t reliability = bin_of(p[k], m->reliability_bins), probability = bin_of(p[k], m->histogram_bins);
        const int32_t residual = bin_of(fabsf(y[k] - p[k]), m->histogram_bins);
        best = p[k] > p[best] ? k : best;
        c->labels[k] += positive;
        if (reliability >= 0) {
            const size_t at = (size_t)reliability * (size_t)m->columns + (size_t)k;
            c->total[at]++;
            c->positive[at] += positive;
            c->part[at] += p[k];
        }
        if (residual >= 0) {
            c->residuals[residual]++;
            c->class_residuals[(size_t)residual * (size_t)m->columns + (size_t)k] += positive;
        }
        if (probability >= 0) {
            c->probabilities[probability]++;
            c->class_probabilities[(size_t)probability * (size_t)m->columns + (size_t)k] += positive;
        }
    }
    c->predicted[best]++;
}

void dli_calibration_add(dl4c_measure *m, const struct dli_rows *r)
{
    struct dli_calibration *c = &m->calibration;
    const size_t cells = (size_t)m->reliability_bins * (size_t)m->columns;
    for (int64_t first = 0; first < r->n; first += DLI_SUM_ROWS) {
        memset(c->part, 0, cells * sizeof *c->part);
        for (int64_t i = first; i < r->n && i < first + DLI_SUM_ROWS; i++)
            if (!dli_masked(r, i, 0))
                add_row(m, r->labels + i * m->columns, r->predictions + i * m->columns);
        for (size_t i = 0; i < cells; i++)
            c->sum[i] += (double)c->part[i];
    }
}

void dli_calibration_merge(dl4c_measure *m, const dl4c_measure *other)
{
    const size_t columns = (size_t)m->columns, cells = (size_t)m->reliability_bins * columns, bars = (size_t)m->histogram_bins;
    for (size_t i = 0; i < 2 * cells + 2 * columns; i++)
        m->calibration.positive[i] += other->calibration.positive[i];
    for (size_t i = 0; i < cells + 2 * bars + 2 * bars * columns; i++)
        m->calibration.sum[i] += other->calibration.sum[i];
}

dl4c_status dli_calibration_curve(const dl4c_measure *m, int32_t curve, int32_t column, double **points, int64_t *n, struct dl4c_error *err)
{
    const struct dli_calibration *c = &m->calibration;
    const bool reliability = curve == DL4C_CURVE_RELIABILITY, residuals = curve == DL4C_CURVE_RESIDUALS;
    const int32_t bins = reliability ? m->reliability_bins : m->histogram_bins;
    double *p = dli_array(m->ctx, 3 * (size_t)bins, sizeof *p, err);
    if (!p)
        return dli_alloc_status();
    int64_t used = 0;
    double *x = p + bins, *y = x + bins;
    for (int32_t i = 0; i < bins; i++) {
        const size_t at = column < 0 ? 0 : (size_t)i * (size_t)m->columns + (size_t)column;
        p[used] = i * (1.0 / bins);
        if (reliability) {
            if (c->total[at] == 0 && !(m->flags & DL4C_MEASURE_EMPTY_BINS))
                continue;
            x[used] = c->sum[at] / (double)c->total[at];
            y[used] = (double)c->positive[at] / (double)c->total[at];
        } else {
            x[used] = (i + 0.5) / bins;
            y[used] = column < 0 ? (residuals ? c->residuals : c->probabilities)[i]
                                 : (residuals ? c->class_residuals : c->class_probabilities)[at];
        }
        used++;
    }
    memmove(p + used, x, (size_t)used * sizeof *p);
    memmove(p + 2 * used, y, (size_t)used * sizeof *p);
    *points = p;
    *n = used;
    return DL4C_OK;
}

/* --- Nd4j.write, in base64 --- */

struct bytes {
    unsigned char *at;
    size_t n;
};

static void put(struct bytes *b, uint64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--)
        b->at[b->n++] = (unsigned char)(v >> 8 * i);
}

static void put_text(struct bytes *b, const char *text)
{
    put(b, strlen(text), 2);
    memcpy(b->at + b->n, text, strlen(text));
    b->n += strlen(text);
}

static void add_base64(struct dli_strbuf *out, const unsigned char *v, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t w = (uint32_t)v[i] << 16 | (left > 1 ? (uint32_t)v[i + 1] << 8 : 0) | (left > 2 ? v[i + 2] : 0u);
        const char four[] = { digit[w >> 18], digit[w >> 12 & 63], left > 1 ? digit[w >> 6 & 63] : '=', left > 2 ? digit[w & 63] : '=' };
        dli_strbuf_addn(out, four, sizeof four);
        if (i % 57 == 54 || left <= 3) /* lines of 76 */
            dli_strbuf_add(out, "\\r\\n");
    }
}

/* [rows, columns] of longs or doubles; the layout is that of model files: shape information, then the values. */
static void add_array(const dl4c_measure *m, struct dli_jackson *j, const char *key, const int64_t *longs, const double *doubles,
                      int32_t rows)
{
    const size_t n = (size_t)rows * (size_t)m->columns;
    struct bytes b = { .n = 0 };
    dli_jackson_key(j, key);
    if (m->rows == 0) {
        dli_strbuf_add(j->b, "null");
        return;
    }
    b.at = j->b->err.status == DL4C_OK ? dli_array(m->ctx, n + 32, 8, &j->b->err)
                                       : NULL; /* the text's own error: dli_strbuf_take reports it */
    if (!b.at)
        return;
    put_text(&b, "MIXED_DATA_TYPES");
    put(&b, 8, 8);
    put_text(&b, "LONG");
    const uint64_t shape[] = { 2, (uint64_t)rows, (uint64_t)m->columns, (uint64_t)m->columns, 1, longs ? 0x40000 : 0x4000, 1, 'c' };
    for (int i = 0; i < 8; i++)
        put(&b, shape[i], 8);
    put_text(&b, "MIXED_DATA_TYPES");
    put(&b, n, 8);
    put_text(&b, longs ? "LONG" : "DOUBLE");
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, longs ? (const void *)&longs[i] : (const void *)&doubles[i], sizeof bits);
        put(&b, bits, 8);
    }
    dli_jackson_open(j, NULL);
    dli_jackson_key(j, "array");
    dli_strbuf_addc(j->b, '"');
    add_base64(j->b, b.at, b.n);
    dli_strbuf_addc(j->b, '"');
    dli_jackson_close(j);
    dli_free(b.at);
}

/* The values of base64's digits, -1 for others. */
static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

struct base64 {
    const char *at, *end;
    uint32_t bits;
    int n; /* bits that are not taken yet */
};

/* The next byte; -1 at the end, or at what is no base64. */
static int next_byte(struct base64 *b)
{
    while (b->n < 8) {
        while (b->at < b->end && (*b->at == '\r' || *b->at == '\n'))
            b->at++;
        const int v = b->at < b->end ? digit_of(*b->at) : -1;
        if (v < 0)
            return -1;
        b->at++;
        b->bits = (b->bits << 6 | (uint32_t)v) & 0x3FFF;
        b->n += 6;
    }
    b->n -= 8;
    return (int)(b->bits >> b->n & 0xFF);
}

static bool get(struct base64 *b, int bytes, uint64_t *v)
{
    *v = 0;
    for (int i = 0; i < bytes; i++) {
        const int c = next_byte(b);
        if (c < 0)
            return false;
        *v = *v << 8 | (uint64_t)c;
    }
    return true;
}

/* A word of at most 31 bytes behind its length. */
static bool get_text(struct base64 *b, char text[32])
{
    uint64_t n, c;
    if (!get(b, 2, &n) || n > 31)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        if (!get(b, 1, &c))
            return false;
        text[i] = (char)c;
    }
    text[n] = '\0';
    return true;
}

/* An allocation mode, a length, a type. */
static bool get_head(struct base64 *b, const char *type, uint64_t length)
{
    char text[32];
    uint64_t n;
    return get_text(b, text) && get(b, 8, &n) && n == length && get_text(b, text) && strcmp(text, type) == 0;
}

bool dli_calibration_table(const char *text, size_t size, int32_t rows, int32_t columns, int64_t *longs, double *doubles)
{
    struct base64 b = { .at = text, .end = text + size };
    const uint64_t n = (uint64_t)rows * (uint64_t)columns;
    uint64_t shape[8]; /* rank, 2 sizes, 2 strides, type bits, stride of elements, order */
    if (!get_head(&b, "LONG", 8))
        return false;
    for (int i = 0; i < 8; i++)
        if (!get(&b, 8, &shape[i]))
            return false;
    if (shape[0] != 2 || shape[1] != (uint64_t)rows || shape[2] != (uint64_t)columns || (shape[7] != 'c' && shape[7] != 'f') ||
        !get_head(&b, longs ? "LONG" : "DOUBLE", n))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t to = shape[7] == 'c' ? i : i % (uint64_t)rows * (uint64_t)columns + i / (uint64_t)rows;
        uint64_t v;
        if (!get(&b, 8, &v) || (longs && v > UINT64_C(1) << 53))
            return false;
        memcpy(longs ? (void *)&longs[to] : (void *)&doubles[to], &v, sizeof v);
    }
    return true;
}

static void add_row_of(const dl4c_measure *m, struct dli_jackson *j, const char *key, const int64_t *longs, const double *doubles,
                       int64_t n)
{
    if (m->rows == 0) {
        dli_jackson_null(j, key);
        return;
    }
    dli_jackson_key(j, key);
    dli_jackson_open(j, NULL);
    dli_jackson_key(j, "dataType");
    dli_strbuf_add(j->b, longs ? "\"LONG\"" : "\"DOUBLE\"");
    dli_jackson_ints(j, "shape", (int64_t[]){ 1, n }, 2);
    if (longs)
        dli_jackson_ints(j, "data", longs, n);
    else
        dli_jackson_doubles(j, "data", doubles, n);
    dli_jackson_close(j);
}

void dli_calibration_json(const dl4c_measure *m, struct dli_jackson *j)
{
    const struct dli_calibration *c = &m->calibration;
    dli_jackson_open(j, "org.nd4j.evaluation.classification.EvaluationCalibration");
    dli_jackson_int(j, "reliabilityDiagNumBins", m->reliability_bins);
    dli_jackson_int(j, "histogramNumBins", m->histogram_bins);
    dli_jackson_bool(j, "excludeEmptyBins", !(m->flags & DL4C_MEASURE_EMPTY_BINS));
    dli_jackson_int(j, "axis", 1);
    add_array(m, j, "rDiagBinPosCount", c->positive, NULL, m->reliability_bins);
    add_array(m, j, "rDiagBinTotalCount", c->total, NULL, m->reliability_bins);
    add_array(m, j, "rDiagBinSumPredictions", NULL, c->sum, m->reliability_bins);
    add_row_of(m, j, "labelCountsEachClass", c->labels, NULL, m->columns);
    add_row_of(m, j, "predictionCountsEachClass", c->predicted, NULL, m->columns);
    add_row_of(m, j, "residualPlotOverall", NULL, c->residuals, m->histogram_bins);
    add_array(m, j, "residualPlotByLabelClass", NULL, c->class_residuals, m->histogram_bins);
    add_row_of(m, j, "probHistogramOverall", NULL, c->probabilities, m->histogram_bins);
    add_array(m, j, "probHistogramByLabelClass", NULL, c->class_probabilities, m->histogram_bins);
    dli_jackson_close(j);
}
