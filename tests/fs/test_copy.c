/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files and trees between local directories, and a host's file system that fails on demand. */
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
static struct dl4c_fs_copied n;

static void save(const char *name, const char *text) { assert_int_equal(dli_fs_save(NULL, name, text, strlen(text), &err), DL4C_OK); }

static void holds(const char *name, const char *text)
{
    char *bytes;
    size_t size;
    assert_int_equal(dli_fs_load(NULL, name, 1 << 20, &bytes, &size, &err), DL4C_OK);
    assert_string_equal(bytes, text);
    dli_free(bytes);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dl4c-copy-XXXXXX");
    if (!getcwd(before, sizeof before) || !mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    dl4c_fs_mkdir(NULL, "src/sub/deep", NULL);
    dl4c_fs_mkdir(NULL, "src/empty", NULL);
    save("src/a", "one");
    save("src/b c%", "two");
    save("src/sub/a", "three");
    save("src/sub/deep/.d", "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return chdir(before) == 0 && dl4c_fs_remove_all(NULL, folder, NULL) == DL4C_OK ? 0 : -1;
}

static dl4c_status copy(const char *from, const char *to, uint64_t flags)
{
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    o.flags = flags;
    o.threads = 3;
    n = (struct dl4c_fs_copied)DL4C_FS_COPIED_INIT;
    return dl4c_fs_copy(NULL, &from, 1, to, &o, &n, &err);
}

static void counted(int64_t files, int64_t skipped, int64_t failed)
{
    assert_int_equal(n.n_files, files);
    assert_int_equal(n.n_skipped, skipped);
    assert_int_equal(n.n_failed, failed);
}

static void a_tree_becomes_the_name_or_goes_inside_it(void **state)
{
    (void)state;
    struct dl4c_fs_summary s = DL4C_FS_SUMMARY_INIT;
    assert_int_equal(copy("src", "new", DL4C_FS_COPY_SYNC), DL4C_OK);
    counted(4, 0, 0);
    assert_int_equal(n.n_directories, 4);
    assert_int_equal(n.size_bytes, 11);
    holds("new/b c%", "two");
    holds("new/sub/a", "three");
    holds("new/sub/deep/.d", "");
    assert_int_equal(dl4c_fs_get_summary(NULL, "new", &s, &err), DL4C_OK);
    assert_int_equal(s.n_files, 4);
    assert_int_equal(s.n_directories, 4);
    assert_int_equal(copy("src", "new", 0), DL4C_OK);
    counted(4, 0, 0);
    holds("new/src/sub/a", "three");
    assert_int_equal(copy("src/.", "new/dot", 0), DL4C_OK);
    assert_int_equal(copy("src/a", "new/dot", DL4C_FS_COPY_OVERWRITE), DL4C_OK);
    assert_int_equal(copy("src/.", "new/empty", 0), DL4C_OK); /* of "." what is in it */
    holds("new/empty/a", "one");
    assert_int_equal(dl4c_fs_remove_all(NULL, "new", &err), DL4C_OK);
}

static void a_file_becomes_the_name_or_goes_inside_it(void **state)
{
    (void)state;
    char uri[100];
    assert_int_equal(copy("src/a", "f", 0), DL4C_OK);
    holds("f", "one");
    assert_int_equal(dl4c_fs_mkdir(NULL, "g h", &err), DL4C_OK);
    snprintf(uri, sizeof uri, "file://%s/g%%20h", folder);
    assert_int_equal(copy("src/b c%", uri, 0), DL4C_OK);
    holds("g h/b c%", "two");
    assert_int_equal(copy("src/a", "none/f", 0), DL4C_E_NOTFOUND);
    assert_int_equal(copy("none", "f2", 0), DL4C_E_NOTFOUND);
    counted(0, 0, 1);
    assert_int_equal(dl4c_fs_remove(NULL, "f", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove_all(NULL, "g h", &err), DL4C_OK);
}

static void several_sources_want_a_directory_and_names_of_their_own(void **state)
{
    (void)state;
    const char *const two[] = { "src/a", "src/sub" }, *const same[] = { "src/a", "src/sub/a" };
    assert_int_equal(dl4c_fs_copy(NULL, two, 2, "many", NULL, &n, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_copy(NULL, two, 2, "src/a", NULL, &n, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_mkdir(NULL, "many", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_copy(NULL, two, 2, "many", NULL, &n, &err), DL4C_OK);
    counted(3, 0, 0);
    holds("many/a", "one");
    holds("many/sub/a", "three");
    assert_int_equal(dl4c_fs_copy(NULL, same, 2, "many", NULL, &n, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "\"a\""));
    assert_int_equal(dl4c_fs_remove_all(NULL, "many", &err), DL4C_OK);
}

static void what_is_there_stays_unless_it_is_to_go(void **state)
{
    (void)state;
    assert_int_equal(copy("src", "there", 0), DL4C_OK);
    save("there/a", "other");
    assert_int_equal(copy("src/.", "there", 0), DL4C_E_EXISTS);
    counted(0, 0, 4);
    assert_non_null(strstr(err.message, "4 of 4 could not be copied, the first: "));
    holds("there/a", "other");
    assert_int_equal(copy("src/.", "there", DL4C_FS_COPY_OVERWRITE), DL4C_OK);
    counted(4, 0, 0);
    holds("there/a", "one");
    assert_int_equal(dl4c_fs_remove_all(NULL, "there", &err), DL4C_OK);
}

static void set_time(const char *name, int64_t ms)
{
    struct dl4c_fs_change c = DL4C_FS_CHANGE_INIT;
    c.what = DL4C_FS_CHANGE_TIMES;
    c.mtime_ms = ms;
    assert_int_equal(dl4c_fs_set(NULL, name, &c, &err), DL4C_OK);
}

static void resuming_leaves_what_has_the_size_and_is_no_older(void **state)
{
    (void)state;
    assert_int_equal(copy("src", "back", 0), DL4C_OK);
    assert_int_equal(copy("src/.", "back", DL4C_FS_COPY_RESUME), DL4C_OK);
    counted(0, 4, 0);
    assert_int_equal(dl4c_fs_remove(NULL, "back/sub/a", &err), DL4C_OK);
    save("back/a", "on");       /* another size */
    save("back/b c%", "TWO");   /* the size, and older than the source */
    set_time("back/b c%", 1000000000000);
    assert_int_equal(copy("src/.", "back", DL4C_FS_COPY_RESUME), DL4C_OK);
    counted(3, 1, 0);
    holds("back/a", "one");
    holds("back/b c%", "two");
    save("back/a", "ONE"); /* newer: only its bytes tell */
    assert_int_equal(copy("src/.", "back", DL4C_FS_COPY_RESUME), DL4C_OK);
    counted(0, 4, 0);
    assert_int_equal(copy("src/.", "back", DL4C_FS_COPY_RESUME | DL4C_FS_COPY_CHECKSUM), DL4C_OK);
    counted(1, 3, 0);
    holds("back/a", "one");
    assert_int_equal(dl4c_fs_remove_all(NULL, "back", &err), DL4C_OK);
}

static void copies_get_the_time_of_the_source_where_wanted(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    set_time("src/a", 1234567890123);
    assert_int_equal(copy("src/a", "timed", DL4C_FS_COPY_TIMES), DL4C_OK);
    assert_int_equal(dl4c_fs_stat_uri(NULL, "timed", &st, &err), DL4C_OK);
    assert_int_equal(st.mtime_ms, 1234567890123);
    assert_int_equal(dl4c_fs_remove(NULL, "timed", &err), DL4C_OK);
}

static int told;
static char last_to[200];

static int on_failure(void *user, const char *from, const char *to, const struct dl4c_error *why)
{
    assert_non_null(from);
    assert_true(why->status != DL4C_OK);
    snprintf(last_to, sizeof last_to, "%s", to);
    return user && ++told >= *(int *)user;
}

static void one_that_fails_is_told_and_the_others_go_on(void **state)
{
    (void)state;
    int most = 100;
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    const char *const from = "src";
    told = 0;
    assert_int_equal(symlink("nowhere", "src/sub/gone"), 0);
    o.failed = on_failure;
    o.failed_user = &most;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "most", &o, &n, &err), DL4C_E_INVALID);
    counted(4, 0, 1);
    assert_int_equal(told, 1);
    assert_string_equal(last_to, "most/sub/gone");
    assert_int_equal(dl4c_fs_remove_all(NULL, "most", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_mkdir(NULL, "most", &err), DL4C_OK);
    save("most/src", "in the way");
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "most", &o, &n, &err), DL4C_E_EXISTS);
    counted(0, 0, 1);
    told = 0;
    most = 1; /* the callback ends it */
    assert_int_equal(dl4c_fs_remove(NULL, "most/src", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "most", &o, &n, &err), DL4C_E_CANCELLED);
    assert_int_equal(n.n_files, 0);
    assert_int_equal(dl4c_fs_remove_all(NULL, "most", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove(NULL, "src/sub/gone", &err), DL4C_OK);
}

static void a_hundred_failures_in_a_row_are_enough(void **state)
{
    (void)state;
    char name[40];
    assert_int_equal(dl4c_fs_mkdir(NULL, "w", &err), DL4C_OK);
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "w/%d", i);
        save(name, "x");
    }
    assert_int_equal(copy("w", "w2", 0), DL4C_OK);
    counted(150, 0, 0);
    assert_int_equal(copy("w/.", "w2", 0), DL4C_E_EXISTS);
    assert_non_null(strstr(err.message, "gave up after 100 failures in a row"));
    assert_in_range(n.n_failed, 100, 103);
    assert_int_equal(dl4c_fs_remove_all(NULL, "w", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove_all(NULL, "w2", &err), DL4C_OK);
}

/* A file system whose writing says that there is no room, after so many files. */
static _Atomic int room;

static dl4c_status no_room(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *e)
{
    (void)user;
    (void)file;
    (void)bytes;
    (void)size;
    (void)e;
    return room-- > 0 ? DL4C_OK : DL4C_E_FULL;
}

static dl4c_status little_create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *e)
{
    (void)authority;
    (void)path;
    (void)e;
    *file = user;
    return DL4C_OK;
}

static dl4c_status little_commit(void *user, void *file, struct dl4c_error *e)
{
    (void)user;
    (void)file;
    (void)e;
    return DL4C_OK;
}

static void little_abandon(void *user, void *file)
{
    (void)user;
    (void)file;
}

static dl4c_status little_mkdir(void *user, const char *authority, const char *path, struct dl4c_error *e)
{
    (void)user;
    (void)authority;
    (void)path;
    (void)e;
    return DL4C_OK;
}

static void a_target_without_room_ends_it_at_once(void **state)
{
    (void)state;
    static struct memory_fs fs;
    struct dl4c_fs_ops ops = memory_fs_ops;
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    dl4c_context *ctx;
    char name[40];
    int most = 1;
    const char *from = "w", *const one = "w/1";
    ops.create = little_create;
    ops.write = no_room;
    ops.commit = little_commit;
    ops.abandon = little_abandon;
    ops.mkdir = little_mkdir;
    assert_int_equal(dl4c_fs_mkdir(NULL, "w", &err), DL4C_OK);
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "w/%d", i);
        save(name, "x");
    }
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &ops, &fs, memory_fs_release, &err), DL4C_OK);
    o.threads = 2;
    o.failed = on_failure;
    o.failed_user = &most;
    told = 0;
    room = 1;
    assert_int_equal(dl4c_fs_copy(ctx, &one, 1, "mem://h/x", &o, &n, &err), DL4C_OK);
    room = 0;
    assert_int_equal(dl4c_fs_copy(ctx, &one, 1, "mem://h/x", &o, &n, &err), DL4C_E_FULL);
    assert_null(strstr(err.message, "no room is left, "));
    counted(0, 0, 1);
    room = 5;
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "mem://h/d", &o, &n, &err), DL4C_E_FULL);
    assert_non_null(strstr(err.message, "no room is left, 5 of 60 are there: "));
    assert_int_equal(n.n_files, 5);
    assert_in_range(n.n_failed, 1, 2);
    assert_int_equal(told, 0); /* one sentence: the call's */
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
    assert_int_equal(dl4c_fs_remove_all(NULL, "w", &err), DL4C_OK);
}

