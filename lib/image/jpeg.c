/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg's API. Every call that can fail inside it runs under a setjmp of its own: error_exit and, unless damage is
 * tolerated, the first warning jump back with the failure written down. */
#include "image/formats.h"
#include "image/exif.h"
#include "image/jpeg_memory.h"

#include <jerror.h>
#include <setjmp.h>
#include <string.h>

enum {
    LINES = 16,   /* rows asked of libjpeg at once */
    OFF_ALIGN = 8 /* where a row begins after an aligned address: to aligned rows libjpeg-turbo writes past the caches, and what reads
                   * them next waits for memory */
};

struct dli_jpeg {
    struct dli_rows rows; /* first: what the caller holds */
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct dli_jpeg_memory memory;
    struct jpeg_memory_mgr *libjpeg_memory; /* cinfo's own, NULL while nothing is open */
    struct dli_decode_limits limits;
    dl4c_context *ctx;
    size_t size;
    bool created, started;
    JSAMPARRAY lines; /* LINES rows of libjpeg's output */
    JDIMENSION n_lines, next_line;
    uint8_t *rgb; /* one row, of CMYK files only */
    struct dl4c_error failure;
    jmp_buf jump;
};

static struct dli_jpeg *of(j_common_ptr cinfo) { return cinfo->client_data; }

static void text_of(j_common_ptr cinfo, char text[JMSG_LENGTH_MAX])
{
    cinfo->err->format_message(cinfo, text);
    text[JMSG_LENGTH_MAX - 1] = '\0';
}

static dl4c_status status_of(int code)
{
    switch (code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED: return DL4C_E_UNSUPPORTED;
    case JERR_OUT_OF_MEMORY: return DL4C_E_NOMEM;
    default: return DL4C_E_CORRUPT;
    }
}

static void on_error(j_common_ptr cinfo)
{
    struct dli_jpeg *j = of(cinfo);
    const int code = cinfo->err->msg_code;
    char text[JMSG_LENGTH_MAX];
    if (code == JERR_OUT_OF_MEMORY && j->memory.failure.status != DL4C_OK) {
        j->failure = j->memory.failure;
    } else if (code == JERR_BAD_PRECISION) {
        dli_fail(&j->failure, DL4C_E_UNSUPPORTED, "jpeg", "the image has %d bits a sample; 8 can be read", cinfo->err->msg_parm.i[0]);
    } else if (code == JERR_IMAGE_TOO_BIG) {
        dli_fail(&j->failure, DL4C_E_LIMIT, "jpeg", "the image has %ux%u pixels; no side may pass %u", j->cinfo.image_width,
                 j->cinfo.image_height, cinfo->err->msg_parm.i[0]);
    } else if (code == JERR_INPUT_EMPTY || code == JERR_INPUT_EOF) {
        if (j->started)
            dli_fail(&j->failure, DL4C_E_CORRUPT, "jpeg", "the file is truncated: its %zu bytes end at row %u of %u", j->size,
                     j->cinfo.output_scanline, j->cinfo.output_height);
        else
            dli_fail(&j->failure, DL4C_E_CORRUPT, "jpeg", "the file is truncated: its %zu bytes end inside the header", j->size);
    } else {
        text_of(cinfo, text);
        dli_fail(&j->failure, status_of(code), "jpeg", "the file cannot be decoded: %s", text);
    }
    longjmp(j->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    struct dli_jpeg *j = of(cinfo);
    if (level >= 0)
        return;
    cinfo->err->num_warnings++;
    /* An unknown JFIF revision says nothing about the pixels. */
    if (j->limits.tolerate || cinfo->err->msg_code == JWRN_JFIF_MAJOR)
        return;
    char text[JMSG_LENGTH_MAX];
    text_of(cinfo, text);
    if (j->started)
        dli_fail(&j->failure, DL4C_E_CORRUPT, "jpeg", "the file is damaged near row %u of %u: %s", j->cinfo.output_scanline,
                 j->cinfo.output_height, text);
    else
        dli_fail(&j->failure, DL4C_E_CORRUPT, "jpeg", "the file is damaged: %s", text);
    longjmp(j->jump, 1);
}

static void on_output(j_common_ptr cinfo) {}

/* The whole file is in memory from the start, so running dry means that its end is missing. */
static void no_source_change(j_decompress_ptr cinfo) {}

static boolean fill_input(j_decompress_ptr cinfo)
{
    ERREXIT(cinfo, JERR_INPUT_EOF);
    return FALSE;
}

static void skip_input(j_decompress_ptr cinfo, long n)
{
    if (n <= 0)
        return;
    if ((size_t)n > cinfo->src->bytes_in_buffer)
        ERREXIT(cinfo, JERR_INPUT_EOF);
    cinfo->src->next_input_byte += n;
    cinfo->src->bytes_in_buffer -= (size_t)n;
}

static void on_progress(j_common_ptr cinfo)
{
    struct dli_jpeg *j = of(cinfo);
    if (j->cinfo.input_scan_number <= j->limits.max_scans)
        return;
    dli_fail(&j->failure, DL4C_E_LIMIT, "jpeg", "the file has more than the %" PRId32 " scans allowed", j->limits.max_scans);
    longjmp(j->jump, 1);
}

/* Inverted CMYK as Adobe writes it (255: no ink), Pillow's conversion: 255 - K - C * (255 - K) / 255 with its rounding. */
static void cmyk_pillow(const JSAMPLE *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++, in += 4, out += 3)
        for (int c = 0; c < 3; c++) {
            const int t = (255 - in[c]) * in[3] + 128;
            out[c] = (uint8_t)(in[3] - (((t >> 8) + t) >> 8));
        }
}

