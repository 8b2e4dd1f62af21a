/* SPDX-License-Identifier: Apache-2.0 */
/* The file formats behind dli_decoder. Each: create once, then open, rows, finish, close for every file. */
#ifndef DLI_IMAGE_FORMATS_H
#define DLI_IMAGE_FORMATS_H

#include "image/image.h"

struct dli_jpeg;
dl4c_status dli_jpeg_create(dl4c_context *ctx, struct dli_jpeg **j, struct dl4c_error *err);
void dli_jpeg_destroy(struct dli_jpeg *j);
dl4c_status dli_jpeg_open(struct dli_jpeg *j, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                          struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err);
dl4c_status dli_jpeg_finish(struct dli_jpeg *j, struct dl4c_error *err);
void dli_jpeg_close(struct dli_jpeg *j);

struct dli_bmp;
dl4c_status dli_bmp_create(dl4c_context *ctx, struct dli_bmp **b, struct dl4c_error *err);
void dli_bmp_destroy(struct dli_bmp *b);
dl4c_status dli_bmp_open(struct dli_bmp *b, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                         struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err);
void dli_bmp_close(struct dli_bmp *b); /* nothing follows the last row */

#ifdef DLI_HAVE_PNG
struct dli_png;
dl4c_status dli_png_create(dl4c_context *ctx, struct dli_png **p, struct dl4c_error *err);
void dli_png_destroy(struct dli_png *p);
dl4c_status dli_png_open(struct dli_png *p, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                         struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err);
dl4c_status dli_png_finish(struct dli_png *p, struct dl4c_error *err);
void dli_png_close(struct dli_png *p);
#endif

#endif
