/* SPDX-License-Identifier: Apache-2.0 */
/* The confusion matrix as a picture. Every row is shaded by shares of its actual class, so that rare classes read like frequent ones;
 * the diagonal is blue, mistakes are orange. */
#include "base/number.h"
#include "chart/svg.h"
#include "evaluation/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNTED = 40, NAMED = 80, NAME_LETTERS = 24 }; /* classes up to which cells have counts, and rows and columns names */
enum { WHITE = 0xffffff, BLUE = 0x0b4f9c, ORANGE = 0xc2410c };

struct picture {
    const dl4c_evaluation *e;
    double cell, left, top, side, name_size;
    bool counts, names;
};

static const char *shade(char buf[8], bool right, double share)
{
    /* the square root lifts the few per cent that most mistakes are */
    return dli_svg_mix(buf, WHITE, right ? BLUE : ORANGE, share <= 0.0 ? 0.0 : 0.06 + 0.94 * (right ? share : sqrt(share)));
}

static void plan(struct picture *p, const dl4c_evaluation *e)
{
    const int32_t n = e->n_classes;
    p->e = e;
    p->counts = n <= COUNTED;
    p->names = n <= NAMED;
    p->cell = n <= 6 ? 52.0 : n <= 12 ? 40.0 : n <= 20 ? 32.0 : n <= COUNTED ? 25.0 : n <= NAMED ? 12.0 : fmax(800.0 / n, 0.5);
    p->name_size = fmin(12.0, fmax(8.0, p->cell * 0.75));
    p->side = p->cell * n;
    double widest = 0.0;
    for (int32_t i = 0; p->names && i < n; i++) {
        char name[4 * NAME_LETTERS + 4];
        widest = fmax(widest, dli_svg_text_width(dli_svg_ellipsis(name, sizeof name, e->names[i], NAME_LETTERS), p->name_size));
    }
    if (!p->names)
        widest = dli_svg_text_width("99999", p->name_size);
    p->left = ceil(36.0 + widest + 10.0);
    p->top = ceil(84.0 + (p->names ? widest : p->name_size) + 8.0);
}

static void draw_names(const struct picture *p, struct dli_strbuf *b)
{
    const struct dli_svg_font row = { .size = p->name_size, .anchor = DLI_SVG_END };
    const struct dli_svg_font column = { .size = p->name_size, .anchor = DLI_SVG_START, .rotate = -90.0 };
    for (int32_t i = 0; i < p->e->n_classes; i++) {
        char name[4 * NAME_LETTERS + 4];
        const double middle = (i + 0.5) * p->cell + 0.35 * p->name_size;
        dli_svg_ellipsis(name, sizeof name, p->e->names[i], NAME_LETTERS);
        dli_svg_text(b, p->left - 7.0, p->top + middle, &row, name);
        dli_svg_text(b, p->left + middle, p->top - 7.0, &column, name);
    }
}

/* Too many classes for names: indices at round numbers. */
static void draw_indices(const struct picture *p, struct dli_strbuf *b)
{
    const struct dli_svg_font row = { .size = 11.0, .fill = DLI_SVG_MUTED, .anchor = DLI_SVG_END };
    const struct dli_svg_font column = { .size = 11.0, .fill = DLI_SVG_MUTED, .anchor = DLI_SVG_MIDDLE };
    double first, step;
    const int ticks = dli_ticks(0.0, p->e->n_classes, 12, &first, &step);
    for (int i = 0; i < ticks; i++) {
        char text[32];
        const double v = first + i * step, at = (v + 0.5) * p->cell;
        if (v >= p->e->n_classes)
            break;
        dli_tick_text(text, v, step);
        dli_svg_line(b, p->left - 5.0, p->top + at, p->left, p->top + at, DLI_SVG_FRAME, 1.0);
        dli_svg_line(b, p->left + at, p->top - 5.0, p->left + at, p->top, DLI_SVG_FRAME, 1.0);
        dli_svg_text(b, p->left - 8.0, p->top + at + 4.0, &row, text);
        dli_svg_text(b, p->left + at, p->top - 9.0, &column, text);
    }
}

