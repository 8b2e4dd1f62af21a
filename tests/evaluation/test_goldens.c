/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and numbers of Deeplearning4j's own Evaluation (../shared/dl4j/goldens/h_eval_*): texts to the byte, numbers to the bit. */
#include "support/npy.h"
#include "support/recorded.h"

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

static dl4c_evaluation *evaluate(const struct golden *g, bool named, int32_t top_n, double threshold)
{
    char folder[160];
    snprintf(folder, sizeof folder, GOLDENS "%s", g->folder);
    dl4c_evaluation *e = test_recorded_evaluation(folder, named, top_n, threshold);
    assert_non_null(e);
    assert_int_equal(dl4c_evaluation_classes(e), g->n_classes);
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

static double recorded(const char *line, const char *name, char separator)
{
    double v = -2.0;
    assert_true(test_recorded_number(line, name, separator, &v));
    return v;
}

static void numbers_equal_the_recorded_ones_to_the_bit(void **state)
{
    const struct golden *g = *state;
    char path[160], start[32];
    snprintf(path, sizeof path, GOLDENS "%s/metrics.tsv", g->folder);
    char *tsv = test_read_file(path, NULL);
    assert_non_null(tsv);
    dl4c_evaluation *e = evaluate(g, true, g->top_n, 0.0);
    for (const struct test_recorded_metric *m = test_recorded_metrics; m->name; m++)
        assert_true(recorded(tsv, m->name, '\t') == dl4c_evaluation_metric(e, m->metric, m->average));
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
