/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of ../shared/jpeg against what Pillow says of it in manifest.json, as stored (EXIF is test_decode's), twice:
 *   - as it is by default: the same pixels, or one reason why not. Where Pillow decodes, only damage that libjpeg warns of, a missing
 *     end and lossless JPEG (libjpeg-turbo 2 has none) may be refused;
 *   - with damage tolerated: what Pillow decodes has the same pixels, but for the exceptions named below.
 * Where Pillow fails, so do we, both times, but for what is listed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "support/read_file.h"
#include "support/sha1.h"
#include <dl4c/image.h>

#define DIR "../shared/jpeg/"

/* SHA-1 of Pillow's convert("RGB") for files whose manifest has the digest of another mode only. */
static const struct {
    const char *file, *sha1;
} as_rgb[] = {
    { "1cbb1bb37d62c44f67374cd451643dc4.jpg", "a2b33642bfc6966d3e587017fceb16b88fb489f4" },
    { "5482a54657765056f1a94116a8dbffe7.jpg", "7cb93bece5736c82eee1067f891df6aac4865ef3" },
    { "jpg-cmyk-1.jpg", "8d13210fb3acfe254c39c7fc8dd861716510559b" },
    { "jpg-cmyk-2.jpg", "6edbe9348c85a5fd6dfd0d66410ed27b58a5bcb8" },
    { "jpg-size-6x6.jpg", "0cbae636a0414729f3fab68d32465e7965924c8e" }, /* a PNG with alpha under a false name */
    { "ycck.jpg", "dad36fc0ebfa165cfe1cb50104edd05f9008f18c" },
    { "pil_sample_cmyk.jpg", "e199816f510777e98cf28b19cf1127dc68f924d1" },
};

/* Damaged files that decode with warnings; what follows the damage depends on the release of libjpeg-turbo. */
static const char *const after_damage[] = {
    "8e5e74dbf9b68a322fbb9512db837329.jpg",
    "f6b4389c3cf0f5997b2e5a4b905aea8d.jpg",
};

/* Files without an end mark, all rows of which are there: tolerated here as in others that Pillow decodes, while in these Pillow
 * stumbles over the marker that stands in its place, or over the header, which it parses a second time itself. */
static const char *const without_end[] = {
    "id_000831,sync_jpeg9,src_000903.jpg",
    "id_000903,src_000177,op_havoc,rep_2.jpg",
    "8a9cc8eeed66aeb423a91c44111d9450.jpg",
    "a7326ba8f3f4559991126474dd30083d.jpg",
};

static json_t *manifest;
static bool clean[1024]; /* files that decoded without tolerance: what is tolerated is of no consequence to them */

static const char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : "";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The digest that our pixels must have: "" where nothing is known. */
static const char *expected_digest(const char *path, const json_t *entry)
{
    const char *mode = text_of(entry, "mode");
    if (strcmp(mode, "RGB") == 0)
        return text_of(entry, "sha1_rgb");
    if (strcmp(mode, "L") == 0)
        return text_of(entry, "sha1_raw");
    for (size_t i = 0; i < sizeof as_rgb / sizeof *as_rgb; i++)
        if (strcmp(as_rgb[i].file, base_name(path)) == 0)
            return as_rgb[i].sha1;
    return "";
}

static bool is_one_of(const char *path, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], base_name(path)) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(path, names) is_one_of(path, names, sizeof names / sizeof *names)

static bool one_sentence(const struct dl4c_error *err) { return err->message[0] && !strchr(err->message, '\n') && err->origin[0]; }

/* Decodes one file and says what came out, or NULL where that is as it should be. */
static const char *judge(const char *path, const json_t *entry, bool tolerate, struct dl4c_error *err)
{
    static char said[200];
    char name[512], hex[41] = "";
    size_t size;
    snprintf(name, sizeof name, DIR "%s", path);
    unsigned char *bytes = read_file(name, &size);
    if (!bytes)
        return "the file cannot be read";
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    o.flags = (uint64_t)DL4C_IMAGE_IGNORE_EXIF | (tolerate ? (uint64_t)DL4C_IMAGE_TOLERATE : 0);
    dl4c_image *img = NULL;
    const dl4c_status status = dl4c_image_decode(NULL, bytes, size, &o, &img, err);
    if (img)
        sha1_hex(dl4c_image_pixels_const(img), dl4c_image_stride(img) * (size_t)dl4c_image_height(img), hex);
    dl4c_image_destroy(&img);
    free(bytes);
    if (status != DL4C_OK && (status != err->status || !one_sentence(err)))
        return "no reason was given";

    const char *pillow = text_of(entry, "status");
    if (strcmp(pillow, "ok") != 0) {
        /* Where it was EXIF alone that Pillow could not read, the pixels are sound and nobody asked for the orientation. */
        const bool may_pass = strstr(text_of(entry, "error"), "not a TIFF file") || (tolerate && IS_ONE_OF(path, without_end));
        if (strcmp(pillow, "too-big-skipped") == 0 && status != DL4C_E_LIMIT)
            return "wanted DL4C_E_LIMIT";
        return status == DL4C_OK && !may_pass ? "decoded, but Pillow fails" : NULL;
    }
    if (status == DL4C_OK) {
        if (tolerate && IS_ONE_OF(path, after_damage))
            return NULL;
        const char *want = expected_digest(path, entry);
        if (strcmp(want, hex) == 0)
            return NULL;
        snprintf(said, sizeof said, "the pixels have SHA-1 %s, wanted \"%s\"", hex, want);
        return said;
    }
    if (status == DL4C_E_UNSUPPORTED && (strstr(err->message, "SOF type 0xc3") || strstr(err->message, "built without PNG")))
        return NULL;
    if (!tolerate && status == DL4C_E_CORRUPT && (strstr(err->message, "damaged") || strstr(err->message, "truncated")))
        return NULL;
    return "failed, but Pillow decodes";
}

