/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs as objects: references, copies, vertices, use by runs and training. */
#include "graph/graph.h"

#include <string.h>

dl4c_status dli_graph_new(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err)
{
    *g = NULL;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    dl4c_graph *graph = dli_calloc(ctx, 1, sizeof *graph, err);
    if (!graph) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    atomic_init(&graph->refs, 1);
    atomic_init(&graph->use, 0);
    graph->ctx = ctx;
    graph->seed = 42;
    graph->info.struct_size = sizeof graph->info;
    *g = graph;
    return DL4C_OK;
}

dl4c_graph *dli_graph_ref(dl4c_graph *g)
{
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

void dli_vertex_clear(struct dli_vertex *v)
{
    dli_free(v->name);
    dli_free(v->output);
    dli_free(v->inputs);
    dli_vattrs_unref(v->attrs);
    dli_vparams_unref(v->params);
    memset(v, 0, sizeof *v);
}

void dli_graph_unref(dl4c_graph *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int32_t i = 0; i < g->n_vertices; i++)
        dli_vertex_clear(&g->vertices[i]);
    dli_free(g->vertices);
    dli_free(g->inputs);
    dli_free(g->outputs);
    dli_free(g->updater);
    dli_blob_unref(g->updater_state);
    dli_blob_unref(g->normalizer);
    dli_info_free(&g->info);
    dl4c_context *ctx = g->ctx;
    dli_free(g);
    dli_context_unref(ctx);
}

/* When the host's handle goes and nothing but sessions is left, nobody can ask for parameters any more: those that no session reads,
 * because it has them packed or has no use for their vertex, are given back. A session counts among run_plans after it took its
 * reference and leaves before it gives it up, so a trainer's reference is never taken for one. */
static void let_go(dl4c_graph *g)
{
    if (atomic_load(&g->refs) != 1 + (int64_t)atomic_load(&g->run_plans) || atomic_load(&g->trained))
        return;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        struct dli_vertex *v = &g->vertices[i];
        if (!v->params || atomic_load_explicit(&v->params->refs, memory_order_acquire) != 1)
            continue; /* another graph's too */
        for (int32_t k = 0; k < v->params->n; k++)
            if (atomic_load(&v->readers[k]) == 0) {
                dli_blob_unref(v->params->p[k].blob);
                v->params->p[k].blob = NULL;
            }
    }
}

void dl4c_graph_destroy(dl4c_graph **graph)
{
    if (!graph || !*graph)
        return;
    let_go(*graph);
    dli_graph_unref(*graph);
    *graph = NULL;
}

dl4c_status dli_graph_append(dl4c_graph *g, const char *name, struct dli_vertex **v, struct dl4c_error *err)
{
    if (g->n_vertices == INT32_MAX - 1)
        return dli_fail(err, DL4C_E_LIMIT, "graph", "more than %d vertices", INT32_MAX - 1);
    DLI_TRY(dli_grow(g->ctx, &g->vertices, &g->capacity, (size_t)g->n_vertices + 1, sizeof *g->vertices, err));
    struct dli_vertex *fresh = &g->vertices[g->n_vertices];
    memset(fresh, 0, sizeof *fresh);
    fresh->name = dli_strdup(g->ctx, name, err);
    if (!fresh->name)
        return dli_alloc_status();
    g->n_vertices++;
    *v = fresh;
    return DL4C_OK;
}

dl4c_status dli_vertex_set_inputs(dl4c_context *ctx, struct dli_vertex *v, const int32_t *inputs, int32_t n, struct dl4c_error *err)
{
    int32_t *copy = dli_array(ctx, (size_t)n + 1, sizeof *copy, err);
    if (!copy)
        return dli_alloc_status();
    if (n > 0)
        memcpy(copy, inputs, (size_t)n * sizeof *copy);
    dli_free(v->inputs);
    v->inputs = copy;
    v->n_inputs = n;
    return DL4C_OK;
}

static dl4c_status copy_indices(dl4c_context *ctx, int32_t **dst, const int32_t *src, int32_t n, struct dl4c_error *err)
{
    *dst = dli_array(ctx, (size_t)n + 1, sizeof **dst, err);
    if (!*dst)
        return dli_alloc_status();
    if (n > 0)
        memcpy(*dst, src, (size_t)n * sizeof **dst);
    return DL4C_OK;
}

