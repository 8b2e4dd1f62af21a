/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a model file for a network that is being built: by the names of vertices, else by their order. */
#include "zoo/zoo.h"
#include <dl4c/model.h>

#include <string.h>

/* The next vertex with parameters from i on; n_vertices where there is none. */
static int32_t next_with_params(const dl4c_graph *g, int32_t i)
{
    while (i < g->n_vertices && g->vertices[i].n_params == 0)
        i++;
    return i;
}

static bool same_params(const struct dli_vertex *a, const struct dli_vertex *b)
{
    if (a->n_params != b->n_params)
        return false;
    for (int32_t k = 0; k < a->n_params; k++) {
        if (strcmp(a->decl[k].name, b->decl[k].name) != 0 || a->decl[k].rank != b->decl[k].rank)
            return false;
        for (int32_t r = 0; r < a->decl[k].rank; r++)
            if (a->decl[k].shape[r] != b->decl[k].shape[r])
                return false;
    }
    return true;
}

/* Every vertex with parameters finds one of its name. */
static bool all_named(const dl4c_graph *g, const dl4c_graph *from)
{
    for (int32_t i = next_with_params(g, 0); i < g->n_vertices; i = next_with_params(g, i + 1))
        if (dli_graph_index(from, g->vertices[i].name) < 0)
            return false;
    return true;
}

/* known: the network with its shapes; from: the file's. */
static dl4c_status take(dl4c_builder *b, const dl4c_graph *known, const dl4c_graph *from, bool fresh, const char *uri,
                        struct dl4c_error *err)
{
    const bool named = all_named(known, from);
    int32_t at = -1;
    for (int32_t i = next_with_params(known, 0); i < known->n_vertices; i = next_with_params(known, i + 1)) {
        const struct dli_vertex *v = &known->vertices[i];
        at = named ? dli_graph_index(from, v->name) : next_with_params(from, at + 1);
        if (at >= from->n_vertices)
            return dli_fail(err, DL4C_E_INVALID, "zoo", "%.200s has no parameters for layer '%.100s': it has fewer layers", uri, v->name);
        const struct dli_vertex *f = &from->vertices[at];
        if (same_params(v, f) && f->params)
            dli_builder_params(b, v->name, f->params->p, f->params->n);
        else if (!fresh || next_with_params(known, i + 1) < known->n_vertices)
            return dli_fail(err, DL4C_E_INVALID, "zoo",
                            "layer '%.60s' has %" PRId64 " parameters (%s), '%.60s' of %.120s has %" PRId64 " (%s) of other shapes",
                            v->name, dli_vertex_floats(v), v->op->name, f->name, uri, dli_vertex_floats(f), f->op ? f->op->name : "input");
    }
    return dli_builder_status(b, err);
}

dl4c_status dli_zoo_weights(dl4c_builder *b, const char *uri, bool fresh, const struct dl4c_zoo_options *o, struct dl4c_error *err)
{
    struct dl4c_load_options lo = DL4C_LOAD_OPTIONS_INIT;
    dl4c_graph *known = NULL, *from = NULL, *g = dli_builder_graph(b);
    lo.progress = o->progress;
    lo.progress_user = o->progress_user;
    lo.cancel = o->cancel;
    lo.timeout_ms = o->timeout_ms;
    DLI_TRY(dli_graph_copy(g, &known, err));
    dl4c_status status = dli_graph_resolve(known, false, err);
    if (status == DL4C_OK)
        status = dl4c_model_load(g->ctx, uri, &lo, &from, err);
    if (status == DL4C_OK)
        status = take(b, known, from, fresh, uri, err);
    dli_graph_unref(known);
    dl4c_graph_destroy(&from);
    return status;
}
