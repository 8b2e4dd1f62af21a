/* SPDX-License-Identifier: Apache-2.0 */
/* Images changed as they are read, labels by pattern, and splits by DataVec's filters. */
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

enum { ROW = 3 * 8 * 10, MOST = 24 };
static const char changes[] = "flip:p=0.7/rotate:angle=30,random=on/crop:top=2,left=2,bottom=2,right=2,random=on";
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

/* An epoch's rows, each at its image's place in x [MOST, ROW]; how many. */
static int64_t read_epoch(struct dl4c_reader_options o, int32_t shuffle, int64_t epoch, int64_t batch, float *x, dl4c_reader **out)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_reader *r = NULL;
    o.height = 8;
    o.width = 10;
    if (dl4c_reader_open(NULL, dir, &o, &r, &err) != DL4C_OK ||
        dl4c_source_reset(dl4c_reader_source(r), shuffle, 5, epoch, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    int64_t n = 0;
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        if (dl4c_source_next(dl4c_reader_source(r), batch, &b, &err) != DL4C_OK)
            fail_msg("%s", err.message);
        if (b.n == 0)
            break;
        for (int64_t i = 0; i < b.n; i++, n++)
            memcpy(x + b.index[i] * ROW, b.x + i * ROW, ROW * sizeof *x);
    }
    if (out)
        *out = r;
    else
        dl4c_reader_close(&r);
    return n;
}

static int64_t same_rows(const float *a, const float *b, int64_t n)
{
    int64_t same = 0;
    for (int64_t i = 0; i < n; i++)
        same += memcmp(a + i * ROW, b + i * ROW, ROW * sizeof *a) == 0;
    return same;
}

static void changes_depend_on_seed_and_epoch_alone(void **state)
{
    (void)state;
    static float plain[MOST * ROW], one[MOST * ROW], other[MOST * ROW];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    assert_int_equal(read_epoch(o, 0, 0, 5, plain, NULL), 12);
    o.transform = changes;
    o.transform_seed = 7;
    o.threads = 1;
    assert_int_equal(read_epoch(o, 0, 0, 5, one, NULL), 12);
    assert_true(same_rows(plain, one, 12) < 4);
    o.threads = 5;
    assert_int_equal(read_epoch(o, 1, 0, 3, other, NULL), 12);
    assert_int_equal(same_rows(one, other, 12), 12);
    assert_int_equal(read_epoch(o, 0, 1, 5, other, NULL), 12);
    assert_true(same_rows(one, other, 12) < 4);
    o.transform_seed = 8;
    assert_int_equal(read_epoch(o, 0, 0, 5, other, NULL), 12);
    assert_true(same_rows(one, other, 12) < 4);
}

static void a_list_changes_no_image(void **state)
{
    (void)state;
    static float all[MOST * ROW], some[MOST * ROW];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.transform = changes;
    assert_int_equal(read_epoch(o, 0, 3, 5, all, NULL), 12);
    photos_text(in_dir("list.txt"), "emu/1.jpg\ndog/2.jpg\n");
    o.list = in_dir("list.txt");
    assert_int_equal(read_epoch(o, 0, 3, 5, some, NULL), 2);
    assert_int_equal(same_rows(some, all + 9 * ROW, 1), 1);
    assert_int_equal(same_rows(some + ROW, all + 6 * ROW, 1), 1);
}

/* The copies of an epoch of two are the images of two epochs of one. */
static void copies_are_changed_each_anew(void **state)
{
    (void)state;
    static float twice[2 * MOST * ROW], zero[MOST * ROW], one[MOST * ROW];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    o.transform = changes;
    o.copies = 2;
    assert_int_equal(read_epoch(o, 0, 0, 7, twice, &r), 24);
    assert_int_equal(dl4c_reader_count(r), 24);
    assert_string_equal(dl4c_reader_path(r, 13), dl4c_reader_path(r, 1));
    assert_int_equal(dl4c_reader_label(r, 23), 2);
    assert_string_equal(dl4c_reader_transform(r), changes);
    dl4c_reader_close(&r);
    o.copies = 1;
    read_epoch(o, 0, 0, 5, zero, NULL);
    read_epoch(o, 0, 1, 5, one, NULL);
    assert_int_equal(same_rows(twice, zero, 12), 12);
    assert_int_equal(same_rows(twice + 12 * ROW, one, 12), 12);
}

