/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as they were learnt from: counts of each worker, and the measure of how well they were mixed. */
#include "train/labels.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void begin(struct dli_labels *l, int32_t workers, int64_t classes)
{
    assert_int_equal(dli_labels_init(l, NULL, workers, classes, NULL), DL4C_OK);
}

static void counts_are_of_each_worker(void **state)
{
    (void)state;
    struct dli_labels l;
    const int64_t a[] = { 0, 2, 2 }, b[] = { 1 };
    const float y[] = { 0, 0, 1, 1, 0, 0 };
    begin(&l, 2, 3);
    assert_false(dli_labels_known(&l)); /* nothing was seen */
    dli_labels_add(&l, 0, a, NULL, 3);
    dli_labels_add(&l, 1, b, NULL, 1);
    dli_labels_add(&l, 1, NULL, y, 2);
    const int64_t want[] = { 1, 0, 2, 1, 1, 1 };
    assert_memory_equal(l.counts, want, sizeof want);
    assert_true(dli_labels_known(&l));
    dli_labels_clear(&l);
    assert_int_equal(l.counts[2], 0);
    dli_labels_add(&l, 1, b, NULL, 1);
    assert_int_equal(l.counts[4], 1);
    dli_labels_free(&l);
}

static void what_is_no_single_class_makes_the_epoch_unknown(void **state)
{
    (void)state;
    static const float targets[][3] = { { 0.5f, 0.5f, 0 }, { 1, 1, 0 }, { 0, 0, 0 }, { 2, 0, 0 }, { NAN, 0, 0 } };
    static const int64_t indices[] = { -1, 3, INT64_MAX };
    const int64_t good[] = { 1, 1 };
    struct dli_labels l;
    begin(&l, 2, 3);
    for (size_t i = 0; i < sizeof targets / sizeof *targets + sizeof indices / sizeof *indices + 2; i++) {
        const size_t n = sizeof targets / sizeof *targets, m = n + sizeof indices / sizeof *indices;
        dli_labels_clear(&l);
        dli_labels_add(&l, 0, good, NULL, 2);
        assert_true(dli_labels_known(&l));
        dli_labels_add(&l, i == m ? 2 : 1, i < n ? NULL : i < m ? &indices[i - n] : i == m ? good : NULL, i < n ? targets[i] : NULL, 1);
        assert_false(dli_labels_known(&l));
        assert_true(isnan(dli_labels_dispersion(&l)));
        dli_labels_add(&l, 0, good, NULL, 2); /* does not bring it back */
        assert_false(dli_labels_known(&l));
        for (int c = 0; c < 3; c++)
            assert_int_equal(l.batch[c], 0);
    }
    dli_labels_free(&l);
}

static double dispersion_of(const int64_t *labels, int64_t n, int64_t batch, int64_t classes)
{
    struct dli_labels l;
    begin(&l, 1, classes);
    for (int64_t i = 0; i < n; i += batch)
        dli_labels_add(&l, 0, labels + i, NULL, n - i < batch ? n - i : batch);
    const double d = dli_labels_dispersion(&l);
    dli_labels_free(&l);
    return d;
}

/* Pearson's chi-squared from its definition: cells of 4 rows and one of 2, classes with 6, 3 and 1. */
static void dispersion_is_chi_squared_by_its_mean(void **state)
{
    (void)state;
    const int64_t labels[] = { 0, 0, 0, 1, 0, 0, 1, 1, 0, 2 };
    const double o[3][3] = { { 3, 1, 0 }, { 2, 2, 0 }, { 1, 0, 1 } }, row[] = { 4, 4, 2 }, column[] = { 6, 3, 1 };
    double x2 = 0;
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < 3; c++) {
            const double e = row[i] * column[c] / 10;
            x2 += (o[i][c] - e) * (o[i][c] - e) / e;
        }
    assert_float_equal(dispersion_of(labels, 10, 4, 3), x2 / (2 * 2 * 10.0 / 9), 1e-12);
}

/* All 10 orders of two ones among five: exact, not only for large numbers. */
static void its_mean_over_all_orders_is_one(void **state)
{
    (void)state;
    double sum = 0;
    int n = 0;
    for (int a = 0; a < 5; a++)
        for (int b = a + 1; b < 5; b++, n++) {
            int64_t labels[5] = { 0 };
            labels[a] = labels[b] = 1;
            sum += dispersion_of(labels, 5, 2, 2);
        }
    assert_int_equal(n, 10);
    assert_float_equal(sum / n, 1, 1e-12);
}

static void order_by_class_is_far_from_one(void **state)
{
    (void)state;
    enum { N = 3200, BATCH = 32, CLASSES = 10 };
    static int64_t labels[N];
    for (int i = 0; i < N; i++)
        labels[i] = i / (N / CLASSES);
    assert_float_equal(dispersion_of(labels, N, BATCH, CLASSES), BATCH, 1.0);
    struct dli_rng rng;
    dli_rng_init(&rng, 1, DLI_STREAM_SHUFFLE);
    dli_rng_shuffle(&rng, labels, N);
    assert_float_equal(dispersion_of(labels, N, BATCH, CLASSES), 1, 0.3); /* its deviation is sqrt(2 / (99 * 9)) = 0.05 */
}

static void one_class_or_one_minibatch_cannot_be_mixed(void **state)
{
    (void)state;
    const int64_t same[] = { 1, 1, 1, 1 }, two[] = { 0, 1 };
    assert_true(isnan(dispersion_of(same, 4, 2, 3)));
    assert_true(isnan(dispersion_of(two, 2, 2, 3)));
}

static void too_many_counts_are_not_made(void **state)
{
    (void)state;
    struct dli_labels l;
    const int64_t a[] = { 0 };
    begin(&l, 4096, INT64_MAX / 8);
    dli_labels_add(&l, 0, a, NULL, 1);
    dli_labels_clear(&l);
    assert_false(dli_labels_known(&l));
    dli_labels_free(&l);
    begin(&l, 1, 0);
    assert_false(dli_labels_known(&l));
    dli_labels_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_of_each_worker),
        cmocka_unit_test(what_is_no_single_class_makes_the_epoch_unknown),
        cmocka_unit_test(dispersion_is_chi_squared_by_its_mean),
        cmocka_unit_test(its_mean_over_all_orders_is_one),
        cmocka_unit_test(order_by_class_is_far_from_one),
        cmocka_unit_test(one_class_or_one_minibatch_cannot_be_mixed),
        cmocka_unit_test(too_many_counts_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
