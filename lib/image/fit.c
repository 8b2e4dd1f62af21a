/* SPDX-License-Identifier: Apache-2.0 */
/* The geometry of stretch, crop and pad, and whole images through the resizer. */
#include "image/resize.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

/* d / 2 rounded half to even, as Python's round does. */
static int64_t half_even(int64_t d) { return d % 2 == 0 ? d / 2 : d / 2 % 2 == 0 ? d / 2 : d / 2 + 1; }

/* torchvision: Resize scales the side that is shorter in relation to the target to it and truncates the other; CenterCrop. */
static void plan_crop(int32_t w, int32_t h, double enlarge, struct dli_fit *f)
{
    const int64_t tw = (int64_t)floor(f->win_width * enlarge + 0.5), th = (int64_t)floor(f->win_height * enlarge + 0.5);
    if ((int64_t)w * th <= (int64_t)h * tw) {
        f->width = tw;
        f->height = tw * h / w;
    } else {
        f->width = th * w / h;
        f->height = th;
    }
    f->win_x = half_even(f->width - f->win_width);
    f->win_y = half_even(f->height - f->win_height);
}

/* Pillow's ImageOps.contain, then ImageOps.pad with its default centering; no side becomes 0. */
static void plan_pad(int32_t w, int32_t h, struct dli_fit *f)
{
    const int32_t dw = f->win_width, dh = f->win_height;
    const double ratio = (double)w / h, wanted = (double)dw / dh;
    if (ratio > wanted) {
        const int32_t fitted = (int32_t)rint((double)h / w * dw);
        f->win_height = fitted < 1 ? 1 : fitted > dh ? dh : fitted;
    } else if (ratio < wanted) {
        const int32_t fitted = (int32_t)rint((double)w / h * dh);
        f->win_width = fitted < 1 ? 1 : fitted > dw ? dw : fitted;
    }
    f->width = f->win_width;
    f->height = f->win_height;
    f->dst_x = (int32_t)half_even(dw - f->win_width);
    f->dst_y = (int32_t)half_even(dh - f->win_height);
}

/* DataVec's centerCropIfNeeded takes half of the difference off the longer side's beginning and nothing off its end. */
static void plan_dl4j_crop(int32_t w, int32_t h, struct dli_fit *f)
{
    const int32_t cut = (w > h ? w - h : h - w) / 2;
    if (w > h) {
        f->src_x = cut;
        f->src_width = w - cut;
    } else {
        f->src_y = cut;
        f->src_height = h - cut;
    }
}

dl4c_status dli_fit_plan(int32_t src_width, int32_t src_height, int32_t width, int32_t height, int32_t fit, double enlarge,
                         struct dli_fit *f, struct dl4c_error *err)
{
    memset(f, 0, sizeof *f);
    f->src_width = src_width;
    f->src_height = src_height;
    f->width = f->win_width = width;
    f->height = f->win_height = height;
    if (enlarge == 0)
        enlarge = 1;
    if (!(enlarge >= 1 && enlarge <= 16))
        return dli_fail(err, DL4C_E_INVALID, "image", "enlarge is %s, wanted 1 to 16", DLI_NUM(enlarge));
    switch (fit) {
    case DL4C_FIT_STRETCH: return DL4C_OK;
    case DL4C_FIT_CROP: plan_crop(src_width, src_height, enlarge, f); return DL4C_OK;
    case DL4C_FIT_PAD: plan_pad(src_width, src_height, f); return DL4C_OK;
    case DL4C_FIT_DL4J_CROP: plan_dl4j_crop(src_width, src_height, f); return DL4C_OK;
    default: return dli_fail(err, DL4C_E_INVALID, "image", "fit %" PRId32 " is not known", fit);
    }
}

struct part { /* columns src_x on of another stream */
    struct dli_rows rows;
    struct dli_rows *whole;
    size_t skip;
};

static dl4c_status next_of_part(struct dli_rows *rows, const uint8_t **row, struct dl4c_error *err)
{
    struct part *p = (struct part *)rows;
    DLI_TRY(p->whole->next(p->whole, row, err));
    *row += p->skip;
    return DL4C_OK;
}

dl4c_status dli_fit_rows(struct dli_resizer *r, struct dli_rows *rows, const struct dli_fit *f, int32_t method, dli_row_sink sink,
                         void *arg, struct dl4c_error *err)
{
    const struct dli_scale scale = {
        .method = method,
        .channels = rows->channels,
        .src_width = f->src_width,
        .src_height = f->src_height,
        .win_width = f->win_width,
        .win_height = f->win_height,
        .width = f->width,
        .height = f->height,
        .win_x = f->win_x,
        .win_y = f->win_y,
    };
    struct part part = { { f->src_width, f->src_height, rows->channels, next_of_part }, rows, (size_t)f->src_x * (size_t)rows->channels };
    const uint8_t *row;
    int32_t used = 0;
    DLI_TRY(dli_resizer_prepare(r, &scale, err));
    for (int32_t i = 0; i < f->src_y; i++)
        DLI_TRY(rows->next(rows, &row, err));
    DLI_TRY(dli_resizer_run(r, &part.rows, &used, sink, arg, err));
    for (int32_t i = f->src_y + used; i < rows->height; i++)
        DLI_TRY(rows->next(rows, &row, err));
    return DL4C_OK;
}

struct target {
    dl4c_image *img;
    size_t first; /* byte of the window's first pixel */
    size_t bytes; /* of a row of the window */
};

static void store_row(void *arg, int32_t y, const uint8_t *row)
{
    const struct target *t = arg;
    memcpy(t->img->pixels + t->first + (size_t)y * t->img->stride, row, t->bytes);
}

dl4c_status dl4c_image_fit(const dl4c_image *img, int32_t width, int32_t height, int32_t method, int32_t fit, double enlarge,
                           dl4c_image **out, struct dl4c_error *err)
{
    if (!img || !out)
        return dli_fail(err, DL4C_E_INVALID, "image", "%s is NULL", img ? "out" : "img");
    *out = NULL;
    struct dli_fit f;
    DLI_TRY(dli_image_check(width, height, img->channels, err));
    DLI_TRY(dli_fit_plan(img->width, img->height, width, height, fit, enlarge, &f, err));
    dl4c_image *made;
    DLI_TRY(dl4c_image_create(img->ctx, width, height, img->channels, &made, err));
    const size_t c = (size_t)img->channels;
    struct target target = { made, (size_t)f.dst_y * made->stride + (size_t)f.dst_x * c, (size_t)f.win_width * c };
    struct dli_image_rows rows;
    struct dli_resizer r;
    dli_image_rows(&rows, img);
    dli_resizer_init(&r, img->ctx);
    const dl4c_status status = dli_fit_rows(&r, &rows.rows, &f, method, store_row, &target, err);
    dli_resizer_free(&r);
    if (status == DL4C_OK)
        *out = made;
    else
        dl4c_image_destroy(&made);
    return status;
}

dl4c_status dl4c_image_resize(const dl4c_image *img, int32_t width, int32_t height, int32_t method, dl4c_image **out,
                              struct dl4c_error *err)
{
    return dl4c_image_fit(img, width, height, method, DL4C_FIT_STRETCH, 1, out, err);
}
