/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting and using normalizers. */
#include "normalizers/normalizer.h"
#include "base/attrs.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

struct settings {
    double min, max, pixel;
    int64_t labels;
};

static const struct dli_attr standardize_attrs[] = {
    { .name = "labels", .type = DL4C_ATTR_INT, .offset = offsetof(struct settings, labels), .min = 0, .max = 1, .doc = "labels too" },
    { 0 },
};
static const struct dli_attr min_max_attrs[] = {
    { .name = "min", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct settings, min), .def = 0, .doc = "least result" },
    { .name = "max", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct settings, max), .def = 1, .doc = "greatest result" },
    { .name = "labels", .type = DL4C_ATTR_INT, .offset = offsetof(struct settings, labels), .min = 0, .max = 1, .doc = "labels too" },
    { 0 },
};
static const struct dli_attr image_attrs[] = {
    { .name = "min", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct settings, min), .def = 0, .doc = "what 0 becomes" },
    { .name = "max", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct settings, max), .def = 1, .doc = "what `pixel` becomes" },
    { .name = "pixel",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct settings, pixel),
      .def = 255,
      .min = 1e-30,
      .max = 1e30,
      .doc = "greatest value of a pixel" },
    { 0 },
};
static const struct dli_attr no_attrs[] = { { 0 } };

static const struct {
    const char *name;
    const struct dli_attr *attrs;
} kinds[] = { { "standardize", standardize_attrs }, { "min_max", min_max_attrs }, { "image_scaler", image_attrs }, { "vgg16", no_attrs } };

/* Blue, green and red of ImageNet's images, as VGG's authors took them. */
static const float vgg16_mean[3] = { 103.939f, 116.779f, 123.68f };

static bool learns(const dl4c_normalizer *n) { return n->kind == DLI_NORM_STANDARDIZE || n->kind == DLI_NORM_MIN_MAX; }

static void stats_free(struct dli_norm_stats *s)
{
    dli_free(s->center);
    dli_free(s->spread);
    memset(s, 0, sizeof *s);
}

dl4c_status dli_norm_stats_make(dl4c_context *ctx, struct dli_norm_stats *s, int64_t count, struct dl4c_error *err)
{
    stats_free(s);
    s->center = dli_array(ctx, (size_t)count, sizeof *s->center, err);
    s->spread = s->center ? dli_array(ctx, (size_t)count, sizeof *s->spread, err) : NULL;
    if (!s->spread) {
        stats_free(s);
        return dli_alloc_status();
    }
    s->count = count;
    return DL4C_OK;
}

dl4c_status dli_normalizer_new(dl4c_context *ctx, dl4c_normalizer **n, struct dl4c_error *err)
{
    *n = NULL;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    dl4c_normalizer *made = dli_calloc(ctx, 1, sizeof *made, err);
    if (!made) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    made->ctx = ctx;
    *n = made;
    return DL4C_OK;
}

dl4c_status dl4c_normalizer_create(dl4c_context *ctx, const char *spec, dl4c_normalizer **n, struct dl4c_error *err)
{
    struct dli_spec s;
    if (!n || !spec)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "%s is NULL", n ? "spec" : "n");
    *n = NULL;
    DLI_TRY(dli_spec_parse(ctx, spec, &s, err));
    struct settings values = { 0, 1, 255, 0 };
    int32_t kind = -1;
    for (int32_t k = 0; k < 4; k++)
        if (strcmp(kinds[k].name, s.name) == 0)
            kind = k;
    dl4c_status status = DL4C_OK;
    if (kind < 0)
        status = dli_fail(err, DL4C_E_INVALID, "normalizer",
                          "there is no normalizer \"%.60s\"; wanted one of image_scaler, min_max, standardize, vgg16", s.name);
    if (status == DL4C_OK) {
        const struct dli_attr_set set = { kinds[kind].attrs, &values };
        status = dli_attrs_read(ctx, s.name, &set, 1, s.attrs, s.n_attrs, err);
    }
    dli_spec_free(&s);
    if (status == DL4C_OK && !(values.min < values.max))
        status = dli_fail(err, DL4C_E_INVALID, "normalizer", "min is not less than max");
    DLI_TRY(status);
    DLI_TRY(dli_normalizer_new(ctx, n, err));
    (*n)->kind = (enum dli_normalizer_kind)kind;
    (*n)->with_labels = values.labels != 0;
    (*n)->min = values.min;
    (*n)->max = values.max;
    (*n)->pixel = values.pixel;
    return DL4C_OK;
}

void dl4c_normalizer_destroy(dl4c_normalizer **n)
{
    if (!n || !*n)
        return;
    dl4c_context *ctx = (*n)->ctx;
    stats_free(&(*n)->features);
    stats_free(&(*n)->labels);
    dli_free(*n);
    dli_context_unref(ctx);
    *n = NULL;
}

/* Rows of features, each of so many values one behind the other. */
struct view {
    int64_t rows, features, inner;
};

static dl4c_status look(const dl4c_tensor *t, const char *what, struct view *v, struct dl4c_error *err)
{
    const int32_t rank = t ? dl4c_tensor_rank(t) : 0;
    if (!t || dl4c_tensor_dtype(t) != DL4C_F32 || !dl4c_tensor_is_contiguous(t) || rank < 2)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "the %s are no contiguous f32 tensor of rows", what);
    *v = (struct view){ dl4c_tensor_dim(t, 0), dl4c_tensor_dim(t, 1), 1 };
    for (int32_t k = 2; k < rank; k++)
        v->inner *= dl4c_tensor_dim(t, k);
    return DL4C_OK;
}

