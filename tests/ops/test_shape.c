/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, sizes of sliding windows, and what infer refuses. */
#include "op_driver.h"

#include "ops/extent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void shape_text_shows_unknown_lengths(void **state)
{
    (void)state;
    const struct dli_shape a = ROW3(3, -1, 224), scalar = { .rank = 0 };
    char tiny[6];
    assert_string_equal(DLI_SHAPE_STR(&a), "[3, ?, 224]");
    assert_string_equal(DLI_SHAPE_STR(&scalar), "[]");
    assert_string_equal(dli_shape_print(&a, tiny, sizeof tiny), "[3, ?");
}

static void shape_elements_refuses_overflow(void **state)
{
    (void)state;
    const struct dli_shape big = ROW3(INT64_MAX / 4, 5, 1), unknown = ROW3(3, -1, 4), empty = ROW3(3, 0, 5);
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n = 0;
    assert_int_equal(dli_shape_elements(&big, &n, &err), DL4C_E_INVALID);
    assert_int_equal(dli_shape_elements(&unknown, &n, NULL), DL4C_OK);
    assert_int_equal(n, -1);
    assert_int_equal(dli_shape_elements(&empty, &n, NULL), DL4C_OK);
    assert_int_equal(n, 0);
    assert_false(dli_shape_known(&unknown));
    assert_true(dli_shape_known(&empty));
    assert_false(dli_shape_same(&unknown, &empty));
    assert_true(dli_shape_same(&big, &big));
}

/* ../shared/dl4j/REFERENCE.md section 5, "Conv modes". */
static void extent_follows_the_modes(void **state)
{
    (void)state;
    static const struct {
        int64_t in, kernel, stride, dilation, padding, end;
        int32_t mode;
        bool ceil;
        int64_t out, pad, pad_end; /* out 0: refused */
    } t[] = {
        { 224, 3, 1, 1, 1, -1, DLI_MODE_TRUNCATE, false, 224, 1, 1 }, { 11, 3, 2, 1, 0, -1, DLI_MODE_STRICT, false, 5, 0, 0 },
        { 12, 3, 2, 1, 0, -1, DLI_MODE_STRICT, false, 0, 0, 0 },      { 12, 3, 2, 1, 0, -1, DLI_MODE_TRUNCATE, false, 5, 0, 0 },
        { 12, 3, 2, 1, 0, -1, DLI_MODE_TRUNCATE, true, 6, 0, 0 },     { 12, 3, 2, 1, 0, 1, DLI_MODE_TRUNCATE, false, 6, 0, 1 },
        { 12, 3, 2, 1, 9, 9, DLI_MODE_SAME, false, 6, 0, 1 },         { 12, 3, 2, 1, 9, 9, DLI_MODE_SAME_LOWER, false, 6, 1, 0 },
        { 9, 3, 2, 1, 0, -1, DLI_MODE_SAME, false, 5, 1, 1 },         { 9, 3, 1, 2, 0, -1, DLI_MODE_SAME, false, 9, 2, 2 },
        { 3, 2, 5, 1, 0, -1, DLI_MODE_SAME, false, 1, 0, 0 },         { 4, 5, 1, 1, 0, -1, DLI_MODE_TRUNCATE, false, 0, 0, 0 },
        { 4, 2, 3, 1, 1, 1, DLI_MODE_TRUNCATE, true, 2, 1, 1 }, /* a third window would start behind the image */
        { -1, 3, 2, 1, 0, -1, DLI_MODE_STRICT, false, -1, 0, 0 },
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const struct dli_extent e = {
            { t[i].kernel, 1 }, { t[i].stride, 1 }, { t[i].padding, 0 }, { t[i].end, 0 }, { t[i].dilation, 1 }, t[i].mode, 0
        };
        const struct dli_shape in = ROW3(1, t[i].in, 1);
        const struct dli_infer infer = { .vertex = "v", .n_in = 1, .in = &in };
        struct dli_extent_size s = { 0, 0, 0, 0 };
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dli_extent_size(&e, &infer, "conv2d", 0, t[i].ceil, &s, &err), t[i].out ? DL4C_OK : DL4C_E_INVALID);
        if (t[i].out == 0) {
            assert_non_null(strstr(err.message, "height"));
            continue;
        }
        assert_int_equal(s.out, t[i].out);
        assert_int_equal(s.pad, t[i].pad);
        assert_int_equal(s.pad_end, t[i].pad_end);
    }
}

