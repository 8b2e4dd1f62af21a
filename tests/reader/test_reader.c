/* SPDX-License-Identifier: Apache-2.0 */
/* Reading images from class folders: order, classes, lists, bad images, splits. */
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[256];

static int make(void **state)
{
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_classes(dir, 4);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static dl4c_reader *open_reader(struct dl4c_reader_options o, const char *uri)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_reader *r = NULL;
    o.height = 8;
    o.width = 10;
    if (dl4c_reader_open(NULL, uri, &o, &r, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return r;
}

static dl4c_status refused(struct dl4c_reader_options o, const char *uri, struct dl4c_error *err)
{
    dl4c_reader *r = NULL;
    o.height = o.width = 8;
    const dl4c_status status = dl4c_reader_open(NULL, uri, &o, &r, err);
    assert_null(r);
    return status;
}

static void classes_are_sorted_folders_and_hidden_files_are_skipped(void **state)
{
    (void)state;
    photos_mkdir(dir, ".git");
    photos_mkdir(dir, "ant"); /* empty: still a class */
    photos_text(in_dir("cat/.hidden.jpg"), "no");
    photos_text(in_dir("cat/readme.txt"), "no");
    dl4c_reader *r = open_reader((struct dl4c_reader_options)DL4C_READER_OPTIONS_INIT, dir);
    assert_int_equal(dl4c_reader_class_count(r), 4);
    assert_string_equal(dl4c_reader_class(r, 0), "ant");
    assert_string_equal(dl4c_reader_class(r, 3), "emu");
    assert_int_equal(dl4c_reader_count(r), 12);
    assert_string_equal(dl4c_reader_path(r, 0), "cat/0.jpg");
    assert_int_equal(dl4c_reader_label(r, 0), 1);
    assert_int_equal(dl4c_reader_label(r, 11), 3);
    assert_string_equal(dl4c_reader_preprocess(r), "none");
    dl4c_reader_close(&r);
    assert_null(r);
}

/* All rows of an epoch, in a buffer of the caller's; the order goes to index. */
static int64_t read_epoch(dl4c_reader *r, int64_t batch, int32_t shuffle, uint64_t seed, float *x, int64_t *index)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_source *s = dl4c_reader_source(r);
    int64_t n = 0;
    if (dl4c_source_reset(s, shuffle, seed, 0, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        if (dl4c_source_next(s, batch, &b, &err) != DL4C_OK)
            fail_msg("%s", err.message);
        if (b.n == 0)
            return n;
        assert_true(b.n <= batch);
        memcpy(x + n * 240, b.x, (size_t)b.n * 240 * sizeof *x);
        for (int64_t i = 0; i < b.n; i++) {
            assert_int_equal(b.labels[i], dl4c_reader_label(r, b.index[i]));
            index[n++] = b.index[i];
        }
    }
}

static void pixels_do_not_depend_on_batches_threads_or_order(void **state)
{
    (void)state;
    float first[12 * 240], again[12 * 240];
    int64_t index[12], shuffled[12], other[12];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.preprocess = "vgg16";
    o.threads = 1;
    dl4c_reader *r = open_reader(o, dir);
    assert_int_equal(read_epoch(r, 5, 0, 0, first, index), 12);
    for (int i = 0; i < 12; i++)
        assert_int_equal(index[i], i);
    dl4c_reader_close(&r);
    o.threads = 5;
    o.prefetch = 7;
    r = open_reader(o, dir);
    assert_int_equal(read_epoch(r, 1, 1, 7, again, shuffled), 12);
    int moved = 0;
    for (int i = 0; i < 12; i++) {
        moved += shuffled[i] != i;
        assert_memory_equal(again + i * 240, first + shuffled[i] * 240, 240 * sizeof(float));
    }
    assert_true(moved > 4);
    assert_int_equal(read_epoch(r, 12, 1, 7, again, other), 12); /* the same seed, the same order */
    assert_memory_equal(shuffled, other, sizeof other);
    dl4c_reader_close(&r);
}

/* Whoever decodes and whoever asks: images are computed as the thread does that opened the reader, here one that rounds down. Turning an
 * image takes floats. */
static void images_are_computed_as_the_thread_that_opened_the_reader_computes(void **state)
{
    (void)state;
    static float nearest[12 * 240], down[12 * 240], again[12 * 240], alone[12 * 240];
    int64_t index[12];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    const int before = fegetround();
    o.preprocess = "vgg16";
    o.transform = "rotate:angle=13";
    o.threads = 2;
    dl4c_reader *r = open_reader(o, dir);
    assert_int_equal(read_epoch(r, 5, 0, 0, nearest, index), 12);
    fesetround(FE_DOWNWARD);
    int64_t n = read_epoch(r, 5, 0, 0, again, index);
    dl4c_reader *other = open_reader(o, dir);
    o.threads = 1;
    dl4c_reader *single = open_reader(o, dir);
    n += read_epoch(single, 5, 0, 0, alone, index);
    const int after = fegetround();
    fesetround(before);
    assert_int_equal(after, FE_DOWNWARD);
    n += read_epoch(other, 5, 0, 0, down, index);
    assert_int_equal(n, 36);
    assert_memory_equal(again, nearest, sizeof nearest);
    assert_memory_equal(alone, down, sizeof down);
    assert_memory_not_equal(nearest, down, sizeof down);
    dl4c_reader_close(&r);
    dl4c_reader_close(&other);
    dl4c_reader_close(&single);
}

static void a_bad_image_is_left_out_and_reported(void **state)
{
    (void)state;
    float x[12 * 240];
    int64_t index[12];
    size_t size;
    unsigned char *jpeg = photos_read(in_dir("dog/1.jpg"), &size);
    FILE *f = fopen(in_dir("dog/1.jpg"), "wb");
    fwrite(jpeg, 1, size / 2, f);
    fclose(f);
    free(jpeg);
    dl4c_reader *r = open_reader((struct dl4c_reader_options)DL4C_READER_OPTIONS_INIT, dir);
    assert_int_equal(read_epoch(r, 4, 0, 0, x, index), 11);
    assert_int_equal(dl4c_reader_bad_count(r), 1);
    int64_t image;
    const char *why;
    assert_int_equal(dl4c_reader_bad(r, 0, &image, &why, NULL), DL4C_OK);
    assert_string_equal(dl4c_reader_path(r, image), "dog/1.jpg");
    assert_true(strlen(why) > 10);
    dl4c_reader_close(&r);

    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.on_bad = DL4C_BAD_FAIL;
    r = open_reader(o, dir);
    struct dl4c_batch b = DL4C_BATCH_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err), DL4C_OK);
    assert_int_not_equal(dl4c_source_next(dl4c_reader_source(r), 12, &b, &err), DL4C_OK);
    assert_non_null(strstr(err.message, "dog/1.jpg"));
    dl4c_reader_close(&r);
    photos_text(in_dir("emu/2.jpg"), "this is no JPEG");
    o.on_bad = DL4C_BAD_SKIP;
    o.max_bad = 1;
    r = open_reader(o, dir);
    assert_int_equal(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err), DL4C_OK);
    assert_int_equal(dl4c_source_next(dl4c_reader_source(r), 12, &b, &err), DL4C_E_LIMIT);
    dl4c_reader_close(&r);
}

