/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer.bin as Deeplearning4j's NormalizerSerializer writes it: "NORMALIZER", a version, the kind, its numbers. */
#include "base/error.h"
#include "base/number.h"
#include "fs/fs.h"
#include "normalizers/normalizer.h"

#include <math.h>
#include <string.h>

enum { LARGEST = 64 << 20 };

struct in {
    const unsigned char *p;
    size_t at, size;
};

static dl4c_status ends(const struct in *in, const char *what, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "the normalizer ends after %zu bytes, in %s", in->size, what);
}

static dl4c_status number(struct in *in, int width, const char *what, uint64_t *v, struct dl4c_error *err)
{
    *v = 0;
    if (in->size - in->at < (size_t)width)
        return ends(in, what, err);
    for (int i = 0; i < width; i++)
        *v = *v << 8 | in->p[in->at++];
    return DL4C_OK;
}

static dl4c_status real(struct in *in, const char *what, double *d, struct dl4c_error *err)
{
    uint64_t bits;
    DLI_TRY(number(in, 8, what, &bits, err));
    memcpy(d, &bits, sizeof *d);
    if (!isfinite(*d))
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer is not finite", what);
    return DL4C_OK;
}

/* A text of Java's DataOutput, of at most 31 bytes. */
static dl4c_status word(struct in *in, const char *what, char text[32], struct dl4c_error *err)
{
    uint64_t n;
    DLI_TRY(number(in, 2, what, &n, err));
    if (n > 31)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has %" PRIu64 " letters, wanted at most 31", what, n);
    if (in->size - in->at < n)
        return ends(in, what, err);
    memcpy(text, in->p + in->at, (size_t)n);
    text[n] = '\0';
    in->at += (size_t)n;
    if (strlen(text) != n)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has a zero byte in it", what);
    return DL4C_OK;
}

static dl4c_status expect(struct in *in, const char *what, const char *wanted, struct dl4c_error *err)
{
    char text[32];
    DLI_TRY(word(in, what, text, err));
    if (strcmp(text, wanted) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer is \"%.31s\", wanted %s", what, text, wanted);
    return DL4C_OK;
}

/* Nd4j.write's header: how many numbers, of which width, follow. Strides, type and order say nothing about a vector. */
static dl4c_status array_head(struct in *in, const char *what, int64_t *count, int *width, struct dl4c_error *err)
{
    uint64_t n, v = 0, rank = 0;
    int64_t product = 1;
    char type[32];
    DLI_TRY(expect(in, what, "MIXED_DATA_TYPES", err));
    DLI_TRY(number(in, 8, what, &n, err));
    DLI_TRY(expect(in, what, "LONG", err));
    if (n < 4 || n > 20 || n % 2)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has %" PRIu64 " numbers of shape, wanted 4 to 20", what,
                        n);
    for (uint64_t i = 0; i < n; i++) {
        DLI_TRY(number(in, 8, what, &v, err));
        if (i == 0)
            rank = v;
        else if (i <= rank && (v > INT64_MAX || !dli_mul_i64(product, (int64_t)v, &product)))
            return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has an axis of %" PRIu64, what, v);
        if (rank != n / 2 - 2)
            return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has %" PRIu64 " axes and %" PRIu64 " numbers of shape",
                            what, rank, n);
    }
    DLI_TRY(expect(in, what, "MIXED_DATA_TYPES", err));
    DLI_TRY(number(in, 8, what, &v, err));
    DLI_TRY(word(in, what, type, err));
    *width = strcmp(type, "DOUBLE") == 0 ? 8 : strcmp(type, "FLOAT") == 0 ? 4 : 0;
    if (*width == 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "normalizer", "%s of the normalizer is of type \"%.31s\", wanted FLOAT or DOUBLE", what,
                        type);
    if (v == 0 || v != (uint64_t)product)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer",
                        "%s of the normalizer has room for %" PRId64 " numbers and says that %" PRIu64
                        " follow, wanted as many and at least one",
                        what, product, v);
    if (v > (in->size - in->at) / (size_t)*width)
        return ends(in, what, err);
    *count = (int64_t)v;
    return DL4C_OK;
}

