/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a graph into a frozen trunk and a head. */
#include "graph/graph.h"

#include <string.h>

/* Marks the vertices at[] and all they depend on. */
static void mark_trunk(const dl4c_graph *g, const int32_t *at, int32_t n_at, uint8_t *trunk)
{
    for (int32_t k = 0; k < n_at; k++)
        trunk[at[k]] = 1;
    for (int32_t v = g->n_vertices - 1; v >= 0; v--)
        for (int32_t k = 0; trunk[v] && k < g->vertices[v].n_inputs; k++)
            trunk[g->vertices[v].inputs[k]] = 1;
}

static bool listed(const int32_t *at, int32_t n_at, int32_t v)
{
    for (int32_t k = 0; k < n_at; k++)
        if (at[k] == v)
            return true;
    return false;
}

static dl4c_status check_cut(const dl4c_graph *g, const int32_t *at, int32_t n_at, const uint8_t *trunk, struct dl4c_error *err)
{
    for (int32_t v = 0; v < g->n_vertices; v++)
        for (int32_t k = 0; !trunk[v] && k < g->vertices[v].n_inputs; k++) {
            const int32_t from = g->vertices[v].inputs[k];
            if (trunk[from] && !listed(at, n_at, from))
                return dli_fail(err, DL4C_E_INVALID, "split",
                                "the edge from '%.150s' to '%.150s' goes around the cut; split there too, or at a vertex before both",
                                g->vertices[from].name, g->vertices[v].name);
        }
    return DL4C_OK;
}

static dl4c_status make_trunk(const dl4c_graph *g, const int32_t *at, int32_t n_at, const uint8_t *keep, dl4c_graph **out,
                              struct dl4c_error *err)
{
    dl4c_graph *t;
    DLI_TRY(dli_graph_copy(g, &t, err));
    int32_t *outputs = dli_array(t->ctx, (size_t)n_at, sizeof *outputs, err);
    if (!outputs) {
        dli_graph_unref(t);
        return dli_alloc_status();
    }
    memcpy(outputs, at, (size_t)n_at * sizeof *outputs);
    dli_free(t->outputs);
    t->outputs = outputs;
    t->n_outputs = n_at;
    for (int32_t v = 0; v < t->n_vertices; v++)
        if (t->vertices[v].op)
            t->vertices[v].frozen = true;
    dli_graph_compact(t, keep);
    /* What belongs to the head stays with the head. */
    struct dl4c_model_info info = t->info, kept = DL4C_MODEL_INFO_INIT, copy;
    kept.preprocess = info.preprocess;
    kept.height = info.height;
    kept.width = info.width;
    dl4c_status status = dli_info_copy(t->ctx, &copy, &kept, err);
    if (status == DL4C_OK) {
        dli_info_free(&t->info);
        t->info = copy;
        dli_free(t->updater);
        t->updater = NULL;
        dli_blob_unref(t->updater_state);
        t->updater_state = NULL;
        status = dli_graph_resolve(t, false, err);
    }
    if (status != DL4C_OK) {
        dli_graph_unref(t);
        return status;
    }
    *out = t;
    return DL4C_OK;
}

/* The vertices of the cut become inputs, first and in order; the rest follows as it is. */
static dl4c_status make_head(const dl4c_graph *g, const int32_t *at, int32_t n_at, const uint8_t *trunk, dl4c_graph **out,
                             struct dl4c_error *err)
{
    dl4c_graph *h;
    DLI_TRY(dli_graph_copy(g, &h, err));
    int32_t *inputs = dli_array(h->ctx, (size_t)n_at + (size_t)g->n_inputs, sizeof *inputs, err);
    uint8_t *keep = dli_calloc(h->ctx, (size_t)h->n_vertices, 1, err);
    dl4c_status status = inputs && keep ? DL4C_OK : dli_alloc_status();
    int32_t n = 0;
    bool any = false;
    for (int32_t v = 0; v < h->n_vertices && status == DL4C_OK; v++) {
        keep[v] = !trunk[v] || listed(at, n_at, v);
        any = any || (!trunk[v] && h->vertices[v].op);
    }
    if (status == DL4C_OK && !any)
        status = dli_fail(err, DL4C_E_INVALID, "split", "nothing is left for the head behind '%.200s'", g->vertices[at[0]].name);
    if (status == DL4C_OK) {
        for (int32_t k = 0; k < n_at; k++) {
            struct dli_vertex *v = &h->vertices[at[k]];
            dli_vattrs_unref(v->attrs);
            dli_vparams_unref(v->params);
            v->op = NULL;
            v->attrs = NULL;
            v->params = NULL;
            v->n_inputs = v->n_params = 0;
            v->frozen = v->nhwc = v->pre = v->maps = false;
            v->shape.batch = 1;
            if (!listed(inputs, n, at[k]))
                inputs[n++] = at[k];
        }
        for (int32_t k = 0; k < g->n_inputs; k++)
            if (keep[g->inputs[k]] && !listed(inputs, n, g->inputs[k]))
                inputs[n++] = g->inputs[k];
        dli_blob_unref(h->normalizer); /* it is for what the trunk takes */
        h->normalizer = NULL;
        dli_free(h->inputs);
        h->inputs = inputs;
        h->n_inputs = n;
        inputs = NULL;
        dli_graph_compact(h, keep);
        status = dli_graph_resolve(h, false, err);
    }
    if (status == DL4C_OK)
        status = dli_graph_take_state(h, g, NULL, false, err);
    dli_free(inputs);
    dli_free(keep);
    if (status != DL4C_OK) {
        dli_graph_unref(h);
        return status;
    }
    *out = h;
    return DL4C_OK;
}

dl4c_status dl4c_graph_split(dl4c_graph *graph, const char *const *at, int32_t n_at, const struct dl4c_split_options *options,
                             dl4c_graph **trunk, dl4c_graph **head, struct dl4c_error *err)
{
    if (trunk)
        *trunk = NULL;
    if (head)
        *head = NULL;
    if (!graph || !at || n_at < 1)
        return dli_fail(err, DL4C_E_INVALID, "split", "a graph and at least one vertex are wanted");
    struct dl4c_split_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "split", err));
    if (o.flags)
        return dli_fail(err, DL4C_E_VERSION, "split", "flags %#" PRIx64 " are not known to this library", o.flags);
    DLI_TRY(dli_graph_begin_run(graph, "split", err));
    dl4c_graph *t = NULL, *h = NULL;
    int32_t *indices = dli_array(graph->ctx, (size_t)n_at, sizeof *indices, err);
    uint8_t *marks = dli_calloc(graph->ctx, (size_t)graph->n_vertices, 1, err);
    dl4c_status status = indices && marks ? DL4C_OK : dli_alloc_status();
    for (int32_t k = 0; k < n_at && status == DL4C_OK; k++)
        status = dli_graph_lookup(graph, at[k], &indices[k], err);
    if (status == DL4C_OK) {
        mark_trunk(graph, indices, n_at, marks);
        status = head ? check_cut(graph, indices, n_at, marks, err) : DL4C_OK;
    }
    if (status == DL4C_OK && trunk)
        status = make_trunk(graph, indices, n_at, marks, &t, err);
    if (status == DL4C_OK && head)
        status = make_head(graph, indices, n_at, marks, &h, err);
    dli_free(indices);
    dli_free(marks);
    dli_graph_end_run(graph);
    if (status != DL4C_OK) {
        dli_graph_unref(t);
        dli_graph_unref(h);
        return status;
    }
    if (trunk)
        *trunk = t;
    if (head)
        *head = h;
    return DL4C_OK;
}
