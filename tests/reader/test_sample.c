/* SPDX-License-Identifier: Apache-2.0 */
/* Picking and dividing paths: limits, labels, patterns, java.util.Random. Recorded parts: run_goldens, i_splits. */
#include "base/java_random.h"
#include "support/fail_alloc.h"
#include <dl4c/reader.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* new Random(42).nextInt(100) five times, from OpenJDK 17. */
static void the_generator_is_that_of_java(void **state)
{
    (void)state;
    static const int32_t want[] = { 30, 63, 48, 84, 70 };
    struct dli_java_random r;
    dli_java_random_init(&r, 42);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(dli_java_random_below(&r, 100), want[i]);
}

static const char *const paths[] = { "x/a/1.jpg", "x/a/2.jpg", "x/a/3.png", "x/b/1.jpg", "x/b/2.gif", "x/c/1.JPG", "x/c/2.jpg" };
enum { N = 7 };

static int64_t sample(const struct dl4c_sample_options *o, int64_t picked[N], int64_t ends[3], int32_t *n_ends)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n = -1;
    if (dl4c_sample_paths(NULL, paths, N, o, picked, &n, ends, n_ends, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return n;
}

static void without_a_filter_order_and_all_paths_stay(void **state)
{
    (void)state;
    int64_t picked[N], ends[3];
    int32_t n_ends;
    assert_int_equal(sample(NULL, picked, ends, &n_ends), N);
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(picked[i], i);
    assert_int_equal(n_ends, 1);
    assert_int_equal(ends[0], N);
}

static void weights_divide_at_rounded_shares_but_a_first_of_one(void **state)
{
    (void)state;
    int64_t picked[N], ends[3];
    int32_t n_ends;
    struct dl4c_sample_options o = DL4C_SAMPLE_OPTIONS_INIT;
    o.weights = (double[]){ 2, 1, 1 };
    o.n_weights = 3;
    sample(&o, picked, ends, &n_ends);
    assert_int_equal(n_ends, 3);
    assert_true(ends[0] == 4 && ends[1] == 5 && ends[2] == 7); /* 3.5 and 5.25 of 7 */
    o.weights = (double[]){ 1.0, 1.0, 1.0 };
    sample(&o, picked, ends, &n_ends);
    assert_int_equal(n_ends, 1);
}

static void balance_takes_labels_in_turns_up_to_the_rarest(void **state)
{
    (void)state;
    int64_t picked[N], ends[3], per_label[3] = { 0 };
    int32_t n_ends;
    struct dl4c_sample_options o = DL4C_SAMPLE_OPTIONS_INIT;
    o.filter = DL4C_SAMPLE_BALANCED;
    o.seed = 7;
    assert_int_equal(sample(&o, picked, ends, &n_ends), 3); /* b has one image: a gif is none */
    for (int i = 0; i < 3; i++)
        per_label[paths[picked[i]][2] - 'a']++;
    assert_true(per_label[0] == 1 && per_label[1] == 1 && per_label[2] == 1);
    o.min_per_label = 2;
    assert_int_equal(sample(&o, picked, ends, &n_ends), 5); /* two of a and c, the one of b */
    o.min_per_label = 0;
    o.labels = (const char *const[]){ "a", "c" };
    o.n_labels = 2;
    assert_int_equal(sample(&o, picked, ends, &n_ends), 4);
    o.max_per_label = 1;
    assert_int_equal(sample(&o, picked, ends, &n_ends), 2);
    o.max_labels = 1;
    assert_int_equal(sample(&o, picked, ends, &n_ends), 1);
    struct dl4c_sample_options random = DL4C_SAMPLE_OPTIONS_INIT;
    random.filter = DL4C_SAMPLE_RANDOM;
    random.extensions = (const char *const[]){ "gif" };
    random.n_extensions = 1;
    assert_int_equal(sample(&random, picked, ends, &n_ends), 1);
    assert_int_equal(picked[0], 4);
    random.flags = DL4C_SAMPLE_ANY_EXTENSION;
    assert_int_equal(sample(&random, picked, ends, &n_ends), N);
    random.max_paths = 2;
    assert_int_equal(sample(&random, picked, ends, &n_ends), 2);
}

static void labels_are_folders_or_pieces_of_names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *pattern;
        int32_t position;
        const char *label; /* NULL: refused */
    } cases[] = {
        { "x/cat/1.jpg", NULL, 0, "cat" },
        { "1.jpg", NULL, 0, NULL },
        { "x/cat_12_a.jpg", "_", 0, "cat" },
        { "x/cat_12_a.jpg", "_", 1, "12" },
        { "x/cat_12_a.jpg", "_", 2, "a" },
        { "x/cat_12_a.jpg", "_", 3, NULL },
        { "x/cat__a.jpg", "_", 1, "" },
        { "x/cat_a__.jpg", "_", 2, NULL }, /* empty pieces at the end are dropped */
        { "x/cat_a.b_c.jpg", "\\.", 1, "b_c" },
        { "x/cat12dog.jpg", "\\d+", 1, "dog" },
        { "x/cat12dog.jpg", "[0-9]+d?", 1, "og" },
        { "x/cat-dog_fox.jpg", "[-_]", 2, "fox" },
        { "x/cat-dog_fox.jpg", "[^a-z]", 1, "dog" },
        { "x/plain.jpg", "_", 0, "plain" },
        { "x\\y\\n0123.jpg", "\\d", 0, "n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *label = NULL;
        const dl4c_status s = dl4c_path_label(NULL, cases[i].path, cases[i].pattern, cases[i].position, &label, NULL);
        assert_int_equal(s, cases[i].label ? DL4C_OK : DL4C_E_INVALID);
        if (cases[i].label)
            assert_string_equal(label, cases[i].label);
        else
            assert_null(label);
        dl4c_free(label);
    }
    static const char *const unknown[] = { "(a)", "a|b", "^a", "a{2}", "[a", "\\", "*a", "\\b", "[]" };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        char *label = NULL;
        assert_int_equal(dl4c_path_label(NULL, "x/a.jpg", unknown[i], 0, &label, NULL), DL4C_E_UNSUPPORTED);
    }
    char *label = NULL; /* would take for ever without a limit of steps */
    dl4c_path_label(NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a*a*a*a*a*a*a*a*a*a*b", 0, &label, NULL);
    dl4c_free(label);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    int64_t picked[N], n, ends[3];
    int32_t n_ends;
    static const double negative[] = { -1 };
    const struct dl4c_sample_options bad[] = {
        { .filter = 3 },          { .max_paths = -1 },   { .n_weights = 1 },
        { .n_labels = 1 },        { .n_extensions = 1 }, { .n_weights = 1, .weights = negative },
        { .label_position = -1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dl4c_sample_options o = bad[i];
        o.struct_size = sizeof o;
        assert_int_equal(dl4c_sample_paths(NULL, paths, N, &o, picked, &n, ends, &n_ends, NULL), DL4C_E_INVALID);
        assert_int_equal(n, 0);
    }
    static const char *const bare[] = { "1.jpg" };
    struct dl4c_sample_options o = DL4C_SAMPLE_OPTIONS_INIT;
    o.filter = DL4C_SAMPLE_BALANCED;
    assert_int_equal(dl4c_sample_paths(NULL, bare, 1, &o, picked, &n, ends, &n_ends, NULL), DL4C_E_INVALID);
}

static dl4c_status balanced(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    int64_t picked[N], n, ends[3];
    int32_t n_ends;
    (void)arg;
    struct dl4c_sample_options o = DL4C_SAMPLE_OPTIONS_INIT;
    o.filter = DL4C_SAMPLE_BALANCED;
    return dl4c_sample_paths(ctx, paths, N, &o, picked, &n, ends, &n_ends, err);
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(balanced, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_that_of_java),
        cmocka_unit_test(without_a_filter_order_and_all_paths_stay),
        cmocka_unit_test(weights_divide_at_rounded_shares_but_a_first_of_one),
        cmocka_unit_test(balance_takes_labels_in_turns_up_to_the_rarest),
        cmocka_unit_test(labels_are_folders_or_pieces_of_names),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
