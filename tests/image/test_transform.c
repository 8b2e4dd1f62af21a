/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms and bitmaps on pictures small enough to write down. Recorded pictures: run_goldens, i_datavec. */
#include "support/fail_alloc.h"
#include <dl4c/image.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dl4c_transform *make(const char *step)
{
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_transform *t = NULL;
    o.steps = &step;
    o.n_steps = 1;
    if (dl4c_transform_create(NULL, &o, &t, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return t;
}

/* 4 by 3, grey: 10 x + y. */
static dl4c_image *ramp(void)
{
    dl4c_image *img = NULL;
    assert_int_equal(dl4c_image_create(NULL, 4, 3, 1, &img, NULL), DL4C_OK);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            dl4c_image_pixels(img)[(size_t)y * dl4c_image_stride(img) + (size_t)x] = (uint8_t)(10 * x + y);
    return img;
}

static dl4c_image *apply(const char *step, int64_t seed)
{
    dl4c_transform *t = make(step);
    dl4c_image *img = ramp(), *out = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dl4c_transform_apply(t, img, seed, &out, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&img);
    return out;
}

static void expect(const char *step, int32_t w, int32_t h, const uint8_t *want)
{
    dl4c_image *out = apply(step, 0);
    assert_int_equal(dl4c_image_width(out), w);
    assert_int_equal(dl4c_image_height(out), h);
    for (int32_t y = 0; y < h; y++)
        assert_memory_equal(dl4c_image_pixels_const(out) + (size_t)y * dl4c_image_stride(out), want + y * w, (size_t)w);
    dl4c_image_destroy(&out);
}

static void pixels_go_where_the_step_says(void **state)
{
    (void)state;
    static const uint8_t same[] = { 0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32 };
    expect("flip:mode=horizontal", 4, 3, (const uint8_t[]){ 30, 20, 10, 0, 31, 21, 11, 1, 32, 22, 12, 2 });
    expect("flip:mode=vertical", 4, 3, (const uint8_t[]){ 2, 12, 22, 32, 1, 11, 21, 31, 0, 10, 20, 30 });
    expect("crop:top=1,left=2", 2, 2, (const uint8_t[]){ 21, 31, 22, 32 });
    expect("crop:top=9,left=9,bottom=9,right=9", 1, 1, (const uint8_t[]){ 32 });
    expect("box:width=2,height=5", 2, 5, (const uint8_t[]){ 0, 0, 10, 20, 11, 21, 12, 22, 0, 0 });
    expect("rotate:angle=0", 4, 3, same);
    expect("warp:deltas=0", 4, 3, same);
    expect("scale:dx=0", 4, 3, same);
    expect("resize:width=4,height=3", 4, 3, same);
    /* about (2, 1): the pixel there stays, that to its right comes from below it */
    dl4c_image *out = apply("rotate:angle=90", 0);
    assert_int_equal(dl4c_image_pixels_const(out)[dl4c_image_stride(out) + 2], 21);
    assert_int_equal(dl4c_image_pixels_const(out)[dl4c_image_stride(out) + 3], 22);
    dl4c_image_destroy(&out);
}

/* Twelve levels of one pixel each: the first becomes 0, the others k * 255 / 11. */
static void equalizing_spreads_the_levels(void **state)
{
    (void)state;
    dl4c_image *out = apply("equalize", 0);
    assert_int_equal(dl4c_image_pixels_const(out)[0], 0);
    assert_int_equal(dl4c_image_pixels_const(out)[2 * dl4c_image_stride(out)], 46); /* 2 of 11: 46.36 */
    assert_int_equal(dl4c_image_pixels_const(out)[2 * dl4c_image_stride(out) + 3], 255);
    dl4c_image_destroy(&out);
}

static void colours_are_those_of_opencv(void **state)
{
    (void)state;
    dl4c_image *img = NULL, *out = NULL;
    assert_int_equal(dl4c_image_create(NULL, 1, 1, 3, &img, NULL), DL4C_OK);
    memcpy(dl4c_image_pixels(img), "\xFF\0\0", 3); /* red */
    dl4c_transform *t = make("color:to=ycrcb");
    assert_int_equal(dl4c_transform_apply(t, img, 0, &out, NULL), DL4C_OK);
    /* Y 76, Cr (255 - 76) * 0.713 + 128 = 255.6, Cb -76 * 0.564 + 128 = 85.1 */
    assert_int_equal(dl4c_image_pixels_const(out)[2], 76);
    assert_int_equal(dl4c_image_pixels_const(out)[1], 255);
    assert_int_equal(dl4c_image_pixels_const(out)[0], 85);
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&out);
    dl4c_image_destroy(&img);
}

static void a_seed_gives_the_same_picture_and_others_another(void **state)
{
    (void)state;
    static const char *const steps[] = { "flip",
                                         "random_crop:width=2,height=2",
                                         "crop:top=1,left=2,right=1,random=on",
                                         "rotate:angle=90,random=on",
                                         "warp:deltas=2,random=on",
                                         "scale:dx=3,dy=2,random=on" };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int differ = 0;
        for (int64_t seed = 1; seed < 12; seed++) {
            dl4c_image *a = apply(steps[i], seed), *b = apply(steps[i], seed), *c = apply(steps[i], seed + 100);
            const size_t n = dl4c_image_stride(a) * (size_t)dl4c_image_height(a), m = dl4c_image_stride(c) * (size_t)dl4c_image_height(c);
            assert_memory_equal(dl4c_image_pixels_const(a), dl4c_image_pixels_const(b), n);
            differ += n != m || memcmp(dl4c_image_pixels_const(a), dl4c_image_pixels_const(c), n) != 0;
            dl4c_image_destroy(&a);
            dl4c_image_destroy(&b);
            dl4c_image_destroy(&c);
        }
        assert_true(differ > 0);
    }
}

