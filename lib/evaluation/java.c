/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and JSON in the forms of Java's libraries. */
#include "evaluation/java.h"
#include "base/escape.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v = 0.d1d2d3... * 10^point; v is finite and not negative. */
struct decimal {
    char digit[20]; /* values 0 to 9 */
    int n, point;
};

__extension__ typedef unsigned __int128 wide;

static wide power_of_5(int n)
{
    wide v = 1;
    for (; n > 0; n--)
        v *= 5;
    return v;
}

/* The digits of Java up to 18, of 1e-9 to 1e15 with a fraction: free-format generation (Steele and White, "How to Print Floating-Point
 * Numbers Accurately", PLDI 1990) that stops by a margin of half a unit below an estimated power of ten; in some of a thousand numbers
 * that is a digit more than the fewest. text: of Double.toString, which may stop after one digit. False: outside that range. */
static bool java_digits(double v, bool text, struct decimal *d)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    const int exponent = (int)(bits >> 52) - 1023;
    uint64_t fraction = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    const int zeros = __builtin_ctzll(fraction), fraction_bits = 53 - zeros;
    const int tiny = fraction_bits - exponent - 1; /* bits behind the point */
    if (!(v >= 1e-9 && v < 1e15) || tiny <= 0)
        return false;
    const double mantissa = ldexp((double)fraction, -52);
    int point = (int)floor((mantissa - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981);
    const int b5 = point < 0 ? -point : 0, s5 = point > 0 ? point : 0;
    int b2 = b5 + tiny + exponent, s2 = s5 + tiny, m2 = b2 - 53;
    b2 -= fraction_bits - 1;
    const int common = b2 < s2 ? b2 : s2;
    b2 -= common;
    s2 -= common;
    m2 -= common + (fraction_bits == 1); /* below a power of two the next number is half as far */
    if (m2 < 0) {
        b2 -= m2;
        s2 -= m2;
        m2 = 0;
    }
    wide b = (power_of_5(b5) * (fraction >> zeros)) << b2, m = power_of_5(b5) << m2;
    const wide s = power_of_5(s5) << s2, tens = s * 10;
    int q = (int)(b / s);
    b = b % s * 10;
    m *= 10;
    bool low = b<m, high = b + m> tens;
    d->n = 0;
    if (q == 0 && !high)
        point--;
    else
        d->digit[d->n++] = (char)q;
    if (!text || point < -3 || point >= 8)
        low = high = false;
    while (!low && !high && d->n < 18) {
        q = (int)(b / s);
        b = b % s * 10;
        m *= 10;
        low = b < m;
        high = b + m > tens;
        d->digit[d->n++] = (char)q;
    }
    d->point = point + 1;
    const bool up = high && (!low || 2 * b > tens || (2 * b == tens && d->digit[d->n - 1] & 1));
    for (int i = d->n - 1; up; i--) {
        if (i < 0) { /* all nines */
            d->digit[0] = 1;
            d->point++;
            break;
        }
        if (d->digit[i] < 9) {
            d->digit[i]++;
            break;
        }
        d->digit[i] = 0;
    }
    return true;
}

/* The fewest digits that read back as v, or those of Java where they are known. */
static void decimal_of(double v, bool single, bool java_text, struct decimal *d)
{
    if (!single && java_digits(v, java_text, d))
        return;
    char text[40], fmt[8];
    for (int digits = 0; digits <= (single ? 8 : 16); digits++) {
        double back;
        snprintf(fmt, sizeof fmt, "%%.%de", digits);
        dli_number(text, sizeof text, fmt, v);
        if (dli_parse_double(text, strlen(text), &back) && (single ? (float)back == (float)v : back == v))
            break;
    }
    d->n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d->digit[d->n++] = (char)(*p - '0');
    int64_t exponent = 0;
    if (*p == 'e' && v != 0)
        dli_parse_i64(p + 1, strlen(p + 1), &exponent);
    d->point = 1 + (int)exponent;
}

