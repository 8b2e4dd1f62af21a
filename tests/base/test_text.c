/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text under every locale, text that grows, text inside XML and JSON. */
#include "base/escape.h"
#include "base/number.h"
#include "support/fail_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Every test here holds under the locale of the environment, which scripts/test makes one with a decimal comma. */
static void numbers_print_with_a_point(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(dli_number(text, sizeof text, "%.3f", -1234.5), "-1234.500");
    assert_string_equal(dli_number(text, sizeof text, "%.3e", 0.5), "5.000e-01");
    assert_string_equal(dli_number(text, sizeof text, "%.17g", 0.1), "0.10000000000000001");
    assert_string_equal(dli_number(text, sizeof text, "%g", NAN), "NaN");
    assert_string_equal(dli_number(text, sizeof text, "%g", INFINITY), "Infinity");
    assert_string_equal(dli_number(text, sizeof text, "%g", -INFINITY), "-Infinity");
    assert_string_equal(DLI_NUM(0.25), "0.25");
}

static void the_shortest_text_reads_back_to_the_bit(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        { 0.1, "0.1" }, { 1.0, "1" }, { -0.0, "-0" }, { 1.0 / 3, "0.3333333333333333" }, { 1e300, "1e+300" }, { 5e-324, "5e-324" }
    };
    char text[40];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double back = 7;
        assert_string_equal(dli_number_shortest(text, sizeof text, cases[i].v), cases[i].text);
        if (cases[i].v > 1e-300) { /* denormals and -0 print, but parsing need not take them */
            assert_true(dli_parse_double(text, strlen(text), &back));
            assert_true(back == cases[i].v);
        }
    }
    assert_string_equal(dli_number_shortest_f32(text, sizeof text, 0.1f), "0.1");
    assert_string_equal(dli_number_shortest_f32(text, sizeof text, 16777216.0f), "16777216");
}

