/* SPDX-License-Identifier: Apache-2.0 */
/* The stages before the network, and the search among settings for one that turns side A's numbers into side B's. */
#include "base/number.h"
#include "compare/compare.h"
#include "image/image.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the stages ------------------------------------------------------------------------------------------------ */

static dl4c_status decode(const struct dli_compare *c, const struct dl4c_preprocess *p, dl4c_image **img, struct dl4c_error *err)
{
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    o.flags = DL4C_IMAGE_TOLERATE;
    dl4c_preprocess_options(p, &o);
    return dl4c_image_decode(c->ctx, c->image, c->image_bytes, &o, img, err);
}

static dl4c_status fit(const dl4c_image *img, const struct dl4c_preprocess *p, int32_t height, int32_t width, dl4c_image **out,
                       struct dl4c_error *err)
{
    return dl4c_image_fit(img, width, height, p->resize, p->fit, p->enlarge, out, err);
}

/* Fitted pixels to [1, c, h, w]. */
static dl4c_status normalise(const struct dli_compare *c, const dl4c_image *fitted, const struct dl4c_preprocess *p, int32_t channels,
                             dl4c_tensor **x, struct dl4c_error *err)
{
    struct dl4c_preprocess only = *p;
    const int64_t shape[] = { 1, channels, fitted->height, fitted->width };
    only.fit = DL4C_FIT_STRETCH; /* the size is right already */
    only.enlarge = 1;
    DLI_TRY(dli_tensor_create_raw(c->ctx, DL4C_F32, shape, 4, x, err));
    const dl4c_status status = dl4c_image_to_floats(fitted, &only, channels, fitted->height, fitted->width, (*x)->data, err);
    if (status != DL4C_OK)
        dl4c_tensor_unref(x);
    return status;
}

static dl4c_status prepare(const struct dli_compare *c, struct dli_side *s, struct dl4c_error *err)
{
    DLI_TRY(decode(c, &s->p, &s->decoded, err));
    DLI_TRY(fit(s->decoded, &s->p, s->height, s->width, &s->fitted, err));
    return normalise(c, s->fitted, &s->p, s->channels, &s->x, err);
}

/* [h, w, c] or [1, h, w, c] or [h, w] of a folder as an image; NULL where it is none. */
static dl4c_status read_image(struct dli_compare *c, const char *name, dl4c_image **img, struct dl4c_error *err)
{
    dl4c_tensor *t;
    *img = NULL;
    DLI_TRY(dli_compare_npy(c, name, &t, err));
    if (!t)
        return DL4C_OK;
    const int32_t skip = t->rank == 4 && t->shape[0] == 1, rank = t->rank - skip;
    const int64_t channels = rank == 3 ? t->shape[skip + 2] : 1;
    dl4c_status status;
    if ((rank != 2 && rank != 3) || (channels != 1 && channels != 3) || t->shape[skip] > 65535 || t->shape[skip + 1] > 65535) {
        status = dli_fail(err, DL4C_E_INVALID, "compare", "%s.npy of B is no image, wanted [h, w, c] with 1 or 3 channels", name);
    } else {
        status = dl4c_image_create(c->ctx, (int32_t)t->shape[skip + 1], (int32_t)t->shape[skip], (int32_t)channels, img, err);
        const float *v = t->data;
        for (int64_t i = 0; status == DL4C_OK && i < dl4c_tensor_size(t); i++)
            (*img)->pixels[i] = v[i] >= 0 && v[i] <= 255 ? (uint8_t)lrintf(v[i]) : 0;
    }
    dl4c_tensor_unref(&t);
    return status;
}

static double image_error(const dl4c_image *a, const dl4c_image *b, double *largest, const char **note)
{
    int worst = 0, most = 0;
    *note = NULL;
    *largest = 0;
    if (a->width != b->width || a->height != b->height || a->channels != b->channels) {
        *note = "the sizes differ";
        return INFINITY;
    }
    for (int32_t y = 0; y < a->height; y++)
        for (int32_t i = 0; i < a->width * a->channels; i++) {
            const int p = a->pixels[(size_t)y * a->stride + (size_t)i], q = b->pixels[(size_t)y * b->stride + (size_t)i];
            const int d = p > q ? p - q : q - p;
            worst = d > worst ? d : worst;
            most = p > most ? p : most;
        }
    *largest = most;
    return worst == 0 ? 0 : most ? (double)worst / most : INFINITY;
}

