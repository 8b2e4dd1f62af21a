/* SPDX-License-Identifier: Apache-2.0 */
/* Windows bitmaps: 1, 4 and 8 bits with a palette, 24 and 32 bits; not run-length coded, of 16 bits, or OS/2's old header. */
#include "image/formats.h"

#include <string.h>

struct dli_bmp {
    struct dli_rows rows; /* first: `next` is given it */
    dl4c_context *ctx;
    const uint8_t *pixels; /* the first row of the file */
    size_t stride;
    int32_t y, bits;
    bool top_down;
    uint8_t palette[256][3]; /* red, green, blue */
    uint8_t *row;
};

static uint32_t get(const uint8_t *b, int n)
{
    uint32_t v = 0;
    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | b[i];
    return v;
}

static dl4c_status next(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct dli_bmp *b = (struct dli_bmp *)(void *)rows;
    (void)err;
    const int32_t y = b->top_down ? b->y : rows->height - 1 - b->y;
    const uint8_t *src = b->pixels + (size_t)y * b->stride;
    uint8_t *out = b->row;
    b->y++;
    for (int32_t x = 0; x < rows->width; x++) {
        if (b->bits >= 24) {
            const uint8_t *p = src + (size_t)x * (size_t)(b->bits / 8);
            *out++ = p[2];
            *out++ = p[1];
            *out++ = p[0];
            continue;
        }
        const int32_t per_byte = 8 / b->bits, shift = 8 - b->bits * (x % per_byte + 1);
        const uint8_t *colour = b->palette[src[x / per_byte] >> shift & ((1 << b->bits) - 1)];
        for (int32_t c = 0; c < rows->channels; c++)
            *out++ = colour[c];
    }
    *row = b->row;
    return DL4C_OK;
}

/* Grey where all colours of the palette are. Colours that the file does not give are black. */
static dl4c_status read_palette(struct dli_bmp *b, const uint8_t *bytes, size_t size, size_t at, uint32_t used, struct dl4c_error *err)
{
    const uint32_t most = 1u << b->bits, n = used ? used : most;
    if (n > most || at > size || size - at < 4 * (size_t)n)
        return dli_fail(err, DL4C_E_CORRUPT, "bmp", "a palette of %" PRIu32 " colours in a file of %zu bytes, %" PRId32 " bits a pixel", n,
                        size, b->bits);
    bool grey = true;
    memset(b->palette, 0, sizeof b->palette);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = bytes + at + 4 * (size_t)i;
        b->palette[i][0] = p[2];
        b->palette[i][1] = p[1];
        b->palette[i][2] = p[0];
        grey = grey && p[0] == p[1] && p[1] == p[2];
    }
    b->rows.channels = grey ? 1 : 3;
    return DL4C_OK;
}

static dl4c_status read_header(struct dli_bmp *b, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                               struct dl4c_error *err)
{
    if (size < 54)
        return dli_fail(err, DL4C_E_CORRUPT, "bmp", "the file has %zu bytes, its headers have 54", size);
    const uint32_t offset = get(bytes + 10, 4), header = get(bytes + 14, 4), kind = get(bytes + 30, 4), bits = get(bytes + 28, 2);
    const int64_t width = (int32_t)get(bytes + 18, 4), signed_height = (int32_t)get(bytes + 22, 4);
    if (header < 40)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "bmp", "a header of %" PRIu32 " bytes, wanted 40 or more", header);
    const bool fields = kind == 3 && bits == 32 && size >= 66 && get(bytes + 54, 4) == 0xFF0000 && get(bytes + 58, 4) == 0xFF00 &&
                        get(bytes + 62, 4) == 0xFF;
    if (!(kind == 0 || fields) || (bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "bmp", "%" PRIu32 " bits a pixel, coded in way %" PRIu32, bits, kind);
    const int64_t height = signed_height < 0 ? -signed_height : signed_height;
    DLI_TRY(dli_decode_check_pixels("bmp", width, height, l->max_pixels, err));
    b->rows = (struct dli_rows){ .width = (int32_t)width, .height = (int32_t)height, .channels = 3, .next = next };
    b->top_down = signed_height < 0;
    b->bits = (int32_t)bits;
    b->y = 0;
    if (bits <= 8)
        DLI_TRY(read_palette(b, bytes, size, 14 + (size_t)header, get(bytes + 46, 4), err));
    b->stride = ((size_t)width * bits + 31) / 32 * 4;
    if (offset > size || (size - offset) / b->stride < (size_t)height)
        return dli_fail(err, DL4C_E_CORRUPT, "bmp", "the file ends before its %" PRId64 " rows of %zu bytes", height, b->stride);
    b->pixels = bytes + offset;
    return DL4C_OK;
}

dl4c_status dli_bmp_create(dl4c_context *ctx, struct dli_bmp **b, struct dl4c_error *err)
{
    *b = dli_calloc(ctx, 1, sizeof **b, err);
    if (!*b)
        return dli_alloc_status();
    (*b)->ctx = ctx;
    return DL4C_OK;
}

void dli_bmp_destroy(struct dli_bmp *b)
{
    if (b)
        dli_bmp_close(b);
    dli_free(b);
}

void dli_bmp_close(struct dli_bmp *b)
{
    dli_free(b->row);
    b->row = NULL;
}

dl4c_status dli_bmp_open(struct dli_bmp *b, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                         struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err)
{
    DLI_TRY(read_header(b, bytes, size, l, err));
    b->row = dli_array(b->ctx, (size_t)b->rows.width, 3, err);
    if (!b->row)
        return dli_alloc_status();
    info->format = "bmp";
    info->width = b->rows.width;
    info->height = b->rows.height;
    info->channels = b->rows.channels;
    info->orientation = 1;
    *rows = &b->rows;
    return DL4C_OK;
}
