/* SPDX-License-Identifier: Apache-2.0 */
/* Measures by column: hand-computed areas, errors and bins, masks, merging, refusals. Recorded texts: run_goldens, h_*. */
#include "support/fail_alloc.h"
#include <dl4c/evaluation.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static dl4c_measure *make(int32_t kind, int32_t columns, int32_t steps, int32_t flags)
{
    struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL;
    o.kind = kind;
    o.columns = columns;
    o.steps = steps;
    o.flags = flags;
    assert_int_equal(dl4c_measure_create(NULL, &o, &m, &err), DL4C_OK);
    return m;
}

static char *json(const dl4c_measure *m)
{
    char *text = NULL;
    assert_int_equal(dl4c_measure_dl4j_json(m, &text, NULL), DL4C_OK);
    return text;
}

/* Scores .9 .8 .7 .6 with labels 1 0 1 0: of the four pairs three are in order, so the area is 3/4. */
static const float scores[] = { 0.8f, 0.6f, 0.9f, 0.7f }, hits[] = { 0, 0, 1, 1 };

static void exact_areas_are_those_computed_by_hand(void **state)
{
    (void)state;
    dl4c_measure *m = make(DL4C_MEASURE_ROC, 1, 0, 0);
    assert_int_equal(dl4c_measure_add(m, hits, scores, NULL, 0, 4, NULL), DL4C_OK);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_AUROC, 0), 0.75, 1e-15);
    /* recall 0..1/2 at precision 1, to 1/2 at 1/2 without width, to 1 at 2/3: (1/2)(1) + (1/2)(1/2 + 2/3)/2 */
    assert_near(dl4c_measure_value(m, DL4C_METRIC_AUPRC, -1), 0.5 + 0.5 * (0.5 + 2.0 / 3) / 2, 1e-15);
    double *p = NULL;
    int64_t n = 0, positive = 0, negative = 0;
    assert_int_equal(dl4c_measure_curve(m, DL4C_CURVE_ROC, 0, &p, &n, NULL), DL4C_OK);
    assert_true(n > 2);
    assert_true(p[0] == 1.0 && p[n] == 0.0 && p[2 * n] == 0.0);
    assert_true(p[n - 1] == 0.0 && p[2 * n - 1] == 1.0 && p[3 * n - 1] == 1.0);
    dl4c_free(p);
    dl4c_measure_column_counts(m, 0, &positive, &negative, NULL, NULL);
    assert_int_equal(positive, 2);
    assert_int_equal(negative, 2);
    assert_true(isnan(dl4c_measure_value(m, DL4C_METRIC_MSE, 0)));
    assert_true(isnan(dl4c_measure_value(m, DL4C_METRIC_AUROC, 1)));
    dl4c_measure_destroy(&m);
}

static void redundant_points_do_not_change_an_area(void **state)
{
    (void)state;
    float p[64], y[64];
    dl4c_measure *few = make(DL4C_MEASURE_ROC, 1, 0, 0), *all = make(DL4C_MEASURE_ROC, 1, 0, DL4C_MEASURE_ALL_POINTS);
    double *a = NULL, *b = NULL;
    int64_t n = 0, m = 0;
    for (int i = 0; i < 64; i++) {
        p[i] = (float)((i * 37) % 64) / 64;
        y[i] = (float)(i % 3 == 0);
    }
    assert_int_equal(dl4c_measure_add(few, y, p, NULL, 0, 64, NULL), DL4C_OK);
    assert_int_equal(dl4c_measure_add(all, y, p, NULL, 0, 64, NULL), DL4C_OK);
    assert_near(dl4c_measure_value(few, DL4C_METRIC_AUROC, 0), dl4c_measure_value(all, DL4C_METRIC_AUROC, 0), 1e-12);
    assert_int_equal(dl4c_measure_curve(few, DL4C_CURVE_ROC, 0, &a, &n, NULL), DL4C_OK);
    assert_int_equal(dl4c_measure_curve(all, DL4C_CURVE_ROC, 0, &b, &m, NULL), DL4C_OK);
    assert_int_equal(m, 66);
    assert_true(n < m);
    dl4c_free(a);
    dl4c_free(b);
    dl4c_measure_destroy(&few);
    dl4c_measure_destroy(&all);
}

static void a_score_on_a_threshold_is_a_yes_but_at_one(void **state)
{
    (void)state;
    static const float p[] = { 0.5f, 1.0f }, y[] = { 1, 1 };
    dl4c_measure *m = make(DL4C_MEASURE_ROC, 1, 2, 0);
    assert_int_equal(dl4c_measure_add(m, y, p, NULL, 0, 2, NULL), DL4C_OK);
    char *text = json(m);
    assert_non_null(strstr(text, "\"threshold\" : 0.5,\n      \"countTruePositive\" : 2"));
    assert_non_null(strstr(text, "\"threshold\" : 1.0,\n      \"countTruePositive\" : 0"));
    dl4c_free(text);
    dl4c_measure_destroy(&m);
}