static dl4c_status image_stage(struct dli_compare *c, const char *name, const dl4c_image *a, const dl4c_image *b, struct dl4c_error *err)
{
    double largest;
    const char *note;
    if (!a || !b)
        return DL4C_OK;
    const double error = image_error(a, b, &largest, &note);
    return dli_compare_stage(c, name, name, NULL, note, error, largest, (int64_t)a->width * a->height * a->channels, 0, err);
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

/* How channels end up, beside p.order. */
enum { AS_IS, SWAPPED, SWAPPED_WHOLE /* with their means */, CHANNELS_LAST, TURNS };

struct trial {
    struct dl4c_preprocess p;
    int turn;
    int32_t height, width;
    int changes; /* from side A's */
};

static bool same3(const float *a, const float *b) { return a[0] == b[0] && a[1] == b[1] && a[2] == b[2]; }

static void count(const struct dli_compare *c, struct trial *t)
{
    const struct dl4c_preprocess *a = &c->a.p, *p = &t->p;
    t->changes = (p->ignore_exif != a->ignore_exif) + (p->cmyk != a->cmyk) + (p->resize != a->resize) +
                 (p->fit != a->fit || p->enlarge != a->enlarge) + (t->turn != AS_IS) + (t->turn == SWAPPED_WHOLE) +
                 (p->divide != a->divide || !same3(p->std, a->std)) + !same3(p->mean, a->mean) +
                 (t->height != c->a.height || t->width != c->a.width);
}

/* From [c, h, w] to what the turn makes of it. */
static void turned(const struct trial *t, const float *x, int64_t channels, int64_t plane, float *y)
{
    for (int64_t k = 0; k < channels; k++)
        for (int64_t i = 0; i < plane; i++) {
            const int64_t from = t->turn == CHANNELS_LAST ? 0 : t->turn != AS_IS ? (channels - 1 - k) * plane + i : k * plane + i;
            if (t->turn == CHANNELS_LAST)
                y[i * channels + k] = x[k * plane + i];
            else
                y[k * plane + i] = x[from];
        }
}

struct scale {
    float divide, mean[3], std[3];
};

/* What may have been done to the numbers: A's without its mean or scale, B's, and the presets'. */
static int scales_of(const struct dli_compare *c, struct scale *s, int room)
{
    static const float divides[] = { 1, 127.5f, 255 };
    const struct dl4c_preprocess *a = &c->a.p, *b = &c->b.p;
    int n = 0;
    const struct scale own = { a->divide, { a->mean[0], a->mean[1], a->mean[2] }, { a->std[0], a->std[1], a->std[2] } };
    s[n++] = own;
    s[n] = own;
    memset(s[n++].mean, 0, sizeof own.mean);
    for (int k = 0; k < 3; k++) {
        s[n] = own;
        s[n++].divide = divides[k];
        s[n] = (struct scale){ divides[k], { 0, 0, 0 }, { 1, 1, 1 } };
        n++;
    }
    s[n] = own;
    s[n].std[0] = s[n].std[1] = s[n].std[2] = 1;
    n++;
    s[n++] = (struct scale){ b->divide, { b->mean[0], b->mean[1], b->mean[2] }, { b->std[0], b->std[1], b->std[2] } };
    for (int32_t i = 0; i < dl4c_preprocess_count() && n < room; i++) {
        const struct dl4c_preprocess *p = dl4c_preprocess_get(i);
        s[n++] = (struct scale){ p->divide, { p->mean[0], p->mean[1], p->mean[2] }, { p->std[0], p->std[1], p->std[2] } };
    }
    return n;
}

struct search {
    struct dli_compare *c;
    const dl4c_tensor *target; /* NULL: pixels are looked for */
    const dl4c_image *pixels;
    struct trial best; /* changes 0: none yet */
};

static bool better(const struct search *s, const struct trial *t)
{
    return t->changes > 0 && (!s->best.changes || t->changes < s->best.changes);
}

/* All scales and turns of one set of fitted pixels. */
static dl4c_status try_numbers(struct search *s, const dl4c_image *fitted, struct trial t, struct dl4c_error *err)
{
    struct scale scales[32];
    struct dli_compare *c = s->c;
    const int n = scales_of(c, scales, 32);
    const int64_t channels = c->a.channels, plane = (int64_t)fitted->height * fitted->width;
    dl4c_status status = DL4C_OK;
    if (dl4c_tensor_size(s->target) != channels * plane)
        return DL4C_OK;
    float *y = dli_array(c->ctx, (size_t)(channels * plane), sizeof *y, err);
    if (!y)
        return dli_alloc_status();
    for (int k = 0; k < n && status == DL4C_OK; k++) {
        t.p.divide = scales[k].divide;
        memcpy(t.p.mean, scales[k].mean, sizeof t.p.mean);
        memcpy(t.p.std, scales[k].std, sizeof t.p.std);
        for (t.turn = 0; t.turn < TURNS && status == DL4C_OK; t.turn++) {
            dl4c_tensor *x = NULL;
            double largest;
            if (channels == 1 && t.turn != AS_IS)
                continue;
            count(c, &t);
            if (!better(s, &t))
                continue;
            struct dl4c_preprocess p = t.p;
            if (t.turn == SWAPPED) { /* the means stay where they are, the pixels under them change */
                for (int j = 0; j < 3; j++) {
                    p.mean[j] = t.p.mean[2 - j];
                    p.std[j] = t.p.std[2 - j];
                }
            }
            status = normalise(c, fitted, &p, (int32_t)channels, &x, err);
            if (status != DL4C_OK)
                break;
            turned(&t, x->data, channels, plane, y);
            if (dli_compare_error(y, dl4c_tensor_data_const(s->target), channels * plane, &largest) <= c->tolerance)
                s->best = t;
            dl4c_tensor_unref(&x);
        }
    }
    dli_free(y);
    return status;
}

/* Every way to decode and fit; where those stages are known to agree, only side A's. */
static dl4c_status search(struct search *s, bool decoding, bool fitting, struct dl4c_error *err)
{
    struct dli_compare *c = s->c;
    const struct dl4c_preprocess *a = &c->a.p, *b = &c->b.p;
    for (int d = 0; d < (decoding ? 4 : 1); d++) {
        dl4c_image *decoded = NULL;
        struct trial t = { .p = *a, .height = c->a.height, .width = c->a.width };
        t.p.ignore_exif = d & 1 ? !a->ignore_exif : a->ignore_exif;
        t.p.cmyk = d & 2 ? !a->cmyk : a->cmyk;
        DLI_TRY(dli_watch_check(&c->watch, err));
        DLI_TRY(decode(c, &t.p, &decoded, err));
        dl4c_status status = DL4C_OK;
        for (int f = 0; f < (fitting ? 3 * 6 : 1) && status == DL4C_OK; f++) {
            dl4c_image *fitted = NULL;
            double largest;
            const char *note;
            if (fitting) {
                const int kind = f / 3; /* A's, then the four, then B's with its enlargement and size */
                t.p.resize = f % 3 == 0 ? a->resize : (a->resize + f % 3) % 3;
                t.p.fit = kind == 0 ? a->fit : kind == 5 ? b->fit : kind - 1;
                t.p.enlarge = kind == 5 ? b->enlarge : t.p.fit == a->fit ? a->enlarge : t.p.fit == DL4C_FIT_CROP ? 256.0 / 224 : 1;
                t.height = kind == 5 ? c->b.height : c->a.height;
                t.width = kind == 5 ? c->b.width : c->a.width;
                if (t.height < 1 || t.width < 1)
                    continue;
            }
            count(c, &t);
            if (s->best.changes && t.changes >= s->best.changes)
                continue;
            status = fit(decoded, &t.p, t.height, t.width, &fitted, err);
            if (status == DL4C_OK && s->target)
                status = try_numbers(s, fitted, t, err);
            else if (status == DL4C_OK && t.changes > 0 && image_error(fitted, s->pixels, &largest, &note) == 0)
                s->best = t;
            dl4c_image_destroy(&fitted);
        }
        dl4c_image_destroy(&decoded);
        DLI_TRY(status);
    }
    return DL4C_OK;
}

/* ---- saying it ------------------------------------------------------------------------------------------------- */

static const char *const resize_words[] = { "dl4j (bilinear, not antialiased)", "pillow (bilinear, antialiased)", "nearest" };
static const char *const fit_words[] = { "stretches", "crops the centre", "pads", "cuts the longer side first" };

static void three(struct dli_strbuf *b, const float *v)
{
    for (int k = 0; k < 3; k++) {
        dli_strbuf_add(b, k ? ", " : "");
        dli_strbuf_num(b, "%.6g", (double)v[k]);
    }
}

static void clause(struct dli_strbuf *b, const char *cause, const char **first)
{
    if (*first)
        dli_strbuf_add(b, "; ");
    else
        *first = cause;
}

static int orientation_of(const struct dli_compare *c)
{
    struct dl4c_image_info info = DL4C_IMAGE_INFO_INIT;
    return dl4c_image_probe(c->ctx, c->image, c->image_bytes, NULL, &info, NULL) == DL4C_OK ? info.orientation : 0;
}

static dl4c_status tell(struct dli_compare *c, const struct trial *t, struct dl4c_error *err)
{
    const struct dl4c_preprocess *a = &c->a.p, *p = &t->p;
    const char *cause = NULL;
    char *text;
    struct dli_strbuf b;
    dli_strbuf_init(&b, c->ctx);
    if (p->ignore_exif != a->ignore_exif) {
        clause(&b, "exif", &cause);
        dli_strbuf_addf(&b, "%s turns the image as its EXIF orientation %d says, %s keeps it as stored", a->ignore_exif ? "B" : "A",
                        orientation_of(c), a->ignore_exif ? "A" : "B");
    }
    if (p->cmyk != a->cmyk) {
        clause(&b, "cmyk", &cause);
        dli_strbuf_addf(&b, "A rounds CMYK as %s, B as %s", a->cmyk ? "OpenCV" : "Pillow", p->cmyk ? "OpenCV" : "Pillow");
    }
    if (t->height != c->a.height || t->width != c->a.width) {
        clause(&b, "size", &cause);
        dli_strbuf_addf(&b, "A feeds %" PRId32 " x %" PRId32 ", B %" PRId32 " x %" PRId32, c->a.height, c->a.width, t->height, t->width);
    }
    if (p->resize != a->resize) {
        clause(&b, "resize", &cause);
        dli_strbuf_addf(&b, "A resizes with %s, B with %s", resize_words[a->resize], resize_words[p->resize]);
    }
    if (p->fit != a->fit || p->enlarge != a->enlarge) {
        clause(&b, "fit", &cause);
        dli_strbuf_addf(&b, "A %s", fit_words[a->fit]);
        dli_strbuf_addf(&b, ", B %s", fit_words[p->fit]);
        if (p->fit == DL4C_FIT_CROP || a->fit == DL4C_FIT_CROP)
            dli_strbuf_addf(&b, " (enlarged %s and %s times)", DLI_NUM(a->enlarge), DLI_NUM(p->enlarge));
    }
    if (t->turn == SWAPPED || t->turn == SWAPPED_WHOLE) {
        clause(&b, "order", &cause);
        dli_strbuf_addf(&b, "BGR and RGB are swapped: A's channels are %s, B's %s%s", a->order == DL4C_ORDER_BGR ? "BGR" : "RGB",
                        a->order == DL4C_ORDER_BGR ? "RGB" : "BGR", t->turn == SWAPPED_WHOLE ? ", each with its own mean" : "");
    }
    if (t->turn == CHANNELS_LAST) {
        clause(&b, "layout", &cause);
        dli_strbuf_add(&b, "B's numbers lie as [h, w, c] (NHWC) and are read as [c, h, w] (NCHW)");
    }
    if (!same3(p->mean, a->mean)) {
        const float none[3] = { 0 };
        clause(&b, "mean", &cause);
        dli_strbuf_add(&b, same3(a->mean, none) ? "A subtracts no mean" : "A subtracts the mean ");
        if (!same3(a->mean, none))
            three(&b, a->mean);
        dli_strbuf_add(&b, same3(p->mean, none) ? ", B none" : ", B ");
        if (!same3(p->mean, none))
            three(&b, p->mean);
    }
    if (p->divide != a->divide || !same3(p->std, a->std)) {
        clause(&b, "scale", &cause);
        dli_strbuf_addf(&b, "A divides by %s and ", DLI_NUM((double)a->divide));
        three(&b, a->std);
        dli_strbuf_addf(&b, ", B by %s and ", DLI_NUM((double)p->divide));
        three(&b, p->std);
    }
    dli_strbuf_add(&b, ".");
    DLI_TRY(dli_strbuf_take(&b, &text, err));
    const dl4c_status status = dli_compare_cause(c, cause, err, "%s", text);
    dli_free(text);
    return status;
}

/* At the first stage that differs: the fewest settings that make it vanish. */
static dl4c_status explain(struct dli_compare *c, const dl4c_tensor *target, bool decoded_known, bool fitted_known, struct dl4c_error *err)
{
    struct search s = { .c = c };
    const char *stage = c->out->stages[c->out->first].name;
    const bool at_decode = strcmp(stage, "decode") == 0, at_fit = strcmp(stage, "resize") == 0;
    if (at_decode && c->b.fitted) {
        s.pixels = c->b.fitted;
    } else if (at_fit) {
        s.pixels = c->b.fitted;
    } else {
        s.target = target;
    }
    if (!s.pixels && !s.target)
        return dli_compare_cause(c, "unknown", err, "The pixels differ and B says nothing of later stages.");
    DLI_TRY(search(&s, at_decode || (!decoded_known && !fitted_known), at_decode || at_fit || !fitted_known, err));
    if (s.best.changes)
        return tell(c, &s.best, err);
    return dli_compare_cause(c, "unknown", err,
                             "No order of channels, mean, scale, resizing, fitting, orientation or layout makes the difference vanish.");
}

static dl4c_status target_of_folder(struct dli_compare *c, dl4c_tensor **x, struct dl4c_error *err)
{
    const char *name = c->a.graph->vertices[c->a.graph->inputs[0]].name;
    DLI_TRY(dli_compare_npy(c, "normalise", x, err));
    if (!*x)
        DLI_TRY(dli_compare_npy(c, "input", x, err));
    return *x ? DL4C_OK : dli_compare_npy(c, name, x, err);
}

dl4c_status dli_compare_image(struct dli_compare *c, struct dl4c_error *err)
{
    dl4c_tensor *target = NULL;
    double error, largest;
    const char *note;
    dl4c_status status = DL4C_OK;
    if (!c->b.graph) {
        DLI_TRY(read_image(c, "decode", &c->b.decoded, err));
        DLI_TRY(read_image(c, "resize", &c->b.fitted, err));
        DLI_TRY(target_of_folder(c, &c->b.x, err));
        c->b.channels = c->a.channels;
        c->b.height = c->a.height;
        c->b.width = c->a.width;
    } else {
        DLI_TRY(prepare(c, &c->b, err));
    }
    DLI_TRY(prepare(c, &c->a, err));
    DLI_TRY(image_stage(c, "decode", c->a.decoded, c->b.decoded, err));
    DLI_TRY(image_stage(c, "resize", c->a.fitted, c->b.fitted, err));
    target = c->b.x;
    if (target) {
        DLI_TRY(dli_compare_tensors(c->a.x, target, &error, &largest, &note, err));
        status = dli_compare_stage(c, "normalise", "normalise", NULL, note, error, largest, dl4c_tensor_size(c->a.x), c->tolerance, err);
    }
    if (status == DL4C_OK && c->out->first >= 0)
        status = explain(c, target, c->b.decoded != NULL, c->b.fitted != NULL, err);
    return status;
}