/* new Random(0).nextInt(4) - 2 of OpenJDK 17 is 0: vertical. */
static void javas_seeds_draw_what_java_draws(void **state)
{
    (void)state;
    static const char *const step = "flip";
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    dl4c_transform *t = NULL;
    dl4c_image *img = ramp(), *out = NULL;
    o.steps = &step;
    o.n_steps = 1;
    o.flags = DL4C_TRANSFORM_JAVA;
    assert_int_equal(dl4c_transform_create(NULL, &o, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_transform_apply(t, img, 0, &out, NULL), DL4C_OK);
    assert_memory_equal(dl4c_image_pixels_const(out), "\2\14\26\40", 4);
    dl4c_image_destroy(&out);
    dl4c_image_destroy(&img);
    dl4c_transform_destroy(&t);
}

static void a_pipeline_makes_each_step_as_often_as_its_probability_says(void **state)
{
    (void)state;
    static const char *const steps[] = { "flip:mode=horizontal", "crop:top=1" };
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    dl4c_transform *t = NULL;
    dl4c_image *img = ramp();
    int flipped = 0;
    o.steps = steps;
    o.n_steps = 2;
    o.flags = DL4C_TRANSFORM_SHUFFLE;
    o.probabilities = (const double[]){ 0.25, 1 };
    assert_int_equal(dl4c_transform_create(NULL, &o, &t, NULL), DL4C_OK);
    for (int64_t seed = 0; seed < 400; seed++) {
        dl4c_image *out = NULL;
        assert_int_equal(dl4c_transform_apply(t, img, seed, &out, NULL), DL4C_OK);
        assert_int_equal(dl4c_image_height(out), 2);
        flipped += dl4c_image_pixels_const(out)[0] == 31;
        dl4c_image_destroy(&out);
    }
    assert_in_range(flipped, 65, 135); /* 100, and four deviations of 8.7 */
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&img);
}

static dl4c_image *apply_text(const char *text, int64_t seed)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_transform *t = NULL;
    dl4c_image *img = ramp(), *out = NULL;
    if (dl4c_transform_parse(NULL, text, &t, &err) != DL4C_OK || dl4c_transform_apply(t, img, seed, &out, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&img);
    return out;
}

static void a_text_makes_the_same_as_its_steps(void **state)
{
    (void)state;
    static const char *const steps[] = { "flip:mode=horizontal", "crop:top=1" };
    for (int32_t flags = 0; flags < 4; flags++) {
        static const char *const front[] = { "", "shuffle/", "java/", "java/shuffle/" };
        struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
        dl4c_transform *t = NULL;
        char text[100];
        o.steps = steps;
        o.n_steps = 2;
        o.flags = flags;
        o.probabilities = (const double[]){ 0.25, 1 };
        assert_int_equal(dl4c_transform_create(NULL, &o, &t, NULL), DL4C_OK);
        snprintf(text, sizeof text, "%sflip:mode=horizontal,p=0.25/crop(top=1)", front[flags]);
        for (int64_t seed = 0; seed < 30; seed++) {
            dl4c_image *img = ramp(), *a = NULL, *b = apply_text(text, seed);
            assert_int_equal(dl4c_transform_apply(t, img, seed, &a, NULL), DL4C_OK);
            assert_int_equal(dl4c_image_height(a), dl4c_image_height(b));
            assert_memory_equal(dl4c_image_pixels_const(a), dl4c_image_pixels_const(b), dl4c_image_stride(a) * 2);
            dl4c_image_destroy(&img);
            dl4c_image_destroy(&a);
            dl4c_image_destroy(&b);
        }
        dl4c_transform_destroy(&t);
    }
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",        "/",      "flip/",     "flip//flip",   "flip:p=1.5",    "flip:p=x", "flip:p=-0.1",
                                       "shuffle", "blur/1", "flip java", "flip/shuffle", "flip:p=0.5,p=2" };
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    dl4c_transform *t = (dl4c_transform *)1;
    char many[65 * 5 + 1] = "";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(dl4c_transform_parse(NULL, bad[i], &t, NULL), DL4C_OK);
        assert_null(t);
    }
    for (int i = 0; i < 65; i++)
        memcpy(many + 5 * i, "flip/", 6);
    many[65 * 5 - 1] = '\0';
    assert_int_equal(dl4c_transform_parse(NULL, many, &t, NULL), DL4C_E_INVALID);
    many[64 * 5 - 1] = '\0';
    assert_int_equal(dl4c_transform_parse(NULL, many, &t, NULL), DL4C_OK);
    dl4c_transform_destroy(&t);
    static const char *const twice = "flip:p=0.5"; /* and beside it */
    o.steps = &twice;
    o.n_steps = 1;
    o.probabilities = (const double[]){ 0.5 };
    assert_int_equal(dl4c_transform_create(NULL, &o, &t, NULL), DL4C_E_INVALID);
}

