/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the tensor calls fails in turn. */
#define _GNU_SOURCE
#include "support/fail_alloc.h"
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void count_release(void *cookie) { ++*(int *)cookie; }

static dl4c_status views(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    const int64_t shape[] = { 4, 6 }, other[] = { 24 };
    dl4c_tensor *t = NULL, *part = NULL, *turned = NULL, *flat = NULL, *f64 = NULL;
    dl4c_status status = dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &t, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_slice(t, 1, 1, 5, 2, &part, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_transpose(t, NULL, &turned, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_reshape(t, other, 1, &flat, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_to(turned, DL4C_F64, &f64, err);
    if (status != DL4C_OK)
        assert_null(f64);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&part);
    dl4c_tensor_unref(&turned);
    dl4c_tensor_unref(&flat);
    dl4c_tensor_unref(&f64);
    return status;
}

static void views_and_conversions_report_nomem_and_leak_nothing(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_run(views, NULL), 2 * 7); /* two blocks for data, five for tensors */
}

static dl4c_status wrap(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    float data[4] = { 0 };
    const int64_t shape[] = { 4 };
    int released = 0;
    dl4c_tensor *t;
    const dl4c_status status = dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 1, data, 0, count_release, &released, &t, err);
    if (status != DL4C_OK) {
        assert_null(t);
        assert_int_equal(released, 0);
        return status;
    }
    dl4c_tensor_unref(&t);
    assert_int_equal(released, 1);
    return DL4C_OK;
}

static void a_wrap_that_fails_does_not_release(void **state)
{
    (void)state;
    fail_alloc_run(wrap, NULL);
}

static dl4c_status overlapping_copy(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    int32_t data[5] = { 0, 1, 2, 3, 4 };
    const int64_t shape[] = { 5 };
    dl4c_tensor *t, *a = NULL, *b = NULL;
    dl4c_status status = dl4c_tensor_wrap(ctx, DL4C_I32, shape, NULL, 1, data, 0, NULL, NULL, &t, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_slice(t, 0, 0, 4, 1, &a, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_slice(t, 0, 1, 5, 1, &b, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_copy(b, a, err);
    if (status == DL4C_OK)
        assert_int_equal(data[4], 3);
    else
        assert_int_equal(data[4], 4);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    return status;
}

static void an_overlapping_copy_that_fails_changes_nothing(void **state)
{
    (void)state;
    fail_alloc_run(overlapping_copy, NULL);
}

static dl4c_status save_and_load(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const int64_t shape[] = { 3, 2 };
    dl4c_tensor *t = NULL, *turned = NULL, *back = NULL;
    dl4c_status status = dl4c_tensor_create(ctx, DL4C_BF16, shape, 2, &t, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_transpose(t, NULL, &turned, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_save_npy(turned, arg, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_load_npy(ctx, arg, &back, err);
    if (status != DL4C_OK)
        assert_null(back);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&turned);
    dl4c_tensor_unref(&back);
    return status;
}

static dl4c_status parse_fortran(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    static const char file[] = "\x93NUMPY\x01\x00\x3c\x00{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), } \n"
                               "abcd";
    dl4c_tensor *t;
    const dl4c_status status = dl4c_tensor_parse_npy(ctx, file, sizeof file - 1, &t, err);
    if (status != DL4C_OK) {
        assert_null(t);
        return status;
    }
    assert_memory_equal(dl4c_tensor_data(t), "acbd", 4);
    dl4c_tensor_unref(&t);
    return DL4C_OK;
}

static void npy_reports_nomem_and_leaves_no_file_behind(void **state)
{
    (void)state;
    char folder[] = "/tmp/dl4c-npy-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.npy", folder);
    fail_alloc_run(save_and_load, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* empty: no temporary name is left */
    fail_alloc_run(parse_fortran, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_and_conversions_report_nomem_and_leak_nothing),
        cmocka_unit_test(a_wrap_that_fails_does_not_release),
        cmocka_unit_test(an_overlapping_copy_that_fails_changes_nothing),
        cmocka_unit_test(npy_reports_nomem_and_leaves_no_file_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