static dl4c_status copy_vertex(dl4c_graph *to, const struct dli_vertex *v, struct dl4c_error *err)
{
    struct dli_vertex *c;
    DLI_TRY(dli_graph_append(to, v->name, &c, err));
    if (v->output && !(c->output = dli_strdup(to->ctx, v->output, err)))
        return dli_alloc_status();
    c->op = v->op;
    c->attrs = dli_vattrs_ref(v->attrs);
    c->frozen = v->frozen;
    c->hole = v->hole;
    c->nhwc = v->nhwc;
    c->pre = v->pre;
    c->maps = v->maps;
    c->shape = v->shape;
    c->n_params = v->n_params;
    memcpy(c->decl, v->decl, sizeof c->decl);
    c->params = dli_vparams_ref(v->params);
    return dli_vertex_set_inputs(to->ctx, c, v->inputs, v->n_inputs, err);
}

dl4c_status dli_graph_copy(const dl4c_graph *g, dl4c_graph **copy, struct dl4c_error *err)
{
    dl4c_graph *c;
    *copy = NULL;
    DLI_TRY(dli_graph_new(g->ctx, &c, err));
    dl4c_status status = DL4C_OK;
    for (int32_t i = 0; i < g->n_vertices && status == DL4C_OK; i++)
        status = copy_vertex(c, &g->vertices[i], err);
    if (status == DL4C_OK)
        status = copy_indices(c->ctx, &c->inputs, g->inputs, g->n_inputs, err);
    if (status == DL4C_OK)
        status = copy_indices(c->ctx, &c->outputs, g->outputs, g->n_outputs, err);
    if (status == DL4C_OK && g->updater && !(c->updater = dli_strdup(c->ctx, g->updater, err)))
        status = dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_info_copy(c->ctx, &c->info, &g->info, err);
    if (status != DL4C_OK) {
        dli_graph_unref(c);
        return status;
    }
    c->n_inputs = g->n_inputs;
    c->n_outputs = g->n_outputs;
    c->seed = g->seed;
    c->multilayer = g->multilayer;
    c->whole_gradients = g->whole_gradients;
    c->iteration = g->iteration;
    c->epoch = g->epoch;
    c->updater_state = dli_blob_ref(g->updater_state);
    c->normalizer = dli_blob_ref(g->normalizer);
    *copy = c;
    return DL4C_OK;
}

dl4c_status dl4c_graph_clone(dl4c_graph *graph, dl4c_graph **clone, struct dl4c_error *err)
{
    if (!clone)
        return dli_fail(err, DL4C_E_INVALID, "graph", "clone is NULL");
    *clone = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "graph", "graph is NULL");
    DLI_TRY(dli_graph_begin_run(graph, "clone", err));
    const dl4c_status status = dli_graph_copy(graph, clone, err);
    dli_graph_end_run(graph);
    return status;
}

int32_t dli_graph_index(const dl4c_graph *g, const char *name)
{
    for (int32_t i = 0; i < g->n_vertices; i++)
        if (strcmp(g->vertices[i].name, name) == 0)
            return i;
    for (int32_t i = 0; i < g->n_vertices; i++)
        if (g->vertices[i].output && strcmp(g->vertices[i].output, name) == 0)
            return i;
    return -1;
}

/* How far apart two names are: none where one is part of the other, else the longest common prefix and suffix left out, what remains of
 * the longer one. */
static size_t distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b), least = n < m ? n : m;
    size_t head = 0, tail = 0;
    if (least > 0 && (strstr(a, b) || strstr(b, a)))
        return 0;
    while (head < least && a[head] == b[head])
        head++;
    while (tail < least - head && a[n - 1 - tail] == b[m - 1 - tail])
        tail++;
    return (n > m ? n : m) - head - tail;
}

dl4c_status dli_graph_lookup(const dl4c_graph *g, const char *name, int32_t *i, struct dl4c_error *err)
{
    *i = -1;
    if (!name)
        return dli_fail(err, DL4C_E_INVALID, "graph", "a vertex name is NULL");
    *i = dli_graph_index(g, name);
    if (*i >= 0 && !g->vertices[*i].hole)
        return DL4C_OK;
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (int32_t k = 0; k < g->n_vertices; k++)
        if (!g->vertices[k].hole) {
            const size_t d = distance(g->vertices[k].name, name);
            if (d < best) {
                best = d;
                near = g->vertices[k].name;
            }
        }
    *i = -1;
    return dli_fail(err, DL4C_E_NOTFOUND, "graph", "no vertex is called \"%.150s\"%s%.150s%s", name, near ? "; the nearest is \"" : "",
                    near ? near : "", near ? "\"" : "");
}

