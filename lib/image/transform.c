/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a picture as DataVec's image transforms make them, and pipelines of them with probabilities. */
#include "image/transform.h"
#include "base/number.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { MOST_STEPS = 64 };
enum { FLIP_RANDOM, FLIP_VERTICAL, FLIP_HORIZONTAL, FLIP_BOTH, FLIP_NONE };
enum { TO_YCRCB, TO_YUV, TO_GREY, TO_SWAPPED };

#define AT(member) offsetof(struct dli_transform_values, member)
#define SIDE(key)                                                                                                                          \
    {                                                                                                                                      \
        .name = #key, .type = DL4C_ATTR_INT, .required = true, .offset = AT(key), .min = 1, .max = DLI_IMAGE_SIDE_MAX                      \
    }
#define EDGE(key)                                                                                                                          \
    {                                                                                                                                      \
        .name = #key, .type = DL4C_ATTR_INT, .offset = AT(key), .min = 0, .max = DLI_IMAGE_SIDE_MAX                                        \
    }
#define NUMBER(key)                                                                                                                        \
    {                                                                                                                                      \
        .name = #key, .type = DL4C_ATTR_FLOAT, .offset = AT(key), .min = -1e6, .max = 1e6                                                  \
    }
#define RANDOM                                                                                                                             \
    {                                                                                                                                      \
        .name = "random", .type = DL4C_ATTR_STR, .offset = AT(random), .def_text = "off", .choices = on_off                                \
    }

static const char *const on_off[] = { "off", "on", NULL };
static const char *const flips[] = { "random", "vertical", "horizontal", "both", NULL };
static const char *const colours[] = { "ycrcb", "yuv", "grey", "swapped", NULL };

static const struct dli_attr size_attrs[] = { SIDE(width), SIDE(height), { 0 } };
static const struct dli_attr crop_attrs[] = { EDGE(top), EDGE(left), EDGE(bottom), EDGE(right), RANDOM, { 0 } };
static const struct dli_attr rotate_attrs[] = { NUMBER(angle), NUMBER(center_x), NUMBER(center_y), NUMBER(scale), RANDOM, { 0 } };
static const struct dli_attr scale_attrs[] = { NUMBER(dx), NUMBER(dy), RANDOM, { 0 } };
static const struct dli_attr warp_attrs[] = {
    { .name = "deltas", .type = DL4C_ATTR_FLOATS, .required = true, .count = 8, .offset = AT(deltas), .min = -1e6, .max = 1e6 },
    RANDOM,
    { 0 },
};
static const struct dli_attr flip_attrs[] = {
    { .name = "mode", .type = DL4C_ATTR_STR, .offset = AT(mode), .def_text = "random", .choices = flips },
    { 0 },
};
static const struct dli_attr colour_attrs[] = {
    { .name = "to", .type = DL4C_ATTR_STR, .offset = AT(to), .def_text = "yuv", .choices = colours },
    { 0 },
};
static const struct dli_attr no_attrs[] = { { 0 } };

float dli_transform_factor(const struct dli_transform_values *v, struct dli_draws *d)
{
    return v->random ? 2 * ((float)dli_java_random_next(&d->java, 24) / (float)(1 << 24)) - 1 : 1;
}

static uint8_t *pixel(const dl4c_image *img, int32_t x, int32_t y)
{
    return img->pixels + (size_t)y * img->stride + (size_t)x * (size_t)img->channels;
}

static dl4c_status cut(const dl4c_image *img, int32_t x, int32_t y, int32_t w, int32_t h, dl4c_image **out, struct dl4c_error *err)
{
    DLI_TRY(dli_image_alloc(img->ctx, w, h, img->channels, out, err));
    for (int32_t i = 0; i < h; i++)
        memcpy(pixel(*out, 0, i), pixel(img, x, y + i), (size_t)w * (size_t)img->channels);
    return DL4C_OK;
}

static int32_t up_to(const struct dli_transform_values *v, int64_t most, struct dli_draws *d)
{
    return v->random ? dli_java_random_below(&d->java, (int32_t)most + 1) : (int32_t)most;
}

static dl4c_status crop(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                        struct dl4c_error *err)
{
    const int32_t top = up_to(v, v->top, d), left = up_to(v, v->left, d), bottom = up_to(v, v->bottom, d), right = up_to(v, v->right, d);
    const int32_t y = top < img->height - 1 ? top : img->height - 1, x = left < img->width - 1 ? left : img->width - 1;
    const int32_t h = img->height - bottom - y, w = img->width - right - x;
    return cut(img, x, y, w > 1 ? w : 1, h > 1 ? h : 1, out, err);
}

