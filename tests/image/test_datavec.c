/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline against what Deeplearning4j's DataVec made of the same files: ../shared/dl4j/goldens/i_datavec, to the bit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/preprocess.h"
#include "support/read_file.h"

#define DIR "../shared/dl4j/goldens/i_datavec/"

static const char *const files[] = {
    "base420_64x48.jpg", "base422_53x75.jpg", "base444_61x47.jpg", "cmyk_40x40.jpg",    "exif3_60x40.jpg", "exif6_60x40.jpg",
    "exif8_60x40.jpg",   "gray_45x33.png",    "gray_70x50.jpg",    "large_300x260.jpg", "one_1x1.jpg",     "palette_45x33.png",
    "prog420_97x63.jpg", "prog444_96x80.jpg", "restart_80x56.jpg", "rgb_45x33.png",     "rgba_45x33.png",  "tiny_17x9.jpg",
};
enum { N_FILES = sizeof files / sizeof *files };

static bool have_png(void)
{
    const char *name, *value;
    for (int32_t i = 0; dl4c_build_info(i, &name, &value, NULL) == DL4C_OK; i++)
        if (strcmp(name, "png") == 0)
            return strcmp(value, "yes") == 0;
    return false;
}

struct golden {
    unsigned char *file;
    const void *data;
    bool is_float;
    int channels, height, width; /* of [1, channels, height, width] */
};

/* Reads a .npy of unsigned bytes or floats with four axes; false where there is none. */
static bool golden_load(struct golden *g, const char *file, const char *array)
{
    char path[512];
    size_t size;
    snprintf(path, sizeof path, DIR "%s/%s.npy", file, array);
    g->file = read_file(path, &size);
    if (!g->file)
        return false;
    assert_true(size > 10 && memcmp(g->file, "\x93NUMPY\1", 7) == 0);
    const size_t header = (size_t)g->file[8] + 256u * g->file[9];
    assert_true(size > 10 + header);
    char text[256] = "";
    memcpy(text, g->file + 10, header < sizeof text ? header : sizeof text - 1);
    const char *shape = strstr(text, "'shape': (1,");
    assert_non_null(shape);
    g->is_float = strstr(text, "'<f4'") != NULL;
    assert_true(g->is_float || strstr(text, "'|u1'"));
    assert_int_equal(sscanf(shape, "'shape': (1,%d,%d,%d", &g->channels, &g->height, &g->width), 3);
    g->data = g->file + 10 + header;
    assert_int_equal(size - 10 - header, (size_t)(g->channels * g->height * g->width) * (g->is_float ? 4 : 1));
    return true;
}

/* One file through a preprocessing, compared bit by bit. False where the golden does not exist. */
static bool matches(const char *file, const char *array, const char *preprocess)
{
    struct golden g;
    if (!golden_load(&g, file, array))
        return false;
    char path[512];
    size_t size;
    snprintf(path, sizeof path, DIR "%s/%s", file, file);
    unsigned char *bytes = read_file(path, &size);
    assert_non_null(bytes);
    const size_t n = (size_t)(g.channels * g.height * g.width);
    float *out = malloc(n * sizeof *out);
    assert_non_null(out);
    struct dl4c_preprocess p;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_pipeline *pipeline;
    assert_int_equal(dl4c_preprocess_parse(NULL, preprocess, &p, &err), DL4C_OK);
    assert_int_equal(dli_pipeline_create(NULL, &p, NULL, g.channels, g.height, g.width, &pipeline, &err), DL4C_OK);
    for (int again = 0; again < 2; again++) { /* the second time with the first one's tables and buffers */
        memset(out, 0xff, n * sizeof *out);
        if (dli_pipeline_run(pipeline, bytes, size, out, &err) != DL4C_OK)
            fail_msg("%s: %s", file, err.message);
        for (size_t i = 0; i < n; i++) {
            const float want = g.is_float ? ((const float *)g.data)[i] : ((const uint8_t *)g.data)[i];
            if (memcmp(&out[i], &want, sizeof want) != 0)
                fail_msg("%s, %s as %s: element %zu is %a, DataVec has %a", file, array, preprocess, i, out[i], want);
        }
    }
    dli_pipeline_destroy(&pipeline);
    free(out);
    free(bytes);
    free(g.file);
    return true;
}

static void every_file(const char *array, const char *preprocess, int at_least)
{
    const bool png = have_png();
    int n = 0, skipped = 0;
    for (int i = 0; i < N_FILES; i++) {
        if (!png && strstr(files[i], ".png"))
            skipped++;
        else
            n += matches(files[i], array, preprocess);
    }
    assert_true(n + skipped >= at_least);
}

static void decoded_pixels_are_datavecs(void **state) { every_file("native_size", "dl4j", N_FILES); }
static void resized_pixels_are_datavecs(void **state) { every_file("resize_32x40x3", "dl4j", N_FILES); }
static void grey_pixels_are_datavecs(void **state) { every_file("resize_28x28x1", "dl4j", N_FILES); }
static void large_results_are_datavecs(void **state) { every_file("irr_224x224x3", "dl4j", 2); }
static void cut_and_resized_pixels_are_datavecs(void **state) { every_file("centercrop_30x30x3", "dl4j:fit=dl4j-crop", N_FILES); }
static void vgg16_floats_are_vgg16imagepreprocessors(void **state) { every_file("resize_32x40x3_vgg16", "vgg16", N_FILES); }
static void scale01_floats_are_imagepreprocessingscalers(void **state)
{
    every_file("resize_32x40x3_scale01", "scale01:order=bgr", N_FILES);
}

static void a_gif_is_refused_by_name(void **state)
{
    size_t size;
    unsigned char *bytes = read_file(DIR "pal_45x33.gif/pal_45x33.gif", &size);
    assert_non_null(bytes);
    dl4c_image *img;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, NULL, &img, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "GIF"));
    free(bytes);
}

int main(void)
{
    size_t size;
    unsigned char *there = read_file(DIR "meta.txt", &size);
    if (!there) {
        printf("skipped: " DIR " is not here\n");
        return 77;
    }
    free(there);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_pixels_are_datavecs),
        cmocka_unit_test(resized_pixels_are_datavecs),
        cmocka_unit_test(grey_pixels_are_datavecs),
        cmocka_unit_test(large_results_are_datavecs),
        cmocka_unit_test(cut_and_resized_pixels_are_datavecs),
        cmocka_unit_test(vgg16_floats_are_vgg16imagepreprocessors),
        cmocka_unit_test(scale01_floats_are_imagepreprocessingscalers),
        cmocka_unit_test(a_gif_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
