/* SPDX-License-Identifier: Apache-2.0 */
/* Joining a trunk and a head into one graph again. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

/* A name that the graph does not have yet. */
static void free_name(const dl4c_graph *g, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", name);
    for (int n = 1; dli_graph_index(g, out) >= 0 && n < 1000000; n++)
        snprintf(out, size, "%.400s_%d", name, n);
}

/* Whether all that reads input `v` of the head flattens by itself. */
static bool readers_flatten(const dl4c_graph *head, int32_t v)
{
    for (int32_t i = 0; i < head->n_vertices; i++)
        for (int32_t k = 0; k < head->vertices[i].n_inputs; k++)
            if (head->vertices[i].inputs[k] == v && strcmp(head->vertices[i].op->name, "dense") != 0 &&
                strcmp(head->vertices[i].op->name, "output") != 0)
                return false;
    return true;
}

static dl4c_status add_between(dl4c_graph *g, const char *op, const struct dl4c_attr *attrs, int32_t n_attrs, int32_t *value,
                               struct dl4c_error *err)
{
    char name[512], wanted[512];
    snprintf(wanted, sizeof wanted, "%.400s_%s", g->vertices[*value].name, op);
    free_name(g, wanted, name, sizeof name);
    struct dli_vertex *v;
    DLI_TRY(dli_graph_append(g, name, &v, err));
    v->op = dli_op_find(op);
    v->shape.batch = 1;
    DLI_TRY(dli_vattrs_create(g->ctx, v->op, name, attrs, n_attrs, &v->attrs, err));
    DLI_TRY(dli_vertex_set_inputs(g->ctx, v, value, 1, err));
    v->frozen = true;
    *value = g->n_vertices - 1;
    return DL4C_OK;
}

/* Leads output `from` of the trunk to input `to` of the head. */
static dl4c_status connect(dl4c_graph *g, const dl4c_graph *head, int32_t to, int32_t *value, struct dl4c_error *err)
{
    const struct dli_shape have = g->vertices[*value].shape, want = head->vertices[to].shape;
    if (dli_shape_same(&have, &want))
        return DL4C_OK;
    int64_t n_have, n_want;
    DLI_TRY(dli_shape_elements(&have, &n_have, err));
    DLI_TRY(dli_shape_elements(&want, &n_want, err));
    if (want.rank == 1 && have.rank == 3 && head->info.pool && have.dim[0] == want.dim[0]) {
        const struct dl4c_attr type = dl4c_attr_str("type", head->info.pool);
        return add_between(g, "global_pool", &type, 1, value, err);
    }
    if (want.rank == 1 && n_have == n_want && !head->info.pool)
        return readers_flatten(head, to) ? DL4C_OK : add_between(g, "flatten", NULL, 0, value, err);
    return dli_fail(err, DL4C_E_INVALID, "join", "the trunk's '%.100s' gives %s, the head's '%.100s' wants %s%s", g->vertices[*value].name,
                    DLI_SHAPE_STR(&have), head->vertices[to].name, DLI_SHAPE_STR(&want),
                    head->info.pool ? " after pooling over space" : "");
}

static dl4c_status append_head(dl4c_graph *g, const dl4c_graph *head, int32_t *to, struct dl4c_error *err)
{
    for (int32_t i = 0; i < head->n_vertices; i++) {
        const struct dli_vertex *v = &head->vertices[i];
        if (!v->op)
            continue; /* placed by the caller */
        char name[512];
        free_name(g, v->name, name, sizeof name);
        struct dli_vertex *c;
        DLI_TRY(dli_graph_append(g, name, &c, err));
        to[i] = g->n_vertices - 1;
        c->op = v->op;
        c->attrs = dli_vattrs_ref(v->attrs);
        c->params = dli_vparams_ref(v->params);
        c->frozen = v->frozen;
        c->pre = v->pre;
        c->maps = v->maps;
        c->shape = v->shape;
        DLI_TRY(dli_vertex_set_inputs(g->ctx, c, v->inputs, v->n_inputs, err));
        for (int32_t k = 0; k < c->n_inputs; k++)
            c->inputs[k] = to[c->inputs[k]];
    }
    return DL4C_OK;
}

/* The head's vertex i is vertex to[i] of the whole. */
static dl4c_status take_state(dl4c_graph *g, const dl4c_graph *head, const int32_t *to, struct dl4c_error *err)
{
    int32_t *from_of = dli_array(g->ctx, (size_t)g->n_vertices, sizeof *from_of, err);
    if (!from_of)
        return dli_alloc_status();
    for (int32_t v = 0; v < g->n_vertices; v++)
        from_of[v] = -1;
    for (int32_t i = 0; i < head->n_vertices; i++)
        if (head->vertices[i].op)
            from_of[to[i]] = i;
    const dl4c_status status = dli_graph_take_state(g, head, from_of, false, err);
    dli_free(from_of);
    return status;
}

