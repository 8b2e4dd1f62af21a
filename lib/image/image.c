/* SPDX-License-Identifier: Apache-2.0 */
/* Images in memory: life, orientation, channels. */
#include "image/image.h"

#include <string.h>

dl4c_status dli_image_check(int32_t width, int32_t height, int32_t channels, struct dl4c_error *err)
{
    if (width < 1 || height < 1 || width > DLI_IMAGE_SIDE_MAX || height > DLI_IMAGE_SIDE_MAX)
        return dli_fail(err, DL4C_E_INVALID, "image", "an image of %" PRId32 "x%" PRId32 " pixels cannot be, wanted sides of 1 to %d",
                        width, height, DLI_IMAGE_SIDE_MAX);
    if (channels != 1 && channels != 3)
        return dli_fail(err, DL4C_E_INVALID, "image", "an image of %" PRId32 " channels cannot be, wanted 1 or 3", channels);
    return DL4C_OK;
}

static dl4c_status make(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img, struct dl4c_error *err)
{
    if (!img)
        return dli_fail(err, DL4C_E_INVALID, "image", "img is NULL");
    *img = NULL;
    DLI_TRY(dli_image_check(width, height, channels, err));
    dl4c_image *i = dli_calloc(ctx, 1, sizeof *i, err);
    if (!i)
        return dli_alloc_status();
    i->ctx = dli_context_ref(ctx, err);
    i->width = width;
    i->height = height;
    i->channels = channels;
    i->stride = (size_t)width * (size_t)channels;
    *img = i;
    return DL4C_OK;
}

dl4c_status dli_image_alloc(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img, struct dl4c_error *err)
{
    DLI_TRY(make(ctx, width, height, channels, img, err));
    (*img)->own = (*img)->pixels = dli_array(ctx, (size_t)height, (*img)->stride, err);
    if ((*img)->own)
        return DL4C_OK;
    dl4c_image_destroy(img);
    return dli_alloc_status();
}

dl4c_status dl4c_image_create(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img, struct dl4c_error *err)
{
    DLI_TRY(dli_image_alloc(ctx, width, height, channels, img, err));
    memset((*img)->pixels, 0, (size_t)height * (*img)->stride);
    return DL4C_OK;
}

dl4c_status dl4c_image_wrap(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, void *pixels, size_t stride_bytes,
                            dl4c_release_cookie_fn release, void *cookie, dl4c_image **img, struct dl4c_error *err)
{
    if (!img)
        return dli_fail(err, DL4C_E_INVALID, "image", "img is NULL");
    *img = NULL;
    DLI_TRY(dli_image_check(width, height, channels, err));
    size_t whole;
    if (!pixels || stride_bytes < (size_t)width * (size_t)channels || !dli_mul_size(stride_bytes, (size_t)height, &whole))
        return dli_fail(err, DL4C_E_INVALID, "image", "pixels is %s and stride_bytes %zu, wanted at least the %zu bytes of a row",
                        pixels ? "set" : "NULL", stride_bytes, (size_t)width * (size_t)channels);
    DLI_TRY(make(ctx, width, height, channels, img, err));
    (*img)->stride = stride_bytes;
    (*img)->pixels = pixels;
    (*img)->release = release;
    (*img)->cookie = cookie;
    return DL4C_OK;
}

void dl4c_image_destroy(dl4c_image **img)
{
    if (!img || !*img)
        return;
    dl4c_image *i = *img;
    *img = NULL;
    if (i->release)
        i->release(i->cookie);
    dli_free(i->own);
    dli_context_unref(i->ctx);
    dli_free(i);
}

int32_t dl4c_image_width(const dl4c_image *img) { return img->width; }
int32_t dl4c_image_height(const dl4c_image *img) { return img->height; }
int32_t dl4c_image_channels(const dl4c_image *img) { return img->channels; }
size_t dl4c_image_stride(const dl4c_image *img) { return img->stride; }
uint8_t *dl4c_image_pixels(dl4c_image *img) { return img->pixels; }
const uint8_t *dl4c_image_pixels_const(const dl4c_image *img) { return img->pixels; }

