/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: making, wrapping, references, looking. */
#include "base/context.h"
#include "base/thread_pool.h"
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void a_new_tensor_is_zero_contiguous_and_aligned(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, 3, 5 };
    for (int32_t dtype = DL4C_F32; dtype <= DL4C_U8; dtype++) {
        dl4c_tensor *t;
        assert_int_equal(dl4c_tensor_create(NULL, dtype, shape, 3, &t, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_dtype(t), dtype);
        assert_int_equal(dl4c_tensor_rank(t), 3);
        assert_int_equal(dl4c_tensor_size(t), 30);
        assert_true(dl4c_tensor_is_contiguous(t));
        assert_false(dl4c_tensor_is_read_only(t));
        assert_int_equal(dl4c_tensor_strides(t)[0], 15);
        assert_int_equal(dl4c_tensor_strides(t)[1], 5);
        assert_int_equal(dl4c_tensor_strides(t)[2], 1);
        assert_int_equal((uintptr_t)dl4c_tensor_data(t) % 64, 0);
        const unsigned char *bytes = dl4c_tensor_data_const(t);
        for (size_t i = 0; i < 30 * dl4c_dtype_size(dtype); i++)
            assert_int_equal(bytes[i], 0);
        dl4c_tensor_unref(&t);
        assert_null(t);
    }
}

static void dims_count_from_both_ends_and_are_1_outside(void **state)
{
    (void)state;
    const int64_t shape[] = { 7, 4 };
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_U8, shape, 2, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(t, 0), 7);
    assert_int_equal(dl4c_tensor_dim(t, 1), 4);
    assert_int_equal(dl4c_tensor_dim(t, -1), 4);
    assert_int_equal(dl4c_tensor_dim(t, -2), 7);
    assert_int_equal(dl4c_tensor_dim(t, 2), 1);
    assert_int_equal(dl4c_tensor_dim(t, -3), 1);
    assert_int_equal(dl4c_tensor_dim(t, INT32_MIN), 1);
    dl4c_tensor_unref(&t);
}

static void rank_0_is_one_element_and_a_length_of_0_is_none(void **state)
{
    (void)state;
    const int64_t empty[] = { 3, 0, 2 };
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F64, NULL, 0, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(t), 1);
    assert_true(dl4c_tensor_is_contiguous(t));
    dl4c_tensor_unref(&t);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F64, empty, 3, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(t), 0);
    assert_non_null(dl4c_tensor_data(t));
    dl4c_tensor_unref(&t);
}

static void create_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = (dl4c_tensor *)&err;
    const int64_t one[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, negative[] = { 2, -1 };
    const int64_t overflow[] = { INT64_MAX, 3 }, hidden[] = { INT64_MAX, 0, 3 }, bytes[] = { INT64_MAX / 4 };
    assert_int_equal(dl4c_tensor_create(NULL, 0, one, 1, &t, &err), DL4C_E_INVALID);
    assert_null(t);
    assert_int_equal(dl4c_tensor_create(NULL, 8, one, 1, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, one, 9, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, one, -1, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, NULL, 1, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, negative, 2, &t, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "axis 1 of shape [2, -1] has a negative length");
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, overflow, 2, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, hidden, 3, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F64, bytes, 1, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, one, 1, NULL, &err), DL4C_E_INVALID);
}

static void count_release(void *cookie) { ++*(int *)cookie; }

static void wrapped_memory_is_released_once_after_the_last_view(void **state)
{
    (void)state;
    float data[6] = { 0, 1, 2, 3, 4, 5 };
    const int64_t shape[] = { 2, 3 };
    int released = 0;
    dl4c_tensor *t, *view, *again;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, data, 0, count_release, &released, &t, NULL), DL4C_OK);
    assert_ptr_equal(dl4c_tensor_data(t), data);
    assert_int_equal(dl4c_tensor_slice(t, 1, 1, 3, 1, &view, NULL), DL4C_OK);
    again = dl4c_tensor_ref(t);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&again);
    assert_int_equal(released, 0);
    assert_true(*(float *)dl4c_tensor_data(view) == 1.0f);
    dl4c_tensor_unref(&view);
    assert_int_equal(released, 1);
}

