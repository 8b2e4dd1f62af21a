/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead, parts of directories, digests, sums, changes: of the local file system, and of one that knows none of them. */
#define _GNU_SOURCE
#include "fs/fs.h"
#include "memory_fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static char text[8][160];
static int at;
static struct dl4c_error err;

static const char *in_folder(const char *name)
{
    char *to = text[at++ % 8];
    snprintf(to, sizeof text[0], "%s/%s", folder, name);
    return to;
}

static void save(const char *uri, const char *bytes) { assert_int_equal(dli_fs_save(NULL, uri, bytes, strlen(bytes), &err), DL4C_OK); }

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dl4c-details-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "d/e/link", "d/e/c", "d/e", "d/b", "d", "a", "names/a", "names/b", "names/c", "names/d", "names" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        dl4c_fs_remove(NULL, in_folder(names[i]), NULL);
    return rmdir(folder);
}

static void a_load_gives_the_whole_file(void **state)
{
    (void)state;
    dl4c_fs_load *load;
    const void *bytes;
    size_t size;
    save(in_folder("a"), "hello");
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -1, 0, &load, &err), DL4C_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dl4c_fs_load_wait(load, -1, &bytes, &size, &err), DL4C_OK);
        assert_int_equal(size, 5);
        assert_memory_equal(bytes, "hello", 5);
    }
    dl4c_fs_load_end(&load);
    assert_null(load);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -1, 5, &load, &err), DL4C_OK);
    dl4c_fs_load_end(&load);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -1, 4, &load, &err), DL4C_E_LIMIT);
    assert_null(load);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -1, -1, &load, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), 6, 0, &load, &err), DL4C_E_CORRUPT);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -2, 0, &load, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_load_start(NULL, folder, -1, 0, &load, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("none"), -1, 0, &load, &err), DL4C_E_NOTFOUND);
}