/* dst = first + column * x + row * y, in pixels. */
void dli_image_turn(const uint8_t *src, size_t stride, int32_t width, int32_t height, int32_t channels, int32_t orientation, uint8_t *dst)
{
    const ptrdiff_t w = width, h = height;
    ptrdiff_t x = 1, y = w, first = 0;
    switch (orientation) {
    case 2: x = -1, y = w, first = w - 1; break;
    case 3: x = -1, y = -w, first = w * h - 1; break;
    case 4: x = 1, y = -w, first = w * (h - 1); break;
    case 5: x = h, y = 1, first = 0; break;
    case 6: x = h, y = -1, first = h - 1; break;
    case 7: x = -h, y = -1, first = w * h - 1; break;
    case 8: x = -h, y = 1, first = h * (w - 1); break;
    default: break;
    }
    /* Blocks: with the axes exchanged every pixel of a row lands in another line of memory. */
    enum { BLOCK = 32 };
    for (int32_t by = 0; by < height; by += BLOCK)
        for (int32_t bx = 0; bx < width; bx += BLOCK)
            for (int32_t r = by; r < height && r < by + BLOCK; r++) {
                const int32_t end = width - bx < BLOCK ? width : bx + BLOCK;
                const uint8_t *s = src + (size_t)r * stride + (size_t)bx * (size_t)channels;
                ptrdiff_t d = (first + bx * x + r * y) * channels;
                if (channels == 1)
                    for (int32_t c = bx; c < end; c++, s++, d += x)
                        dst[d] = *s;
                else
                    for (int32_t c = bx; c < end; c++, s += 3, d += 3 * x)
                        memcpy(dst + d, s, 3);
            }
}

dl4c_status dl4c_image_orient(const dl4c_image *img, int32_t orientation, dl4c_image **out, struct dl4c_error *err)
{
    if (!img || !out)
        return dli_fail(err, DL4C_E_INVALID, "image", "%s is NULL", img ? "out" : "img");
    *out = NULL;
    if (orientation < 1 || orientation > 8)
        return dli_fail(err, DL4C_E_INVALID, "image", "orientation is %" PRId32 ", wanted 1 to 8", orientation);
    const bool swap = orientation >= 5;
    DLI_TRY(dli_image_alloc(img->ctx, swap ? img->height : img->width, swap ? img->width : img->height, img->channels, out, err));
    dli_image_turn(img->pixels, img->stride, img->width, img->height, img->channels, orientation, (*out)->pixels);
    return DL4C_OK;
}

dl4c_status dl4c_image_clone(const dl4c_image *img, dl4c_image **copy, struct dl4c_error *err)
{
    return dl4c_image_orient(img, 1, copy, err);
}

void dli_image_grey(const uint8_t *rgb, uint8_t *grey, size_t n)
{
    for (size_t i = 0; i < n; i++)
        grey[i] = (uint8_t)((3735u * rgb[3 * i + 2] + 19235u * rgb[3 * i + 1] + 9798u * rgb[3 * i] + 16384u) >> 15);
}

dl4c_status dl4c_image_convert(const dl4c_image *img, int32_t channels, dl4c_image **out, struct dl4c_error *err)
{
    if (!img || !out)
        return dli_fail(err, DL4C_E_INVALID, "image", "%s is NULL", img ? "out" : "img");
    *out = NULL;
    if (channels == img->channels)
        return dl4c_image_clone(img, out, err);
    DLI_TRY(dli_image_alloc(img->ctx, img->width, img->height, channels, out, err));
    for (int32_t y = 0; y < img->height; y++) {
        const uint8_t *s = img->pixels + (size_t)y * img->stride;
        uint8_t *d = (*out)->pixels + (size_t)y * (*out)->stride;
        if (channels == 1)
            dli_image_grey(s, d, (size_t)img->width);
        else
            for (int32_t x = 0; x < img->width; x++)
                memset(d + 3 * x, s[x], 3);
    }
    return DL4C_OK;
}

static dl4c_status next_row(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct dli_image_rows *r = (struct dli_image_rows *)rows;
    *row = r->at;
    r->at += r->stride;
    return DL4C_OK;
}

void dli_image_rows(struct dli_image_rows *rows, const dl4c_image *img)
{
    *rows = (struct dli_image_rows){ { img->width, img->height, img->channels, next_row }, img->pixels, img->stride };
}
