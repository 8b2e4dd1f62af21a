/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on shapes and strides. */
#include "tensor/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void sizes_and_bytes_are_checked_for_overflow(void **state)
{
    (void)state;
    const int64_t plain[] = { 2, 3, 4 }, big[] = { INT64_C(1) << 32, INT64_C(1) << 31 }, empty[] = { INT64_MAX, INT64_MAX, 0 };
    const int64_t negative[] = { 2, -3 };
    int64_t n = 0;
    size_t bytes = 0;
    assert_true(dli_shape_size(plain, 3, &n));
    assert_int_equal(n, 24);
    assert_true(dli_shape_size(NULL, 0, &n));
    assert_int_equal(n, 1);
    assert_false(dli_shape_size(big, 2, &n));
    assert_true(dli_shape_size(empty, 3, &n));
    assert_int_equal(n, 0);
    assert_false(dli_shape_size(negative, 2, &n));
    assert_true(dli_shape_bytes(plain, 3, DL4C_F64, &bytes));
    assert_int_equal(bytes, 192);
    const int64_t edge[] = { INT64_MAX / 4 }, over[] = { INT64_MAX / 4 + 1 };
    assert_true(dli_shape_bytes(edge, 1, DL4C_F32, &bytes));
    assert_false(dli_shape_bytes(over, 1, DL4C_F32, &bytes));
    /* Strides of an empty shape are products of its other lengths: those must fit as well. */
    assert_int_equal(dli_shape_check(empty, 3, "x", NULL), DL4C_E_INVALID);
}

static void strides_are_those_of_c_order(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, 3, 4 }, empty[] = { 2, 0, 4 };
    int64_t strides[3];
    dli_shape_strides(shape, 3, strides);
    assert_int_equal(strides[0], 12);
    assert_int_equal(strides[1], 4);
    assert_int_equal(strides[2], 1);
    dli_shape_strides(empty, 3, strides);
    assert_int_equal(strides[0], 4);
    assert_true(dli_shape_is_contiguous(empty, strides, 3));
}

static void contiguity_ignores_the_strides_of_single_elements(void **state)
{
    (void)state;
    const int64_t shape[] = { 1, 3, 1, 4 }, odd[] = { 77, 4, -5, 1 }, gap[] = { 12, 5, 4, 1 };
    assert_true(dli_shape_is_contiguous(shape, odd, 4));
    assert_false(dli_shape_is_contiguous(shape, gap, 4));
}

static void the_span_reaches_both_ways(void **state)
{
    (void)state;
    const int64_t shape[] = { 3, 4 }, strides[] = { -10, 2 }, empty[] = { 0, 4 }, far[] = { INT64_MAX, 1 };
    int64_t low, high;
    assert_true(dli_shape_span(shape, strides, 2, &low, &high));
    assert_int_equal(low, -20);
    assert_int_equal(high, 6);
    assert_true(dli_shape_span(empty, far, 2, &low, &high));
    assert_int_equal(low, 0);
    assert_int_equal(high, 0);
    assert_false(dli_shape_span(shape, far, 2, &low, &high));
}

/* Compares with the definition: element k of the new shape is at the offset of element k of the old one. */
static void check_restride(const int64_t *from, const int64_t *strides, int32_t rank, const int64_t *to, int32_t to_rank, bool possible)
{
    int64_t got[DL4C_MAX_RANK], n;
    assert_int_equal(dli_shape_restride(from, strides, rank, to, to_rank, got), possible);
    if (!possible)
        return;
    assert_true(dli_shape_size(from, rank, &n));
    for (int64_t k = 0; k < n; k++) {
        int64_t a = 0, b = 0, rest = k;
        for (int32_t i = rank - 1; i >= 0; rest /= from[i--])
            a += rest % from[i] * strides[i];
        rest = k;
        for (int32_t i = to_rank - 1; i >= 0; rest /= to[i--])
            b += rest % to[i] * got[i];
        assert_int_equal(a, b);
    }
}

static void restride_finds_every_view_and_no_other(void **state)
{
    (void)state;
    const int64_t s234[] = { 2, 3, 4 }, s64[] = { 6, 4 }, s212[] = { 2, 12 }, s24[] = { 24 }, s2134[] = { 2, 1, 3, 4, 1 };
    const int64_t s38[] = { 3, 8 }, s1[] = { 1, 1 }, s2223[] = { 2, 2, 2, 3 };
    const int64_t plain[] = { 12, 4, 1 }, rows[] = { 24, 8, 1 }, every_second[] = { 24, 8, 2 }, backwards[] = { -12, -4, -1 };
    const int64_t turned[] = { 1, 2, 6 };
    check_restride(s234, plain, 3, s64, 2, true);
    check_restride(s234, plain, 3, s38, 2, true);
    check_restride(s234, plain, 3, s2223, 4, true);
    check_restride(s234, plain, 3, s2134, 5, true);
    check_restride(s234, backwards, 3, s24, 1, true);
    check_restride(s234, every_second, 3, s24, 1, true);
    check_restride(s234, rows, 3, s64, 2, true);
    check_restride(s234, rows, 3, s212, 2, false);
    check_restride(s234, rows, 3, s24, 1, false);
    check_restride(s234, turned, 3, s64, 2, false);
    check_restride(s234, turned, 3, s234, 3, true);
    const int64_t one[] = { 1 }, any[] = { 99 };
    check_restride(one, any, 1, s1, 2, true);
    check_restride(one, any, 1, NULL, 0, true);
    check_restride(NULL, NULL, 0, s1, 2, true);
    const int64_t twos[] = { 2, 1, 3 }, broadcast[] = { 0, 7, 1 }, joined[] = { 6 };
    check_restride(twos, broadcast, 3, joined, 1, false);
}

static void join_makes_runs_long_and_never_changes_what_is_reached(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, 1, 3, 4 }, a[] = { 12, 5, 4, 1 }, b[] = { 24, 5, 8, 2 }, c[] = { 1, 5, 2, 6 };
    int64_t s[8], x[8], y[8];
    assert_int_equal(dli_shape_join(shape, 4, a, b, s, x, y), 1);
    assert_int_equal(s[0], 24);
    assert_int_equal(x[0], 1);
    assert_int_equal(y[0], 2);
    assert_int_equal(dli_shape_join(shape, 4, a, c, s, x, y), 3);
    assert_int_equal(s[2], 4);
    assert_int_equal(y[2], 6);
    assert_int_equal(dli_shape_join(shape, 0, a, b, s, x, y), 1);
    assert_int_equal(s[0], 1);
}

static void text_shows_the_lengths(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, -1, 224 };
    const int64_t longest[] = { INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN };
    char small[6];
    assert_string_equal(DLI_SHAPE(shape, 3), "[2, -1, 224]");
    assert_string_equal(DLI_SHAPE(shape, 0), "[]");
    assert_string_equal(DLI_SHAPE(NULL, 3), "[]");
    assert_int_equal(strlen(DLI_SHAPE(longest, 8)), 8 * 20 + 7 * 2 + 2);
    assert_string_equal(dli_shape_text(small, sizeof small, shape, 3), "[2, -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_bytes_are_checked_for_overflow),
        cmocka_unit_test(strides_are_those_of_c_order),
        cmocka_unit_test(contiguity_ignores_the_strides_of_single_elements),
        cmocka_unit_test(the_span_reaches_both_ways),
        cmocka_unit_test(restride_finds_every_view_and_no_other),
        cmocka_unit_test(join_makes_runs_long_and_never_changes_what_is_reached),
        cmocka_unit_test(text_shows_the_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
