/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of paths: the parent folder, or a piece of the file's name between matches of a pattern. */
#include "reader/pattern.h"

#include <string.h>

enum { MOST_STEPS = 100000 }; /* of one match: nested repeats may not run for ever */

/* One atom of a pattern at p: how long it is, 0 for one that is not known. */
static size_t atom_length(const char *p)
{
    if (*p == '\\')
        return p[1] ? 2 : 0;
    if (*p != '[')
        return strchr("(){}|^$*+?]", *p) ? 0 : 1;
    size_t n = 1 + (p[1] == '^');
    while (p[n] && p[n] != ']')
        n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return p[n] == ']' && n > 1u + (p[1] == '^') ? n + 1 : 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool escaped(char what, char c)
{
    switch (what) {
    case 'd': return is_digit(c);
    case 'D': return !is_digit(c);
    case 'w': return is_word(c);
    case 'W': return !is_word(c);
    case 's': return is_space(c);
    case 'S': return !is_space(c);
    default: return c == what;
    }
}

static bool in_class(const char *p, size_t n, char c) /* p behind '[', n up to ']' */
{
    const bool negated = n > 0 && *p == '^';
    bool found = false;
    for (size_t i = negated; i < n && !found; i++) {
        if (p[i] == '\\' && i + 1 < n)
            found = escaped(p[++i], c);
        else if (i + 2 < n && p[i + 1] == '-')
            found = c >= p[i] && c <= p[i + 2], i += 2;
        else
            found = p[i] == c;
    }
    return found != negated;
}

static bool atom_takes(const char *p, size_t n, char c)
{
    if (*p == '\\')
        return escaped(p[1], c);
    if (*p == '[')
        return in_class(p + 1, n - 2, c);
    return *p == '.' || *p == c;
}

dl4c_status dli_pattern_check(const char *pattern, struct dl4c_error *err)
{
    for (const char *p = pattern; *p;) {
        const size_t n = atom_length(p);
        if (n == 0 || (*p == '\\' && is_word(p[1]) && !strchr("dDwWsS", p[1])))
            return dli_fail(err, DL4C_E_UNSUPPORTED, "label",
                            "the pattern '%.100s' is not understood at '%.20s': characters, \\d \\w \\s, [classes], . and * + ? are",
                            pattern, p);
        p += n;
        p += *p == '*' || *p == '+' || *p == '?';
    }
    return *pattern ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "label", "the pattern is empty");
}

/* Length of the match at text, greedy with going back; -1: none. */
static long match(const char *p, const char *text, const char *end, int *steps)
{
    if (*p == '\0')
        return 0;
    const size_t n = atom_length(p);
    const char repeat = p[n];
    const bool many = repeat == '*' || repeat == '+';
    const char *rest = p + n + (many || repeat == '?');
    const long least = repeat == '*' || repeat == '?' ? 0 : 1, room = many ? end - text : 1;
    long taken = 0;
    while (taken < room && text + taken < end && atom_takes(p, n, text[taken]))
        taken++;
    for (; taken >= least; taken--) {
        if (++*steps > MOST_STEPS)
            return -1;
        const long more = match(rest, text + taken, end, steps);
        if (more >= 0)
            return taken + more;
    }
    return -1;
}

/* FilenameUtils.getBaseName: without folder and without what follows the last dot. */
static const char *base_name(const char *path, const char **end)
{
    const char *begin = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            begin = p + 1;
    const char *dot = strrchr(begin, '.');
    *end = dot ? dot : begin + strlen(begin);
    return begin;
}

dl4c_status dli_pattern_piece(const char *path, const char *pattern, int32_t position, const char **piece, size_t *length,
                              struct dl4c_error *err)
{
    const char *end, *text = base_name(path, &end), *begin = text, *start[2] = { text, text };
    int32_t at = 0, last = -1; /* pieces before `begin`; the last that is not empty */
    bool found = false;
    size_t n = 0;
    for (const char *p = text;;) {
        int steps = 0;
        long m = p < end ? match(pattern, p, end, &steps) : -1;
        if (m == 0 || (m > 0 && p + m > end))
            m = -1; /* String.split cuts at empty matches, too: such patterns take no part here */
        if (m < 0 && p < end) {
            p++;
            continue;
        }
        if (p > begin)
            last = at;
        if (at == position) {
            found = true;
            start[0] = begin;
            n = (size_t)(p - begin);
        }
        if (p >= end)
            break;
        p += m;
        begin = p;
        at++;
    }
    /* pieces behind the last one that has characters are dropped */
    if (!found || (position > last && !(at == 0 && position == 0)))
        return dli_fail(err, DL4C_E_INVALID, "label", "'%.200s' has %" PRId32 " pieces between '%.50s', wanted piece %" PRId32, path,
                        last + 1, pattern, position);
    *piece = start[0];
    *length = n;
    return DL4C_OK;
}
