/* SPDX-License-Identifier: Apache-2.0 */
/* Measures out of their JSON: what is written is read back, and what contradicts itself is not. Recorded texts: run_goldens, h_*. */
#include "support/fail_alloc.h"
#include <dl4c/evaluation.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 60, COLUMNS = 3 };

/* Rows of predictions with ties, and labels that follow them more often than not. */
static void add_rows(dl4c_measure *m, int32_t columns)
{
    float y[ROWS * COLUMNS], p[ROWS * COLUMNS];
    uint32_t seed = 7;
    for (int i = 0; i < ROWS * columns; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 24 & 31) / 31.0f;
        seed = seed * 1664525u + 1013904223u;
        y[i] = (seed >> 20 & 31) < (uint32_t)(31 * p[i]) ? 1.0f : 0.0f;
    }
    assert_int_equal(dl4c_measure_add(m, y, p, NULL, 0, ROWS, NULL), DL4C_OK);
}

static const char *const names[COLUMNS] = { "cat", "a \"dog\"", "caf\xC3\xA9" };
static const float thresholds[COLUMNS] = { 0.25f, 0.5f, 0.3f };

static const struct {
    int32_t kind, steps, flags;
    bool named, own_thresholds;
} cases[] = {
    { DL4C_MEASURE_BINARY, 0, 0, false, false },
    { DL4C_MEASURE_BINARY, 0, 0, true, true },
    { DL4C_MEASURE_BINARY, 0, DL4C_MEASURE_WITH_ROC, true, false },
    { DL4C_MEASURE_BINARY, 12, DL4C_MEASURE_WITH_ROC, false, false },
    { DL4C_MEASURE_ROC, 0, 0, false, false },
    { DL4C_MEASURE_ROC, 0, DL4C_MEASURE_ALL_POINTS, false, false },
    { DL4C_MEASURE_ROC, 30, 0, false, false },
    { DL4C_MEASURE_ROC_BINARY, 0, 0, true, false },
    { DL4C_MEASURE_ROC_BINARY, 7, 0, false, false },
    { DL4C_MEASURE_ROC_MULTICLASS, 0, DL4C_MEASURE_ALL_POINTS, true, false },
    { DL4C_MEASURE_ROC_MULTICLASS, 100, 0, true, false },
    { DL4C_MEASURE_REGRESSION, 0, 0, false, false },
    { DL4C_MEASURE_REGRESSION, 0, 0, true, false },
    { DL4C_MEASURE_CALIBRATION, 0, 0, false, false },
    { DL4C_MEASURE_CALIBRATION, 0, DL4C_MEASURE_EMPTY_BINS, false, false },
};

static dl4c_measure *make(size_t i)
{
    struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL;
    o.kind = cases[i].kind;
    o.columns = o.kind == DL4C_MEASURE_ROC ? 2 : COLUMNS;
    o.steps = cases[i].steps;
    o.flags = cases[i].flags;
    o.names = cases[i].named ? names : NULL;
    o.thresholds = cases[i].own_thresholds ? thresholds : NULL;
    if (dl4c_measure_create(NULL, &o, &m, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return m;
}

static char *json_of(const dl4c_measure *m)
{
    char *text = NULL;
    assert_int_equal(dl4c_measure_dl4j_json(m, &text, NULL), DL4C_OK);
    return text;
}

static dl4c_measure *read_back(const char *text)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL;
    if (dl4c_measure_from_dl4j(NULL, text, strlen(text), &m, &err) != DL4C_OK)
        fail_msg("%s\n%.400s", err.message, text);
    return m;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dl4c_measure *m = make(i);
        add_rows(m, dl4c_measure_columns(m));
        char *text = json_of(m), *stats = NULL, *stats_again = NULL;
        dl4c_measure *back = read_back(text);
        char *again = json_of(back);
        assert_string_equal(text, again);
        assert_int_equal(dl4c_measure_stats(m, &stats, NULL), DL4C_OK);
        assert_int_equal(dl4c_measure_stats(back, &stats_again, NULL), DL4C_OK);
        assert_string_equal(stats, stats_again);
        assert_int_equal(dl4c_measure_kind(back), cases[i].kind);
        assert_int_equal(dl4c_measure_columns(back), dl4c_measure_columns(m));
        for (int32_t k = 0; k < dl4c_measure_columns(m); k++)
            assert_int_equal(dl4c_measure_count(m, k), dl4c_measure_count(back, k));
        dl4c_free(text);
        dl4c_free(again);
        dl4c_free(stats);
        dl4c_free(stats_again);
        dl4c_measure_destroy(&m);
        dl4c_measure_destroy(&back);
    }
}

