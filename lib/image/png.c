/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng: 8 bits, grey or RGB, whatever the file holds. Memory is the context's; libpng's errors jump back. */
#include "image/formats.h"
#include "image/exif.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

struct dli_png {
    struct dli_rows rows; /* first: what the caller holds */
    png_structp png;
    png_infop info;
    dl4c_context *ctx;
    const uint8_t *bytes;
    size_t size, at;
    bool interlaced, started;
    int32_t y;
    uint8_t *buffer; /* a row; all rows where they are interlaced */
    size_t capacity, stride;
    png_bytepp lines; /* of an interlaced image */
    struct dl4c_error failure;
    jmp_buf jump;
};

static void on_error(png_structp png, png_const_charp text)
{
    struct dli_png *p = png_get_error_ptr(png);
    if (p->failure.status == DL4C_OK)
        dli_fail(&p->failure, DL4C_E_CORRUPT, "png", "the file cannot be decoded: %s", text);
    longjmp(p->jump, 1);
}

/* Warnings of libpng are about chunks that say nothing of the pixels. */
static void on_warning(png_structp png, png_const_charp text) {}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    struct dli_png *p = png_get_mem_ptr(png);
    struct dl4c_error err = DL4C_ERROR_INIT;
    void *memory = dli_alloc(p->ctx, size, &err);
    if (!memory)
        p->failure = err;
    return memory;
}

static void on_free(png_structp png, png_voidp memory) { dli_free(memory); }

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct dli_png *p = png_get_io_ptr(png);
    if (n > p->size - p->at) {
        if (p->started)
            dli_fail(&p->failure, DL4C_E_CORRUPT, "png", "the file is truncated: its %zu bytes end at row %" PRId32 " of %" PRId32, p->size,
                     p->y, p->rows.height);
        else
            dli_fail(&p->failure, DL4C_E_CORRUPT, "png", "the file is truncated: its %zu bytes end inside the header", p->size);
        png_error(png, "truncated");
    }
    memcpy(out, p->bytes + p->at, n);
    p->at += n;
}

static dl4c_status failed(struct dli_png *p, struct dl4c_error *err)
{
    const dl4c_status status = p->failure.status;
    if (err)
        *err = p->failure;
    dli_png_close(p);
    return status;
}

/* Deflate makes at most 1032 bytes of one, so that a small file with a huge claim is refused before memory is taken for it. */
static dl4c_status check_claim(const struct dli_png *p, int32_t width, int32_t height, size_t row_bytes, struct dl4c_error *err)
{
    if (row_bytes * (size_t)height / 1032 > p->size)
        return dli_fail(err, DL4C_E_CORRUPT, "png", "the file is truncated: its %zu bytes cannot hold %" PRId32 "x%" PRId32 " pixels",
                        p->size, width, height);
    return DL4C_OK;
}

static int32_t find_orientation(const struct dli_png *p)
{
    int32_t found = DLI_EXIF_ABSENT;
#ifdef PNG_eXIf_SUPPORTED
    png_bytep exif = NULL;
    png_uint_32 n = 0;
    if (png_get_eXIf_1(p->png, p->info, &n, &exif) && exif) {
        const size_t skip = n >= 6 && memcmp(exif, "Exif\0", 6) == 0 ? 6 : 0; /* some writers keep JPEG's prefix */
        found = dli_exif_orientation(exif + skip, n - skip);
    }
#endif
    return found >= 1 ? found : 1;
}

