/* SPDX-License-Identifier: Apache-2.0 */
/* Names by pattern, walking through directories, removing them: of the local file system, and of one that knows little. */
#define _GNU_SOURCE
#include "fs/fs.h"
#include "memory_fs.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], before[4096];
static struct dl4c_error err;

static void save(const char *name) { assert_int_equal(dli_fs_save(NULL, name, "x", 1, &err), DL4C_OK); }

/* Tests work in a directory of their own: relative names are names too. */
static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dl4c-tree-XXXXXX");
    if (!getcwd(before, sizeof before) || !mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    dl4c_fs_mkdir(NULL, "d1/sub", NULL);
    dl4c_fs_mkdir(NULL, "d2", NULL);
    static const char *const names[] = { "a.jpg", "b.jpg", "c.png", ".hidden", "sp ace", "a*b", "axb", "q[1]", "100%25", "q?",
                                         "d1/a.jpg", "d1/x", "d1/sub/y", "d2/a.jpg", "\xC3\xA9.txt", "back\\slash" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        save(names[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return chdir(before) == 0 && dl4c_fs_remove_all(NULL, folder, NULL) == DL4C_OK ? 0 : -1;
}

static int gather(void *arg, const char *uri, const struct dl4c_fs_stat *st)
{
    assert_true(st->kind == DL4C_FS_FILE || st->kind == DL4C_FS_DIRECTORY);
    strcat(strcat(arg, uri), "|");
    return 0;
}

static void globs(const char *pattern, const char *want)
{
    char got[2000] = "";
    err.message[0] = '\0';
    const dl4c_status status = dl4c_fs_glob(NULL, pattern, gather, got, &err);
    if (status != DL4C_OK)
        print_error("%s: %s\n", pattern, err.message);
    assert_int_equal(status, DL4C_OK);
    assert_string_equal(got, want);
}

static void patterns_tell_sorted_names(void **state)
{
    (void)state;
    globs("*.jpg", "a.jpg|b.jpg|");
    globs("*.{png,jpg}", "a.jpg|b.jpg|c.png|");
    globs("{a,b,a}.jpg", "a.jpg|b.jpg|");
    globs("{a,none}.jpg", "a.jpg|");
    globs("d?", "d1|d2|");
    globs("d*/a.jpg", "d1/a.jpg|d2/a.jpg|");
    globs("*/*.jpg", "d1/a.jpg|d2/a.jpg|");
    globs("d*/", "d1|d2|");
    globs("./d[12]/a*", "./d1/a.jpg|./d2/a.jpg|");
    globs("{d1,d2}/a.jpg", "d1/a.jpg|d2/a.jpg|");
    globs("{d1/x,d2/a.jpg}", "d1/x|d2/a.jpg|");
    globs("d1/*/y", "d1/sub/y|");
    globs("d1//su[a-b]", "d1/sub|");
    globs(".h*", ".hidden|");
    globs("?.txt", "\xC3\xA9.txt|");
    globs("* *", "sp ace|");
}

static void whole_paths_and_uris_are_patterns_too(void **state)
{
    (void)state;
    char pattern[200], want[400];
    snprintf(pattern, sizeof pattern, "%s/*.png", folder);
    snprintf(want, sizeof want, "%s/c.png|", folder);
    globs(pattern, want);
    snprintf(pattern, sizeof pattern, "file://%s/sp%%20*", folder);
    snprintf(want, sizeof want, "file://%s/sp%%20ace|", folder);
    globs(pattern, want);
    snprintf(pattern, sizeof pattern, "file://%s/a%%2Ab", folder); /* a sign that is encoded is none */
    snprintf(want, sizeof want, "file://%s/a%%2Ab|", folder);
    globs(pattern, want);
    snprintf(pattern, sizeof pattern, "file://%s/10%%30%%25*", folder);
    snprintf(want, sizeof want, "file://%s/100%%2525|", folder);
    globs(pattern, want);
    snprintf(pattern, sizeof pattern, "file://%s/%%", folder);
    assert_int_equal(dl4c_fs_glob(NULL, pattern, gather, want, &err), DL4C_E_INVALID);
    globs("/tm[p]", "/tmp|");
}

static void a_name_stands_for_itself(void **state)
{
    (void)state;
    globs("a.jpg", "a.jpg|");
    globs("100%25", "100%25|");
    globs("a*b", "a*b|"); /* what is there goes before what it matches: shells hand over names, not patterns */
    globs("q[1]", "q[1]|");
    globs("q?", "q?|");
    globs("a\\*b", "a*b|");
    globs("a\\**", "a*b|");
    globs("back\\slash", "back\\slash|");
    globs("back\\\\sl*", "back\\slash|");
    globs("d1/", "d1/|");
}

static void what_matches_nothing_is_not_found(void **state)
{
    (void)state;
    char got[200] = "";
    static const char *const patterns[] = { "none", "*.gif", "none/*", "a.jpg/*", "*/none", "x\\*", "a.jp[a-f]", "*.jpg/" };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        assert_int_equal(dl4c_fs_glob(NULL, patterns[i], gather, got, &err), DL4C_E_NOTFOUND);
    assert_string_equal(got, "");
    assert_int_equal(dl4c_fs_glob(NULL, "", gather, got, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_glob(NULL, "a", NULL, got, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_glob(NULL, "none://h/*", gather, got, &err), DL4C_E_UNSUPPORTED);
}

static int stop(void *arg, const char *uri, const struct dl4c_fs_stat *st)
{
    gather(arg, uri, st);
    return 1;
}

static void a_callback_ends_it(void **state)
{
    (void)state;
    char got[200] = "";
    assert_int_equal(dl4c_fs_glob(NULL, "*.jpg", stop, got, &err), DL4C_OK);
    assert_string_equal(got, "a.jpg|");
}

static void a_hosts_file_system_is_searched(void **state)
{
    (void)state;
    static struct memory_fs fs;
    dl4c_context *ctx;
    char got[200] = "";
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &fs, memory_fs_release, &err), DL4C_OK);
    memory_fs_put(&fs, "h/a.x", "1", 1);
    memory_fs_put(&fs, "h/b.x", "1", 1);
    assert_int_equal(dl4c_fs_glob(ctx, "mem://h/?.x", gather, got, &err), DL4C_OK);
    assert_string_equal(got, "mem://h/a.x|mem://h/b.x|");
    fs.silent = DL4C_E_DENIED;
    assert_int_equal(dl4c_fs_glob(ctx, "mem://h/?.x", gather, got, &err), DL4C_E_DENIED);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
}

static int walked(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    gather(arg, name, st);
    return strcmp(name, "d1/sub") == 0 ? DL4C_FS_WALK_SKIP : strcmp(name, "d2") == 0 ? DL4C_FS_WALK_STOP : 0;
}

static void a_walk_tells_directories_before_what_is_in_them(void **state)
{
    (void)state;
    char got[2000] = "", uri[100];
    assert_int_equal(dl4c_fs_walk(NULL, "d1", gather, got, &err), DL4C_OK);
    assert_string_equal(got, "a.jpg|sub|sub/y|x|");
    snprintf(uri, sizeof uri, "file://%s", folder);
    got[0] = '\0';
    assert_int_equal(dl4c_fs_walk(NULL, uri, walked, got, &err), DL4C_OK);
    assert_non_null(strstr(got, "|d1|d1/a.jpg|d1/sub|d1/x|d2|"));
    assert_string_equal(strstr(got, "|d2|"), "|d2|");
    assert_int_equal(dl4c_fs_walk(NULL, "none", gather, got, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_walk(NULL, "a.jpg", gather, got, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_walk(NULL, "d1", NULL, got, &err), DL4C_E_INVALID);
}

static void a_link_back_ends_a_walk(void **state)
{
    (void)state;
    char got[2000] = "";
    assert_int_equal(symlink("..", "d1/sub/loop"), 0);
    assert_int_equal(dl4c_fs_walk(NULL, "d1", gather, got, &err), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "loop"));
    assert_int_equal(dl4c_fs_remove(NULL, "d1/sub/loop", &err), DL4C_OK);
}

static void all_of_a_directory_is_removed_and_links_are_not_followed(void **state)
{
    (void)state;
    char uri[100];
    assert_int_equal(dl4c_fs_mkdir(NULL, "r/s/t", &err), DL4C_OK);
    save("r/f");
    save("r/s/t/g");
    assert_int_equal(symlink("../d1", "r/s/link"), 0);
    assert_int_equal(symlink("d1", "top"), 0);
    assert_int_equal(dl4c_fs_remove_all(NULL, "top/", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove_all(NULL, "r", &err), DL4C_OK);
    assert_int_equal(access("r", F_OK), -1);
    assert_int_equal(access("top", F_OK), -1);
    assert_int_equal(access("d1/sub/y", F_OK), 0);
    save("one");
    snprintf(uri, sizeof uri, "file://%s/one", folder);
    assert_int_equal(dl4c_fs_remove_all(NULL, uri, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove_all(NULL, "one", &err), DL4C_E_NOTFOUND);
}

static void roots_are_not_removed(void **state)
{
    (void)state;
    static const char *const names[] = { "/", "//", ".", "..", "d1/..", "d1/.", "file:///", "/tmp/../",
                                         "webhdfs://h:1/", "webhdfs://h:1?user.name=a" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const dl4c_status status = dl4c_fs_remove_all(NULL, names[i], &err);
        assert_true(status == DL4C_E_INVALID || (status == DL4C_E_UNSUPPORTED && names[i][0] == 'w')); /* without libcurl */
    }
}

static void names_join_as_their_uris_are_written(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        { "d", "a b", "d/a b" },
        { "", "a", "a" },
        { "d/", "a%b", "d/a%b" },
        { "file:///d", "a b%/c", "file:///d/a%20b%25/c" },
        { "webhdfs://h:1/d?user.name=x", "q?", "webhdfs://h:1/d/q%3F?user.name=x" },
        { "webhdfs://h:1", "a+b", "webhdfs://h:1/a%2Bb" },
        { "mem://h/d", "a b", "mem://h/d/a b" },
    };
    static const char *const names[][2] = { { "d/a b", "a b" }, { "d/a/", "a" }, { "/", "" }, { "file:///a%20b", "a b" }, { "..", ".." },
                                            { "webhdfs://h/d/q%3F?user.name=x", "q?" }, { "webhdfs://h", "" },
                                            { "mem://h/a%20b", "a%20b" } };
    char *got;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(dl4c_fs_join(NULL, rows[i][0], rows[i][1], &got, &err), DL4C_OK);
        assert_string_equal(got, rows[i][2]);
        dl4c_free(got);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(dl4c_fs_base_name(NULL, names[i][0], &got, &err), DL4C_OK);
        assert_string_equal(got, names[i][1]);
        dl4c_free(got);
    }
    assert_int_equal(dl4c_fs_base_name(NULL, "", &got, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_join(NULL, NULL, "a", &got, &err), DL4C_E_INVALID);
}

static dl4c_status all_calls(dl4c_context *ctx, void *arg, struct dl4c_error *e)
{
    char got[2000] = "";
    dl4c_status status = dl4c_fs_glob(ctx, "{d*,*}/a.jpg", gather, got, e);
    if (status == DL4C_OK)
        status = dl4c_fs_walk(ctx, "d1", gather, arg ? arg : got, e);
    if (status == DL4C_OK)
        status = dl4c_fs_remove_all(ctx, "none", e) == DL4C_E_NOTFOUND ? DL4C_OK : DL4C_E_NOMEM;
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(all_calls, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_tell_sorted_names),
        cmocka_unit_test(whole_paths_and_uris_are_patterns_too),
        cmocka_unit_test(a_name_stands_for_itself),
        cmocka_unit_test(what_matches_nothing_is_not_found),
        cmocka_unit_test(a_callback_ends_it),
        cmocka_unit_test(a_hosts_file_system_is_searched),
        cmocka_unit_test(a_walk_tells_directories_before_what_is_in_them),
        cmocka_unit_test(a_link_back_ends_a_walk),
        cmocka_unit_test(all_of_a_directory_is_removed_and_links_are_not_followed),
        cmocka_unit_test(roots_are_not_removed),
        cmocka_unit_test(names_join_as_their_uris_are_written),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
