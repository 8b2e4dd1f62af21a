/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: tensors in memory, orders, and what a host's callbacks may get wrong. */
#include "source/source.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { N = 11, ROW = 3 };

static dl4c_tensor *numbers(int32_t dtype, int64_t columns)
{
    const int64_t shape[] = { N, columns };
    dl4c_tensor *t = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, dtype, shape, columns ? 2 : 1, &t, NULL), DL4C_OK);
    for (int64_t i = 0; i < dl4c_tensor_size(t); i++) {
        if (dtype == DL4C_F32)
            ((float *)dl4c_tensor_data(t))[i] = (float)i;
        else
            ((int64_t *)dl4c_tensor_data(t))[i] = i % 4;
    }
    return t;
}

static dl4c_source *over(dl4c_tensor *x, dl4c_tensor *labels)
{
    dl4c_source *s = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dl4c_source_tensors(NULL, x, labels, 0, &s, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
    return s;
}

static const char *const one_name[] = { "a", NULL };

static dl4c_status info_without_a_name(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    (void)user;
    (void)err;
    info->rank = 1;
    info->shape[0] = 3;
    info->n_classes = 2;
    info->classes = one_name;
    return DL4C_OK;
}

static dl4c_status never_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    (void)user, (void)shuffle, (void)seed, (void)epoch;
    return dli_fail(err, DL4C_E_INTERNAL, "test", "reset was called");
}

static dl4c_status never_next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    (void)user, (void)max_rows, (void)batch;
    return dli_fail(err, DL4C_E_INTERNAL, "test", "next was called");
}

