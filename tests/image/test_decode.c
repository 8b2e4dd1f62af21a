/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: every kind, orientation, limits, damage, lack of memory; and the pipeline that does it for readers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/make.h"
#include "image/preprocess.h"
#include "support/fail_alloc.h"

static const struct jpeg_kind jpegs[] = {
    { .width = 23, .height = 18, .components = 1 },
    { .width = 23, .height = 18, .components = 3 },
    { .width = 23, .height = 18, .components = 3, .sampling = 2 },
    { .width = 23, .height = 18, .components = 3, .sampling = 2, .progressive = 1 },
    { .width = 23, .height = 18, .components = 1, .progressive = 1 },
    { .width = 23, .height = 18, .components = 4 },
    { .width = 23, .height = 18, .components = 3, .restart = 1 },
    { .width = 23, .height = 18, .components = 3, .arithmetic = 1 },
    { .width = 1, .height = 1, .components = 3 },
};
static const struct png_kind pngs[] = {
    { 23, 18, 0, 1, 0, NULL, 0 },  { 23, 18, 0, 2, 0, NULL, 0 },  { 23, 18, 0, 4, 1, NULL, 0 }, { 23, 18, 0, 8, 0, NULL, 0 },
    { 23, 18, 0, 16, 1, NULL, 0 }, { 23, 18, 2, 8, 0, NULL, 0 },  { 23, 18, 2, 8, 1, NULL, 0 }, { 23, 18, 2, 16, 0, NULL, 0 },
    { 23, 18, 3, 1, 0, NULL, 0 },  { 23, 18, 3, 2, 1, NULL, 0 },  { 23, 18, 3, 4, 0, NULL, 0 }, { 23, 18, 3, 8, 0, NULL, 0 },
    { 23, 18, 4, 8, 0, NULL, 0 },  { 23, 18, 4, 16, 0, NULL, 0 }, { 23, 18, 6, 8, 1, NULL, 0 }, { 1, 1, 6, 16, 0, NULL, 0 },
};
enum { N_JPEGS = sizeof jpegs / sizeof *jpegs, N_PNGS = sizeof pngs / sizeof *pngs };

/* File i of all kinds; NULL where this build cannot make it. */
static uint8_t *make(int i, size_t *size) { return i < N_JPEGS ? make_jpeg(&jpegs[i], size) : make_png(&pngs[i - N_JPEGS], size); }

static dl4c_status decode(const void *bytes, size_t size, uint64_t flags, dl4c_image **img, struct dl4c_error *err)
{
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    o.flags = flags;
    return dl4c_image_decode(NULL, bytes, size, &o, img, err);
}

static void files_are_recognised_by_their_first_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        dl4c_status status;
        const char *said;
    } cases[] = {
        { "", 0, DL4C_E_CORRUPT, "empty" },
        { "\xFF", 1, DL4C_E_CORRUPT, "begins with FF" },
        { "hello, world", 12, DL4C_E_CORRUPT, "neither JPEG, PNG nor BMP: it begins with 68 65 6C 6C 6F 2C 20 77" },
        { "GIF89a", 6, DL4C_E_UNSUPPORTED, "GIF" },
        { "BM......", 8, DL4C_E_CORRUPT, "headers" },
        { "RIFF....WEBPVP8 ", 16, DL4C_E_UNSUPPORTED, "WebP" },
        { "\0\0\0\x20"
          "ftypavif",
          12, DL4C_E_UNSUPPORTED, "AVIF" },
        { "II*\0", 4, DL4C_E_UNSUPPORTED, "TIFF" },
        { "<!DOCTYPE html>", 15, DL4C_E_UNSUPPORTED, "HTML" },
        { "\xFF\xD8\xFF", 3, DL4C_E_CORRUPT, "truncated" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_image *img = (dl4c_image *)1;
        assert_int_equal(decode(cases[i].bytes, cases[i].size, 0, &img, &err), cases[i].status);
        assert_null(img);
        if (!strstr(err.message, cases[i].said))
            fail_msg("case %zu: %s", i, err.message);
    }
}

