/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a .npy file: the six bytes of its magic, a version, a length, and the text of a Python dictionary. */
#include "tensor/npy.h"

#include "base/number.h"

#include <string.h>

#define ORIGIN "npy"
/* Headers are a line; files that claim more are refused before anything is read. */
enum { HEADER_MAX = 65536 };

struct text {
    const char *p, *end;
    struct dl4c_error *err;
};

static void skip(struct text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n' || *t->p == '\r'))
        t->p++;
}

static bool take(struct text *t, char c)
{
    skip(t);
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

/* What stands at the place, for messages: printable, short. */
static const char *found(const struct text *t, char room[24])
{
    size_t n = 0;
    if (t->p >= t->end)
        return "its end";
    room[n++] = '"';
    for (const char *p = t->p; p < t->end && n < 20; p++)
        room[n++] = *p >= 32 && *p < 127 ? *p : '?';
    room[n++] = '"';
    room[n] = '\0';
    return room;
}

static dl4c_status wanted(const struct text *t, const char *what)
{
    char room[24];
    return dli_fail(t->err, DL4C_E_CORRUPT, ORIGIN, "the .npy header has %s where %s is wanted", found(t, room), what);
}

/* 'text' or "text" without escapes; NumPy writes none. */
static dl4c_status string(struct text *t, const char **start, size_t *n, const char *what)
{
    skip(t);
    if (t->p == t->end || (*t->p != '\'' && *t->p != '"'))
        return wanted(t, what);
    const char *close = memchr(t->p + 1, *t->p, (size_t)(t->end - t->p - 1));
    if (!close || memchr(t->p, '\\', (size_t)(close - t->p)))
        return wanted(t, what);
    *start = t->p + 1;
    *n = (size_t)(close - *start);
    t->p = close + 1;
    return DL4C_OK;
}

static bool is(const char *start, size_t n, const char *word) { return strlen(word) == n && memcmp(start, word, n) == 0; }

static dl4c_status descr(struct text *t, struct dli_npy *out)
{
    static const struct {
        const char *code;
        int32_t dtype;
    } known[] = { { "f4", DL4C_F32 }, { "f8", DL4C_F64 }, { "f2", DL4C_F16 }, { "i4", DL4C_I32 },
                  { "i8", DL4C_I64 }, { "u1", DL4C_U8 },  { "b1", DL4C_U8 } };
    const char *s;
    size_t n;
    skip(t);
    if (t->p < t->end && *t->p == '[')
        return dli_fail(t->err, DL4C_E_UNSUPPORTED, ORIGIN,
                        "the .npy file has records as elements; f2, f4, f8, i4, i8, u1 and b1 are known");
    DLI_TRY(string(t, &s, &n, "an element type in quotes"));
    const bool order = n > 0 && strchr("<>=|", s[0]) && s[0];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is(s + order, n - order, known[i].code)) {
            out->dtype = known[i].dtype;
            const bool little = s[0] == '<', big = s[0] == '>';
            out->swapped = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? big : little;
            return DL4C_OK;
        }
    for (size_t i = 0; i < n; i++)
        if (s[i] < 33 || s[i] > 126)
            return dli_fail(t->err, DL4C_E_CORRUPT, ORIGIN, "the element type of the .npy header is not a word");
    return dli_fail(t->err, DL4C_E_UNSUPPORTED, ORIGIN, "the .npy file has elements of type %.*s; f2, f4, f8, i4, i8, u1 and b1 are known",
                    (int)(n < 40 ? n : 40), s);
}

static dl4c_status boolean(struct text *t, bool *out)
{
    skip(t);
    const size_t left = (size_t)(t->end - t->p);
    if (left >= 4 && memcmp(t->p, "True", 4) == 0) {
        *out = true;
        t->p += 4;
    } else if (left >= 5 && memcmp(t->p, "False", 5) == 0) {
        *out = false;
        t->p += 5;
    } else {
        return wanted(t, "True or False");
    }
    return DL4C_OK;
}

