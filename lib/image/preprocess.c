/* SPDX-License-Identifier: Apache-2.0 */
/* The presets of preprocessing and their text form. */
#include "image/preprocess.h"
#include "base/number.h"

#include <string.h>

_Static_assert(sizeof(struct dl4c_preprocess) == 80, "struct dl4c_preprocess is frozen at 80 bytes without padding");

#define IMAGENET_MEAN                                                                                                                      \
    {                                                                                                                                      \
        0.485f, 0.456f, 0.406f                                                                                                             \
    }
#define IMAGENET_STD                                                                                                                       \
    {                                                                                                                                      \
        0.229f, 0.224f, 0.225f                                                                                                             \
    }
#define VGG_MEAN                                                                                                                           \
    {                                                                                                                                      \
        103.939f, 116.779f, 123.68f                                                                                                        \
    } /* blue, green, red */
#define ONES                                                                                                                               \
    {                                                                                                                                      \
        1, 1, 1                                                                                                                            \
    }

static const struct dl4c_preprocess presets[] = {
    { "none", DL4C_ORDER_RGB, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0, DL4C_CMYK_OPENCV, 1, 1, { 0 }, ONES },
    { "scale01", DL4C_ORDER_RGB, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0, DL4C_CMYK_OPENCV, 255, 1, { 0 }, ONES },
    { "dl4j", DL4C_ORDER_BGR, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0, DL4C_CMYK_OPENCV, 1, 1, { 0 }, ONES },
    { "vgg16", DL4C_ORDER_BGR, DL4C_RESIZE_DL4J, DL4C_FIT_STRETCH, 0, DL4C_CMYK_OPENCV, 1, 1, VGG_MEAN, ONES },
    { "keras-vgg16", DL4C_ORDER_BGR, DL4C_RESIZE_NEAREST, DL4C_FIT_STRETCH, 1, DL4C_CMYK_PILLOW, 1, 1, VGG_MEAN, ONES },
    { "torchvision", DL4C_ORDER_RGB, DL4C_RESIZE_PILLOW, DL4C_FIT_CROP, 1, DL4C_CMYK_PILLOW, 255, 256.0 / 224, IMAGENET_MEAN,
      IMAGENET_STD },
    { "tf", DL4C_ORDER_RGB, DL4C_RESIZE_PILLOW, DL4C_FIT_STRETCH, 1, DL4C_CMYK_PILLOW, 127.5f, 1, { 1, 1, 1 }, ONES },
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

static const char *const order_words[] = { "rgb", "bgr", NULL };
static const char *const resize_words[] = { "dl4j", "pillow", "nearest", NULL };
static const char *const fit_words[] = { "stretch", "crop", "pad", "dl4j-crop", NULL };
static const char *const exif_words[] = { "on", "off", NULL };
static const char *const cmyk_words[] = { "pillow", "opencv", NULL };

struct values { /* what the attribute table fills */
    int32_t order, resize, fit, ignore_exif, cmyk;
    double divide, enlarge, mean[3], std[3];
};

#define AT(member) .offset = offsetof(struct values, member)
static const struct dli_attr attrs[] = {
    { .name = "order", .type = DL4C_ATTR_STR, AT(order), .choices = order_words, .doc = "order of the three channels" },
    { .name = "divide", .type = DL4C_ATTR_FLOAT, AT(divide), .def = 1, .min = 1e-6, .max = 1e6, .doc = "what pixels are divided by" },
    { .name = "mean", .type = DL4C_ATTR_FLOATS, .count = 3, AT(mean), .min = -1e6, .max = 1e6, .doc = "then subtracted, in order" },
    { .name = "std", .type = DL4C_ATTR_FLOATS, .count = 3, AT(std), .def = 1, .min = 1e-6, .max = 1e6, .doc = "then divided by, in order" },
    { .name = "resize", .type = DL4C_ATTR_STR, AT(resize), .choices = resize_words, .doc = "interpolation" },
    { .name = "fit", .type = DL4C_ATTR_STR, AT(fit), .choices = fit_words, .doc = "how another shape is brought to the size" },
    { .name = "enlarge", .type = DL4C_ATTR_FLOAT, AT(enlarge), .def = 1, .min = 1, .max = 16, .doc = "of fit=crop: margin factor" },
    { .name = "exif", .type = DL4C_ATTR_STR, AT(ignore_exif), .choices = exif_words, .doc = "whether EXIF orientation is applied" },
    { .name = "cmyk", .type = DL4C_ATTR_STR, AT(cmyk), .choices = cmyk_words, .doc = "whose rounding turns CMYK into RGB" },
    { 0 },
};

/* What the descriptors say beside the presets' numbers. Lists of different numbers stand here as text: a test reads them back. */
static const struct {
    const char *doc, *mean, *std;
} described[N_PRESETS] = {
    { "RGB, 0 to 255.", NULL, NULL },
    { "RGB divided by 255.", NULL, NULL },
    { "BGR, 0 to 255, as Deeplearning4j's DataVec gives images.", NULL, NULL },
    { "BGR minus the mean colour of ImageNet, as Deeplearning4j's VGG16ImagePreProcessor.", "103.939;116.779;123.68", NULL },
    { "As vgg16, with Keras' nearest neighbour and without EXIF.", "103.939;116.779;123.68", NULL },
    { "RGB 0 to 1 by ImageNet's mean and deviation, the centre of an enlarged image.", "0.485;0.456;0.406", "0.229;0.224;0.225" },
    { "RGB, -1 to 1.", NULL, NULL },
};

bool dli_preprocess_kind(int32_t i, struct dli_kind_entry *e)
{
    if (i < 0 || i >= N_PRESETS)
        return false;
    *e = (struct dli_kind_entry){ .name = presets[i].name, .doc = described[i].doc, .attrs = attrs };
    return true;
}

void dli_preprocess_default(int32_t i, struct dl4c_attr_info *a)
{
    const struct dl4c_preprocess *p = &presets[i];
    const struct {
        const char *name;
        double def;
        const char *text;
    } own[] = {
        { "order", 0, order_words[p->order] },
        { "divide", (double)p->divide, NULL },
        { "mean", (double)p->mean[0], described[i].mean },
        { "std", (double)p->std[0], described[i].std },
        { "resize", 0, resize_words[p->resize] },
        { "fit", 0, fit_words[p->fit] },
        { "enlarge", p->enlarge, NULL },
        { "exif", 0, exif_words[p->ignore_exif] },
        { "cmyk", 0, cmyk_words[p->cmyk] },
    };
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        if (strcmp(own[k].name, a->name) == 0) {
            a->def = own[k].def;
            a->def_text = own[k].text;
        }
}

int32_t dl4c_preprocess_count(void) { return N_PRESETS; }

const struct dl4c_preprocess *dl4c_preprocess_get(int32_t i) { return i >= 0 && i < N_PRESETS ? &presets[i] : NULL; }

static const struct dl4c_preprocess *preset_of(const char *name)
{
    for (int32_t i = 0; i < N_PRESETS; i++)
        if (strncmp(presets[i].name, name, sizeof presets[i].name) == 0)
            return &presets[i];
    return NULL;
}

dl4c_status dl4c_preprocess_named(const char *name, struct dl4c_preprocess *p, struct dl4c_error *err)
{
    if (!name || !p)
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "%s is NULL", name ? "p" : "name");
    const struct dl4c_preprocess *preset = preset_of(name);
    if (!preset)
        return dli_fail(err, DL4C_E_NOTFOUND, "preprocess",
                        "there is no preprocessing \"%.60s\", wanted none, scale01, dl4j, vgg16, keras-vgg16, torchvision or tf", name);
    *p = *preset;
    return DL4C_OK;
}

