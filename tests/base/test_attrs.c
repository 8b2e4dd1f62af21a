/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute tables and the text grammar. */
#include "base/attrs.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct values {
    int64_t units;
    double rate;
    int64_t kernel[2];
    double betas[2];
    int32_t mode;
    char *schedule, *name;
    struct dli_int_list axes;
    struct dli_float_list weights;
};
static const char *const modes[] = { "strict", "truncate", "same", NULL };
#define AT(member) .offset = offsetof(struct values, member)
static const struct dli_attr table[] = {
    { .name = "units", .type = DL4C_ATTR_INT, AT(units), .required = true, .min = 1, .max = 1e9, .doc = "outputs" },
    { .name = "rate", .type = DL4C_ATTR_FLOAT, AT(rate), .def = 0.001, .min = 0, .max = 10, .doc = "step" },
    { .name = "kernel", .type = DL4C_ATTR_INTS, .count = 2, AT(kernel), .def = 3, .min = 1, .max = 99, .doc = "size" },
    { .name = "betas", .type = DL4C_ATTR_FLOATS, .count = 2, AT(betas), .def = 0.5, .doc = "decay" },
    { .name = "mode", .type = DL4C_ATTR_STR, AT(mode), .choices = modes, .def_text = "truncate", .doc = "borders" },
    { .name = "schedule", .type = DL4C_ATTR_STR, AT(schedule), .def_text = "fixed", .doc = "of the rate" },
    { .name = "name", .type = DL4C_ATTR_STR, AT(name), .doc = "any" },
    { .name = "axes", .type = DL4C_ATTR_INTS, AT(axes), .doc = "any number" },
    { .name = "weights", .type = DL4C_ATTR_FLOATS, AT(weights), .doc = "any number" },
    { 0 },
};

static dl4c_status read_text(dl4c_context *ctx, const char *text, struct values *v, struct dl4c_error *err)
{
    struct dli_spec spec;
    const struct dli_attr_set set = { table, v };
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    const dl4c_status status = dli_attrs_read(ctx, "dense 'fc'", &set, 1, spec.attrs, spec.n_attrs, err);
    dli_spec_free(&spec);
    return status;
}

static void defaults_fill_what_is_not_given(void **state)
{
    (void)state;
    struct values v;
    memset(&v, 0x55, sizeof v);
    assert_int_equal(read_text(NULL, "dense:units=7", &v, NULL), DL4C_OK);
    assert_true(v.units == 7 && v.rate == 0.001 && v.kernel[0] == 3 && v.kernel[1] == 3 && v.betas[1] == 0.5 && v.mode == 1);
    assert_string_equal(v.schedule, "fixed");
    assert_null(v.name);
    assert_true(v.axes.n == 0 && v.weights.n == 0);
    dli_attrs_free(table, &v);
}

static void text_and_typed_values_mean_the_same(void **state)
{
    (void)state;
    struct values a, b;
    assert_int_equal(read_text(NULL,
                               "dense(units=257,rate=0.5,kernel=3x5,betas=0.9;0.99,mode=same,schedule=step(decay=0.5,step=2),axes=1x2x3,"
                               "weights=0.5)",
                               &a, NULL),
                     DL4C_OK);
    const int64_t kernel[] = { 3, 5 }, axes[] = { 1, 2, 3 };
    const double betas[] = { 0.9, 0.99 }, weights[] = { 0.5 };
    const struct dl4c_attr attrs[] = {
        dl4c_attr_int("units", 257),         dl4c_attr_float("rate", 0.5),
        dl4c_attr_ints("kernel", kernel, 2), { "betas", DL4C_ATTR_FLOATS, 2, { .fs = betas } },
        dl4c_attr_str("mode", "same"),       dl4c_attr_str("schedule", "step(decay=0.5,step=2)"),
        dl4c_attr_ints("axes", axes, 3),     { "weights", DL4C_ATTR_FLOATS, 1, { .fs = weights } },
    };
    const struct dli_attr_set set = { table, &b };
    assert_int_equal(dli_attrs_read(NULL, "dense", &set, 1, attrs, 8, NULL), DL4C_OK);
    assert_string_equal(a.schedule, b.schedule);
    struct dli_strbuf text;
    char *printed[2];
    for (int i = 0; i < 2; i++) {
        dli_strbuf_init(&text, NULL);
        dli_attrs_print(table, i ? &b : &a, &text);
        assert_int_equal(dli_strbuf_take(&text, &printed[i], NULL), DL4C_OK);
        assert_string_equal(printed[i],
                            ":units=257,rate=0.5,kernel=3x5,betas=0.9;0.99,mode=same,schedule=step(decay=0.5,step=2),axes=1x2x3,"
                            "weights=0.5");
        dl4c_free(printed[i]);
    }
    struct values copy;
    assert_int_equal(dli_attrs_copy(NULL, table, &copy, &a, sizeof a, NULL), DL4C_OK);
    dli_attrs_free(table, &a);
    assert_string_equal(copy.schedule, "step(decay=0.5,step=2)");
    assert_true(copy.kernel[1] == 5 && copy.mode == 2);
    dli_attrs_free(table, &copy);
    dli_attrs_free(table, &b);
}

