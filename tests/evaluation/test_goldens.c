/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and numbers of Deeplearning4j's own Evaluation (../shared/dl4j/goldens/h_eval_*): texts to the byte, numbers to the bit. */
#include "base/number.h"
#include "support/npy.h"
#include <dl4c/evaluation.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GOLDENS "../shared/dl4j/goldens/"

struct golden {
    const char *folder;
    int32_t n_classes, top_n;
};
static struct golden goldens[] = {
    { "h_eval_2class_top1", 2, 1 },
    { "h_eval_5class_top2", 5, 2 },
    { "h_eval_7class_top3", 7, 3 },
    { "h_eval_24class_top5", 24, 5 },
};

/* named: classes class_a, class_b, ... as the recorder called them. */
static dl4c_evaluation *evaluate(const struct golden *g, bool named, int32_t top_n, double threshold)
{
    char path[160], text[24][16];
    const char *names[24];
    for (int i = 0; i < 24; i++) {
        snprintf(text[i], sizeof text[i], "class_%c", 'a' + i);
        names[i] = text[i];
    }
    int64_t shape[4], label_shape[4];
    snprintf(path, sizeof path, GOLDENS "%s/predictions.npy", g->folder);
    float *p = test_read_npy_f32(path, shape);
    snprintf(path, sizeof path, GOLDENS "%s/labels.npy", g->folder);
    float *y = test_read_npy_f32(path, label_shape);
    assert_non_null(p);
    assert_non_null(y);
    assert_int_equal(shape[1], g->n_classes);
    assert_int_equal(label_shape[1], g->n_classes);
    assert_int_equal(label_shape[0], shape[0]);
    int64_t *labels = malloc((size_t)shape[0] * sizeof *labels);
    assert_non_null(labels);
    for (int64_t i = 0; i < shape[0]; i++) {
        labels[i] = -1;
        for (int64_t k = 0; k < shape[1]; k++)
            if (y[i * shape[1] + k] == 1.0f)
                labels[i] = k;
    }

    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    o.n_classes = g->n_classes;
    o.top_n = top_n;
    o.classes = named ? names : NULL;
    o.threshold = threshold;
    dl4c_evaluation *e = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, &err), DL4C_OK);
    const int64_t half = shape[0] / 3; /* in two parts: counting adds up */
    assert_int_equal(dl4c_evaluation_add(e, p, labels, half, &err), DL4C_OK);
    assert_int_equal(dl4c_evaluation_add(e, p + half * shape[1], labels + half, shape[0] - half, &err), DL4C_OK);
    free(p);
    free(y);
    free(labels);
    return e;
}

static void assert_file(const struct golden *g, const char *file, dl4c_status status, char *text)
{
    char path[160];
    snprintf(path, sizeof path, GOLDENS "%s/%s", g->folder, file);
    char *want = test_read_file(path, NULL);
    assert_int_equal(status, DL4C_OK);
    assert_non_null(want);
    assert_string_equal(text, want);
    free(want);
    dl4c_free(text);
}

static void texts_equal_the_recorded_ones(void **state)
{
    const struct golden *g = *state;
    char *text = NULL;
    dl4c_evaluation *e = evaluate(g, true, g->top_n, 0.0);
    dl4c_status s = dl4c_evaluation_stats(e, 0, &text, NULL);
    assert_file(g, "stats.txt", s, text);
    s = dl4c_evaluation_stats(e, DL4C_STATS_NO_CONFUSION, &text, NULL);
    assert_file(g, "stats_suppress_confusion.txt", s, text);
    s = dl4c_evaluation_confusion_text(e, &text, NULL);
    assert_file(g, "confusion.txt", s, text);
    s = dl4c_evaluation_confusion_csv(e, &text, NULL);
    assert_file(g, "confusion.csv", s, text);
    s = dl4c_evaluation_confusion_html(e, &text, NULL);
    assert_file(g, "confusion.html", s, text);
    dl4c_evaluation_destroy(&e);

    e = evaluate(g, false, 0, 0.0);
    s = dl4c_evaluation_stats(e, 0, &text, NULL);
    assert_file(g, "stats_nolabels.txt", s, text);
    dl4c_evaluation_destroy(&e);
}

static void a_threshold_decides_between_two_classes(void **state)
{
    const struct golden *g = *state;
    char *text = NULL;
    dl4c_evaluation *e = evaluate(g, false, 1, 0.35);
    const dl4c_status s = dl4c_evaluation_stats(e, 0, &text, NULL);
    assert_file(g, "stats_threshold0.35.txt", s, text);
    dl4c_evaluation_destroy(&e);
}

