/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are the same under a locale whose decimal point is a comma. */
#include "base/attrs.h"
#include "base/number.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void numbers_have_a_point_where_the_host_has_a_comma(void **state)
{
    (void)state;
    char text[64];
    double v = 0;
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_not_equal(text, "0.5");
    assert_string_equal(dli_number(text, sizeof text, "%.3f", 1234.5), "1234.500");
    assert_string_equal(dli_number_shortest(text, sizeof text, 0.1), "0.1");
    assert_string_equal(dli_number_shortest_f32(text, sizeof text, 1e-3f), "0.001");
    assert_true(dli_parse_double("1234.5", 6, &v));
    assert_true(v == 1234.5);
    assert_false(dli_parse_double("1234,5", 6, &v));
    assert_true(dli_parse_double("-.5e1", 5, &v));
    assert_true(v == -5);
}

static void text_of_attributes_reads_back(void **state)
{
    (void)state;
    struct values {
        double rate;
        struct dli_float_list list;
    } values;
    static const struct dli_attr table[] = {
        { .name = "rate", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct values, rate), .doc = "a rate" },
        { .name = "list", .type = DL4C_ATTR_FLOATS, .offset = offsetof(struct values, list), .doc = "several" },
        { 0 },
    };
    const struct dli_attr_set set = { table, &values };
    struct dli_spec spec;
    struct dli_strbuf out;
    char *text;
    assert_int_equal(dli_spec_parse(NULL, "x:rate=0.25,list=0.5;1.5", &spec, NULL), DL4C_OK);
    assert_int_equal(dli_attrs_read(NULL, "x", &set, 1, spec.attrs, spec.n_attrs, NULL), DL4C_OK);
    assert_true(values.rate == 0.25);
    assert_true(values.list.v[1] == 1.5);
    dli_spec_free(&spec);
    dli_strbuf_init(&out, NULL);
    dli_attrs_print(table, &values, &out);
    dli_strbuf_num(&out, " %.2f", 2.5);
    assert_int_equal(dli_strbuf_take(&out, &text, NULL), DL4C_OK);
    assert_string_equal(text, ":rate=0.25,list=0.5;1.5 2.50");
    dli_free(text);
}

int main(void)
{
    static const char *const known[] = { "", "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "es_ES.UTF-8", "it_IT.UTF-8" };
    char text[16] = "";
    for (size_t i = 0; i < sizeof known / sizeof *known && strcmp(text, "0,5") != 0; i++)
        if (setlocale(LC_ALL, known[i]))
            snprintf(text, sizeof text, "%.1f", 0.5);
    if (strcmp(text, "0,5") != 0) {
        puts("skipped: no locale with a decimal comma is installed (de_DE.UTF-8 is one)");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_a_point_where_the_host_has_a_comma),
        cmocka_unit_test(text_of_attributes_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
