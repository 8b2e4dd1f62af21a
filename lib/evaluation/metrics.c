/* SPDX-License-Identifier: Apache-2.0 */
/* From counts to numbers. Sums run over the classes in index order, so that the bits equal Deeplearning4j's. */
#include "evaluation/evaluation.h"

#include <math.h>

struct counts { /* of one class against the others, or summed over the classes */
    int64_t tp, fp, tn, fn;
};

static struct counts counts_of(const dl4c_evaluation *e, int32_t i)
{
    struct counts c;
    c.tp = dli_confusion(e, i, i);
    c.fp = e->predicted[i] - c.tp;
    c.fn = e->actual[i] - c.tp;
    c.tn = e->n - c.tp - c.fp - c.fn;
    return c;
}

static double ratio(int64_t part, int64_t rest, double none)
{
    return part == 0 && rest == 0 ? none : (double)part / (double)(part + rest);
}

static double f1_of(double precision, double recall)
{
    if (precision == 0.0 || recall == 0.0)
        return 0.0;
    return 2.0 * precision * recall / (precision + recall);
}

/* 0/0 is `none` in precision and recall and so in F1; 0 in the other rates; NaN in MCC. */
static double metric_of(struct counts c, int32_t metric, double none)
{
    const double precision = ratio(c.tp, c.fp, none), recall = ratio(c.tp, c.fn, none);
    switch (metric) {
    case DL4C_METRIC_ACCURACY: return (double)(c.tp + c.tn) / (double)(c.tp + c.fp + c.tn + c.fn);
    case DL4C_METRIC_BALANCED_ACCURACY: return (ratio(c.tp, c.fn, 0.0) + ratio(c.tn, c.fp, 0.0)) / 2.0;
    case DL4C_METRIC_PRECISION: return precision;
    case DL4C_METRIC_RECALL: return recall;
    case DL4C_METRIC_F1: return precision == none || recall == none ? none : f1_of(precision, recall);
    case DL4C_METRIC_G_MEASURE: return sqrt(ratio(c.tp, c.fp, 0.0) * ratio(c.tp, c.fn, 0.0));
    case DL4C_METRIC_MCC: {
        const double tp = (double)c.tp, fp = (double)c.fp, tn = (double)c.tn, fn = (double)c.fn;
        return (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
    }
    case DL4C_METRIC_FALSE_POSITIVE_RATE: return ratio(c.fp, c.tn, 0.0);
    case DL4C_METRIC_FALSE_NEGATIVE_RATE: return ratio(c.fn, c.tp, 0.0);
    case DL4C_METRIC_FALSE_ALARM_RATE: return (ratio(c.fp, c.tn, 0.0) + ratio(c.fn, c.tp, 0.0)) / 2.0;
    default: return NAN;
    }
}

double dli_class_metric_or_none(const dl4c_evaluation *e, int32_t metric, int32_t i) { return metric_of(counts_of(e, i), metric, -1.0); }

double dl4c_evaluation_class_metric(const dl4c_evaluation *e, int32_t metric, int32_t i)
{
    if (i < 0 || i >= e->n_classes || metric < DL4C_METRIC_ACCURACY || metric > DL4C_METRIC_FALSE_ALARM_RATE)
        return NAN;
    return e->n == 0 ? 0.0 : metric_of(counts_of(e, i), metric, 0.0);
}

static double macro(const dl4c_evaluation *e, int32_t metric)
{
    const bool excludes = metric == DL4C_METRIC_PRECISION || metric == DL4C_METRIC_RECALL || metric == DL4C_METRIC_F1;
    double sum = 0.0;
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_classes; i++) {
        const double v = dli_class_metric_or_none(e, metric, i);
        if (excludes && v == -1.0)
            continue;
        sum += v;
        n++;
    }
    return sum / n;
}

static double micro(const dl4c_evaluation *e, int32_t metric)
{
    struct counts sum = { 0, 0, 0, 0 };
    for (int32_t i = 0; i < e->n_classes; i++) {
        const struct counts c = counts_of(e, i);
        sum.tp += c.tp;
        sum.fp += c.fp;
        sum.tn += c.tn;
        sum.fn += c.fn;
    }
    return metric_of(sum, metric, 0.0);
}