static void parsing_takes_all_of_a_number_or_nothing(void **state)
{
    (void)state;
    static const char *const good[] = { "1", "-1.5", "+2", ".5", "5.", "1e3", "1E-3", "00.50" };
    static const double values[] = { 1, -1.5, 2, 0.5, 5, 1000, 0.001, 0.5 };
    static const char *const bad[] = { "", " 1", "1 ", "1,5", "0x10", "nan", "inf", "1e", "e5", ".", "-", "1.2.3", "1e999", "--1", "1a" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double v = 7;
        assert_true(dli_parse_double(good[i], strlen(good[i]), &v));
        assert_true(v == values[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double v = 7;
        if (dli_parse_double(bad[i], strlen(bad[i]), &v))
            fail_msg("\"%s\" was read as a number", bad[i]);
        assert_true(v == 7);
    }
    double v = 7;
    assert_true(dli_parse_double("12345", 3, &v)); /* n counts, not the NUL */
    assert_true(v == 123);
    char longer[300];
    memset(longer, '1', sizeof longer);
    assert_false(dli_parse_double(longer, sizeof longer, &v));
}

static void integers_keep_their_range(void **state)
{
    (void)state;
    int64_t v = 7;
    assert_true(dli_parse_i64("-9223372036854775808", 20, &v) && v == INT64_MIN);
    assert_true(dli_parse_i64("9223372036854775807", 19, &v) && v == INT64_MAX);
    assert_true(dli_parse_i64("+12x", 3, &v) && v == 12);
    v = 7;
    assert_false(dli_parse_i64("9223372036854775808", 19, &v));
    assert_false(dli_parse_i64("-9223372036854775809", 20, &v));
    assert_false(dli_parse_i64("", 0, &v));
    assert_false(dli_parse_i64("-", 1, &v));
    assert_false(dli_parse_i64("1.0", 3, &v));
    assert_int_equal(v, 7);
}

static void text_grows_and_is_handed_over(void **state)
{
    (void)state;
    struct dli_strbuf b;
    char *text = NULL, longer[1000];
    dli_strbuf_init(&b, NULL);
    assert_int_equal(dli_strbuf_take(&b, &text, NULL), DL4C_OK);
    assert_string_equal(text, "");
    dl4c_free(text);
    memset(longer, 'z', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    dli_strbuf_add(&b, "a");
    dli_strbuf_addc(&b, 'b');
    dli_strbuf_addn(&b, "cdef", 2);
    dli_strbuf_pad(&b, '-', 3);
    dli_strbuf_addf(&b, "%d|%s|", 7, longer);
    dli_strbuf_num(&b, "%.2f", 0.5);
    assert_int_equal(dli_strbuf_take(&b, &text, NULL), DL4C_OK);
    assert_int_equal(strlen(text), 7 + 2 + 999 + 1 + 4);
    assert_int_equal(strncmp(text, "abcd---7|zzz", 12), 0);
    assert_string_equal(text + strlen(text) - 6, "z|0.50");
    assert_null(b.text); /* empty again */
    dl4c_free(text);
}

static dl4c_status build(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    struct dli_strbuf b;
    char *text = (char *)&b;
    dli_strbuf_init(&b, ctx);
    for (int i = 0; i < 100; i++)
        dli_strbuf_addf(&b, "%d and some more words, ", i);
    const dl4c_status status = dli_strbuf_take(&b, &text, err);
    assert_true((status == DL4C_OK) == (text != NULL));
    dl4c_free(text);
    return status;
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(build, NULL) > 3);
}

static void malformed_utf8_is_replaced_byte_by_byte(void **state)
{
    (void)state;
#define GONE "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80" },
        { "\x80x", GONE "x" },
        { "\xC3", GONE },                            /* cut short by the end */
        { "\xE2\x82", GONE GONE },                   /* also one byte later */
        { "\xC0\x80", GONE GONE },                   /* overlong */
        { "\xED\xA0\x80", GONE GONE GONE },          /* a surrogate */
        { "\xF4\x90\x80\x80", GONE GONE GONE GONE }, /* above U+10FFFF */
        { "\xFFz", GONE "z" },
        { "\x01\x1f\x7f", GONE GONE "\x7f" }, /* XML holds no control character below a blank */
        { "\xEF\xBF\xBF", GONE },             /* nor U+FFFF */
        { "<a href='x'>&\"\t\n\r", "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&#9;&#10;&#13;" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dli_strbuf b;
        char *text = NULL;
        dli_strbuf_init(&b, NULL);
        dli_strbuf_xml(&b, cases[i].in);
        assert_int_equal(dli_strbuf_take(&b, &text, NULL), DL4C_OK);
        assert_string_equal(text, cases[i].out);
        dl4c_free(text);
    }
}

static void json_strings_and_numbers_are_valid(void **state)
{
    (void)state;
    struct dli_strbuf b;
    char *text = NULL;
    dli_strbuf_init(&b, NULL);
    dli_strbuf_json(&b, "\"\\/\n\t\r\x01\x7f\xC3\xA9\xFF");
    dli_strbuf_addc(&b, ' ');
    dli_strbuf_json_num(&b, 0.1);
    dli_strbuf_addc(&b, ' ');
    dli_strbuf_json_num(&b, NAN);
    dli_strbuf_addc(&b, ' ');
    dli_strbuf_json_num(&b, -INFINITY);
    assert_int_equal(dli_strbuf_take(&b, &text, NULL), DL4C_OK);
    assert_string_equal(text, "\"\\\"\\\\/\\n\\t\\r\\u0001\x7f\xC3\xA9" GONE "\" 0.1 null null");
    dl4c_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_with_a_point),
        cmocka_unit_test(the_shortest_text_reads_back_to_the_bit),
        cmocka_unit_test(parsing_takes_all_of_a_number_or_nothing),
        cmocka_unit_test(integers_keep_their_range),
        cmocka_unit_test(text_grows_and_is_handed_over),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(malformed_utf8_is_replaced_byte_by_byte),
        cmocka_unit_test(json_strings_and_numbers_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
