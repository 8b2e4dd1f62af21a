/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing and fitting of images made by formula, against digests of what the models made of them: OpenCV 4.5.5 (resize with
 * INTER_LINEAR), Pillow 13 (Image.resize, ImageOps.pad, and torchvision's Resize and CenterCrop done with Pillow). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/fail_alloc.h"
#include "support/sha1.h"
#include <dl4c/image.h>

/* Noise that is the same everywhere: the upper bytes of a linear congruential sequence. */
static dl4c_image *noise(dl4c_context *ctx, uint32_t seed, int width, int height, int channels)
{
    dl4c_image *img = NULL;
    if (dl4c_image_create(ctx, width, height, channels, &img, NULL) != DL4C_OK)
        return NULL;
    uint8_t *p = dl4c_image_pixels(img);
    for (int i = 0; i < width * height * channels; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
    return img;
}

static void digest(const dl4c_image *img, char hex[41])
{
    sha1_hex(dl4c_image_pixels_const(img), dl4c_image_stride(img) * (size_t)dl4c_image_height(img), hex);
}

static const struct {
    uint32_t seed;
    int channels, width, height, to_width, to_height, method;
    const char *sha1;
} resizes[] = {
    { 1, 1, 1, 1, 5, 7, DL4C_RESIZE_DL4J, "2da5ef17ef12f28ed049d515cdbea0a290dc09fe" },
    { 1, 3, 1, 1, 5, 7, DL4C_RESIZE_DL4J, "8e2471c49513604f8bbe7434f2f5b32657ba1920" },
    { 2, 1, 17, 9, 32, 40, DL4C_RESIZE_DL4J, "f39266e2a08d0da7a20bcc9a319c1ca82c42819d" },
    { 2, 3, 17, 9, 32, 40, DL4C_RESIZE_DL4J, "8fe1aafa0706219a9664103cd2de9e22b39259ea" },
    { 3, 1, 64, 48, 40, 32, DL4C_RESIZE_DL4J, "02db1c1c6dcd30b236148f269a9f859e6e7d52d7" },
    { 3, 3, 64, 48, 40, 32, DL4C_RESIZE_DL4J, "9a285ac2ac6b5c8878218cfaca596c98e77fa902" },
    { 4, 1, 300, 260, 224, 224, DL4C_RESIZE_DL4J, "8bee122a2323c99b3b62b010277e421b37c0d36e" },
    { 4, 3, 300, 260, 224, 224, DL4C_RESIZE_DL4J, "222ba13fd8ff89f655b3ad1b0a7ceb2fee291bc4" },
    { 5, 1, 53, 75, 28, 28, DL4C_RESIZE_DL4J, "2e86d32cb8c94d30eb8808a52cb05df17d0d1a93" },
    { 5, 3, 53, 75, 28, 28, DL4C_RESIZE_DL4J, "1f0ac5db59e9d7b6532e77bab0771b8dfa57e519" },
    { 6, 1, 100, 401, 64, 48, DL4C_RESIZE_DL4J, "cb23c20442a512c4dea7a401ac7eaf5fa6607781" },
    { 6, 3, 100, 401, 64, 48, DL4C_RESIZE_DL4J, "1b407c3849227e6194fa01e70d0a30647cb6a5d9" },
    { 7, 1, 31, 224, 31, 19, DL4C_RESIZE_DL4J, "c6ee23b59d95207370e3cc05a8134964c8d5b5d9" },
    { 7, 3, 31, 224, 31, 19, DL4C_RESIZE_DL4J, "2fef41eba19774b0999930838556cd879e1ed323" },
    { 8, 1, 500, 37, 20, 64, DL4C_RESIZE_DL4J, "a8568a9406d0e03757d22ef5cfd6ad1f20c004a2" },
    { 8, 3, 500, 37, 20, 64, DL4C_RESIZE_DL4J, "206ebd26b5ada19a7fbce745d5bf2e3196cb4e1b" },
    { 9, 1, 97, 63, 97, 63, DL4C_RESIZE_DL4J, "9d39675c597e491c85dfa1a8ceb87fe51cda90af" },
    { 9, 3, 97, 63, 97, 63, DL4C_RESIZE_DL4J, "54e8edfff2a44566b9c3ed2adb4c4325d9f5a801" },
    { 10, 1, 40, 30, 80, 60, DL4C_RESIZE_DL4J, "26f2c25474c3cfe7c5178ee933b9148e15eb8d59" },
    { 10, 3, 40, 30, 80, 60, DL4C_RESIZE_DL4J, "a4923f77d8626f06a2535203958876b6d22f717d" },
    { 11, 1, 64, 64, 32, 32, DL4C_RESIZE_DL4J, "1c07a260801600878e3eaf40528f101c6c914982" },
    { 11, 3, 64, 64, 32, 32, DL4C_RESIZE_DL4J, "cbb79f7101abdf220eb8ba7ac1f47db8010f453b" },
    { 12, 1, 3, 90, 9, 8, DL4C_RESIZE_DL4J, "f32b4e68b591e9c97697fce4ded086ca69d704de" },
    { 12, 3, 3, 90, 9, 8, DL4C_RESIZE_DL4J, "808c0ae91750457f232fed22de86611b8014fca4" },
    { 1, 1, 1, 1, 5, 7, DL4C_RESIZE_PILLOW, "2da5ef17ef12f28ed049d515cdbea0a290dc09fe" },
    { 1, 1, 1, 1, 5, 7, DL4C_RESIZE_NEAREST, "2da5ef17ef12f28ed049d515cdbea0a290dc09fe" },
    { 1, 3, 1, 1, 5, 7, DL4C_RESIZE_PILLOW, "8e2471c49513604f8bbe7434f2f5b32657ba1920" },
    { 1, 3, 1, 1, 5, 7, DL4C_RESIZE_NEAREST, "8e2471c49513604f8bbe7434f2f5b32657ba1920" },
    { 2, 1, 17, 9, 32, 40, DL4C_RESIZE_PILLOW, "af7c797b7591e0d5ee4180567e593313eb456dda" },
    { 2, 1, 17, 9, 32, 40, DL4C_RESIZE_NEAREST, "d1ec9b8ea9d9ead74ad8d9d1bf2c8a84abce2c86" },
    { 2, 3, 17, 9, 32, 40, DL4C_RESIZE_PILLOW, "a2b658db815c3f0b517208df78aa42d82dd00f05" },
    { 2, 3, 17, 9, 32, 40, DL4C_RESIZE_NEAREST, "503a89e5b56d70b383a3772df615eeb2aca4595b" },
    { 3, 1, 64, 48, 40, 32, DL4C_RESIZE_PILLOW, "fb123d39595b4bfb90d8616a4a6527e74a40d686" },
    { 3, 1, 64, 48, 40, 32, DL4C_RESIZE_NEAREST, "8c96d9f934661266d3e7d5b4b94c804297a33932" },
    { 3, 3, 64, 48, 40, 32, DL4C_RESIZE_PILLOW, "dec3b9af39589e8819d3595222ec63760bd5cdf1" },
    { 3, 3, 64, 48, 40, 32, DL4C_RESIZE_NEAREST, "8d81786fdf14b86fc5852c7cdf58343f84c73ad4" },
    { 4, 1, 300, 260, 224, 224, DL4C_RESIZE_PILLOW, "e38f579ddaf20ec9867dcce7d80a2562c53c48d9" },
    { 4, 1, 300, 260, 224, 224, DL4C_RESIZE_NEAREST, "c232e1eccd4d3e6b8e6f5f3e3846377b37017542" },
    { 4, 3, 300, 260, 224, 224, DL4C_RESIZE_PILLOW, "ba8fed94586071125bc193e19961ba68ca108a38" },
    { 4, 3, 300, 260, 224, 224, DL4C_RESIZE_NEAREST, "99647e250a7c701237be46b9e5b9427799005488" },
    { 5, 1, 53, 75, 28, 28, DL4C_RESIZE_PILLOW, "95dd0703a91a974dfd42b73d4725688584230e45" },
    { 5, 1, 53, 75, 28, 28, DL4C_RESIZE_NEAREST, "0c2948e11bafeba401af8e7505812aff5dc536d2" },
    { 5, 3, 53, 75, 28, 28, DL4C_RESIZE_PILLOW, "789f53e145585e0e4983a5c3d7ed7c5168418f7a" },
    { 5, 3, 53, 75, 28, 28, DL4C_RESIZE_NEAREST, "02a8f875c9ced55aafab6e7bf5dcaaeef2480983" },
    { 6, 1, 100, 401, 64, 48, DL4C_RESIZE_PILLOW, "b837d41cee73d48b5069dd913161672e29de2bc9" },
    { 6, 1, 100, 401, 64, 48, DL4C_RESIZE_NEAREST, "02b98828fdceaa7bdb73ad873ff10efd70390047" },
    { 6, 3, 100, 401, 64, 48, DL4C_RESIZE_PILLOW, "18b25046d4f3fd394fc11e8681eca902bf58308c" },
    { 6, 3, 100, 401, 64, 48, DL4C_RESIZE_NEAREST, "96dc673795dbbfbaa1d24d1732a836d687a8e0a7" },
    { 7, 1, 31, 224, 31, 19, DL4C_RESIZE_PILLOW, "c45aa8cbb6e1eb67d3e20b477f61e3ab0c64c6f3" },
    { 7, 1, 31, 224, 31, 19, DL4C_RESIZE_NEAREST, "f47871e8e51d8f5ce3f4742e2133f0641eafd219" },
    { 7, 3, 31, 224, 31, 19, DL4C_RESIZE_PILLOW, "3a65c1b7a13b5c8c7a02288532b74d06cceb1d1d" },
    { 7, 3, 31, 224, 31, 19, DL4C_RESIZE_NEAREST, "19013e7dce2f321eace80523e3a5787d7a2a1280" },
    { 8, 1, 500, 37, 20, 64, DL4C_RESIZE_PILLOW, "b04b4b7c42d28f39497a2eef1d4fdd9ee4dbd597" },
    { 8, 1, 500, 37, 20, 64, DL4C_RESIZE_NEAREST, "d88b43589fb1c510697c3a00f9e8e46eaffc99a7" },
    { 8, 3, 500, 37, 20, 64, DL4C_RESIZE_PILLOW, "50c45cad8911ca144eda27675dc7dc7269705923" },
    { 8, 3, 500, 37, 20, 64, DL4C_RESIZE_NEAREST, "601a4da78530c0ac5541f9b7c93d1f482031f783" },
    { 9, 1, 97, 63, 97, 63, DL4C_RESIZE_PILLOW, "9d39675c597e491c85dfa1a8ceb87fe51cda90af" },
    { 9, 1, 97, 63, 97, 63, DL4C_RESIZE_NEAREST, "9d39675c597e491c85dfa1a8ceb87fe51cda90af" },
    { 9, 3, 97, 63, 97, 63, DL4C_RESIZE_PILLOW, "54e8edfff2a44566b9c3ed2adb4c4325d9f5a801" },
    { 9, 3, 97, 63, 97, 63, DL4C_RESIZE_NEAREST, "54e8edfff2a44566b9c3ed2adb4c4325d9f5a801" },
    { 10, 1, 40, 30, 80, 60, DL4C_RESIZE_PILLOW, "84c7c9309d648e0f65f5900a1c5b8434083d583b" },
    { 10, 1, 40, 30, 80, 60, DL4C_RESIZE_NEAREST, "40f06ad0e29b90af3a579b9602bb104768d70ee4" },
    { 10, 3, 40, 30, 80, 60, DL4C_RESIZE_PILLOW, "8f13988c2ffd9a99c692e00b5fcf7825dd1bd7b8" },
    { 10, 3, 40, 30, 80, 60, DL4C_RESIZE_NEAREST, "85dbe1319960d79a1976143949a632e8b24ad627" },
    { 11, 1, 64, 64, 32, 32, DL4C_RESIZE_PILLOW, "f1c268b8e57ca4a666dd98287d1a6e80f3aed004" },
    { 11, 1, 64, 64, 32, 32, DL4C_RESIZE_NEAREST, "2cde7d5d683c9ebb4411c300394a6e42e78b0d22" },
    { 11, 3, 64, 64, 32, 32, DL4C_RESIZE_PILLOW, "ecebb5f12833370b35b92c83b0e2e10eddba7469" },
    { 11, 3, 64, 64, 32, 32, DL4C_RESIZE_NEAREST, "678da83dc40052a138da4d8dcd91cb4e336d2c58" },
    { 12, 1, 3, 90, 9, 8, DL4C_RESIZE_PILLOW, "4ff1ce08a3346089909073b947ee394ee81aa636" },
    { 12, 1, 3, 90, 9, 8, DL4C_RESIZE_NEAREST, "723251df161b27838945766e218b7843aacb5659" },
    { 12, 3, 3, 90, 9, 8, DL4C_RESIZE_PILLOW, "2601f9561513c441d4257e953998fea0701d01e1" },
    { 12, 3, 3, 90, 9, 8, DL4C_RESIZE_NEAREST, "aeaa56362f29710727acab0be2b4989c327e2a24" },
};

static void each_method_equals_its_model(void **state)
{
    for (size_t i = 0; i < sizeof resizes / sizeof *resizes; i++) {
        dl4c_image *img = noise(NULL, resizes[i].seed, resizes[i].width, resizes[i].height, resizes[i].channels), *out = NULL;
        struct dl4c_error err = DL4C_ERROR_INIT;
        char hex[41];
        assert_int_equal(dl4c_image_resize(img, resizes[i].to_width, resizes[i].to_height, resizes[i].method, &out, &err), DL4C_OK);
        assert_int_equal(dl4c_image_width(out), resizes[i].to_width);
        assert_int_equal(dl4c_image_height(out), resizes[i].to_height);
        assert_int_equal(dl4c_image_channels(out), resizes[i].channels);
        digest(out, hex);
        if (strcmp(hex, resizes[i].sha1) != 0)
            fail_msg("case %zu, %dx%dx%d to %dx%d with method %d: SHA-1 %s, wanted %s", i, resizes[i].width, resizes[i].height,
                     resizes[i].channels, resizes[i].to_width, resizes[i].to_height, resizes[i].method, hex, resizes[i].sha1);
        dl4c_image_destroy(&img);
        dl4c_image_destroy(&out);
    }
}

static const struct {
    int width, height, to_width, to_height, fit;
    double enlarge;
    const char *sha1;
} fits[] = {
    { 60, 40, 32, 32, DL4C_FIT_CROP, 1, "a84cf9ec985805d6e09baf087ad5b091a0677bb1" },
    { 60, 40, 32, 32, DL4C_FIT_CROP, 256.0 / 224, "6266de09a3d32faa29408d411698dad613f0ad35" },
    { 60, 40, 32, 32, DL4C_FIT_PAD, 1, "6fa246ef823623715656b0bebf28dc3044093a55" },
    { 33, 70, 20, 24, DL4C_FIT_CROP, 1, "ae5e7108d7624c529f0007381fa272a05dcd9dbb" },
    { 33, 70, 20, 24, DL4C_FIT_CROP, 256.0 / 224, "7907cfe762a0956552e1f4e3b791a9f72eef5cb3" },
    { 33, 70, 20, 24, DL4C_FIT_PAD, 1, "0a44bc2a9c82a662be7e03ca22afe71fed081d71" },
    { 500, 375, 224, 224, DL4C_FIT_CROP, 1, "7c48801bbb66dca2e9535a1322bf7fb93cdd8147" },
    { 500, 375, 224, 224, DL4C_FIT_CROP, 256.0 / 224, "ef458a9d88fcdf4b033af9efa6ceed959bce23fe" },
    { 500, 375, 224, 224, DL4C_FIT_PAD, 1, "063866f5f0620c7ac8d780803d079341a82ac1d2" },
    { 31, 17, 48, 40, DL4C_FIT_CROP, 1, "123e614e58141aed9482f0e451df3a7cbf2bef6f" },
    { 31, 17, 48, 40, DL4C_FIT_CROP, 256.0 / 224, "55991271f5cf04c4d5717a4a7027e6c8fa6afcd2" },
    { 31, 17, 48, 40, DL4C_FIT_PAD, 1, "5a4c331fbe68672f7a27341c8045dd0b2fb06ff5" },
    { 20, 20, 7, 13, DL4C_FIT_CROP, 1, "7c82054bafdec3e0cbe5297caf257e7f937655e4" },
    { 20, 20, 7, 13, DL4C_FIT_CROP, 256.0 / 224, "01f5ce4152ed1084935a92384d322b27b4e69f34" },
    { 20, 20, 7, 13, DL4C_FIT_PAD, 1, "372501dd7941f7828a38d39ec41caf45f5d3c883" },
};

static void crop_and_pad_equal_torchvision_and_imageops(void **state)
{
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        dl4c_image *img = noise(NULL, 101 + (uint32_t)i / 3, fits[i].width, fits[i].height, 3), *out = NULL;
        struct dl4c_error err = DL4C_ERROR_INIT;
        char hex[41];
        assert_int_equal(
            dl4c_image_fit(img, fits[i].to_width, fits[i].to_height, DL4C_RESIZE_PILLOW, fits[i].fit, fits[i].enlarge, &out, &err),
            DL4C_OK);
        digest(out, hex);
        if (strcmp(hex, fits[i].sha1) != 0)
            fail_msg("case %zu: SHA-1 %s, wanted %s", i, hex, fits[i].sha1);
        dl4c_image_destroy(&img);
        dl4c_image_destroy(&out);
    }
}

static void resizing_to_the_same_size_changes_nothing(void **state)
{
    for (int method = DL4C_RESIZE_DL4J; method <= DL4C_RESIZE_NEAREST; method++) {
        dl4c_image *img = noise(NULL, 7, 37, 23, 3), *out = NULL;
        assert_int_equal(dl4c_image_resize(img, 37, 23, method, &out, NULL), DL4C_OK);
        assert_memory_equal(dl4c_image_pixels(img), dl4c_image_pixels(out), 37 * 23 * 3);
        dl4c_image_destroy(&img);
        dl4c_image_destroy(&out);
    }
}

/* 4x1 to 2x1: OpenCV takes the middle of each pair. Pillow's triangle around 1.0 is two wide either way: (0.75 * 0 + 0.75 * 100 +
 * 0.25 * 40) / 1.75 = 48.57, and around 3.0 (0.25 * 100 + 0.75 * 40 + 0.75 * 200) / 1.75 = 117.14. Nearest takes the pixels under the
 * new centres, at 1 and 3. */
static void hand_computed_rows(void **state)
{
    uint8_t row[4] = { 0, 100, 40, 200 };
    static const uint8_t want[3][2] = { { 50, 120 }, { 49, 117 }, { 100, 200 } };
    for (int method = 0; method < 3; method++) {
        dl4c_image *img, *out;
        assert_int_equal(dl4c_image_wrap(NULL, 4, 1, 1, row, 4, NULL, NULL, &img, NULL), DL4C_OK);
        assert_int_equal(dl4c_image_resize(img, 2, 1, method, &out, NULL), DL4C_OK);
        assert_int_equal(dl4c_image_pixels(out)[0], want[method][0]);
        assert_int_equal(dl4c_image_pixels(out)[1], want[method][1]);
        dl4c_image_destroy(&img);
        dl4c_image_destroy(&out);
    }
}

static void extreme_shapes_cost_what_they_show(void **state)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    co.memory_limit_bytes = 8 << 20;
    dl4c_context *ctx;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    dl4c_image *thin, *out;
    assert_int_equal(dl4c_image_create(ctx, 1, 100000, 3, &thin, NULL), DL4C_OK);
    struct dl4c_error err = DL4C_ERROR_INIT;
    /* Scaled to 64 columns the image would have 6.4 million rows, of which 64 are wanted. */
    for (int method = 0; method < 3; method++) {
        if (dl4c_image_fit(thin, 64, 64, method, DL4C_FIT_CROP, 1, &out, &err) != DL4C_OK)
            fail_msg("method %d: %s", method, err.message);
        dl4c_image_destroy(&out);
        assert_int_equal(dl4c_image_fit(thin, 64, 64, method, DL4C_FIT_PAD, 1, &out, &err), DL4C_OK);
        dl4c_image_destroy(&out);
    }
    dl4c_image_destroy(&thin);
    dl4c_context_destroy(&ctx);
}

