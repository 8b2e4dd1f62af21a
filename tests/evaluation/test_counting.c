/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, edge cases of the numbers, text forms of hostile names, failures. */
#include "base/context.h"
#include "evaluation/evaluation.h"
#include "support/fail_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dl4c_evaluation *make(int32_t n_classes, int32_t top_n, const char *const *names)
{
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    dl4c_evaluation *e = NULL;
    o.n_classes = n_classes;
    o.top_n = top_n;
    o.classes = names;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), DL4C_OK);
    return e;
}

/* Counts `n` examples of class `actual` for which `predicted` is likeliest. */
static void count(dl4c_evaluation *e, int64_t actual, int32_t predicted, int n)
{
    float row[64] = { 0 };
    row[predicted] = 1.0f;
    for (int i = 0; i < n; i++)
        assert_int_equal(dl4c_evaluation_add(e, row, &actual, 1, NULL), DL4C_OK);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void the_lowest_index_wins_a_tie(void **state)
{
    (void)state;
    dl4c_evaluation *e = make(3, 2, NULL);
    const float rows[] = { 0.2f, 0.4f, 0.4f, 0.4f, 0.4f, 0.4f };
    const int64_t labels[] = { 2, 2 };
    assert_int_equal(dl4c_evaluation_add(e, rows, labels, 2, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_confusion(e, 2, 1), 1);
    assert_int_equal(dl4c_evaluation_confusion(e, 2, 0), 1);
    assert_int_equal(dl4c_evaluation_count(e), 2);
    /* nothing is strictly likelier than a tied class, so a tie is never pushed out of the top N */
    assert_true(dl4c_evaluation_top_n_accuracy(e) == 1.0);
    dl4c_evaluation_destroy(&e);
    assert_null(e);
}

static void a_bad_row_leaves_the_counts_alone(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_evaluation *e = make(2, 0, NULL);
    const float rows[] = { 1, 0, 0, 1 }, nan_rows[] = { 1, 0, 0, NAN };
    const int64_t too_big[] = { 0, 2 }, negative[] = { 0, -1 }, good[] = { 0, 1 };
    assert_int_equal(dl4c_evaluation_add(e, rows, too_big, 2, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "label 2 of row 1 is outside the 2 classes");
    assert_int_equal(dl4c_evaluation_add(e, rows, negative, 2, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_add(e, nan_rows, good, 2, &err), DL4C_E_DIVERGED);
    assert_string_equal(err.message, "the probability of class 1 in row 1 is NaN");
    assert_int_equal(dl4c_evaluation_add(e, NULL, good, 2, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_add(e, rows, good, -1, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_add(e, NULL, NULL, 0, &err), DL4C_OK);
    assert_int_equal(dl4c_evaluation_count(e), 0);
    dl4c_evaluation_destroy(&e);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *const holes[] = { "a", NULL };
    const struct dl4c_evaluation_options wrong[] = {
        { sizeof wrong[0], 1, 0, NULL, 0 },    { sizeof wrong[0], 40000, 0, NULL, 0 }, { sizeof wrong[0], 2, 3, NULL, 0 },
        { sizeof wrong[0], 2, -1, NULL, 0 },   { sizeof wrong[0], 2, 0, holes, 0 },    { sizeof wrong[0], 3, 0, NULL, 0.5 },
        { sizeof wrong[0], 2, 0, NULL, -0.1 }, { sizeof wrong[0], 2, 0, NULL, 1.0 },   { sizeof wrong[0], 2, 0, NULL, NAN },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dl4c_evaluation *e = (dl4c_evaluation *)&wrong;
        assert_int_equal(dl4c_evaluation_create(NULL, &wrong[i], &e, NULL), DL4C_E_INVALID);
        assert_null(e);
    }
    dl4c_evaluation *e;
    assert_int_equal(dl4c_evaluation_create(NULL, NULL, &e, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_create(NULL, NULL, NULL, NULL), DL4C_E_INVALID);
}

/* Costs decide the class, not the top N; a mask leaves rows out whatever stands in them; averages follow the positive class. */
static void costs_masks_and_the_positive_class_count(void **state)
{
    (void)state;
    static const float p[] = { 0.6f, 0.4f, 0.9f, 0.1f, NAN, 2, 0.5f, 0.5f }, costs[] = { 1, 2 }, mask[] = { 1, 1, 0, 0.5f };
    static const int64_t labels[] = { 1, 0, 77, 0 };
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    dl4c_evaluation *e = NULL, *other = NULL;
    o.n_classes = 2;
    o.costs = costs;
    o.flags = DL4C_EVALUATION_FIRST_POSITIVE;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_add(e, p, labels, 4, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_add_masked(e, p, labels, mask, 4, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_count(e), 3);
    assert_int_equal(dl4c_evaluation_confusion(e, 1, 1), 1); /* 0.6 against 2 * 0.4 */
    assert_int_equal(dl4c_evaluation_confusion(e, 0, 0), 1);
    assert_int_equal(dl4c_evaluation_confusion(e, 0, 1), 1); /* 0.5 against 1 */
    assert_true(dl4c_evaluation_recall(e) == 0.5);           /* of the first class; the second one's is 1 */
    assert_true(dl4c_evaluation_precision(e) == 1.0);
    assert_true(dl4c_evaluation_metric(e, DL4C_METRIC_RECALL, DL4C_AVERAGE_MACRO) == 0.75);
    o.costs = NULL;
    o.flags = DL4C_EVALUATION_NO_POSITIVE;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &other, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_merge(other, e, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_add_masked(other, p, labels, NULL, 2, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_add(other, p + 6, labels, 1, NULL), DL4C_OK);
    assert_true(dl4c_evaluation_recall(other) == 0.5); /* 1 and 0 */
    assert_true(dl4c_evaluation_f1(other) == 0.0);     /* of the second class, whose recall is 0 */
    dl4c_evaluation_destroy(&e);
    dl4c_evaluation_destroy(&other);
    static const float negative[] = { 1, -1 }, infinite[] = { 1, INFINITY };
    const struct {
        const float *costs;
        double threshold;
        uint64_t flags;
        int32_t n;
        dl4c_status status;
    } bad[] = { { negative, 0, 0, 2, DL4C_E_INVALID }, { infinite, 0, 0, 2, DL4C_E_INVALID }, { costs, 0.5, 0, 2, DL4C_E_INVALID },
                { NULL, 0, 3, 2, DL4C_E_INVALID },     { NULL, 0, 1, 3, DL4C_E_INVALID },     { NULL, 0, 4, 2, DL4C_E_VERSION } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.costs = bad[i].costs;
        o.threshold = bad[i].threshold;
        o.flags = bad[i].flags;
        o.n_classes = bad[i].n;
        assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), bad[i].status);
        assert_null(e);
    }
}

static void before_anything_is_counted_all_numbers_are_zero(void **state)
{
    (void)state;
    char *text = NULL;
    dl4c_evaluation *e = make(3, 2, NULL);
    for (int32_t m = DL4C_METRIC_ACCURACY; m <= DL4C_METRIC_FALSE_ALARM_RATE; m++)
        for (int32_t a = DL4C_AVERAGE_DEFAULT; a <= DL4C_AVERAGE_MICRO; a++) {
            assert_true(dl4c_evaluation_metric(e, m, a) == 0.0);
            assert_true(dl4c_evaluation_class_metric(e, m, 0) == 0.0);
        }
    assert_true(dl4c_evaluation_top_n_accuracy(e) == 0.0);
    assert_int_equal(dl4c_evaluation_stats(e, 0, &text, NULL), DL4C_OK);
    assert_string_equal(text, "Evaluation: No data available (no evaluation has been performed)");
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

static void getters_answer_outside_the_classes(void **state)
{
    (void)state;
    int64_t tp = 7, tn = 7;
    dl4c_evaluation *e = make(2, 0, NULL);
    count(e, 0, 0, 3);
    assert_null(dl4c_evaluation_class_name(e, -1));
    assert_null(dl4c_evaluation_class_name(e, 2));
    assert_string_equal(dl4c_evaluation_class_name(e, 1), "1");
    assert_int_equal(dl4c_evaluation_confusion(e, 0, 2), 0);
    assert_int_equal(dl4c_evaluation_confusion(e, -1, 0), 0);
    assert_int_equal(dl4c_evaluation_classes(e), 2);
    assert_int_equal(dl4c_evaluation_top_n(e), 1);
    dl4c_evaluation_class_counts(e, 5, &tp, NULL, &tn, NULL);
    assert_int_equal(tp, 0);
    assert_int_equal(tn, 0);
    assert_true(isnan(dl4c_evaluation_class_metric(e, DL4C_METRIC_RECALL, 2)));
    assert_true(isnan(dl4c_evaluation_class_metric(e, 0, 0)));
    assert_true(isnan(dl4c_evaluation_metric(e, 99, 0)));
    assert_true(isnan(dl4c_evaluation_metric(e, DL4C_METRIC_F1, 3)));
    dl4c_evaluation_destroy(&e);
}

/* Four classes: 0 and 1 occur and are predicted, 2 occurs and is never predicted, 3 is predicted and never occurs. */
static dl4c_evaluation *lopsided(void)
{
    dl4c_evaluation *e = make(4, 0, NULL);
    count(e, 0, 0, 3);
    count(e, 0, 3, 1);
    count(e, 1, 1, 1);
    count(e, 2, 0, 5);
    return e;
}

static void macro_averages_leave_out_what_is_not_defined(void **state)
{
    (void)state;
    dl4c_evaluation *e = lopsided();
    /* precision 3/8, 1, -, 0; recall 3/4, 1, 0, -; F1 1/2, 1, -, - */
    assert_true(dl4c_evaluation_precision(e) == (0.375 + 1.0 + 0.0) / 3);
    assert_true(dl4c_evaluation_recall(e) == (0.75 + 1.0 + 0.0) / 3);
    assert_true(dl4c_evaluation_f1(e) == (0.5 + 1.0) / 2);
    assert_true(dl4c_evaluation_balanced_accuracy(e) == dl4c_evaluation_recall(e));
    assert_true(dl4c_evaluation_class_precision(e, 2) == 0.0);
    assert_true(dl4c_evaluation_class_f1(e, 3) == 0.0);
    assert_true(dl4c_evaluation_class_metric(e, DL4C_METRIC_ACCURACY, 0) == 0.4); /* (3 + 1) / 10 */
    assert_true(dl4c_evaluation_class_metric(e, DL4C_METRIC_BALANCED_ACCURACY, 1) == 1.0);
    assert_true(dl4c_evaluation_class_metric(e, DL4C_METRIC_FALSE_ALARM_RATE, 0) == (5.0 / 6 + 0.25) / 2);
    assert_true(dl4c_evaluation_metric(e, DL4C_METRIC_FALSE_NEGATIVE_RATE, DL4C_AVERAGE_MICRO) == 0.6); /* 6 of 10 */
    assert_true(isnan(dl4c_evaluation_metric(e, DL4C_METRIC_MCC, DL4C_AVERAGE_MACRO)));
    dl4c_evaluation_destroy(&e);
}

static void stats_names_the_classes_left_out(void **state)
{
    (void)state;
    char *text = NULL;
    dl4c_evaluation *e = lopsided();
    assert_int_equal(dl4c_evaluation_stats(e, 0, &text, NULL), DL4C_OK);
    assert_string_equal(text, "\n\n========================Evaluation Metrics========================\n"
                              " # of classes:    4\n"
                              " Accuracy:        0.4000\n"
                              " Precision:       0.4583\t(1 class excluded from average)\n"
                              " Recall:          0.5833\t(1 class excluded from average)\n"
                              " F1 Score:        0.7500\t(2 classes excluded from average)\n"
                              "Precision, recall & F1: macro-averaged (equally weighted avg. of 4 classes)\n"
                              "\n"
                              "Warning: 1 class was never predicted by the model and was excluded from average precision\n"
                              "Classes excluded from average precision: [2]\n"
                              "Warning: 1 class was never predicted by the model and was excluded from average recall\n"
                              "Classes excluded from average recall: [3]\n"
                              "\n"
                              "=========================Confusion Matrix=========================\n"
                              " 0 1 2 3\n"
                              "---------\n"
                              " 3 0 0 1 | 0 = 0\n"
                              " 0 1 0 0 | 1 = 1\n"
                              " 5 0 0 0 | 2 = 2\n"
                              " 0 0 0 0 | 3 = 3\n"
                              "\n"
                              "Confusion matrix format: Actual (rowClass) predicted as (columnClass) N times\n"
                              "==================================================================");
    dl4c_free(text);
    assert_int_equal(dl4c_evaluation_stats(e, DL4C_STATS_NO_WARNINGS, &text, NULL), DL4C_OK);
    assert_null(strstr(text, "Warning"));
    dl4c_free(text);
    assert_int_equal(dl4c_evaluation_stats(e, 8, &text, NULL), DL4C_E_INVALID);
    assert_null(text);
    dl4c_evaluation_destroy(&e);
}

static void stats_prints_what_java_prints(void **state)
{
    (void)state;
    char *text = NULL;
    dl4c_evaluation *e = make(32, 0, NULL);
    count(e, 0, 1, 31);
    count(e, 31, 31, 1);
    assert_int_equal(dl4c_evaluation_stats(e, DL4C_STATS_ANY_CONFUSION, &text, NULL), DL4C_OK);
    assert_contains(text, " Accuracy:        0.0312\n"); /* 1/32 = 0.03125: a tie goes to the even digit */
    /* precision is left undefined by 30 classes: too many to list, and then the line does not end */
    assert_contains(text, "\nWarning: 30 classes were never predicted by the model and were excluded from average precisionWarning: 30 ");
    assert_contains(text, "excluded from average recall\n=====");
    assert_contains(text, "  0  1  2  3");
    assert_contains(text, "\n  0 31  0");
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);

    e = make(3, 0, NULL);
    count(e, 0, 1, 10); /* nothing that occurs was predicted: F1 has no class left; 10 fits a column of two */
    assert_int_equal(dl4c_evaluation_stats(e, 0, &text, NULL), DL4C_OK);
    assert_contains(text, " F1 Score:        NaN\t(3 classes excluded from average)\n");
    assert_contains(text, "\n 010 0 | 0 = 0\n");
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);

    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    o.n_classes = 2;
    o.threshold = 0.00035;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), DL4C_OK);
    count(e, 1, 1, 1);
    assert_int_equal(dl4c_evaluation_stats(e, 0, &text, NULL), DL4C_OK);
    assert_contains(text, "\nBinary decision threshold: 3.5E-4\n");
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

static void merging_adds_and_refuses_other_classes(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *const ab[] = { "a", "b" }, *const ac[] = { "a", "c" };
    dl4c_evaluation *e = make(2, 2, ab), *same = make(2, 2, ab), *other = make(2, 2, ac), *more = make(3, 2, NULL), *top = make(2, 1, ab);
    count(e, 0, 1, 2);
    count(same, 0, 1, 1);
    count(same, 1, 1, 4);
    assert_int_equal(dl4c_evaluation_merge(e, same, &err), DL4C_OK);
    assert_int_equal(dl4c_evaluation_confusion(e, 0, 1), 3);
    assert_int_equal(dl4c_evaluation_count(e), 7);
    assert_true(dl4c_evaluation_class_recall(e, 1) == 1.0);
    assert_true(dl4c_evaluation_class_precision(e, 1) == 4.0 / 7.0);
    assert_true(dl4c_evaluation_top_n_accuracy(e) == 1.0);
    assert_int_equal(dl4c_evaluation_merge(e, e, &err), DL4C_OK); /* itself: twice */
    assert_int_equal(dl4c_evaluation_count(e), 14);
    assert_int_equal(dl4c_evaluation_merge(e, other, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "class 1 is 'b' in one evaluation and 'c' in the other");
    assert_int_equal(dl4c_evaluation_merge(e, more, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_merge(e, top, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_merge(e, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_evaluation_count(e), 14);
    dl4c_evaluation_destroy(&e);
    dl4c_evaluation_destroy(&same);
    dl4c_evaluation_destroy(&other);
    dl4c_evaluation_destroy(&more);
    dl4c_evaluation_destroy(&top);
}

static void hostile_names_stay_inside_json_and_svg(void **state)
{
    (void)state;
    const char *const names[] = { "a\"\\\n\x01", "<b>&\xff" };
    char *text = NULL;
    dl4c_evaluation *e = make(2, 0, names);
    count(e, 0, 0, 1);
    count(e, 1, 0, 1);
    assert_int_equal(dl4c_evaluation_json(e, &text, NULL), DL4C_OK);
    assert_string_equal(text,
                        "{\"accuracy\": 0.5, \"balanced_accuracy\": 0.5, \"precision\": 0, \"recall\": 0, \"f1\": 0, \"top_n\": 0.5, "
                        "\"top\": 1, \"n\": 2, \"classes\": [\"a\\\"\\\\\\n\\u0001\", \"<b>&\xEF\xBF\xBD\"], "
                        "\"confusion\": [[1, 0], [1, 0]], \"per_class\": ["
                        "{\"class\": \"a\\\"\\\\\\n\\u0001\", \"precision\": 0.5, \"recall\": 1, \"f1\": 0.6666666666666666, \"n\": 1}, "
                        "{\"class\": \"<b>&\xEF\xBF\xBD\", \"precision\": 0, \"recall\": 0, \"f1\": 0, \"n\": 1}]}");
    dl4c_free(text);
    assert_int_equal(dl4c_evaluation_confusion_svg(e, &text, NULL), DL4C_OK);
    assert_contains(text, ">&lt;b&gt;&amp;\xEF\xBF\xBD</text>");
    assert_contains(text, ">a&quot;\\&#10;\xEF\xBF\xBD</text>");
    assert_null(strstr(text, "<b>"));
    assert_null(strchr(text, '\x01'));
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

static void nan_is_null_in_json(void **state)
{
    (void)state;
    char *text = NULL;
    dl4c_evaluation *e = make(3, 0, NULL);
    count(e, 0, 1, 1);
    assert_int_equal(dl4c_evaluation_json(e, &text, NULL), DL4C_OK);
    assert_contains(text, "\"f1\": null, \"top_n\": 0,");
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

static void the_picture_drops_text_as_classes_grow(void **state)
{
    (void)state;
    char *text = NULL;
    const int32_t n[] = { 3, 60, 257 };
    for (int i = 0; i < 3; i++) {
        dl4c_evaluation *e = make(n[i], 0, NULL);
        float *row = calloc((size_t)n[i], sizeof *row);
        assert_non_null(row);
        for (int64_t k = 0; k < n[i]; k++) {
            row[k] = 1.0f;
            assert_int_equal(dl4c_evaluation_add(e, row, &k, 1, NULL), DL4C_OK);
            row[k] = 0.0f;
        }
        free(row);
        assert_int_equal(dl4c_evaluation_confusion_svg(e, &text, NULL), DL4C_OK);
        int texts = 0, tips = 0;
        for (const char *at = text; (at = strstr(at, "<text")) != NULL; at++)
            texts++;
        for (const char *at = text; (at = strstr(at, ": right in 1 of 1</title>")) != NULL; at++)
            tips++;
        assert_int_equal(tips, n[i]);
        if (i == 0)
            assert_true(texts > 3 * n[i]); /* names twice, counts */
        else if (i == 1)
            assert_true(texts >= 2 * n[i] && texts < 2 * n[i] + 20);
        else
            assert_true(texts < 60);
        dl4c_free(text);
        dl4c_evaluation_destroy(&e);
    }
}

static dl4c_status all_calls(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    dl4c_evaluation *e = (dl4c_evaluation *)&o;
    o.n_classes = 3;
    dl4c_status status = dl4c_evaluation_create(ctx, &o, &e, err);
    assert_true((status == DL4C_OK) == (e != NULL));
    dl4c_status (*const forms[])(const dl4c_evaluation *, char **, struct dl4c_error *) = {
        dl4c_evaluation_json,           dl4c_evaluation_confusion_text, dl4c_evaluation_confusion_csv,
        dl4c_evaluation_confusion_html, dl4c_evaluation_confusion_svg,
    };
    for (size_t i = 0; status == DL4C_OK && i < sizeof forms / sizeof *forms; i++) {
        char *text = (char *)&o;
        status = forms[i](e, &text, err);
        assert_true((status == DL4C_OK) == (text != NULL));
        dl4c_free(text);
    }
    dl4c_evaluation_destroy(&e);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(all_calls, NULL) > 10);
    assert_true(fail_alloc_limits(all_calls, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_index_wins_a_tie),
        cmocka_unit_test(a_bad_row_leaves_the_counts_alone),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(costs_masks_and_the_positive_class_count),
        cmocka_unit_test(before_anything_is_counted_all_numbers_are_zero),
        cmocka_unit_test(getters_answer_outside_the_classes),
        cmocka_unit_test(macro_averages_leave_out_what_is_not_defined),
        cmocka_unit_test(stats_names_the_classes_left_out),
        cmocka_unit_test(stats_prints_what_java_prints),
        cmocka_unit_test(merging_adds_and_refuses_other_classes),
        cmocka_unit_test(hostile_names_stay_inside_json_and_svg),
        cmocka_unit_test(nan_is_null_in_json),
        cmocka_unit_test(the_picture_drops_text_as_classes_grow),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
