/* SPDX-License-Identifier: Apache-2.0 */
/* The table that Deeplearning4j prints of a network, and the same facts as JSON. */
#include "base/escape.h"
#include "base/strbuf.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 7, GAP = 3 };

/* Thousands separated by commas, as the reference prints counts. */
static void add_count(struct dli_strbuf *b, int64_t n)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            dli_strbuf_addc(b, ',');
        dli_strbuf_addc(b, digits[i]);
    }
}

static void add_type(struct dli_strbuf *b, const struct dli_vertex *v)
{
    if (!v->op) {
        dli_strbuf_add(b, "InputVertex");
        return;
    }
    if (v->frozen)
        dli_strbuf_add(b, "Frozen ");
    dli_strbuf_add(b, v->op->flags & DLI_OP_ACTIVATION ? "ActivationLayer" : v->op->dl4j ? v->op->dl4j : v->op->name);
}

/* Features in and out of a layer with parameters; batch norm has as many out as in. */
static void add_n_in_out(struct dli_strbuf *b, const dl4c_graph *g, const struct dli_vertex *v)
{
    const struct dli_param_decl *w = NULL;
    for (int32_t k = 0; k < v->n_params; k++)
        if (v->decl[k].role == DLI_PARAM_WEIGHT)
            w = w ? w : &v->decl[k];
    if (v->n_params == 0) {
        dli_strbuf_add(b, "-,-");
    } else if (w && w->rank == 2) {
        dli_strbuf_addf(b, "%" PRId64 ",%" PRId64, w->shape[0], w->shape[1]);
    } else {
        const struct dli_shape *in = &g->vertices[v->inputs[0]].shape;
        dli_strbuf_addf(b, "%" PRId64 ",%" PRId64, in->dim[0], v->shape.dim[0]);
    }
}

static void add_param(struct dli_strbuf *b, const struct dli_param_decl *d, bool first)
{
    dli_strbuf_addf(b, "%s%s:{", first ? "" : ", ", d->name);
    for (int32_t r = 0; r < d->rank; r++)
        dli_strbuf_addf(b, "%s%" PRId64, r ? "," : "", d->shape[r]);
    dli_strbuf_addc(b, '}');
}

/* A graph lists weights before the bias, whatever their order in memory; a chain of layers lists them as they lie. */
static void add_param_shapes(struct dli_strbuf *b, const dl4c_graph *g, const struct dli_vertex *v)
{
    bool first = true;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t k = 0; k < v->n_params; k++) {
            const bool late = !g->multilayer && v->decl[k].role == DLI_PARAM_BIAS;
            if (late == (pass == 1)) {
                add_param(b, &v->decl[k], first);
                first = false;
            }
        }
    if (first)
        dli_strbuf_addc(b, '-');
}

/* Input k of a vertex as the reference counts vertices: what stands before a preprocessor. */
static const struct dli_vertex *input_of(const dl4c_graph *g, const struct dli_vertex *v, int32_t k)
{
    const struct dli_vertex *in = &g->vertices[v->inputs[k]];
    return dli_graph_pre(g, v->inputs[k]) ? &g->vertices[in->inputs[0]] : in;
}

static void add_inputs(struct dli_strbuf *b, const dl4c_graph *g, const struct dli_vertex *v)
{
    for (int32_t k = 0; k < v->n_inputs; k++)
        dli_strbuf_addf(b, "%s%s", k ? ", " : "[", input_of(g, v, k)->name);
    dli_strbuf_addc(b, v->n_inputs ? ']' : '-');
}

static void add_input_type(struct dli_strbuf *b, const struct dli_shape *s)
{
    if (s->rank == 3)
        dli_strbuf_addf(b, "InputTypeConvolutional(h=%" PRId64 ",w=%" PRId64 ",c=%" PRId64 ",NCHW)", s->dim[1], s->dim[2], s->dim[0]);
    else if (s->rank == 1)
        dli_strbuf_addf(b, "InputTypeFeedForward(%" PRId64 ")", s->dim[0]);
    else
        dli_strbuf_add(b, DLI_SHAPE_STR(s));
}