static void nothing_is_copied_into_itself(void **state)
{
    (void)state;
    char uri[100];
    assert_int_equal(copy("src", "src", 0), DL4C_E_INVALID); /* would be src/src */
    assert_int_equal(copy("src", "src/sub/x", 0), DL4C_E_INVALID);
    assert_int_equal(copy("src/a", "src", DL4C_FS_COPY_OVERWRITE), DL4C_E_INVALID);
    snprintf(uri, sizeof uri, "file://%s/src/x", folder);
    assert_int_equal(copy("src", uri, 0), DL4C_E_INVALID);
    assert_int_equal(copy("src", "src/a", 0), DL4C_E_INVALID);
    assert_int_equal(copy("src/sub", "src/sub2", 0), DL4C_OK);
    holds("src/a", "one");
    assert_int_equal(dl4c_fs_remove_all(NULL, "src/sub2", &err), DL4C_OK);
}

static int last_done;

static int on_progress(void *user, const struct dl4c_progress *p)
{
    assert_string_equal(p->stage, "copy");
    last_done = (int)p->done;
    return *(int *)user;
}

static void progress_ends_at_the_whole_and_may_cancel(void **state)
{
    (void)state;
    int answer = 0;
    int32_t cancel = 0;
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    const char *const from = "src";
    o.progress = on_progress;
    o.progress_user = &answer;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "p1", &o, &n, &err), DL4C_OK);
    assert_int_equal(last_done, 11);
    answer = 1;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "p2", &o, &n, &err), DL4C_E_CANCELLED);
    o.progress = NULL;
    o.cancel = &cancel;
    dl4c_cancel_set(&cancel);
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "p3", &o, &n, &err), DL4C_E_CANCELLED);
    assert_int_equal(n.n_files, 0);
    for (int i = 1; i <= 3; i++) {
        const char name[3] = { 'p', (char)('0' + i), '\0' };
        const dl4c_status status = dl4c_fs_remove_all(NULL, name, &err);
        assert_true(status == DL4C_OK || status == DL4C_E_NOTFOUND);
    }
}