static void draw_cell(const struct picture *p, struct dli_strbuf *b, int32_t i, int32_t j)
{
    const dl4c_evaluation *e = p->e;
    const int64_t count = dli_confusion(e, i, j);
    if (count == 0)
        return;
    const double share = (double)count / (double)e->actual[i];
    char colour[8], name[2][4 * NAME_LETTERS + 4], tip[256];
    for (int k = 0; k < 2; k++)
        dli_svg_ellipsis(name[k], sizeof name[k], e->names[k ? j : i], NAME_LETTERS);
    if (i == j)
        snprintf(tip, sizeof tip, "%s: right in %" PRId64 " of %" PRId64, name[0], count, e->actual[i]);
    else
        snprintf(tip, sizeof tip, "%s taken for %s: %" PRId64 " of %" PRId64, name[0], name[1], count, e->actual[i]);
    const double x = p->left + j * p->cell, y = p->top + i * p->cell;
    dli_svg_rect(b, x, y, p->cell, p->cell, shade(colour, i == j, share), NULL, tip);
    if (!p->counts)
        return;
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, count);
    const double size = fmin(fmin(13.0, p->cell * 0.48), p->cell * 0.86 / (0.6 * (double)strlen(text)));
    const bool dark = (i == j ? share : sqrt(share)) > 0.55;
    dli_strbuf_add(b, "<g pointer-events=\"none\">");
    dli_svg_text(b, x + p->cell / 2.0, y + p->cell / 2.0 + 0.36 * size,
                 &(struct dli_svg_font){ .size = size, .fill = dark ? "#ffffff" : DLI_SVG_INK, .anchor = DLI_SVG_MIDDLE }, text);
    dli_strbuf_add(b, "</g>\n");
}

static void draw_grid(const struct picture *p, struct dli_strbuf *b)
{
    for (int32_t i = 1; p->e->n_classes <= NAMED && i < p->e->n_classes; i++) {
        dli_svg_line(b, p->left + i * p->cell, p->top, p->left + i * p->cell, p->top + p->side, DLI_SVG_GRID, 1.0);
        dli_svg_line(b, p->left, p->top + i * p->cell, p->left + p->side, p->top + i * p->cell, DLI_SVG_GRID, 1.0);
    }
}

/* Five steps of each colour, with the share they stand for. */
static void draw_key(const struct picture *p, struct dli_strbuf *b, double y)
{
    static const int percent[] = { 5, 25, 50, 75, 100 };
    const struct dli_svg_font font = { .size = 11.0, .fill = DLI_SVG_MUTED };
    const double x = 16.0 + dli_svg_text_width("wrong", 12.0) + 8.0;
    for (int row = 0; row < 2; row++) {
        dli_svg_text(b, 16.0, y + row * 16.0 + 10.0, &font, row == 0 ? "right" : "wrong");
        for (int i = 0; i < 5; i++) {
            char colour[8];
            dli_svg_rect(b, x + i * 34.0, y + row * 16.0, 34.0, 12.0, shade(colour, row == 0, percent[i] / 100.0), NULL, NULL);
        }
    }
    for (int i = 0; i < 5; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d%%", percent[i]);
        dli_svg_text(b, x + i * 34.0 + 17.0, y + 44.0,
                     &(struct dli_svg_font){ .size = 10.0, .fill = DLI_SVG_MUTED, .anchor = DLI_SVG_MIDDLE }, text);
    }
    dli_svg_text(b, x, y + 58.0, &(struct dli_svg_font){ .size = 10.0, .fill = DLI_SVG_MUTED }, "of the actual class");
}

dl4c_status dl4c_evaluation_confusion_svg(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    if (!e || !text)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "text" : "e");
    *text = NULL;
    struct picture p;
    plan(&p, e);
    const double width = fmax(p.left + p.side + 24.0, 360.0), height = p.top + p.side + 92.0;
    char line[160], accuracy[32];
    snprintf(line, sizeof line, "%" PRId64 " examples, %" PRId32 " classes, accuracy %s", e->n, e->n_classes,
             dli_number(accuracy, sizeof accuracy, "%.4f", dl4c_evaluation_accuracy(e)));

    struct dli_strbuf b;
    dli_strbuf_init(&b, e->ctx);
    dli_svg_begin(&b, width, height, "Confusion matrix");
    dli_svg_text(&b, 16.0, 28.0, &(struct dli_svg_font){ .size = 16.0, .bold = 1 }, "Confusion matrix");
    dli_svg_text(&b, 16.0, 46.0, &(struct dli_svg_font){ .size = 12.0, .fill = DLI_SVG_MUTED }, line);
    dli_svg_text(&b, p.left + p.side / 2.0, 74.0, &(struct dli_svg_font){ .size = 12.0, .anchor = DLI_SVG_MIDDLE, .bold = 1 }, "Predicted");
    dli_svg_text(&b, 24.0, p.top + p.side / 2.0,
                 &(struct dli_svg_font){ .size = 12.0, .anchor = DLI_SVG_MIDDLE, .rotate = -90.0, .bold = 1 }, "Actual");
    if (p.names)
        draw_names(&p, &b);
    else
        draw_indices(&p, &b);
    if (p.counts)
        draw_grid(&p, &b);
    for (int32_t i = 0; i < e->n_classes; i++)
        for (int32_t j = 0; j < e->n_classes; j++)
            draw_cell(&p, &b, i, j);
    if (!p.counts)
        draw_grid(&p, &b);
    dli_svg_rect(&b, p.left, p.top, p.side, p.side, NULL, DLI_SVG_FRAME, NULL);
    draw_key(&p, &b, p.top + p.side + 20.0);
    dli_svg_end(&b);
    return dli_strbuf_take(&b, text, err);
}