static void wrong_arguments_are_refused(void **state)
{
    dl4c_image *img = noise(NULL, 1, 5, 4, 3), *out = img;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_image_resize(img, 0, 5, 0, &out, &err), DL4C_E_INVALID);
    assert_null(out);
    assert_int_equal(dl4c_image_resize(img, 5, 1000001, 0, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_resize(img, 5, 5, 3, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_fit(img, 5, 5, 0, 4, 1, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_fit(img, 5, 5, 0, DL4C_FIT_CROP, 0.5, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_resize(NULL, 5, 5, 0, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_create(NULL, 5, 5, 4, &out, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_image_wrap(NULL, 5, 5, 3, dl4c_image_pixels(img), 14, NULL, NULL, &out, &err), DL4C_E_INVALID);
    assert_null(out);
    dl4c_image_destroy(&img);
}

static void strides_and_release_of_wrapped_pixels(void **state)
{
    uint8_t padded[3][8] = { { 1, 2, 3, 9, 9, 9, 9, 9 }, { 4, 5, 6, 9, 9, 9, 9, 9 }, { 7, 8, 10, 9, 9, 9, 9, 9 } };
    static const uint8_t want[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 10 };
    dl4c_image *img, *copy;
    assert_int_equal(dl4c_image_wrap(NULL, 3, 3, 1, padded, 8, NULL, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_stride(img), 8);
    assert_int_equal(dl4c_image_clone(img, &copy, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_stride(copy), 3);
    assert_memory_equal(dl4c_image_pixels(copy), want, sizeof want);
    dl4c_image_destroy(&copy);
    dl4c_image_destroy(&img);
}

static void orientations_turn_as_exif_says(void **state)
{
    /* The image    1 2 3    stored under each orientation's name is seen as: */
    /*              4 5 6                                                      */
    uint8_t pixels[6] = { 1, 2, 3, 4, 5, 6 };
    static const uint8_t want[8][6] = {
        { 1, 2, 3, 4, 5, 6 }, { 3, 2, 1, 6, 5, 4 }, { 6, 5, 4, 3, 2, 1 }, { 4, 5, 6, 1, 2, 3 },
        { 1, 4, 2, 5, 3, 6 }, { 4, 1, 5, 2, 6, 3 }, { 6, 3, 5, 2, 4, 1 }, { 3, 6, 2, 5, 1, 4 },
    };
    dl4c_image *img, *out;
    assert_int_equal(dl4c_image_wrap(NULL, 3, 2, 1, pixels, 3, NULL, NULL, &img, NULL), DL4C_OK);
    for (int o = 1; o <= 8; o++) {
        assert_int_equal(dl4c_image_orient(img, o, &out, NULL), DL4C_OK);
        assert_int_equal(dl4c_image_width(out), o < 5 ? 3 : 2);
        assert_memory_equal(dl4c_image_pixels(out), want[o - 1], 6);
        dl4c_image_destroy(&out);
    }
    assert_int_equal(dl4c_image_orient(img, 9, &out, NULL), DL4C_E_INVALID);
    dl4c_image_destroy(&img);
}

static void grey_is_opencvs_formula(void **state)
{
    uint8_t rgb[12] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30 };
    static const uint8_t want[4] = { 76, 150, 29, 18 }; /* 0.299, 0.587, 0.114 of 32768, rounded */
    dl4c_image *img, *grey, *back;
    assert_int_equal(dl4c_image_wrap(NULL, 4, 1, 3, rgb, 12, NULL, NULL, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_convert(img, 1, &grey, NULL), DL4C_OK);
    assert_memory_equal(dl4c_image_pixels(grey), want, 4);
    assert_int_equal(dl4c_image_convert(grey, 3, &back, NULL), DL4C_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(dl4c_image_pixels(back)[i], want[i / 3]);
    dl4c_image_destroy(&back);
    dl4c_image_destroy(&grey);
    dl4c_image_destroy(&img);
}

static dl4c_status fit_once(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    dl4c_image *img = NULL, *out = NULL;
    dl4c_status status = dl4c_image_create(ctx, 40, 90, 3, &img, err);
    if (status == DL4C_OK)
        status = dl4c_image_fit(img, 20, 24, *(int *)arg, DL4C_FIT_CROP, 1.5, &out, err);
    if (status != DL4C_OK)
        assert_null(out);
    dl4c_image_destroy(&out);
    dl4c_image_destroy(&img);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    for (int method = 0; method < 3; method++)
        assert_true(fail_alloc_run(fit_once, &method) > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_equals_its_model),
        cmocka_unit_test(crop_and_pad_equal_torchvision_and_imageops),
        cmocka_unit_test(resizing_to_the_same_size_changes_nothing),
        cmocka_unit_test(hand_computed_rows),
        cmocka_unit_test(extreme_shapes_cost_what_they_show),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(strides_and_release_of_wrapped_pixels),
        cmocka_unit_test(orientations_turn_as_exif_says),
        cmocka_unit_test(grey_is_opencvs_formula),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