static dl4c_status random_crop(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                               struct dl4c_error *err)
{
    if (img->width < v->width || img->height < v->height)
        return dli_fail(err, DL4C_E_INVALID, "random_crop", "%" PRId64 "x%" PRId64 " pixels cannot be cut from %" PRId32 "x%" PRId32,
                        v->width, v->height, img->width, img->height);
    const int32_t y = (int32_t)dli_rng_below(&d->own, (uint64_t)(img->height - v->height) + 1);
    const int32_t x = (int32_t)dli_rng_below(&d->own, (uint64_t)(img->width - v->width) + 1);
    return cut(img, x, y, (int32_t)v->width, (int32_t)v->height, out, err);
}

static dl4c_status flip(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                        struct dl4c_error *err)
{
    static const int32_t drawn[] = { FLIP_NONE, FLIP_BOTH, FLIP_VERTICAL, FLIP_HORIZONTAL }; /* -2, -1, 0 and 1 of OpenCV */
    const int32_t mode = v->mode == FLIP_RANDOM ? drawn[dli_java_random_below(&d->java, 4)] : v->mode;
    const bool across = mode == FLIP_HORIZONTAL || mode == FLIP_BOTH, down = mode == FLIP_VERTICAL || mode == FLIP_BOTH;
    DLI_TRY(dli_image_alloc(img->ctx, img->width, img->height, img->channels, out, err));
    for (int32_t y = 0; y < img->height; y++)
        for (int32_t x = 0; x < img->width; x++)
            memcpy(pixel(*out, x, y), pixel(img, across ? img->width - 1 - x : x, down ? img->height - 1 - y : y), (size_t)img->channels);
    return DL4C_OK;
}

static dl4c_status resize(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                          struct dl4c_error *err)
{
    (void)d;
    return dl4c_image_resize(img, (int32_t)v->width, (int32_t)v->height, DL4C_RESIZE_DL4J, out, err);
}

static dl4c_status scale(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                         struct dl4c_error *err)
{
    const float h = floorf((float)img->height + (float)v->dy * dli_transform_factor(v, d) + 0.5f);
    const float w = floorf((float)img->width + (float)v->dx * dli_transform_factor(v, d) + 0.5f);
    if (!(h >= 1 && w >= 1 && h <= DLI_IMAGE_SIDE_MAX && w <= DLI_IMAGE_SIDE_MAX))
        return dli_fail(err, DL4C_E_INVALID, "scale", "%" PRId32 "x%" PRId32 " pixels would become %sx%s", img->width, img->height,
                        DLI_NUM((double)w), DLI_NUM((double)h));
    return dl4c_image_resize(img, (int32_t)w, (int32_t)h, DL4C_RESIZE_DL4J, out, err);
}

/* Centred; where the box is larger, black around the picture. */
static dl4c_status box(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                       struct dl4c_error *err)
{
    (void)d;
    const int32_t width = (int32_t)v->width, height = (int32_t)v->height, x = (img->width - width) / 2, y = (img->height - height) / 2;
    const int32_t w = img->width < width ? img->width : width, h = img->height < height ? img->height : height;
    DLI_TRY(dl4c_image_create(img->ctx, width, height, img->channels, out, err));
    for (int32_t i = 0; i < h; i++)
        memcpy(pixel(*out, x > 0 ? 0 : -x, i + (y > 0 ? 0 : -y)), pixel(img, x > 0 ? x : 0, i + (y > 0 ? y : 0)),
               (size_t)w * (size_t)img->channels);
    return DL4C_OK;
}

/* The first channel of OpenCV's order: the only one, else the one in blue's place. */
static dl4c_status equalize(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                            struct dl4c_error *err)
{
    (void)v;
    (void)d;
    const int32_t c = img->channels - 1;
    int64_t count[256] = { 0 }, sum = 0;
    const int64_t total = (int64_t)img->width * img->height;
    uint8_t map[256] = { 0 };
    DLI_TRY(dl4c_image_clone(img, out, err));
    for (int32_t y = 0; y < img->height; y++)
        for (int32_t x = 0; x < img->width; x++)
            count[pixel(img, x, y)[c]]++;
    int32_t first = 0;
    while (count[first] == 0)
        first++;
    if (count[first] == total)
        return DL4C_OK;
    const float scale_by = 255.0f / (float)(total - count[first]);
    for (int32_t i = first + 1; i < 256; i++) {
        sum += count[i];
        const long level = lrintf((float)sum * scale_by);
        map[i] = (uint8_t)(level > 255 ? 255 : level);
    }
    for (int32_t y = 0; y < img->height; y++)
        for (int32_t x = 0; x < img->width; x++)
            pixel(*out, x, y)[c] = map[pixel(img, x, y)[c]];
    return DL4C_OK;
}