static void learn(const dl4c_normalizer *n, const float *x, const struct view *v, struct dli_norm_stats *s)
{
    for (int64_t f = 0; f < v->features; f++) {
        double sum = 0, squares = 0, low = (double)x[f * v->inner], high = low;
        const double count = (double)v->rows * (double)v->inner;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t r = 0; r < v->rows; r++)
                for (int64_t i = 0; i < v->inner; i++) {
                    const double value = (double)x[(r * v->features + f) * v->inner + i];
                    if (pass == 0)
                        sum += value;
                    else
                        squares += (value - sum / count) * (value - sum / count);
                    low = value < low ? value : low;
                    high = value > high ? value : high;
                }
        s->center[f] = (float)(n->kind == DLI_NORM_STANDARDIZE ? sum / count : low);
        s->spread[f] = (float)(n->kind == DLI_NORM_STANDARDIZE ? sqrt(squares / count) : high);
    }
}

static dl4c_status fit(dl4c_normalizer *n, const dl4c_tensor *t, const char *what, struct dli_norm_stats *s, struct dl4c_error *err)
{
    struct view v;
    DLI_TRY(look(t, what, &v, err));
    if (v.rows < 1 || v.features < 1 || v.inner < 1)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "there are no %s to learn from", what);
    DLI_TRY(dli_norm_stats_make(n->ctx, s, v.features, err));
    learn(n, dl4c_tensor_data_const(t), &v, s);
    return DL4C_OK;
}

dl4c_status dl4c_normalizer_fit(dl4c_normalizer *n, const dl4c_tensor *features, const dl4c_tensor *labels, struct dl4c_error *err)
{
    if (!n)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "n is NULL");
    if (!learns(n))
        return DL4C_OK;
    if (n->with_labels && !labels)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "labels is NULL, but labels=1 asks for them");
    DLI_TRY(fit(n, features, "features", &n->features, err));
    return n->with_labels ? fit(n, labels, "labels", &n->labels, err) : DL4C_OK;
}

/* y = (x - center) / spread * scale + shift, or back. */
static void change(float *x, const struct view *v, int64_t f, double center, double spread, double scale, double shift, bool back)
{
    if (fabs(spread) < 1e-300)
        spread = 1; /* a feature that never changed */
    for (int64_t r = 0; r < v->rows; r++)
        for (int64_t i = 0; i < v->inner; i++) {
            float *at = &x[(r * v->features + f) * v->inner + i];
            const double value = (double)*at;
            *at = (float)(back ? (value - shift) / scale * spread + center : (value - center) / spread * scale + shift);
        }
}

static dl4c_status use(const dl4c_normalizer *n, const struct dli_norm_stats *s, dl4c_tensor *t, const char *what, bool back,
                       struct dl4c_error *err)
{
    struct view v;
    DLI_TRY(look(t, what, &v, err));
    float *x = dl4c_tensor_data(t);
    if (!x && v.rows > 0)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "the %s cannot be written", what);
    if (learns(n) && s->count == 0)
        return dli_fail(err, DL4C_E_STATE, "normalizer", "the normalizer has not been fitted");
    const int64_t wanted = learns(n) ? s->count : n->kind == DLI_NORM_VGG16 ? 3 : v.features;
    if (v.features != wanted)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "the %s are %" PRId64 " wide, wanted %" PRId64, what, v.features, wanted);
    for (int64_t f = 0; f < v.features; f++)
        switch (n->kind) {
        case DLI_NORM_STANDARDIZE: change(x, &v, f, (double)s->center[f], (double)s->spread[f], 1, 0, back); break;
        case DLI_NORM_MIN_MAX:
            change(x, &v, f, (double)s->center[f], (double)s->spread[f] - (double)s->center[f], n->max - n->min, n->min, back);
            break;
        case DLI_NORM_IMAGE_SCALER: change(x, &v, f, 0, n->pixel, n->max - n->min, n->min, back); break;
        case DLI_NORM_VGG16: change(x, &v, f, (double)vgg16_mean[f], 1, 1, 0, back); break;
        }
    return DL4C_OK;
}

static dl4c_status checked(const dl4c_normalizer *n, dl4c_tensor *t, bool labels, bool back, struct dl4c_error *err)
{
    if (!n)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "n is NULL");
    if (!labels)
        return use(n, &n->features, t, "features", back, err);
    return learns(n) && n->with_labels ? use(n, &n->labels, t, "labels", back, err) : DL4C_OK;
}

dl4c_status dl4c_normalizer_apply(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err)
{
    return checked(n, features, false, false, err);
}
dl4c_status dl4c_normalizer_revert(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err)
{
    return checked(n, features, false, true, err);
}
dl4c_status dl4c_normalizer_apply_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err)
{
    return checked(n, labels, true, false, err);
}
dl4c_status dl4c_normalizer_revert_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err)
{
    return checked(n, labels, true, true, err);
}

const float *dl4c_normalizer_center(const dl4c_normalizer *n, int64_t *count)
{
    if (count)
        *count = n ? n->features.count : 0;
    return n ? n->features.center : NULL;
}

const float *dl4c_normalizer_spread(const dl4c_normalizer *n, int64_t *count)
{
    if (count)
        *count = n ? n->features.count : 0;
    return n ? n->features.spread : NULL;
}
