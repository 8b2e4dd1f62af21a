/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a file is, and whole images from it. */
#include "image/formats.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PIXELS = 178956970, MAX_SCANS = 100 };

struct dli_decoder {
    dl4c_context *ctx; /* a reference */
    struct dli_jpeg *jpeg;
    struct dli_bmp *bmp;
#ifdef DLI_HAVE_PNG
    struct dli_png *png;
#endif
    int32_t open; /* FORMAT_*, 0: nothing */
};

enum { FORMAT_JPEG = 1, FORMAT_PNG = 2, FORMAT_BMP = 3 };

dl4c_status dli_decode_limits(const struct dl4c_image_options *options, struct dli_decode_limits *l, struct dl4c_error *err)
{
    struct dl4c_image_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "image", err));
    const uint64_t known = DL4C_IMAGE_IGNORE_EXIF | DL4C_IMAGE_TOLERATE | DL4C_IMAGE_CMYK_OPENCV;
    if (o.flags & ~known)
        return dli_fail(err, DL4C_E_VERSION, "image", "flags %#" PRIx64 " are not known to this library", o.flags & ~known);
    if (o.max_pixels < 0 || o.max_scans < 0 || o.reserved != 0)
        return dli_fail(err, DL4C_E_INVALID, "image",
                        "max_pixels is %" PRId64 ", max_scans %" PRId32 " and reserved %" PRId32 "; wanted 0 or more, and 0 in reserved",
                        o.max_pixels, o.max_scans, o.reserved);
    l->max_pixels = o.max_pixels ? o.max_pixels : MAX_PIXELS;
    l->max_scans = o.max_scans ? o.max_scans : MAX_SCANS;
    l->tolerate = o.flags & DL4C_IMAGE_TOLERATE;
    l->ignore_exif = o.flags & DL4C_IMAGE_IGNORE_EXIF;
    l->cmyk_opencv = o.flags & DL4C_IMAGE_CMYK_OPENCV;
    return DL4C_OK;
}

dl4c_status dli_decode_check_pixels(const char *origin, int64_t width, int64_t height, int64_t max_pixels, struct dl4c_error *err)
{
    if (width < 1 || height < 1)
        return dli_fail(err, DL4C_E_CORRUPT, origin, "the image has %" PRId64 "x%" PRId64 " pixels", width, height);
    if (width > max_pixels / height)
        return dli_fail(err, DL4C_E_LIMIT, origin, "the image has %" PRId64 "x%" PRId64 " pixels, more than the %" PRId64 " allowed", width,
                        height, max_pixels);
    if (width > DLI_IMAGE_SIDE_MAX || height > DLI_IMAGE_SIDE_MAX)
        return dli_fail(err, DL4C_E_LIMIT, origin, "the image has %" PRId64 "x%" PRId64 " pixels; no side may pass %d", width, height,
                        DLI_IMAGE_SIDE_MAX);
    return DL4C_OK;
}

/* The name of another kind of file that people feed to image readers; NULL where the first bytes say nothing. */
static const char *name_of(const uint8_t *b, size_t n)
{
    static const struct {
        uint8_t at, size;
        const char *bytes, *name;
    } kinds[] = {
        { 0, 4, "GIF8", "a GIF image" },
        { 8, 4, "WEBP", "a WebP image" },         { 0, 4, "II*\0", "a TIFF image" },
        { 0, 4, "MM\0*", "a TIFF image" },        { 4, 8, "ftypavif", "an AVIF image" },
        { 4, 7, "ftyphei", "a HEIC image" },      { 4, 8, "ftypmif1", "a HEIF image" },
        { 4, 4, "jP  ", "a JPEG 2000 image" },    { 0, 4, "\xFF\x4F\xFF\x51", "a JPEG 2000 image" },
        { 0, 2, "\xFF\x0A", "a JPEG XL image" },  { 4, 4, "JXL ", "a JPEG XL image" },
        { 0, 4, "8BPS", "a Photoshop document" }, { 0, 4, "%PDF", "a PDF document" },
        { 0, 5, "<?xml", "an XML document" },     { 0, 4, "<svg", "an SVG drawing" },
        { 0, 5, "<html", "an HTML page" },        { 0, 5, "<HTML", "an HTML page" },
        { 0, 9, "<!DOCTYPE", "an HTML page" },    { 0, 9, "<!doctype", "an HTML page" },
        { 0, 4, "PK\3\4", "a zip archive" },      { 0, 2, "\x1F\x8B", "gzip data" },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n >= (size_t)kinds[i].at + kinds[i].size && memcmp(b + kinds[i].at, kinds[i].bytes, kinds[i].size) == 0)
            return kinds[i].name;
    return NULL;
}

static dl4c_status refuse(const uint8_t *b, size_t n, struct dl4c_error *err)
{
    const char *name = name_of(b, n);
    if (name)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "image", "the file is %s; JPEG, PNG and BMP can be read", name);
    char hex[8 * 3 + 1] = "";
    for (size_t i = 0; i < n && i < 8; i++)
        snprintf(hex + 3 * i, 4, " %02X", b[i]);
    return dli_fail(err, DL4C_E_CORRUPT, "image", "the file is neither JPEG, PNG nor BMP: it begins with%s", hex);
}