static void set_transforms(struct dli_png *p)
{
    const png_byte color = png_get_color_type(p->png, p->info), depth = png_get_bit_depth(p->png, p->info);
    if (depth == 16)
        png_set_strip_16(p->png);
    if (color == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(p->png);
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(p->png);
    png_set_strip_alpha(p->png);
    p->interlaced = png_set_interlace_handling(p->png) > 1;
    png_read_update_info(p->png, p->info);
}

static dl4c_status reserve(struct dli_png *p, size_t size, struct dl4c_error *err)
{
    if (size <= p->capacity)
        return DL4C_OK;
    dli_free(p->buffer);
    p->capacity = 0;
    p->buffer = dli_alloc(p->ctx, size, err);
    if (!p->buffer)
        return err->status;
    p->capacity = size;
    return DL4C_OK;
}

static dl4c_status start(struct dli_png *p, struct dl4c_error *err)
{
    size_t size = p->stride;
    if (!p->interlaced)
        return reserve(p, size, err);
    if (!dli_mul_size(p->stride, (size_t)p->rows.height, &size))
        return dli_fail(err, DL4C_E_NOMEM, "png", "%" PRId32 " rows of %zu bytes do not fit in memory", p->rows.height, p->stride);
    DLI_TRY(reserve(p, size, err));
    p->lines = dli_array(p->ctx, (size_t)p->rows.height, sizeof *p->lines, err);
    if (!p->lines)
        return err->status;
    for (int32_t y = 0; y < p->rows.height; y++)
        p->lines[y] = p->buffer + (size_t)y * p->stride;
    return DL4C_OK;
}

static dl4c_status next_row(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct dli_png *p = (struct dli_png *)rows;
    if (setjmp(p->jump))
        return failed(p, err);
    if (!p->started) {
        p->started = true;
        if (start(p, &p->failure) != DL4C_OK)
            return failed(p, err);
        if (p->interlaced)
            png_read_image(p->png, p->lines);
    }
    if (p->interlaced) {
        *row = p->lines[p->y];
    } else {
        png_read_row(p->png, p->buffer, NULL);
        *row = p->buffer;
    }
    p->y++;
    return DL4C_OK;
}

dl4c_status dli_png_open(struct dli_png *p, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                         struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err)
{
    dli_png_close(p);
    p->bytes = bytes;
    p->size = size;
    p->at = 0;
    p->y = 0;
    p->started = false;
    p->failure.status = DL4C_OK;
    if (setjmp(p->jump))
        return failed(p, err);
    p->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, p, on_error, on_warning, p, on_alloc, on_free);
    p->info = p->png ? png_create_info_struct(p->png) : NULL;
    if (!p->info) {
        if (p->failure.status == DL4C_OK)
            dli_fail(&p->failure, DL4C_E_INTERNAL, "png", "libpng %s does not fit the header %s it was built with",
                     png_get_libpng_ver(NULL), PNG_LIBPNG_VER_STRING);
        return failed(p, err);
    }
    png_set_read_fn(p->png, p, on_read);
    png_set_user_limits(p->png, DLI_IMAGE_SIDE_MAX, DLI_IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(p->png, 4 << 20);
    png_read_info(p->png, p->info);

    const png_uint_32 width = png_get_image_width(p->png, p->info), height = png_get_image_height(p->png, p->info);
    dl4c_status status = dli_decode_check_pixels("png", width, height, l->max_pixels, &p->failure);
    if (status == DL4C_OK)
        status = check_claim(p, (int32_t)width, (int32_t)height, png_get_rowbytes(p->png, p->info), &p->failure);
    if (status != DL4C_OK)
        return failed(p, err);
    set_transforms(p);
    p->stride = png_get_rowbytes(p->png, p->info);
    p->rows.width = (int32_t)width;
    p->rows.height = (int32_t)height;
    p->rows.channels = png_get_channels(p->png, p->info);
    if ((p->rows.channels != 1 && p->rows.channels != 3) || p->stride != (size_t)width * (size_t)p->rows.channels) {
        dli_fail(&p->failure, DL4C_E_INTERNAL, "png", "libpng gives %" PRId32 " channels and rows of %zu bytes", p->rows.channels,
                 p->stride);
        return failed(p, err);
    }
    info->format = "png";
    info->width = p->rows.width;
    info->height = p->rows.height;
    info->channels = p->rows.channels;
    info->orientation = find_orientation(p);
    *rows = &p->rows;
    return DL4C_OK;
}

dl4c_status dli_png_finish(struct dli_png *p, struct dl4c_error *err)
{
    if (setjmp(p->jump))
        return failed(p, err);
    png_read_end(p->png, NULL);
    dli_png_close(p);
    return DL4C_OK;
}

void dli_png_close(struct dli_png *p)
{
    enum { KEEP = 4 << 20 };
    if (p->png)
        png_destroy_read_struct(&p->png, &p->info, NULL);
    p->png = NULL;
    p->info = NULL;
    dli_free(p->lines);
    p->lines = NULL;
    if (p->capacity > KEEP) {
        dli_free(p->buffer);
        p->buffer = NULL;
        p->capacity = 0;
    }
}

dl4c_status dli_png_create(dl4c_context *ctx, struct dli_png **out, struct dl4c_error *err)
{
    struct dli_png *p = *out = dli_calloc(ctx, 1, sizeof *p, err);
    if (!p)
        return err ? err->status : DL4C_E_NOMEM;
    p->ctx = ctx;
    p->rows.next = next_row;
    return DL4C_OK;
}

void dli_png_destroy(struct dli_png *p)
{
    if (!p)
        return;
    dli_png_close(p);
    dli_free(p->buffer);
    dli_free(p);
}
