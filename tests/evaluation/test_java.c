/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the forms of Java: values from Double.toString and String.format of OpenJDK 17. */
#include "evaluation/java.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void expect(struct dli_strbuf *b, const char *want)
{
    char *text = NULL;
    assert_int_equal(dli_strbuf_take(b, &text, NULL), DL4C_OK);
    assert_string_equal(text, want);
    dl4c_free(text);
    dli_strbuf_init(b, NULL);
}

static void numbers_print_as_javas_to_string(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.0, "1.0" },
        { 22, "22.0" },
        { 0.35, "0.35" },
        { 0.001, "0.001" },
        { 0.0009999, "9.999E-4" },
        { 1e-5, "1.0E-5" },
        { 123456.75, "123456.75" },
        { 9999999, "9999999.0" },
        { 1e7, "1.0E7" },
        { 12345678.9, "1.23456789E7" },
        { 0.30000000000000004, "0.30000000000000004" },
        { -2.5e-10, "-2.5E-10" },
        { (double)NAN, "NaN" },
        { -(double)INFINITY, "-Infinity" },
        { 0.0123, "0.0123" },
    };
    struct dli_strbuf b;
    dli_strbuf_init(&b, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dli_java_double(&b, cases[i].v);
        expect(&b, cases[i].text);
    }
    dli_java_float(&b, 0.7f);
    expect(&b, "0.7");
    dli_java_float(&b, 16777216.0f);
    expect(&b, "1.6777216E7");
}

/* 0.125 is a tie in binary, too; 0.00005 and 1.005 are not, and Java still rounds their decimal digits up. */
static void format_rounds_the_shortest_digits_half_up(void **state)
{
    (void)state;
    struct dli_strbuf b;
    dli_strbuf_init(&b, NULL);
    static const struct {
        double v;
        int digits;
        const char *fixed, *scientific;
    } cases[] = {
        { 0.125, 2, "0.13    ", "1.25e-01" },
        { 1.005, 2, "1.01    ", "1.01e+00" },
        { 0.00005, 4, "0.0001  ", "5.0000e-05" },
        { 0.00004, 4, "0.0000  ", "4.0000e-05" },
        { 9.9999, 2, "10.00   ", "1.00e+01" },
        { 0, 3, "0.000   ", "0.000e+00" },
        { -0.25, 1, "-0.3    ", "-2.5e-01" },
        { 1234567, 1, "1234567.0", "1.2e+06 " },
        { 0.95, 0, "1       ", "1e+00   " },
        { (double)NAN, 4, "NaN     ", "NaN     " },
        { (double)INFINITY, 4, "Infinity", "Infinity" },
        { 1e-120, 2, "0.00    ", "1.00e-120" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dli_java_fixed(&b, cases[i].v, cases[i].digits, 8);
        expect(&b, cases[i].fixed);
        dli_java_scientific(&b, cases[i].v, cases[i].digits, 8);
        expect(&b, cases[i].scientific);
    }
}

static void names_are_padded_by_utf16_units(void **state)
{
    (void)state;
    struct dli_strbuf b;
    dli_strbuf_init(&b, NULL);
    dli_java_padded(&b, "caf\xC3\xA9", 6);
    expect(&b, "caf\xC3\xA9  ");
    dli_java_padded(&b, "\xF0\x9F\x90\xB6", 4); /* a pair of surrogates */
    expect(&b, "\xF0\x9F\x90\xB6  ");
}

static void hash_maps_grow_at_three_quarters(void **state)
{
    (void)state;
    assert_int_equal(dli_java_buckets(0, false), 16);
    assert_int_equal(dli_java_buckets(12, false), 16);
    assert_int_equal(dli_java_buckets(13, false), 32);
    assert_int_equal(dli_java_buckets(11, true), 16);
    assert_int_equal(dli_java_buckets(12, true), 32);
    assert_int_equal(dli_java_buckets(96, true), 256);
}

static void objects_and_arrays_are_laid_out_as_jackson_does(void **state)
{
    (void)state;
    struct dli_strbuf b;
    dli_strbuf_init(&b, NULL);
    struct dli_jackson j = { .b = &b };
    char a[] = "a", say[] = "say \"b\"", *names[] = { a, say };
    dli_jackson_open(&j, "x.Y");
    dli_jackson_key(&j, "empty");
    dli_jackson_open(&j, NULL);
    dli_jackson_close(&j);
    dli_jackson_texts(&j, "names", names, 2);
    dli_jackson_texts(&j, "none", NULL, 0);
    dli_jackson_doubles(&j, "v", (double[]){ 1, NAN }, 2);
    dli_jackson_ints(&j, "n", NULL, 0);
    dli_jackson_close(&j);
    expect(&b, "{\n  \"@class\" : \"x.Y\",\n  \"empty\" : { },\n  \"names\" : [ \"a\", \"say \\\"b\\\"\" ],\n  \"none\" : null,\n"
               "  \"v\" : [ 1.0, \"NaN\" ],\n  \"n\" : [ ]\n}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_as_javas_to_string),
        cmocka_unit_test(format_rounds_the_shortest_digits_half_up),
        cmocka_unit_test(names_are_padded_by_utf16_units),
        cmocka_unit_test(hash_maps_grow_at_three_quarters),
        cmocka_unit_test(objects_and_arrays_are_laid_out_as_jackson_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