void dli_graph_reach(const dl4c_graph *g, int32_t i, bool up, uint8_t *marks)
{
    memset(marks, 0, (size_t)g->n_vertices);
    marks[i] = 1;
    if (up) {
        for (int32_t v = i; v >= 0; v--)
            for (int32_t k = 0; marks[v] && k < g->vertices[v].n_inputs; k++)
                marks[g->vertices[v].inputs[k]] = 1;
    } else {
        for (int32_t v = i + 1; v < g->n_vertices; v++)
            for (int32_t k = 0; k < g->vertices[v].n_inputs; k++)
                if (marks[g->vertices[v].inputs[k]])
                    marks[v] = 1;
    }
    marks[i] = 0;
}

bool dli_graph_channels_first(const dl4c_graph *g, const int64_t *shape, int32_t rank)
{
    const struct dli_vertex *v = g->n_inputs == 1 ? &g->vertices[g->inputs[0]] : NULL;
    bool as_file = true, first = true;
    if (!v || !v->nhwc || v->shape.rank != 3 || rank != 3)
        return false;
    for (int32_t r = 0; r < 3; r++) {
        const int64_t file = v->shape.dim[(r + 1) % 3], want = v->shape.dim[r];
        as_file = as_file && (file < 0 || file == shape[r]);
        first = first && (want < 0 || want == shape[r]);
    }
    return first && !as_file;
}

int64_t dli_vertex_floats(const struct dli_vertex *v)
{
    int64_t n = 0;
    for (int32_t k = 0; k < v->n_params; k++) {
        int64_t count = 1;
        for (int32_t r = 0; r < v->decl[k].rank; r++)
            count *= v->decl[k].shape[r];
        n += count;
    }
    return n;
}

bool dli_graph_pre(const dl4c_graph *g, int32_t i)
{
    int32_t users = 0;
    if (!g->vertices[i].pre || !g->vertices[i].op || g->vertices[i].n_inputs != 1)
        return false;
    for (int32_t k = 0; k < g->n_outputs; k++)
        users += 2 * (g->outputs[k] == i);
    for (int32_t v = i + 1; v < g->n_vertices; v++)
        for (int32_t k = 0; k < g->vertices[v].n_inputs; k++)
            if (g->vertices[v].inputs[k] == i)
                users += g->vertices[v].n_inputs == 1 ? 1 : 2;
    return users == 1;
}

/* How many vertices before i are kept: its new number. */
static int32_t rank_of(const uint8_t *keep, int32_t i)
{
    int32_t below = 0;
    for (int32_t j = 0; j < i; j++)
        below += keep[j] != 0;
    return below;
}

static void renumber(int32_t *indices, int32_t *n, const uint8_t *keep)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < *n; i++)
        if (keep[indices[i]])
            indices[kept++] = rank_of(keep, indices[i]);
    *n = kept;
}

void dli_graph_compact(dl4c_graph *g, const uint8_t *keep)
{
    int32_t n = 0;
    for (int32_t i = 0; i < g->n_vertices; i++)
        if (keep[i])
            renumber(g->vertices[i].inputs, &g->vertices[i].n_inputs, keep);
    renumber(g->inputs, &g->n_inputs, keep);
    renumber(g->outputs, &g->n_outputs, keep);
    for (int32_t i = 0; i < g->n_vertices; i++) {
        struct dli_vertex moved = g->vertices[i];
        memset(&g->vertices[i], 0, sizeof moved);
        if (keep[i])
            g->vertices[n++] = moved;
        else
            dli_vertex_clear(&moved);
    }
    g->n_vertices = n;
}

dl4c_status dli_graph_begin_run(dl4c_graph *g, const char *origin, struct dl4c_error *err)
{
    int32_t use = atomic_load_explicit(&g->use, memory_order_relaxed);
    do {
        if (use < 0)
            return dli_fail(err, DL4C_E_STATE, origin, "the graph is being trained by another call");
    } while (!atomic_compare_exchange_weak_explicit(&g->use, &use, use + 1, memory_order_acquire, memory_order_relaxed));
    return DL4C_OK;
}

void dli_graph_end_run(dl4c_graph *g) { atomic_fetch_sub_explicit(&g->use, 1, memory_order_release); }

dl4c_status dli_graph_begin_training(dl4c_graph *g, struct dl4c_error *err)
{
    int32_t idle = 0;
    if (!atomic_compare_exchange_strong_explicit(&g->use, &idle, -1, memory_order_acquire, memory_order_relaxed))
        return dli_fail(err, DL4C_E_STATE, "train",
                        idle < 0 ? "the graph is being trained by another call" : "the graph is running in another call");
    atomic_store(&g->trained, true);
    return DL4C_OK;
}

void dli_graph_end_training(dl4c_graph *g) { atomic_store_explicit(&g->use, 0, memory_order_release); }
