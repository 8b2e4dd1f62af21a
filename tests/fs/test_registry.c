/* SPDX-License-Identifier: Apache-2.0 */
/* File systems of the host: registration, and reading and writing through one that does well, badly or not at all. */
#include "base/context.h"
#include "base/thread_pool.h"
#include "fs/fs.h"
#include "memory_fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct memory_fs fs;
    dl4c_context *ctx;
    struct dl4c_error err;
};

static int setup(void **state)
{
    static struct fixture x;
    memory_fs_clear(&x.fs);
    memset(&x, 0, sizeof x);
    *state = &x;
    return dl4c_context_create(NULL, &x.ctx, NULL) == DL4C_OK &&
                   dl4c_fs_register(x.ctx, &memory_fs_ops, &x.fs, memory_fs_release, NULL) == DL4C_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    dl4c_context_destroy(&x->ctx);
    const int released = x->fs.released, open = x->fs.open_files + x->fs.open_writers;
    memory_fs_clear(&x->fs);
    return released == 1 && open == 0 ? 0 : -1;
}

static void a_file_written_there_is_read_there(void **state)
{
    struct fixture *x = *state;
    char *bytes;
    size_t size;
    assert_int_equal(dli_fs_save(x->ctx, "mem://host/a", "hello", 5, &x->err), DL4C_OK);
    assert_non_null(memory_fs_find(&x->fs, "host/a"));
    assert_int_equal(dli_fs_load(x->ctx, "MEM://host/a", 10, &bytes, &size, &x->err), DL4C_OK);
    assert_string_equal(bytes, "hello");
    dli_free(bytes);
    assert_int_equal(dli_fs_load(x->ctx, "mem://other/a", 10, &bytes, &size, &x->err), DL4C_E_NOTFOUND);
    assert_string_equal(x->err.message, "no such file in memory");
    assert_string_equal(x->err.origin, "mem");
}