/* The files' pixels through the transform and the preprocessing by hand, with seeds that come out only if the order is right. */
static void changes_come_between_decoding_and_fitting(void **state)
{
    (void)state;
    static float got[MOST * ROW], want[ROW];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    struct dl4c_preprocess p;
    dl4c_transform *t = NULL;
    dl4c_image *img = NULL, *changed = NULL;
    size_t size;
    o.transform = "flip:mode=horizontal/crop:top=3,left=1";
    o.preprocess = "vgg16";
    assert_int_equal(read_epoch(o, 0, 0, 5, got, NULL), 12);
    unsigned char *bytes = photos_read(in_dir("cat/0.jpg"), &size);
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_transform_parse(NULL, o.transform, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_transform_apply(t, img, 0, &changed, NULL), DL4C_OK);
    assert_int_equal(dl4c_preprocess_named("vgg16", &p, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_to_floats(changed, &p, 3, 8, 10, want, NULL), DL4C_OK);
    assert_memory_equal(got, want, sizeof want);
    free(bytes);
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&img);
    dl4c_image_destroy(&changed);
}

static void an_image_that_cannot_be_changed_is_bad(void **state)
{
    (void)state;
    static float x[MOST * ROW];
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    int64_t image;
    const char *why;
    photos_jpeg(in_dir("cat/0.jpg"), 5, 5, 1);
    o.transform = "random_crop:width=6,height=6";
    assert_int_equal(read_epoch(o, 0, 0, 5, x, &r), 11);
    assert_int_equal(dl4c_reader_bad(r, 0, &image, &why, NULL), DL4C_OK);
    assert_string_equal(dl4c_reader_path(r, image), "cat/0.jpg");
    assert_non_null(strstr(why, "6x6"));
    dl4c_reader_close(&r);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *transform, *pattern;
        int32_t copies, position;
    } bad[] = { { "blur", NULL, 0, 0 },  { NULL, NULL, 2, 0 }, { "flip", NULL, -1, 0 }, { NULL, NULL, 0, 1 },
                { NULL, "(a|b)", 0, 0 }, { NULL, "_", 0, 5 },  { NULL, "_", 0, -1 },    { "flip", NULL, 20000, 0 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
        dl4c_reader *r = (dl4c_reader *)1;
        o.height = o.width = 8;
        o.transform = bad[i].transform;
        o.label_pattern = bad[i].pattern;
        o.copies = bad[i].copies;
        o.label_position = bad[i].position;
        assert_int_not_equal(dl4c_reader_open(NULL, dir, &o, &r, NULL), DL4C_OK);
        assert_null(r);
    }
}

/* Six images at two depths whose names say what they show. */
static void draw_named(void)
{
    static const char *const name[] = { "a_cat_1.jpg",      "a_dog_1.jpg",      "deep/b_cat_2.jpg",
                                        "deep/b_emu_2.jpg", "deep/c_cat_3.jpg", "d_cat_4.jpg" };
    photos_mkdir(dir, "named");
    photos_mkdir(dir, "named/deep");
    for (unsigned i = 0; i < 6; i++) {
        char path[100];
        snprintf(path, sizeof path, "named/%s", name[i]);
        photos_jpeg(in_dir(path), 9, 9, i);
    }
}