static void cmyk_opencv(const JSAMPLE *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++, in += 4, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(in[3] - ((255 - in[c]) * in[3] >> 8));
}

static dl4c_status failed(struct dli_jpeg *j, struct dl4c_error *err)
{
    const dl4c_status status = j->failure.status;
    if (err)
        *err = j->failure;
    dli_jpeg_close(j);
    return status;
}

static dl4c_status next_row(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct dli_jpeg *j = (struct dli_jpeg *)rows;
    if (j->next_line == j->n_lines) {
        if (setjmp(j->jump))
            return failed(j, err);
        if (!j->started) {
            j->started = true;
            jpeg_start_decompress(&j->cinfo);
            j->lines = j->cinfo.mem->alloc_sarray(
                (j_common_ptr)&j->cinfo, JPOOL_IMAGE, j->cinfo.output_width * (JDIMENSION)j->cinfo.output_components + OFF_ALIGN, LINES);
            for (int i = 0; i < LINES; i++)
                j->lines[i] += OFF_ALIGN;
            if (j->cinfo.output_components == 4)
                j->rgb = j->cinfo.mem->alloc_large((j_common_ptr)&j->cinfo, JPOOL_IMAGE, (size_t)j->cinfo.output_width * 3);
        }
        j->n_lines = jpeg_read_scanlines(&j->cinfo, j->lines, LINES);
        j->next_line = 0;
        if (j->n_lines == 0) {
            dli_fail(&j->failure, DL4C_E_INTERNAL, "jpeg", "no row came after row %u of %u", j->cinfo.output_scanline,
                     j->cinfo.output_height);
            return failed(j, err);
        }
    }
    const JSAMPLE *line = j->lines[j->next_line++];
    if (j->rgb) {
        (j->limits.cmyk_opencv ? cmyk_opencv : cmyk_pillow)(line, j->rgb, (size_t)j->rows.width);
        line = j->rgb;
    }
    *row = line;
    return DL4C_OK;
}

/* The first EXIF block decides; without an Orientation tag in it the first XMP packet that has one. */
static dl4c_status find_orientation(struct dli_jpeg *j, int32_t *orientation, struct dl4c_error *err)
{
    static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/"; /* with their NUL: 6 and 29 bytes */
    int32_t found = DLI_EXIF_ABSENT, told = DLI_EXIF_ABSENT;
    bool seen = false;
    *orientation = 1;
    for (jpeg_saved_marker_ptr m = j->cinfo.marker_list; m; m = m->next) {
        if (!seen && m->data_length >= sizeof exif && memcmp(m->data, exif, sizeof exif) == 0) {
            seen = true;
            found = dli_exif_orientation(m->data + sizeof exif, m->data_length - sizeof exif);
        } else if (told == DLI_EXIF_ABSENT && m->data_length >= sizeof xmp && memcmp(m->data, xmp, sizeof xmp) == 0) {
            told = dli_xmp_orientation(m->data + sizeof xmp, m->data_length - sizeof xmp);
        }
    }
    if (found == DLI_EXIF_MALFORMED && !j->limits.tolerate && !j->limits.ignore_exif)
        return dli_fail(err, DL4C_E_CORRUPT, "jpeg", "the EXIF block does not begin as TIFF does, so that the orientation is unknown");
    if (found >= 1)
        *orientation = found;
    else if (told >= 1)
        *orientation = told;
    return DL4C_OK;
}

/* Huffman codes take at least a bit for each 8x8 block of the finest component, so that a small file with a huge claim is refused
 * before memory is taken for it. Arithmetic codes can be shorter. */