/* Larger than one piece of any kind, to and from a file system that is not the local one. */
static void large_files_come_over_whole(void **state)
{
    (void)state;
    static struct memory_fs fs;
    const size_t size = (size_t)(17 << 20) + 5;
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    dl4c_context *ctx;
    char *bytes = malloc(size), *back;
    size_t got;
    int64_t used, peak;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &fs, memory_fs_release, &err), DL4C_OK);
    assert_int_equal(dli_fs_save(ctx, "large", bytes, size, &err), DL4C_OK);
    o.threads = 1;
    o.flags = DL4C_FS_COPY_CHECKSUM;
    const char *from = "large";
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "mem://h/large", &o, &n, &err), DL4C_OK);
    from = "mem://h/large";
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "large2", &o, &n, &err), DL4C_OK);
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 26 << 20);
    assert_int_equal(dli_fs_load(ctx, "large2", 1 << 30, &back, &got, &err), DL4C_OK);
    assert_int_equal(got, size);
    assert_memory_equal(back, bytes, size);
    dli_free(back);
    assert_int_equal(fs.open_files, 0);
    /* what breaks leaves no name */
    from = "large";
    fs.full_at = 9 << 20;
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "mem://h/other", &o, &n, &err), DL4C_E_IO);
    assert_int_equal(n.n_failed, 1);
    fs.full_at = 0;
    fs.commit_fails = 1;
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "mem://h/other", &o, &n, &err), DL4C_E_IO);
    assert_null(memory_fs_find(&fs, "h/other"));
    assert_int_equal(fs.open_writers, 0);
    from = "mem://h/large";
    fs.lie = 3; /* the file is shorter than it says */
    assert_int_equal(dl4c_fs_copy(ctx, &from, 1, "large3", &o, &n, &err), DL4C_E_CORRUPT);
    assert_int_equal(access("large3", F_OK), -1);
    assert_int_equal(fs.open_files, 0);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
    free(bytes);
    assert_int_equal(unlink("large"), 0);
    assert_int_equal(unlink("large2"), 0);
}

