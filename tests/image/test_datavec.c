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

#include "support/read_file.h"
#include "support/recorded.h"
#include <dl4c/image.h>

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

/* One file through a preprocessing, compared bit by bit. False where the golden does not exist. */
static bool matches(const char *file, const char *array, const char *preprocess)
{
    char image[512], npy[512], why[600];
    snprintf(image, sizeof image, DIR "%s/%s", file, file);
    snprintf(npy, sizeof npy, DIR "%s/%s.npy", file, array);
    const int result = test_recorded_pixels(image, npy, preprocess, why, sizeof why);
    if (result < 0)
        fail_msg("%s, %s as %s: %s", file, array, preprocess, why);
    return result == 1;
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