static void a_pattern_labels_images_at_any_depth(void **state)
{
    (void)state;
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_reader *r = NULL;
    draw_named();
    o.height = o.width = 8;
    o.label_pattern = "_";
    o.label_position = 1;
    if (dl4c_reader_open(NULL, in_dir("named"), &o, &r, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_reader_class_count(r), 3);
    assert_string_equal(dl4c_reader_class(r, 2), "emu");
    assert_int_equal(dl4c_reader_count(r), 6);
    for (int64_t i = 0; i < 6; i++)
        assert_non_null(strstr(dl4c_reader_path(r, i), dl4c_reader_class(r, (int32_t)dl4c_reader_label(r, i))));
    dl4c_reader_close(&r);
    o.label_position = 3;
    assert_int_equal(dl4c_reader_open(NULL, in_dir("named"), &o, &r, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "_1.jpg"));
}

static void a_split_takes_labels_by_pattern(void **state)
{
    (void)state;
    struct dl4c_split_dir_options o = DL4C_SPLIT_DIR_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n[3];
    size_t size;
    draw_named();
    o.train = 0.5;
    o.test = 0.5;
    o.label_pattern = "_";
    o.label_position = 1;
    if (dl4c_split_dir(NULL, in_dir("named"), in_dir("lists"), &o, n, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(n[0] + n[2], 6);
    assert_int_equal(n[0], 4); /* two of four cats, and of one dog and one emu the rounded half */
    unsigned char *classes = photos_read(in_dir("lists/classes.txt"), &size);
    assert_int_equal(size, 12);
    assert_memory_equal(classes, "cat\ndog\nemu\n", 12);
    free(classes);
}

/* The lists hold what dl4c_sample_paths picks of the sorted paths, which run_goldens compares with DataVec's. */
static void a_split_takes_datavecs_filters(void **state)
{
    (void)state;
    struct dl4c_split_dir_options o = DL4C_SPLIT_DIR_OPTIONS_INIT;
    struct dl4c_sample_options so = DL4C_SAMPLE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *paths[12];
    char text[12][32], list[400] = "";
    int64_t n[3], picked[12], n_picked, ends[3];
    int32_t n_ends;
    const double weights[3] = { 0.5, 0.25, 0.25 };
    for (int i = 0; i < 12; i++) {
        snprintf(text[i], sizeof text[i], "%s/%d.jpg", i < 4 ? "cat" : i < 8 ? "dog" : "emu", i % 4);
        paths[i] = text[i];
    }
    so.filter = DL4C_SAMPLE_BALANCED;
    so.max_per_label = 3;
    o.train = 0.5;
    o.val = o.test = 0.25;
    o.seed = 11;
    o.sample = &so;
    if (dl4c_split_dir(NULL, dir, in_dir("lists"), &o, n, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    so.seed = 11;
    so.weights = weights;
    so.n_weights = 3;
    assert_int_equal(dl4c_sample_paths(NULL, paths, 12, &so, picked, &n_picked, ends, &n_ends, NULL), DL4C_OK);
    assert_int_equal(n_picked, 9);
    assert_int_equal(n[0], ends[0]);
    assert_int_equal(n[1], ends[1] - ends[0]);
    assert_int_equal(n[2], 9 - ends[1]);
    for (int i = 0; i < 12; i++) /* sorted */
        for (int64_t k = 0; k < ends[0]; k++)
            if (picked[k] == i)
                strcat(strcat(list, paths[i]), "\n");
    size_t size;
    unsigned char *train = photos_read(in_dir("lists/train.txt"), &size);
    assert_int_equal(size, strlen(list));
    assert_memory_equal(train, list, size);
    free(train);
    so.max_labels = -1;
    assert_int_equal(dl4c_split_dir(NULL, dir, in_dir("lists"), &o, n, &err), DL4C_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_depend_on_seed_and_epoch_alone, make, clean),
        cmocka_unit_test_setup_teardown(a_list_changes_no_image, make, clean),
        cmocka_unit_test_setup_teardown(copies_are_changed_each_anew, make, clean),
        cmocka_unit_test_setup_teardown(changes_come_between_decoding_and_fitting, make, clean),
        cmocka_unit_test_setup_teardown(an_image_that_cannot_be_changed_is_bad, make, clean),
        cmocka_unit_test_setup_teardown(wrong_options_are_refused, make, clean),
        cmocka_unit_test_setup_teardown(a_pattern_labels_images_at_any_depth, make, clean),
        cmocka_unit_test_setup_teardown(a_split_takes_labels_by_pattern, make, clean),
        cmocka_unit_test_setup_teardown(a_split_takes_datavecs_filters, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