static void bytes_are_mapped_where_that_works_and_read_once_where_not(void **state)
{
    struct fixture *x = *state;
    dl4c_fs_file *f;
    const void *bytes;
    size_t size;
    memory_fs_put(&x->fs, "h/a", "hello", 5);
    assert_int_equal(dl4c_fs_open(x->ctx, "mem://h/a", &f, &x->err), DL4C_OK);
    assert_string_equal(dli_fs_uri(f), "mem://h/a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dl4c_fs_bytes(f, &bytes, &size, &x->err), DL4C_OK);
        assert_memory_equal(bytes, "hello", 5);
    }
    assert_int_equal(x->fs.reads, 1);
    dl4c_fs_close(&f);
    x->fs.map_works = 1;
    assert_int_equal(dl4c_fs_open(x->ctx, "mem://h/a", &f, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_bytes(f, &bytes, &size, &x->err), DL4C_OK);
    assert_ptr_equal(bytes, memory_fs_find(&x->fs, "h/a")->bytes);
    assert_int_equal(x->fs.reads, 1);
    dl4c_fs_close(&f);
}

static void short_reads_are_continued(void **state)
{
    struct fixture *x = *state;
    char *bytes;
    size_t size;
    memory_fs_put(&x->fs, "h/a", "hello", 5);
    x->fs.short_reads = 2;
    assert_int_equal(dli_fs_load(x->ctx, "mem://h/a", 10, &bytes, &size, &x->err), DL4C_OK);
    assert_string_equal(bytes, "hello");
    assert_int_equal(x->fs.reads, 3);
    dli_free(bytes);
}

static void a_file_system_that_lies_is_an_error(void **state)
{
    struct fixture *x = *state;
    char *bytes;
    size_t size;
    dl4c_fs_file *f;
    const void *seen;
    memory_fs_put(&x->fs, "h/a", "hello", 5);
    x->fs.lie = 1;
    assert_int_equal(dli_fs_load(x->ctx, "mem://h/a", 10, &bytes, &size, &x->err), DL4C_E_CORRUPT);
    assert_string_equal(x->err.message, "mem://h/a ends at 5 although it had 6 bytes when it was opened");
    x->fs.map_works = 1;
    assert_int_equal(dl4c_fs_open(x->ctx, "mem://h/a", &f, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_bytes(f, &seen, &size, &x->err), DL4C_E_IO);
    dl4c_fs_close(&f);
    x->fs.lie = -6;
    assert_int_equal(dl4c_fs_open(x->ctx, "mem://h/a", &f, &x->err), DL4C_E_IO);
    assert_null(f);
    x->fs.lie = 0;
    x->fs.read_too_much = 1;
    assert_int_equal(dli_fs_load(x->ctx, "mem://h/a", 10, &bytes, &size, &x->err), DL4C_E_IO);
    assert_null(bytes);
}

static void a_failure_without_a_reason_still_gets_a_sentence(void **state)
{
    struct fixture *x = *state;
    dl4c_fs_file *f;
    dl4c_fs_writer *w;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    x->fs.silent = DL4C_E_DENIED;
    assert_int_equal(dl4c_fs_open(x->ctx, "mem://h/a", &f, &x->err), DL4C_E_DENIED);
    assert_int_equal(x->err.status, DL4C_E_DENIED);
    assert_string_equal(x->err.message, "cannot open mem://h/a: the file system gave DL4C_E_DENIED and no reason");
    assert_string_equal(x->err.origin, "mem");
    assert_int_equal(dl4c_fs_create(x->ctx, "mem://h/a", &w, &x->err), DL4C_E_DENIED);
    assert_null(w);
    assert_int_equal(dl4c_fs_stat_uri(x->ctx, "mem://h/a", &s, NULL), DL4C_E_DENIED);
}

static void a_write_that_fails_fails_the_commit_and_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    dl4c_fs_writer *w;
    x->fs.full_at = 8;
    assert_int_equal(dl4c_fs_create(x->ctx, "mem://h/a", &w, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, "12345", 5, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, "67890", 5, NULL), DL4C_E_IO);
    assert_int_equal(dl4c_fs_write(w, "6", 1, &x->err), DL4C_E_IO); /* would fit: but a hole would be in the file */
    assert_string_equal(x->err.message, "the memory disk is full");
    memset(&x->err, 0, sizeof x->err);
    assert_int_equal(dl4c_fs_commit(&w, &x->err), DL4C_E_IO);
    assert_string_equal(x->err.message, "the memory disk is full");
    assert_null(w);
    assert_int_equal(x->fs.n_files, 0);
    x->fs.full_at = 0;
    x->fs.commit_fails = 1;
    assert_int_equal(dli_fs_save(x->ctx, "mem://h/a", "1", 1, &x->err), DL4C_E_IO);
    assert_string_equal(x->err.message, "the memory disk went away");
    assert_int_equal(x->fs.n_files, 0);
}

static int join_names(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    sprintf((char *)arg + strlen(arg), "%s:%d:%d ", name, (int)stat->kind, (int)stat->size_bytes);
    return 0;
}

static void a_listing_is_sorted_and_checked(void **state)
{
    struct fixture *x = *state;
    char all[200] = "";
    memory_fs_put(&x->fs, "h/b", "1", 1);
    memory_fs_put(&x->fs, "h/a", "22", 2);
    memory_fs_put(&x->fs, "h/c", "333", 3);
    assert_int_equal(dl4c_fs_list(x->ctx, "mem://h/", join_names, all, &x->err), DL4C_OK);
    assert_string_equal(all, "a:1:2 b:1:1 c:1:3 ");
    x->fs.listed = "../../etc/passwd";
    all[0] = '\0';
    assert_int_equal(dl4c_fs_list(x->ctx, "mem://h/", join_names, all, &x->err), DL4C_E_IO);
    assert_string_equal(all, "");
}

static void rename_stays_in_one_file_system(void **state)
{
    struct fixture *x = *state;
    memory_fs_put(&x->fs, "h/a", "1", 1);
    assert_int_equal(dl4c_fs_rename(x->ctx, "mem://h/a", "mem://h/b", &x->err), DL4C_OK);
    assert_non_null(memory_fs_find(&x->fs, "h/b"));
    assert_int_equal(dl4c_fs_rename(x->ctx, "mem://h/b", "mem://other/b", &x->err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_rename(x->ctx, "mem://h/b", "/tmp/b", &x->err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_rename(x->ctx, "mem://h/x", "mem://h/y", &x->err), DL4C_E_NOTFOUND);
}

static void what_a_file_system_lacks_is_unsupported(void **state)
{
    struct fixture *x = *state;
    struct dl4c_fs_ops few = memory_fs_ops;
    dl4c_fs_writer *w;
    dl4c_fs_file *f;
    const void *bytes;
    size_t size;
    char all[10];
    few.scheme = "few";
    few.struct_size = offsetof(struct dl4c_fs_ops, list); /* a plugin of an older header: what it does not know is missing */
    few.map = NULL;
    few.create = NULL;
    memory_fs_put(&x->fs, "h/a", "hello", 5);
    assert_int_equal(dl4c_fs_register(x->ctx, &few, &x->fs, NULL, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_create(x->ctx, "few://h/a", &w, &x->err), DL4C_E_UNSUPPORTED);
    assert_string_equal(x->err.message, "few:// cannot write (few://h/a)");
    assert_int_equal(dl4c_fs_list(x->ctx, "few://h/", join_names, all, &x->err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_append(x->ctx, "few://h/a", "x", 1, &x->err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_mkdir(x->ctx, "few://h/", &x->err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_remove(x->ctx, "few://h/a", &x->err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_rename(x->ctx, "few://h/a", "few://h/b", &x->err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_fs_open(x->ctx, "few://h/a", &f, &x->err), DL4C_OK);
    assert_int_equal(dl4c_fs_bytes(f, &bytes, &size, &x->err), DL4C_OK);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(x->fs.maps, 0);
    dl4c_fs_close(&f);
}

static void registration_checks_and_releases_what_it_refuses(void **state)
{
    struct fixture *x = *state;
    struct memory_fs other;
    memset(&other, 0, sizeof other);
    struct dl4c_fs_ops o = memory_fs_ops;
    assert_int_equal(dl4c_fs_register(x->ctx, &o, &other, memory_fs_release, &x->err), DL4C_E_EXISTS);
    assert_int_equal(other.released, 1);
    o.scheme = "file";
    assert_int_equal(dl4c_fs_register(x->ctx, &o, &other, memory_fs_release, &x->err), DL4C_E_EXISTS);
    const char *const wrong[] = { NULL, "", "1a", "A", "a b", "a/b", "a:b", "abcdefghijklmnopqrstuvwxyzabcdef" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.scheme = wrong[i];
        assert_int_equal(dl4c_fs_register(x->ctx, &o, &other, memory_fs_release, &x->err), DL4C_E_INVALID);
    }
    o = memory_fs_ops;
    o.scheme = "x";
    o.read_at = NULL;
    assert_int_equal(dl4c_fs_register(x->ctx, &o, &other, memory_fs_release, &x->err), DL4C_E_INVALID);
    o = memory_fs_ops;
    o.scheme = "x";
    o.commit = NULL;
    assert_int_equal(dl4c_fs_register(x->ctx, &o, &other, memory_fs_release, &x->err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_register(x->ctx, NULL, &other, memory_fs_release, &x->err), DL4C_E_INVALID);
    assert_int_equal(other.released, 2 + 8 + 3);
}

static void a_newer_table_with_an_unknown_member_is_refused(void **state)
{
    struct fixture *x = *state;
    struct {
        struct dl4c_fs_ops ops;
        void *later;
    } newer = { memory_fs_ops, NULL };
    newer.ops.scheme = "newer";
    newer.ops.struct_size = sizeof newer;
    newer.later = &newer;
    assert_int_equal(dl4c_fs_register(x->ctx, &newer.ops, NULL, NULL, &x->err), DL4C_E_VERSION);
    newer.later = NULL;
    assert_int_equal(dl4c_fs_register(x->ctx, &newer.ops, &x->fs, NULL, &x->err), DL4C_OK);
}

static void contexts_do_not_see_each_others_file_systems(void **state)
{
    struct fixture *x = *state;
    dl4c_context *other;
    dl4c_fs_file *f;
    memory_fs_put(&x->fs, "h/a", "hello", 5);
    assert_int_equal(dl4c_context_create(NULL, &other, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_open(other, "mem://h/a", &f, &x->err), DL4C_E_UNSUPPORTED);
    assert_string_equal(x->err.message, "mem:// is not built into this library, and the host has registered no file system for it");
    assert_int_equal(dl4c_fs_open(NULL, "mem://h/a", &f, &x->err), DL4C_E_UNSUPPORTED);
    assert_null(f);
    dl4c_context_destroy(&other);
}

struct race {
    struct fixture *x;
    dl4c_fs_file *shared;
    _Atomic int wrong;
};

static void one_reader(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    struct race *r = arg;
    char name[32], part[3], *bytes;
    size_t size;
    snprintf(name, sizeof name, "mem://h/%d", (int)(task % 4));
    if (dli_fs_load(r->x->ctx, name, 10, &bytes, &size, NULL) != DL4C_OK || bytes[0] != (char)('0' + task % 4))
        r->wrong++;
    else
        dli_free(bytes);
    if (dl4c_fs_read_at(r->shared, 2, part, 3, NULL) != DL4C_OK || memcmp(part, "cde", 3) != 0)
        r->wrong++;
}

static void many_threads_open_and_read_one_file_at_once(void **state)
{
    struct race r = { .x = *state };
    dl4c_context *threads; /* its registry is first asked by many at once */
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = 4;
    assert_int_equal(dl4c_context_create(&o, &threads, NULL), DL4C_OK);
    for (int i = 0; i < 4; i++) {
        char name[32], c = (char)('0' + i);
        snprintf(name, sizeof name, "h/%d", i);
        memory_fs_put(&r.x->fs, name, &c, 1);
    }
    memory_fs_put(&r.x->fs, "h/shared", "abcdef", 6);
    assert_int_equal(dl4c_fs_open(r.x->ctx, "mem://h/shared", &r.shared, NULL), DL4C_OK);
    dli_parallel(threads, 0, 200, one_reader, &r);
    assert_int_equal(r.wrong, 0);
    dl4c_fs_close(&r.shared);
    dl4c_context_destroy(&threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_written_there_is_read_there, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_are_mapped_where_that_works_and_read_once_where_not, setup, teardown),
        cmocka_unit_test_setup_teardown(short_reads_are_continued, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_system_that_lies_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_without_a_reason_still_gets_a_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_fails_the_commit_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_listing_is_sorted_and_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(rename_stays_in_one_file_system, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_file_system_lacks_is_unsupported, setup, teardown),
        cmocka_unit_test_setup_teardown(registration_checks_and_releases_what_it_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_table_with_an_unknown_member_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(contexts_do_not_see_each_others_file_systems, setup, teardown),
        cmocka_unit_test_setup_teardown(many_threads_open_and_read_one_file_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