static bool add_special(struct dli_strbuf *b, double v)
{
    if (isfinite(v))
        return false;
    dli_strbuf_add(b, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
    return true;
}

static void add_digit(struct dli_strbuf *b, const struct decimal *d, int i)
{
    dli_strbuf_addc(b, (char)('0' + (i >= 0 && i < d->n ? d->digit[i] : 0)));
}

static void add_java(struct dli_strbuf *b, double v, bool single)
{
    if (add_special(b, v))
        return;
    struct decimal d;
    decimal_of(fabs(v), single, true, &d);
    if (signbit(v))
        dli_strbuf_addc(b, '-');
    const bool plain = v == 0 || (fabs(v) >= 1e-3 && fabs(v) < 1e7);
    const int point = plain ? d.point : 1; /* digits before the point */
    if (point <= 0)
        dli_strbuf_addc(b, '0');
    for (int i = 0; i < point; i++)
        add_digit(b, &d, i);
    dli_strbuf_addc(b, '.');
    for (int i = point; i < d.n || i == point; i++)
        add_digit(b, &d, i);
    if (!plain)
        dli_strbuf_addf(b, "E%d", d.point - 1);
}

void dli_java_double(struct dli_strbuf *b, double v) { add_java(b, v, false); }
void dli_java_float(struct dli_strbuf *b, float v) { add_java(b, (double)v, true); }

/* Keeps the first `keep` digits (0 or fewer: rounds to 0 or 1 unit of the last kept place), half up. */
static void round_up(struct decimal *d, int keep)
{
    if (keep >= d->n)
        return;
    const bool up = keep >= 0 && d->digit[keep] >= 5;
    d->n = keep > 0 ? keep : 0;
    if (!up)
        return;
    for (int i = d->n - 1; i >= 0; i--) {
        if (d->digit[i] < 9) {
            d->digit[i]++;
            return;
        }
        d->digit[i] = 0;
    }
    memmove(d->digit + 1, d->digit, (size_t)d->n);
    d->digit[0] = 1;
    d->n++;
    d->point++;
}

static void pad_from(struct dli_strbuf *b, size_t start, int width)
{
    const size_t n = b->length - start;
    dli_strbuf_pad(b, ' ', n < (size_t)width ? (size_t)width - n : 0);
}

void dli_java_fixed(struct dli_strbuf *b, double v, int digits, int width)
{
    const size_t start = b->length;
    if (!add_special(b, v)) {
        struct decimal d;
        decimal_of(fabs(v), false, false, &d);
        round_up(&d, d.point + digits);
        if (signbit(v))
            dli_strbuf_addc(b, '-');
        if (d.point <= 0)
            dli_strbuf_addc(b, '0');
        for (int i = 0; i < d.point; i++)
            add_digit(b, &d, i);
        if (digits > 0)
            dli_strbuf_addc(b, '.');
        for (int i = 0; i < digits; i++)
            add_digit(b, &d, d.point + i);
    }
    pad_from(b, start, width);
}

void dli_java_scientific(struct dli_strbuf *b, double v, int digits, int width)
{
    const size_t start = b->length;
    if (!add_special(b, v)) {
        struct decimal d;
        decimal_of(fabs(v), false, false, &d);
        round_up(&d, 1 + digits);
        if (signbit(v))
            dli_strbuf_addc(b, '-');
        add_digit(b, &d, 0);
        if (digits > 0)
            dli_strbuf_addc(b, '.');
        for (int i = 1; i <= digits; i++)
            add_digit(b, &d, i);
        dli_strbuf_addf(b, "e%c%02d", d.point < 1 ? '-' : '+', abs(d.point - 1));
    }
    pad_from(b, start, width);
}

size_t dli_java_length(const char *text)
{
    size_t n = 0;
    for (uint32_t c; (c = dli_utf8_next(&text)) != 0;)
        n += c >= 0x10000 ? 2 : 1;
    return n;
}

void dli_java_padded(struct dli_strbuf *b, const char *text, size_t width)
{
    const size_t n = dli_java_length(text);
    dli_strbuf_add(b, text);
    dli_strbuf_pad(b, ' ', n < width ? width - n : 0);
}

int32_t dli_java_buckets(int32_t n, bool concurrent)
{
    int64_t buckets = 16;
    while (concurrent ? n >= buckets / 4 * 3 : n > buckets / 4 * 3)
        buckets *= 2;
    return (int32_t)buckets;
}

void dli_jackson_open(struct dli_jackson *j, const char *class)
{
    dli_strbuf_addc(j->b, '{');
    j->depth++;
    j->any = false;
    if (class) {
        dli_jackson_key(j, "@class");
        dli_strbuf_addf(j->b, "\"%s\"", class);
    }
}

static void new_line(struct dli_jackson *j)
{
    dli_strbuf_addc(j->b, '\n');
    dli_strbuf_pad(j->b, ' ', 2 * (size_t)j->depth);
}

void dli_jackson_close(struct dli_jackson *j)
{
    j->depth--;
    if (j->any)
        new_line(j);
    else
        dli_strbuf_addc(j->b, ' ');
    dli_strbuf_addc(j->b, '}');
    j->any = true;
}

void dli_jackson_key(struct dli_jackson *j, const char *key)
{
    if (j->any)
        dli_strbuf_addc(j->b, ',');
    new_line(j);
    dli_strbuf_addf(j->b, "\"%s\" : ", key);
    j->any = true;
}

void dli_jackson_int(struct dli_jackson *j, const char *key, int64_t v)
{
    dli_jackson_key(j, key);
    dli_strbuf_addf(j->b, "%" PRId64, v);
}

void dli_jackson_number(struct dli_jackson *j, double v)
{
    const char *quote = isfinite(v) ? "" : "\"";
    dli_strbuf_add(j->b, quote);
    dli_java_double(j->b, v);
    dli_strbuf_add(j->b, quote);
}

void dli_jackson_double(struct dli_jackson *j, const char *key, double v)
{
    dli_jackson_key(j, key);
    dli_jackson_number(j, v);
}

void dli_jackson_bool(struct dli_jackson *j, const char *key, bool v)
{
    dli_jackson_key(j, key);
    dli_strbuf_add(j->b, v ? "true" : "false");
}

void dli_jackson_null(struct dli_jackson *j, const char *key)
{
    dli_jackson_key(j, key);
    dli_strbuf_add(j->b, "null");
}

void dli_jackson_ints(struct dli_jackson *j, const char *key, const int64_t *v, int64_t n)
{
    dli_jackson_key(j, key);
    dli_strbuf_addc(j->b, '[');
    for (int64_t i = 0; i < n; i++)
        dli_strbuf_addf(j->b, "%s%" PRId64, i == 0 ? " " : ", ", v[i]);
    dli_strbuf_add(j->b, " ]");
}

void dli_jackson_doubles(struct dli_jackson *j, const char *key, const double *v, int64_t n)
{
    dli_jackson_key(j, key);
    dli_strbuf_addc(j->b, '[');
    for (int64_t i = 0; i < n; i++) {
        dli_strbuf_add(j->b, i == 0 ? " " : ", ");
        dli_jackson_number(j, v[i]);
    }
    dli_strbuf_add(j->b, " ]");
}

void dli_jackson_floats(struct dli_jackson *j, const char *key, const float *v, int64_t n)
{
    dli_jackson_key(j, key);
    dli_jackson_open(j, NULL);
    dli_jackson_key(j, "dataType");
    dli_strbuf_add(j->b, "\"FLOAT\"");
    dli_jackson_ints(j, "shape", &n, 1);
    dli_jackson_key(j, "data");
    for (int64_t i = 0; i < n; i++) {
        dli_strbuf_add(j->b, i == 0 ? "[ " : ", ");
        dli_java_float(j->b, v[i]);
    }
    dli_strbuf_add(j->b, " ]");
    dli_jackson_close(j);
}

void dli_jackson_texts(struct dli_jackson *j, const char *key, char *const *v, int64_t n)
{
    if (!v) {
        dli_jackson_null(j, key);
        return;
    }
    dli_jackson_key(j, key);
    dli_strbuf_addc(j->b, '[');
    for (int64_t i = 0; i < n; i++) {
        dli_strbuf_add(j->b, i == 0 ? " " : ", ");
        dli_strbuf_json(j->b, v[i]);
    }
    dli_strbuf_add(j->b, " ]");
}