static void wrap_takes_negative_and_zero_strides(void **state)
{
    (void)state;
    int32_t data[6] = { 10, 11, 12, 13, 14, 15 };
    const int64_t shape[] = { 3, 2 }, backwards[] = { -2, -1 }, repeat[] = { 0, 1 };
    dl4c_tensor *t, *c;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, shape, backwards, 2, data + 5, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_false(dl4c_tensor_is_contiguous(t));
    assert_int_equal(dl4c_tensor_to(t, DL4C_I32, &c, NULL), DL4C_OK);
    const int32_t want[] = { 15, 14, 13, 12, 11, 10 };
    assert_memory_equal(dl4c_tensor_data(c), want, sizeof want);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&c);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, shape, repeat, 2, data, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_to(t, DL4C_I32, &c, NULL), DL4C_OK);
    const int32_t rows[] = { 10, 11, 10, 11, 10, 11 };
    assert_memory_equal(dl4c_tensor_data(c), rows, sizeof rows);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&c);
}

static void wrap_refuses_what_lies_outside_and_does_not_release(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    _Alignas(8) char data[16] = { 0 };
    const int64_t shape[] = { 2, 2 }, far[] = { INT64_MAX, 1 }, far_back[] = { -(INT64_MAX / 2), 1 }, empty[] = { 0 };
    int released = 0;
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, NULL, 0, count_release, &released, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, data + 1, 0, count_release, &released, &t, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "the memory to wrap is not aligned to the 4 bytes of f32");
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, far, 2, data, 0, count_release, &released, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_U8, shape, far_back, 2, data, 0, count_release, &released, &t, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, data, 2, count_release, &released, &t, &err), DL4C_E_VERSION);
    assert_null(t);
    assert_int_equal(released, 0);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, empty, NULL, 1, NULL, 0, count_release, &released, &t, &err), DL4C_OK);
    dl4c_tensor_unref(&t);
    assert_int_equal(released, 1);
}

static void read_only_memory_is_never_handed_out_to_write(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    float data[4] = { 1, 2, 3, 4 };
    const int64_t shape[] = { 4 };
    dl4c_tensor *t, *view, *other;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 1, data, DL4C_WRAP_READ_ONLY, NULL, NULL, &t, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 2, 1, &view, &err), DL4C_OK);
    assert_true(dl4c_tensor_is_read_only(view));
    assert_null(dl4c_tensor_data(view));
    assert_ptr_equal(dl4c_tensor_data_const(view), data);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 1, &other, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(t, other, &err), DL4C_E_DENIED);
    assert_int_equal(dl4c_tensor_copy(other, t, &err), DL4C_OK);
    assert_memory_equal(dl4c_tensor_data(other), data, sizeof data);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&view);
    dl4c_tensor_unref(&other);
}

static void a_tensor_outlives_the_handle_of_its_context(void **state)
{
    (void)state;
    dl4c_context *ctx;
    const int64_t shape[] = { 100 };
    dl4c_tensor *t;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, shape, 1, &t, NULL), DL4C_OK);
    int64_t used;
    dl4c_context_memory(ctx, &used, NULL);
    assert_true(used >= 400);
    dl4c_context_destroy(&ctx);
    ((float *)dl4c_tensor_data(t))[99] = 1;
    dl4c_tensor_unref(&t);
}

static void a_memory_limit_is_named_as_such(void **state)
{
    (void)state;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx;
    const int64_t shape[] = { 100000 };
    dl4c_tensor *t;
    o.memory_limit_bytes = 100000;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, shape, 1, &t, &err), DL4C_E_LIMIT);
    assert_int_equal(err.status, DL4C_E_LIMIT);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, shape, 1, &t, NULL), DL4C_E_LIMIT);
    assert_null(t);
    dl4c_context_destroy(&ctx);
}

