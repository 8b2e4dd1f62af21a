/* SPDX-License-Identifier: Apache-2.0 */
/* The preprocess table: values, text form, and what becomes of pixels. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/number.h"
#include "image/preprocess.h"
#include "support/fail_alloc.h"

static struct dl4c_preprocess named(const char *name)
{
    struct dl4c_preprocess p;
    assert_int_equal(dl4c_preprocess_named(name, &p, NULL), DL4C_OK);
    return p;
}

/* Two pixels, red 10 20 30 and white, through a preset at their own size. */
static void run(const char *text, float out[6])
{
    uint8_t rgb[6] = { 10, 20, 30, 255, 255, 255 };
    struct dl4c_preprocess p;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_image *img;
    if (dl4c_preprocess_parse(NULL, text, &p, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_image_wrap(NULL, 2, 1, 3, rgb, 6, NULL, NULL, &img, NULL), DL4C_OK);
    if (dl4c_image_to_floats(img, &p, 3, 1, 2, out, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_image_destroy(&img);
}

static void pixels_become_what_the_table_says(void **state)
{
    static const struct {
        const char *name;
        float want[6]; /* channel by channel */
    } cases[] = {
        { "none", { 10, 255, 20, 255, 30, 255 } },
        { "scale01", { 10 / 255.0f, 1, 20 / 255.0f, 1, 30 / 255.0f, 1 } },
        { "dl4j", { 30, 255, 20, 255, 10, 255 } },
        { "vgg16", { 30 - 103.939f, 255 - 103.939f, 20 - 116.779f, 255 - 116.779f, 10 - 123.68f, 255 - 123.68f } },
        { "keras-vgg16", { 30 - 103.939f, 255 - 103.939f, 20 - 116.779f, 255 - 116.779f, 10 - 123.68f, 255 - 123.68f } },
        { "torchvision:enlarge=1",
          { (10 / 255.0f - 0.485f) / 0.229f, (1 - 0.485f) / 0.229f, (20 / 255.0f - 0.456f) / 0.224f, (1 - 0.456f) / 0.224f,
            (30 / 255.0f - 0.406f) / 0.225f, (1 - 0.406f) / 0.225f } },
        { "tf", { 10 / 127.5f - 1, 1, 20 / 127.5f - 1, 1, 30 / 127.5f - 1, 1 } },
    };
    assert_int_equal(dl4c_preprocess_count(), sizeof cases / sizeof *cases);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float out[6];
        run(cases[i].name, out);
        for (int k = 0; k < 6; k++)
            if (out[k] != cases[i].want[k])
                fail_msg("%s: value %d is %a, wanted %a", cases[i].name, k, (double)out[k], (double)cases[i].want[k]);
    }
}

static void presets_are_those_of_the_table(void **state)
{
    static const struct {
        const char *name;
        int order, resize, fit, ignore_exif;
    } table[] = {
        { "none", DL4C_ORDER_RGB, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0 },
        { "scale01", DL4C_ORDER_RGB, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0 },
        { "dl4j", DL4C_ORDER_BGR, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0 },
        { "vgg16", DL4C_ORDER_BGR, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0 },
        { "keras-vgg16", DL4C_ORDER_BGR, DL4C_RESIZE_NEAREST, DL4C_FIT_STRETCH, 1 },
        { "torchvision", DL4C_ORDER_RGB, DL4C_RESIZE_PILLOW, DL4C_FIT_CROP, 1 },
        { "tf", DL4C_ORDER_RGB, DL4C_RESIZE_PILLOW, DL4C_FIT_STRETCH, 1 },
    };
    for (int i = 0; i < dl4c_preprocess_count(); i++) {
        const struct dl4c_preprocess *p = dl4c_preprocess_get(i);
        assert_string_equal(p->name, table[i].name);
        assert_int_equal(p->order, table[i].order);
        assert_int_equal(p->resize, table[i].resize);
        assert_int_equal(p->fit, table[i].fit);
        assert_int_equal(p->ignore_exif, table[i].ignore_exif);
    }
    assert_null(dl4c_preprocess_get(-1));
    assert_null(dl4c_preprocess_get(dl4c_preprocess_count()));
}

static void print(const struct dl4c_preprocess *p, const char *want)
{
    char *text;
    struct dl4c_preprocess back;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_preprocess_print(NULL, p, &text, &err), DL4C_OK);
    assert_string_equal(text, want);
    assert_int_equal(dl4c_preprocess_parse(NULL, text, &back, &err), DL4C_OK);
    assert_memory_equal(&back, p, sizeof back);
    dl4c_free(text);
}

static void text_reads_back_as_the_same(void **state)
{
    for (int i = 0; i < dl4c_preprocess_count(); i++)
        print(dl4c_preprocess_get(i), dl4c_preprocess_get(i)->name);
    struct dl4c_preprocess p = named("vgg16");
    p.resize = DL4C_RESIZE_PILLOW;
    p.fit = DL4C_FIT_CROP;
    p.ignore_exif = 1;
    print(&p, "vgg16:resize=pillow,fit=crop,exif=off");
    p = named("torchvision");
    p.order = DL4C_ORDER_BGR;
    p.divide = 1;
    p.enlarge = 1.25;
    p.mean[0] = 0.1f;
    p.std[0] = p.std[1] = p.std[2] = 2;
    p.cmyk = DL4C_CMYK_OPENCV;
    print(&p, "torchvision:order=bgr,divide=1,mean=0.1;0.456;0.406,std=2,enlarge=1.25,cmyk=opencv");
    p = named("none");
    p.fit = DL4C_FIT_DL4J_CROP;
    p.mean[0] = p.mean[1] = p.mean[2] = 127.5f;
    print(&p, "none:mean=127.5,fit=dl4j-crop");
}

static void overrides_change_what_they_name_only(void **state)
{
    struct dl4c_preprocess p, want = named("keras-vgg16");
    assert_int_equal(dl4c_preprocess_parse(NULL, "keras-vgg16:exif=on", &p, NULL), DL4C_OK);
    want.ignore_exif = 0;
    assert_memory_equal(&p, &want, sizeof p);
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    o.flags = DL4C_IMAGE_TOLERATE | DL4C_IMAGE_IGNORE_EXIF;
    dl4c_preprocess_options(&p, &o);
    assert_int_equal(o.flags, DL4C_IMAGE_TOLERATE);
    p = named("keras-vgg16");
    dl4c_preprocess_options(&p, &o);
    assert_int_equal(o.flags, DL4C_IMAGE_TOLERATE | DL4C_IMAGE_IGNORE_EXIF);
    p = named("vgg16");
    dl4c_preprocess_options(&p, &o);
    assert_int_equal(o.flags, DL4C_IMAGE_TOLERATE | DL4C_IMAGE_CMYK_OPENCV);
}

static void wrong_texts_are_refused_with_what_was_wanted(void **state)
{
    static const struct {
        const char *text;
        dl4c_status status;
        const char *said;
    } cases[] = {
        { "vgg17", DL4C_E_NOTFOUND, "wanted none, scale01" },
        { "vgg16:resize=lanczos", DL4C_E_INVALID, "dl4j, pillow, nearest" },
        { "vgg16:rezise=dl4j", DL4C_E_INVALID, "did you mean \"resize\"" },
        { "vgg16:mean=1;2", DL4C_E_INVALID, "mean" },
        { "vgg16:std=0", DL4C_E_INVALID, "std" },
        { "vgg16:enlarge=0.5", DL4C_E_INVALID, "enlarge" },
        { "vgg16:exif=on,exif=off", DL4C_E_INVALID, "twice" },
        { "", DL4C_E_INVALID, "name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_preprocess p = named("tf"), before = p;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dl4c_preprocess_parse(NULL, cases[i].text, &p, &err), cases[i].status);
        if (!strstr(err.message, cases[i].said))
            fail_msg("\"%s\": %s", cases[i].text, err.message);
        assert_memory_equal(&p, &before, sizeof p);
    }
}

static void wrong_structs_are_refused(void **state)
{
    uint8_t grey[4] = { 0 };
    float out[12];
    dl4c_image *img;
    assert_int_equal(dl4c_image_wrap(NULL, 2, 2, 1, grey, 2, NULL, NULL, &img, NULL), DL4C_OK);
    struct dl4c_preprocess p = named("vgg16");
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_image_to_floats(img, &p, 1, 2, 2, out, &err), DL4C_E_INVALID); /* three means, one channel */
    assert_int_equal(dl4c_image_to_floats(img, &p, 2, 2, 2, out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 0, 2, out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 2, 2, NULL, &err), DL4C_E_INVALID);
    p.order = 2;
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 2, 2, out, &err), DL4C_E_INVALID);
    p = named("vgg16");
    p.std[1] = NAN;
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 2, 2, out, &err), DL4C_E_INVALID);
    p = named("vgg16");
    p.enlarge = 0.5;
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 2, 2, out, &err), DL4C_E_INVALID);
    dl4c_image_destroy(&img);
}