/* What a preprocessor changes is shown before and after; so are the maps that a dense layer flattens by itself. */
static void add_input_types(struct dli_strbuf *b, const dl4c_graph *g, const struct dli_vertex *v)
{
    for (int32_t k = 0; k < v->n_inputs; k++) {
        const struct dli_shape *in = &g->vertices[v->inputs[k]].shape;
        if (k > 0)
            dli_strbuf_add(b, ", ");
        add_input_type(b, &input_of(g, v, k)->shape);
        int64_t n;
        if (input_of(g, v, k) != &g->vertices[v->inputs[k]] || v->maps) {
            dli_strbuf_add(b, "-->");
            add_input_type(b, in);
        }
        if (in->rank > 1 && v->op->flags & DLI_OP_LAYER && v->shape.rank == 1 && v->n_params > 0 &&
            dli_shape_elements(in, &n, NULL) == DL4C_OK)
            dli_strbuf_addf(b, "-->InputTypeFeedForward(%" PRId64 ")", n);
    }
    if (v->n_inputs == 0)
        dli_strbuf_addc(b, '-');
}

static void add_cell(struct dli_strbuf *b, const dl4c_graph *g, int32_t i, int column)
{
    static const char *const heads[] = { "VertexName (VertexType)", "nIn,nOut",   "TotalParams", "ParamsShape",
                                         "Vertex Inputs",           "InputShape", "OutputShape" };
    if (i < 0) {
        dli_strbuf_add(b, g->multilayer && column == 0 ? "LayerName (LayerType)" : heads[column]);
        return;
    }
    const struct dli_vertex *v = &g->vertices[i];
    switch (column) {
    case 0:
        dli_strbuf_addf(b, "%s (", v->name);
        add_type(b, v);
        dli_strbuf_addc(b, ')');
        break;
    case 1: add_n_in_out(b, g, v); break;
    case 2:
        if (!v->op || (v->n_params == 0 && v->op->dl4j && strstr(v->op->dl4j, "Vertex")))
            dli_strbuf_addc(b, '-');
        else
            add_count(b, dli_vertex_floats(v));
        break;
    case 3: add_param_shapes(b, g, v); break;
    case 4: add_inputs(b, g, v); break;
    case 5: add_input_types(b, g, v); break;
    default:
        if (v->op)
            add_input_type(b, &v->shape);
        else
            dli_strbuf_addc(b, '-');
        break;
    }
}

/* Which columns are shown. */
static bool shown(const dl4c_graph *g, const struct dl4c_summary_options *o, int column)
{
    return column < 4 || (column == 4 && !g->multilayer) || (column > 4 && o->shapes);
}

static bool listed(const dl4c_graph *g, int32_t i)
{
    return i < 0 || ((!g->multilayer || g->vertices[i].op) && !dli_graph_pre(g, i));
}

static dl4c_status measure(const dl4c_graph *g, const struct dl4c_summary_options *o, size_t width[COLUMNS], size_t *line,
                           struct dl4c_error *err)
{
    struct dli_strbuf cell;
    dli_strbuf_init(&cell, g->ctx);
    *line = 0;
    for (int c = 0; c < COLUMNS; c++) {
        width[c] = 0;
        for (int32_t i = -1; shown(g, o, c) && i < g->n_vertices; i++) {
            if (!listed(g, i))
                continue;
            cell.length = 0;
            add_cell(&cell, g, i, c);
            if (cell.length > width[c])
                width[c] = cell.length;
        }
        *line += shown(g, o, c) ? width[c] + (c ? GAP : 0) : 0;
    }
    const dl4c_status status = cell.err.status;
    if (status != DL4C_OK && err)
        *err = cell.err;
    dli_strbuf_free(&cell);
    return status;
}

