/* SPDX-License-Identifier: Apache-2.0 */
/* ROC and precision/recall curves of one yes or no, exact or at equidistant thresholds. */
#include "evaluation/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

dl4c_status dli_roc_init(dl4c_context *ctx, struct dli_roc *r, int32_t steps, bool all_points, struct dl4c_error *err)
{
    *r = (struct dli_roc){ .steps = steps, .all_points = all_points };
    if (steps == 0)
        return DL4C_OK;
    r->true_positive = dli_calloc(ctx, (size_t)steps + 1, sizeof *r->true_positive, err);
    r->false_positive = r->true_positive ? dli_calloc(ctx, (size_t)steps + 1, sizeof *r->false_positive, err) : NULL;
    return r->false_positive ? DL4C_OK : dli_alloc_status();
}

void dli_roc_free(struct dli_roc *r)
{
    dli_free(r->true_positive);
    dli_free(r->false_positive);
    dli_free(r->score);
    dli_free(r->label);
    dli_curve_free(&r->curve[0]);
    dli_curve_free(&r->curve[1]);
}

dl4c_status dli_roc_reserve(dl4c_context *ctx, struct dli_roc *r, int64_t more, struct dl4c_error *err)
{
    size_t capacity = r->capacity;
    if (r->steps > 0)
        return DL4C_OK;
    DLI_TRY(dli_grow(ctx, &r->score, &capacity, (size_t)(r->n + more), sizeof *r->score, err));
    if (capacity != r->capacity) { /* after a failure here the scores have more room than is known of: that is all */
        unsigned char *label = dli_realloc(ctx, r->label, capacity, err);
        if (!label)
            return dli_alloc_status();
        r->label = label;
    }
    r->capacity = capacity;
    return DL4C_OK;
}

void dli_roc_add(struct dli_roc *r, float score, bool label)
{
    if (r->steps == 0) {
        r->score[r->n] = score;
        r->label[r->n] = label;
    }
    /* A score on a threshold is a yes, as in Deeplearning4j, but at 1, where none is. */
    for (int32_t i = 0; i < r->steps; i++) {
        const float threshold = (float)(i * (1.0 / r->steps));
        if (score < threshold || threshold >= 1.0f)
            break;
        (label ? r->true_positive : r->false_positive)[i]++;
    }
    r->n++;
    r->positive += label;
}

void dli_roc_merge(struct dli_roc *r, const struct dli_roc *other)
{
    if (r->steps == 0 && other->n > 0) {
        memcpy(r->score + r->n, other->score, (size_t)other->n * sizeof *r->score);
        memcpy(r->label + r->n, other->label, (size_t)other->n);
    }
    for (int32_t i = 0; r->steps > 0 && i <= r->steps; i++) {
        r->true_positive[i] += other->true_positive[i];
        r->false_positive[i] += other->false_positive[i];
    }
    r->n += other->n;
    r->positive += other->positive;
}

void dli_curve_free(struct dli_curve *c)
{
    dli_free(c->threshold);
    dli_free(c->tp);
    *c = (struct dli_curve){ 0 };
}

dl4c_status dli_curve_make(dl4c_context *ctx, struct dli_curve *c, int64_t n, bool counts, struct dl4c_error *err)
{
    *c = (struct dli_curve){ .n = n };
    c->threshold = dli_array(ctx, 3 * (size_t)n, sizeof *c->threshold, err);
    if (!c->threshold)
        return dli_alloc_status();
    c->x = c->threshold + n;
    c->y = c->x + n;
    if (!counts)
        return DL4C_OK;
    c->tp = dli_calloc(ctx, 3 * (size_t)n, sizeof *c->tp, err);
    if (!c->tp) {
        dli_curve_free(c);
        return dli_alloc_status();
    }
    c->fp = c->tp + n;
    c->fn = c->fp + n;
    return DL4C_OK;
}

struct scored {
    float score;
    int32_t label;
    int64_t at;
};

/* Likeliest first; those of one score in the order in which they came. */
static int by_score(const void *a, const void *b)
{
    const struct scored *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->at < q->at ? -1 : 1;
}

static void set(struct dli_curve *c, int64_t to, int64_t from)
{
    c->threshold[to] = c->threshold[from];
    c->x[to] = c->x[from];
    c->y[to] = c->y[from];
    if (c->tp) {
        c->tp[to] = c->tp[from];
        c->fp[to] = c->fp[from];
        c->fn[to] = c->fn[from];
    }
}

/* Drops points whose x or whose y both neighbours have: the area stays. Neighbours are those of the full curve. */
static void drop_redundant(struct dli_curve *c)
{
    int64_t n = 0;
    double before_x = 0, before_y = 0; /* of the full curve: its arrays are being overwritten */
    for (int64_t i = 0; i < c->n; i++) {
        const double x = c->x[i], y = c->y[i];
        bool keep = i == 0 || i == c->n - 1;
        if (!keep) {
            const bool same_x = before_x == x && x == c->x[i + 1], same_y = before_y == y && y == c->y[i + 1];
            keep = !same_x && !same_y;
        }
        if (keep)
            set(c, n++, i);
        before_x = x;
        before_y = y;
    }
    c->n = n;
}

