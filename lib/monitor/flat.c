/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of numbers, read in one pass. */
#include "monitor/flat.h"
#include "base/number.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* text ends with a NUL, at which every function here stops: none of them takes it for anything. */
static const char *space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
        p++;
    return p;
}

static const char *digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of a number as JSON has it; NULL: none. */
static const char *number_end(const char *p)
{
    const char *from;
    p += *p == '-';
    from = p;
    p = digits(p);
    if (p == from || (*from == '0' && p > from + 1))
        return NULL;
    if (*p == '.') {
        from = ++p;
        p = digits(p);
        if (p == from)
            return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        from = p;
        p = digits(p);
        if (p == from)
            return NULL;
    }
    return p;
}

/* A whole number of at most 2^53 and a power of ten of at most 10^22 are doubles both, so that their quotient is rounded once: the same as
 * strtod's (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990). False: too many digits, or an exponent is written. */
static bool exact(const char *p, const char *end, double *v)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    const bool negative = *p == '-';
    uint64_t m = 0;
    int after = -1; /* digits after the point */
    for (p += negative; p < end; p++) {
        if (*p == '.') {
            after = 0;
            continue;
        }
        if (*p == 'e' || *p == 'E' || m > (UINT64_C(1) << 53) / 10 || after >= 22)
            return false;
        m = m * 10 + (uint64_t)(*p - '0');
        after += after >= 0;
    }
    if (m > UINT64_C(1) << 53)
        return false;
    *v = (double)m / powers[after > 0 ? after : 0];
    *v = negative ? -*v : *v;
    return true;
}

/* The end of a value; NULL: neither a number nor null. */
static const char *value(const char *p, double *v)
{
    if (strncmp(p, "null", 4) == 0) {
        *v = NAN;
        return p + 4;
    }
    const char *end = number_end(p);
    if (!end || (!exact(p, end, v) && !dli_parse_double(p, (size_t)(end - p), v)))
        return NULL;
    return end;
}

/* The end of a key, behind its quotes; NULL: it has anything but plain characters. */
static const char *key_end(const char *p)
{
    while (*p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\')
        p++;
    return *p == '"' ? p : NULL;
}

static bool seen(const struct dli_flat *members, int count, const struct dli_flat *f)
{
    for (int i = 0; i < count; i++)
        if (members[i].n == f->n && memcmp(members[i].key, f->key, f->n) == 0)
            return true;
    return false;
}

int dli_flat_parse(const char *text, size_t n, struct dli_flat members[DLI_FLAT_MOST])
{
    int count = 0;
    const char *p = space(text);
    if (*p++ != '{')
        return -1;
    p = space(p);
    for (bool more = *p != '}'; more; more = *p == ',', p += more) {
        p = space(p);
        if (*p != '"' || count == DLI_FLAT_MOST)
            return -1;
        struct dli_flat *f = &members[count];
        f->key = p + 1;
        if (!(p = key_end(f->key)))
            return -1;
        f->n = (size_t)(p - f->key);
        p = space(p + 1);
        if (*p != ':' || seen(members, count, f) || !(p = value(space(p + 1), &f->v)))
            return -1;
        p = space(p);
        count++;
    }
    if (*p != '}')
        return -1;
    p = space(p + 1);
    return p == text + n ? count : -1;
}
