/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 that may be malformed, and text inside XML and JSON. */
#include "base/escape.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD };

uint32_t dli_utf8_next(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    if (p[0] == 0)
        return 0;
    *at += 1;
    if (p[0] < 0x80)
        return p[0];
    const int more = p[0] >= 0xF0 && p[0] < 0xF8 ? 3 : p[0] >= 0xE0 && p[0] < 0xF0 ? 2 : p[0] >= 0xC0 && p[0] < 0xE0 ? 1 : 0;
    if (more == 0)
        return REPLACEMENT;
    uint32_t c = p[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) /* the NUL at the end, too */
            return REPLACEMENT;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return REPLACEMENT;
    *at += more;
    return c;
}

void dli_utf8_clean(char *text)
{
    for (const char *at = text; *at;) {
        char *from = text + (at - text);
        const uint32_t c = dli_utf8_next(&at);
        if (c < 0x20 || (c >= 0x7F && c < 0xA0)) /* the upper ones have two bytes */
            memset(from, '?', (size_t)(at - from));
        else if (c == REPLACEMENT && at - from == 1)
            *from = '?';
    }
}

static void add_utf8(struct dli_strbuf *b, uint32_t c)
{
    char text[4];
    size_t n = 0;
    if (c < 0x80) {
        text[n++] = (char)c;
    } else if (c < 0x800) {
        text[n++] = (char)(0xC0 | c >> 6);
        text[n++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        text[n++] = (char)(0xE0 | c >> 12);
        text[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        text[n++] = (char)(0x80 | (c & 0x3F));
    } else {
        text[n++] = (char)(0xF0 | c >> 18);
        text[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        text[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        text[n++] = (char)(0x80 | (c & 0x3F));
    }
    dli_strbuf_addn(b, text, n);
}

void dli_strbuf_xml(struct dli_strbuf *b, const char *text)
{
    for (uint32_t c; (c = dli_utf8_next(&text)) != 0;) {
        switch (c) {
        case '&': dli_strbuf_add(b, "&amp;"); break;
        case '<': dli_strbuf_add(b, "&lt;"); break;
        case '>': dli_strbuf_add(b, "&gt;"); break;
        case '"': dli_strbuf_add(b, "&quot;"); break;
        case '\'': dli_strbuf_add(b, "&#39;"); break;
        case '\t': dli_strbuf_add(b, "&#9;"); break;
        case '\n': dli_strbuf_add(b, "&#10;"); break;
        case '\r': dli_strbuf_add(b, "&#13;"); break;
        default: add_utf8(b, c < 0x20 || c == 0xFFFE || c == 0xFFFF ? REPLACEMENT : c);
        }
    }
}

void dli_strbuf_json(struct dli_strbuf *b, const char *text)
{
    dli_strbuf_addc(b, '"');
    for (uint32_t c; (c = dli_utf8_next(&text)) != 0;) {
        switch (c) {
        case '"': dli_strbuf_add(b, "\\\""); break;
        case '\\': dli_strbuf_add(b, "\\\\"); break;
        case '\n': dli_strbuf_add(b, "\\n"); break;
        case '\t': dli_strbuf_add(b, "\\t"); break;
        case '\r': dli_strbuf_add(b, "\\r"); break;
        default:
            if (c < 0x20)
                dli_strbuf_addf(b, "\\u%04" PRIx32, c);
            else
                add_utf8(b, c);
        }
    }
    dli_strbuf_addc(b, '"');
}

void dli_strbuf_json_num(struct dli_strbuf *b, double v)
{
    char text[32];
    dli_strbuf_add(b, isfinite(v) ? dli_number_shortest(text, sizeof text, v) : "null");
}
