/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks, the limit, accounting, growing, and heaps that outlive their context. */
#include "base/context.h"
#include "base/thread_pool.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static dl4c_context *context_with(struct fail_alloc *f, int64_t limit)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.alloc = fail_alloc_take;
    o.release = fail_alloc_release;
    o.alloc_user = f;
    o.memory_limit_bytes = limit;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    return ctx;
}

static void blocks_are_aligned_counted_and_given_back(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    dl4c_context *ctx = context_with(&f, 0);
    int64_t used, peak;
    char *plain[20], *wide[20];
    for (size_t i = 0; i < 20; i++) {
        plain[i] = dli_alloc(ctx, i * 7, NULL);
        wide[i] = dli_alloc_aligned(ctx, i * 7, NULL);
        assert_true(plain[i] && (uintptr_t)plain[i] % 16 == 0);
        assert_true(wide[i] && (uintptr_t)wide[i] % DLI_ALIGN == 0);
        memset(plain[i], 1, i * 7);
        memset(wide[i], 2, i * 7);
        for (size_t k = 0; k < i; k++)
            assert_true(plain[k] != plain[i]); /* blocks of no bytes have addresses of their own */
    }
    dl4c_context_memory(ctx, &used, &peak);
    assert_true(used >= 2 * 7 * 190 && peak == used);
    for (size_t i = 0; i < 20; i++) {
        dli_free(plain[i]);
        dli_free(wide[i]);
    }
    dli_free(NULL);
    const int64_t before = peak;
    dl4c_context_memory(ctx, &used, &peak);
    assert_int_equal(used, 0);
    assert_int_equal(peak, before);
    dl4c_context_destroy(&ctx);
    assert_int_equal(f.live, 0);
}

static void a_block_may_outlive_its_context(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    dl4c_context *ctx = context_with(&f, 0);
    char *text = dli_strdup(ctx, "still here", NULL);
    dl4c_context_destroy(&ctx);
    assert_null(ctx);
    assert_string_equal(text, "still here");
    assert_true(f.live > 0);
    dl4c_free(text);
    assert_int_equal(f.live, 0);
}

static void the_limit_is_an_error_that_says_how_much(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = context_with(&f, 10000);
    void *a = dli_alloc(ctx, 6000, &err);
    assert_non_null(a);
    assert_null(dli_alloc(ctx, 6000, &err));
    assert_int_equal(err.status, DL4C_E_LIMIT);
    assert_int_equal(dli_alloc_status(), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "6000 more bytes would pass the memory limit of 10000 bytes"));
    assert_null(dli_alloc(ctx, 6000, NULL));
    assert_int_equal(dli_alloc_status(), DL4C_E_LIMIT); /* known without an error struct too */
    dli_free(a);
    void *b = dli_alloc(ctx, 6000, &err); /* what was refused is not counted */
    assert_non_null(b);
    dli_free(b);
    dl4c_context_destroy(&ctx);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_null(dli_array(NULL, SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.status, DL4C_E_NOMEM);
    assert_null(dli_calloc(NULL, SIZE_MAX / 2, 3, &err));
    assert_null(dli_alloc(NULL, SIZE_MAX, &err));
    assert_null(dli_alloc_aligned(NULL, SIZE_MAX - 40, &err));
    void *array = NULL;
    size_t capacity = 0;
    assert_int_equal(dli_grow(NULL, &array, &capacity, SIZE_MAX / 4, 8, &err), DL4C_E_NOMEM);
    assert_null(array);
    size_t size;
    int64_t big;
    assert_false(dli_mul_size(SIZE_MAX, 2, &size));
    assert_false(dli_add_size(SIZE_MAX, 1, &size));
    assert_false(dli_mul_i64(INT64_MAX, 2, &big));
    assert_false(dli_add_i64(INT64_MIN, -1, &big));
    assert_true(dli_mul_size(3, 5, &size) && size == 15);
}

static void growing_keeps_what_was_there(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    dl4c_context *ctx = context_with(&f, 0);
    int64_t *values = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t n = 0; n < 1000; n++) {
        const size_t old = capacity;
        assert_int_equal(dli_grow(ctx, &values, &capacity, n + 1, sizeof *values, NULL), DL4C_OK);
        moves += capacity != old;
        values[n] = (int64_t)n;
    }
    assert_true(capacity >= 1000 && moves < 20); /* by half each time */
    for (int64_t n = 0; n < 1000; n++)
        assert_int_equal(values[n], n);

    f.fail_at = f.calls + 1;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t *before = values;
    assert_int_equal(dli_grow(ctx, &values, &capacity, capacity + 1, sizeof *values, &err), DL4C_E_NOMEM);
    assert_ptr_equal(values, before);
    assert_int_equal(values[999], 999);
    assert_int_equal(err.status, DL4C_E_NOMEM);

    values = dli_realloc(ctx, values, 3 * sizeof *values, NULL); /* smaller: the front is kept */
    assert_int_equal(values[2], 2);
    dli_free(values);
    int64_t *zeros = dli_calloc(ctx, 5, sizeof *zeros, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(zeros[i], 0);
    dli_free(zeros);
    char *front = dli_strndup(ctx, "abcdef", 3, NULL);
    assert_string_equal(front, "abc");
    dli_free(front);
    dl4c_context_destroy(&ctx);
    assert_int_equal(f.live, 0);
}

struct race {
    dl4c_context *ctx;
    _Atomic int refused, wrong;
};

static void take_and_give(void *arg, size_t task, int32_t worker)
{
    struct race *r = arg;
    (void)worker;
    if (task % 4 == 0) { /* never fits: may not take room from the others while it is refused */
        r->refused += !dli_alloc(r->ctx, 1 << 20, NULL);
        return;
    }
    void *p = dli_alloc(r->ctx, 1000, NULL);
    r->wrong += !p;
    dli_free(p);
}

static void a_refused_block_never_makes_another_one_fail(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    struct race r = { .ctx = context_with(&f, 20000) };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *threads = NULL;
    int64_t used;
    o.threads = 4;
    assert_int_equal(dl4c_context_create(&o, &threads, NULL), DL4C_OK);
    dli_parallel(threads, 0, 20000, take_and_give, &r);
    assert_int_equal(r.refused, 5000);
    assert_int_equal(r.wrong, 0);
    dl4c_context_memory(r.ctx, &used, NULL);
    assert_int_equal(used, 0);
    dl4c_context_destroy(&threads);
    dl4c_context_destroy(&r.ctx);
    assert_int_equal(f.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_counted_and_given_back),
        cmocka_unit_test(a_block_may_outlive_its_context),
        cmocka_unit_test(the_limit_is_an_error_that_says_how_much),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(growing_keeps_what_was_there),
        cmocka_unit_test(a_refused_block_never_makes_another_one_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