static void every_kind_of_png_gives_its_pixels(void **state)
{
    for (int i = 0; i < N_PNGS; i++) {
        const struct png_kind *k = &pngs[i];
        size_t size;
        uint8_t *bytes = make_png(k, &size);
        if (!bytes) {
            print_message("skipped: built without PNG\n");
            skip();
        }
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_image *img;
        if (decode(bytes, size, 0, &img, &err) != DL4C_OK)
            fail_msg("kind %d: %s", i, err.message);
        const int channels = k->colour == 0 || k->colour == 4 ? 1 : 3, mask = k->depth < 8 ? (1 << k->depth) - 1 : 255;
        assert_int_equal(dl4c_image_channels(img), channels);
        assert_int_equal(dl4c_image_width(img), k->width);
        assert_int_equal(dl4c_image_height(img), k->height);
        for (int y = 0; y < k->height; y++)
            for (int x = 0; x < k->width; x++)
                for (int c = 0; c < channels; c++) {
                    const int v = make_value(x, y, k->colour == 3 ? 0 : c) & mask;
                    const int want = k->colour == 3 ? (c == 0 ? v : c == 1 ? 255 - v : v ^ 85) : v * 255 / mask;
                    const int got = dl4c_image_pixels(img)[(y * k->width + x) * channels + c];
                    if (got != want)
                        fail_msg("kind %d at %d, %d, %d: %d, wanted %d", i, x, y, c, got, want);
                }
        dl4c_image_destroy(&img);
        free(bytes);
    }
}

static void jpegs_come_near_the_pixels_they_were_made_of(void **state)
{
    for (int i = 0; i < N_JPEGS; i++) {
        size_t size;
        uint8_t *bytes = make(i, &size);
        if (!bytes)
            continue;
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
        dl4c_image *img;
        if (decode(bytes, size, 0, &img, &err) != DL4C_OK)
            fail_msg("kind %d: %s", i, err.message);
        assert_int_equal(dl4c_image_probe(NULL, bytes, size, NULL, &info, &err), DL4C_OK);
        assert_string_equal(info.format, "jpeg");
        assert_int_equal(info.width, dl4c_image_width(img));
        assert_int_equal(info.height, dl4c_image_height(img));
        assert_int_equal(info.channels, dl4c_image_channels(img));
        assert_int_equal(info.channels, jpegs[i].components == 1 ? 1 : 3);
        assert_int_equal(info.orientation, 1);
        double sum = 0;
        const int n = info.width * info.height;
        for (int p = 0; p < n; p++) {
            const int x = p % info.width, y = p / info.width;
            int want = make_value(x, y, 0);
            if (jpegs[i].components == 4) /* 255 is no ink: what is left of white */
                want = want * make_value(x, y, 3) / 255;
            sum += abs(dl4c_image_pixels(img)[p * info.channels] - want);
        }
        /* Quality 85 of a noisy picture, half the colour resolution at worst: the mean error is far below a wrong plane's 60. */
        if (sum / n > 16)
            fail_msg("kind %d: mean error %d of red", i, (int)(sum / n));
        dl4c_image_destroy(&img);
        free(bytes);
    }
}

static void no_truncated_file_decodes(void **state)
{
    struct dli_pipeline *pipeline;
    float out[3 * 8 * 8];
    assert_int_equal(dli_pipeline_create(NULL, dl4c_preprocess_get(3), NULL, 3, 8, 8, &pipeline, NULL), DL4C_OK);
    for (int i = 0; i < N_JPEGS + N_PNGS; i++) {
        size_t size;
        uint8_t *bytes = make(i, &size);
        if (!bytes)
            continue;
        for (size_t n = 0; n < size; n++) {
            uint8_t *cut = malloc(n > 0 ? n : 1); /* of its exact size, for the sanitizers */
            assert_non_null(cut);
            memcpy(cut, bytes, n);
            for (int tolerate = 0; tolerate < 2; tolerate++) {
                struct dl4c_error err = DL4C_ERROR_INIT;
                dl4c_image *img;
                const dl4c_status status = decode(cut, n, tolerate ? (uint64_t)DL4C_IMAGE_TOLERATE : 0, &img, &err);
                /* Without its two last bytes, the end mark, a JPEG has all of its rows. */
                if (status == DL4C_OK && !(tolerate && i < N_JPEGS && n + 2 >= size))
                    fail_msg("kind %d decodes from %zu of %zu bytes", i, n, size);
                assert_true(status == DL4C_OK || (status == DL4C_E_CORRUPT && !img && err.message[0]));
                dl4c_image_destroy(&img);
            }
            assert_int_equal(dli_pipeline_run(pipeline, cut, n, out, NULL), DL4C_E_CORRUPT);
            free(cut);
        }
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (dli_pipeline_run(pipeline, bytes, size, out, &err) != DL4C_OK)
            fail_msg("kind %d after its truncations: %s", i, err.message);
        free(bytes);
    }
    dli_pipeline_destroy(&pipeline);
}