static void options_are_checked(void **state)
{
    (void)state;
    const char *const from = "src";
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 0, "x", NULL, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, NULL, NULL, NULL, &err), DL4C_E_INVALID);
    o.threads = -1;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "x", &o, NULL, &err), DL4C_E_INVALID);
    o.threads = 0;
    o.flags = 1u << 20;
    assert_int_equal(dl4c_fs_copy(NULL, &from, 1, "x", &o, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(access("x", F_OK), -1);
}

static dl4c_status copy_all(dl4c_context *ctx, void *arg, struct dl4c_error *e)
{
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    const char *const from = "src";
    (void)arg;
    o.threads = 2;
    o.flags = DL4C_FS_COPY_OVERWRITE | DL4C_FS_COPY_CHECKSUM;
    o.failed = on_failure;
    return dl4c_fs_copy(ctx, &from, 1, "alloc", &o, NULL, e);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(dl4c_fs_mkdir(NULL, "alloc", &err), DL4C_OK);
    assert_true(fail_alloc_run(copy_all, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_becomes_the_name_or_goes_inside_it),
        cmocka_unit_test(a_file_becomes_the_name_or_goes_inside_it),
        cmocka_unit_test(several_sources_want_a_directory_and_names_of_their_own),
        cmocka_unit_test(what_is_there_stays_unless_it_is_to_go),
        cmocka_unit_test(resuming_leaves_what_has_the_size_and_is_no_older),
        cmocka_unit_test(copies_get_the_time_of_the_source_where_wanted),
        cmocka_unit_test(one_that_fails_is_told_and_the_others_go_on),
        cmocka_unit_test(a_hundred_failures_in_a_row_are_enough),
        cmocka_unit_test(a_target_without_room_ends_it_at_once),
        cmocka_unit_test(nothing_is_copied_into_itself),
        cmocka_unit_test(progress_ends_at_the_whole_and_may_cancel),
        cmocka_unit_test(large_files_come_over_whole),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
