/* SPDX-License-Identifier: Apache-2.0 */
/* Files for tests, made on the spot: JPEG by libjpeg, PNG by libpng where it is there. */
#ifndef DLI_TESTS_IMAGE_MAKE_H
#define DLI_TESTS_IMAGE_MAKE_H

#include <stddef.h>
#include <stdint.h>

struct jpeg_kind {
    int width, height;
    int components;                       /* 1, 3 (YCbCr), 4 (CMYK by Adobe's convention) */
    int sampling;                         /* of the first component, both ways: 1 or 2 */
    int progressive, arithmetic, restart; /* restart: MCU rows between markers */
    const uint8_t *app1;                  /* one APP1 block, NULL: none */
    size_t app1_size;
};

/* A smooth picture with some noise. Freed by free(). NULL where libjpeg cannot write this kind. */
uint8_t *make_jpeg(const struct jpeg_kind *kind, size_t *size);

/* The value of channel c at x, y in the pictures of make_png. */
uint8_t make_value(int x, int y, int c);

struct png_kind {
    int width, height;
    int colour; /* PNG_COLOR_TYPE_*: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA */
    int depth, interlaced;
    const uint8_t *exif;
    size_t exif_size;
};

/* Freed by free(). NULL in a build without PNG. */
uint8_t *make_png(const struct png_kind *kind, size_t *size);

#endif
