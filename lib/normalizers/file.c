/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer.bin as Deeplearning4j's NormalizerSerializer writes it: "NORMALIZER", a version, the kind, its numbers. */
#include "base/error.h"
#include "fs/fs.h"
#include "normalizers/normalizer.h"

#include <string.h>

enum { LARGEST = 64 << 20 };

struct in {
    const unsigned char *p;
    size_t left;
};

static bool number(struct in *in, int width, uint64_t *v)
{
    *v = 0;
    if (in->left < (size_t)width)
        return false;
    for (int i = 0; i < width; i++)
        *v = *v << 8 | in->p[i];
    in->p += width;
    in->left -= (size_t)width;
    return true;
}

static bool real(struct in *in, double *d)
{
    uint64_t bits;
    if (!number(in, 8, &bits))
        return false;
    memcpy(d, &bits, sizeof *d);
    return true;
}

static bool word(struct in *in, char text[32])
{
    uint64_t n;
    if (!number(in, 2, &n) || n > 31 || in->left < n)
        return false;
    memcpy(text, in->p, (size_t)n);
    text[n] = '\0';
    in->p += n;
    in->left -= (size_t)n;
    return true;
}

static bool expect(struct in *in, const char *wanted)
{
    char text[32];
    return word(in, text) && strcmp(text, wanted) == 0;
}

/* The header of an array: how many numbers, of which width, follow. */
static bool array_head(struct in *in, int64_t *count, int *width)
{
    uint64_t n, v;
    char type[32];
    if (!expect(in, "MIXED_DATA_TYPES") || !number(in, 8, &n) || n < 4 || n > 20 || !expect(in, "LONG"))
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (!number(in, 8, &v))
            return false;
    if (!expect(in, "MIXED_DATA_TYPES") || !number(in, 8, &v) || !word(in, type))
        return false;
    *width = strcmp(type, "DOUBLE") == 0 ? 8 : strcmp(type, "FLOAT") == 0 ? 4 : 0;
    if (*width == 0 || v == 0 || v > in->left / (size_t)*width)
        return false;
    *count = (int64_t)v;
    return true;
}

static bool array_rest(struct in *in, int64_t count, int width, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits;
        double d;
        if (!number(in, width, &bits))
            return false;
        const uint32_t low = (uint32_t)bits;
        memcpy(&d, &bits, sizeof d);
        if (width == 8)
            out[i] = (float)d;
        else
            memcpy(&out[i], &low, sizeof low);
    }
    return true;
}

static dl4c_status damaged(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "the normalizer ends too early, or is none of Deeplearning4j's");
}

static dl4c_status read_stats(dl4c_normalizer *n, struct in *in, struct dli_norm_stats *s, struct dl4c_error *err)
{
    int64_t count, other;
    int width;
    if (!array_head(in, &count, &width))
        return damaged(err);
    DLI_TRY(dli_norm_stats_make(n->ctx, s, count, err));
    if (!array_rest(in, count, width, s->center) || !array_head(in, &other, &width) || other != count ||
        !array_rest(in, count, width, s->spread))
        return damaged(err);
    return DL4C_OK;
}

static dl4c_status read_body(dl4c_normalizer *n, const char *kind, struct in *in, struct dl4c_error *err)
{
    uint64_t flag = 0;
    if (strcmp(kind, "IMAGE_MIN_MAX") == 0) {
        n->kind = DLI_NORM_IMAGE_SCALER;
        return real(in, &n->min) && real(in, &n->max) && real(in, &n->pixel) ? DL4C_OK : damaged(err);
    }
    if (strcmp(kind, "IMAGE_VGG16") == 0) {
        n->kind = DLI_NORM_VGG16;
        return DL4C_OK;
    }
    n->kind = strcmp(kind, "MIN_MAX") == 0 ? DLI_NORM_MIN_MAX : DLI_NORM_STANDARDIZE;
    if (n->kind == DLI_NORM_STANDARDIZE && strcmp(kind, "STANDARDIZE") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "normalizer", "a normalizer of kind %.31s is not supported", kind);
    if (!number(in, 1, &flag) || (n->kind == DLI_NORM_MIN_MAX && !(real(in, &n->min) && real(in, &n->max))))
        return damaged(err);
    n->with_labels = flag != 0;
    DLI_TRY(read_stats(n, in, &n->features, err));
    return n->with_labels ? read_stats(n, in, &n->labels, err) : DL4C_OK;
}