static void every_file_is_as_pillow_sees_it(bool tolerate)
{
    const char *path;
    json_t *entry;
    int n = 0, decoded = 0, wrong = 0;
    json_object_foreach(manifest, path, entry)
    {
        struct dl4c_error err = DL4C_ERROR_INIT;
        assert_true(n < (int)(sizeof clean / sizeof *clean));
        const char *said = tolerate && clean[n] ? NULL : judge(path, entry, tolerate, &err);
        if (said) {
            print_error("%s: %s (%s; Pillow: %s %s)\n", path, said, err.message, text_of(entry, "status"), text_of(entry, "error"));
            wrong++;
        }
        decoded += err.status == DL4C_OK;
        clean[n++] |= err.status == DL4C_OK;
    }
    print_message("%d files, %d decoded\n", n, decoded);
    assert_int_equal(wrong, 0);
    assert_true(n > 300);
    assert_true(decoded > 100);
}

static void undamaged_files_have_pillows_pixels_and_the_rest_a_reason(void **state) { every_file_is_as_pillow_sees_it(false); }
/* Where data is missing libjpeg-turbo shows what its buffers held, which depends on the vector unit it was built for. */
static void tolerated_damage_gives_pillows_pixels(void **state)
{
#if !defined(__x86_64__)
    print_message("skipped: the pixels of damaged files were recorded on x86-64\n");
    skip();
#endif
    every_file_is_as_pillow_sees_it(true);
}

static void orientations_are_those_that_pillow_reads(void **state)
{
    const char *path;
    json_t *entry;
    int turned = 0;
    json_object_foreach(manifest, path, entry)
    {
        if (strcmp(text_of(entry, "status"), "ok") != 0)
            continue;
        char name[512];
        size_t size;
        snprintf(name, sizeof name, DIR "%s", path);
        unsigned char *bytes = read_file(name, &size);
        assert_non_null(bytes);
        struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
        o.flags = DL4C_IMAGE_TOLERATE;
        struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (dl4c_image_probe(NULL, bytes, size, &o, &info, &err) == DL4C_OK) {
            const json_t *orientation = json_object_get(entry, "orientation");
            const int want = orientation ? (int)json_integer_value(orientation) : 1;
            if (info.orientation != want)
                fail_msg("%s: orientation %d, Pillow says %d", path, (int)info.orientation, want);
            assert_int_equal(info.width, json_integer_value(json_array_get(json_object_get(entry, "size"), 0)));
            assert_int_equal(info.height, json_integer_value(json_array_get(json_object_get(entry, "size"), 1)));
            turned += want != 1;
        }
        free(bytes);
    }
    assert_true(turned >= 14);
}

static void a_bomb_is_refused_before_memory_is_taken(void **state)
{
    size_t size;
    unsigned char *bytes = read_file(DIR "jpeg-decoder/tests/crashtest/images/max_size.jpg", &size);
    assert_non_null(bytes);
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    co.memory_limit_bytes = 1 << 20;
    dl4c_context *ctx;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    dl4c_image *img;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_image_decode(ctx, bytes, size, NULL, &img, &err), DL4C_E_LIMIT);
    assert_null(img);
    assert_non_null(strstr(err.message, "65535x65535"));
    int64_t used, peak;
    dl4c_context_memory(ctx, &used, &peak);
    assert_int_equal(used, 0);
    assert_true(peak < 1 << 18);
    dl4c_context_destroy(&ctx);
    free(bytes);
}

int main(void)
{
    manifest = json_load_file(DIR "manifest.json", 0, NULL);
    if (!manifest) {
        printf("skipped: " DIR "manifest.json is not here\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undamaged_files_have_pillows_pixels_and_the_rest_a_reason),
        cmocka_unit_test(tolerated_damage_gives_pillows_pixels),
        cmocka_unit_test(orientations_are_those_that_pillow_reads),
        cmocka_unit_test(a_bomb_is_refused_before_memory_is_taken),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(manifest);
    return failed;
}
