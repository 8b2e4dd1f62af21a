/* SPDX-License-Identifier: Apache-2.0 */
/* Nd4j.write's arrays. Numbers are turned round a piece at a time, so that parameters lie in memory once. */
#include "formats/dl4j/array.h"
#include "tensor/convert.h"

#include <string.h>

enum { BUFFER = 1 << 13, MAX_RANK = 32 };

static uint64_t big(const unsigned char *p, int width)
{
    uint64_t v = 0;
    for (int i = 0; i < width; i++)
        v = v << 8 | p[i];
    return v;
}

static dl4c_status read_i64(struct dli_dl4j_entry *e, int64_t *v, struct dl4c_error *err)
{
    unsigned char b[8];
    DLI_TRY(dli_dl4j_entry_read(e, b, sizeof b, err));
    *v = (int64_t)big(b, 8);
    return DL4C_OK;
}

/* A text of Java's DataOutput: 16 bits of length, then bytes. */
static dl4c_status read_word(struct dli_dl4j_entry *e, char word[32], struct dl4c_error *err)
{
    unsigned char b[2];
    DLI_TRY(dli_dl4j_entry_read(e, b, sizeof b, err));
    const uint64_t n = big(b, 2);
    if (n > 31)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array begins with a word of %" PRIu64 " letters, wanted MIXED_DATA_TYPES", n);
    DLI_TRY(dli_dl4j_entry_read(e, word, (size_t)n, err));
    word[n] = '\0';
    return DL4C_OK;
}

/* How the numbers behind it were stored, which makes no difference to us, and how many there are: in 32 bits until 0.9, in 64 since. */
static dl4c_status read_mode(struct dli_dl4j_entry *e, int64_t *n, struct dl4c_error *err)
{
    static const char *const modes[] = { "MIXED_DATA_TYPES", "LONG_SHAPE", "HEAP", "DIRECT", "JAVACPP" };
    enum { WIDE = 2 };
    char word[32];
    DLI_TRY(read_word(e, word, err));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(word, modes[i]) == 0) {
            unsigned char b[4];
            if (i < WIDE)
                return read_i64(e, n, err);
            DLI_TRY(dli_dl4j_entry_read(e, b, sizeof b, err));
            *n = (int32_t)big(b, 4);
            return DL4C_OK;
        }
    return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array begins with \"%.31s\", wanted MIXED_DATA_TYPES", word);
}

static size_t width_of(enum dli_dl4j_type type) { return type == DLI_DL4J_FLOAT ? 4 : type == DLI_DL4J_DOUBLE ? 8 : 2; }

static dl4c_status read_shape(struct dli_dl4j_entry *e, int64_t *count, struct dl4c_error *err)
{
    char word[32];
    int64_t n = 0, rank, v = 0;
    DLI_TRY(read_mode(e, &n, err));
    DLI_TRY(read_word(e, word, err));
    const bool wide = strcmp(word, "LONG") == 0;
    if (!wide && strcmp(word, "INT") != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array's shape is of type \"%.31s\", wanted LONG", word);
    *count = 1;
    rank = -1;
    if (n < 4 || n > 2 * MAX_RANK + 4)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array's shape has %" PRId64 " numbers, wanted 4 to %d", n, 2 * MAX_RANK + 4);
    for (int64_t i = 0; i < n; i++) {
        unsigned char b[8];
        DLI_TRY(dli_dl4j_entry_read(e, b, wide ? 8 : 4, err));
        v = wide ? (int64_t)big(b, 8) : (int32_t)big(b, 4);
        if (i == 0) {
            rank = v;
            if (rank < 0 || rank > n || 2 * rank + 4 != n)
                return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array of %" PRId64 " axes has %" PRId64 " numbers of shape", rank, n);
        } else if (i <= rank && (v < 0 || !dli_mul_i64(*count, v, count))) {
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "axis %" PRId64 " of an array has length %" PRId64, i - 1, v);
        }
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_array_open(struct dli_dl4j_entry *e, struct dli_dl4j_array *a, struct dl4c_error *err)
{
    char word[32];
    int64_t count = 0, n = 0;
    size_t bytes;
    DLI_TRY(read_shape(e, &count, err));
    DLI_TRY(read_mode(e, &n, err));
    DLI_TRY(read_word(e, word, err));
    memset(a, 0, sizeof *a);
    a->entry = e;
    if (strcmp(word, "FLOAT") == 0)
        a->type = DLI_DL4J_FLOAT;
    else if (strcmp(word, "DOUBLE") == 0)
        a->type = DLI_DL4J_DOUBLE;
    else if (strcmp(word, "HALF") == 0)
        a->type = DLI_DL4J_HALF;
    else
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "an array of type \"%.31s\", wanted FLOAT, DOUBLE or HALF", word);
    if (n != count)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array of %" PRId64 " elements says that %" PRId64 " numbers follow", count, n);
    if (!dli_mul_size((size_t)n, width_of(a->type), &bytes) || bytes / DLI_DL4J_RATIO > dli_dl4j_entry_stored(e))
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j",
                        "an array says that %" PRId64 " numbers follow, which %" PRIu64 " bytes in the file cannot make", n,
                        dli_dl4j_entry_stored(e));
    a->count = a->left = n;
    return DL4C_OK;
}

