/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of names, as POSIX's shells do it, by whole characters of UTF-8; bytes that are none count for themselves. */
#include "fs/match.h"

#include <string.h>

bool dli_match_is_special(char c) { return c && strchr("*?[]{},\\", c); }

static bool escaped(const char *p) { return p[0] == '\\' && dli_match_is_special(p[1]); }

bool dli_match_has_signs(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (escaped(p))
            p++;
        else if (*p == '*' || *p == '?' || *p == '[')
            return true;
    }
    return false;
}

void dli_match_plain(char *pattern)
{
    char *to = pattern;
    for (const char *p = pattern; *p; p++) {
        if (escaped(p))
            p++;
        *to++ = *p;
    }
    *to = '\0';
}

/* A character and its length; a byte that begins none is one above all characters. */
static uint32_t character(const char *text, size_t *length)
{
    const unsigned char *c = (const unsigned char *)text;
    const size_t n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    uint32_t code = n == 1 ? c[0] : n ? c[0] & (0x7fu >> n) : 0;
    *length = n;
    for (size_t i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            *length = 0;
            break;
        }
        code = code << 6 | (c[i] & 0x3f);
    }
    if (*length)
        return code;
    *length = 1;
    return 0x110000u + c[0];
}

/* "[a-z]" at p against a character; *end: behind it. False with *end NULL where the bracket is never closed. */
static bool in_set(const char *p, uint32_t c, const char **end)
{
    const bool not = p[1] == '!' || p[1] == '^';
    bool found = false;
    size_t n;
    p += not ? 2 : 1;
    for (const char *first = p; *p && (*p != ']' || p == first);) {
        if (escaped(p))
            p++;
        const uint32_t low = character(p, &n);
        uint32_t high = low;
        p += n;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            p += escaped(p + 1) ? 2 : 1;
            high = character(p, &n);
            p += n;
        }
        found = found || (c >= low && c <= high);
    }
    *end = *p == ']' ? p + 1 : NULL;
    return *end && found != not;
}

/* One sign or character of the pattern against the first of the name; *next: what is left of the pattern. */
static bool one(const char *p, const char *name, size_t *n, const char **next)
{
    const uint32_t c = character(name, n);
    size_t length;
    if (*p == '?') {
        *next = p + 1;
        return true;
    }
    if (*p == '[') {
        const bool good = in_set(p, c, next);
        if (*next)
            return good;
    }
    if (escaped(p))
        p++;
    const bool same = character(p, &length) == c;
    *next = p + length;
    return same;
}

bool dli_match(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL; /* behind the last *, and where its text ends for now */
    if (*name == '.' && *pattern != '.')
        return false;
    while (*name) {
        const char *next;
        size_t n;
        if (*pattern == '*') {
            star = ++pattern;
            from = name;
        } else if (*pattern && one(pattern, name, &n, &next)) {
            pattern = next;
            name += n;
        } else if (star) {
            character(from, &n);
            name = from += n;
            pattern = star;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- {} ---- */

/* The first brace that is closed and has a comma: from its '{' to behind its '}'. */
static bool find_brace(const char *text, const char **open, const char **close)
{
    for (const char *p = text; *p; p++) {
        if (escaped(p)) {
            p++;
            continue;
        }
        if (*p != '{')
            continue;
        int depth = 0;
        bool comma = false;
        for (const char *q = p; *q; q++) {
            if (escaped(q)) {
                q++;
                continue;
            }
            depth += (*q == '{') - (*q == '}');
            comma = comma || (*q == ',' && depth == 1);
            if (depth == 0) {
                if (!comma)
                    break;
                *open = p;
                *close = q + 1;
                return true;
            }
        }
    }
    return false;
}

/* Replaces item i by what its first brace stands for; the others move. */
static dl4c_status split_item(dl4c_context *ctx, struct dli_match_list *l, size_t i, const char *open, const char *close,
                              struct dl4c_error *err)
{
    char *const whole = l->text[i];
    const size_t head = (size_t)(open - whole), tail = strlen(close);
    size_t n = 1, depth = 0;
    for (const char *q = open + 1; q < close - 1; q += escaped(q) ? 2 : 1) {
        depth += *q == '{';
        depth -= *q == '}' && depth > 0;
        n += *q == ',' && depth == 0;
    }
    if (l->n - 1 + n > DLI_MATCH_MOST)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "\"%.200s\": {} stand for more than %d texts", l->text[0], (int)DLI_MATCH_MOST);
    DLI_TRY(dli_grow(ctx, &l->text, &l->capacity, l->n - 1 + n, sizeof *l->text, err));
    memmove(l->text + i + n, l->text + i + 1, (l->n - i - 1) * sizeof *l->text);
    memset(l->text + i, 0, n * sizeof *l->text);
    l->n += n - 1;
    dl4c_status status = DL4C_OK;
    const char *from = open + 1;
    for (size_t k = 0; k < n && status == DL4C_OK; k++) {
        const char *q = from;
        depth = 0;
        while (q < close - 1 && (*q != ',' || depth > 0)) {
            depth += *q == '{';
            depth -= *q == '}' && depth > 0;
            q += escaped(q) ? 2 : 1;
        }
        const size_t length = (size_t)(q - from);
        char *text = dli_alloc(ctx, head + length + tail + 1, err); /* no longer than what it came from */
        if (!text) {
            status = dli_alloc_status();
            break;
        }
        memcpy(text, whole, head);
        memcpy(text + head, from, length);
        memcpy(text + head + length, close, tail + 1);
        l->text[i + k] = text;
        from = q + 1;
    }
    dli_free(whole);
    return status;
}

dl4c_status dli_match_expand(dl4c_context *ctx, const char *pattern, struct dli_match_list *list, struct dl4c_error *err)
{
    *list = (struct dli_match_list){ 0 };
    DLI_TRY(dli_grow(ctx, &list->text, &list->capacity, 1, sizeof *list->text, err));
    list->text[0] = dli_strdup(ctx, pattern, err);
    if (!list->text[0])
        return dli_alloc_status();
    list->n = 1;
    for (size_t i = 0; i < list->n;) {
        const char *open, *close;
        if (find_brace(list->text[i], &open, &close))
            DLI_TRY(split_item(ctx, list, i, open, close, err)); /* its first text may have braces again */
        else
            i++;
    }
    return DL4C_OK;
}

void dli_match_list_free(struct dli_match_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        dli_free(list->text[i]);
    dli_free(list->text);
    *list = (struct dli_match_list){ 0 };
}
