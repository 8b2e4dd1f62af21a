/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of opening a folder, decoding on several threads and splitting failed in turn: the answer is NOMEM, or everything is
 * there; no image is called bad for it, no thread is left behind and nothing leaks. */
#include "support/fail_alloc.h"
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 6, ROW = 3 * 8 * 8 };

static char dir[256];
static float expected[IMAGES * ROW];

static const char *in_dir(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

/* Two epochs, the second one shuffled, on `threads` threads; x gets the rows by image. */
static dl4c_status read_all(dl4c_context *ctx, const struct dl4c_reader_options *o, const char *uri, float *x, struct dl4c_error *err)
{
    dl4c_reader *r = (dl4c_reader *)&r;
    dl4c_status status = dl4c_reader_open(ctx, uri, o, &r, err);
    if (status != DL4C_OK)
        assert_null(r);
    for (int64_t epoch = 0; epoch < 2 && status == DL4C_OK; epoch++) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        int64_t rows = 0;
        status = dl4c_source_reset(dl4c_reader_source(r), epoch > 0, 1, epoch, err);
        while (status == DL4C_OK && (status = dl4c_source_next(dl4c_reader_source(r), 4, &b, err)) == DL4C_OK && b.n > 0)
            for (int64_t i = 0; i < b.n; i++, rows++)
                memcpy(x + b.index[i] * ROW, b.x + i * ROW, ROW * sizeof *x);
        assert_int_equal(dl4c_reader_bad_count(r), 0); /* the images are fine */
        if (status == DL4C_OK)
            assert_int_equal(rows, IMAGES);
    }
    dl4c_reader_close(&r);
    return status;
}

static dl4c_status folder(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    static float x[IMAGES * ROW];
    o.height = o.width = 8;
    o.threads = *(const int32_t *)arg;
    o.preprocess = "vgg16:resize=pillow";
    memset(x, 0, sizeof x);
    const dl4c_status status = read_all(ctx, &o, in_dir("photos"), x, err);
    if (status == DL4C_OK)
        assert_memory_equal(x, expected, sizeof x);
    return status;
}

static dl4c_status listed(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    static float x[IMAGES * ROW];
    (void)arg;
    o.height = o.width = 8;
    o.threads = 2;
    o.list = in_dir("list.txt");
    return read_all(ctx, &o, in_dir("photos"), x, err);
}

static dl4c_status paths(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    static float x[IMAGES * ROW];
    char name[IMAGES][600];
    const char *list[IMAGES];
    (void)arg;
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name[i], sizeof name[i], "%s/photos/dog/%d.jpg", dir, i % 2);
        list[i] = name[i];
    }
    o.height = o.width = 8;
    o.threads = 2;
    o.paths = list;
    o.n_paths = IMAGES;
    return read_all(ctx, &o, NULL, x, err);
}

static int make(void **state)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_mkdir(dir, "photos");
    photos_classes(in_dir("photos"), 2);
    photos_text(in_dir("list.txt"), "cat/0.jpg\ndog/1.jpg\nemu/0.jpg\nemu/1.jpg\ncat/1.jpg\ndog/0.jpg\n");
    o.height = o.width = 8;
    o.threads = 1;
    o.preprocess = "vgg16:resize=pillow";
    if (read_all(NULL, &o, in_dir("photos"), expected, &err) != DL4C_OK) {
        print_message("%s\n", err.message);
        return 1;
    }
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

static void decoding_on_one_thread_reports_nomem(void **state)
{
    int32_t threads = 1;
    (void)state;
    assert_true(fail_alloc_run(folder, &threads) > 60);
    assert_true(fail_alloc_limits(folder, &threads) > 5);
}

static void decoding_on_three_threads_reports_nomem(void **state)
{
    int32_t threads = 3;
    (void)state;
    assert_true(fail_alloc_run(folder, &threads) > 60);
    assert_true(fail_alloc_limits(folder, &threads) > 5);
}

static void lists_and_paths_report_nomem(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(listed, NULL) > 60);
    assert_true(fail_alloc_run(paths, NULL) > 60);
    assert_true(fail_alloc_limits(listed, NULL) > 5);
    assert_true(fail_alloc_limits(paths, NULL) > 5);
}

static dl4c_status split(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    int64_t counts[3] = { 0 };
    (void)arg;
    photos_remove(in_dir("splits"));
    const dl4c_status status = dl4c_split_dir(ctx, in_dir("photos"), in_dir("splits"), NULL, counts, err);
    if (status == DL4C_OK)
        assert_int_equal(counts[0] + counts[1] + counts[2], IMAGES);
    return status;
}

static void splitting_reports_nomem(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(split, NULL) > 20);
    assert_true(fail_alloc_limits(split, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_on_one_thread_reports_nomem),
        cmocka_unit_test(decoding_on_three_threads_reports_nomem),
        cmocka_unit_test(lists_and_paths_report_nomem),
        cmocka_unit_test(splitting_reports_nomem),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