static void grey_is_repeated_and_colour_becomes_grey(void **state)
{
    uint8_t grey[2] = { 7, 200 }, rgb[6] = { 10, 20, 30, 255, 255, 255 };
    float out[6];
    dl4c_image *img;
    struct dl4c_preprocess p = named("none");
    assert_int_equal(dl4c_image_wrap(NULL, 2, 1, 1, grey, 2, NULL, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 1, 2, out, NULL), DL4C_OK);
    for (int k = 0; k < 3; k++) {
        assert_true(out[2 * k] == 7);
        assert_true(out[2 * k + 1] == 200);
    }
    dl4c_image_destroy(&img);
    assert_int_equal(dl4c_image_wrap(NULL, 2, 1, 3, rgb, 6, NULL, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_to_floats(img, &p, 1, 1, 2, out, NULL), DL4C_OK);
    assert_true(out[0] == 18 && out[1] == 255);
    dl4c_image_destroy(&img);
}

static void padding_is_black_before_the_mean(void **state)
{
    uint8_t white[6] = { 255, 255, 255, 255, 255, 255 };
    float out[3 * 4 * 4];
    dl4c_image *img;
    struct dl4c_preprocess p = named("vgg16");
    p.fit = DL4C_FIT_PAD;
    assert_int_equal(dl4c_image_wrap(NULL, 2, 1, 3, white, 6, NULL, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_to_floats(img, &p, 3, 4, 4, out, NULL), DL4C_OK);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 16; i++) /* rows 1 and 2 of 4 hold the image */
            assert_true(out[16 * k + i] == (i / 4 == 1 || i / 4 == 2 ? 255 : 0) - p.mean[k]);
    dl4c_image_destroy(&img);
}

/* What the descriptors call a default is what the preset has: said in words, it changes nothing. */
static void descriptors_tell_each_presets_own_values(void **state)
{
    (void)state;
    assert_int_equal(dl4c_descriptor_count(DL4C_KIND_PREPROCESS), dl4c_preprocess_count());
    for (int32_t i = 0; i < dl4c_preprocess_count(); i++) {
        struct dl4c_descriptor d = DL4C_DESCRIPTOR_INIT;
        struct dl4c_preprocess preset, said;
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_int_equal(dl4c_descriptor_get(DL4C_KIND_PREPROCESS, i, &d, NULL), DL4C_OK);
        assert_string_equal(d.name, dl4c_preprocess_get(i)->name);
        assert_true(strlen(d.doc) > 5 && d.n_attrs == 9 && !d.trainable);
        assert_int_equal(dl4c_preprocess_named(d.name, &preset, NULL), DL4C_OK);
        for (int32_t a = 0; a < d.n_attrs; a++) {
            struct dl4c_attr_info info = DL4C_ATTR_INFO_INIT;
            char text[128], number[40];
            assert_int_equal(dl4c_descriptor_attr(DL4C_KIND_PREPROCESS, i, a, &info, NULL), DL4C_OK);
            assert_true(info.def >= info.min && info.def <= info.max);
            snprintf(text, sizeof text, "%s:%s=%s", d.name, info.name,
                     info.def_text ? info.def_text : dli_number_shortest(number, sizeof number, info.def));
            if (dl4c_preprocess_parse(NULL, text, &said, &err) != DL4C_OK)
                fail_msg("%s: %s", text, err.message);
            if (memcmp(&said, &preset, sizeof said) != 0)
                fail_msg("%s is not what the preset has", text);
        }
    }
}

static dl4c_status parse_and_print(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_preprocess p;
    char *text = NULL;
    dl4c_status status = dl4c_preprocess_parse(ctx, "torchvision:mean=1;2;3,fit=pad,exif=on", &p, err);
    if (status == DL4C_OK)
        status = dl4c_preprocess_print(ctx, &p, &text, err);
    dl4c_free(text);
    return status;
}

static void every_allocation_may_fail(void **state) { assert_true(fail_alloc_run(parse_and_print, NULL) > 2); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_become_what_the_table_says),
        cmocka_unit_test(presets_are_those_of_the_table),
        cmocka_unit_test(text_reads_back_as_the_same),
        cmocka_unit_test(overrides_change_what_they_name_only),
        cmocka_unit_test(wrong_texts_are_refused_with_what_was_wanted),
        cmocka_unit_test(wrong_structs_are_refused),
        cmocka_unit_test(grey_is_repeated_and_colour_becomes_grey),
        cmocka_unit_test(padding_is_black_before_the_mean),
        cmocka_unit_test(descriptors_tell_each_presets_own_values),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