static void reverse(struct dli_curve *c)
{
    for (int64_t i = 0, k = c->n - 1; i < k; i++, k--) {
        const double t = c->threshold[i], x = c->x[i], y = c->y[i];
        const int64_t tp = c->tp[i], fp = c->fp[i], fn = c->fn[i];
        set(c, i, k);
        c->threshold[k] = t;
        c->x[k] = x;
        c->y[k] = y;
        c->tp[k] = tp;
        c->fp[k] = fp;
        c->fn[k] = fn;
    }
}

static void fill_roc(const struct dli_roc *r, const struct scored *s, struct dli_curve *c)
{
    const double negatives = (double)(r->n - r->positive), positives = (double)r->positive;
    int64_t tp = 0, fp = 0;
    c->threshold[0] = 1;
    c->x[0] = c->y[0] = 0;
    for (int64_t i = 0; i < r->n; i++) {
        tp += s[i].label;
        fp += !s[i].label;
        c->threshold[i + 1] = (double)s[i].score;
        c->x[i + 1] = (double)fp / negatives;
        c->y[i + 1] = (double)tp / positives;
    }
    c->threshold[r->n + 1] = 0;
    c->x[r->n + 1] = c->y[r->n + 1] = 1;
}

/* i of 1 to n, as Deeplearning4j counts: it interpolates between 1 and n, and rounds on the way. */
static double predicted(int64_t i, int64_t n)
{
    const double share = n > 1 ? (double)(i - 1) / (double)(n - 1) : 0.0;
    return (1.0 - share) + share * (double)n;
}

static void fill_precision(const struct dli_roc *r, const struct scored *s, struct dli_curve *c)
{
    int64_t tp = 0;
    c->threshold[0] = c->y[0] = 1;
    c->x[0] = 0;
    c->fn[0] = r->positive;
    for (int64_t i = 1; i <= r->n; i++) {
        tp += s[i - 1].label;
        c->threshold[i] = (double)s[i - 1].score;
        c->x[i] = (double)tp / (double)r->positive;
        c->y[i] = (double)tp / predicted(i, r->n);
        c->tp[i] = tp;
        c->fp[i] = i - tp;
        c->fn[i] = r->positive - tp;
    }
    const int64_t last = r->n + 1;
    c->threshold[last] = 0;
    c->x[last] = 1;
    c->y[last] = (double)tp / (double)r->n;
    c->tp[last] = r->positive;
    c->fp[last] = r->n - r->positive;
}

static dl4c_status exact(dl4c_context *ctx, const struct dli_roc *r, bool precision, struct dli_curve *c, struct dl4c_error *err)
{
    DLI_TRY(dli_curve_make(ctx, c, r->n + 2, precision, err));
    struct scored *s = dli_array(ctx, (size_t)r->n, sizeof *s, err);
    if (!s) {
        dli_curve_free(c);
        return dli_alloc_status();
    }
    for (int64_t i = 0; i < r->n; i++)
        s[i] = (struct scored){ r->score[i], r->label[i], i };
    qsort(s, (size_t)r->n, sizeof *s, by_score);
    if (precision) {
        fill_precision(r, s, c);
        reverse(c); /* lowest threshold first */
    } else {
        fill_roc(r, s, c);
    }
    dli_free(s);
    if (!r->all_points)
        drop_redundant(c);
    return DL4C_OK;
}

static dl4c_status copy(dl4c_context *ctx, const struct dli_curve *from, struct dli_curve *c, struct dl4c_error *err)
{
    const size_t n = (size_t)from->n;
    DLI_TRY(dli_curve_make(ctx, c, from->n, from->tp != NULL, err));
    memcpy(c->threshold, from->threshold, 3 * n * sizeof *c->threshold);
    if (c->tp)
        memcpy(c->tp, from->tp, 3 * n * sizeof *c->tp);
    return DL4C_OK;
}

dl4c_status dli_roc_curve(dl4c_context *ctx, const struct dli_roc *r, int32_t curve, struct dli_curve *c, struct dl4c_error *err)
{
    const bool precision = curve == DL4C_CURVE_PRECISION_RECALL;
    if (r->read)
        return copy(ctx, &r->curve[precision], c, err);
    if (r->steps == 0)
        return exact(ctx, r, precision, c, err);
    DLI_TRY(dli_curve_make(ctx, c, r->steps + 1, precision, err));
    for (int32_t i = 0; i <= r->steps; i++) {
        const int64_t tp = r->true_positive[i], fp = r->false_positive[i];
        c->threshold[i] = i * (1.0 / r->steps);
        if (!precision) {
            c->x[i] = (double)fp / (double)(r->n - r->positive);
            c->y[i] = (double)tp / (double)r->positive;
            continue;
        }
        c->x[i] = r->positive == 0 ? 1.0 : (double)tp / (double)r->positive;
        c->y[i] = tp == 0 && fp == 0 ? 1.0 : (double)tp / (double)(tp + fp);
        c->tp[i] = tp;
        c->fp[i] = fp;
        c->fn[i] = r->positive - tp;
    }
    return DL4C_OK;
}

double dli_curve_area(const struct dli_curve *c)
{
    double area = 0;
    for (int64_t i = 0; i + 1 < c->n; i++)
        area += fabs(c->x[i + 1] - c->x[i]) * ((c->y[i + 1] + c->y[i]) / 2.0);
    return area;
}
