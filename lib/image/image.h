/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of images: rows as a stream, the decoder that makes them and keeps its memory from one file to the next. */
#ifndef DLI_IMAGE_IMAGE_H
#define DLI_IMAGE_IMAGE_H

#include "base/context.h"
#include <dl4c/image.h>

enum { DLI_IMAGE_SIDE_MAX = 1000000 };

struct dl4c_image {
    dl4c_context *ctx; /* a reference */
    int32_t width, height, channels;
    size_t stride;
    uint8_t *pixels;
    uint8_t *own; /* NULL where the pixels are the host's */
    dl4c_release_cookie_fn release;
    void *cookie;
};

/* Whether width x height x channels may be an image: sides 1 to DLI_IMAGE_SIDE_MAX, channels 1 or 3. */
dl4c_status dli_image_check(int32_t width, int32_t height, int32_t channels, struct dl4c_error *err);
/* dl4c_image_create without clearing the pixels: for callers that write them all. */
dl4c_status dli_image_alloc(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img, struct dl4c_error *err);
/* Turns width x height pixels of `channels` bytes at src as an EXIF orientation says into dst, rows without gaps. */
void dli_image_turn(const uint8_t *src, size_t stride, int32_t width, int32_t height, int32_t channels, int32_t orientation, uint8_t *dst);
/* RGB to grey by OpenCV's formula; n pixels. */
void dli_image_grey(const uint8_t *rgb, uint8_t *grey, size_t n);

/* A picture as rows from top to bottom. `next` may be called height times; a row is borrowed until the next call. */
struct dli_rows {
    int32_t width, height, channels;
    dl4c_status (*next)(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err);
};

/* The rows of an image in memory. */
struct dli_image_rows {
    struct dli_rows rows;
    const uint8_t *at;
    size_t stride;
};
void dli_image_rows(struct dli_image_rows *rows, const dl4c_image *img);

/* What options say once zeros are replaced. */
struct dli_decode_limits {
    int64_t max_pixels;
    int32_t max_scans;
    bool tolerate, ignore_exif, cmyk_opencv;
};
dl4c_status dli_decode_limits(const struct dl4c_image_options *options, struct dli_decode_limits *l, struct dl4c_error *err);
dl4c_status dli_decode_check_pixels(const char *origin, int64_t width, int64_t height, int64_t max_pixels, struct dl4c_error *err);

/* Decodes one file after the other; one thread at a time. */
struct dli_decoder;
dl4c_status dli_decoder_create(dl4c_context *ctx, struct dli_decoder **d, struct dl4c_error *err);
void dli_decoder_destroy(struct dli_decoder **d);
/* Reads the header. `bytes` is borrowed until the next open or destroy. On success *info is filled and *rows gives the rows as
 * stored: turning them upright is the caller's. After the last row dli_decoder_finish must be called: it reads the file's end. */
dl4c_status dli_decoder_open(struct dli_decoder *d, const void *bytes, size_t size, const struct dli_decode_limits *l,
                             struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err);
dl4c_status dli_decoder_finish(struct dli_decoder *d, struct dl4c_error *err);
/* Lets go of the file and of what is too large to keep; open does it too. */
void dli_decoder_close(struct dli_decoder *d);

#endif
