/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding straight into the resizer's window of rows and on into the network's input; only an image that is turned or changed is held
 * whole. */
#include "image/preprocess.h"
#include "kernels/kernels.h"

#include <string.h>

struct dli_pipeline {
    dl4c_context *ctx; /* a reference */
    struct dli_decode_limits limits;
    struct dli_decoder *decoder;
    struct dli_floats floats;
    uint8_t *stored, *turned; /* images held whole; those whose orientation is not 1 */
    size_t stored_size, turned_size;
};

/* At least `size` bytes at *buffer; what was there is lost. */
static dl4c_status reserve(dl4c_context *ctx, uint8_t **buffer, size_t *capacity, size_t size, struct dl4c_error *err)
{
    if (size <= *capacity)
        return DL4C_OK;
    dli_free(*buffer);
    *capacity = 0;
    *buffer = dli_alloc(ctx, size, err);
    if (!*buffer)
        return dli_alloc_status();
    *capacity = size;
    return DL4C_OK;
}

dl4c_status dli_floats_init(struct dli_floats *f, dl4c_context *ctx, const struct dl4c_preprocess *p, int32_t channels, int32_t height,
                            int32_t width, struct dl4c_error *err)
{
    memset(f, 0, sizeof *f);
    DLI_TRY(dli_preprocess_check(p, channels, err));
    DLI_TRY(dli_image_check(width, height, channels, err));
    f->ctx = ctx;
    f->p = *p;
    f->channels = channels;
    f->height = height;
    f->width = width;
    dli_resizer_init(&f->resizer, ctx);
    f->pixels.channels = channels;
    f->pixels.divide = p->divide;
    for (int32_t k = 0; k < channels; k++) {
        f->pixels.mean[k] = p->mean[k];
        f->pixels.std[k] = p->std[k];
        for (int32_t v = 0; v < 256; v++)
            f->pixels.table[k][v] = ((float)v / p->divide - p->mean[k]) / p->std[k];
    }
    return DL4C_OK;
}

void dli_floats_free(struct dli_floats *f)
{
    dli_resizer_free(&f->resizer);
    dli_free(f->grey);
    f->grey = NULL;
    f->grey_size = 0;
}

struct grey_rows {
    struct dli_rows rows, *colour;
    uint8_t *grey;
};

static dl4c_status next_grey(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct grey_rows *g = (struct grey_rows *)rows;
    DLI_TRY(g->colour->next(g->colour, row, err));
    dli_image_grey(*row, g->grey, (size_t)rows->width);
    *row = g->grey;
    return DL4C_OK;
}

struct target {
    const struct dli_floats *f;
    float *out;              /* the window's first pixel */
    int32_t width, channels; /* of the rows that come */
};

static void store_row(void *arg, int32_t y, const uint8_t *row)
{
    const struct target *t = arg;
    const struct dli_floats *f = t->f;
    dli_kernels()->pixels_float(&f->pixels, row, (size_t)t->width, t->channels, t->out + (size_t)y * (size_t)f->width,
                                (size_t)f->height * (size_t)f->width);
}

dl4c_status dli_floats_run(struct dli_floats *f, struct dli_rows *rows, float *out, struct dl4c_error *err)
{
    struct dli_fit fit;
    struct grey_rows grey;
    DLI_TRY(dli_fit_plan(rows->width, rows->height, f->width, f->height, f->p.fit, f->p.enlarge, &fit, err));
    if (f->channels == 1 && rows->channels == 3) {
        DLI_TRY(reserve(f->ctx, &f->grey, &f->grey_size, (size_t)rows->width, err));
        grey = (struct grey_rows){ { rows->width, rows->height, 1, next_grey }, rows, f->grey };
        rows = &grey.rows;
    }
    if (fit.win_width != f->width || fit.win_height != f->height) {
        const size_t plane = (size_t)f->height * (size_t)f->width;
        for (int32_t k = 0; k < f->channels; k++)
            for (size_t i = 0; i < plane; i++)
                out[(size_t)k * plane + i] = f->pixels.table[k][0];
    }
    for (int32_t k = 0; k < 3; k++)
        f->pixels.from[k] = rows->channels == 1 ? 0 : f->p.order == DL4C_ORDER_BGR ? 2 - k : k;
    struct target t = { f, out + (size_t)fit.dst_y * (size_t)f->width + (size_t)fit.dst_x, fit.win_width, rows->channels };
    return dli_fit_rows(&f->resizer, rows, &fit, f->p.resize, store_row, &t, err);
}

dl4c_status dl4c_image_to_floats(const dl4c_image *img, const struct dl4c_preprocess *p, int32_t channels, int32_t height, int32_t width,
                                 float *out, struct dl4c_error *err)
{
    if (!img || !p || !out)
        return dli_fail(err, DL4C_E_INVALID, "image", "%s is NULL", !img ? "img" : !p ? "the preprocessing" : "out");
    struct dli_floats f;
    struct dli_image_rows rows;
    DLI_TRY(dli_floats_init(&f, img->ctx, p, channels, height, width, err));
    dli_image_rows(&rows, img);
    const dl4c_status status = dli_floats_run(&f, &rows.rows, out, err);
    dli_floats_free(&f);
    return status;
}