static void counting_goes_on_but_for_exact_curves(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool curves = cases[i].kind != DL4C_MEASURE_BINARY || cases[i].flags & DL4C_MEASURE_WITH_ROC;
        const bool closed = curves && cases[i].steps == 0 && cases[i].kind <= DL4C_MEASURE_ROC_MULTICLASS;
        dl4c_measure *m = make(i), *other = make(i);
        add_rows(m, dl4c_measure_columns(m));
        char *text = json_of(m);
        dl4c_measure *back = read_back(text);
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dl4c_measure_merge(back, m, &err), closed ? DL4C_E_STATE : DL4C_OK);
        assert_int_equal(dl4c_measure_merge(other, back, &err), closed ? DL4C_E_STATE : DL4C_OK);
        if (closed) {
            const float x[COLUMNS] = { 0 };
            assert_int_equal(dl4c_measure_add(back, x, x, NULL, 0, 1, &err), DL4C_E_STATE);
            assert_string_equal(err.origin, "measure");
        } else {
            assert_int_equal(dl4c_measure_count(back, 0), 2 * ROWS);
        }
        dl4c_free(text);
        dl4c_measure_destroy(&m);
        dl4c_measure_destroy(&other);
        dl4c_measure_destroy(&back);
    }
}

static void curves_come_back_whole(void **state)
{
    (void)state;
    dl4c_measure *m = make(4);
    add_rows(m, 2);
    char *text = json_of(m);
    dl4c_measure *back = read_back(text);
    for (int32_t curve = DL4C_CURVE_ROC; curve <= DL4C_CURVE_PRECISION_RECALL; curve++) {
        double *a = NULL, *b = NULL;
        int64_t n = 0, k = 0;
        assert_int_equal(dl4c_measure_curve(m, curve, 0, &a, &n, NULL), DL4C_OK);
        assert_int_equal(dl4c_measure_curve(back, curve, 0, &b, &k, NULL), DL4C_OK);
        assert_int_equal(n, k);
        for (int64_t i = 0; i < 3 * n; i++)
            assert_true(a[i] == b[i]);
        dl4c_free(a);
        dl4c_free(b);
    }
    assert_true(dl4c_measure_value(m, DL4C_METRIC_AUPRC, 0) == dl4c_measure_value(back, DL4C_METRIC_AUPRC, 0));
    dl4c_free(text);
    dl4c_measure_destroy(&m);
    dl4c_measure_destroy(&back);
}

/* An empty measure says how many columns it has by its names alone. */
static void an_empty_measure_is_read_where_it_says_its_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool says = cases[i].named || cases[i].kind == DL4C_MEASURE_ROC || cases[i].kind == DL4C_MEASURE_REGRESSION;
        dl4c_measure *m = make(i), *back = NULL;
        char *text = json_of(m);
        const dl4c_status status = dl4c_measure_from_dl4j(NULL, text, strlen(text), &back, NULL);
        assert_int_equal(status, says ? DL4C_OK : DL4C_E_CORRUPT);
        if (back) {
            char *again = json_of(back);
            assert_string_equal(text, again);
            dl4c_free(again);
        }
        dl4c_free(text);
        dl4c_measure_destroy(&m);
        dl4c_measure_destroy(&back);
    }
}

