/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, the same under every locale: snprintf and strtod with the host's decimal point put right. */
#define _POSIX_C_SOURCE 200809L
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host's decimal point. localeconv's answer may be changed by another thread's setlocale, so it is found from a print. */
static void host_point(char point[8])
{
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5); /* "0?5" */
    const size_t n = strlen(text);
    memset(point, 0, 8);
    if (n >= 3 && n - 2 < 8)
        memcpy(point, text + 1, n - 2);
    else
        point[0] = '.';
}

char *dli_number(char *buf, size_t size, const char *fmt, double v)
{
    if (isnan(v)) {
        snprintf(buf, size, "NaN");
        return buf;
    }
    if (isinf(v)) {
        snprintf(buf, size, v < 0 ? "-Infinity" : "Infinity");
        return buf;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(buf, size, fmt, v);
#pragma GCC diagnostic pop
    char point[8];
    host_point(point);
    if (strcmp(point, ".") != 0) {
        char *at = strstr(buf, point);
        if (at) {
            const size_t n = strlen(point);
            *at = '.';
            memmove(at + 1, at + n, strlen(at + n) + 1);
        }
    }
    return buf;
}

static bool same_double(const char *text, double v)
{
    double back;
    return !isfinite(v) || (dli_parse_double(text, strlen(text), &back) && back == v);
}

static bool same_single(const char *text, double v)
{
    double back;
    return !isfinite(v) || (dli_parse_double(text, strlen(text), &back) && (float)back == (float)v);
}

/* Most numbers need nearly all digits: where `many` of them do not read back, fewer do not either. */
static char *shortest(char *buf, size_t size, double v, int many, int most, bool single)
{
    char fmt[8];
    bool (*same)(const char *text, double v) = single ? same_single : same_double;
    snprintf(fmt, sizeof fmt, "%%.%dg", many);
    int digits = same(dli_number(buf, size, fmt, v), v) ? 1 : many + 1;
    for (; digits <= most; digits++) {
        snprintf(fmt, sizeof fmt, "%%.%dg", digits);
        if (same(dli_number(buf, size, fmt, v), v))
            break;
    }
    return buf;
}

char *dli_number_shortest(char *buf, size_t size, double v) { return shortest(buf, size, v, 15, 17, false); }
char *dli_number_shortest_f32(char *buf, size_t size, float v) { return shortest(buf, size, (double)v, 6, 9, true); }

bool dli_parse_double(const char *text, size_t n, double *out)
{
    char copy[128], point[8];
    host_point(point);
    const size_t extra = strlen(point) - 1;
    size_t k = 0;
    bool digit = false;
    if (n == 0 || n + extra + 1 > sizeof copy)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (c == '.') {
            memcpy(copy + k, point, extra + 1);
            k += extra + 1;
        } else if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == 'e' || c == 'E') {
            digit |= c >= '0' && c <= '9';
            copy[k++] = c;
        } else {
            return false;
        }
        if (k + extra + 2 > sizeof copy)
            return false;
    }
    copy[k] = '\0';
    char *end;
    const int before = errno;
    errno = 0;
    const double v = strtod(copy, &end);
    const bool good = digit && end == copy + k && isfinite(v);
    errno = before;
    if (good)
        *out = v;
    return good;
}

bool dli_parse_i64(const char *text, size_t n, int64_t *out)
{
    size_t i = 0;
    const bool minus = n > 0 && text[0] == '-';
    if (n > 0 && (text[0] == '-' || text[0] == '+'))
        i++;
    if (i == n)
        return false;
    int64_t v = 0;
    for (; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        const int64_t digit = text[i] - '0';
        if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_sub_overflow(v, digit, &v)) /* counts down: INT64_MIN fits */
            return false;
    }
    if (!minus && v == INT64_MIN)
        return false;
    *out = minus ? v : -v;
    return true;
}