dl4c_status dli_normalizer_read(dl4c_context *ctx, const void *bytes, size_t size, dl4c_normalizer **n, struct dl4c_error *err)
{
    struct in in = { bytes, size };
    uint64_t version;
    char kind[32];
    *n = NULL;
    if (!expect(&in, "NORMALIZER") || !number(&in, 4, &version) || version != 1 || !word(&in, kind))
        return damaged(err);
    dl4c_normalizer *made;
    DLI_TRY(dli_normalizer_new(ctx, &made, err));
    const dl4c_status status = read_body(made, kind, &in, err);
    if (status != DL4C_OK)
        dl4c_normalizer_destroy(&made);
    *n = made;
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void put(struct dli_strbuf *b, int width, uint64_t v)
{
    for (int i = width - 1; i >= 0; i--)
        dli_strbuf_addc(b, (char)(unsigned char)(v >> (8 * i)));
}

static void put_word(struct dli_strbuf *b, const char *text)
{
    put(b, 2, strlen(text));
    dli_strbuf_add(b, text);
}

static void put_real(struct dli_strbuf *b, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    put(b, 8, bits);
}

/* A row vector [1, count] of floats. */
static void put_array(struct dli_strbuf *b, const float *v, int64_t count)
{
    const int64_t shape[] = { 2, 1, count, 1, 1, 0x2000 /* FLOAT */, 1, 'c' };
    put_word(b, "MIXED_DATA_TYPES");
    put(b, 8, 8);
    put_word(b, "LONG");
    for (int i = 0; i < 8; i++)
        put(b, 8, (uint64_t)shape[i]);
    put_word(b, "MIXED_DATA_TYPES");
    put(b, 8, (uint64_t)count);
    put_word(b, "FLOAT");
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        put(b, 4, bits);
    }
}

dl4c_status dli_normalizer_write(const dl4c_normalizer *n, struct dli_strbuf *b, struct dl4c_error *err)
{
    static const char *const names[] = { "STANDARDIZE", "MIN_MAX", "IMAGE_MIN_MAX" };
    if (n->kind == DLI_NORM_VGG16)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "normalizer", "Deeplearning4j has no file for the means of VGG16");
    if (n->kind != DLI_NORM_IMAGE_SCALER && n->features.count == 0)
        return dli_fail(err, DL4C_E_STATE, "normalizer", "the normalizer has not been fitted");
    put_word(b, "NORMALIZER");
    put(b, 4, 1);
    put_word(b, names[n->kind]);
    if (n->kind == DLI_NORM_IMAGE_SCALER) {
        put_real(b, n->min);
        put_real(b, n->max);
        put_real(b, n->pixel);
        return DL4C_OK;
    }
    put(b, 1, n->with_labels);
    if (n->kind == DLI_NORM_MIN_MAX) {
        put_real(b, n->min);
        put_real(b, n->max);
    }
    for (int labels = 0; labels <= n->with_labels; labels++) {
        const struct dli_norm_stats *s = labels ? &n->labels : &n->features;
        put_array(b, s->center, s->count);
        put_array(b, s->spread, s->count);
    }
    return DL4C_OK;
}

dl4c_status dl4c_normalizer_load(dl4c_context *ctx, const char *uri, dl4c_normalizer **n, struct dl4c_error *err)
{
    char *bytes;
    size_t size;
    if (!uri || !n)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "%s is NULL", uri ? "n" : "uri");
    *n = NULL;
    DLI_TRY(dli_fs_load(ctx, uri, LARGEST, &bytes, &size, err));
    const dl4c_status status = dli_normalizer_read(ctx, bytes, size, n, err);
    dli_free(bytes);
    return status;
}

dl4c_status dl4c_normalizer_save(const dl4c_normalizer *n, const char *uri, struct dl4c_error *err)
{
    struct dli_strbuf b;
    char *bytes = NULL;
    if (!uri || !n)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "%s is NULL", uri ? "n" : "uri");
    dli_strbuf_init(&b, n->ctx);
    dl4c_status status = dli_normalizer_write(n, &b, err);
    const size_t size = b.length;
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &bytes, err);
    if (status == DL4C_OK)
        status = dli_fs_save(n->ctx, uri, bytes, size, err);
    dli_strbuf_free(&b);
    dli_free(bytes);
    return status;
}