/* Names of classes before 1.0.0-beta3, and rows without a type. */
static void older_texts_are_read(void **state)
{
    (void)state;
    dl4c_measure *m = read_back("{\"@class\":\"org.deeplearning4j.eval.ROC\",\"thresholdSteps\":2,\"countActualPositive\":2,"
                                "\"countActualNegative\":1,\"counts\":{\"0.0\":{\"threshold\":0.0,\"countTruePositive\":2,"
                                "\"countFalsePositive\":1},\"0.5\":{\"threshold\":0.5,\"countTruePositive\":1,\"countFalsePositive\":0},"
                                "\"1.0\":{\"threshold\":1.0,\"countTruePositive\":0,\"countFalsePositive\":0}}}");
    /* points (1, 1), (0, 0.5), (0, 0): a trapezium of 0.75 */
    assert_true(fabs(dl4c_measure_value(m, DL4C_METRIC_AUROC, 0) - 0.75) < 1e-12);
    dl4c_measure_destroy(&m);
    m = read_back("{\"@class\":\"org.deeplearning4j.eval.RegressionEvaluation\",\"columnNames\":[\"x\"],\"precision\":5,"
                  "\"exampleCountPerColumn\":[2],\"labelsSumPerColumn\":[3.0],\"sumSquaredErrorsPerColumn\":[8.0],"
                  "\"sumAbsErrorsPerColumn\":[4.0],\"currentMean\":[1.5],\"currentPredictionMean\":[1.0],\"sumOfProducts\":[1.0],"
                  "\"sumSquaredLabels\":[5.0],\"sumSquaredPredicted\":[2.0]}");
    assert_true(dl4c_measure_value(m, DL4C_METRIC_MSE, 0) == 4.0);
    dl4c_measure_destroy(&m);
}

#define HEAD(name)    "{\"@class\":\"org.nd4j.evaluation." name "\","
#define ROC_OF(p, n)  HEAD("classification.ROC") "\"thresholdSteps\":1,\"countActualPositive\":" #p ",\"countActualNegative\":" #n ","
#define STEP(t, a, b) "\"" #t "\":{\"threshold\":" #t ",\"countTruePositive\":" #a ",\"countFalsePositive\":" #b "}"