static dl4c_status join(dl4c_graph *g, const dl4c_graph *head, int32_t *to, struct dl4c_error *err)
{
    if (g->n_outputs > head->n_inputs)
        return dli_fail(err, DL4C_E_INVALID, "join", "the trunk has %" PRId32 " outputs, the head %" PRId32 " inputs", g->n_outputs,
                        head->n_inputs);
    /* The features were made at the size the head remembers: the trunk takes images of that size now. */
    if (head->info.height > 0 && head->info.width > 0 && g->n_inputs == 1) {
        struct dli_vertex *in = &g->vertices[g->inputs[0]];
        if (in->shape.rank == 3 && (in->shape.dim[1] != head->info.height || in->shape.dim[2] != head->info.width)) {
            in->shape.dim[1] = head->info.height;
            in->shape.dim[2] = head->info.width;
            DLI_TRY(dli_graph_resolve(g, false, err));
        }
    }
    for (int32_t k = 0; k < head->n_inputs; k++) {
        const int32_t from = head->inputs[k];
        if (k < g->n_outputs) {
            to[from] = g->outputs[k];
            DLI_TRY(connect(g, head, from, &to[from], err));
            continue;
        }
        char name[512]; /* an input that the head has of its own */
        free_name(g, head->vertices[from].name, name, sizeof name);
        struct dli_vertex *v;
        DLI_TRY(dli_graph_append(g, name, &v, err));
        v->shape = head->vertices[from].shape;
        v->nhwc = head->vertices[from].nhwc;
        to[from] = g->n_vertices - 1;
    }
    DLI_TRY(append_head(g, head, to, err));
    int32_t *outputs = dli_array(g->ctx, (size_t)head->n_outputs, sizeof *outputs, err);
    if (!outputs)
        return dli_alloc_status();
    for (int32_t k = 0; k < head->n_outputs; k++)
        outputs[k] = to[head->outputs[k]];
    dli_free(g->outputs);
    g->outputs = outputs;
    g->n_outputs = head->n_outputs;
    g->seed = head->seed;
    g->iteration = head->iteration;
    g->epoch = head->epoch;
    if (head->updater && !(g->updater = dli_strdup(g->ctx, head->updater, err)))
        return dli_alloc_status();
    struct dl4c_model_info info = head->info, copy;
    if (!info.preprocess)
        info.preprocess = g->info.preprocess;
    if (!info.height) {
        info.height = g->info.height;
        info.width = g->info.width;
    }
    info.pool = info.vertex = info.trunk_digest = NULL; /* it is in the graph now */
    DLI_TRY(dli_info_copy(g->ctx, &copy, &info, err));
    dli_info_free(&g->info);
    g->info = copy;
    DLI_TRY(dli_graph_resolve(g, false, err)); /* which keeps the order: every vertex stands behind its inputs */
    return take_state(g, head, to, err);
}

dl4c_status dl4c_graph_join(dl4c_graph *trunk, dl4c_graph *head, const struct dl4c_join_options *options, dl4c_graph **whole,
                            struct dl4c_error *err)
{
    if (!whole)
        return dli_fail(err, DL4C_E_INVALID, "join", "whole is NULL");
    *whole = NULL;
    if (!trunk || !head)
        return dli_fail(err, DL4C_E_INVALID, "join", "a trunk and a head are wanted");
    struct dl4c_join_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "join", err));
    if (o.flags)
        return dli_fail(err, DL4C_E_VERSION, "join", "flags %#" PRIx64 " are not known to this library", o.flags);
    DLI_TRY(dli_graph_begin_run(trunk, "join", err));
    dl4c_status status = dli_graph_begin_run(head, "join", err);
    if (status != DL4C_OK) {
        dli_graph_end_run(trunk);
        return status;
    }
    dl4c_graph *g = NULL;
    int32_t *to = dli_array(trunk->ctx, (size_t)head->n_vertices, sizeof *to, err);
    status = to ? dli_graph_copy(trunk, &g, err) : dli_alloc_status();
    if (status == DL4C_OK) {
        dli_free(g->updater);
        g->updater = NULL;
        dli_blob_unref(g->updater_state);
        g->updater_state = NULL;
        status = join(g, head, to, err);
    }
    dli_free(to);
    dli_graph_end_run(head);
    dli_graph_end_run(trunk);
    if (status != DL4C_OK) {
        dli_graph_unref(g);
        return status;
    }
    *whole = g;
    return DL4C_OK;
}