static dl4c_status choice(const char *what, int32_t value, const char *const *words, struct dl4c_error *err)
{
    int32_t n = 0;
    while (words[n])
        n++;
    if (value < 0 || value >= n)
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "%s is %" PRId32 ", wanted 0 to %" PRId32, what, value, n - 1);
    return DL4C_OK;
}

dl4c_status dli_preprocess_check(const struct dl4c_preprocess *p, int32_t channels, struct dl4c_error *err)
{
    DLI_TRY(choice("order", p->order, order_words, err));
    DLI_TRY(choice("resize", p->resize, resize_words, err));
    DLI_TRY(choice("fit", p->fit, fit_words, err));
    DLI_TRY(choice("ignore_exif", p->ignore_exif, exif_words, err));
    DLI_TRY(choice("cmyk", p->cmyk, cmyk_words, err));
    if (!(p->divide >= 1e-6f && p->divide <= 1e6f))
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "divide is %s, wanted 1e-06 to 1000000", DLI_NUM(p->divide));
    if (!(p->enlarge >= 1 && p->enlarge <= 16))
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "enlarge is %s, wanted 1 to 16", DLI_NUM(p->enlarge));
    for (int k = 0; k < 3; k++) {
        if (!(p->mean[k] >= -1e6f && p->mean[k] <= 1e6f))
            return dli_fail(err, DL4C_E_INVALID, "preprocess", "mean[%d] is %s, wanted -1000000 to 1000000", k, DLI_NUM(p->mean[k]));
        if (!(p->std[k] >= 1e-6f && p->std[k] <= 1e6f))
            return dli_fail(err, DL4C_E_INVALID, "preprocess", "std[%d] is %s, wanted 1e-06 to 1000000", k, DLI_NUM(p->std[k]));
        if (channels == 1 && (p->mean[k] != p->mean[0] || p->std[k] != p->std[0]))
            return dli_fail(err, DL4C_E_INVALID, "preprocess", "\"%.23s\" treats its three channels differently and cannot feed one",
                            p->name);
    }
    return DL4C_OK;
}