static void no_changed_byte_does_harm(void **state)
{
    for (int i = 0; i < N_JPEGS + N_PNGS; i++) {
        size_t size;
        uint8_t *bytes = make(i, &size);
        if (!bytes)
            continue;
        for (size_t n = 0; n < size; n++)
            for (int change = 0; change < 2; change++) {
                const uint8_t was = bytes[n];
                bytes[n] = change == 0 ? (uint8_t)~was : (uint8_t)(was ^ 1);
                struct dl4c_error err = DL4C_ERROR_INIT;
                dl4c_image *img;
                struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
                o.flags = change == 1 ? (uint64_t)DL4C_IMAGE_TOLERATE : 0;
                o.max_pixels = 1 << 20;
                const dl4c_status status = dl4c_image_decode(NULL, bytes, size, &o, &img, &err);
                assert_true(status == DL4C_OK ? img != NULL : !img && err.status == status && err.message[0]);
                dl4c_image_destroy(&img);
                bytes[n] = was;
            }
        free(bytes);
    }
}

/* A TIFF structure of one IFD with the entry before Orientation that cameras write there too. */
static size_t make_exif(uint8_t *out, bool big, int type, int value)
{
    static const uint8_t little_head[] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0 }, big_head[] = { 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 2 };
    memcpy(out, big ? big_head : little_head, 10);
    const int entries[2][4] = { { 0x010F, 2, 1, 0 }, { 0x0112, type, 1, value } };
    uint8_t *p = out + 10;
    for (int e = 0; e < 2; e++, p += 12) {
        memset(p, 0, 12);
        p[big ? 0 : 1] = (uint8_t)(entries[e][0] >> 8);
        p[big ? 1 : 0] = (uint8_t)entries[e][0];
        p[big ? 3 : 2] = (uint8_t)entries[e][1];
        p[big ? 7 : 4] = (uint8_t)entries[e][2];
        p[8 + (big ? (type == 3 ? 1 : type == 4 ? 3 : 0) : 0)] = (uint8_t)entries[e][3];
    }
    memset(p, 0, 4);
    return 10 + 24 + 4;
}

static uint8_t *jpeg_with_app1(const uint8_t *app1, size_t app1_size, size_t *size)
{
    const struct jpeg_kind k = { .width = 23, .height = 18, .components = 3, .app1 = app1, .app1_size = app1_size };
    return make_jpeg(&k, size);
}