static uint8_t descale(int32_t v)
{
    v = (v + (1 << 13)) >> 14;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* OpenCV's 14-bit coefficients. Its channels 0, 1, 2 stand in the places of blue, green, red. */
static void luma(const uint8_t *rgb, bool yuv, uint8_t *out)
{
    const int32_t r = rgb[0], g = rgb[1], b = rgb[2], y = descale(b * 1868 + g * 9617 + r * 4899), half = 128 << 14;
    const uint8_t red = descale((r - y) * (yuv ? 14369 : 11682) + half), blue = descale((b - y) * (yuv ? 8061 : 9241) + half);
    out[2] = (uint8_t)y;
    out[1] = yuv ? blue : red;
    out[0] = yuv ? red : blue;
}

static dl4c_status colour(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                          struct dl4c_error *err)
{
    (void)d;
    if (img->channels != 3)
        return dli_fail(err, DL4C_E_INVALID, "color", "the picture has one channel, wanted three");
    if (v->to == TO_GREY)
        return dl4c_image_convert(img, 1, out, err);
    DLI_TRY(dli_image_alloc(img->ctx, img->width, img->height, 3, out, err));
    for (int32_t y = 0; y < img->height; y++)
        for (int32_t x = 0; x < img->width; x++) {
            const uint8_t *in = pixel(img, x, y);
            uint8_t *to = pixel(*out, x, y);
            if (v->to == TO_SWAPPED) {
                to[0] = in[2];
                to[1] = in[1];
                to[2] = in[0];
            } else {
                luma(in, v->to == TO_YUV, to);
            }
        }
    return DL4C_OK;
}

static const struct dli_transform_kind kinds[] = {
    { "crop", crop_attrs, crop },
    { "random_crop", size_attrs, random_crop },
    { "flip", flip_attrs, flip },
    { "resize", size_attrs, resize },
    { "rotate", rotate_attrs, dli_transform_rotate },
    { "scale", scale_attrs, scale },
    { "warp", warp_attrs, dli_transform_warp },
    { "box", size_attrs, box },
    { "equalize", no_attrs, equalize },
    { "color", colour_attrs, colour },
};

const struct dli_transform_kind *dli_transform_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

struct step {
    const struct dli_transform_kind *kind;
    struct dli_transform_values values;
    double probability;
};

struct dl4c_transform {
    dl4c_context *ctx;
    int32_t n, flags;
    struct step *steps;
};

/* Takes p=PROBABILITY out of a step's attributes, which every kind has. */
static dl4c_status take_probability(struct dli_spec *spec, double given, double *probability, struct dl4c_error *err)
{
    int32_t n = 0;
    *probability = given >= 0 ? given : 1.0;
    for (int32_t i = 0; i < spec->n_attrs; i++) {
        const struct dl4c_attr *a = &spec->attrs[i];
        if (strcmp(a->name, "p") != 0) {
            spec->attrs[n++] = *a;
            continue;
        }
        if (given >= 0)
            return dli_fail(err, DL4C_E_INVALID, "transform", "%.60s has two probabilities, p=%.30s in its text and %s beside it",
                            spec->name, a->v.s, DLI_NUM(given));
        if (!dli_parse_double(a->v.s, strlen(a->v.s), probability) || !(*probability >= 0 && *probability <= 1))
            return dli_fail(err, DL4C_E_INVALID, "transform", "p of %.60s is \"%.30s\", wanted a probability, 0 to 1", spec->name, a->v.s);
    }
    spec->n_attrs = n;
    return DL4C_OK;
}

static dl4c_status read_values(dl4c_context *ctx, struct dli_spec *spec, double probability, struct step *s, struct dl4c_error *err)
{
    s->kind = dli_transform_kind(spec->name);
    if (!s->kind)
        return dli_fail(err, DL4C_E_NOTFOUND, "transform",
                        "there is no transform '%.60s': crop, random_crop, flip, resize, rotate, scale, warp, box, equalize, color",
                        spec->name);
    DLI_TRY(take_probability(spec, probability, &s->probability, err));
    const struct dli_attr_set set = { s->kind->attrs, &s->values };
    return dli_attrs_read(ctx, spec->name, &set, 1, spec->attrs, spec->n_attrs, err);
}

/* probability: -1 where it is the text's to say. */
static dl4c_status read_step(dl4c_context *ctx, const char *text, double probability, struct step *s, struct dl4c_error *err)
{
    struct dli_spec spec;
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "transform", "a step is NULL");
    if (probability != -1 && !(probability >= 0 && probability <= 1))
        return dli_fail(err, DL4C_E_INVALID, "transform", "probability %s of %.100s is outside 0 to 1", DLI_NUM(probability), text);
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    const dl4c_status status = read_values(ctx, &spec, probability, s, err);
    dli_spec_free(&spec);
    return status;
}

