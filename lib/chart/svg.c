/* SPDX-License-Identifier: Apache-2.0 */
/* SVG elements, text measures, colours and axis ticks. */
#include "chart/svg.h"
#include "base/escape.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void dli_svg_num(struct dli_strbuf *b, double v)
{
    char text[64];
    dli_number(text, sizeof text, "%.2f", v);
    char *end = text + strlen(text);
    if (strchr(text, '.')) {
        while (end[-1] == '0')
            *--end = '\0';
        if (end[-1] == '.')
            *--end = '\0';
    }
    dli_strbuf_add(b, strcmp(text, "-0") == 0 ? "0" : text);
}

static void attr(struct dli_strbuf *b, const char *name, double v)
{
    dli_strbuf_addf(b, " %s=\"", name);
    dli_svg_num(b, v);
    dli_strbuf_addc(b, '"');
}

void dli_svg_begin(struct dli_strbuf *b, double width, double height, const char *title)
{
    dli_strbuf_add(b, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    attr(b, "width", width);
    attr(b, "height", height);
    dli_strbuf_add(b, " viewBox=\"0 0 ");
    dli_svg_num(b, width);
    dli_strbuf_addc(b, ' ');
    dli_svg_num(b, height);
    dli_strbuf_add(b, "\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\" role=\"img\">\n<title>");
    dli_strbuf_xml(b, title);
    dli_strbuf_add(b, "</title>\n");
    dli_svg_rect(b, 0, 0, width, height, "#ffffff", NULL, NULL);
}

void dli_svg_end(struct dli_strbuf *b) { dli_strbuf_add(b, "</svg>\n"); }

void dli_svg_rect(struct dli_strbuf *b, double x, double y, double w, double h, const char *fill, const char *stroke, const char *tooltip)
{
    dli_strbuf_add(b, "<rect");
    attr(b, "x", x);
    attr(b, "y", y);
    attr(b, "width", w);
    attr(b, "height", h);
    dli_strbuf_addf(b, " fill=\"%s\"", fill ? fill : "none");
    if (stroke)
        dli_strbuf_addf(b, " stroke=\"%s\"", stroke);
    if (tooltip) {
        dli_strbuf_add(b, "><title>");
        dli_strbuf_xml(b, tooltip);
        dli_strbuf_add(b, "</title></rect>\n");
    } else {
        dli_strbuf_add(b, "/>\n");
    }
}

void dli_svg_line(struct dli_strbuf *b, double x1, double y1, double x2, double y2, const char *stroke, double width)
{
    dli_strbuf_add(b, "<line");
    attr(b, "x1", x1);
    attr(b, "y1", y1);
    attr(b, "x2", x2);
    attr(b, "y2", y2);
    dli_strbuf_addf(b, " stroke=\"%s\"", stroke);
    attr(b, "stroke-width", width);
    dli_strbuf_add(b, "/>\n");
}

void dli_svg_circle(struct dli_strbuf *b, double x, double y, double r, const char *fill)
{
    dli_strbuf_add(b, "<circle");
    attr(b, "cx", x);
    attr(b, "cy", y);
    attr(b, "r", r);
    dli_strbuf_addf(b, " fill=\"%s\"/>\n", fill);
}

void dli_svg_text(struct dli_strbuf *b, double x, double y, const struct dli_svg_font *font, const char *text)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    dli_strbuf_add(b, "<text");
    attr(b, "x", x);
    attr(b, "y", y);
    attr(b, "font-size", font->size);
    dli_strbuf_addf(b, " fill=\"%s\"", font->fill ? font->fill : DLI_SVG_INK);
    if (font->anchor != DLI_SVG_START)
        dli_strbuf_addf(b, " text-anchor=\"%s\"", anchors[font->anchor]);
    if (font->bold)
        dli_strbuf_add(b, " font-weight=\"bold\"");
    if (font->rotate != 0.0) {
        dli_strbuf_add(b, " transform=\"rotate(");
        dli_svg_num(b, font->rotate);
        dli_strbuf_addc(b, ' ');
        dli_svg_num(b, x);
        dli_strbuf_addc(b, ' ');
        dli_svg_num(b, y);
        dli_strbuf_add(b, ")\"");
    }
    dli_strbuf_addc(b, '>');
    dli_strbuf_xml(b, text);
    dli_strbuf_add(b, "</text>\n");
}

double dli_svg_text_width(const char *text, double size)
{
    double em = 0.0;
    for (uint32_t c; (c = dli_utf8_next(&text)) != 0;) {
        if (c >= 0x1100)
            em += 1.0;
        else if (c < 0x80 && strchr("iljtfrI.,:;'|!() ", (int)c))
            em += 0.36;
        else if (c == 'm' || c == 'w' || c == 'M' || c == 'W')
            em += 0.9;
        else
            em += 0.6;
    }
    return em * size;
}

char *dli_svg_ellipsis(char *buf, size_t size, const char *text, int n)
{
    static const char dots[] = "\xE2\x80\xA6";
    const char *at = text, *cut = text;
    int seen = 0;
    while (dli_utf8_next(&at) != 0) {
        seen++;
        if (seen < n && (size_t)(at - text) + sizeof dots <= size)
            cut = at;
    }
    if (seen <= n && strlen(text) < size) {
        memcpy(buf, text, strlen(text) + 1);
        return buf;
    }
    const size_t kept = (size_t)(cut - text);
    memcpy(buf, text, kept);
    memcpy(buf + kept, dots, sizeof dots);
    return buf;
}

char *dli_svg_mix(char buf[8], uint32_t from, uint32_t to, double t)
{
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    unsigned rgb[3];
    for (int i = 0; i < 3; i++) {
        const int shift = 16 - 8 * i;
        const double a = (double)(from >> shift & 0xFF), z = (double)(to >> shift & 0xFF);
        rgb[i] = (unsigned)lrint(a + (z - a) * t) & 0xFF;
    }
    snprintf(buf, 8, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
    return buf;
}

int dli_ticks(double lo, double hi, int n, double *first, double *step)
{
    const double raw = (hi - lo) / n;
    const double power = pow(10.0, floor(log10(raw)));
    const double m = raw / power;
    *step = power * (m <= 1.0 + 1e-9 ? 1.0 : m <= 2.0 + 1e-9 ? 2.0 : m <= 5.0 + 1e-9 ? 5.0 : 10.0);
    const double a = floor(lo / *step + 1e-9), z = ceil(hi / *step - 1e-9);
    *first = a * *step;
    return (int)(z - a) + 1;
}

char *dli_tick_text(char buf[32], double v, double step)
{
    if (fabs(v) < step * 1e-6)
        v = 0.0;
    const double biggest = fmax(fabs(v), step);
    if (biggest >= 1e7 || step < 1e-6)
        return dli_number(buf, 32, "%.6g", v);
    const int decimals = step >= 1.0 ? 0 : (int)ceil(-log10(step) - 1e-9);
    char fmt[8];
    snprintf(fmt, sizeof fmt, "%%.%df", decimals);
    return dli_number(buf, 32, fmt, v);
}