static dl4c_status check_claim(struct dli_jpeg *j, struct dl4c_error *err)
{
    const int64_t blocks = (((int64_t)j->cinfo.image_width + 7) / 8) * (((int64_t)j->cinfo.image_height + 7) / 8);
    if (!j->cinfo.arith_code && !j->limits.tolerate && (size_t)(blocks / 8) > j->size)
        return dli_fail(err, DL4C_E_CORRUPT, "jpeg", "the file is truncated: its %zu bytes cannot hold %ux%u pixels", j->size,
                        j->cinfo.image_width, j->cinfo.image_height);
    return DL4C_OK;
}

static dl4c_status set_output(struct dli_jpeg *j, struct dl4c_error *err)
{
    switch (j->cinfo.num_components) {
    case 1: j->cinfo.out_color_space = JCS_GRAYSCALE; break;
    case 3: j->cinfo.out_color_space = JCS_RGB; break;
    case 4: j->cinfo.out_color_space = JCS_CMYK; break;
    default:
        return dli_fail(err, DL4C_E_UNSUPPORTED, "jpeg", "the image has %d components; 1, 3 and 4 can be read", j->cinfo.num_components);
    }
    j->cinfo.dct_method = JDCT_ISLOW;
    j->cinfo.do_fancy_upsampling = TRUE;
    return DL4C_OK;
}

dl4c_status dli_jpeg_open(struct dli_jpeg *j, const uint8_t *bytes, size_t size, const struct dli_decode_limits *l,
                          struct dl4c_image_info *info, struct dli_rows **rows, struct dl4c_error *err)
{
    dli_jpeg_close(j);
    j->limits = *l;
    j->size = size;
    j->started = false;
    j->n_lines = j->next_line = 0;
    j->rgb = NULL;
    j->cinfo.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = on_output;
    j->cinfo.client_data = j;
    j->cinfo.mem = NULL;
    if (setjmp(j->jump))
        return failed(j, err);
    j->created = true;
    jpeg_create_decompress(&j->cinfo);
    j->libjpeg_memory = dli_jpeg_memory_attach(&j->memory, (j_common_ptr)&j->cinfo);
    j->source = (struct jpeg_source_mgr){ bytes, size, no_source_change, fill_input, skip_input, jpeg_resync_to_restart, no_source_change };
    j->cinfo.src = &j->source;
    j->progress = (struct jpeg_progress_mgr){ .progress_monitor = on_progress };
    j->cinfo.progress = &j->progress;
    jpeg_save_markers(&j->cinfo, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&j->cinfo, TRUE);

    int32_t orientation;
    dl4c_status status = dli_decode_check_pixels("jpeg", j->cinfo.image_width, j->cinfo.image_height, l->max_pixels, &j->failure);
    if (status == DL4C_OK)
        status = check_claim(j, &j->failure);
    if (status == DL4C_OK)
        status = set_output(j, &j->failure);
    if (status == DL4C_OK)
        status = find_orientation(j, &orientation, &j->failure);
    if (status != DL4C_OK)
        return failed(j, err);
    j->rows.width = (int32_t)j->cinfo.image_width;
    j->rows.height = (int32_t)j->cinfo.image_height;
    j->rows.channels = j->cinfo.num_components == 1 ? 1 : 3;
    info->format = "jpeg";
    info->width = j->rows.width;
    info->height = j->rows.height;
    info->channels = j->rows.channels;
    info->orientation = orientation;
    *rows = &j->rows;
    return DL4C_OK;
}

dl4c_status dli_jpeg_finish(struct dli_jpeg *j, struct dl4c_error *err)
{
    if (setjmp(j->jump)) {
        /* Every row was there, only the end mark is not: damage that can be tolerated. */
        if (j->limits.tolerate && j->errors.msg_code == JERR_INPUT_EOF) {
            dli_jpeg_close(j);
            return DL4C_OK;
        }
        return failed(j, err);
    }
    jpeg_finish_decompress(&j->cinfo);
    dli_jpeg_close(j);
    return DL4C_OK;
}

void dli_jpeg_close(struct dli_jpeg *j)
{
    if (!j->created)
        return;
    j->created = false;
    if (j->libjpeg_memory)
        j->cinfo.mem = j->libjpeg_memory;
    j->libjpeg_memory = NULL;
    jpeg_destroy_decompress(&j->cinfo);
    dli_jpeg_memory_reset(&j->memory);
}

dl4c_status dli_jpeg_create(dl4c_context *ctx, struct dli_jpeg **out, struct dl4c_error *err)
{
    struct dli_jpeg *j = *out = dli_calloc(ctx, 1, sizeof *j, err);
    if (!j)
        return dli_alloc_status();
    j->ctx = ctx;
    j->rows.next = next_row;
    dli_jpeg_memory_init(&j->memory, ctx);
    return DL4C_OK;
}

void dli_jpeg_destroy(struct dli_jpeg *j)
{
    if (!j)
        return;
    dli_jpeg_close(j);
    dli_jpeg_memory_free(&j->memory);
    dli_free(j);
}