static void infer_refuses_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        struct dli_shape in;
        const char *part; /* of the message */
    } t[] = {
        { "conv2d:units=4,kernel=3", ROW1(12), "[channels, height, width]" },
        { "conv2d:units=4", ROW3(3, 4, 4), "kernel" },
        { "conv2d:units=4,kernel=3", ROW3(-1, 4, 4), "give n_in" },
        { "conv2d:units=4,kernel=3,groups=2", ROW3(3, 4, 4), "groups" },
        { "conv2d:units=4,kernel=5", ROW3(3, 4, 8), "kernel covers 5" },
        { "conv2d:units=4,kernel=3,stride=2,mode=strict", ROW3(3, 4, 4), "strict" },
        { "conv2d:units=16777216,kernel=65536", ROW3(16777216, 4, 4), "" },
        { "deconv2d:units=4,kernel=3", ROW1(12), "[channels, height, width]" },
        { "deconv2d:units=4,kernel=3,padding=3", ROW3(3, 4, 4), "an output of 0" },
        { "deconv2d:units=4,kernel=1,stride=65536", ROW3(3, 65536, 4), "an output of 4294901761" },
        { "deconv2d:units=4,kernel=1,n_in=2", ROW3(3, 4, 4), "n_in" },
        { "max_pool", ROW1(12), "[channels, height, width]" },
        { "max_pool:kernel=5", ROW3(3, 4, 4), "kernel covers 5" },
        { "max_pool:stride=0", ROW3(3, 4, 4), "stride" },
        { "dense:units=0", ROW1(3), "units" },
        { "dense", ROW1(3), "units" },
        { "dense:units=3,n_in=4", ROW1(3), "n_in" },
        { "dense:units=3", ROW3(3, -1, -1), "give n_in" },
        { "clip:min=2,max=1", ROW1(3), "above" },
        { "lrn:n=4", ROW3(3, 4, 4), "odd" },
        { "reshape:shape=-1x-1", ROW1(12), "more than one" },
        { "reshape:shape=5x-1", ROW1(12), "do not go" },
        { "reshape:shape=5x2", ROW1(12), "do not go" },
        { "transpose:perm=1x1x2", ROW3(3, 4, 4), "no order" },
        { "transpose:perm=2x1", ROW3(3, 4, 4), "no order" },
        { "merge:axis=2", ROW1(12), "no axis 2" },
        { "batch_norm:n_in=4", ROW1(12), "n_in" },
        { "batch_norm", ROW3(-1, 4, 4), "give n_in" },
        { "global_pool", ROW3(3, 0, 4), "no pixels" },
        { "zero_padding:padding=1x2", ROW3(3, 2, 4), "wanted 4" },
        { "zero_padding:padding=1", ROW3(3, INT64_MAX, 4), "too large" },
        { "dense:units=1073741824", ROW1(INT64_MAX / 8), "64 bits" },
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct dli_shape out;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(op_try(NULL, t[i].spec, &t[i].in, 1, &out, &err), DL4C_E_INVALID);
        if (!strstr(err.message, t[i].part))
            fail_msg("%s: \"%s\" does not say \"%s\"", t[i].spec, err.message, t[i].part);
    }
}

static void inputs_of_other_shapes_are_refused(void **state)
{
    (void)state;
    const struct dli_shape add[] = { ROW3(3, 4, 5), ROW3(3, 5, 4) }, merge[] = { ROW3(3, 4, 5), ROW3(2, 4, 6) };
    const struct dli_shape open[] = { ROW3(3, -1, 5), ROW3(3, 4, -1) };
    struct dli_shape out;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(op_try(NULL, "add", add, 2, &out, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "[3, 5, 4]"));
    assert_int_equal(op_try(NULL, "merge", merge, 2, &out, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "[2, 4, 6]"));
    assert_int_equal(op_try(NULL, "add", open, 2, &out, NULL), DL4C_OK);
    assert_string_equal(DLI_SHAPE_STR(&out), "[3, 4, 5]");
    assert_int_equal(op_try(NULL, "merge", open, 2, &out, NULL), DL4C_OK);
    assert_string_equal(DLI_SHAPE_STR(&out), "[6, 4, 5]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_text_shows_unknown_lengths),   cmocka_unit_test(shape_elements_refuses_overflow),
        cmocka_unit_test(extent_follows_the_modes),           cmocka_unit_test(infer_refuses_with_a_reason),
        cmocka_unit_test(inputs_of_other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