static void part_of_a_blob_is_a_view_where_aligned_and_a_copy_where_not(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_blob *blob;
    _Alignas(8) char bytes[24];
    const float two[] = { 1.5f, -2.5f };
    const int64_t shape[] = { 2 }, three[] = { 3 };
    int released = 0;
    memcpy(bytes + 4, two, sizeof two);
    memcpy(bytes + 13, two, sizeof two);
    assert_int_equal(dli_blob_wrap(NULL, bytes, sizeof bytes, count_release, &released, &blob, &err), DL4C_OK);
    blob->read_only = true;
    dl4c_tensor *view, *copy, *none;
    assert_int_equal(dli_tensor_from_blob(NULL, DL4C_F32, shape, 1, blob, 4, &view, &err), DL4C_OK);
    assert_int_equal(dli_tensor_from_blob(NULL, DL4C_F32, shape, 1, blob, 13, &copy, &err), DL4C_OK);
    assert_int_equal(dli_tensor_from_blob(NULL, DL4C_F32, three, 1, blob, 13, &none, &err), DL4C_E_INVALID);
    assert_int_equal(dli_tensor_from_blob(NULL, DL4C_F32, shape, 1, blob, 25, &none, &err), DL4C_E_INVALID);
    assert_null(none);
    dli_blob_unref(blob);
    assert_ptr_equal(dl4c_tensor_data_const(view), bytes + 4);
    assert_memory_equal(dl4c_tensor_data_const(copy), two, sizeof two);
    assert_null(dl4c_tensor_data(view));
    assert_null(dl4c_tensor_data(copy));
    dl4c_tensor_unref(&copy);
    assert_int_equal(released, 0);
    dl4c_tensor_unref(&view);
    assert_int_equal(released, 1);
}

struct crowd {
    dl4c_tensor *t;
    int released;
};

static void look_and_let_go(void *arg, size_t task, int32_t worker)
{
    struct crowd *c = arg;
    (void)worker;
    dl4c_tensor *mine = dl4c_tensor_ref(c->t), *view = NULL;
    if (task % 2 && dl4c_tensor_slice(mine, 0, 0, 2, 1, &view, NULL) == DL4C_OK)
        dl4c_tensor_unref(&mine);
    dl4c_tensor_unref(&mine);
    dl4c_tensor_unref(&view);
    dl4c_tensor_unref(&(dl4c_tensor *){ c->t }); /* the reference that was taken for this task */
}

static void references_are_counted_across_threads(void **state)
{
    (void)state;
    enum { TASKS = 2000 };
    float data[4] = { 0 };
    const int64_t shape[] = { 4 };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct crowd c = { 0 };
    dl4c_context *ctx;
    o.threads = 4;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 1, data, 0, count_release, &c.released, &c.t, NULL), DL4C_OK);
    for (int i = 1; i < TASKS; i++)
        dl4c_tensor_ref(c.t);
    dli_parallel(ctx, 0, TASKS, look_and_let_go, &c);
    assert_int_equal(c.released, 1);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_tensor_is_zero_contiguous_and_aligned),
        cmocka_unit_test(dims_count_from_both_ends_and_are_1_outside),
        cmocka_unit_test(rank_0_is_one_element_and_a_length_of_0_is_none),
        cmocka_unit_test(create_refuses_what_cannot_be),
        cmocka_unit_test(wrapped_memory_is_released_once_after_the_last_view),
        cmocka_unit_test(wrap_takes_negative_and_zero_strides),
        cmocka_unit_test(wrap_refuses_what_lies_outside_and_does_not_release),
        cmocka_unit_test(read_only_memory_is_never_handed_out_to_write),
        cmocka_unit_test(a_tensor_outlives_the_handle_of_its_context),
        cmocka_unit_test(references_are_counted_across_threads),
        cmocka_unit_test(a_memory_limit_is_named_as_such),
        cmocka_unit_test(part_of_a_blob_is_a_view_where_aligned_and_a_copy_where_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
