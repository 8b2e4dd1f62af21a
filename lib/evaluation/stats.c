/* SPDX-License-Identifier: Apache-2.0 */
/* The report that Deeplearning4j's Evaluation.stats() prints, to the byte. */
#include "evaluation/evaluation.h"
#include "evaluation/java.h"

#include <stdio.h>
#include <string.h>

enum { MATRIX_CLASSES = 20, WARNED_CLASSES = 16 }; /* above these Deeplearning4j leaves the matrix, or the list of classes, out */

static const char rule[] = "==================================================================";

/* Java's DecimalFormat("0.0000"): half-even on the exact binary value, as "%.4f" rounds. Compared over 4.6 million values, a fraction
 * 5.0E-5 is the one that differs: Java takes its one digit for the exact value and rounds the tie to 0.0000. */
static void add_fraction(struct dli_strbuf *b, double v) { dli_strbuf_num(b, "%.4f", v == 5.0e-5 ? 0.0 : v); }

static void add_excluded(struct dli_strbuf *b, const dl4c_evaluation *e, int32_t metric)
{
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_classes; i++)
        n += dli_class_metric_or_none(e, metric, i) == -1.0;
    if (e->n_classes > 2 && n > 0)
        dli_strbuf_addf(b, "\t(%" PRId32 " class%s excluded from average)", n, n > 1 ? "es" : "");
}

/* Classes whose metric is 0/0. Deeplearning4j says "never predicted" of those that never occur, too. */
static void add_warning(struct dli_strbuf *b, const dl4c_evaluation *e, int32_t metric, const char *name)
{
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_classes; i++)
        n += dli_class_metric_or_none(e, metric, i) == -1.0;
    if (n == 0)
        return;
    const char *was = n == 1 ? "was" : "were";
    dli_strbuf_addf(b, "Warning: %" PRId32 " class%s %s never predicted by the model and %s excluded from average %s", n,
                    n == 1 ? "" : "es", was, was, name);
    if (n > WARNED_CLASSES) /* no list, and in Deeplearning4j no end of the line either */
        return;
    dli_strbuf_addf(b, "\nClasses excluded from average %s: [", name);
    const char *comma = "";
    for (int32_t i = 0; i < e->n_classes; i++) {
        if (dli_class_metric_or_none(e, metric, i) != -1.0)
            continue;
        dli_strbuf_addf(b, "%s%" PRId32, comma, i);
        comma = ", ";
    }
    dli_strbuf_add(b, "]\n");
}

/* One column is a blank and as many digits as 10^digits >= the largest count and the number of classes needs: a count of exactly 10,
 * 100, ... fills its column, as in Deeplearning4j. */
static void add_matrix(struct dli_strbuf *b, const dl4c_evaluation *e)
{
    int64_t most = e->n_classes;
    for (size_t i = 0; i < (size_t)e->n_classes * (size_t)e->n_classes; i++)
        if (e->confusion[i] > most)
            most = e->confusion[i];
    int width = 2; /* 10^(width - 1) holds */
    for (int64_t holds = 10; holds < most && holds <= INT64_MAX / 10; holds *= 10)
        width++;

    for (int32_t i = 0; i < e->n_classes; i++)
        dli_strbuf_addf(b, "%*" PRId32, width, i);
    dli_strbuf_addc(b, '\n');
    dli_strbuf_pad(b, '-', (size_t)width * (size_t)e->n_classes + 1);
    dli_strbuf_addc(b, '\n');
    for (int32_t actual = 0; actual < e->n_classes; actual++) {
        for (int32_t predicted = 0; predicted < e->n_classes; predicted++)
            dli_strbuf_addf(b, "%*" PRId64, width, dli_confusion(e, actual, predicted));
        dli_strbuf_addf(b, " | %" PRId32 " = %s\n", actual, e->names[actual]);
    }
    dli_strbuf_add(b, "\nConfusion matrix format: Actual (rowClass) predicted as (columnClass) N times");
}

dl4c_status dl4c_evaluation_stats(const dl4c_evaluation *e, uint32_t flags, char **text, struct dl4c_error *err)
{
    if (!e || !text)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "text" : "e");
    *text = NULL;
    if (flags & ~(uint32_t)(DL4C_STATS_NO_CONFUSION | DL4C_STATS_ANY_CONFUSION | DL4C_STATS_NO_WARNINGS))
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "stats flags %#" PRIx32 " are not known", flags);

    struct dli_strbuf b;
    dli_strbuf_init(&b, e->ctx);
    if (e->n == 0) {
        dli_strbuf_add(&b, "Evaluation: No data available (no evaluation has been performed)");
        return dli_strbuf_take(&b, text, err);
    }
    dli_strbuf_addf(&b, "\n\n========================Evaluation Metrics========================\n # of classes:    %" PRId32, e->n_classes);
    dli_strbuf_add(&b, "\n Accuracy:        ");
    add_fraction(&b, dl4c_evaluation_accuracy(e));
    if (e->top_n > 1) {
        dli_strbuf_addf(&b, "\n Top %" PRId32 " Accuracy:  ", e->top_n);
        add_fraction(&b, dl4c_evaluation_top_n_accuracy(e));
    }
    dli_strbuf_add(&b, "\n Precision:       ");
    add_fraction(&b, dl4c_evaluation_precision(e));
    add_excluded(&b, e, DL4C_METRIC_PRECISION);
    dli_strbuf_add(&b, "\n Recall:          ");
    add_fraction(&b, dl4c_evaluation_recall(e));
    add_excluded(&b, e, DL4C_METRIC_RECALL);
    dli_strbuf_add(&b, "\n F1 Score:        ");
    add_fraction(&b, dl4c_evaluation_f1(e));
    add_excluded(&b, e, DL4C_METRIC_F1);
    if (e->n_classes > 2 || e->positive < 0)
        dli_strbuf_addf(&b, "\nPrecision, recall & F1: macro-averaged (equally weighted avg. of %" PRId32 " classes)", e->n_classes);
    else
        dli_strbuf_addf(&b, "\nPrecision, recall & F1: reported for positive class (class %" PRId32 " - \"%s\") only", e->positive,
                        e->names[e->positive]);
    if (e->threshold > 0.0) {
        dli_strbuf_add(&b, "\nBinary decision threshold: ");
        dli_java_double(&b, e->threshold);
    }
    for (int32_t i = 0; e->costs && i < e->n_classes; i++) {
        dli_strbuf_add(&b, i == 0 ? "\nCost array: [" : ", ");
        dli_java_float(&b, e->costs[i]);
    }
    dli_strbuf_add(&b, e->costs ? "]\n\n" : "\n\n");
    if (!(flags & DL4C_STATS_NO_WARNINGS)) {
        add_warning(&b, e, DL4C_METRIC_PRECISION, "precision");
        add_warning(&b, e, DL4C_METRIC_RECALL, "recall");
    }
    if (!(flags & DL4C_STATS_NO_CONFUSION) && (e->n_classes <= MATRIX_CLASSES || (flags & DL4C_STATS_ANY_CONFUSION))) {
        dli_strbuf_add(&b, "\n=========================Confusion Matrix=========================\n");
        add_matrix(&b, e);
    } else if (!(flags & DL4C_STATS_NO_CONFUSION)) {
        dli_strbuf_addf(&b,
                        "\n\nNote: Confusion matrix not generated due to space requirements for %" PRId32
                        " classes.\nUse stats(false,true) to generate anyway",
                        e->n_classes);
    }
    dli_strbuf_addc(&b, '\n');
    dli_strbuf_add(&b, rule);
    return dli_strbuf_take(&b, text, err);
}