static int orientation_of(const uint8_t *bytes, size_t size)
{
    struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dl4c_image_probe(NULL, bytes, size, NULL, &info, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return info.orientation;
}

static void exif_turns_the_image_unless_ignored(void **state)
{
    for (int o = 1; o <= 8; o++)
        for (int form = 0; form < 4; form++) {
            static const int types[] = { 3, 3, 4, 1 };
            uint8_t app1[64] = "Exif\0";
            size_t size;
            const size_t n = 6 + make_exif(app1 + 6, form % 2 == 0, types[form], o);
            uint8_t *bytes = jpeg_with_app1(app1, n, &size);
            assert_int_equal(orientation_of(bytes, size), o);
            dl4c_image *stored, *turned, *want;
            assert_int_equal(decode(bytes, size, DL4C_IMAGE_IGNORE_EXIF, &stored, NULL), DL4C_OK);
            assert_int_equal(decode(bytes, size, 0, &turned, NULL), DL4C_OK);
            assert_int_equal(dl4c_image_orient(stored, o, &want, NULL), DL4C_OK);
            assert_int_equal(dl4c_image_width(turned), o < 5 ? 23 : 18);
            assert_memory_equal(dl4c_image_pixels(turned), dl4c_image_pixels(want), 23 * 18 * 3);
            dl4c_image_destroy(&stored);
            dl4c_image_destroy(&turned);
            dl4c_image_destroy(&want);
            free(bytes);
        }
}

static void xmp_tells_the_orientation_where_exif_does_not(void **state)
{
    static const char *const packets[] = { "http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation=\"6\"/>",
                                           "http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>6</tiff:Orientation>" };
    for (int i = 0; i < 2; i++) {
        size_t size;
        const size_t n = 29 + strlen(packets[i] + 29);
        for (size_t cut = 20; cut <= n; cut++) { /* never reads past the packet */
            uint8_t *exact = malloc(cut);
            assert_non_null(exact);
            memcpy(exact, packets[i], cut);
            uint8_t *bytes = jpeg_with_app1(exact, cut, &size);
            const int o = orientation_of(bytes, size);
            assert_true(o == 1 || o == 6);
            if (cut == n)
                assert_int_equal(o, 6);
            free(bytes);
            free(exact);
        }
    }
}

static void hostile_exif_is_read_within_its_bounds(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        int orientation; /* 0: malformed */
    } cases[] = {
        { "", 0, 0 },
        { "II*\0\x08\0\0", 7, 0 },
        { "XX*\0\x08\0\0\0", 8, 0 },
        { "MM\x13*\0\0\0\x08", 8, 0 },
        { "II*\0\xFF\xFF\xFF\xFF", 8, 1 },                                    /* an IFD far outside */
        { "II*\0\x08\0\0\0\xFF\xFF", 10, 1 },                                 /* 65535 entries that are not there */
        { "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0", 20, 1 },     /* cut inside the entry */
        { "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0", 22, 1 }, /* orientation 9 */
        { "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\0\0\0\0\x06\0\0\0", 22, 1 },   /* no value */
        { "MM*\0\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 22, 8 }, /* 42 in the other order */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t app1[64] = "Exif\0";
        size_t size;
        memcpy(app1 + 6, cases[i].bytes, cases[i].size);
        uint8_t *bytes = jpeg_with_app1(app1, 6 + cases[i].size, &size);
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_image *img;
        if (cases[i].orientation) {
            assert_int_equal(orientation_of(bytes, size), cases[i].orientation);
        } else {
            assert_int_equal(decode(bytes, size, 0, &img, &err), DL4C_E_CORRUPT);
            assert_non_null(strstr(err.message, "EXIF"));
            assert_int_equal(decode(bytes, size, DL4C_IMAGE_IGNORE_EXIF, &img, &err), DL4C_OK);
            dl4c_image_destroy(&img);
            assert_int_equal(decode(bytes, size, DL4C_IMAGE_TOLERATE, &img, &err), DL4C_OK);
            dl4c_image_destroy(&img);
        }
        free(bytes);
    }
}

static void png_has_exif_too(void **state)
{
    uint8_t exif[64];
    const size_t n = make_exif(exif, true, 3, 6);
    const struct png_kind k = { 23, 18, 2, 8, 0, exif, n };
    size_t size;
    uint8_t *bytes = make_png(&k, &size);
    if (!bytes) {
        print_message("skipped: built without PNG\n");
        skip();
    }
    dl4c_image *img;
    assert_int_equal(orientation_of(bytes, size), 6);
    assert_int_equal(decode(bytes, size, 0, &img, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_width(img), 18);
    dl4c_image_destroy(&img);
    free(bytes);
}

static void limits_are_kept(void **state)
{
    size_t size;
    uint8_t *bytes = make(3, &size); /* progressive */
    dl4c_image *img;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    o.max_pixels = 23 * 18;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, &err), DL4C_OK);
    dl4c_image_destroy(&img);
    o.max_pixels--;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, &err), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "23x18"));
    o.max_pixels = 0;
    o.max_scans = 3;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, &err), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "3 scans"));
    o.max_scans = -1;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, &err), DL4C_E_INVALID);
    o.max_scans = 0;
    o.flags = 1u << 20;
    assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, &err), DL4C_E_VERSION);

    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx;
    co.memory_limit_bytes = 30000; /* the decoder alone fits, libjpeg's tables do not */
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_image_decode(ctx, bytes, size, NULL, &img, &err), DL4C_E_LIMIT);
    assert_null(img);
    int64_t used;
    dl4c_context_memory(ctx, &used, NULL);
    assert_int_equal(used, 0);
    dl4c_context_destroy(&ctx);
    free(bytes);
}

static void a_small_file_may_not_claim_much(void **state)
{
    size_t size;
    uint8_t *bytes = make(1, &size), *sof = bytes;
    while (!(sof[0] == 0xFF && sof[1] == 0xC0))
        sof++;
    memcpy(sof + 5, "\x27\x10\x27\x10", 4); /* 10000 x 10000 */
    dl4c_image *img;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(decode(bytes, size, 0, &img, &err), DL4C_E_CORRUPT);
    assert_non_null(strstr(err.message, "10000x10000"));
    free(bytes);
}