static void masks_leave_rows_or_values_out(void **state)
{
    (void)state;
    static const float p[] = { 0.9f, 0.1f, 0.8f, 0.7f }, y[] = { 1, 0, 0, 1 }, row[] = { 1, 0 }, value[] = { 1, 0, 1, 1 };
    int64_t tp, fp, tn, fn;
    dl4c_measure *m = make(DL4C_MEASURE_BINARY, 2, 0, 0);
    assert_int_equal(dl4c_measure_add(m, y, p, row, 1, 2, NULL), DL4C_OK);
    assert_int_equal(dl4c_measure_count(m, 0), 1);
    assert_int_equal(dl4c_measure_add(m, y, p, value, 2, 2, NULL), DL4C_OK);
    dl4c_measure_column_counts(m, 0, &tp, &fp, &tn, &fn);
    assert_true(tp == 2 && fp == 1 && tn == 0 && fn == 0);
    dl4c_measure_column_counts(m, 1, &tp, &fp, &tn, &fn);
    assert_true(tp == 1 && fp == 0 && tn == 1 && fn == 0);
    dl4c_measure_destroy(&m);
    m = make(DL4C_MEASURE_ROC_MULTICLASS, 2, 0, 0);
    assert_int_equal(dl4c_measure_add(m, y, p, value, 2, 2, NULL), DL4C_E_INVALID);
    dl4c_measure_destroy(&m);
}

/* Predictions 1 2 4 of labels 1 2 3: errors 0 0 1. */
static void regression_is_that_computed_by_hand(void **state)
{
    (void)state;
    static const float p[] = { 1, 2, 4 }, y[] = { 1, 2, 3 };
    dl4c_measure *m = make(DL4C_MEASURE_REGRESSION, 1, 0, 0);
    assert_int_equal(dl4c_measure_add(m, y, p, NULL, 0, 3, NULL), DL4C_OK);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_MSE, 0), 1.0 / 3, 1e-15);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_MAE, 0), 1.0 / 3, 1e-15);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_RMSE, 0), sqrt(1.0 / 3), 1e-15);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_RSE, 0), 0.5, 1e-12);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_R2, 0), 0.5, 1e-12);
    assert_near(dl4c_measure_value(m, DL4C_METRIC_PC, 0), 3.0 / sqrt(2.0 * 14 / 3), 1e-12);
    dl4c_measure_destroy(&m);
}

static void calibration_bins_hold_what_falls_into_them(void **state)
{
    (void)state;
    static const float p[] = { 0.05f, 0.95f, 0.1f, 0.9f, 1.0f, 0.0f }, y[] = { 0, 1, 1, 0, 1, 0 };
    dl4c_measure *m = make(DL4C_MEASURE_CALIBRATION, 2, 0, 0);
    double *v = NULL, sum = 0;
    int64_t n = 0;
    assert_int_equal(dl4c_measure_add(m, y, p, NULL, 0, 3, NULL), DL4C_OK);
    assert_int_equal(dl4c_measure_curve(m, DL4C_CURVE_RELIABILITY, 0, &v, &n, NULL), DL4C_OK);
    assert_int_equal(n, 3); /* 0.05; 0.1, which is the second bin's lower edge; 1, which is in the last */
    assert_true(v[0] == 0.0 && v[1] == 0.1 && v[2] == 0.9);
    assert_near(v[3], 0.05, 1e-8);
    assert_true(v[6] == 0.0 && v[7] == 1.0 && v[8] == 1.0);
    dl4c_free(v);
    assert_int_equal(dl4c_measure_curve(m, DL4C_CURVE_PROBABILITIES, -1, &v, &n, NULL), DL4C_OK);
    assert_int_equal(n, 50);
    for (int64_t i = 0; i < n; i++)
        sum += v[2 * n + i];
    assert_true(sum == 6.0);
    dl4c_free(v);
    dl4c_measure_destroy(&m);
}

/* Every kind in two parts that are merged, beside one that counted both: the same JSON. Sums of whole numbers are exact in float. */
static void merging_equals_adding(void **state)
{
    (void)state;
    static const int32_t steps[] = { 0, 5 };
    float p[80], y[80];
    for (int i = 0; i < 80; i++) {
        p[i] = (float)((i * 29) % 80) / 128;
        y[i] = (float)(i % 4 == 0);
    }
    for (int32_t kind = DL4C_MEASURE_BINARY; kind <= DL4C_MEASURE_CALIBRATION; kind++)
        for (int s = 0; s < 2; s++) {
            const int32_t columns = 2, flags = kind == DL4C_MEASURE_BINARY ? DL4C_MEASURE_WITH_ROC : 0;
            dl4c_measure *a = make(kind, columns, steps[s], flags), *b = make(kind, columns, steps[s], flags);
            dl4c_measure *both = make(kind, columns, steps[s], flags);
            assert_int_equal(dl4c_measure_add(a, y, p, NULL, 0, 25, NULL), DL4C_OK);
            assert_int_equal(dl4c_measure_add(b, y + 50, p + 50, NULL, 0, 15, NULL), DL4C_OK);
            assert_int_equal(dl4c_measure_add(both, y, p, NULL, 0, 25, NULL), DL4C_OK);
            assert_int_equal(dl4c_measure_add(both, y + 50, p + 50, NULL, 0, 15, NULL), DL4C_OK);
            assert_int_equal(dl4c_measure_merge(a, b, NULL), DL4C_OK);
            char *merged = json(a), *added = json(both);
            assert_string_equal(merged, added);
            dl4c_free(merged);
            dl4c_free(added);
            dl4c_measure_destroy(&a);
            dl4c_measure_destroy(&b);
            dl4c_measure_destroy(&both);
        }
    dl4c_measure *a = make(DL4C_MEASURE_BINARY, 2, 0, 0), *b = make(DL4C_MEASURE_REGRESSION, 2, 0, 0);
    assert_int_equal(dl4c_measure_merge(a, b, NULL), DL4C_E_INVALID);
    dl4c_measure_destroy(&a);
    dl4c_measure_destroy(&b);
}

