/* SPDX-License-Identifier: Apache-2.0 */
/* Slices, shapes and axes seen differently. */
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Elements 0, 1, 2, ... */
static dl4c_tensor *counting(const int64_t *shape, int32_t rank)
{
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I32, shape, rank, &t, NULL), DL4C_OK);
    for (int64_t i = 0; i < dl4c_tensor_size(t); i++)
        ((int32_t *)dl4c_tensor_data(t))[i] = (int32_t)i;
    return t;
}

static void check_elements(dl4c_tensor *t, const int32_t *want, int64_t n)
{
    dl4c_tensor *plain;
    assert_int_equal(dl4c_tensor_to(t, DL4C_I32, &plain, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(plain), n);
    assert_memory_equal(dl4c_tensor_data_const(plain), want, (size_t)n * sizeof *want);
    dl4c_tensor_unref(&plain);
}

static void slices_count_from_both_ends(void **state)
{
    (void)state;
    const int64_t shape[] = { 3, 4 };
    dl4c_tensor *t = counting(shape, 2), *v, *w;
    assert_int_equal(dl4c_tensor_slice(t, 1, 1, 4, 2, &v, NULL), DL4C_OK);
    check_elements(v, (const int32_t[]){ 1, 3, 5, 7, 9, 11 }, 6);
    assert_int_equal(dl4c_tensor_slice(v, -2, -2, INT64_MAX, 1, &w, NULL), DL4C_OK);
    check_elements(w, (const int32_t[]){ 5, 7, 9, 11 }, 4);
    ((int32_t *)dl4c_tensor_data(w))[0] = 100; /* shares storage */
    assert_int_equal(((int32_t *)dl4c_tensor_data(t))[5], 100);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&w);
    assert_int_equal(dl4c_tensor_slice(t, 0, 2, 1, 1, &v, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(v, 0), 0);
    assert_int_equal(dl4c_tensor_dim(v, 1), 4);
    assert_int_equal(dl4c_tensor_slice(v, 1, 1, 3, 1, &w, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(w), 0);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&w);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 3, INT64_MAX, &v, NULL), DL4C_OK);
    check_elements(v, (const int32_t[]){ 0, 1, 2, 3 }, 4);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&t);
}

static void slices_outside_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { 3, 4 };
    dl4c_tensor *t = counting(shape, 2), *v = t;
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 4, 1, &v, &err), DL4C_E_INVALID);
    assert_null(v);
    assert_string_equal(err.message, "0 to 4 is outside of axis 0, which has 3 elements");
    assert_int_equal(dl4c_tensor_slice(t, 0, -4, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, 0, INT64_MIN, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 3, 0, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 3, -1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, 2, 0, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, -3, 0, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, INT32_MIN, 0, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(NULL, 0, 0, 1, 1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 1, 1, NULL, &err), DL4C_E_INVALID);
    dl4c_tensor_unref(&t);
}

static void strides_that_are_never_stepped_are_never_multiplied(void **state)
{
    (void)state;
    /* One row, and no row at all, at a stride that no product survives. */
    int32_t data[4] = { 0, 1, 2, 3 };
    const int64_t one[] = { 1, 4 }, none[] = { 4, 0 }, strides[] = { INT64_MAX - 1, 1 };
    dl4c_tensor *t, *v;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, one, strides, 2, data, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 1, 3, &v, NULL), DL4C_OK);
    check_elements(v, data, 4);
    dl4c_tensor_unref(&v);
    assert_int_equal(dl4c_tensor_slice(t, 0, 1, 1, 1, &v, NULL), DL4C_OK);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&t);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, none, strides, 2, data, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_slice(t, 0, 1, 4, 2, &v, NULL), DL4C_OK);
    assert_ptr_equal(dl4c_tensor_data(v), data);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&t);
}

static void reshape_keeps_the_order_of_elements(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, 6 }, to[] = { 3, -1 }, flat[] = { -1 }, deep[] = { 2, 1, 2, 1, 3 };
    dl4c_tensor *t = counting(shape, 2), *v, *half, *w;
    assert_int_equal(dl4c_tensor_reshape(t, to, 2, &v, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(v, 1), 4);
    assert_true(dl4c_tensor_is_contiguous(v));
    check_elements(v, (const int32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, 12);
    dl4c_tensor_unref(&v);
    assert_int_equal(dl4c_tensor_reshape(t, flat, 1, &v, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(v, 0), 12);
    dl4c_tensor_unref(&v);
    assert_int_equal(dl4c_tensor_slice(t, 1, 0, 6, 2, &half, NULL), DL4C_OK); /* every second: still evenly spaced */
    assert_int_equal(dl4c_tensor_reshape(half, flat, 1, &v, NULL), DL4C_OK);
    check_elements(v, (const int32_t[]){ 0, 2, 4, 6, 8, 10 }, 6);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&half);
    assert_int_equal(dl4c_tensor_reshape(t, deep, 5, &w, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_rank(w), 5);
    dl4c_tensor_unref(&w);
    dl4c_tensor_unref(&t);
}

static void reshape_refuses_what_is_no_view(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { 2, 6 }, wrong[] = { 5, -1 }, two_open[] = { -1, -1 }, other[] = { 3, 3 }, flat[] = { 12 },
                  minus[] = { -2, 6 };
    const int64_t huge[] = { INT64_MAX, INT64_MAX }, open_empty[] = { 0, -1 };
    dl4c_tensor *t = counting(shape, 2), *v, *turned;
    assert_int_equal(dl4c_tensor_reshape(t, wrong, 2, &v, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "[5, -1] does not hold the 12 elements of [2, 6]");
    assert_int_equal(dl4c_tensor_reshape(t, two_open, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, other, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, minus, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, huge, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, open_empty, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, NULL, 2, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, shape, 9, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_reshape(t, shape, -1, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_transpose(t, NULL, &turned, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_reshape(turned, flat, 1, &v, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "[6, 2] with strides [1, 6] cannot be seen as [12] without a copy");
    assert_null(v);
    dl4c_tensor_unref(&turned);
    dl4c_tensor_unref(&t);
}

static void transpose_orders_axes(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { 2, 1, 3 };
    const int32_t perm[] = { 2, 0, 1 }, twice[] = { 0, 0, 1 }, outside[] = { 0, 1, 3 }, minus[] = { 0, 1, -1 };
    dl4c_tensor *t = counting(shape, 3), *v;
    assert_int_equal(dl4c_tensor_transpose(t, perm, &v, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(v, 0), 3);
    assert_int_equal(dl4c_tensor_dim(v, 1), 2);
    assert_int_equal(dl4c_tensor_dim(v, 2), 1);
    check_elements(v, (const int32_t[]){ 0, 3, 1, 4, 2, 5 }, 6);
    dl4c_tensor_unref(&v);
    assert_int_equal(dl4c_tensor_transpose(t, NULL, &v, &err), DL4C_OK);
    check_elements(v, (const int32_t[]){ 0, 3, 1, 4, 2, 5 }, 6);
    dl4c_tensor_unref(&v);
    assert_int_equal(dl4c_tensor_transpose(t, twice, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_transpose(t, outside, &v, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_transpose(t, minus, &v, &err), DL4C_E_INVALID);
    assert_null(v);
    dl4c_tensor_unref(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_count_from_both_ends),
        cmocka_unit_test(slices_outside_are_refused),
        cmocka_unit_test(strides_that_are_never_stepped_are_never_multiplied),
        cmocka_unit_test(reshape_keeps_the_order_of_elements),
        cmocka_unit_test(reshape_refuses_what_is_no_view),
        cmocka_unit_test(transpose_orders_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