/* array_head has seen that the numbers are there. */
static void array_rest(struct in *in, int64_t count, int width, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        double d;
        for (int k = 0; k < width; k++)
            bits = bits << 8 | in->p[in->at++];
        const uint32_t low = (uint32_t)bits;
        memcpy(&d, &bits, sizeof d);
        if (width == 8)
            out[i] = (float)d;
        else
            memcpy(&out[i], &low, sizeof low);
    }
}

static dl4c_status read_stats(dl4c_normalizer *n, struct in *in, const char *const what[2], struct dli_norm_stats *s,
                              struct dl4c_error *err)
{
    int64_t count, other;
    int width;
    DLI_TRY(array_head(in, what[0], &count, &width, err));
    DLI_TRY(dli_norm_stats_make(n->ctx, s, count, err));
    array_rest(in, count, width, s->center);
    DLI_TRY(array_head(in, what[1], &other, &width, err));
    if (other != count)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "%s of the normalizer has %" PRId64 " numbers, %s has %" PRId64, what[0], count,
                        what[1], other);
    array_rest(in, count, width, s->spread);
    return DL4C_OK;
}

static dl4c_status read_body(dl4c_normalizer *n, const char *kind, struct in *in, struct dl4c_error *err)
{
    static const char *const names[2][2][2] = { { { "the mean", "the deviation" }, { "the labels' mean", "the labels' deviation" } },
                                                { { "the minimum", "the maximum" }, { "the labels' minimum", "the labels' maximum" } } };
    uint64_t flag = 0;
    if (strcmp(kind, "IMAGE_MIN_MAX") == 0) {
        n->kind = DLI_NORM_IMAGE_SCALER;
        DLI_TRY(real(in, "the range", &n->min, err));
        DLI_TRY(real(in, "the range", &n->max, err));
        DLI_TRY(real(in, "the largest pixel", &n->pixel, err));
        if (n->pixel <= 0)
            return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "the largest pixel of the normalizer is %s, wanted more than 0",
                            DLI_NUM(n->pixel));
        return DL4C_OK;
    }
    if (strcmp(kind, "IMAGE_VGG16") == 0) {
        n->kind = DLI_NORM_VGG16;
        return DL4C_OK;
    }
    n->kind = strcmp(kind, "MIN_MAX") == 0 ? DLI_NORM_MIN_MAX : DLI_NORM_STANDARDIZE;
    if (n->kind == DLI_NORM_STANDARDIZE && strcmp(kind, "STANDARDIZE") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "normalizer", "a normalizer of kind %.31s is not supported", kind);
    DLI_TRY(number(in, 1, "whether it has labels", &flag, err));
    if (flag > 1)
        return dli_fail(err, DL4C_E_CORRUPT, "normalizer", "whether the normalizer has labels is %" PRIu64 ", wanted 0 or 1", flag);
    if (n->kind == DLI_NORM_MIN_MAX) {
        DLI_TRY(real(in, "the range", &n->min, err));
        DLI_TRY(real(in, "the range", &n->max, err));
    }
    n->with_labels = flag != 0;
    DLI_TRY(read_stats(n, in, names[n->kind == DLI_NORM_MIN_MAX][0], &n->features, err));
    return n->with_labels ? read_stats(n, in, names[n->kind == DLI_NORM_MIN_MAX][1], &n->labels, err) : DL4C_OK;
}

dl4c_status dli_normalizer_read(dl4c_context *ctx, const void *bytes, size_t size, dl4c_normalizer **n, struct dl4c_error *err)
{
    struct in in = { bytes, 0, size };
    uint64_t version;
    char kind[32];
    *n = NULL;
    DLI_TRY(expect(&in, "the first word", "NORMALIZER", err));
    DLI_TRY(number(&in, 4, "the version", &version, err));
    if (version != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "normalizer", "the normalizer is of version %" PRIu64 ", wanted 1", version);
    DLI_TRY(word(&in, "the kind", kind, err));
    dl4c_normalizer *made;
    DLI_TRY(dli_normalizer_new(ctx, &made, err));
    dl4c_status status = read_body(made, kind, &in, err);
    if (status == DL4C_OK && in.at != size)
        status = dli_fail(err, DL4C_E_CORRUPT, "normalizer", "the normalizer ends after %zu of %zu bytes", in.at, size);
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