static void the_pipeline_equals_its_parts(void **state)
{
    float got[3 * 12 * 10], want[3 * 12 * 10];
    for (int p = 0; p < dl4c_preprocess_count(); p++) {
        const struct dl4c_preprocess *preset = dl4c_preprocess_get(p);
        struct dli_pipeline *pipeline;
        assert_int_equal(dli_pipeline_create(NULL, preset, NULL, 3, 12, 10, &pipeline, NULL), DL4C_OK);
        for (int i = 0; i < N_JPEGS + N_PNGS + 8; i++) {
            uint8_t app1[64] = "Exif\0", *bytes;
            size_t size;
            if (i < N_JPEGS + N_PNGS)
                bytes = make(i, &size);
            else
                bytes = jpeg_with_app1(app1, 6 + make_exif(app1 + 6, true, 3, i - N_JPEGS - N_PNGS + 1), &size);
            if (!bytes)
                continue;
            struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
            dl4c_image *img;
            dl4c_preprocess_options(preset, &o);
            assert_int_equal(dl4c_image_decode(NULL, bytes, size, &o, &img, NULL), DL4C_OK);
            assert_int_equal(dl4c_image_to_floats(img, preset, 3, 12, 10, want, NULL), DL4C_OK);
            memset(got, 0xff, sizeof got);
            assert_int_equal(dli_pipeline_run(pipeline, bytes, size, got, NULL), DL4C_OK);
            if (memcmp(got, want, sizeof got) != 0)
                fail_msg("%s, kind %d: the pipeline differs from decoding and converting", preset->name, i);
            dl4c_image_destroy(&img);
            free(bytes);
        }
        dli_pipeline_destroy(&pipeline);
    }
}

struct file {
    const uint8_t *bytes;
    size_t size;
};

static dl4c_status decode_once(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const struct file *f = arg;
    dl4c_image *img = (dl4c_image *)1;
    const dl4c_status status = dl4c_image_decode(ctx, f->bytes, f->size, NULL, &img, err);
    assert_true((status == DL4C_OK) == (img != NULL));
    dl4c_image_destroy(&img);
    return status;
}

static dl4c_status run_once(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const struct file *f = arg;
    float out[3 * 8 * 8];
    struct dli_pipeline *pipeline = NULL;
    dl4c_status status = dli_pipeline_create(ctx, dl4c_preprocess_get(3), NULL, 3, 8, 8, &pipeline, err);
    for (int i = 0; i < 2 && status == DL4C_OK; i++)
        status = dli_pipeline_run(pipeline, f->bytes, f->size, out, err);
    dli_pipeline_destroy(&pipeline);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    for (int i = 0; i < N_JPEGS + N_PNGS; i++) {
        struct file f;
        uint8_t *bytes = make(i, &f.size);
        if (!bytes)
            continue;
        f.bytes = bytes;
        assert_true(fail_alloc_run(decode_once, &f) >= 8);
        assert_true(fail_alloc_run(run_once, &f) >= 8);
        free(bytes);
    }
    uint8_t app1[64] = "Exif\0";
    struct file f;
    uint8_t *bytes = jpeg_with_app1(app1, 6 + make_exif(app1 + 6, false, 3, 6), &f.size);
    f.bytes = bytes;
    assert_true(fail_alloc_run(decode_once, &f) >= 8);
    assert_true(fail_alloc_run(run_once, &f) >= 8);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_recognised_by_their_first_bytes),
        cmocka_unit_test(every_kind_of_png_gives_its_pixels),
        cmocka_unit_test(jpegs_come_near_the_pixels_they_were_made_of),
        cmocka_unit_test(no_truncated_file_decodes),
        cmocka_unit_test(no_changed_byte_does_harm),
        cmocka_unit_test(exif_turns_the_image_unless_ignored),
        cmocka_unit_test(xmp_tells_the_orientation_where_exif_does_not),
        cmocka_unit_test(hostile_exif_is_read_within_its_bounds),
        cmocka_unit_test(png_has_exif_too),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_small_file_may_not_claim_much),
        cmocka_unit_test(the_pipeline_equals_its_parts),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