/* Numbers as they are kept: they are read to where they belong and turned round there, a piece that the caches hold at a time. */
static dl4c_status read_floats(struct dli_dl4j_entry *e, float *out, int64_t n, struct dl4c_error *err)
{
    enum { PIECE = 1 << 14 };
    for (int64_t at = 0; at < n; at += PIECE) {
        const int64_t part = n - at < PIECE ? n - at : PIECE;
        DLI_TRY(dli_dl4j_entry_read(e, out + at, (size_t)part * sizeof *out, err));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        for (int64_t i = at; i < at + part; i++) {
            uint32_t v;
            memcpy(&v, &out[i], sizeof v);
            v = v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
            memcpy(&out[i], &v, sizeof v);
        }
#endif
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_array_read(struct dli_dl4j_array *a, float *out, int64_t n, struct dl4c_error *err)
{
    const size_t width = width_of(a->type);
    if (n > a->left)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "an array has %" PRId64 " numbers, wanted more", a->count);
    a->left -= n;
    if (a->type == DLI_DL4J_FLOAT)
        return read_floats(a->entry, out, n, err);
    while (n > 0) {
        unsigned char buffer[BUFFER];
        const int64_t part = n < (int64_t)(BUFFER / width) ? n : (int64_t)(BUFFER / width);
        DLI_TRY(dli_dl4j_entry_read(a->entry, buffer, (size_t)part * width, err));
        for (int64_t i = 0; i < part; i++) {
            const uint64_t bits = big(buffer + (size_t)i * width, (int)width);
            double d;
            if (a->type == DLI_DL4J_DOUBLE) {
                memcpy(&d, &bits, sizeof d);
                out[i] = (float)d;
            } else {
                out[i] = (float)dli_f16_to_f64((uint16_t)bits);
            }
        }
        out += part;
        n -= part;
    }
    return DL4C_OK;
}

/* A header being put together; all of it is less than 160 bytes. */
struct head {
    unsigned char bytes[192];
    size_t n;
};
static void put_i64(struct head *h, int64_t v)
{
    for (int i = 0; i < 8; i++)
        h->bytes[h->n++] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
}
static void put_word(struct head *h, const char *word)
{
    const size_t n = strlen(word);
    h->bytes[h->n++] = 0;
    h->bytes[h->n++] = (unsigned char)n;
    memcpy(h->bytes + h->n, word, n);
    h->n += n;
}

dl4c_status dli_dl4j_array_begin(struct dli_dl4j_out *out, int64_t n, struct dl4c_error *err)
{
    const int64_t shape[] = { 1, n, 1, 0x2000 /* FLOAT */, 1, 'c' }; /* rank, shape, stride, extras, element-wise stride, order */
    struct head h = { .n = 0 };
    put_word(&h, "MIXED_DATA_TYPES");
    put_i64(&h, 6);
    put_word(&h, "LONG");
    for (int i = 0; i < 6; i++)
        put_i64(&h, shape[i]);
    put_word(&h, "MIXED_DATA_TYPES");
    put_i64(&h, n);
    put_word(&h, "FLOAT");
    return dli_dl4j_out_write(out, h.bytes, h.n, err);
}

dl4c_status dli_dl4j_array_write(struct dli_dl4j_out *out, const void *f32, int64_t n, struct dl4c_error *err)
{
    const unsigned char *p = f32;
    while (n > 0) {
        unsigned char buffer[BUFFER];
        const int64_t part = n < BUFFER / 4 ? n : BUFFER / 4;
        for (int64_t i = 0; i < part; i++) {
            uint32_t v;
            memcpy(&v, p + 4 * i, sizeof v);
            for (int k = 0; k < 4; k++)
                buffer[4 * i + k] = (unsigned char)(v >> (24 - 8 * k));
        }
        DLI_TRY(dli_dl4j_out_write(out, buffer, 4 * (size_t)part, err));
        p += 4 * part;
        n -= part;
    }
    return DL4C_OK;
}
