/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of Deeplearning4j's Evaluation: order of its hash maps, reading, what is refused. Recorded texts: test_goldens.c. */
#include <dl4c/evaluation.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dl4c_evaluation *make(int32_t n_classes, int32_t top_n, const char *const *names)
{
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    o.n_classes = n_classes;
    o.top_n = top_n;
    o.classes = names;
    dl4c_evaluation *e = NULL;
    assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), DL4C_OK);
    return e;
}

static void count(dl4c_evaluation *e, int64_t actual, int32_t predicted)
{
    float row[64] = { 0 };
    row[predicted] = 1;
    assert_int_equal(dl4c_evaluation_add(e, row, &actual, 1, NULL), DL4C_OK);
}

/* 33 and 1 meet in bucket 1 of 16 and stay in the order in which they came; 17 meets them there, and 2 is in the next one. */
static void cells_stand_in_the_order_of_a_hash_map(void **state)
{
    (void)state;
    dl4c_evaluation *e = make(40, 1, NULL);
    static const int32_t predicted[] = { 2, 33, 1, 17, 33 };
    for (size_t i = 0; i < 5; i++)
        count(e, 5, predicted[i]);
    char *text = NULL;
    assert_int_equal(dl4c_evaluation_dl4j_json(e, &text, NULL), DL4C_OK);
    assert_non_null(strstr(text, "\"5\" : [ [ 33, 1, 17, 2, 0 ], [ 2, 1, 1, 1, 0 ] ]"));
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const char *const names[] = { "cat", "a \"dog\"", "caf\xC3\xA9" };
    dl4c_evaluation *e = make(3, 2, names), *back = NULL;
    char *text = NULL, *again = NULL;
    count(e, 0, 0);
    count(e, 1, 2);
    count(e, 2, 2);
    assert_int_equal(dl4c_evaluation_dl4j_json(e, &text, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_from_dl4j(NULL, text, strlen(text), &back, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_confusion(back, 1, 2), 1);
    assert_int_equal(dl4c_evaluation_top_n(back), 2);
    assert_string_equal(dl4c_evaluation_class_name(back, 1), "a \"dog\"");
    assert_int_equal(dl4c_evaluation_merge(back, e, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_count(back), 6);
    dl4c_evaluation_destroy(&back);
    assert_int_equal(dl4c_evaluation_from_dl4j(NULL, text, strlen(text), &back, NULL), DL4C_OK);
    assert_int_equal(dl4c_evaluation_dl4j_json(back, &again, NULL), DL4C_OK);
    assert_string_equal(text, again);
    dl4c_free(text);
    dl4c_free(again);
    dl4c_evaluation_destroy(&back);
    dl4c_evaluation_destroy(&e);
}

/* Texts and numbers of the source of Deeplearning4j 1.0.0-M2.1; no recorded case has them. */
static void costs_and_the_positive_class_come_back(void **state)
{
    (void)state;
    static const float costs[] = { 0.5f, 3, 0.1f };
    static const uint64_t flags[] = { 0, DL4C_EVALUATION_FIRST_POSITIVE, DL4C_EVALUATION_NO_POSITIVE };
    static const char *const written[] = { "\"binaryPositiveClass\" : 1,", "\"binaryPositiveClass\" : 0,",
                                           "\"binaryPositiveClass\" : null," };
    static const char *const said[] = { "positive class (class 1 - \"1\") only\nCost array: [0.5, 3.0]\n\n",
                                        "(class 0 - \"0\") only\nCost array",
                                        "macro-averaged (equally weighted avg. of 2 classes)\nCost array: [0.5, 3.0]" };
    for (int i = 0; i < 3; i++) {
        struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
        dl4c_evaluation *e = NULL, *back = NULL;
        char *text = NULL, *again = NULL, *stats = NULL;
        o.n_classes = 2;
        o.costs = costs;
        o.flags = flags[i];
        assert_int_equal(dl4c_evaluation_create(NULL, &o, &e, NULL), DL4C_OK);
        count(e, 0, 0);
        count(e, 1, 0);
        assert_int_equal(dl4c_evaluation_dl4j_json(e, &text, NULL), DL4C_OK);
        assert_non_null(strstr(text, written[i]));
        assert_non_null(
            strstr(text, "  \"costArray\" : {\n    \"dataType\" : \"FLOAT\",\n    \"shape\" : [ 2 ],\n    \"data\" : [ 0.5, 3.0 ]\n  },"));
        assert_int_equal(dl4c_evaluation_from_dl4j(NULL, text, strlen(text), &back, NULL), DL4C_OK);
        assert_int_equal(dl4c_evaluation_dl4j_json(back, &again, NULL), DL4C_OK);
        assert_string_equal(text, again);
        assert_int_equal(dl4c_evaluation_merge(back, e, NULL), DL4C_OK);
        assert_int_equal(dl4c_evaluation_stats(back, 0, &stats, NULL), DL4C_OK);
        assert_non_null(strstr(stats, said[i]));
        dl4c_free(text);
        dl4c_free(again);
        dl4c_free(stats);
        dl4c_evaluation_destroy(&e);
        dl4c_evaluation_destroy(&back);
    }
}

#define HEAD "{\"@class\":\"org.nd4j.evaluation.classification.Evaluation\","

static void lies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        dl4c_status status;
    } cases[] = {
        { "", DL4C_E_CORRUPT },
        { "[]", DL4C_E_CORRUPT },
        { "{}", DL4C_E_CORRUPT },
        { "{\"@class\":\"org.nd4j.evaluation.classification.ROC\"}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":null}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1]}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[1,0],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"2\":[[0],[1]]}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"-1\":[[0],[1]]}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":[[2],[1]]}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":[[0],[-1]]}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":[[0,1],[1]]}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":7}}}", DL4C_E_CORRUPT },
        { HEAD "\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":[[0],[1]]}},\"numRowCounter\":2}", DL4C_E_CORRUPT },
        { HEAD "\"topN\":3,\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"topN\":2,\"topNCorrectCount\":2,\"topNTotalCount\":1,\"confusion\":{\"classes\":[0,1],\"matrix\":{\"0\":[[0],[1]]}}}",
          DL4C_E_CORRUPT },
        { HEAD "\"labelsList\":[1,2],\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"binaryDecisionThreshold\":1.5,\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"binaryPositiveClass\":2,\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"binaryPositiveClass\":0,\"confusion\":{\"classes\":[0,1,2],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"costArray\":[1.0],\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"costArray\":[1.0,-2.0],\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"costArray\":{\"data\":[1.0,\"NaN\"]},\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
        { HEAD "\"costArray\":[1,2],\"binaryDecisionThreshold\":0.5,\"confusion\":{\"classes\":[0,1],\"matrix\":{}}}", DL4C_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dl4c_evaluation *e = (dl4c_evaluation *)1;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dl4c_evaluation_from_dl4j(NULL, cases[i].json, strlen(cases[i].json), &e, &err), cases[i].status);
        assert_null(e);
        assert_true(err.message[0] != '\0');
    }
}

static void a_short_text_cannot_ask_for_a_large_matrix(void **state)
{
    (void)state;
    enum { N = 32768 };
    char *text = malloc(8 * N + 200), *at = text;
    assert_non_null(text);
    at += sprintf(at, HEAD "\"confusion\":{\"matrix\":{},\"classes\":[");
    for (int i = 0; i < N; i++)
        at += sprintf(at, i ? ",%d" : "%d", i);
    at += sprintf(at, "]}}");
    dl4c_evaluation *e = NULL;
    assert_int_equal(dl4c_evaluation_from_dl4j(NULL, text, (size_t)(at - text), &e, NULL), DL4C_E_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_stand_in_the_order_of_a_hash_map),     cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(costs_and_the_positive_class_come_back),     cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(a_short_text_cannot_ask_for_a_large_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
