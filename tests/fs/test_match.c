/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns against names, without files. */
#include "fs/match.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void matches(const char *pattern, const char *name, bool want)
{
    if (dli_match(pattern, name) != want)
        print_error("\"%s\" and \"%s\"\n", pattern, name);
    assert_int_equal(dli_match(pattern, name), want);
}

static void stars_stand_for_any_text(void **state)
{
    (void)state;
    matches("*", "a", true);
    matches("*", "", true);
    matches("a*", "a", true);
    matches("a*c", "abcbc", true);
    matches("a*c", "abcb", false);
    matches("*.jpg", "x.jpg", true);
    matches("*.jpg", "x.jpg.png", false);
    matches("*a*b*", "xxayyb", true);
    matches("**", "abc", true);
    matches("", "a", false);
    matches("a", "", false);
}

static void a_question_mark_is_one_character(void **state)
{
    (void)state;
    matches("?", "a", true);
    matches("?", "", false);
    matches("?", "ab", false);
    matches("?", "\xC3\xA9", true); /* one of two bytes */
    matches("??", "\xC3\xA9", false);
    matches("?", "\xFF", true); /* a byte that is no UTF-8 */
    matches("x?y", "x\xF0\x9F\x98\x80y", true);
}

static void brackets_are_sets(void **state)
{
    (void)state;
    matches("[abc]", "b", true);
    matches("[abc]", "d", false);
    matches("[a-c]x", "bx", true);
    matches("[!a-c]", "b", false);
    matches("[^a-c]", "d", true);
    matches("[]]", "]", true);
    matches("[!]]", "]", false);
    matches("[a-]", "-", true);
    matches("[\\]a]", "]", true);
    matches("[\xC3\xA0-\xC3\xBF]", "\xC3\xA9", true);
    matches("[a", "[a", true); /* never closed: itself */
    matches("[a", "a", false);
    matches("img[0-9][0-9].jpg", "img07.jpg", true);
}

static void a_backslash_makes_signs_plain(void **state)
{
    (void)state;
    char text[] = "a\\*b\\\\c\\d\\{";
    matches("a\\*b", "a*b", true);
    matches("a\\*b", "axb", false);
    matches("a\\b", "a\\b", true); /* before others it stands for itself */
    matches("a\\\\b", "a\\b", true);
    dli_match_plain(text);
    assert_string_equal(text, "a*b\\c\\d{");
    assert_true(dli_match_has_signs("a?b"));
    assert_false(dli_match_has_signs("a\\?b"));
    assert_false(dli_match_has_signs("a{b"));
}

static void names_that_begin_with_a_dot_need_one(void **state)
{
    (void)state;
    matches("*", ".a", false);
    matches("?a", ".a", false);
    matches("[.]a", ".a", false);
    matches(".*", ".a", true);
    matches("a*", "a.b", true);
}

static void many_stars_end_soon(void **state)
{
    (void)state;
    char pattern[201], name[5001];
    for (int i = 0; i < 200; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[200] = '\0';
    memset(name, 'a', 5000);
    name[4999] = 'b';
    name[5000] = '\0';
    matches(pattern, name, false);
}

static void expands(const char *pattern, const char *const *want)
{
    struct dli_match_list l;
    assert_int_equal(dli_match_expand(NULL, pattern, &l, NULL), DL4C_OK);
    size_t n = 0;
    while (want[n])
        n++;
    assert_int_equal(l.n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(l.text[i], want[i]);
    dli_match_list_free(&l);
}

static void braces_stand_for_each_text(void **state)
{
    (void)state;
    expands("a", (const char *const[]){ "a", NULL });
    expands("x{a,b}y", (const char *const[]){ "xay", "xby", NULL });
    expands("{a,b}{1,2}", (const char *const[]){ "a1", "a2", "b1", "b2", NULL });
    expands("{a,b{c,d}}", (const char *const[]){ "a", "bc", "bd", NULL });
    expands("{a,,b}", (const char *const[]){ "a", "", "b", NULL });
    expands("{a}", (const char *const[]){ "{a}", NULL });
    expands("{a", (const char *const[]){ "{a", NULL });
    expands("a}", (const char *const[]){ "a}", NULL });
    expands("\\{a,b}", (const char *const[]){ "\\{a,b}", NULL });
    expands("{a\\,b,c}", (const char *const[]){ "a\\,b", "c", NULL });
    expands("{a,b/c}/d", (const char *const[]){ "a/d", "b/c/d", NULL });
    expands("{{a,b}}", (const char *const[]){ "{a}", "{b}", NULL });
}

static void braces_without_end_are_a_limit(void **state)
{
    (void)state;
    struct dli_match_list l;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dli_match_expand(NULL, "{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}", &l, &err), DL4C_OK);
    assert_int_equal(l.n, DLI_MATCH_MOST);
    dli_match_list_free(&l);
    assert_int_equal(dli_match_expand(NULL, "{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}", &l, &err), DL4C_E_LIMIT);
    dli_match_list_free(&l);
}

static dl4c_status expand_all(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dli_match_list l;
    (void)arg;
    const dl4c_status status = dli_match_expand(ctx, "{a,b{c,d},e}{f,g}", &l, err);
    dli_match_list_free(&l);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(expand_all, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_stand_for_any_text),
        cmocka_unit_test(a_question_mark_is_one_character),
        cmocka_unit_test(brackets_are_sets),
        cmocka_unit_test(a_backslash_makes_signs_plain),
        cmocka_unit_test(names_that_begin_with_a_dot_need_one),
        cmocka_unit_test(many_stars_end_soon),
        cmocka_unit_test(braces_stand_for_each_text),
        cmocka_unit_test(braces_without_end_are_a_limit),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
