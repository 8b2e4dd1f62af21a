/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c_chart_svg: panels above one another, one x axis. */
#include "base/context.h"
#include "chart/svg.h"
#include <dl4c/chart.h>

#include <math.h>
#include <string.h>

enum { PALETTE = 8, MAX_PANELS = 16, DOTS_UP_TO = 60, LEGEND_LETTERS = 40 };
static const char *const palette[PALETTE] = { "#0969da", "#d1571a", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#1b7c83", "#57606a" };
static const char *const dashes[] = { "", " stroke-dasharray=\"6 3\"", " stroke-dasharray=\"2 3\"", " stroke-dasharray=\"8 3 2 3\"" };

static const double tick_size = 11.0, label_size = 12.0, title_size = 15.0, legend_row = 18.0, right_margin = 24.0;

struct axis {
    double lo, hi;
    double first, step; /* of the ticks */
    int ticks;
};

struct chart {
    struct dl4c_chart_options o;
    const struct dl4c_chart_series *series;
    int32_t n_series;
    struct axis x, y[MAX_PANELS];
    double left, plot_width;
    double top[MAX_PANELS]; /* of the plot area */
};

static double x_at(const struct dl4c_chart_series *s, int64_t i) { return s->x ? s->x[i] : (double)(i + 1); }
static bool drawn(const struct dl4c_chart_series *s, int64_t i) { return isfinite(x_at(s, i)) && isfinite(s->y[i]); }

static dl4c_status check(const struct chart *c, struct dl4c_error *err)
{
    const struct dl4c_chart_options *o = &c->o;
    if (o->n_panels < 1 || o->n_panels > MAX_PANELS)
        return dli_fail(err, DL4C_E_INVALID, "chart", "n_panels is %" PRId32 ", wanted 1 to %d", o->n_panels, MAX_PANELS);
    if (o->width < 200 || o->width > 10000 || o->panel_height < 60 || o->panel_height > 10000)
        return dli_fail(err, DL4C_E_INVALID, "chart",
                        "width %" PRId32 " or panel_height %" PRId32 " is outside 200 to 10000 or 60 to 10000", o->width, o->panel_height);
    if (o->flags)
        return dli_fail(err, DL4C_E_VERSION, "chart", "flags %#" PRIx32 " are not known to this library", o->flags);
    if (c->n_series < 0 || (c->n_series > 0 && !c->series))
        return dli_fail(err, DL4C_E_INVALID, "chart", "%" PRId32 " series at %s", c->n_series, c->series ? "an address" : "NULL");
    for (int32_t i = 0; i < c->n_series; i++) {
        const struct dl4c_chart_series *s = &c->series[i];
        if (s->n < 0 || (s->n > 0 && !s->y))
            return dli_fail(err, DL4C_E_INVALID, "chart", "series %" PRId32 " has %" PRId64 " points and y is %s", i, s->n,
                            s->y ? "given" : "NULL");
        if (s->panel < 0 || s->panel >= o->n_panels)
            return dli_fail(err, DL4C_E_INVALID, "chart", "series %" PRId32 " is for panel %" PRId32 ", and there are %" PRId32, i,
                            s->panel, o->n_panels);
        if (s->reserved)
            return dli_fail(err, DL4C_E_VERSION, "chart", "series %" PRId32 " sets a reserved member", i);
    }
    return DL4C_OK;
}

/* A range that ticks can be put on: finite, and not so narrow that neighbouring ticks would be one number. */
static void widen(double *lo, double *hi)
{
    if (!(*lo <= *hi)) {
        *lo = 0.0;
        *hi = 1.0;
    }
    *lo = fmax(*lo, -1e300);
    *hi = fmin(*hi, 1e300);
    const double size = fmax(fabs(*lo), fabs(*hi));
    if (*hi - *lo <= 1e-9 * size || *hi - *lo < 1e-290) {
        const double by = size < 1e-280 ? 0.5 : 0.05 * size;
        *lo -= by;
        *hi += by;
    }
}

static void fit_axes(struct chart *c)
{
    double lo = INFINITY, hi = -INFINITY;
    bool whole = true;
    for (int32_t k = 0; k < c->n_series; k++)
        for (int64_t i = 0; i < c->series[k].n; i++)
            if (drawn(&c->series[k], i)) {
                const double x = x_at(&c->series[k], i);
                lo = fmin(lo, x);
                hi = fmax(hi, x);
                whole = whole && x == floor(x);
            }
    widen(&lo, &hi);
    c->x.lo = lo;
    c->x.hi = hi;
    c->x.ticks = dli_ticks(lo, hi, 1 + (int)(c->plot_width / 90.0), &c->x.first, &c->x.step);
    if (whole && c->x.step < 1.0) { /* epochs and iterations have no halves */
        c->x.step = 1.0;
        c->x.first = floor(lo);
        c->x.ticks = (int)(ceil(hi) - c->x.first) + 1;
    }
    for (int32_t p = 0; p < c->o.n_panels; p++) {
        struct axis *y = &c->y[p];
        y->lo = INFINITY;
        y->hi = -INFINITY;
        for (int32_t k = 0; k < c->n_series; k++)
            for (int64_t i = 0; c->series[k].panel == p && i < c->series[k].n; i++)
                if (drawn(&c->series[k], i)) {
                    y->lo = fmin(y->lo, c->series[k].y[i]);
                    y->hi = fmax(y->hi, c->series[k].y[i]);
                }
        widen(&y->lo, &y->hi);
        if (y->lo > 0.0 && y->lo <= 0.5 * y->hi)
            y->lo = 0.0;
        y->ticks = dli_ticks(y->lo, y->hi, 1 + c->o.panel_height / 50, &y->first, &y->step);
        y->lo = y->first;
        y->hi = y->first + y->step * (y->ticks - 1);
    }
}

static double px(const struct chart *c, double x) { return c->left + (x - c->x.lo) / (c->x.hi - c->x.lo) * c->plot_width; }

static double py(const struct chart *c, int32_t p, double y)
{
    return c->top[p] + (c->y[p].hi - y) / (c->y[p].hi - c->y[p].lo) * c->o.panel_height;
}

/* Legend entries from the right edge of a panel's header leftwards would need their widths first; so they run from the y label on,
 * wrapping. Returns the rows used; draws only where b is not NULL. */
static int legend(const struct chart *c, int32_t p, double y, struct dli_strbuf *b)
{
    const char *label = c->o.y_labels && c->o.y_labels[p] ? c->o.y_labels[p] : "";
    const double begin = c->left + (label[0] ? dli_svg_text_width(label, label_size) * 1.1 + 18.0 : 0.0), end = c->left + c->plot_width;
    double x = begin;
    int rows = 1, order = 0;
    if (b && label[0])
        dli_svg_text(b, c->left, y, &(struct dli_svg_font){ .size = label_size, .bold = 1 }, label);
    for (int32_t k = 0; k < c->n_series; k++) {
        const struct dl4c_chart_series *s = &c->series[k];
        if (s->panel != p)
            continue;
        const int mine = order++;
        if (!s->name || !s->name[0])
            continue;
        char name[4 * LEGEND_LETTERS + 4];
        dli_svg_ellipsis(name, sizeof name, s->name, LEGEND_LETTERS);
        const double wide = 26.0 + dli_svg_text_width(name, label_size) + 14.0;
        if (x > begin && x + wide > end) {
            rows++;
            x = begin;
        }
        const double at = y + (rows - 1) * legend_row;
        if (b) {
            dli_strbuf_addf(b, "<g%s>", dashes[mine / PALETTE % 4]);
            dli_svg_line(b, x, at - 4.0, x + 20.0, at - 4.0, palette[mine % PALETTE], 2.5);
            dli_strbuf_add(b, "</g>\n");
            dli_svg_text(b, x + 26.0, at, &(struct dli_svg_font){ .size = label_size, .fill = DLI_SVG_MUTED }, name);
        }
        x += wide;
    }
    return rows;
}

static double lay_out(struct chart *c)
{
    double widest = 0.0;
    for (int32_t p = 0; p < c->o.n_panels; p++)
        for (int i = 0; i < c->y[p].ticks; i++) {
            char text[32];
            widest = fmax(widest, dli_svg_text_width(dli_tick_text(text, c->y[p].first + i * c->y[p].step, c->y[p].step), tick_size));
        }
    c->left = ceil(16.0 + widest + 10.0);
    c->plot_width = fmax(c->o.width - c->left - right_margin, 80.0);
    double y = c->o.title && c->o.title[0] ? 42.0 : 14.0;
    for (int32_t p = 0; p < c->o.n_panels; p++) {
        y += legend(c, p, 0.0, NULL) * legend_row + 12.0;
        c->top[p] = y;
        y += c->o.panel_height + 20.0;
    }
    y += 4.0; /* tick labels reach 16 below the plot, the last gap is 20 */
    return c->o.x_label && c->o.x_label[0] ? y + 20.0 : y + 4.0;
}

static void draw_axes(const struct chart *c, int32_t p, struct dli_strbuf *b)
{
    const double top = c->top[p], bottom = top + c->o.panel_height, right = c->left + c->plot_width;
    char text[32];
    for (int i = 0; i < c->y[p].ticks; i++) {
        const double v = c->y[p].first + i * c->y[p].step, y = py(c, p, v);
        dli_svg_line(b, c->left, y, right, y, DLI_SVG_GRID, 1.0);
        dli_svg_text(b, c->left - 8.0, y + 4.0, &(struct dli_svg_font){ .size = tick_size, .fill = DLI_SVG_MUTED, .anchor = DLI_SVG_END },
                     dli_tick_text(text, v, c->y[p].step));
    }
    const double slack = c->x.step * 1e-6;
    for (int i = 0; i < c->x.ticks; i++) {
        const double v = c->x.first + i * c->x.step;
        if (v < c->x.lo - slack || v > c->x.hi + slack)
            continue;
        dli_svg_line(b, px(c, v), top, px(c, v), bottom, DLI_SVG_GRID, 1.0);
        if (p == c->o.n_panels - 1)
            dli_svg_text(b, px(c, v), bottom + 16.0,
                         &(struct dli_svg_font){ .size = tick_size, .fill = DLI_SVG_MUTED, .anchor = DLI_SVG_MIDDLE },
                         dli_tick_text(text, v, c->x.step));
    }
    dli_svg_line(b, c->left, bottom, right, bottom, DLI_SVG_FRAME, 1.0);
    dli_svg_line(b, c->left, top, c->left, bottom, DLI_SVG_FRAME, 1.0);
}

/* A pen that moves, draws and lifts; a run of one point becomes a dot, because the line's caps are round. */
struct pen {
    struct dli_strbuf *b;
    int64_t run;
    double x, y;
};

static void pen_to(struct pen *pen, double x, double y)
{
    dli_strbuf_addc(pen->b, pen->run++ == 0 ? 'M' : 'L');
    dli_svg_num(pen->b, x);
    dli_strbuf_addc(pen->b, ' ');
    dli_svg_num(pen->b, y);
    pen->x = x;
    pen->y = y;
}

static void pen_up(struct pen *pen)
{
    if (pen->run == 1)
        pen_to(pen, pen->x, pen->y);
    pen->run = 0;
}

/* What a pixel column of a long line shows: its first, lowest, highest and last point, in the order of their indices. */
struct column {
    int64_t n, first, low, high, last;
};

static void flush_column(const struct chart *c, const struct dl4c_chart_series *s, struct column *col, struct pen *pen)
{
    if (col->n > 0) {
        const int64_t a = col->low < col->high ? col->low : col->high, z = col->low < col->high ? col->high : col->low;
        const int64_t at[4] = { col->first, a, z, col->last };
        for (int i = 0; i < 4; i++)
            if (i == 0 || at[i] != at[i - 1])
                pen_to(pen, px(c, x_at(s, at[i])), py(c, s->panel, s->y[at[i]]));
    }
    col->n = 0;
}

static bool ascending(const struct dl4c_chart_series *s)
{
    double last = -INFINITY;
    for (int64_t i = 0; i < s->n; i++) {
        if (!drawn(s, i))
            continue;
        if (x_at(s, i) < last)
            return false;
        last = x_at(s, i);
    }
    return true;
}

static void draw_series(const struct chart *c, const struct dl4c_chart_series *s, int order, struct dli_strbuf *b)
{
    const bool thin = (double)s->n > 4.0 * c->plot_width && ascending(s);
    dli_strbuf_addf(b, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" stroke-linejoin=\"round\" stroke-linecap=\"round\"%s d=\"",
                    palette[order % PALETTE], s->n > 400 ? "1" : "2", dashes[order / PALETTE % 4]);
    struct pen pen = { b, 0, 0.0, 0.0 };
    struct column col = { 0, 0, 0, 0, 0 };
    double column_x = 0.0;
    for (int64_t i = 0; i < s->n; i++) {
        if (!drawn(s, i)) {
            flush_column(c, s, &col, &pen);
            pen_up(&pen);
            continue;
        }
        const double x = px(c, x_at(s, i));
        if (!thin) {
            pen_to(&pen, x, py(c, s->panel, s->y[i]));
            continue;
        }
        if (col.n > 0 && floor(x) != column_x)
            flush_column(c, s, &col, &pen);
        column_x = floor(x);
        if (col.n++ == 0)
            col.first = col.low = col.high = i;
        col.last = i;
        col.low = s->y[i] < s->y[col.low] ? i : col.low;
        col.high = s->y[i] > s->y[col.high] ? i : col.high;
    }
    flush_column(c, s, &col, &pen);
    pen_up(&pen);
    dli_strbuf_add(b, "\"/>\n");
    for (int64_t i = 0; s->n <= DOTS_UP_TO && i < s->n; i++)
        if (drawn(s, i))
            dli_svg_circle(b, px(c, x_at(s, i)), py(c, s->panel, s->y[i]), 2.6, palette[order % PALETTE]);
}

dl4c_status dl4c_chart_svg(dl4c_context *ctx, const struct dl4c_chart_options *options, const struct dl4c_chart_series *series,
                           int32_t n_series, char **text, struct dl4c_error *err)
{
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "chart", "text is NULL");
    *text = NULL;
    struct chart c;
    memset(&c, 0, sizeof c);
    DLI_TRY(dli_struct_in(&c.o, sizeof c.o, options, "chart", err));
    c.o.n_panels = c.o.n_panels ? c.o.n_panels : 1;
    c.o.width = c.o.width ? c.o.width : 760;
    c.o.panel_height = c.o.panel_height ? c.o.panel_height : 240;
    c.series = series;
    c.n_series = n_series;
    DLI_TRY(check(&c, err));

    c.plot_width = c.o.width - 80.0; /* near enough to choose ticks; their labels then set the margin */
    fit_axes(&c);
    const double height = lay_out(&c);

    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    dli_svg_begin(&b, c.o.width, height, c.o.title && c.o.title[0] ? c.o.title : "chart");
    if (c.o.title && c.o.title[0])
        dli_svg_text(&b, c.left, 28.0, &(struct dli_svg_font){ .size = title_size, .bold = 1 }, c.o.title);
    for (int32_t p = 0; p < c.o.n_panels; p++) {
        const int rows = legend(&c, p, 0.0, NULL);
        legend(&c, p, c.top[p] - 12.0 - (rows - 1) * legend_row, &b);
        draw_axes(&c, p, &b);
        int order = 0;
        for (int32_t k = 0; k < n_series; k++)
            if (series[k].panel == p)
                draw_series(&c, &series[k], order++, &b);
    }
    if (c.o.x_label && c.o.x_label[0])
        dli_svg_text(&b, c.left + c.plot_width / 2.0, height - 10.0, &(struct dli_svg_font){ .size = label_size, .anchor = DLI_SVG_MIDDLE },
                     c.o.x_label);
    dli_svg_end(&b);
    return dli_strbuf_take(&b, text, err);
}