static bool given(const struct dli_spec *spec, const char *name)
{
    for (int32_t i = 0; i < spec->n_attrs; i++)
        if (strcmp(spec->attrs[i].name, name) == 0)
            return true;
    return false;
}

/* Copies what the text gave over the preset. */
static void merge(struct dl4c_preprocess *p, const struct values *v, const struct dli_spec *spec)
{
    if (given(spec, "order"))
        p->order = v->order;
    if (given(spec, "resize"))
        p->resize = v->resize;
    if (given(spec, "fit"))
        p->fit = v->fit;
    if (given(spec, "exif"))
        p->ignore_exif = v->ignore_exif;
    if (given(spec, "cmyk"))
        p->cmyk = v->cmyk;
    if (given(spec, "divide"))
        p->divide = (float)v->divide;
    if (given(spec, "enlarge"))
        p->enlarge = v->enlarge;
    for (int k = 0; k < 3; k++) {
        if (given(spec, "mean"))
            p->mean[k] = (float)v->mean[k];
        if (given(spec, "std"))
            p->std[k] = (float)v->std[k];
    }
}

dl4c_status dl4c_preprocess_parse(dl4c_context *ctx, const char *text, struct dl4c_preprocess *p, struct dl4c_error *err)
{
    if (!text || !p)
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "%s is NULL", text ? "p" : "text");
    struct dli_spec spec;
    struct dl4c_preprocess parsed;
    struct values v;
    const struct dli_attr_set set = { attrs, &v };
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    dl4c_status status = dl4c_preprocess_named(spec.name, &parsed, err);
    if (status == DL4C_OK)
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
    if (status == DL4C_OK) {
        merge(&parsed, &v, &spec);
        *p = parsed;
    }
    dli_spec_free(&spec);
    return status;
}

struct printer {
    struct dli_strbuf text;
    bool any;
};

static void key(struct printer *o, const char *name)
{
    dli_strbuf_addc(&o->text, o->any ? ',' : ':');
    dli_strbuf_add(&o->text, name);
    dli_strbuf_addc(&o->text, '=');
    o->any = true;
}

static void word(struct printer *o, const char *name, int32_t value, int32_t preset, const char *const *words)
{
    if (value == preset)
        return;
    key(o, name);
    dli_strbuf_add(&o->text, words[value]);
}

static void floats(struct printer *o, const char *name, const float *values, const float *preset, int32_t n)
{
    char number[40];
    if (memcmp(values, preset, (size_t)n * sizeof *values) == 0)
        return;
    key(o, name);
    const bool same = n == 3 && values[1] == values[0] && values[2] == values[0];
    for (int32_t i = 0; i < (same ? 1 : n); i++) {
        dli_strbuf_add(&o->text, i ? ";" : "");
        dli_strbuf_add(&o->text, dli_number_shortest_f32(number, sizeof number, values[i]));
    }
}

dl4c_status dl4c_preprocess_print(dl4c_context *ctx, const struct dl4c_preprocess *p, char **text, struct dl4c_error *err)
{
    if (!p || !text)
        return dli_fail(err, DL4C_E_INVALID, "preprocess", "%s is NULL", p ? "text" : "p");
    *text = NULL;
    DLI_TRY(dli_preprocess_check(p, 3, err));
    char name[sizeof p->name + 1] = "", number[40];
    memcpy(name, p->name, sizeof p->name);
    struct dl4c_preprocess d;
    DLI_TRY(dl4c_preprocess_named(name, &d, err));
    struct printer o = { .any = false };
    dli_strbuf_init(&o.text, ctx);
    dli_strbuf_add(&o.text, name);
    word(&o, "order", p->order, d.order, order_words);
    floats(&o, "divide", &p->divide, &d.divide, 1);
    floats(&o, "mean", p->mean, d.mean, 3);
    floats(&o, "std", p->std, d.std, 3);
    word(&o, "resize", p->resize, d.resize, resize_words);
    word(&o, "fit", p->fit, d.fit, fit_words);
    if (p->enlarge != d.enlarge) {
        key(&o, "enlarge");
        dli_strbuf_add(&o.text, dli_number_shortest(number, sizeof number, p->enlarge));
    }
    word(&o, "exif", p->ignore_exif, d.ignore_exif, exif_words);
    word(&o, "cmyk", p->cmyk, d.cmyk, cmyk_words);
    const dl4c_status status = dli_strbuf_take(&o.text, text, err);
    dli_strbuf_free(&o.text);
    return status;
}