static void a_class_without_a_name_is_refused(void **state)
{
    const struct dl4c_source_ops ops = { sizeof ops, info_without_a_name, never_reset, never_next, NULL };
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_source *s = NULL;
    (void)state;
    assert_int_equal(dl4c_source_create(NULL, &ops, NULL, NULL, &s, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_get_info(s, &info, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "class 1"));
    assert_int_equal(dl4c_source_reset(s, 0, 0, 0, &err), DL4C_E_INVALID);
    dl4c_source_destroy(&s);
}

/* Which examples come, in order; every row is checked against its index. */
static int64_t walk(dl4c_source *s, int shuffle, uint64_t seed, int64_t epoch, int64_t max_rows, int64_t order[N])
{
    int64_t n = 0;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    assert_int_equal(dl4c_source_reset(s, shuffle, seed, epoch, NULL), DL4C_OK);
    for (;;) {
        assert_int_equal(dl4c_source_next(s, max_rows, &b, NULL), DL4C_OK);
        if (b.n == 0)
            break;
        assert_true(b.n == max_rows || n + b.n == N);
        for (int64_t i = 0; i < b.n; i++) {
            assert_true(b.x[i * ROW + 1] == (float)(b.index[i] * ROW + 1));
            if (b.labels)
                assert_int_equal(b.labels[i], b.index[i] % 4);
            if (b.y)
                assert_true(b.y[i * 2] == (float)(b.index[i] * 2));
            order[n++] = b.index[i];
        }
    }
    return n;
}

static void tensors_come_in_their_own_order_without_a_copy(void **state)
{
    (void)state;
    dl4c_tensor *x = numbers(DL4C_F32, ROW);
    const float *data = dl4c_tensor_data_const(x);
    dl4c_source *s = over(x, numbers(DL4C_I64, 0));
    int64_t order[N];
    assert_int_equal(walk(s, 0, 1, 1, 4, order), N);
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(order[i], i);
    struct dl4c_batch b = DL4C_BATCH_INIT;
    assert_int_equal(dl4c_source_reset(s, 0, 1, 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_next(s, 4, &b, NULL), DL4C_OK);
    assert_ptr_equal(b.x, data);
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    assert_int_equal(dl4c_source_get_info(s, &info, NULL), DL4C_OK);
    assert_int_equal(info.rank, 1);
    assert_int_equal(info.shape[0], ROW);
    assert_int_equal(info.n_classes, 4);
    assert_int_equal(info.rows, N);
    assert_null(info.classes);
    assert_null(dl4c_source_name(s, 0));
    dl4c_source_destroy(&s);
    assert_null(s);
}

static void the_order_depends_on_seed_and_epoch_alone(void **state)
{
    (void)state;
    dl4c_source *s = over(numbers(DL4C_F32, ROW), numbers(DL4C_F32, 2)), *other = over(numbers(DL4C_F32, ROW), numbers(DL4C_I64, 0));
    int64_t a[N], b[N], seen[N] = { 0 };
    assert_int_equal(walk(s, 1, 7, 3, 4, a), N);
    for (int64_t i = 0; i < N; i++)
        seen[a[i]]++;
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    walk(s, 1, 7, 4, 4, b);
    assert_memory_not_equal(a, b, sizeof a);
    walk(s, 1, 8, 3, 4, b);
    assert_memory_not_equal(a, b, sizeof a);
    walk(s, 1, 7, 3, 11, b); /* after other epochs, in another batch size, from another source */
    assert_memory_equal(a, b, sizeof a);
    walk(other, 1, 7, 3, 1, b);
    assert_memory_equal(a, b, sizeof a);
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&other);
}

static void strided_and_wide_tensors_are_converted(void **state)
{
    (void)state;
    dl4c_tensor *x = numbers(DL4C_F32, ROW), *wide = NULL, *turned = NULL, *back = NULL;
    assert_int_equal(dl4c_tensor_to(x, DL4C_F64, &wide, NULL), DL4C_OK);
    dl4c_source *s = over(wide, NULL);
    int64_t order[N];
    assert_int_equal(walk(s, 1, 1, 1, 5, order), N);
    dl4c_source_destroy(&s);
    /* Transposing a contiguous [ROW, N] copy gives [N, ROW] with strides. */
    const int64_t shape[] = { ROW, N };
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &back, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_transpose(x, NULL, &turned, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(back, turned, NULL), DL4C_OK);
    dl4c_tensor_unref(&turned);
    assert_int_equal(dl4c_tensor_transpose(back, NULL, &turned, NULL), DL4C_OK);
    s = over(turned, NULL);
    assert_int_equal(walk(s, 0, 1, 1, 5, order), N);
    dl4c_source_destroy(&s);
    dl4c_tensor_unref(&back);
    dl4c_tensor_unref(&x);
}

static void shapes_and_labels_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *x = numbers(DL4C_F32, ROW), *labels = numbers(DL4C_I64, 0), *few = NULL, *flat = numbers(DL4C_F32, 0);
    dl4c_source *s = (dl4c_source *)x;
    assert_int_equal(dl4c_source_tensors(NULL, x, labels, 3, &s, &err), DL4C_E_INVALID);
    assert_null(s);
    assert_non_null(strstr(err.message, "row 3 is 3"));
    assert_int_equal(dl4c_tensor_slice(labels, 0, 0, 5, 1, &few, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_tensors(NULL, x, few, 0, &s, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_source_tensors(NULL, x, flat, 0, &s, &err), DL4C_E_INVALID); /* float targets want two axes */
    assert_int_equal(dl4c_source_tensors(NULL, flat, NULL, 0, &s, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_source_tensors(NULL, x, x, 4, &s, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_source_tensors(NULL, x, x, -1, &s, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_source_tensors(NULL, NULL, NULL, 0, &s, &err), DL4C_E_INVALID);
    dl4c_tensor_unref(&few);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
    dl4c_tensor_unref(&flat);
}

struct host {
    int released;
    dl4c_status status; /* of next */
    const char *message;
    int64_t n, label;
    int no_x, no_labels;
    int32_t rank;
};

static dl4c_status host_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    (void)err;
    info->rank = ((struct host *)user)->rank;
    info->shape[0] = 2;
    info->n_classes = 3;
    return DL4C_OK;
}
static dl4c_status host_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    (void)user, (void)shuffle, (void)seed, (void)epoch, (void)err;
    return DL4C_OK;
}
static dl4c_status host_next(void *user, int64_t max_rows, struct dl4c_batch *b, struct dl4c_error *err)
{
    static const float x[16];
    struct host *h = user;
    (void)max_rows;
    if (h->status != DL4C_OK) {
        if (h->message) {
            err->status = h->status;
            strcpy(err->origin, "host");
            strcpy(err->message, h->message);
        }
        return h->status;
    }
    b->n = h->n;
    b->x = h->no_x ? NULL : x;
    b->labels = h->no_labels ? NULL : &h->label;
    return DL4C_OK;
}
static void host_release(void *user) { ((struct host *)user)->released++; }

static const struct dl4c_source_ops host_ops = { sizeof host_ops, host_info, host_reset, host_next, NULL };

static dl4c_status ask(struct host h, struct dl4c_error *err)
{
    dl4c_source *s = NULL;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    assert_int_equal(dl4c_source_create(NULL, &host_ops, &h, host_release, &s, NULL), DL4C_OK);
    dl4c_status status = dl4c_source_reset(s, 0, 0, 0, err);
    if (status == DL4C_OK) {
        status = dl4c_source_next(s, 2, &b, err);
        if (status != DL4C_OK)
            assert_int_equal(dl4c_source_next(s, 2, &b, NULL), DL4C_E_STATE);
    }
    dl4c_source_destroy(&s);
    assert_int_equal(h.released, 1);
    return status;
}

static void a_host_that_answers_nonsense_is_told(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(ask((struct host){ .rank = 1, .n = 1 }, &err), DL4C_OK);
    assert_int_equal(ask((struct host){ .rank = 0, .n = 1 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 8, .n = 1 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 2, .n = 1 }, &err), DL4C_E_INVALID); /* a length of 0 */
    assert_int_equal(ask((struct host){ .rank = 1, .n = 3 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 1, .n = -1 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 1, .n = 1, .no_x = 1 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 1, .n = 1, .no_labels = 1 }, &err), DL4C_E_INVALID);
    assert_int_equal(ask((struct host){ .rank = 1, .n = 1, .label = 3 }, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "wanted 0 to 2"));
    assert_int_equal(ask((struct host){ .rank = 1, .n = 1, .label = -1 }, &err), DL4C_E_INVALID);
}

static void a_hosts_message_reaches_the_caller(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(ask((struct host){ .rank = 1, .status = DL4C_E_IO, .message = "the tape is torn" }, &err), DL4C_E_IO);
    assert_string_equal(err.message, "the tape is torn");
    assert_string_equal(err.origin, "host");
    assert_int_equal(ask((struct host){ .rank = 1, .status = DL4C_E_PEER }, &err), DL4C_E_PEER);
    assert_string_equal(err.message, "the source's next failed with DL4C_E_PEER");
}

static void a_source_begins_with_reset(void **state)
{
    (void)state;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    dl4c_source *s = over(numbers(DL4C_F32, ROW), NULL);
    assert_int_equal(dl4c_source_next(s, 2, &b, NULL), DL4C_E_STATE);
    assert_int_equal(dl4c_source_reset(s, 0, 0, 0, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_next(s, 0, &b, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_source_next(s, 2, &b, NULL), DL4C_OK);
    assert_int_equal(b.n, 2);
    assert_null(b.labels);
    dl4c_source_destroy(&s);
    /* An incomplete table: refused, and given back. */
    struct dl4c_source_ops ops = host_ops;
    struct host h = { 0 };
    ops.next = NULL;
    assert_int_equal(dl4c_source_create(NULL, &ops, &h, host_release, &s, NULL), DL4C_E_INVALID);
    assert_int_equal(h.released, 1);
    assert_null(s);
}

static dl4c_status all_calls(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    static float x[N * ROW], y[N * 2];
    const int64_t shape[] = { N, ROW }, other[] = { N, 2 };
    dl4c_tensor *tx = NULL, *ty = NULL;
    dl4c_source *s = NULL;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    dl4c_status status = dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 2, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_F32, other, NULL, 2, y, 0, NULL, NULL, &ty, err);
    if (status == DL4C_OK)
        status = dl4c_source_tensors(ctx, tx, ty, 0, &s, err);
    if (status != DL4C_OK)
        assert_null(s);
    if (status == DL4C_OK)
        status = dl4c_source_reset(s, 1, 1, 1, err);
    if (status == DL4C_OK)
        status = dl4c_source_next(s, 4, &b, err);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_source_destroy(&s);
    return status;
}

static void sources_report_nomem_and_leak_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(all_calls, NULL) >= 2 * 7); /* two tensors, the source twice, order, rows, targets */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_without_a_name_is_refused),
        cmocka_unit_test(tensors_come_in_their_own_order_without_a_copy),
        cmocka_unit_test(the_order_depends_on_seed_and_epoch_alone),
        cmocka_unit_test(strided_and_wide_tensors_are_converted),
        cmocka_unit_test(shapes_and_labels_that_do_not_fit_are_refused),
        cmocka_unit_test(a_host_that_answers_nonsense_is_told),
        cmocka_unit_test(a_hosts_message_reaches_the_caller),
        cmocka_unit_test(a_source_begins_with_reset),
        cmocka_unit_test(sources_report_nomem_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