/* The value behind "name<tab>" of a total, or "<tab>name=" of a class, in metrics.tsv. */
static double recorded(const char *line, const char *name, char separator)
{
    char key[40];
    snprintf(key, sizeof key, "%s%s%c", separator == '=' ? "\t" : "", name, separator);
    const char *at = strstr(line, key);
    double v = -2.0;
    assert_non_null(at);
    at += strlen(key);
    assert_true(dli_parse_double(at, strcspn(at, "\t\n"), &v));
    return v;
}

static void numbers_equal_the_recorded_ones_to_the_bit(void **state)
{
    static const struct {
        const char *name;
        int32_t metric, average;
    } totals[] = {
        { "accuracy", DL4C_METRIC_ACCURACY, 0 },
        { "precision", DL4C_METRIC_PRECISION, 0 },
        { "recall", DL4C_METRIC_RECALL, 0 },
        { "f1", DL4C_METRIC_F1, 0 },
        { "precision_micro", DL4C_METRIC_PRECISION, DL4C_AVERAGE_MICRO },
        { "recall_micro", DL4C_METRIC_RECALL, DL4C_AVERAGE_MICRO },
        { "f1_micro", DL4C_METRIC_F1, DL4C_AVERAGE_MICRO },
        { "mcc_macro", DL4C_METRIC_MCC, DL4C_AVERAGE_MACRO },
        { "gmeasure_macro", DL4C_METRIC_G_MEASURE, DL4C_AVERAGE_MACRO },
        { "fpr", DL4C_METRIC_FALSE_POSITIVE_RATE, 0 },
        { "fnr", DL4C_METRIC_FALSE_NEGATIVE_RATE, 0 },
    };
    const struct golden *g = *state;
    char path[160], start[32];
    snprintf(path, sizeof path, GOLDENS "%s/metrics.tsv", g->folder);
    char *tsv = test_read_file(path, NULL);
    assert_non_null(tsv);
    dl4c_evaluation *e = evaluate(g, true, g->top_n, 0.0);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        assert_true(recorded(tsv, totals[i].name, '\t') == dl4c_evaluation_metric(e, totals[i].metric, totals[i].average));
    assert_true(recorded(tsv, "topN", '\t') == dl4c_evaluation_top_n_accuracy(e));
    for (int32_t i = 0; i < g->n_classes; i++) {
        snprintf(start, sizeof start, "class%d\t", i);
        const char *line = strstr(tsv, start);
        int64_t tp, fp, tn, fn;
        assert_non_null(line);
        dl4c_evaluation_class_counts(e, i, &tp, &fp, &tn, &fn);
        assert_int_equal(tp, (int64_t)recorded(line, "tp", '='));
        assert_int_equal(fp, (int64_t)recorded(line, "fp", '='));
        assert_int_equal(tn, (int64_t)recorded(line, "tn", '='));
        assert_int_equal(fn, (int64_t)recorded(line, "fn", '='));
        assert_true(recorded(line, "prec", '=') == dl4c_evaluation_class_precision(e, i));
        assert_true(recorded(line, "rec", '=') == dl4c_evaluation_class_recall(e, i));
        assert_true(recorded(line, "f1", '=') == dl4c_evaluation_class_f1(e, i));
    }
    free(tsv);
    dl4c_evaluation_destroy(&e);
}

int main(void)
{
    FILE *f = fopen(GOLDENS "h_eval_2class_top1/stats.txt", "rb");
    if (!f) {
        printf("skipped: no recorded cases at " GOLDENS "\n");
        return 77;
    }
    fclose(f);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(texts_equal_the_recorded_ones, &goldens[0]),
        cmocka_unit_test_prestate(texts_equal_the_recorded_ones, &goldens[1]),
        cmocka_unit_test_prestate(texts_equal_the_recorded_ones, &goldens[2]),
        cmocka_unit_test_prestate(texts_equal_the_recorded_ones, &goldens[3]),
        cmocka_unit_test_prestate(a_threshold_decides_between_two_classes, &goldens[0]),
        cmocka_unit_test_prestate(numbers_equal_the_recorded_ones_to_the_bit, &goldens[0]),
        cmocka_unit_test_prestate(numbers_equal_the_recorded_ones_to_the_bit, &goldens[1]),
        cmocka_unit_test_prestate(numbers_equal_the_recorded_ones_to_the_bit, &goldens[2]),
        cmocka_unit_test_prestate(numbers_equal_the_recorded_ones_to_the_bit, &goldens[3]),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