dl4c_status dl4c_transform_create(dl4c_context *ctx, const struct dl4c_transform_options *options, dl4c_transform **t,
                                  struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "transform", "t is NULL");
    *t = NULL;
    struct dl4c_transform_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "transform", err));
    if (o.n_steps < 1 || o.n_steps > MOST_STEPS || !o.steps || o.flags & ~3)
        return dli_fail(err, DL4C_E_INVALID, "transform", "%" PRId32 " steps, wanted 1 to %d; flags are %" PRId32, o.n_steps, MOST_STEPS,
                        o.flags);
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    dl4c_transform *made = dli_calloc(ctx, 1, sizeof *made, err);
    if (!made) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    made->ctx = ctx;
    made->n = o.n_steps;
    made->flags = o.flags;
    made->steps = dli_calloc(ctx, (size_t)o.n_steps, sizeof *made->steps, err);
    dl4c_status status = made->steps ? DL4C_OK : dli_alloc_status();
    for (int32_t i = 0; i < o.n_steps && status == DL4C_OK; i++)
        status = read_step(ctx, o.steps[i], o.probabilities ? o.probabilities[i] : -1, &made->steps[i], err);
    if (status != DL4C_OK)
        dl4c_transform_destroy(&made);
    *t = made;
    return status;
}

/* "java" and "shuffle" in front of the steps. */
static bool take_word(const char *part, int32_t *flags)
{
    static const char *const words[] = { "shuffle", "java" };
    for (int i = 0; i < 2; i++)
        if (strcmp(part, words[i]) == 0) {
            *flags |= i == 0 ? DL4C_TRANSFORM_SHUFFLE : DL4C_TRANSFORM_JAVA;
            return true;
        }
    return false;
}

dl4c_status dl4c_transform_parse(dl4c_context *ctx, const char *text, dl4c_transform **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "transform", "t is NULL");
    *t = NULL;
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "transform", "the text is NULL, wanted STEP/STEP/...");
    const char *steps[MOST_STEPS];
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    ctx = dli_context(ctx, err);
    char *copy = ctx ? dli_strdup(ctx, text, err) : NULL;
    if (!copy)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (char *part = copy, *next; part && status == DL4C_OK; part = next) {
        next = strchr(part, '/');
        if (next)
            *next++ = '\0';
        if (o.n_steps == 0 && take_word(part, &o.flags))
            continue;
        if (o.n_steps == MOST_STEPS)
            status = dli_fail(err, DL4C_E_INVALID, "transform", "more than %d steps", MOST_STEPS);
        else
            steps[o.n_steps++] = part;
    }
    o.steps = steps;
    if (status == DL4C_OK)
        status = dl4c_transform_create(ctx, &o, t, err);
    dli_free(copy);
    return status;
}

void dl4c_transform_destroy(dl4c_transform **t)
{
    if (!t || !*t)
        return;
    dl4c_transform *old = *t;
    *t = NULL;
    dli_free(old->steps);
    dl4c_context *ctx = old->ctx;
    dli_free(old);
    dli_context_unref(ctx);
}

dl4c_status dl4c_transform_apply(const dl4c_transform *t, const dl4c_image *img, int64_t seed, dl4c_image **out, struct dl4c_error *err)
{
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "transform", "out is NULL");
    *out = NULL;
    if (!t || !img)
        return dli_fail(err, DL4C_E_INVALID, "transform", "%s is NULL", t ? "img" : "t");
    struct dli_draws d;
    int64_t order[MOST_STEPS];
    dli_rng_init(&d.own, (uint64_t)seed, DLI_STREAM_TRANSFORM);
    dli_java_random_init(&d.java, t->flags & DL4C_TRANSFORM_JAVA ? seed : (int64_t)dli_rng_u64(&d.own));
    for (int32_t i = 0; i < t->n; i++)
        order[i] = i;
    if (t->flags & DL4C_TRANSFORM_SHUFFLE)
        dli_rng_shuffle(&d.own, order, (size_t)t->n);
    dl4c_image *at = NULL;
    for (int32_t i = 0; i < t->n; i++) {
        const struct step *s = &t->steps[order[i]];
        dl4c_image *made = NULL;
        if (s->probability < 1.0 && dli_rng_uniform(&d.own) >= s->probability)
            continue;
        const dl4c_status status = s->kind->apply(&s->values, at ? at : img, &d, &made, err);
        dl4c_image_destroy(&at);
        if (status != DL4C_OK)
            return status;
        at = made;
    }
    if (!at)
        return dl4c_image_clone(img, out, err);
    *out = at;
    return DL4C_OK;
}
