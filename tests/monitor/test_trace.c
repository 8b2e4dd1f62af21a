/* SPDX-License-Identifier: Apache-2.0 */
/* Curves in bounded memory: nothing of them is lost but where exactly in a bucket a value was. */
#include "monitor/trace.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void add(struct dli_trace *t, int64_t x, int32_t column, double v, int64_t stamp)
{
    assert_int_equal(dli_trace_add(t, x, column, v, 10 * v, (double)x, stamp, NULL), DL4C_OK);
}

static void few_values_stay_as_they_are(void **state)
{
    (void)state;
    struct dli_trace t;
    dli_trace_init(&t, NULL, 8);
    for (int i = 0; i < 8; i++)
        add(&t, 100 + i, 0, i * 0.5, 1);
    assert_int_equal(t.n, 8);
    assert_int_equal(t.width, 1);
    assert_int_equal(t.base, 100);
    for (int i = 0; i < 8; i++) {
        const struct dli_cell *c = dli_trace_cell(&t, i, 0);
        assert_true(c->n == 1 && c->sum == i * 0.5 && c->low == i * 0.5 && c->high == i * 0.5 && c->rate == i * 5);
        assert_true(t.time[i] == 100 + i);
    }
    dli_trace_free(&t);
}

/* Against sums over the values themselves, for lengths around the powers of two. */
static void many_values_keep_mean_least_and_greatest(void **state)
{
    (void)state;
    static const int lengths[] = { 9, 15, 16, 17, 63, 64, 65, 1000 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        struct dli_trace t;
        dli_trace_init(&t, NULL, 8);
        for (int i = 0; i < lengths[l]; i++)
            add(&t, i, 0, (i * 7919) % 1009, 1);
        assert_true(t.n > 4 && t.n <= 8);
        assert_int_equal(t.n, (lengths[l] + t.width - 1) / t.width);
        for (int64_t b = 0; b < t.n; b++) {
            double sum = 0, low = INFINITY, high = -INFINITY;
            int64_t n = 0, i = b * t.width;
            for (; i < (b + 1) * t.width && i < lengths[l]; i++, n++) {
                const double v = (double)((i * 7919) % 1009);
                sum += v;
                low = fmin(low, v);
                high = fmax(high, v);
            }
            const struct dli_cell *c = dli_trace_cell(&t, b, 0);
            assert_true(c->n == n && c->sum == sum && c->low == low && c->high == high && c->rate == 10 * sum && c->rates == n);
            assert_true(t.time[b] == (double)(i - 1));
        }
        dli_trace_free(&t);
    }
}

static void a_column_may_come_late(void **state)
{
    (void)state;
    struct dli_trace t;
    dli_trace_init(&t, NULL, 8);
    for (int i = 0; i < 20; i++)
        for (int32_t c = 0; c <= i / 4; c++)
            add(&t, i, c, 100 * c + i, 1);
    assert_int_equal(t.columns, 5);
    assert_int_equal(t.width, 4);
    for (int64_t b = 0; b < t.n; b++)
        for (int32_t c = 0; c < 5; c++) {
            assert_int_equal(dli_trace_cell(&t, b, c)->n, c <= b ? 4 : 0);
            assert_true(c > b || dli_trace_cell(&t, b, c)->low == (float)(100 * c + 4 * b));
        }
    dli_trace_free(&t);
}

static void gaps_are_empty_buckets(void **state)
{
    (void)state;
    struct dli_trace t;
    dli_trace_init(&t, NULL, 8);
    add(&t, 5, 0, 1, 1);
    add(&t, 9, 0, 2, 1);
    assert_int_equal(t.n, 5);
    assert_int_equal(dli_trace_cell(&t, 2, 0)->n, 0);
    assert_true(isnan(t.time[2]));
    add(&t, 5 + (1 << 20), 0, 3, 1);
    assert_true(t.n <= 8 && dli_trace_cell(&t, t.n - 1, 0)->sum == 3 && dli_trace_cell(&t, 0, 0)->sum == 3);
    dli_trace_free(&t);
}

static void stamps_say_what_changed(void **state)
{
    (void)state;
    struct dli_trace t;
    dli_trace_init(&t, NULL, 8);
    for (int i = 0; i < 6; i++)
        add(&t, i, 0, i, 1);
    assert_int_equal(dli_trace_changed(&t, 0), 0);
    assert_int_equal(dli_trace_changed(&t, 1), 6);
    add(&t, 6, 0, 6, 2);
    assert_int_equal(dli_trace_changed(&t, 1), 6);
    add(&t, 3, 1, 9, 3); /* late, of another worker */
    assert_int_equal(dli_trace_changed(&t, 2), 3);
    add(&t, 8, 0, 8, 4); /* folds */
    assert_int_equal(t.width, 2);
    assert_int_equal(dli_trace_changed(&t, 3), 0);
    dli_trace_free(&t);
}

static void cutting_takes_the_end_away(void **state)
{
    (void)state;
    struct dli_trace t;
    dli_trace_init(&t, NULL, 8);
    for (int i = 0; i < 6; i++)
        add(&t, 10 + i, 0, i, 1);
    dli_trace_cut(&t, 20, 2);
    assert_int_equal(t.n, 6);
    assert_int_equal(dli_trace_changed(&t, 1), 6);
    dli_trace_cut(&t, 13, 2);
    assert_int_equal(t.n, 3);
    assert_int_equal(dli_trace_changed(&t, 1), 2);
    add(&t, 13, 0, 7, 3);
    assert_true(t.n == 4 && dli_trace_cell(&t, 3, 0)->n == 1 && dli_trace_cell(&t, 3, 0)->sum == 7);
    for (int i = 0; i < 12; i++)
        add(&t, 14 + i, 0, i, 3);
    assert_int_equal(t.width, 2);
    dli_trace_cut(&t, 13, 4); /* the middle of the second bucket, which stays */
    assert_int_equal(t.n, 2);
    dli_trace_cut(&t, 5, 5);
    assert_int_equal(t.n, 0);
    add(&t, 5, 0, 1, 6);
    assert_true(t.base == 5 && t.width == 1 && t.n == 1);
    dli_trace_free(&t);
}

static dl4c_status fill(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dli_trace t;
    dl4c_status status = DL4C_OK;
    double good = 0, sum = 0;
    (void)arg;
    dli_trace_init(&t, ctx, 256);
    for (int i = 0; i < 400 && status == DL4C_OK; i++) {
        status = dli_trace_add(&t, i, i / 100, 1, NAN, 0, 1, err);
        good += status == DL4C_OK;
    }
    for (int64_t b = 0; b < t.n; b++)
        for (int32_t c = 0; c < t.columns; c++)
            sum += dli_trace_cell(&t, b, c)->sum;
    assert_true(sum == good);
    dli_trace_free(&t);
    return status;
}

static void missing_memory_leaves_it_as_it_was(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(fill, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_stay_as_they_are),
        cmocka_unit_test(many_values_keep_mean_least_and_greatest),
        cmocka_unit_test(a_column_may_come_late),
        cmocka_unit_test(gaps_are_empty_buckets),
        cmocka_unit_test(stamps_say_what_changed),
        cmocka_unit_test(cutting_takes_the_end_away),
        cmocka_unit_test(missing_memory_leaves_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
