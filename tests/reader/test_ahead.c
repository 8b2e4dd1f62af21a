/* SPDX-License-Identifier: Apache-2.0 */
/* Images of a remote file system are read ahead: in a bounded number, out of order, and with the same rows as from local files. */
#define _GNU_SOURCE
#include "late_fs.h"
#include "support/fail_alloc.h"
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { A_CLASS = 8, IMAGES = 3 * A_CLASS, ROW = 3 * 8 * 8 };

static char dir[256];
static struct late late;
static dl4c_context *ctx;
static struct dl4c_error err;
static float expected[IMAGES * ROW], rows[IMAGES * ROW];
static int64_t order[IMAGES], got[IMAGES];

#define MUST(call)                                                  \
    do {                                                            \
        if ((call) != DL4C_OK)                                      \
            fail_msg("%s: %s: %s", #call, err.origin, err.message); \
    } while (0)

static struct dl4c_reader_options options(int32_t threads, int32_t read_ahead)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.height = o.width = 8;
    o.preprocess = "vgg16:resize=pillow";
    o.threads = threads;
    o.read_ahead = read_ahead;
    return o;
}

/* What is left of an epoch: the rows by image, the order of the images; returns how many. */
static int64_t rest(dl4c_reader *r, int64_t batch, float *x, int64_t *index)
{
    int64_t n = 0;
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        MUST(dl4c_source_next(dl4c_reader_source(r), batch, &b, &err));
        if (b.n == 0)
            return n;
        for (int64_t i = 0; i < b.n; i++) {
            assert_int_equal(b.labels[i], dl4c_reader_label(r, b.index[i]));
            memcpy(x + b.index[i] * ROW, b.x + i * ROW, ROW * sizeof *x);
            index[n++] = b.index[i];
        }
    }
}