dl4c_status dli_decoder_open(struct dli_decoder *d, const void *bytes, size_t size, const struct dli_decode_limits *l,
                             struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err)
{
    const uint8_t *b = bytes;
    dli_decoder_close(d);
    *rows = NULL;
    if (size == 0)
        return dli_fail(err, DL4C_E_CORRUPT, "image", "the file is empty");
    if (!bytes)
        return dli_fail(err, DL4C_E_INVALID, "image", "bytes is NULL");
    if (size >= 3 && memcmp(b, "\xFF\xD8\xFF", 3) == 0) {
        if (!d->jpeg)
            DLI_TRY(dli_jpeg_create(d->ctx, &d->jpeg, err));
        DLI_TRY(dli_jpeg_open(d->jpeg, b, size, l, info, rows, err));
        d->open = FORMAT_JPEG;
        return DL4C_OK;
    }
    if (size >= 8 && memcmp(b, "\x89PNG\r\n\x1A\n", 8) == 0) {
#ifdef DLI_HAVE_PNG
        if (!d->png)
            DLI_TRY(dli_png_create(d->ctx, &d->png, err));
        DLI_TRY(dli_png_open(d->png, b, size, l, info, rows, err));
        d->open = FORMAT_PNG;
        return DL4C_OK;
#else
        return dli_fail(err, DL4C_E_UNSUPPORTED, "image", "the file is a PNG image; this library was built without PNG");
#endif
    }
    if (size >= 2 && memcmp(b, "BM", 2) == 0) {
        if (!d->bmp)
            DLI_TRY(dli_bmp_create(d->ctx, &d->bmp, err));
        DLI_TRY(dli_bmp_open(d->bmp, b, size, l, info, rows, err));
        d->open = FORMAT_BMP;
        return DL4C_OK;
    }
    return refuse(b, size, err);
}

dl4c_status dli_decoder_finish(struct dli_decoder *d, struct dl4c_error *err)
{
    const int32_t open = d->open;
    d->open = 0;
    if (open == FORMAT_BMP)
        dli_bmp_close(d->bmp);
#ifdef DLI_HAVE_PNG
    if (open == FORMAT_PNG)
        return dli_png_finish(d->png, err);
#endif
    return open == FORMAT_JPEG ? dli_jpeg_finish(d->jpeg, err) : DL4C_OK;
}

void dli_decoder_close(struct dli_decoder *d)
{
    if (d->open == FORMAT_JPEG)
        dli_jpeg_close(d->jpeg);
    if (d->open == FORMAT_BMP)
        dli_bmp_close(d->bmp);
#ifdef DLI_HAVE_PNG
    if (d->open == FORMAT_PNG)
        dli_png_close(d->png);
#endif
    d->open = 0;
}

dl4c_status dli_decoder_create(dl4c_context *ctx, struct dli_decoder **d, struct dl4c_error *err)
{
    *d = dli_calloc(ctx, 1, sizeof **d, err);
    if (!*d)
        return dli_alloc_status();
    (*d)->ctx = dli_context_ref(ctx, err);
    return DL4C_OK;
}

void dli_decoder_destroy(struct dli_decoder **d)
{
    if (!*d)
        return;
    dli_decoder_close(*d);
    dli_jpeg_destroy((*d)->jpeg);
    dli_bmp_destroy((*d)->bmp);
#ifdef DLI_HAVE_PNG
    dli_png_destroy((*d)->png);
#endif
    dli_context_unref((*d)->ctx);
    dli_free(*d);
    *d = NULL;
}

dl4c_status dl4c_image_probe(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options,
                             struct dl4c_image_info *info, struct dl4c_error *err)
{
    struct dli_decode_limits l;
    DLI_TRY(dli_decode_limits(options, &l, err));
    if (!info)
        return dli_fail(err, DL4C_E_INVALID, "image", "info is NULL");
    struct dli_decoder *d;
    DLI_TRY(dli_decoder_create(ctx, &d, err));
    struct dl4c_image_info found = DL4C_IMAGE_INFO_INIT;
    struct dli_rows *rows;
    dl4c_status status = dli_decoder_open(d, bytes, size, &l, &found, &rows, err);
    if (status == DL4C_OK)
        status = dli_struct_out(info, &found, sizeof found, "image", err);
    dli_decoder_destroy(&d);
    return status;
}

static dl4c_status decode_all(struct dli_decoder *d, struct dli_rows *rows, dl4c_image *img, struct dl4c_error *err)
{
    for (int32_t y = 0; y < img->height; y++) {
        const uint8_t *row;
        DLI_TRY(rows->next(rows, &row, err));
        memcpy(img->pixels + (size_t)y * img->stride, row, img->stride);
    }
    return dli_decoder_finish(d, err);
}

dl4c_status dl4c_image_decode(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options, dl4c_image **img,
                              struct dl4c_error *err)
{
    if (!img)
        return dli_fail(err, DL4C_E_INVALID, "image", "img is NULL");
    *img = NULL;
    struct dli_decode_limits l;
    DLI_TRY(dli_decode_limits(options, &l, err));
    struct dli_decoder *d;
    DLI_TRY(dli_decoder_create(ctx, &d, err));
    struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
    struct dli_rows *rows;
    dl4c_image *decoded = NULL;
    dl4c_status status = dli_decoder_open(d, bytes, size, &l, &info, &rows, err);
    if (status == DL4C_OK)
        status = dli_image_alloc(ctx, rows->width, rows->height, rows->channels, &decoded, err);
    if (status == DL4C_OK)
        status = decode_all(d, rows, decoded, err);
    dli_decoder_destroy(&d);
    if (status == DL4C_OK && info.orientation != 1 && !l.ignore_exif) {
        status = dl4c_image_orient(decoded, info.orientation, img, err);
        dl4c_image_destroy(&decoded);
    }
    if (status != DL4C_OK)
        dl4c_image_destroy(&decoded);
    else if (!*img)
        *img = decoded;
    return status;
}