dl4c_status dl4c_graph_summary(dl4c_graph *g, const struct dl4c_summary_options *options, char **text, struct dl4c_error *err)
{
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "summary", "text is NULL");
    *text = NULL;
    if (!g)
        return dli_fail(err, DL4C_E_INVALID, "summary", "graph is NULL");
    struct dl4c_summary_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "summary", err));
    if (o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "summary", "the reserved member is %" PRId32 ", wanted 0", o.reserved);
    size_t width[COLUMNS], line;
    DLI_TRY(measure(g, &o, width, &line, err));
    struct dli_strbuf b;
    dli_strbuf_init(&b, g->ctx);
    dli_strbuf_addc(&b, '\n');
    dli_strbuf_pad(&b, '=', line);
    dli_strbuf_addc(&b, '\n');
    for (int32_t i = -1; i < g->n_vertices; i++) {
        if (!listed(g, i))
            continue;
        for (int c = 0; c < COLUMNS; c++) {
            if (!shown(g, &o, c))
                continue;
            if (c > 0)
                dli_strbuf_pad(&b, ' ', GAP);
            const size_t before = b.length;
            add_cell(&b, g, i, c);
            if (b.length - before < width[c])
                dli_strbuf_pad(&b, ' ', width[c] - (b.length - before));
        }
        dli_strbuf_addc(&b, '\n');
        if (i < 0) {
            dli_strbuf_pad(&b, '=', line);
            dli_strbuf_addc(&b, '\n');
        }
    }
    int64_t total, trainable, frozen;
    dl4c_graph_param_count(g, &total, &trainable, &frozen);
    dli_strbuf_pad(&b, '-', line);
    dli_strbuf_add(&b, "\n            Total Parameters:  ");
    add_count(&b, total);
    dli_strbuf_add(&b, "\n        Trainable Parameters:  ");
    add_count(&b, trainable);
    dli_strbuf_add(&b, "\n           Frozen Parameters:  ");
    add_count(&b, frozen);
    dli_strbuf_addc(&b, '\n');
    dli_strbuf_pad(&b, '=', line);
    dli_strbuf_addc(&b, '\n');
    return dli_strbuf_take(&b, text, err);
}

static void add_names(struct dli_strbuf *b, const dl4c_graph *g, const int32_t *list, int32_t n)
{
    dli_strbuf_addc(b, '[');
    for (int32_t k = 0; k < n; k++) {
        dli_strbuf_add(b, k ? ", " : "");
        dli_strbuf_json(b, g->vertices[list[k]].name);
    }
    dli_strbuf_addc(b, ']');
}

dl4c_status dl4c_graph_json(dl4c_graph *g, char **text, struct dl4c_error *err)
{
    if (!text)
        return dli_fail(err, DL4C_E_INVALID, "summary", "text is NULL");
    *text = NULL;
    if (!g)
        return dli_fail(err, DL4C_E_INVALID, "summary", "graph is NULL");
    struct dli_strbuf b;
    dli_strbuf_init(&b, g->ctx);
    dli_strbuf_add(&b, "{\"inputs\": ");
    add_names(&b, g, g->inputs, g->n_inputs);
    dli_strbuf_add(&b, ", \"outputs\": ");
    add_names(&b, g, g->outputs, g->n_outputs);
    dli_strbuf_add(&b, ", \"vertices\": [");
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        dli_strbuf_add(&b, i ? ",\n  {\"name\": " : "\n  {\"name\": ");
        dli_strbuf_json(&b, v->name);
        dli_strbuf_addf(&b, ", \"type\": \"%s\", \"inputs\": ", v->op ? v->op->name : "input");
        add_names(&b, g, v->inputs, v->n_inputs);
        dli_strbuf_add(&b, ", \"shape\": [");
        for (int32_t r = 0; r < v->shape.rank; r++) {
            if (v->shape.dim[r] < 0)
                dli_strbuf_add(&b, r ? ", null" : "null");
            else
                dli_strbuf_addf(&b, "%s%" PRId64, r ? ", " : "", v->shape.dim[r]);
        }
        dli_strbuf_addf(&b, "], \"params\": %" PRId64 ", \"frozen\": %s}", dli_vertex_floats(v), v->frozen ? "true" : "false");
    }
    int64_t total, trainable, frozen;
    dl4c_graph_param_count(g, &total, &trainable, &frozen);
    dli_strbuf_addf(&b, "\n], \"total\": %" PRId64 ", \"trainable\": %" PRId64 ", \"frozen\": %" PRId64 "}", total, trainable, frozen);
    return dli_strbuf_take(&b, text, err);
}