static void lies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        dl4c_status status;
    } lies[] = {
        { "", DL4C_E_CORRUPT },
        { "[]", DL4C_E_CORRUPT },
        { "{}", DL4C_E_CORRUPT },
        { "{\"@class\":7}", DL4C_E_CORRUPT },
        { HEAD("classification.Evaluation") "\"topN\":1}", DL4C_E_CORRUPT },
        { HEAD("classification.ROC") "\"thresholdSteps\":1}", DL4C_E_CORRUPT },
        { HEAD("classification.ROC") "\"thresholdSteps\":1048577}", DL4C_E_CORRUPT },
        { HEAD("classification.ROC") "\"thresholdSteps\":-1}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{" STEP(0.0, 1, 1) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{" STEP(0.0, 2, 1) "," STEP(1.0, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{" STEP(0.0, 1, 1) "," STEP(0.00, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{" STEP(0.2, 1, 1) "," STEP(1.0, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"counts\":{" STEP(0.0, 1, 1) "," STEP(1e300, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(-1, 1) "\"counts\":{" STEP(0.0, 1, 1) "," STEP(1.0, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"exampleCount\":3,\"counts\":{" STEP(0.0, 1, 1) "," STEP(1.0, 0, 0) "}}", DL4C_E_CORRUPT },
        { ROC_OF(1, 1) "\"isExact\":true,\"counts\":{" STEP(0.0, 1, 1) "," STEP(1.0, 0, 0) "}}", DL4C_E_CORRUPT },
        { HEAD("classification.ROC") "\"countActualPositive\":1,\"countActualNegative\":1,\"auc\":1.0}", DL4C_E_CORRUPT },
        { HEAD("classification.ROC") "\"countActualPositive\":1,\"countActualNegative\":1,\"rocCurve\":{\"threshold\":[0,1],\"fpr\":[0,1],"
                                     "\"tpr\":[0]},\"prCurve\":{}}",
          DL4C_E_CORRUPT },
        { HEAD("classification.ROCBinary") "\"underlying\":null,\"thresholdSteps\":0,\"labels\":null}", DL4C_E_CORRUPT },
        { HEAD("classification.ROCBinary") "\"underlying\":[7],\"thresholdSteps\":0}", DL4C_E_CORRUPT },
        { HEAD("classification.ROCMultiClass") "\"underlying\":[{},{}],\"labels\":[\"a\"]}", DL4C_E_CORRUPT },
        { HEAD("classification.ROCMultiClass") "\"underlying\":null,\"thresholdSteps\":1048576,\"labels\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}",
          DL4C_E_LIMIT },
        { HEAD("classification.EvaluationBinary") "\"countTruePositive\":[1,2]}", DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationBinary") "\"countTruePositive\":[1,-2],\"countFalsePositive\":[0,0],\"countTrueNegative\":[0,0],"
                                                  "\"countFalseNegative\":[0,0]}",
          DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationBinary") "\"labels\":[\"a\"],\"decisionThreshold\":[2.0]}", DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationBinary") "\"labels\":[\"a\"],\"decisionThreshold\":{\"dataType\":\"FLOAT\"}}", DL4C_E_CORRUPT },
        { HEAD("regression.RegressionEvaluation") "\"columnNames\":[\"a\"],\"precision\":18}", DL4C_E_CORRUPT },
        { HEAD("regression.RegressionEvaluation") "\"columnNames\":[\"a\"],\"exampleCountPerColumn\":[1]}", DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationCalibration") "\"reliabilityDiagNumBins\":10}", DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationCalibration") "\"labelCountsEachClass\":[1],\"histogramNumBins\":0}", DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationCalibration") "\"labelCountsEachClass\":[1],\"rDiagBinPosCount\":{\"array\":\"AAA=\"}}",
          DL4C_E_CORRUPT },
        { HEAD("classification.EvaluationCalibration") "\"labelCountsEachClass\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,"
                                                       "23,24,25,26,27,28,29,30],\"reliabilityDiagNumBins\":65536,\"histogramNumBins\":"
                                                       "65536}",
          DL4C_E_LIMIT },
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        dl4c_measure *m = (dl4c_measure *)1;
        struct dl4c_error err = DL4C_ERROR_INIT;
        const dl4c_status status = dl4c_measure_from_dl4j(NULL, lies[i].json, strlen(lies[i].json), &m, &err);
        if (status != lies[i].status)
            fail_msg("%s: status %d, %s", lies[i].json, (int)status, err.message);
        assert_null(m);
        assert_true(err.message[0] != '\0');
    }
}

static dl4c_status read_it(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    dl4c_measure *m = NULL;
    const dl4c_status s = dl4c_measure_from_dl4j(ctx, arg, strlen(arg), &m, err);
    assert_true((s == DL4C_OK) == (m != NULL));
    dl4c_measure_destroy(&m);
    return s;
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    static const size_t some[] = { 1, 2, 6, 9, 12, 13 };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        dl4c_measure *m = make(some[i]);
        add_rows(m, dl4c_measure_columns(m));
        char *text = json_of(m);
        assert_true(fail_alloc_run(read_it, text) > 0);
        dl4c_free(text);
        dl4c_measure_destroy(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(counting_goes_on_but_for_exact_curves),
        cmocka_unit_test(curves_come_back_whole),
        cmocka_unit_test(an_empty_measure_is_read_where_it_says_its_columns),
        cmocka_unit_test(older_texts_are_read),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
