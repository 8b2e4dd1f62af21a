/* SPDX-License-Identifier: Apache-2.0 */
/* The local file system: reading, writing whole files or none, names. */
#define _GNU_SOURCE
#include "base/context.h"
#include "fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

/* A signal comes between: so many calls of open and fsync are told so first. These stand in front of the C library's. */
static int interrupted_opens, interrupted_fsyncs;

#ifdef __x86_64__
int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    if (interrupted_opens > 0) {
        interrupted_opens--;
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fsync(int fd)
{
    if (interrupted_fsyncs > 0) {
        interrupted_fsyncs--;
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
#endif

static char folder[64]; /* made for each test, removed with what is in it */
static char text[512];

static const char *in_folder(const char *name)
{
    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dl4c-fs-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    (void)arg;
    (void)stat;
    return dl4c_fs_remove(NULL, in_folder(name), NULL);
}

static int teardown(void **state)
{
    (void)state;
    dl4c_fs_list(NULL, folder, remove_one, NULL, NULL);
    return rmdir(folder);
}

static int count_one(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    (void)name;
    (void)stat;
    ++*(int *)arg;
    return 0;
}

static int entries(void)
{
    int n = 0;
    assert_int_equal(dl4c_fs_list(NULL, folder, count_one, &n, NULL), DL4C_OK);
    return n;
}

static void written_bytes_come_back_through_every_way_of_reading(void **state)
{
    (void)state;
    /* Around the sizes where small files are read and large ones mapped. */
    const size_t sizes[] = { 0, 1, 1000, 65535, 65536, 65537, 300001 };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        char *bytes = malloc(sizes[k] + 1);
        for (size_t i = 0; i < sizes[k]; i++)
            bytes[i] = (char)(i * 31 + k);
        assert_int_equal(dli_fs_save(NULL, in_folder("a"), bytes, sizes[k], NULL), DL4C_OK);

        dl4c_fs_file *f;
        const void *seen, *again;
        size_t size;
        assert_int_equal(dl4c_fs_open(NULL, in_folder("a"), &f, NULL), DL4C_OK);
        assert_int_equal(dl4c_fs_size(f), sizes[k]);
        assert_int_equal(dl4c_fs_bytes(f, &seen, &size, NULL), DL4C_OK);
        assert_int_equal(size, sizes[k]);
        assert_non_null(seen);
        assert_memory_equal(seen, bytes, size);
        assert_int_equal(dl4c_fs_bytes(f, &again, &size, NULL), DL4C_OK);
        assert_ptr_equal(again, seen);
        char *part = malloc(sizes[k] + 1);
        const size_t at = sizes[k] / 3;
        assert_int_equal(dl4c_fs_read_at(f, (int64_t)at, part, sizes[k] - at, NULL), DL4C_OK);
        assert_memory_equal(part, bytes + at, sizes[k] - at);
        assert_int_equal(dl4c_fs_read_at(f, (int64_t)at, part, sizes[k] - at + 1, NULL), DL4C_E_CORRUPT);
        assert_int_equal(dl4c_fs_read_at(f, -1, part, 1, NULL), DL4C_E_INVALID);
        assert_int_equal(dl4c_fs_read_at(f, (int64_t)sizes[k] + 1, part, 0, NULL), DL4C_E_CORRUPT);
        dl4c_fs_close(&f);
        assert_null(f);

        char *loaded;
        assert_int_equal(dli_fs_load(NULL, in_folder("a"), (int64_t)sizes[k], &loaded, &size, NULL), DL4C_OK);
        assert_memory_equal(loaded, bytes, size);
        assert_int_equal(loaded[size], 0);
        dli_free(loaded);
        if (sizes[k] > 0)
            assert_int_equal(dli_fs_load(NULL, in_folder("a"), (int64_t)sizes[k] - 1, &loaded, &size, NULL), DL4C_E_LIMIT);
        free(part);
        free(bytes);
    }
}

static void writes_of_any_size_are_joined_in_order(void **state)
{
    (void)state;
    dl4c_fs_writer *w;
    enum { N = 400 };
    static char bytes[N * N];
    size_t total = 0;
    assert_int_equal(dl4c_fs_create(NULL, in_folder("a"), &w, NULL), DL4C_OK);
    for (size_t i = 0; i < N; i++) {
        memset(bytes + total, (int)i, i);
        assert_int_equal(dl4c_fs_write(w, bytes + total, i, NULL), DL4C_OK);
        total += i;
    }
    assert_int_equal(dl4c_fs_write(w, bytes, total, NULL), DL4C_OK); /* larger than what is gathered */
    assert_int_equal(dl4c_fs_write(w, bytes, 5, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_commit(&w, NULL), DL4C_OK);
    assert_null(w);
    char *loaded;
    size_t size;
    assert_int_equal(dli_fs_load(NULL, in_folder("a"), INT64_MAX, &loaded, &size, NULL), DL4C_OK);
    assert_int_equal(size, 2 * total + 5);
    assert_memory_equal(loaded, bytes, total);
    assert_memory_equal(loaded + total, bytes, total);
    assert_memory_equal(loaded + 2 * total, bytes, 5);
    dli_free(loaded);
}

static void nothing_is_under_the_name_before_commit_nor_after_abandon(void **state)
{
    (void)state;
    dl4c_fs_writer *w;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    char *loaded;
    size_t size;
    assert_int_equal(dl4c_fs_create(NULL, in_folder("a"), &w, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, "new", 3, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("a"), &s, NULL), DL4C_E_NOTFOUND);
    dl4c_fs_abandon(&w);
    assert_null(w);
    dl4c_fs_abandon(&w);
    assert_int_equal(entries(), 0);

    assert_int_equal(dli_fs_save(NULL, in_folder("a"), "old", 3, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_create(NULL, in_folder("a"), &w, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, "newer", 5, NULL), DL4C_OK);
    dl4c_fs_abandon(&w);
    assert_int_equal(dli_fs_load(NULL, in_folder("a"), 10, &loaded, &size, NULL), DL4C_OK);
    assert_string_equal(loaded, "old");
    dli_free(loaded);
    assert_int_equal(dl4c_fs_create(NULL, in_folder("a"), &w, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, "newer", 5, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_commit(&w, NULL), DL4C_OK);
    assert_int_equal(dli_fs_load(NULL, in_folder("a"), 10, &loaded, &size, NULL), DL4C_OK);
    assert_string_equal(loaded, "newer");
    dli_free(loaded);
    assert_int_equal(entries(), 1);
}

static void permissions_follow_the_umask(void **state)
{
    (void)state;
    struct stat s;
    const mode_t before = umask(027);
    assert_int_equal(dli_fs_save(NULL, in_folder("a"), "x", 1, NULL), DL4C_OK);
    assert_int_equal(umask(before), 027);
    assert_int_equal(stat(in_folder("a"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
}

static void a_long_name_can_be_written(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(dli_fs_save(NULL, in_folder(name), "x", 1, NULL), DL4C_OK);
    assert_int_equal(entries(), 1);
}

static void what_is_not_a_regular_file_is_refused_without_waiting(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_file *f;
    dl4c_fs_writer *w;
    assert_int_equal(dl4c_fs_open(NULL, folder, &f, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "is a directory, wanted a regular file"));
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(dl4c_fs_open(NULL, in_folder("pipe"), &f, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "is a pipe"));
    assert_int_equal(dl4c_fs_create(NULL, in_folder("pipe"), &w, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_create(NULL, "/dev/null", &w, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "is a device"));
    assert_int_equal(dl4c_fs_create(NULL, folder, &w, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_create(NULL, in_folder("new/"), &w, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fs_create(NULL, in_folder(".."), &w, &err), DL4C_E_INVALID);
    assert_null(w);
    assert_null(f);
}

static void a_missing_file_or_folder_is_notfound_with_the_name(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_file *f;
    dl4c_fs_writer *w;
    assert_int_equal(dl4c_fs_open(NULL, in_folder("missing"), &f, &err), DL4C_E_NOTFOUND);
    assert_int_equal(err.domain, DL4C_DOMAIN_ERRNO);
    assert_int_equal(err.code, ENOENT);
    assert_non_null(strstr(err.message, folder));
    assert_int_equal(dl4c_fs_create(NULL, in_folder("no/such"), &w, &err), DL4C_E_NOTFOUND);
    int n = 0;
    assert_int_equal(dl4c_fs_list(NULL, in_folder("missing"), count_one, &n, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_remove(NULL, in_folder("missing"), &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_rename(NULL, in_folder("missing"), "/tmp/never", &err), DL4C_E_NOTFOUND);
}

struct names {
    char all[200];
    int stop_after;
};

static int join_names(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct names *n = arg;
    sprintf(n->all + strlen(n->all), "%s:%d:%d ", name, (int)stat->kind, (int)stat->size_bytes);
    return --n->stop_after == 0;
}

static void a_listing_is_sorted_bytewise_and_can_be_stopped(void **state)
{
    (void)state;
    const char *names[] = { "b", "a", "\xc3\xa9", "B", "a.b", ".hidden" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(dli_fs_save(NULL, in_folder(names[i]), "12345", i, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("dir"), NULL), DL4C_OK);
    assert_int_equal(symlink("nowhere", in_folder("link")), 0);
    struct names n = { "", 100 };
    assert_int_equal(dl4c_fs_list(NULL, folder, join_names, &n, NULL), DL4C_OK);
    assert_string_equal(n.all, ".hidden:1:5 B:1:3 a:1:1 a.b:1:4 b:1:0 dir:2:0 link:3:0 \xc3\xa9:1:2 ");
    struct names two = { "", 2 };
    assert_int_equal(dl4c_fs_list(NULL, folder, join_names, &two, NULL), DL4C_OK);
    assert_string_equal(two.all, ".hidden:1:5 B:1:3 ");
}

static void mkdir_makes_parents_and_takes_what_exists(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("x//y/z/"), &err), DL4C_OK);
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("x/y"), &err), DL4C_OK);
    assert_int_equal(dl4c_fs_mkdir(NULL, "/", &err), DL4C_OK);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("x/y/z"), &s, &err), DL4C_OK);
    assert_int_equal(s.kind, DL4C_FS_DIRECTORY);
    assert_int_equal(s.size_bytes, 0);
    assert_int_equal(dli_fs_save(NULL, in_folder("file"), "x", 1, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_mkdir(NULL, in_folder("file"), &err), DL4C_E_EXISTS);
    assert_int_not_equal(dl4c_fs_mkdir(NULL, in_folder("file/sub"), &err), DL4C_OK);
    assert_int_equal(dl4c_fs_remove(NULL, in_folder("x/y"), &err), DL4C_E_IO); /* not empty */
    assert_int_equal(dl4c_fs_remove(NULL, in_folder("x/y/z"), &err), DL4C_OK);
    assert_int_equal(dl4c_fs_rename(NULL, in_folder("x/y"), "/nowhere/else", &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_remove(NULL, in_folder("x/y"), &err), DL4C_OK);
}

static void stat_tells_size_and_time_and_fills_old_structs(void **state)
{
    (void)state;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    assert_int_equal(dli_fs_save(NULL, in_folder("a"), "12345", 5, NULL), DL4C_OK);
    const struct timespec times[2] = { { 1000000000, 123000000 }, { 1000000000, 123000000 } };
    assert_int_equal(utimensat(AT_FDCWD, in_folder("a"), times, 0), 0);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("a"), &s, NULL), DL4C_OK);
    assert_int_equal(s.kind, DL4C_FS_FILE);
    assert_int_equal(s.size_bytes, 5);
    assert_true(s.mtime_ms == INT64_C(1000000000123));
    memset(&s, 0x55, sizeof s);
    s.struct_size = offsetof(struct dl4c_fs_stat, size_bytes);
    assert_int_equal(dl4c_fs_stat_uri(NULL, in_folder("a"), &s, NULL), DL4C_OK);
    assert_int_equal(s.kind, DL4C_FS_FILE);
    assert_true(s.size_bytes == 0x5555555555555555);
}

static void a_file_uri_is_the_decoded_path(void **state)
{
    (void)state;
    char uri[600], *loaded;
    size_t size;
    assert_int_equal(dli_fs_save(NULL, in_folder("a b%41"), "x", 1, NULL), DL4C_OK);
    snprintf(uri, sizeof uri, "FILE://localhost%s/a%%20b%%2541", folder);
    assert_int_equal(dli_fs_load(NULL, uri, 10, &loaded, &size, NULL), DL4C_OK);
    dli_free(loaded);
    char *joined;
    snprintf(uri, sizeof uri, "file://%s", folder);
    assert_int_equal(dli_uri_join(NULL, uri, "a b%41", &joined, NULL), DL4C_OK);
    assert_int_equal(dli_fs_load(NULL, joined, 10, &loaded, &size, NULL), DL4C_OK);
    dli_free(loaded);
    dli_free(joined);
}

/* A file size limit is the full disk that a test without privileges can have. */
static void a_disk_that_fills_up_is_an_io_error_and_leaves_nothing(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct rlimit before, small;
    static char bytes[200000];
    dl4c_fs_writer *w;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    const dl4c_status direct = dli_fs_save(NULL, in_folder("a"), bytes, sizeof bytes, &err);
    dl4c_status created, write = DL4C_OK, committed = DL4C_OK;
    struct dl4c_error late = DL4C_ERROR_INIT;
    created = dl4c_fs_create(NULL, in_folder("b"), &w, NULL);
    for (int i = 0; i < 200 && w && write == DL4C_OK; i++)
        write = dl4c_fs_write(w, bytes, 1000, &err);
    if (w)
        committed = dl4c_fs_commit(&w, &late);
    dl4c_fs_writer *tail; /* the bytes still gathered do not fit: commit itself fails */
    const dl4c_status tail_created = dl4c_fs_create(NULL, in_folder("c"), &tail, NULL);
    dl4c_status tail_write = tail ? dl4c_fs_write(tail, bytes, 99999, NULL) : DL4C_OK;
    if (tail && tail_write == DL4C_OK)
        tail_write = dl4c_fs_write(tail, bytes, 2, NULL);
    const dl4c_status tail_committed = tail ? dl4c_fs_commit(&tail, NULL) : DL4C_OK;

    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(direct, DL4C_E_IO);
    assert_int_equal(created, DL4C_OK);
    assert_int_equal(write, DL4C_E_IO);
    assert_int_equal(committed, DL4C_E_IO);
    assert_string_equal(late.message, err.message);
    assert_int_equal(err.domain, DL4C_DOMAIN_ERRNO);
    assert_int_equal(err.code, EFBIG);
    assert_non_null(strstr(err.message, folder));
    assert_int_equal(tail_created, DL4C_OK);
    assert_int_equal(tail_write, DL4C_OK);
    assert_int_equal(tail_committed, DL4C_E_IO);
    assert_int_equal(entries(), 0);
}

static void a_file_cut_short_after_opening_is_an_error(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    static char bytes[100000];
    dl4c_fs_file *f;
    const void *seen;
    size_t size;
    assert_int_equal(dli_fs_save(NULL, in_folder("a"), bytes, sizeof bytes, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_open(NULL, in_folder("a"), &f, NULL), DL4C_OK);
    assert_int_equal(truncate(in_folder("a"), 70000), 0);
    assert_int_equal(dl4c_fs_read_at(f, 0, bytes, sizeof bytes, &err), DL4C_E_CORRUPT);
    assert_int_equal(dl4c_fs_bytes(f, &seen, &size, &err), DL4C_E_CORRUPT);
    assert_null(seen);
    dl4c_fs_close(&f);
}

static void an_open_file_outlives_the_handle_of_its_context(void **state)
{
    (void)state;
    dl4c_context *ctx;
    dl4c_fs_file *f;
    dl4c_fs_writer *w;
    char c;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dli_fs_save(ctx, in_folder("a"), "x", 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_open(ctx, in_folder("a"), &f, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_create(ctx, in_folder("b"), &w, NULL), DL4C_OK);
    dl4c_context_destroy(&ctx);
    assert_int_equal(dl4c_fs_read_at(f, 0, &c, 1, NULL), DL4C_OK);
    assert_int_equal(c, 'x');
    dl4c_fs_close(&f);
    assert_int_equal(dl4c_fs_commit(&w, NULL), DL4C_OK);
    assert_int_equal(entries(), 2);
}

static void appended_bytes_are_seen_at_once(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t size;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_fs_append(NULL, in_folder("log"), "one\n", 4, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_append(NULL, in_folder("log"), "", 0, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_append(NULL, in_folder("log"), "two\n", 4, &err), DL4C_OK);
    assert_int_equal(dli_fs_load(NULL, in_folder("log"), 100, &bytes, &size, &err), DL4C_OK);
    assert_string_equal(bytes, "one\ntwo\n");
    dli_free(bytes);
    assert_int_equal(dl4c_fs_append(NULL, in_folder("none/log"), "x", 1, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_fs_append(NULL, folder, "x", 1, &err), DL4C_E_IO);
    assert_int_equal(dl4c_fs_append(NULL, in_folder("log"), NULL, 1, &err), DL4C_E_INVALID);
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_not_equal(dl4c_fs_append(NULL, in_folder("pipe"), "x", 1, &err), DL4C_OK); /* and nobody waited */
}

static void a_signal_in_between_changes_nothing(void **state)
{
    (void)state;
#ifndef __x86_64__
    print_message("skipped: calls are stood in for on x86-64 only\n");
    skip();
#endif
    char other[sizeof text];
    interrupted_opens = 3;
    interrupted_fsyncs = 3; /* of the file; then of its directory */
    assert_int_equal(dli_fs_save(NULL, in_folder("a"), "x", 1, NULL), DL4C_OK);
    assert_true(interrupted_opens == 0 && interrupted_fsyncs == 0);
    strcpy(other, in_folder("b"));
    interrupted_opens = interrupted_fsyncs = 2;
    assert_int_equal(dl4c_fs_rename(NULL, in_folder("a"), other, NULL), DL4C_OK);
    assert_true(interrupted_opens == 0 && interrupted_fsyncs == 0);
    interrupted_opens = 2;
    assert_int_equal(entries(), 1);
    assert_int_equal(interrupted_opens, 0);
    interrupted_opens = 2;
    dl4c_fs_file *f;
    assert_int_equal(dl4c_fs_open(NULL, in_folder("b"), &f, NULL), DL4C_OK);
    assert_int_equal(interrupted_opens, 0);
    dl4c_fs_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_bytes_come_back_through_every_way_of_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_of_any_size_are_joined_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_under_the_name_before_commit_nor_after_abandon, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_in_between_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(permissions_follow_the_umask, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_name_can_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_regular_file_is_refused_without_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_file_or_folder_is_notfound_with_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_listing_is_sorted_bytewise_and_can_be_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(mkdir_makes_parents_and_takes_what_exists, setup, teardown),
        cmocka_unit_test_setup_teardown(stat_tells_size_and_time_and_fills_old_structs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_uri_is_the_decoded_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fills_up_is_an_io_error_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_short_after_opening_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(appended_bytes_are_seen_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_file_outlives_the_handle_of_its_context, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
