/* SPDX-License-Identifier: Apache-2.0 */
/* Cases with predictions: texts of an evaluation to the byte, its numbers to the bit. */
#include "golden/golden.h"
#include "base/number.h"
#include "evaluation/java.h"
#include "support/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* " Top 3 Accuracy:  0.7250" in the recorded text; 1 where it has no such line. */
static int32_t top_n(const struct gold *g)
{
    char path[1024];
    int n = 1;
    gold_path(g, "stats.txt", path, sizeof path);
    char *text = test_read_file(path, NULL);
    const char *at = text ? strstr(text, "\n Top ") : NULL;
    if (at && sscanf(at, "\n Top %d Accuracy", &n) != 1)
        n = 1;
    free(text);
    return n;
}

static void text_of(struct gold *g, const char *file, dl4c_status status, char *text)
{
    if (status == DL4C_OK)
        gold_text(g, file, text);
    else
        gold_fail(g, "%s: no memory", file);
    dl4c_free(text);
}

/* What Deeplearning4j wrote is read, and written again to the same bytes. */
static void reread(struct gold *g)
{
    char path[1024];
    size_t size;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_evaluation *e = NULL;
    char *text = NULL;
    gold_path(g, "eval.json", path, sizeof path);
    char *recorded = gold_has(g, "eval.json") ? test_read_file(path, &size) : NULL;
    if (recorded && dl4c_evaluation_from_dl4j(NULL, recorded, size, &e, &err) != DL4C_OK)
        gold_fail(g, "eval.json is not read: %s", err.message);
    else if (recorded) {
        const dl4c_status s = dl4c_evaluation_dl4j_json(e, &text, NULL);
        text_of(g, "eval.json", s, text);
    }
    dl4c_evaluation_destroy(&e);
    free(recorded);
}

static void texts(struct gold *g, const dl4c_evaluation *e)
{
    char *text = NULL;
    dl4c_status s = dl4c_evaluation_stats(e, 0, &text, NULL);
    text_of(g, "stats.txt", s, text);
    s = dl4c_evaluation_stats(e, DL4C_STATS_NO_CONFUSION, &text, NULL);
    text_of(g, "stats_suppress_confusion.txt", s, text);
    s = dl4c_evaluation_confusion_text(e, &text, NULL);
    text_of(g, "confusion.txt", s, text);
    s = dl4c_evaluation_confusion_csv(e, &text, NULL);
    text_of(g, "confusion.csv", s, text);
    s = dl4c_evaluation_confusion_html(e, &text, NULL);
    text_of(g, "confusion.html", s, text);
    s = dl4c_evaluation_dl4j_json(e, &text, NULL);
    text_of(g, "eval.json", s, text);
    s = dl4c_evaluation_dl4j_json(e, &text, NULL);
    text_of(g, "eval.yaml", s, text);
    reread(g);
}

static void number(struct gold *g, const char *line, const char *name, char separator, double got)
{
    double want;
    if (test_recorded_number(line, name, separator, &want))
        gold_number(g, name, got, want, 1, 0);
    else
        gold_fail(g, "metrics.tsv has no %s", name);
}

static void metrics(struct gold *g, const dl4c_evaluation *e)
{
    char path[1024];
    if (!gold_has(g, "metrics.tsv"))
        return;
    gold_path(g, "metrics.tsv", path, sizeof path);
    char *tsv = test_read_file(path, NULL);
    gold_mark(g, "metrics.tsv");
    for (const struct test_recorded_metric *m = test_recorded_metrics; tsv && m->name; m++)
        number(g, tsv, m->name, '\t', dl4c_evaluation_metric(e, m->metric, m->average));
    if (tsv)
        number(g, tsv, "topN", '\t', dl4c_evaluation_top_n_accuracy(e));
    for (int32_t i = 0; tsv && i < dl4c_evaluation_classes(e); i++) {
        char start[32];
        int64_t tp, fp, tn, fn;
        snprintf(start, sizeof start, "\nclass%d\t", (int)i);
        const char *line = strstr(tsv, start);
        if (!line) {
            gold_fail(g, "metrics.tsv has no class %d", (int)i);
            break;
        }
        dl4c_evaluation_class_counts(e, i, &tp, &fp, &tn, &fn);
        number(g, line, "tp", '=', (double)tp);
        number(g, line, "fp", '=', (double)fp);
        number(g, line, "tn", '=', (double)tn);
        number(g, line, "fn", '=', (double)fn);
        number(g, line, "prec", '=', dl4c_evaluation_class_precision(e, i));
        number(g, line, "rec", '=', dl4c_evaluation_class_recall(e, i));
        number(g, line, "f1", '=', dl4c_evaluation_class_f1(e, i));
    }
    free(tsv);
}

/* A folder's evaluation; NULL after a failure. */
static dl4c_evaluation *evaluation(struct gold *g, bool named, int32_t n, double threshold)
{
    char folder[1024];
    gold_path(g, "", folder, sizeof folder);
    dl4c_evaluation *e = test_recorded_evaluation(folder, named, n, threshold);
    if (!e)
        gold_fail(g, "predictions.npy and labels.npy cannot be evaluated");
    return e;
}

/* The same of a measure. */
static void reread_measure(struct gold *g, const char *file)
{
    char path[1024];
    size_t size;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL;
    char *text = NULL;
    gold_path(g, file, path, sizeof path);
    char *recorded = test_read_file(path, &size);
    if (!recorded || dl4c_measure_from_dl4j(NULL, recorded, size, &m, &err) != DL4C_OK) {
        gold_fail(g, "%s is not read: %s", file, err.message);
    } else {
        const dl4c_status s = dl4c_measure_dl4j_json(m, &text, NULL);
        text_of(g, file, s, text);
    }
    dl4c_measure_destroy(&m);
    free(recorded);
}