static int make(void **state)
{
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_classes(dir, A_CLASS);
    struct dl4c_reader_options o = options(1, 0);
    dl4c_reader *r;
    MUST(dl4c_reader_open(NULL, dir, &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    assert_int_equal(rest(r, 5, expected, order), IMAGES);
    dl4c_reader_close(&r);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    late_init(&late, dir);
    late.most_ms = 12;
    ctx = late_context(&late, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dl4c_context_destroy(&ctx);
    const int live = late.live;
    late_free(&late);
    return live;
}

/* Answers `status` for paths with `part`; returns the plan, for whoever wants more of it. */
static struct late_plan *plan(int i, const char *part, dl4c_status status)
{
    pthread_mutex_lock(&late.lock);
    struct late_plan *p = &late.plan[i];
    *p = (struct late_plan){ .status = status };
    snprintf(p->part, sizeof p->part, "%s", part);
    pthread_mutex_unlock(&late.lock);
    return p;
}

static dl4c_reader *open_late(int32_t threads, int32_t read_ahead)
{
    struct dl4c_reader_options o = options(threads, read_ahead);
    dl4c_reader *r;
    MUST(dl4c_reader_open(ctx, "late://host/", &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    return r;
}

static void rows_are_those_of_local_files(void **state)
{
    (void)state;
    static const struct {
        int32_t threads, read_ahead;
        int64_t batch;
    } cases[] = { { 1, 1, 5 }, { 1, 32, 16 }, { 3, 4, 1 }, { 3, 7, 24 }, { 2, 0, 3 }, { 5, 2, 7 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        late.seed = (unsigned)i;
        late.started = late.most_live = 0;
        dl4c_reader *r = open_late(cases[i].threads, cases[i].read_ahead);
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            memset(rows, 0, sizeof rows);
            MUST(dl4c_source_reset(dl4c_reader_source(r), epoch > 0, 7, epoch, &err));
            assert_int_equal(rest(r, cases[i].batch, rows, got), IMAGES);
            assert_memory_equal(rows, expected, sizeof rows);
            if (epoch == 0)
                assert_memory_equal(got, order, sizeof got);
            assert_int_equal(late.live, 0); /* an epoch that ends leaves nothing */
        }
        dl4c_reader_close(&r);
        assert_int_equal(late.started, 2 * IMAGES); /* once each */
        assert_in_range(late.most_live, 1, cases[i].read_ahead ? cases[i].read_ahead : 32);
    }
    assert_int_equal(late.unsized, 0); /* the listing's sizes were handed on */
    assert_int_equal(late.opened, 0);
}

static void opening_lists_each_folder_once_and_looks_at_no_file(void **state)
{
    (void)state;
    char list[300];
    snprintf(list, sizeof list, "%s/list.txt", dir);
    photos_text(list, "dog/1.jpg\ncat/3.jpg\nemu/0.jpg\ndog/0.jpg\n");
    struct dl4c_reader_options o = options(2, 0);
    dl4c_reader *r;
    o.list = list;
    MUST(dl4c_reader_open(ctx, "late://host/", &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    assert_int_equal(rest(r, 4, rows, got), 4);
    assert_int_equal(late.lists, 4); /* the folder and its three classes */
    assert_int_equal(late.stats, 0);
    assert_int_equal(late.unsized, 0);
    assert_memory_equal(rows + got[0] * ROW, expected + (A_CLASS + 1) * ROW, ROW * sizeof *rows);
    dl4c_reader_close(&r);
    unlink(list);
}

static void as_many_as_are_wanted_are_on_their_way_at_once(void **state)
{
    (void)state;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    plan(0, "/emu/", DL4C_OK)->stalls = 1; /* the last third */
    dl4c_reader *r = open_late(1, 6);
    MUST(dl4c_source_next(dl4c_reader_source(r), 2 * A_CLASS, &b, &err));
    assert_int_equal(b.n, 2 * A_CLASS);
    assert_int_equal(late.most_live, 6);
    dl4c_reader_close(&r);
    assert_int_equal(late.live, 0);
}

static void bytes_on_their_way_are_bounded(void **state)
{
    (void)state;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct late big;
    char name[400];
    co.memory_limit_bytes = 4 << 20;
    photos_dir(name, sizeof name);
    late_init(&big, name);
    big.most_ms = 3;
    photos_mkdir(big.dir, "one");
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "%s/one/%d.jpg", big.dir, i);
        photos_jpeg(name, 400, 350, (unsigned)i);
    }
    dl4c_context *small = late_context(&big, &co);
    struct dl4c_reader_options o = options(2, 1000);
    dl4c_reader *r;
    float *x = malloc(40 * ROW * sizeof *x);
    int64_t index[40];
    MUST(dl4c_reader_open(small, "late://host/", &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    assert_int_equal(rest(r, 8, x, index), 40);
    dl4c_reader_close(&r);
    free(x);
    assert_in_range(big.most_bytes, co.memory_limit_bytes / 16, co.memory_limit_bytes / 8);
    dl4c_context_destroy(&small);
    photos_remove(big.dir);
    late_free(&big);
}

static void a_file_larger_than_all_memory_for_it_comes_alone(void **state)
{
    (void)state;
    plan(0, "/dog/2.jpg", DL4C_OK)->listed = 65 << 20; /* and when it is read, it has become smaller */
    dl4c_reader *r = open_late(2, 8);
    assert_int_equal(rest(r, 8, rows, got), IMAGES);
    assert_memory_equal(rows, expected, sizeof rows);
    dl4c_reader_close(&r);
    assert_int_equal(late.crowded, 0);
    assert_int_equal(late.started, IMAGES + 1);
    assert_int_equal(late.unsized, 1); /* it was looked at again */
}

static void files_that_are_gone_or_wrong_are_bad_images(void **state)
{
    (void)state;
    static const char *const names[] = { "cat/3.jpg", "dog/0.jpg", "dog/7.jpg", "emu/1.jpg" };
    plan(0, "/cat/3.jpg", DL4C_E_NOTFOUND);
    plan(1, "/dog/0.jpg", DL4C_E_CORRUPT);
    plan(2, "/dog/7.jpg", DL4C_OK)->cut = 1;
    plan(3, "/emu/1.jpg", DL4C_E_LIMIT);
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        dl4c_reader *r = open_late(threads, 5);
        memset(rows, 0, sizeof rows);
        assert_int_equal(rest(r, 6, rows, got), IMAGES - 4);
        assert_int_equal(dl4c_reader_bad_count(r), 4);
        for (int64_t k = 0; k < 4; k++) {
            int64_t image;
            const char *reason;
            MUST(dl4c_reader_bad(r, k, &image, &reason, &err));
            assert_string_equal(dl4c_reader_path(r, image), names[k]);
            assert_true(reason[0] != '\0');
            memcpy(rows + image * ROW, expected + image * ROW, ROW * sizeof *rows);
        }
        assert_memory_equal(rows, expected, sizeof rows);
        dl4c_reader_close(&r);
    }
}

static void a_store_that_fails_ends_the_epoch_and_makes_no_bad_images(void **state)
{
    (void)state;
    static const dl4c_status statuses[] = { DL4C_E_IO, DL4C_E_TIMEOUT, DL4C_E_DENIED, DL4C_E_NOMEM };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        plan(0, "/dog/", statuses[i]);
        dl4c_reader *r = open_late(2, 5);
        MUST(dl4c_source_next(dl4c_reader_source(r), A_CLASS, &b, &err));
        assert_int_equal(b.n, A_CLASS);
        assert_int_equal(dl4c_source_next(dl4c_reader_source(r), A_CLASS, &b, &err), statuses[i]);
        assert_non_null(strstr(err.message, "as it was planned"));
        assert_int_equal(dl4c_reader_bad_count(r), 0);
        plan(0, "", DL4C_OK); /* and a new epoch may begin */
        MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
        assert_int_equal(rest(r, 6, rows, got), IMAGES);
        assert_memory_equal(rows, expected, sizeof rows);
        dl4c_reader_close(&r);
    }
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void resets_and_closing_do_not_wait_for_a_server(void **state)
{
    (void)state;
    plan(0, "/cat/5.jpg", DL4C_OK)->stalls = 1;
    dl4c_reader *r = open_late(2, 16);
    const double start = now_s();
    for (int64_t epoch = 0; epoch < 6; epoch++) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, epoch, &err));
        assert_int_equal(dl4c_reader_bad_count(r), 0);
        MUST(dl4c_source_next(dl4c_reader_source(r), 1 + epoch % 3, &b, &err));
        assert_int_equal(b.n, 1 + epoch % 3);
        for (int64_t i = 0; i < b.n; i++)
            assert_memory_equal(b.x + i * ROW, expected + i * ROW, ROW * sizeof *rows);
    }
    plan(0, "", DL4C_OK);
    MUST(dl4c_source_reset(dl4c_reader_source(r), 1, 3, 1, &err));
    assert_int_equal(rest(r, 5, rows, got), IMAGES);
    assert_memory_equal(rows, expected, sizeof rows);
    plan(0, "/cat/5.jpg", DL4C_OK)->stalls = 1;
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    usleep(30000); /* now they wait */
    dl4c_reader_close(&r);
    assert_int_equal(late.live, 0);
    assert_true(now_s() - start < 60);
}

static void *set_soon(void *flag)
{
    usleep(60000);
    dl4c_cancel_set(flag);
    return NULL;
}

static void whoever_waits_for_a_server_can_be_cancelled(void **state)
{
    (void)state;
    int32_t flag = 0;
    pthread_t thread;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    plan(0, "/cat/5.jpg", DL4C_OK)->stalls = 1;
    dl4c_reader *r = open_late(2, 16);
    dl4c_fs_watch(&flag);
    assert_int_equal(pthread_create(&thread, NULL, set_soon, &flag), 0);
    assert_int_equal(dl4c_source_next(dl4c_reader_source(r), A_CLASS, &b, &err), DL4C_E_CANCELLED);
    pthread_join(thread, NULL);
    dl4c_fs_watch(NULL);
    assert_int_equal(dl4c_reader_bad_count(r), 0);
    dl4c_reader_close(&r);
}

static void paths_of_several_file_systems_mix(void **state)
{
    (void)state;
    char name[IMAGES][400];
    const char *paths[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        static const char *const of[] = { "cat", "dog", "emu" };
        snprintf(name[i], sizeof name[i], "%s/%s/%d.jpg", i % 3 ? "late://host" : dir, of[i / A_CLASS], i % A_CLASS);
        paths[i] = name[i];
    }
    struct dl4c_reader_options o = options(3, 30);
    dl4c_reader *r;
    o.paths = paths;
    o.n_paths = IMAGES;
    plan(0, "/dog/5.jpg", DL4C_OK)->seems = 9 << 20; /* more than is read ahead where no size is known */
    MUST(dl4c_reader_open(ctx, NULL, &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    int64_t n = 0;
    for (struct dl4c_batch b = DL4C_BATCH_INIT;; n += b.n) {
        MUST(dl4c_source_next(dl4c_reader_source(r), 5, &b, &err));
        if (b.n == 0)
            break;
        assert_memory_equal(b.x, expected + n * ROW, (size_t)b.n * ROW * sizeof *rows);
    }
    assert_int_equal(n, IMAGES);
    assert_int_equal(dl4c_reader_bad_count(r), 0);
    dl4c_reader_close(&r);
    assert_int_equal(late.started, IMAGES - (IMAGES + 2) / 3 + 1);
    assert_in_range(late.most_live, 1, 9); /* eight of 8 MiB, and the large one when it is its turn */
    assert_int_equal(late.live, 0);
}

/* With local files, which are opened one by one. */
static void a_process_with_too_many_files_open_makes_no_bad_images(void **state)
{
    (void)state;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    struct dl4c_reader_options o = options(2, 0);
    struct rlimit before, few;
    dl4c_reader *r;
    MUST(dl4c_reader_open(NULL, dir, &o, &r, &err));
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    const dl4c_status status = dl4c_source_next(dl4c_reader_source(r), 5, &b, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, DL4C_E_IO);
    assert_int_equal(err.code, EMFILE);
    assert_int_equal(dl4c_reader_bad_count(r), 0);
    MUST(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    assert_int_equal(rest(r, 5, rows, got), IMAGES);
    assert_memory_equal(rows, expected, sizeof rows);
    dl4c_reader_close(&r);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    dl4c_reader *r;
    struct dl4c_reader_options o = options(1, -1);
    assert_int_equal(dl4c_reader_open(ctx, "late://host/", &o, &r, &err), DL4C_E_INVALID);
    o.read_ahead = 1025;
    assert_int_equal(dl4c_reader_open(ctx, "late://host/", &o, &r, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "1025"));
    o.read_ahead = 0;
    o.reserved = 1;
    assert_int_equal(dl4c_reader_open(ctx, "late://host/", &o, &r, &err), DL4C_E_INVALID);
}

/* An epoch of a context in which allocations fail. */
static dl4c_status epoch(dl4c_context *own, void *arg, struct dl4c_error *e)
{
    struct dl4c_reader_options o = options(*(const int32_t *)arg, 5);
    dl4c_reader *r = NULL;
    int64_t n = 0;
    dl4c_status status = dl4c_fs_register(own, &late_ops, &late, NULL, e);
    if (status == DL4C_OK)
        status = dl4c_reader_open(own, "late://host/", &o, &r, e);
    if (status == DL4C_OK)
        status = dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, e);
    while (status == DL4C_OK) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        status = dl4c_source_next(dl4c_reader_source(r), 9, &b, e);
        if (status != DL4C_OK || b.n == 0)
            break;
        for (int64_t i = 0; i < b.n; i++)
            assert_memory_equal(b.x + i * ROW, expected + b.index[i] * ROW, ROW * sizeof *rows);
        n += b.n;
    }
    if (status == DL4C_OK)
        assert_int_equal(n, IMAGES);
    if (r)
        assert_int_equal(dl4c_reader_bad_count(r), 0);
    dl4c_reader_close(&r);
    assert_int_equal(late.live, 0);
    return status;
}

static void reading_ahead_reports_nomem(void **state)
{
    (void)state;
    int32_t threads = 2;
    late.most_ms = 0;
    assert_true(fail_alloc_run(epoch, &threads) > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_those_of_local_files, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_lists_each_folder_once_and_looks_at_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(as_many_as_are_wanted_are_on_their_way_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_on_their_way_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_larger_than_all_memory_for_it_comes_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_are_gone_or_wrong_are_bad_images, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_that_fails_ends_the_epoch_and_makes_no_bad_images, setup, teardown),
        cmocka_unit_test_setup_teardown(resets_and_closing_do_not_wait_for_a_server, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_waits_for_a_server_can_be_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_of_several_file_systems_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_with_too_many_files_open_makes_no_bad_images, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_out_of_range_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_ahead_reports_nomem, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
