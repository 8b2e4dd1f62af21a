/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing a graph: DOT for Graphviz, and a plain SVG in which every vertex stands below what it reads. */
#include "base/escape.h"
#include "base/strbuf.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

enum { BOX_WIDTH = 210, BOX_HEIGHT = 40, GAP_X = 24, GAP_Y = 26, MARGIN = 20 };

static const char *operator_of(const struct dli_vertex *v) { return v->op ? v->op->name : "input"; }

/* Inputs green, frozen vertices blue, those that train orange, the rest grey. */
static const char *colour_of(const struct dli_vertex *v)
{
    if (!v->op)
        return "#d9ead3";
    if (v->frozen)
        return "#cfe2f3";
    return v->n_params > 0 ? "#fce5cd" : "#eeeeee";
}

static void draw_dot(struct dli_strbuf *b, const dl4c_graph *g)
{
    dli_strbuf_add(b, "digraph network {\n  node [shape=box, style=filled, fontname=\"sans-serif\", fontsize=10];\n");
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        dli_strbuf_addf(b, "  v%" PRId32 " [fillcolor=\"%s\", label=", i, colour_of(v));
        char *label = NULL;
        struct dli_strbuf l;
        dli_strbuf_init(&l, g->ctx);
        dli_strbuf_addf(&l, "%s\n%s %s", v->name, operator_of(v), DLI_SHAPE_STR(&v->shape));
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (dli_strbuf_take(&l, &label, &err) != DL4C_OK && !b->err.status)
            b->err = err;
        dli_strbuf_json(b, label ? label : ""); /* DOT takes the same quotes and escapes */
        dli_free(label);
        dli_strbuf_add(b, "];\n");
    }
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++)
            dli_strbuf_addf(b, "  v%" PRId32 " -> v%" PRId32 ";\n", g->vertices[i].inputs[k], i);
    dli_strbuf_add(b, "}\n");
}

struct place {
    int32_t level, column;
};

/* A vertex stands one level below the deepest of its inputs, in the next free column of that level. */
static void layout(const dl4c_graph *g, struct place *at, int32_t *in_level, int32_t *levels, int32_t *columns)
{
    *levels = *columns = 0;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        at[i].level = 0;
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++)
            if (at[g->vertices[i].inputs[k]].level >= at[i].level)
                at[i].level = at[g->vertices[i].inputs[k]].level + 1;
        at[i].column = in_level[at[i].level]++;
        if (at[i].level >= *levels)
            *levels = at[i].level + 1;
        if (at[i].column >= *columns)
            *columns = at[i].column + 1;
    }
}

static int32_t left_of(const struct place *p, const int32_t *in_level, int32_t columns)
{
    const int32_t free_columns = columns - in_level[p->level]; /* a level is centred */
    return MARGIN + p->column * (BOX_WIDTH + GAP_X) + free_columns * (BOX_WIDTH + GAP_X) / 2;
}

static int32_t top_of(const struct place *p) { return MARGIN + p->level * (BOX_HEIGHT + GAP_Y); }

/* A name that fits the box, cut in the middle. */
static void add_label(struct dli_strbuf *b, const char *name)
{
    enum { FIT = 34 };
    const size_t n = strlen(name);
    char cut[FIT + 8];
    if (n <= FIT) {
        dli_strbuf_xml(b, name);
        return;
    }
    snprintf(cut, sizeof cut, "%.*s...%s", FIT / 2 - 2, name, name + n - FIT / 2 + 1);
    dli_strbuf_xml(b, cut);
}

static void draw_svg(struct dli_strbuf *b, const dl4c_graph *g, const struct place *at, const int32_t *in_level, int32_t levels,
                     int32_t columns)
{
    const int32_t width = 2 * MARGIN + columns * (BOX_WIDTH + GAP_X) - GAP_X, height = 2 * MARGIN + levels * (BOX_HEIGHT + GAP_Y) - GAP_Y;
    dli_strbuf_addf(b,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%" PRId32 "\" height=\"%" PRId32 "\" viewBox=\"0 0 %" PRId32
                    " %" PRId32 "\" font-family=\"sans-serif\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                    width, height, width, height);
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++) {
            const int32_t from = g->vertices[i].inputs[k];
            const int32_t x1 = left_of(&at[from], in_level, columns) + BOX_WIDTH / 2, y1 = top_of(&at[from]) + BOX_HEIGHT;
            const int32_t x2 = left_of(&at[i], in_level, columns) + BOX_WIDTH / 2, y2 = top_of(&at[i]);
            /* An edge that passes levels swings out to the side, so that it is not hidden by the boxes between. */
            const int32_t swing = at[i].level - at[from].level > 1 && x1 == x2 ? BOX_WIDTH / 2 + GAP_X / 2 + BOX_WIDTH / 5 : 0;
            dli_strbuf_addf(b,
                            "<path d=\"M%" PRId32 " %" PRId32 " C%" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32
                            "\" fill=\"none\" stroke=\"#555\"/>\n",
                            x1, y1, x1 + swing, y1 + (y2 - y1) / 2, x2 + swing, y2 - (y2 - y1) / 2, x2, y2);
        }
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        const int32_t x = left_of(&at[i], in_level, columns), y = top_of(&at[i]);
        dli_strbuf_addf(b, "<g><title>");
        dli_strbuf_xml(b, v->name);
        dli_strbuf_addf(
            b, "</title><rect x=\"%" PRId32 "\" y=\"%" PRId32 "\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" stroke=\"#777\"/>", x, y,
            BOX_WIDTH, BOX_HEIGHT, colour_of(v));
        dli_strbuf_addf(b, "<text x=\"%" PRId32 "\" y=\"%" PRId32 "\" font-size=\"11\" text-anchor=\"middle\">", x + BOX_WIDTH / 2, y + 16);
        add_label(b, v->name);
        dli_strbuf_addf(
            b, "</text><text x=\"%" PRId32 "\" y=\"%" PRId32 "\" font-size=\"10\" fill=\"#444\" text-anchor=\"middle\">%s %s</text></g>\n",
            x + BOX_WIDTH / 2, y + 31, operator_of(v), DLI_SHAPE_STR(&v->shape));
    }
    dli_strbuf_add(b, "</svg>\n");
}

dl4c_status dl4c_graph_draw(dl4c_graph *g, const char *form, char **text, struct dl4c_error *err)
{
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "draw", "text is NULL");
    *text = NULL;
    if (!g || !form)
        return dli_fail(err, DL4C_E_INVALID, "draw", "a graph and a form are wanted");
    struct dli_strbuf b;
    dli_strbuf_init(&b, g->ctx);
    if (strcmp(form, "dot") == 0) {
        draw_dot(&b, g);
    } else if (strcmp(form, "svg") == 0) {
        struct place *at = dli_calloc(g->ctx, (size_t)g->n_vertices, sizeof *at, err);
        int32_t *in_level = at ? dli_calloc(g->ctx, (size_t)g->n_vertices, sizeof *in_level, err) : NULL;
        if (!in_level) {
            dli_free(at);
            return dli_alloc_status();
        }
        int32_t levels, columns;
        layout(g, at, in_level, &levels, &columns);
        draw_svg(&b, g, at, in_level, levels, columns);
        dli_free(at);
        dli_free(in_level);
    } else {
        return dli_fail(err, DL4C_E_INVALID, "draw", "the form is \"%.60s\", wanted dot or svg", form);
    }
    return dli_strbuf_take(&b, text, err);
}