/* predictions.npy and labels.npy through one measure, in two parts. */
static dl4c_measure *measured(struct gold *g, int32_t kind, int32_t steps)
{
    struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n, shape[4], label_shape[4];
    dl4c_measure *m = NULL;
    float *p = gold_array(g, "predictions.npy", &n, shape), *y = gold_array(g, "labels.npy", &n, label_shape);
    const int64_t columns = shape[1], first = shape[0] / 3;
    o.kind = kind;
    o.columns = (int32_t)columns;
    o.steps = steps;
    if (p && y && shape[0] == label_shape[0] && columns == label_shape[1]) {
        dl4c_status s = dl4c_measure_create(NULL, &o, &m, &err);
        if (s == DL4C_OK && kind != DL4C_MEASURE_CALIBRATION && kind != DL4C_MEASURE_REGRESSION)
            s = dl4c_measure_add(m, y, p, NULL, 0, first, &err);
        const int64_t done = m ? dl4c_measure_count(m, 0) : 0; /* sums in float were recorded of one batch */
        if (s == DL4C_OK)
            s = dl4c_measure_add(m, y + done * columns, p + done * columns, NULL, 0, shape[0] - done, &err);
        if (s != DL4C_OK) {
            gold_fail(g, "measure %d: %s", (int)kind, err.message);
            dl4c_measure_destroy(&m);
        }
    }
    free(p);
    free(y);
    return m;
}

/* Texts of the measures: statistics, in some files behind lines of numbers, and JSON. */
static void measures(struct gold *g)
{
    static const struct {
        const char *file;
        int32_t kind, steps;
        const char *area; /* "auc<tab>" before the statistics, or "auc0<tab>", "auc1<tab>", ... */
        bool json;
    } cases[] = {
        { "roc.txt", DL4C_MEASURE_ROC, 0, "auc", false },
        { "roc30.txt", DL4C_MEASURE_ROC, 30, "auc", false },
        { "roc.json", DL4C_MEASURE_ROC, 30, NULL, true },
        { "rocbinary.txt", DL4C_MEASURE_ROC_BINARY, 0, NULL, false },
        { "rocmulti.txt", DL4C_MEASURE_ROC_MULTICLASS, 0, "auc0", false },
        { "evalbinary.txt", DL4C_MEASURE_BINARY, 0, NULL, false },
        { "regression.txt", DL4C_MEASURE_REGRESSION, 0, NULL, false },
        { "calibration.txt", DL4C_MEASURE_CALIBRATION, 0, NULL, false },
        { "calibration.json", DL4C_MEASURE_CALIBRATION, 0, NULL, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dl4c_measure *m = gold_has(g, cases[i].file) ? measured(g, cases[i].kind, cases[i].steps) : NULL;
        struct dli_strbuf b;
        char *text = NULL, *all = NULL;
        if (!m)
            continue;
        dli_strbuf_init(&b, NULL);
        const bool each = cases[i].area && strcmp(cases[i].area, "auc0") == 0;
        for (int32_t k = 0; cases[i].area && k < (each ? dl4c_measure_columns(m) : 1); k++) {
            dli_strbuf_add(&b, "auc");
            if (each)
                dli_strbuf_addf(&b, "%d", (int)k);
            dli_strbuf_addc(&b, '\t');
            dli_java_double(&b, dl4c_measure_value(m, DL4C_METRIC_AUROC, k));
            if (!each) {
                dli_strbuf_add(&b, "\nauprc\t");
                dli_java_double(&b, dl4c_measure_value(m, DL4C_METRIC_AUPRC, k));
            }
            dli_strbuf_addc(&b, '\n');
        }
        const dl4c_status s = cases[i].json ? dl4c_measure_dl4j_json(m, &text, NULL) : dl4c_measure_stats(m, &text, NULL);
        dli_strbuf_add(&b, s == DL4C_OK ? text : "no text");
        if (dli_strbuf_take(&b, &all, NULL) == DL4C_OK)
            gold_text(g, cases[i].file, all);
        if (cases[i].json)
            reread_measure(g, cases[i].file);
        dl4c_free(text);
        dl4c_free(all);
        dl4c_measure_destroy(&m);
    }
}

void gold_evaluation(struct gold *g)
{
    char *text = NULL;
    dl4c_evaluation *e = evaluation(g, true, top_n(g), 0);
    gold_mark(g, "predictions.npy");
    gold_mark(g, "labels.npy");
    if (!e)
        return;
    texts(g, e);
    metrics(g, e);
    measures(g);
    dl4c_evaluation_destroy(&e);
    if ((e = evaluation(g, false, 0, 0)) != NULL) {
        const dl4c_status s = dl4c_evaluation_stats(e, 0, &text, NULL);
        text_of(g, "stats_nolabels.txt", s, text);
    }
    dl4c_evaluation_destroy(&e);
    for (int i = 0; i < g->n_files; i++) {
        static const char start[] = "stats_threshold";
        double threshold;
        if (strncmp(g->file[i], start, sizeof start - 1) != 0)
            continue;
        const char *at = g->file[i] + sizeof start - 1, *end = strstr(at, ".txt");
        if (end && dli_parse_double(at, (size_t)(end - at), &threshold) && (e = evaluation(g, false, 1, threshold)) != NULL) {
            const dl4c_status s = dl4c_evaluation_stats(e, 0, &text, NULL);
            text_of(g, g->file[i], s, text);
            dl4c_evaluation_destroy(&e);
        }
    }
}