static void a_refused_call_adds_nothing(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    static const float nan_p[] = { 0.5f, NAN }, p[] = { 0.5f, 0.5f }, half[] = { 1, 0.5f }, y[] = { 1, 0 };
    dl4c_measure *m = make(DL4C_MEASURE_ROC_BINARY, 1, 0, 0);
    assert_int_equal(dl4c_measure_add(m, y, nan_p, NULL, 0, 2, &err), DL4C_E_DIVERGED);
    assert_non_null(strstr(err.message, "row 1"));
    assert_int_equal(dl4c_measure_add(m, half, p, NULL, 0, 2, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_measure_add(m, NULL, p, NULL, 0, 2, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_measure_count(m, 0), 0);
    double *v = (double *)1;
    int64_t n;
    assert_int_equal(dl4c_measure_curve(m, DL4C_CURVE_ROC, 0, &v, &n, &err), DL4C_E_STATE);
    assert_null(v);
    assert_int_equal(dl4c_measure_curve(m, DL4C_CURVE_RESIDUALS, 0, &v, &n, &err), DL4C_E_INVALID);
    dl4c_measure_destroy(&m);
}

static void options_outside_their_ranges_are_refused(void **state)
{
    (void)state;
    static const float high[] = { 1.5f };
    static const char *const no_name[] = { NULL };
    static const struct dl4c_measure_options bad[] = {
        { .columns = 1 },
        { .kind = 7, .columns = 1 },
        { .kind = DL4C_MEASURE_BINARY },
        { .kind = DL4C_MEASURE_ROC, .columns = 3 },
        { .kind = DL4C_MEASURE_ROC, .columns = 1, .steps = -1 },
        { .kind = DL4C_MEASURE_BINARY, .columns = 1, .digits = 18 },
        { .kind = DL4C_MEASURE_CALIBRATION, .columns = 1, .histogram_bins = 100000 },
        { .kind = DL4C_MEASURE_BINARY, .columns = 1, .flags = 8 },
        { .kind = DL4C_MEASURE_BINARY, .columns = 1, .thresholds = high },
        { .kind = DL4C_MEASURE_BINARY, .columns = 1, .names = no_name },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dl4c_measure_options o = bad[i];
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_measure *m = (dl4c_measure *)1;
        o.struct_size = sizeof o;
        assert_int_equal(dl4c_measure_create(NULL, &o, &m, &err), DL4C_E_INVALID);
        assert_null(m);
    }
}

static dl4c_status every_kind(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const struct dl4c_measure_options *o = arg;
    dl4c_measure *m = NULL;
    char *text = NULL, *stats = NULL;
    dl4c_status s = dl4c_measure_create(ctx, o, &m, err);
    if (s == DL4C_OK)
        s = dl4c_measure_add(m, hits, scores, NULL, 0, 4 / o->columns, err);
    if (s == DL4C_OK)
        s = dl4c_measure_dl4j_json(m, &text, err);
    if (s == DL4C_OK)
        s = dl4c_measure_stats(m, &stats, err);
    dl4c_free(text);
    dl4c_free(stats);
    dl4c_measure_destroy(&m);
    return s;
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    static const char *const names[] = { "a", "b" };
    static const float thresholds[] = { 0.5f, 0.25f };
    for (int32_t kind = DL4C_MEASURE_BINARY; kind <= DL4C_MEASURE_CALIBRATION; kind++) {
        struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
        o.kind = kind;
        o.columns = kind == DL4C_MEASURE_ROC ? 1 : 2;
        o.names = names;
        o.thresholds = thresholds;
        o.flags = kind == DL4C_MEASURE_BINARY ? DL4C_MEASURE_WITH_ROC : 0;
        assert_true(fail_alloc_run(every_kind, &o) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_areas_are_those_computed_by_hand),
        cmocka_unit_test(redundant_points_do_not_change_an_area),
        cmocka_unit_test(a_score_on_a_threshold_is_a_yes_but_at_one),
        cmocka_unit_test(masks_leave_rows_or_values_out),
        cmocka_unit_test(regression_is_that_computed_by_hand),
        cmocka_unit_test(calibration_bins_hold_what_falls_into_them),
        cmocka_unit_test(merging_equals_adding),
        cmocka_unit_test(a_refused_call_adds_nothing),
        cmocka_unit_test(options_outside_their_ranges_are_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
