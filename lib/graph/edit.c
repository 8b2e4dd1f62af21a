/* SPDX-License-Identifier: Apache-2.0 */
/* Editing for transfer learning: freeze, remove, another number of outputs. */
#include "graph/builder.h"

#include <stdio.h>
#include <string.h>

/* The builder's list of vertices may be out of order while holes are filled late, so these walk until nothing changes. */
static void spread_up(const dl4c_graph *g, uint8_t *marks)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < g->n_vertices; i++)
            for (int32_t k = 0; marks[i] && k < g->vertices[i].n_inputs; k++)
                if (!marks[g->vertices[i].inputs[k]]) {
                    marks[g->vertices[i].inputs[k]] = 1;
                    changed = true;
                }
    }
}

static void spread_down(const dl4c_graph *g, uint8_t *marks)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < g->n_vertices; i++)
            for (int32_t k = 0; !marks[i] && k < g->vertices[i].n_inputs; k++)
                if (marks[g->vertices[i].inputs[k]]) {
                    marks[i] = 1;
                    changed = true;
                }
    }
}

static void set_frozen(dl4c_builder *b, const char *vertex, bool frozen)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    dl4c_graph *g = b->g;
    uint8_t *marks = dli_calloc(b->ctx, (size_t)g->n_vertices, 1, &b->err);
    if (!marks)
        return;
    marks[i] = 1;
    if (frozen)
        spread_up(g, marks);
    else
        spread_down(g, marks);
    for (int32_t v = 0; v < g->n_vertices; v++)
        if (marks[v] && g->vertices[v].op)
            g->vertices[v].frozen = frozen;
    dli_free(marks);
}

void dl4c_builder_freeze(dl4c_builder *b, const char *vertex) { set_frozen(b, vertex, true); }
void dl4c_builder_unfreeze(dl4c_builder *b, const char *vertex) { set_frozen(b, vertex, false); }

void dl4c_builder_remove(dl4c_builder *b, const char *vertex, uint32_t flags)
{
    if (dli_builder_dead(b))
        return;
    if (flags & ~(uint32_t)DL4C_KEEP_CONNECTIONS) {
        dli_fail(&b->err, DL4C_E_VERSION, "builder", "remove does not know the flags %#" PRIx32, flags);
        return;
    }
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    dl4c_graph *g = b->g;
    struct dli_vertex *v = &g->vertices[i];
    if (flags & DL4C_KEEP_CONNECTIONS) {
        char *name = v->name;
        v->name = NULL;
        dli_vertex_clear(v);
        v->name = name;
        v->hole = true;
        v->shape.batch = 1;
        return;
    }
    /* Without it goes what is left without any input. */
    uint8_t *keep = dli_array(b->ctx, (size_t)g->n_vertices, 1, &b->err);
    if (!keep)
        return;
    memset(keep, 1, (size_t)g->n_vertices);
    keep[i] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t r = 0; r < g->n_vertices; r++) {
            bool fed = g->vertices[r].n_inputs == 0;
            for (int32_t k = 0; k < g->vertices[r].n_inputs; k++)
                fed = fed || keep[g->vertices[r].inputs[k]];
            if (keep[r] && !fed) {
                keep[r] = 0;
                changed = true;
            }
        }
    }
    dli_graph_compact(g, keep);
    dli_free(keep);
}

static void drop_params(struct dli_vertex *v)
{
    dli_vparams_unref(v->params);
    v->params = NULL;
    v->frozen = false;
}

static bool set_attr(dl4c_builder *b, struct dli_vertex *v, const char *name, const char *text)
{
    struct dli_vattrs *va;
    if (dli_vattrs_with(v->attrs, v->name, name, text, &va, &b->err) != DL4C_OK)
        return false;
    dli_vattrs_unref(v->attrs);
    v->attrs = va;
    return true;
}

static bool has_attr(const struct dli_vertex *v, const char *name)
{
    for (const struct dli_attr *a = v->op ? v->op->attrs : NULL; a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

void dl4c_builder_replace_n_out(dl4c_builder *b, const char *vertex, int64_t n_out, const char *weight_init, const char *next_weight_init)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    dl4c_graph *g = b->g;
    struct dli_vertex *v = &g->vertices[i];
    if (n_out < 1 || !has_attr(v, "units")) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder",
                 n_out < 1 ? "'%.200s' cannot have %" PRId64 " outputs" : "'%.200s' has no number of outputs to make %" PRId64, vertex,
                 n_out);
        return;
    }
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, n_out);
    if (!set_attr(b, v, "units", text) || (weight_init && !set_attr(b, v, "weight_init", weight_init)))
        return;
    drop_params(v);
    /* Readers get fresh parameters too; vertices without parameters pass the change on. */
    uint8_t *changed = dli_calloc(b->ctx, (size_t)g->n_vertices, 1, &b->err);
    if (!changed)
        return;
    changed[i] = 1;
    for (bool more = true; more;) {
        more = false;
        for (int32_t r = 0; r < g->n_vertices; r++)
            for (int32_t k = 0; changed[r] == 0 && k < g->vertices[r].n_inputs; k++) {
                const int32_t from = g->vertices[r].inputs[k];
                if (changed[from] != 1)
                    continue;
                struct dli_vertex *reader = &g->vertices[r];
                const bool layer = reader->op && reader->n_params > 0;
                changed[r] = layer && has_attr(reader, "n_in") ? 2 : 1; /* 2: the change ends here */
                more = true;
                if (!layer)
                    continue;
                drop_params(reader);
                if ((has_attr(reader, "n_in") && !set_attr(b, reader, "n_in", "0")) ||
                    (next_weight_init && !set_attr(b, reader, "weight_init", next_weight_init))) {
                    dli_free(changed);
                    return;
                }
            }
    }
    dli_free(changed);
}
