/* SPDX-License-Identifier: Apache-2.0 */
/* Constraints by hand, over every axis, and what their text form refuses. */
#include "constraints/constraint.h"

#include "support/fail_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void apply(const char *spec, const int64_t *shape, int32_t rank, char order, float *w)
{
    struct dli_constraint_at c;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dli_constraint_open(NULL, spec, shape, rank, order, &c, &err) != DL4C_OK)
        fail_msg("%s: %s", spec, err.message);
    dli_constraint_apply(&c, w);
    dli_constraint_close(&c);
}

static void assert_floats(const float *got, const float *want, int n, const char *what)
{
    for (int i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= 2e-7f * fabsf(want[i]))) /* two roundings */
            fail_msg("%s at %d: %.9g, wanted %.9g", what, i, (double)got[i], (double)want[i]);
}

/* [2, 2] in 'f': rows are (3, 4) and (0.3, 0.4), of norms 5 and 0.5; columns (3, 0.3) and (4, 0.4). */
static void norms_are_taken_over_the_axes_named(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        float want[4]; /* as it lies in memory: by columns */
    } t[] = {
        { "max_norm:max_norm=1,dimensions=1,epsilon=0", { 0.6f, 0.3f, 0.8f, 0.4f } },
        { "max_norm:max_norm=1,dimensions=1,epsilon=0.5", { 3 / 5.5f, 0.15f, 4 / 5.5f, 0.2f } },
        { "unit_norm:dimensions=1", { 0.6f, 0.6f, 0.8f, 0.8f } },
        { "min_max_norm:min=1,max=2,dimensions=1,epsilon=0", { 1.2f, 0.6f, 1.6f, 0.8f } },
        { "min_max_norm:min=1,max=2,dimensions=1,epsilon=0,rate=0.5", { 3 * 2.7f, 0.3f * 1.25f, 4 * 2.7f, 0.4f * 1.25f } },
        { "non_negative", { 3, 0.3f, 4, 0.4f } },
    };
    const int64_t shape[] = { 2, 2 };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        float w[] = { 3, 0.3f, 4, 0.4f };
        apply(t[i].spec, shape, 2, 'f', w);
        assert_floats(w, t[i].want, 4, t[i].spec);
    }
    float w[] = { 3, 0, 0, 4 };
    const float whole[] = { 0.6f, 0, 0, 0.8f };
    apply("unit_norm", shape, 2, 'f', w); /* no axis named: all */
    assert_floats(w, whole, 4, "unit_norm");
    float c[] = { 3, 4, 0.3f, 0.4f };
    const float by_rows[] = { 0.6f, 0.8f, 0.6f, 0.8f };
    apply("unit_norm:dimensions=1", shape, 2, 'c', c);
    assert_floats(c, by_rows, 4, "unit_norm by rows in c");
}

/* A convolution's [2, 2, 1, 2]: one norm for each of the first axis. */
static void a_norm_may_cover_three_axes(void **state)
{
    (void)state;
    float w[] = { 1, 1, 1, 1, 0, 0, 0, 3 };
    const float want[] = { 0.5f, 0.5f, 0.5f, 0.5f, 0, 0, 0, 1 };
    const int64_t shape[] = { 2, 2, 1, 2 };
    apply("unit_norm:dimensions=1x2x3", shape, 4, 'c', w);
    assert_floats(w, want, 8, "unit_norm");
}

static void nothing_stays_nothing_and_nan_stays(void **state)
{
    (void)state;
    const int64_t shape[] = { 2 };
    float w[] = { 0, 0 }, n[] = { NAN, -1 };
    apply("unit_norm", shape, 1, 'c', w);
    assert_true(w[0] == 0 && w[1] == 0);
    apply("max_norm:max_norm=1", shape, 1, 'c', w);
    assert_true(w[0] == 0 && w[1] == 0);
    apply("non_negative", shape, 1, 'c', n);
    assert_true(isnan(n[0]) && n[1] == 0);
}

static void a_list_is_taken_apart_outside_parentheses(void **state)
{
    (void)state;
    const char *list = "max_norm(max_norm=2,params=W;b);non_negative";
    char *spec;
    bool applies;
    assert_int_equal(dli_constraint_next(NULL, &list, &spec, NULL), DL4C_OK);
    assert_string_equal(spec, "max_norm(max_norm=2,params=W;b)");
    assert_int_equal(dli_constraint_applies(NULL, spec, "b", &applies, NULL), DL4C_OK);
    assert_true(applies);
    dli_free(spec);
    assert_int_equal(dli_constraint_next(NULL, &list, &spec, NULL), DL4C_OK);
    assert_string_equal(spec, "non_negative");
    assert_int_equal(dli_constraint_applies(NULL, spec, "b", &applies, NULL), DL4C_OK);
    assert_false(applies);
    dli_free(spec);
    assert_int_equal(dli_constraint_next(NULL, &list, &spec, NULL), DL4C_OK);
    assert_null(spec);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        dl4c_status status;
        const char *says;
    } t[] = {
        { "norm", DL4C_E_NOTFOUND, "there is no constraint \"norm\"; wanted one of max_norm, min_max_norm, non_negative, unit_norm" },
        { "max_norm", DL4C_E_INVALID, "max_norm" },
        { "max_norm:max_norm=-1", DL4C_E_INVALID, "max_norm is -1" },
        { "min_max_norm:min=0,max=1,rate=2", DL4C_E_INVALID, "rate is 2" },
        { "unit_norm:dimensions=4", DL4C_E_INVALID, "dimensions" },
        { "unit_norm:dimensions=2", DL4C_E_INVALID, "dimension 2 of a parameter with 2 axes" },
        { "non_negative:dimensions=1", DL4C_E_INVALID, "dimensions" },
    };
    const int64_t shape[] = { 2, 2 };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct dli_constraint_at c;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dli_constraint_open(NULL, t[i].spec, shape, 2, 'c', &c, &err), t[i].status);
        if (!strstr(err.message, t[i].says))
            fail_msg("%s: \"%s\"", t[i].spec, err.message);
        assert_null(c.attrs);
    }
}

static dl4c_status try_open(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const int64_t shape[] = { 2, 2 };
    struct dli_constraint_at c;
    (void)arg;
    const dl4c_status status = dli_constraint_open(ctx, "max_norm:max_norm=1,dimensions=1", shape, 2, 'c', &c, err);
    dli_constraint_close(&c);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(try_open, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_are_taken_over_the_axes_named),
        cmocka_unit_test(a_norm_may_cover_three_axes),
        cmocka_unit_test(nothing_stays_nothing_and_nan_stays),
        cmocka_unit_test(a_list_is_taken_apart_outside_parentheses),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
