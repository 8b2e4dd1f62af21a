/* SPDX-License-Identifier: Apache-2.0 */
/* Writers with the defaults of their libraries; a failure in one stops the test program, as it is a bug of the test. */
#include "image/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#ifdef HAVE_PNG
#include <png.h>
#endif

uint8_t make_value(int x, int y, int c) { return (uint8_t)(x * 5 + y * 3 + c * 40 + (x * y * (7 + c)) % 11); }

uint8_t *make_jpeg(const struct jpeg_kind *k, size_t *size)
{
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long out_size = 0;
#ifndef C_ARITH_CODING_SUPPORTED
    if (k->arithmetic)
        return NULL;
#endif
    cinfo.err = jpeg_std_error(&errors);
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &out, &out_size);
    cinfo.image_width = (JDIMENSION)k->width;
    cinfo.image_height = (JDIMENSION)k->height;
    cinfo.input_components = k->components;
    cinfo.in_color_space = k->components == 1 ? JCS_GRAYSCALE : k->components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, 85, TRUE);
    if (k->components == 4)
        cinfo.write_Adobe_marker = TRUE;
    cinfo.comp_info[0].h_samp_factor = cinfo.comp_info[0].v_samp_factor = k->sampling ? k->sampling : 1;
    cinfo.arith_code = k->arithmetic;
    cinfo.restart_in_rows = k->restart;
    if (k->progressive)
        jpeg_simple_progression(&cinfo);
    jpeg_start_compress(&cinfo, TRUE);
    if (k->app1)
        jpeg_write_marker(&cinfo, JPEG_APP0 + 1, k->app1, (unsigned)k->app1_size);
    uint8_t *row = malloc((size_t)(k->width * k->components));
    for (int y = 0; row && y < k->height; y++) {
        for (int i = 0; i < k->width * k->components; i++)
            row[i] = make_value(i / k->components, y, i % k->components);
        jpeg_write_scanlines(&cinfo, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    *size = out_size;
    return out;
}

#ifdef HAVE_PNG
struct sink {
    uint8_t *bytes;
    size_t size, room;
};

static void sink_write(png_structp png, png_bytep data, size_t n)
{
    struct sink *s = png_get_io_ptr(png);
    if (s->size + n > s->room) {
        s->room = (s->size + n) * 2;
        s->bytes = realloc(s->bytes, s->room);
        if (!s->bytes)
            abort();
    }
    memcpy(s->bytes + s->size, data, n);
    s->size += n;
}

/* One row: samples of `depth` bits from make_value, 16 bits as value * 256 + 1, alpha 0 so that compositing would show. */
static void fill_row(const struct png_kind *k, int y, uint8_t *row)
{
    static const int samples[] = { 1, 0, 3, 1, 2, 0, 4 };
    const int n = samples[k->colour];
    memset(row, 0, (size_t)k->width * 8);
    for (int x = 0; x < k->width; x++)
        for (int c = 0; c < n; c++) {
            const int alpha = (k->colour & 4) && c == n - 1, i = x * n + c;
            const int v = alpha ? 0 : make_value(x, y, c);
            if (k->depth == 16) {
                row[2 * i] = (uint8_t)v;
                row[2 * i + 1] = 1;
            } else if (k->depth == 8) {
                row[i] = (uint8_t)v;
            } else {
                row[i * k->depth / 8] |= (uint8_t)((v & ((1 << k->depth) - 1)) << (8 - k->depth - i * k->depth % 8));
            }
        }
}

uint8_t *make_png(const struct png_kind *k, size_t *size)
{
    struct sink s = { NULL, 0, 0 };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png)))
        abort();
    png_set_write_fn(png, &s, sink_write, NULL);
    png_set_IHDR(png, info, (png_uint_32)k->width, (png_uint_32)k->height, k->depth, k->colour,
                 k->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (k->colour == PNG_COLOR_TYPE_PALETTE) { /* entry i is i, 255 - i, i ^ 85; half transparent */
        png_color palette[256];
        png_byte alpha[256];
        const int n = 1 << k->depth;
        for (int i = 0; i < n; i++) {
            palette[i] = (png_color){ (png_byte)i, (png_byte)(255 - i), (png_byte)(i ^ 85) };
            alpha[i] = 128;
        }
        png_set_PLTE(png, info, palette, n);
        png_set_tRNS(png, info, alpha, n, NULL);
    }
#ifdef PNG_eXIf_SUPPORTED
    if (k->exif)
        png_set_eXIf_1(png, info, (png_uint_32)k->exif_size, (png_bytep)k->exif);
#endif
    png_write_info(png, info);
    png_bytepp rows = malloc((size_t)k->height * sizeof *rows);
    if (!rows)
        abort();
    for (int y = 0; y < k->height; y++) {
        rows[y] = malloc((size_t)k->width * 8);
        if (!rows[y])
            abort();
        fill_row(k, y, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    for (int y = 0; y < k->height; y++)
        free(rows[y]);
    free(rows);
    *size = s.size;
    return s.bytes;
}
#else
uint8_t *make_png(const struct png_kind *k, size_t *size)
{
    (void)k;
    *size = 0;
    return NULL;
}
#endif