dl4c_status dli_pipeline_create(dl4c_context *ctx, const struct dl4c_preprocess *p, const struct dl4c_image_options *options,
                                int32_t channels, int32_t height, int32_t width, struct dli_pipeline **pipeline, struct dl4c_error *err)
{
    *pipeline = NULL;
    struct dli_decode_limits limits;
    DLI_TRY(dli_decode_limits(options, &limits, err));
    struct dli_pipeline *l = dli_calloc(ctx, 1, sizeof *l, err);
    if (!l)
        return dli_alloc_status();
    l->ctx = dli_context_ref(ctx, err);
    l->limits = limits;
    l->limits.ignore_exif = p->ignore_exif != 0;
    l->limits.cmyk_opencv = p->cmyk == DL4C_CMYK_OPENCV;
    dl4c_status status = dli_floats_init(&l->floats, l->ctx, p, channels, height, width, err);
    if (status == DL4C_OK)
        status = dli_decoder_create(l->ctx, &l->decoder, err);
    if (status != DL4C_OK)
        dli_pipeline_destroy(&l);
    *pipeline = l;
    return status;
}

void dli_pipeline_destroy(struct dli_pipeline **pipeline)
{
    struct dli_pipeline *l = *pipeline;
    if (!l)
        return;
    *pipeline = NULL;
    dli_decoder_destroy(&l->decoder);
    dli_floats_free(&l->floats);
    dli_free(l->stored);
    dli_free(l->turned);
    dli_context_unref(l->ctx);
    dli_free(l);
}

/* Reads the whole image and, unless the orientation is 1, turns it; *view is of memory that stays until the next one. */
static dl4c_status hold(struct dli_pipeline *l, struct dli_rows *stored, int32_t orientation, dl4c_image *view, struct dl4c_error *err)
{
    const size_t stride = (size_t)stored->width * (size_t)stored->channels;
    const bool swap = orientation >= 5;
    size_t size;
    if (!dli_mul_size(stride, (size_t)stored->height, &size))
        return dli_fail(err, DL4C_E_NOMEM, "image", "an image of %" PRId32 "x%" PRId32 " does not fit in memory", stored->width,
                        stored->height);
    DLI_TRY(reserve(l->ctx, &l->stored, &l->stored_size, size, err));
    if (orientation != 1)
        DLI_TRY(reserve(l->ctx, &l->turned, &l->turned_size, size, err));
    for (int32_t y = 0; y < stored->height; y++) {
        const uint8_t *row;
        DLI_TRY(stored->next(stored, &row, err));
        memcpy(l->stored + (size_t)y * stride, row, stride);
    }
    if (orientation != 1)
        dli_image_turn(l->stored, stride, stored->width, stored->height, stored->channels, orientation, l->turned);
    *view = (dl4c_image){
        .ctx = l->ctx,
        .width = swap ? stored->height : stored->width,
        .height = swap ? stored->width : stored->height,
        .channels = stored->channels,
        .stride = swap ? (size_t)stored->height * (size_t)stored->channels : stride,
        .pixels = orientation != 1 ? l->turned : l->stored,
    };
    return DL4C_OK;
}

/* Buffers for turning are kept while they are of the size that cameras make. */
static void trim(uint8_t **buffer, size_t *size)
{
    enum { KEEP = 64 << 20 };
    if (*size <= KEEP)
        return;
    dli_free(*buffer);
    *buffer = NULL;
    *size = 0;
}

dl4c_status dli_pipeline_run_changed(struct dli_pipeline *l, const void *bytes, size_t size, const dl4c_transform *transform, int64_t seed,
                                     float *out, struct dl4c_error *err)
{
    struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
    struct dli_rows *rows;
    struct dli_image_rows whole;
    dl4c_image view, *changed = NULL;
    DLI_TRY(dli_decoder_open(l->decoder, bytes, size, &l->limits, &info, &rows, err));
    dl4c_status status = DL4C_OK;
    const int32_t orientation = l->limits.ignore_exif ? 1 : info.orientation;
    if (orientation != 1 || transform) {
        status = hold(l, rows, orientation, &view, err);
        if (status == DL4C_OK && transform)
            status = dl4c_transform_apply(transform, &view, seed, &changed, err);
        if (status == DL4C_OK)
            dli_image_rows(&whole, changed ? changed : &view);
        rows = &whole.rows;
    }
    if (status == DL4C_OK)
        status = dli_floats_run(&l->floats, rows, out, err);
    if (status == DL4C_OK)
        status = dli_decoder_finish(l->decoder, err);
    dli_decoder_close(l->decoder);
    dl4c_image_destroy(&changed);
    trim(&l->stored, &l->stored_size);
    trim(&l->turned, &l->turned_size);
    return status;
}

dl4c_status dli_pipeline_run(struct dli_pipeline *l, const void *bytes, size_t size, float *out, struct dl4c_error *err)
{
    return dli_pipeline_run_changed(l, bytes, size, NULL, 0, out, err);
}