/* The images decoded ahead lie in a ring, and a batch is lent out of it: bad images inside, its end inside, batches larger than it, and
 * sizes that change on the way. */
static void batches_are_the_same_wherever_the_ring_ends(void **state)
{
    (void)state;
    enum { IMAGES = 60 };
    static float first[IMAGES * 240];
    int64_t index[IMAGES];
    photos_remove(dir);
    photos_dir(dir, sizeof dir);
    photos_classes(dir, IMAGES / 3);
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.prefetch = 1;
    dl4c_reader *r = open_reader(o, dir);
    assert_int_equal(read_epoch(r, IMAGES, 0, 0, first, index), IMAGES);
    dl4c_reader_close(&r);
    static const char *const bad[] = { "cat/0.jpg", "cat/7.jpg", "cat/8.jpg", "dog/3.jpg", "dog/12.jpg", "emu/9.jpg", "emu/19.jpg" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        photos_text(in_dir(bad[i]), "this is no JPEG");
    for (int64_t batch = 1; batch <= 16; batch += 1 + batch / 4) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        o.threads = 1 + (int32_t)batch % 3;
        r = open_reader(o, dir);
        for (int epoch = 0; epoch < 2; epoch++) {
            int64_t n = 0, at = 0;
            assert_int_equal(dl4c_source_reset(dl4c_reader_source(r), 0, 0, epoch, &err), DL4C_OK);
            for (;;) {
                struct dl4c_batch b = DL4C_BATCH_INIT;
                const int64_t want = epoch == 0 ? batch : 1 + (batch * 5 + at++ * 7) % 17;
                assert_int_equal(dl4c_source_next(dl4c_reader_source(r), want, &b, &err), DL4C_OK);
                if (b.n == 0)
                    break;
                assert_true(b.n == want || n + b.n == IMAGES - (int64_t)(sizeof bad / sizeof *bad));
                for (int64_t i = 0; i < b.n; i++)
                    assert_memory_equal(b.x + i * 240, first + b.index[i] * 240, 240 * sizeof *first);
                n += b.n;
            }
            assert_int_equal(n, IMAGES - (int64_t)(sizeof bad / sizeof *bad));
            assert_int_equal(dl4c_reader_bad_count(r), sizeof bad / sizeof *bad);
        }
        dl4c_reader_close(&r);
    }
}