static void wrong_steps_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "blur", "flip:mode=up", "resize:width=0,height=1", "resize:width=5", "crop:top=-1", "" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
        dl4c_transform *t = (dl4c_transform *)1;
        o.steps = &bad[i];
        o.n_steps = 1;
        assert_int_not_equal(dl4c_transform_create(NULL, &o, &t, NULL), DL4C_OK);
        assert_null(t);
    }
    static const char *const late[] = { "random_crop:width=5,height=1", "scale:dx=-4", "color", "warp:deltas=0;0;-4;0;-4;-3;0;-3" };
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        dl4c_transform *t = make(late[i]);
        dl4c_image *img = ramp(), *out = (dl4c_image *)1;
        assert_int_equal(dl4c_transform_apply(t, img, 0, &out, NULL), DL4C_E_INVALID);
        assert_null(out);
        dl4c_transform_destroy(&t);
        dl4c_image_destroy(&img);
    }
}

/* 2 by 2 with 24 bits: rows from the bottom, blue first, padded to four bytes. */
static const unsigned char bitmap[] = {
    'B', 'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,  0, 1, 0, 24, 0, 0, 0, 0, 0, 16,
    0,   0,   0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0, 1, 2,  3, 4, 5, 6, 0, 0,
};

static void bitmaps_are_read_and_lies_refused(void **state)
{
    (void)state;
    dl4c_image *img = NULL;
    assert_int_equal(dl4c_image_decode(NULL, bitmap, sizeof bitmap, NULL, &img, NULL), DL4C_OK);
    assert_memory_equal(dl4c_image_pixels_const(img), "\3\2\1\6\5\4", 6);
    assert_memory_equal(dl4c_image_pixels_const(img) + dl4c_image_stride(img), "\11\10\7\14\13\12", 6);
    dl4c_image_destroy(&img);
    for (size_t n = 2; n < sizeof bitmap; n++) {
        unsigned char *cut = malloc(n); /* its end is the memory's */
        assert_non_null(cut);
        memcpy(cut, bitmap, n);
        assert_int_equal(dl4c_image_decode(NULL, cut, n, NULL, &img, NULL), DL4C_E_CORRUPT);
        free(cut);
    }
    for (size_t i = 10; i < 54; i++)
        for (int v = 0; v < 256; v += 5) {
            unsigned char *bad = malloc(sizeof bitmap);
            assert_non_null(bad);
            memcpy(bad, bitmap, sizeof bitmap);
            bad[i] = (unsigned char)v;
            dl4c_image_decode(NULL, bad, sizeof bitmap, NULL, &img, NULL); /* any answer, and no byte outside */
            dl4c_image_destroy(&img);
            free(bad);
        }
}

static dl4c_status every_step(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    static const char *const steps[] = {
        "flip", "crop:top=1", "rotate:angle=5", "warp:deltas=1", "box:width=5,height=5", "equalize", "resize:width=3,height=3"
    };
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    dl4c_transform *t = NULL;
    dl4c_image *img = NULL, *out = NULL;
    (void)arg;
    o.steps = steps;
    o.n_steps = sizeof steps / sizeof *steps;
    dl4c_status s = dl4c_transform_create(ctx, &o, &t, err);
    if (s == DL4C_OK)
        s = dl4c_image_decode(ctx, bitmap, sizeof bitmap, NULL, &img, err);
    if (s == DL4C_OK)
        s = dl4c_transform_apply(t, img, 1, &out, err);
    assert_true((s == DL4C_OK) == (out != NULL));
    dl4c_image_destroy(&out);
    dl4c_image_destroy(&img);
    dl4c_transform_destroy(&t);
    return s;
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(every_step, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_go_where_the_step_says),
        cmocka_unit_test(equalizing_spreads_the_levels),
        cmocka_unit_test(colours_are_those_of_opencv),
        cmocka_unit_test(a_seed_gives_the_same_picture_and_others_another),
        cmocka_unit_test(javas_seeds_draw_what_java_draws),
        cmocka_unit_test(a_pipeline_makes_each_step_as_often_as_its_probability_says),
        cmocka_unit_test(a_text_makes_the_same_as_its_steps),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(wrong_steps_are_refused),
        cmocka_unit_test(bitmaps_are_read_and_lies_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