double dl4c_evaluation_metric(const dl4c_evaluation *e, int32_t metric, int32_t average)
{
    if (metric < DL4C_METRIC_ACCURACY || metric > DL4C_METRIC_FALSE_ALARM_RATE || average < DL4C_AVERAGE_DEFAULT ||
        average > DL4C_AVERAGE_MICRO)
        return NAN;
    if (e->n == 0)
        return 0.0;
    if (metric == DL4C_METRIC_ACCURACY) {
        int64_t right = 0;
        for (int32_t i = 0; i < e->n_classes; i++)
            right += dli_confusion(e, i, i);
        return (double)right / (double)e->n;
    }
    if (metric == DL4C_METRIC_BALANCED_ACCURACY)
        return macro(e, DL4C_METRIC_RECALL);
    const bool two = e->n_classes == 2;
    if (two && e->positive >= 0 && average == DL4C_AVERAGE_DEFAULT && metric != DL4C_METRIC_G_MEASURE && metric != DL4C_METRIC_MCC)
        return metric_of(counts_of(e, e->positive), metric, 0.0);
    if (two && metric == DL4C_METRIC_F1)
        return metric_of(counts_of(e, 1), metric, 0.0);
    if (average == DL4C_AVERAGE_MICRO)
        return micro(e, metric);
    if (metric == DL4C_METRIC_FALSE_ALARM_RATE) /* Deeplearning4j's order: the mean of two means */
        return (macro(e, DL4C_METRIC_FALSE_POSITIVE_RATE) + macro(e, DL4C_METRIC_FALSE_NEGATIVE_RATE)) / 2.0;
    return macro(e, metric);
}

int64_t dl4c_evaluation_count(const dl4c_evaluation *e) { return e->n; }
int32_t dl4c_evaluation_classes(const dl4c_evaluation *e) { return e->n_classes; }
int32_t dl4c_evaluation_top_n(const dl4c_evaluation *e) { return e->top_n; }

const char *dl4c_evaluation_class_name(const dl4c_evaluation *e, int32_t i) { return i < 0 || i >= e->n_classes ? NULL : e->names[i]; }

int64_t dl4c_evaluation_confusion(const dl4c_evaluation *e, int32_t actual, int32_t predicted)
{
    if (actual < 0 || actual >= e->n_classes || predicted < 0 || predicted >= e->n_classes)
        return 0;
    return dli_confusion(e, actual, predicted);
}

void dl4c_evaluation_class_counts(const dl4c_evaluation *e, int32_t i, int64_t *true_positives, int64_t *false_positives,
                                  int64_t *true_negatives, int64_t *false_negatives)
{
    const struct counts none = { 0, 0, 0, 0 };
    const struct counts c = i < 0 || i >= e->n_classes ? none : counts_of(e, i);
    if (true_positives)
        *true_positives = c.tp;
    if (false_positives)
        *false_positives = c.fp;
    if (true_negatives)
        *true_negatives = c.tn;
    if (false_negatives)
        *false_negatives = c.fn;
}

double dl4c_evaluation_top_n_accuracy(const dl4c_evaluation *e)
{
    if (e->top_n == 1)
        return dl4c_evaluation_accuracy(e);
    return e->n == 0 ? 0.0 : (double)e->top_right / (double)e->n;
}

double dl4c_evaluation_accuracy(const dl4c_evaluation *e) { return dl4c_evaluation_metric(e, DL4C_METRIC_ACCURACY, DL4C_AVERAGE_DEFAULT); }
double dl4c_evaluation_balanced_accuracy(const dl4c_evaluation *e)
{
    return dl4c_evaluation_metric(e, DL4C_METRIC_BALANCED_ACCURACY, DL4C_AVERAGE_DEFAULT);
}
double dl4c_evaluation_precision(const dl4c_evaluation *e)
{
    return dl4c_evaluation_metric(e, DL4C_METRIC_PRECISION, DL4C_AVERAGE_DEFAULT);
}
double dl4c_evaluation_recall(const dl4c_evaluation *e) { return dl4c_evaluation_metric(e, DL4C_METRIC_RECALL, DL4C_AVERAGE_DEFAULT); }
double dl4c_evaluation_f1(const dl4c_evaluation *e) { return dl4c_evaluation_metric(e, DL4C_METRIC_F1, DL4C_AVERAGE_DEFAULT); }
double dl4c_evaluation_class_precision(const dl4c_evaluation *e, int32_t i)
{
    return dl4c_evaluation_class_metric(e, DL4C_METRIC_PRECISION, i);
}
double dl4c_evaluation_class_recall(const dl4c_evaluation *e, int32_t i) { return dl4c_evaluation_class_metric(e, DL4C_METRIC_RECALL, i); }
double dl4c_evaluation_class_f1(const dl4c_evaluation *e, int32_t i) { return dl4c_evaluation_class_metric(e, DL4C_METRIC_F1, i); }
