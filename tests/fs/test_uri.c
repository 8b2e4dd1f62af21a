/* SPDX-License-Identifier: Apache-2.0 */
/* URIs into scheme, authority and path, and back. */
#include "fs/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void every_form_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *scheme, *authority, *path;
    } cases[] = {
        { "a/b", "file", "", "a/b" },
        { "/a b%20", "file", "", "/a b%20" },
        { "C:/x", "file", "", "C:/x" },
        { "://x", "file", "", "://x" },
        { "1a://x", "file", "", "1a://x" },
        { "a:b", "file", "", "a:b" },
        { "file:///a%20b%2F%c3%a9", "file", "", "/a b/\xc3\xa9" },
        { "file://localhost/x", "file", "", "/x" },
        { "FILE:///x", "file", "", "/x" },
        { "file://", "file", "", "/" },
        { "webhdfs://host:9870/a/b%20c?x#y", "webhdfs", "host:9870", "/a/b%20c?x#y" },
        { "WebHDFS://h", "webhdfs", "h", "/" },
        { "mem:///x", "mem", "", "/x" },
        { "a+b-c.d://x/", "a+b-c.d", "x", "/" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dli_uri u;
        assert_int_equal(dli_uri_parse(NULL, cases[i].uri, &u, NULL), DL4C_OK);
        assert_string_equal(u.scheme, cases[i].scheme);
        assert_string_equal(u.authority, cases[i].authority);
        assert_string_equal(u.path, cases[i].path);
        dli_uri_free(&u);
    }
}

static void what_is_no_uri_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "file://host/x", "file:///a%2", "file:///a%", "file:///%zz", "file:///a%00b" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_uri u;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(dli_uri_parse(NULL, wrong[i], &u, &err), DL4C_E_INVALID);
        assert_null(u.text);
    }
    assert_int_equal(dli_uri_parse(NULL, NULL, &u, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "the path is NULL, wanted a path or scheme://authority/path");
}

static void check_join(const char *directory, const char *name, const char *want)
{
    char *joined;
    assert_int_equal(dli_uri_join(NULL, directory, name, &joined, NULL), DL4C_OK);
    assert_string_equal(joined, want);
    dli_free(joined);
}

static void joining_encodes_only_where_decoding_follows(void **state)
{
    (void)state;
    check_join("a", "b c%", "a/b c%");
    check_join("a/", "b", "a/b");
    check_join("", "b", "b");
    check_join("mem://h/x", "b c%", "mem://h/x/b c%");
    check_join("file:///x", "b c%\xc3\xa9~-_.z", "file:///x/b%20c%25%C3%A9~-_.z");
    check_join("file:///x/", "y/z", "file:///x/y/z");
}

static void the_name_is_the_last_component(void **state)
{
    (void)state;
    assert_string_equal(dli_uri_name("a/b.npy"), "b.npy");
    assert_string_equal(dli_uri_name("b.npy"), "b.npy");
    assert_string_equal(dli_uri_name("a/"), "");
    assert_string_equal(dli_uri_name("mem://host/a/b"), "b");
    assert_string_equal(dli_uri_name("mem://host"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_taken_apart),
        cmocka_unit_test(what_is_no_uri_is_refused),
        cmocka_unit_test(joining_encodes_only_where_decoding_follows),
        cmocka_unit_test(the_name_is_the_last_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