static void one_value_is_spread_over_a_list(void **state)
{
    (void)state;
    struct values v;
    assert_int_equal(read_text(NULL, "dense:units=1,kernel=7", &v, NULL), DL4C_OK);
    assert_true(v.kernel[0] == 7 && v.kernel[1] == 7);
    dli_attrs_free(table, &v);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "dense", "dense 'fc' needs the attribute units: outputs" },
        { "dense:units=0", "dense 'fc': units is 0, wanted 1 to 1e+09" },
        { "dense:unit=3", "dense 'fc' has no attribute \"unit\"; did you mean \"units\"?" },
        { "dense:zzzzzzz=3", "dense 'fc' has no attribute \"zzzzzzz\"" },
        { "dense:units=3,units=4", "dense 'fc': units is given twice" },
        { "dense:units=3.5", "dense 'fc': units wants whole numbers, not 3.5" },
        { "dense:units=many", "dense 'fc': units is \"many\", wanted a whole number" },
        { "dense:units=1,kernel=1x2x3", "dense 'fc': kernel has 3 values, wanted 2" },
        { "dense:units=1,mode=full", "dense 'fc': mode is \"full\", wanted one of strict, truncate, same" },
        { "dense:units=1,rate=nan", "dense 'fc': rate is \"nan\", wanted a number" },
        { "dense:units=1,axes=1x2x3x4x5x6x7x8x9", "dense 'fc': axes is \"1x2x3x4x5x6x7x8x9\", more than 8 values" },
        { "", "\"\": wanted a name first" },
        { "dense:", "\"dense:\": nothing after the colon" },
        { "dense:units", "\"dense:units\": wanted key=value at \"units\"" },
        { "dense:units=", "\"dense:units=\": units has no value" },
        { "dense:units=1,", "\"dense:units=1,\" ends with a comma" },
        { "dense(units=1", "\"dense(units=1\": wanted ) at the end" },
        { "dense:schedule=step(a=1", "\"dense:schedule=step(a=1\": parentheses do not match" },
        { "dense:schedule=a)", "\"dense:schedule=a)\": parentheses do not match" },
        { "dense units", "\"dense units\": wanted ':' or the end after the name, found \" units\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values v;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(read_text(NULL, cases[i].text, &v, &err), DL4C_E_INVALID);
        assert_string_equal(err.message, cases[i].message);
    }
    struct values v;
    const struct dli_attr_set set = { table, &v };
    const struct dl4c_attr wrong[] = {
        dl4c_attr_int("mode", 1), dl4c_attr_str("schedule", NULL), dl4c_attr_str("units", NULL),   dl4c_attr_ints("kernel", NULL, 2),
        dl4c_attr_int(NULL, 1),   { "units", 99, 1, { .i = 1 } },  dl4c_attr_float("rate", 1e300),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(dli_attrs_read(NULL, "dense", &set, 1, &wrong[i], 1, NULL), DL4C_E_INVALID);
    assert_int_equal(dli_attrs_read(NULL, "dense", &set, 1, NULL, 1, NULL), DL4C_E_INVALID);
    struct dli_spec spec;
    assert_int_equal(dli_spec_parse(NULL, NULL, &spec, NULL), DL4C_E_INVALID);
}

static dl4c_status read_and_copy(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct values v, copy;
    (void)arg;
    DLI_TRY(read_text(ctx, "dense:units=1,schedule=step(a=1),name=fc", &v, err));
    const dl4c_status status = dli_attrs_copy(ctx, table, &copy, &v, sizeof v, err);
    if (status == DL4C_OK)
        dli_attrs_free(table, &copy);
    dli_attrs_free(table, &v);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(read_and_copy, NULL) > 5);
}

static void descriptors_say_what_they_take(void **state)
{
    (void)state;
    struct dl4c_attr_info info;
    dli_attrs_info(&table[0], &info);
    assert_string_equal(info.name, "units");
    assert_true(info.required && info.min == 1 && info.max == 1e9);
    dli_attrs_info(&table[4], &info);
    assert_int_equal(info.n_choices, 3);
    assert_string_equal(info.def_text, "truncate");
    dli_attrs_info(&table[3], &info);
    assert_true(info.min < -1e300 && info.max > 1e300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_what_is_not_given), cmocka_unit_test(text_and_typed_values_mean_the_same),
        cmocka_unit_test(one_value_is_spread_over_a_list), cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(every_allocation_may_fail),       cmocka_unit_test(descriptors_say_what_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