static void a_file_cut_short_while_it_is_loaded_is_corrupt(void **state)
{
    (void)state;
    dl4c_fs_load *load;
    const void *bytes;
    size_t size;
    save(in_folder("a"), "hello");
    assert_int_equal(dl4c_fs_load_start(NULL, in_folder("a"), -1, 0, &load, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_truncate(NULL, in_folder("a"), 2, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_load_wait(load, 0, &bytes, &size, &err), DL4C_E_CORRUPT);
    assert_null(bytes);
    dl4c_fs_load_end(&load);
}

static void a_file_system_without_loads_is_read_when_it_is_waited_for(void **state)
{
    (void)state;
    struct memory_fs fs = { 0 };
    dl4c_context *ctx;
    dl4c_fs_load *load;
    const void *bytes;
    size_t size;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &fs, memory_fs_release, &err), DL4C_OK);
    memory_fs_put(&fs, "h/a", "hello", 5);
    assert_int_equal(dl4c_fs_load_start(ctx, "mem://h/a", -1, 5, &load, &err), DL4C_OK);
    assert_int_equal(fs.reads, 0);
    assert_int_equal(dl4c_fs_load_wait(load, 0, &bytes, &size, &err), DL4C_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "hello", 5);
    dl4c_fs_load_end(&load);
    assert_int_equal(fs.open_files, 0);
    assert_int_equal(dl4c_fs_load_start(ctx, "mem://h/a", -1, 4, &load, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_load_wait(load, 0, &bytes, &size, &err), DL4C_E_LIMIT);
    dl4c_fs_load_end(&load);
    assert_int_equal(dl4c_fs_load_start(ctx, "mem://h/a", 4, 0, &load, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_load_wait(load, 0, &bytes, &size, &err), DL4C_E_CORRUPT);
    dl4c_fs_load_end(&load);
    assert_int_equal(dl4c_fs_load_start(ctx, "mem://h/none", -1, 0, &load, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_load_wait(load, 0, &bytes, &size, &err), DL4C_E_NOTFOUND);
    dl4c_fs_load_end(&load);
    /* The digest of SHA-256's own example. */
    struct dl4c_fs_checksum sum = DL4C_FS_CHECKSUM_INIT;
    memory_fs_put(&fs, "h/b", "abc", 3);
    assert_int_equal(dl4c_fs_get_checksum(ctx, "mem://h/b", &sum, &err), DL4C_OK);
    assert_string_equal(sum.algorithm, "SHA-256");
    assert_string_equal(sum.digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct dl4c_fs_change change = { .struct_size = sizeof change, .what = DL4C_FS_CHANGE_MODE, .mode = 0600 };
    const char *const sources[] = { "mem://h/b" };
    assert_int_equal(dl4c_fs_set(ctx, "mem://h/a", &change, &err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_truncate(ctx, "mem://h/a", 1, &err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_concat(ctx, "mem://h/a", sources, 1, &err), DL4C_E_UNSUPPORTED);
    dl4c_context_destroy(&ctx);
    assert_int_equal(fs.released, 1);
    memory_fs_clear(&fs);
}

static void half_a_set_of_load_members_is_refused(void **state)
{
    (void)state;
    struct dl4c_fs_ops ops = memory_fs_ops;
    struct memory_fs fs = { 0 };
    dl4c_context *ctx;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    ops.load_start = dli_fs_local.load_start;
    assert_int_equal(dl4c_fs_register(ctx, &ops, &fs, memory_fs_release, &err), DL4C_E_INVALID);
    assert_int_equal(fs.released, 1);
    dl4c_context_destroy(&ctx);
}

static int gather(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    assert_int_equal(stat->kind, DL4C_FS_FILE);
    strcat(arg, name);
    return 0;
}

static void pages_follow_one_another(void **state)
{
    (void)state;
    char names[16] = "";
    int32_t more = 7;
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("names"), &err), DL4C_OK);
    save(in_folder("names/c"), "3");
    save(in_folder("names/a"), "1");
    save(in_folder("names/d"), "4");
    save(in_folder("names/b"), "2");
    assert_int_equal(dl4c_fs_list_page(NULL, in_folder("names"), NULL, 2, gather, names, &more, &err), DL4C_OK);
    assert_string_equal(names, "ab");
    assert_int_equal(more, 1);
    assert_int_equal(dl4c_fs_list_page(NULL, in_folder("names"), "b", 2, gather, names, &more, &err), DL4C_OK);
    assert_string_equal(names, "abcd");
    assert_int_equal(more, 0);
    assert_int_equal(dl4c_fs_list_page(NULL, in_folder("names"), "bx", 0, gather, names, &more, &err), DL4C_OK);
    assert_string_equal(names, "abcdcd");
    assert_int_equal(dl4c_fs_list_page(NULL, in_folder("names"), NULL, -1, gather, names, &more, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_list_page(NULL, in_folder("none"), NULL, 1, gather, names, &more, &err), DL4C_E_NOTFOUND);
}

static void a_summary_counts_what_is_below_and_no_links(void **state)
{
    (void)state;
    struct dl4c_fs_summary s = DL4C_FS_SUMMARY_INIT;
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("d/e"), &err), DL4C_OK);
    save(in_folder("d/b"), "12345");
    save(in_folder("d/e/c"), "123");
    assert_int_equal(symlink("..", in_folder("d/e/link")), 0);
    assert_int_equal(dl4c_fs_get_summary(NULL, in_folder("d"), &s, &err), DL4C_OK);
    assert_int_equal(s.n_directories, 2);
    assert_int_equal(s.n_files, 3);
    assert_int_equal(s.size_bytes, 8);
    assert_int_equal(s.quota_names, -1);
    s = (struct dl4c_fs_summary)DL4C_FS_SUMMARY_INIT;
    assert_int_equal(dl4c_fs_get_summary(NULL, in_folder("d/b"), &s, &err), DL4C_OK);
    assert_int_equal(s.n_directories, 0);
    assert_int_equal(s.n_files, 1);
    assert_int_equal(dl4c_fs_get_summary(NULL, in_folder("none"), &s, &err), DL4C_E_NOTFOUND);
}

static void permissions_times_and_length_change(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_fs_change c = DL4C_FS_CHANGE_INIT;
    save(in_folder("a"), "hello");
    assert_int_equal(dl4c_fs_set(NULL, in_folder("a"), &c, &err), DL4C_E_INVALID);
    c.what = DL4C_FS_CHANGE_MODE | DL4C_FS_CHANGE_TIMES;
    c.mode = 0640;
    c.mtime_ms = 1700000000123;
    assert_int_equal(dl4c_fs_set(NULL, in_folder("a"), &c, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("a"), &st, &err), DL4C_OK);
    assert_int_equal(st.mode, 0640);
    assert_int_equal(st.mtime_ms, 1700000000123);
    assert_true(st.atime_ms > 1700000000123);
    c.mode = 010000;
    assert_int_equal(dl4c_fs_set(NULL, in_folder("a"), &c, &err), DL4C_E_INVALID);
    c.what = DL4C_FS_CHANGE_OWNER;
    assert_int_equal(dl4c_fs_set(NULL, in_folder("a"), &c, &err), DL4C_E_INVALID);
    c.owner = "nobody";
    assert_int_equal(dl4c_fs_set(NULL, in_folder("a"), &c, &err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_truncate(NULL, in_folder("a"), 6, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_truncate(NULL, in_folder("a"), 2, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("a"), &st, &err), DL4C_OK);
    assert_int_equal(st.size_bytes, 2);
}

static void a_flag_is_watched_until_the_next_one(void **state)
{
    (void)state;
    int32_t flag = 0;
    struct dl4c_fs_checksum sum = DL4C_FS_CHECKSUM_INIT;
    save(in_folder("a"), "hello");
    assert_null(dl4c_fs_watch(&flag));
    assert_int_equal(dl4c_fs_cancelled(), 0);
    dl4c_cancel_set(&flag);
    assert_int_equal(dl4c_fs_cancelled(), 1);
    assert_int_equal(dl4c_fs_get_checksum(NULL, in_folder("a"), &sum, &err), DL4C_E_CANCELLED);
    assert_ptr_equal(dl4c_fs_watch(NULL), &flag);
    assert_int_equal(dl4c_fs_cancelled(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_gives_the_whole_file),
        cmocka_unit_test(a_file_cut_short_while_it_is_loaded_is_corrupt),
        cmocka_unit_test(a_file_system_without_loads_is_read_when_it_is_waited_for),
        cmocka_unit_test(half_a_set_of_load_members_is_refused),
        cmocka_unit_test(pages_follow_one_another),
        cmocka_unit_test(a_summary_counts_what_is_below_and_no_links),
        cmocka_unit_test(permissions_times_and_length_change),
        cmocka_unit_test(a_flag_is_watched_until_the_next_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
