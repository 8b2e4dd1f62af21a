/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of numbers without a JSON parser: what is read is what the parser reads, to the bit, and nothing else is. */
#include "base/number.h"
#include "monitor/flat.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -1 and no more, or the parser's own members. */
static int like_the_parser(const char *text, size_t n)
{
    struct dli_flat f[DLI_FLAT_MOST];
    const int count = dli_flat_parse(text, n, f);
    if (count < 0)
        return count;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    if (!json_is_object(root) || json_object_size(root) != (size_t)count)
        fail_msg("\"%s\" is no such object", text);
    for (int i = 0; i < count; i++) {
        char key[256];
        snprintf(key, sizeof key, "%.*s", (int)f[i].n, f[i].key);
        json_t *v = json_object_get(root, key);
        const double is = json_number_value(v);
        if (json_is_null(v) ? !isnan(f[i].v) : !json_is_number(v) || memcmp(&is, &f[i].v, sizeof is) != 0)
            fail_msg("%s of %s is read as %.17g", key, text, f[i].v);
    }
    json_decref(root);
    return count;
}

static void lines_of_a_record_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int count;
    } cases[] = {
        { "{\"time\": 1795402445.428123, \"epoch\": 1, \"round\": null, \"iteration\": 9, \"score\": 0.69314718055994529, \"rate\": "
          "1234.5}",
          6 },
        { "{}", 0 },
        { " {\t\"a\" :\r1 } \n", 1 },
        { "{\"a\": -0, \"b\": -0.0, \"c\": 0e0, \"d\": 1E+2, \"e\": 1e-2}", 5 },
        { "{\"a\": 9007199254740992, \"b\": 9007199254740993, \"c\": 0.1, \"d\": 123456789012345678901234567890}", 4 },
        { "{\"a\": 0.00000000000000000000001, \"b\": 0.0000000000000000000001}", 2 },
        { "{\"\": 1}", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(like_the_parser(cases[i].text, strlen(cases[i].text)), cases[i].count);
}

static void everything_else_is_left_to_the_parser(void **state)
{
    (void)state;
    static const char *const others[] = { "",
                                          "{",
                                          "[]",
                                          "{\"a\"}",
                                          "{\"a\":}",
                                          "{\"a\":1,}",
                                          "{,}",
                                          "{\"a\":01}",
                                          "{\"a\":+1}",
                                          "{\"a\":.5}",
                                          "{\"a\":5.}",
                                          "{\"a\":1e}",
                                          "{\"a\":1e999}",
                                          "{\"a\":NaN}",
                                          "{\"a\":-}",
                                          "{\"a\":0x1}",
                                          "{\"a\":\"b\"}",
                                          "{\"a\":[]}",
                                          "{\"a\":true}",
                                          "{\"a\":1}x",
                                          "{\"a\":1}{}",
                                          "{\"a\":1,\"a\":2}",
                                          "{\"\\u0061\":1}",
                                          "{\"\xc3\xa4\":1}",
                                          "{'a':1}",
                                          "{\"a\":1 \"b\":2}",
                                          "{\"a\":nul}",
                                          "{\"a\":1,,\"b\":2}",
                                          "{\"a\n\":1}" };
    struct dli_flat f[DLI_FLAT_MOST];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (dli_flat_parse(others[i], strlen(others[i]), f) != -1)
            fail_msg("\"%s\" is taken", others[i]);
    assert_int_equal(dli_flat_parse("{\"a\":1}\0 ", 9, f), -1); /* a NUL is no end */
    char many[512] = "{";
    for (int i = 0; i <= DLI_FLAT_MOST; i++)
        snprintf(many + strlen(many), 16, "%s\"k%d\":1", i ? "," : "", i);
    strcat(many, "}");
    assert_int_equal(dli_flat_parse(many, strlen(many), f), -1);
}

static void numbers_are_the_parsers_to_the_bit(void **state)
{
    (void)state;
    static const char *const formats[] = { "%.17g", "%.6g", "%.6f", "%.16g", "%.15g" };
    struct dli_rng rng;
    char text[512], number[400];
    dli_rng_init(&rng, 1, DLI_STREAM_SPLIT);
    for (int i = 0; i < 20000; i++) {
        const double v = (dli_rng_uniform(&rng) - 0.3) * pow(10, (double)dli_rng_below(&rng, 30) - 12);
        snprintf(text, sizeof text, "{\"v\": %s}", dli_number(number, sizeof number, formats[i % 5], v)); /* with a point in every locale */
        assert_int_equal(like_the_parser(text, strlen(text)), 1);
    }
}

/* One byte of a good line is another: whatever is taken then, the parser takes too. */
static void damaged_lines_are_judged_alike(void **state)
{
    (void)state;
    static const char line[] = "{\"time\": 17.5, \"epoch\": 1, \"round\": null, \"score\": -0.25e-3, \"rate\": 100}";
    int taken = 0;
    for (size_t at = 0; at < sizeof line - 1; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof line];
            memcpy(text, line, sizeof line);
            text[at] = (char)byte;
            taken += like_the_parser(text, sizeof line - 1) >= 0;
        }
    assert_in_range(taken, 1000, 10000); /* most changes of keys and digits are good lines */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_record_are_read),
        cmocka_unit_test(everything_else_is_left_to_the_parser),
        cmocka_unit_test(numbers_are_the_parsers_to_the_bit),
        cmocka_unit_test(damaged_lines_are_judged_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