static void a_list_decides_order_and_its_mistakes_are_named(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    photos_text(in_dir("list.txt"), "emu/3.jpg\r\n\ncat/0.jpg\n");
    o.list = in_dir("list.txt");
    dl4c_reader *r = open_reader(o, dir);
    assert_int_equal(dl4c_reader_count(r), 2);
    assert_string_equal(dl4c_reader_path(r, 0), "emu/3.jpg");
    assert_int_equal(dl4c_reader_class_count(r), 3); /* never only those in the list */
    dl4c_reader_close(&r);
    photos_text(in_dir("classes.txt"), "cat\nfox\nemu\n");
    r = open_reader(o, dir);
    assert_string_equal(dl4c_reader_class(r, 2), "fox");
    dl4c_reader_close(&r);
    remove(in_dir("classes.txt"));
    photos_text(in_dir("list.txt"), "cat/0.jpg\ncat/99.jpg\n");
    assert_int_equal(refused(o, dir, &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "cat/99.jpg"));
    photos_text(in_dir("list.txt"), "cow/0.jpg\n");
    assert_int_equal(refused(o, dir, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "cow/0.jpg"));
    o.list = in_dir("absent.txt");
    assert_int_equal(refused(o, dir, &err), DL4C_E_NOTFOUND);
}

static void a_folder_without_images_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    photos_mkdir(dir, "empty");
    const struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    assert_int_equal(refused(o, in_dir("empty"), &err), DL4C_E_INVALID);
    assert_int_equal(refused(o, in_dir("nowhere"), &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_int_equal(refused(o, NULL, &err), DL4C_E_INVALID);
}

static void unlabelled_images_come_from_any_depth(void **state)
{
    (void)state;
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.flags = DL4C_READER_UNLABELLED;
    photos_mkdir(dir, "cat/deep");
    photos_jpeg(in_dir("cat/deep/a.JPEG"), 9, 9, 1);
    photos_jpeg(in_dir("top.jpg"), 9, 9, 2);
    dl4c_reader *r = open_reader(o, dir);
    assert_int_equal(dl4c_reader_count(r), 14);
    assert_int_equal(dl4c_reader_class_count(r), 0);
    assert_int_equal(dl4c_reader_label(r, 0), -1);
    dl4c_reader_close(&r);
}

static void a_split_is_stratified_and_reproducible(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n[3];
    assert_int_equal(dl4c_split_dir(NULL, dir, in_dir("one"), NULL, n, &err), DL4C_OK);
    assert_int_equal(n[0] + n[1] + n[2], 12);
    assert_int_equal(n[1], 3); /* one of the four of each class */
    assert_int_equal(n[2], 3);
    photos_mkdir(dir, "fox");
    photos_jpeg(in_dir("fox/0.jpg"), 9, 9, 1);
    assert_int_equal(dl4c_split_dir(NULL, dir, in_dir("two"), NULL, n, &err), DL4C_OK);
    size_t a, b;
    unsigned char *one = photos_read(in_dir("one/test.txt"), &a), *two = photos_read(in_dir("two/test.txt"), &b);
    assert_int_equal(a, b); /* another class leaves the others alone: its single image went to train */
    assert_memory_equal(one, two, a);
    free(one);
    free(two);
    struct dl4c_split_dir_options o = DL4C_SPLIT_DIR_OPTIONS_INIT;
    o.train = 0.9;
    o.val = 0.9;
    assert_int_equal(dl4c_split_dir(NULL, dir, in_dir("three"), &o, n, &err), DL4C_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(classes_are_sorted_folders_and_hidden_files_are_skipped, make, clean),
        cmocka_unit_test_setup_teardown(pixels_do_not_depend_on_batches_threads_or_order, make, clean),
        cmocka_unit_test_setup_teardown(images_are_computed_as_the_thread_that_opened_the_reader_computes, make, clean),
        cmocka_unit_test_setup_teardown(a_bad_image_is_left_out_and_reported, make, clean),
        cmocka_unit_test_setup_teardown(batches_are_the_same_wherever_the_ring_ends, make, clean),
        cmocka_unit_test_setup_teardown(a_list_decides_order_and_its_mistakes_are_named, make, clean),
        cmocka_unit_test_setup_teardown(a_folder_without_images_is_refused, make, clean),
        cmocka_unit_test_setup_teardown(unlabelled_images_come_from_any_depth, make, clean),
        cmocka_unit_test_setup_teardown(a_split_is_stratified_and_reproducible, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
