/* SPDX-License-Identifier: Apache-2.0 */
/* Plain SVG 1.1, written piece by piece into a string buffer: one file, no script, no style sheet, no font of its own. Lengths are
 * pixels, y grows downwards, colours are "#rrggbb". Numbers are printed with at most two decimals, the same under every locale. */
#ifndef DLI_CHART_SVG_H
#define DLI_CHART_SVG_H

#include "base/strbuf.h"

#define DLI_SVG_INK   "#24292f" /* text */
#define DLI_SVG_MUTED "#57606a" /* secondary text */
#define DLI_SVG_GRID  "#e3e6ea"
#define DLI_SVG_FRAME "#8c959f"

enum { DLI_SVG_START, DLI_SVG_MIDDLE, DLI_SVG_END };

/* A picture on a white background; title is what a screen reader says. Ended by dli_svg_end. */
void dli_svg_begin(struct dli_strbuf *b, double width, double height, const char *title);
void dli_svg_end(struct dli_strbuf *b);

void dli_svg_num(struct dli_strbuf *b, double v);
/* fill or stroke may be NULL: none. The element stays open when `tooltip` is not NULL only to hold it. */
void dli_svg_rect(struct dli_strbuf *b, double x, double y, double w, double h, const char *fill, const char *stroke, const char *tooltip);
void dli_svg_line(struct dli_strbuf *b, double x1, double y1, double x2, double y2, const char *stroke, double width);
void dli_svg_circle(struct dli_strbuf *b, double x, double y, double r, const char *fill);

struct dli_svg_font {
    double size;
    const char *fill; /* NULL: DLI_SVG_INK */
    int anchor;       /* DLI_SVG_START, ... : which point of the text lies at x, y */
    double rotate;    /* degrees clockwise about x, y */
    int bold;
};
/* y is the base line. */
void dli_svg_text(struct dli_strbuf *b, double x, double y, const struct dli_svg_font *font, const char *text);

/* How wide a text will be, guessed from its letters: 0.6 of the size for Latin, all of it for CJK. Never below the real width by much. */
double dli_svg_text_width(const char *text, double size);
/* Up to n - 1 code points of text and an ellipsis where there were more; NUL-terminated in buf, cut to fit. Returns buf. */
char *dli_svg_ellipsis(char *buf, size_t size, const char *text, int n);

/* "#rrggbb" between two colours given as 0xrrggbb, t in 0..1. Returns buf. */
char *dli_svg_mix(char buf[8], uint32_t from, uint32_t to, double t);

/* Round numbers (1, 2 or 5 times a power of ten apart) that cover lo..hi in about n steps: *first, and *step > 0. The last is the
 * first multiple of the step not below hi. lo must be below hi, both finite. Returns how many there are. */
int dli_ticks(double lo, double hi, int n, double *first, double *step);
/* The number at a tick, with as many decimals as its step needs. Returns buf. */
char *dli_tick_text(char buf[32], double v, double step);

#endif