/* "()", "(3,)", "(3, 4)", "(3, 4, )"; a number may end in L, as Python 2 wrote long ones. */
static dl4c_status shape(struct text *t, struct dli_npy *out)
{
    if (!take(t, '('))
        return wanted(t, "the ( of a shape");
    out->rank = 0;
    bool comma = true;
    while (!take(t, ')')) {
        const char *start = t->p; /* take has skipped the space */
        while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
            t->p++;
        if (!comma || t->p == start) {
            t->p = start;
            return wanted(t, comma ? "a length" : "a comma or )");
        }
        if (out->rank == DL4C_MAX_RANK)
            return dli_fail(t->err, DL4C_E_UNSUPPORTED, ORIGIN, "the .npy file has more than %d axes", DL4C_MAX_RANK);
        if (!dli_parse_i64(start, (size_t)(t->p - start), &out->shape[out->rank++]))
            return dli_fail(t->err, DL4C_E_CORRUPT, ORIGIN, "the .npy header has a length of %.*s",
                            (int)(t->p - start > 40 ? 40 : t->p - start), start);
        if (t->p < t->end && *t->p == 'L')
            t->p++;
        comma = take(t, ',');
    }
    if (out->rank == 1 && !comma)
        return dli_fail(t->err, DL4C_E_CORRUPT, ORIGIN, "the .npy header has a shape that is a number in parentheses, wanted a tuple");
    return DL4C_OK;
}

dl4c_status dli_npy_start(const unsigned char *bytes, size_t size, size_t *start, struct dl4c_error *err)
{
    if (size < 6 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "not a .npy file: it does not begin with the bytes 93 \"NUMPY\"");
    if (size < 10)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy file ends within its first 10 bytes");
    const unsigned major = bytes[6], minor = bytes[7];
    if (major < 1 || major > 3 || minor != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, ORIGIN, "the .npy file has version %u.%u; 1.0, 2.0 and 3.0 are known", major, minor);
    if (major > 1 && size < 12)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy file ends within its first 12 bytes");
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > HEADER_MAX)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy file claims a header of %zu bytes; up to %d are believed", length,
                        HEADER_MAX);
    *start = (major > 1 ? 12 : 10) + length;
    return DL4C_OK;
}

dl4c_status dli_npy_header(const unsigned char *bytes, size_t size, struct dli_npy *out, struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    DLI_TRY(dli_npy_start(bytes, size, &out->start, err));
    if (size < out->start)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy file ends within its header, at %zu of %zu bytes", size, out->start);
    struct text t = { (const char *)bytes + (bytes[6] > 1 ? 12 : 10), (const char *)bytes + out->start, err };
    unsigned seen = 0;
    if (!take(&t, '{'))
        return wanted(&t, "the { of a dictionary");
    while (!take(&t, '}')) {
        static const char *const keys[] = { "descr", "fortran_order", "shape" };
        const char *key;
        size_t n;
        unsigned k = 0;
        DLI_TRY(string(&t, &key, &n, "a key or }"));
        while (k < 3 && !is(key, n, keys[k]))
            k++;
        if (k == 3 || seen & 1u << k) {
            t.p = key;
            return wanted(&t, "each of descr, fortran_order and shape once");
        }
        seen |= 1u << k;
        if (!take(&t, ':'))
            return wanted(&t, "a colon");
        DLI_TRY(k == 0 ? descr(&t, out) : k == 1 ? boolean(&t, &out->fortran) : shape(&t, out));
        if (take(&t, ','))
            continue;
        if (!take(&t, '}'))
            return wanted(&t, "a comma or }");
        break;
    }
    if (seen != 7)
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy header lacks %s",
                        !(seen & 1)   ? "descr"
                        : !(seen & 2) ? "fortran_order"
                                      : "shape");
    skip(&t);
    if (t.p != t.end)
        return wanted(&t, "nothing");
    if (dli_shape_check(out->shape, out->rank, ORIGIN, NULL) != DL4C_OK || !dli_shape_bytes(out->shape, out->rank, out->dtype, &out->bytes))
        return dli_fail(err, DL4C_E_CORRUPT, ORIGIN, "the .npy header claims shape %s of %s, more than memory can hold",
                        DLI_SHAPE(out->shape, out->rank), dl4c_dtype_name(out->dtype));
    return DL4C_OK;
}
