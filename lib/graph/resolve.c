/* SPDX-License-Identifier: Apache-2.0 */
/* From a list of vertices to a graph that can run: order, shapes, parameters. */
#include "graph/graph.h"
#include "losses/loss.h"

#include <string.h>

/* Kahn's algorithm that always takes the lowest ready vertex: an order that is topological already stays as it is. */
static dl4c_status sort(dl4c_graph *g, struct dl4c_error *err)
{
    const int32_t n = g->n_vertices;
    bool sorted = true;
    for (int32_t i = 0; i < n && sorted; i++)
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++)
            sorted = sorted && g->vertices[i].inputs[k] < i;
    if (sorted)
        return DL4C_OK;
    dl4c_status status = DL4C_OK;
    int32_t *to = dli_array(g->ctx, (size_t)n, sizeof *to, err);
    struct dli_vertex *moved = dli_array(g->ctx, (size_t)n, sizeof *moved, err);
    if (!to || !moved) {
        status = dli_alloc_status();
        goto done;
    }
    for (int32_t i = 0; i < n; i++)
        to[i] = -1;
    for (int32_t placed = 0; placed < n; placed++) {
        int32_t next = -1;
        for (int32_t i = 0; i < n && next < 0; i++) {
            bool ready = to[i] < 0;
            for (int32_t k = 0; k < g->vertices[i].n_inputs && ready; k++)
                ready = to[g->vertices[i].inputs[k]] >= 0;
            if (ready)
                next = i;
        }
        if (next < 0) {
            int32_t stuck = 0;
            while (to[stuck] >= 0)
                stuck++;
            status = dli_fail(err, DL4C_E_INVALID, "graph", "vertex '%.200s' depends on itself", g->vertices[stuck].name);
            goto done;
        }
        to[next] = placed;
    }
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++)
            g->vertices[i].inputs[k] = to[g->vertices[i].inputs[k]];
        moved[to[i]] = g->vertices[i];
    }
    memcpy(g->vertices, moved, (size_t)n * sizeof *moved);
    for (int32_t i = 0; i < g->n_inputs; i++)
        g->inputs[i] = to[g->inputs[i]];
    for (int32_t i = 0; i < g->n_outputs; i++)
        g->outputs[i] = to[g->outputs[i]];
done:
    dli_free(to);
    dli_free(moved);
    return status;
}

static dl4c_status infer_one(const dl4c_graph *g, int32_t i, const struct dli_shape *shapes, struct dli_infer *out, struct dl4c_error *err)
{
    const struct dli_vertex *v = &g->vertices[i];
    struct dli_shape few[8], *in = few;
    if (v->n_inputs > 8 && !(in = dli_array(g->ctx, (size_t)v->n_inputs, sizeof *in, err)))
        return dli_alloc_status();
    for (int32_t k = 0; k < v->n_inputs; k++)
        in[k] = shapes[v->inputs[k]];
    memset(out, 0, sizeof *out);
    out->vertex = v->name;
    out->attrs = v->attrs->attrs;
    out->n_in = v->n_inputs;
    out->in = in;
    out->out.batch = v->n_inputs > 0 ? in[0].batch : 1;
    dl4c_status status = v->op->infer(out, err);
    out->in = NULL;
    if (in != few)
        dli_free(in);
    for (int32_t k = 0; k < out->out.rank && status == DL4C_OK; k++)
        if (out->out.dim[k] == 0 || out->out.dim[k] < -1)
            status = dli_fail(err, DL4C_E_INVALID, "graph", "%s '%.200s' would give the shape %s", v->op->name, v->name,
                              DLI_SHAPE_STR(&out->out));
    int64_t elements;
    if (status == DL4C_OK)
        status = dli_shape_elements(&out->out, &elements, err);
    return status;
}

static dl4c_status check_arity(const struct dli_vertex *v, struct dl4c_error *err)
{
    if (v->n_inputs < v->op->min_inputs || (v->op->max_inputs >= 0 && v->n_inputs > v->op->max_inputs))
        return dli_fail(err, DL4C_E_INVALID, "graph", "%s '%.200s' has %" PRId32 " inputs, wanted %" PRId32 "%s", v->op->name, v->name,
                        v->n_inputs, v->op->min_inputs,
                        v->op->max_inputs < 0                   ? " or more"
                        : v->op->max_inputs > v->op->min_inputs ? " at least"
                                                                : "");
    return DL4C_OK;
}

static dl4c_status decl_count(const struct dli_vertex *v, const struct dli_param_decl *d, int64_t *count, struct dl4c_error *err)
{
    *count = 1;
    for (int32_t k = 0; k < d->rank; k++) {
        if (d->shape[k] < 0)
            return dli_fail(err, DL4C_E_INVALID, "graph",
                            "the size of parameter %s of '%.200s' depends on an input length that is not known", d->name, v->name);
        if (!dli_mul_i64(*count, d->shape[k], count) || *count > INT64_MAX / 8)
            return dli_fail(err, DL4C_E_LIMIT, "graph", "parameter %s of '%.200s' is too large", d->name, v->name);
    }
    return DL4C_OK;
}

static dl4c_status check_params(const struct dli_vertex *v, struct dl4c_error *err)
{
    if (v->params->n != v->n_params)
        return dli_fail(err, DL4C_E_INVALID, "graph", "'%.200s' was given %" PRId32 " parameters, %s takes %" PRId32, v->name, v->params->n,
                        v->op->name, v->n_params);
    for (int32_t k = 0; k < v->n_params; k++) {
        int64_t count = 0;
        if (!v->params->p[k].blob)
            continue;
        for (int32_t r = 0; r < v->decl[k].rank; r++)
            if (v->decl[k].shape[r] < 0)
                return DL4C_OK; /* the session's shapes will tell */
        DLI_TRY(decl_count(v, &v->decl[k], &count, err));
        if (v->params->p[k].count != count)
            return dli_fail(err, DL4C_E_INVALID, "graph", "parameter %s of '%.180s' has %" PRId64 " values, %s wants %" PRId64,
                            v->decl[k].name, v->name, v->params->p[k].count, v->op->name, count);
    }
    return DL4C_OK;
}

/* A misspelt activation or loss is told when the graph is made, and not when it is run or trained. */
static dl4c_status check_specs(const dl4c_graph *g, const struct dli_vertex *v, struct dl4c_error *err)
{
    const char *loss = NULL;
    if (v->op->flags & DLI_OP_LAYER && v->attrs->layer.activation) {
        struct dli_vattrs *activation;
        DLI_TRY(dli_vattrs_activation(g->ctx, v->attrs->layer.activation, v->name, &activation, err));
        dli_vattrs_unref(activation);
    }
    if (v->op->flags & DLI_OP_OUTPUT)
        memcpy(&loss, v->attrs->attrs, sizeof loss);
    const dl4c_status status = loss ? dli_loss_check(g->ctx, loss, err) : DL4C_OK;
    return status == DL4C_OK ? status : dli_fail_prefix(err, status, "'%.200s'", v->name);
}

/* Gives the missing parameters of a vertex their first values, all in one blob. */
static dl4c_status draw_params(dl4c_graph *g, int32_t i, struct dl4c_error *err)
{
    struct dli_vertex *v = &g->vertices[i];
    bool missing = v->params == NULL;
    for (int32_t k = 0; v->params && k < v->params->n; k++)
        missing = missing || !v->params->p[k].blob;
    if (!missing)
        return DL4C_OK;
    int64_t total = 0, count[DLI_MAX_PARAMS];
    for (int32_t k = 0; k < v->n_params; k++) {
        DLI_TRY(decl_count(v, &v->decl[k], &count[k], err));
        if (!dli_add_i64(total, count[k], &total))
            return dli_fail(err, DL4C_E_LIMIT, "graph", "the parameters of '%.200s' are too large", v->name);
    }
    struct dli_vparams *vp;
    DLI_TRY(dli_vparams_create(g->ctx, v->n_params, &vp, err));
    struct dli_blob *blob = NULL;
    size_t bytes;
    dl4c_status status = dli_mul_size((size_t)total, sizeof(float), &bytes)
                             ? dli_blob_create_zeroed(g->ctx, bytes, &blob, err)
                             : dli_fail(err, DL4C_E_LIMIT, "graph", "the parameters of '%.200s' are too large", v->name);
    int64_t offset = 0;
    for (int32_t k = 0; k < v->n_params && status == DL4C_OK; k++) {
        struct dli_param *p = &vp->p[k];
        if (v->params && v->params->p[k].blob) { /* this one was set */
            *p = v->params->p[k];
            dli_blob_ref(p->blob);
            continue;
        }
        p->blob = dli_blob_ref(blob);
        p->offset = (size_t)offset * sizeof(float);
        p->count = count[k];
        float *w = (float *)blob->data + offset;
        if (v->decl[k].role == DLI_PARAM_WEIGHT) {
            status = dli_weight_init(g->ctx, v->attrs->layer.weight_init, &v->decl[k], g->seed, (uint32_t)i * DLI_MAX_PARAMS + (uint32_t)k,
                                     w, err);
        } else {
            const float first = v->decl[k].role == DLI_PARAM_BIAS ? (float)v->attrs->layer.bias_init : v->decl[k].init;
            for (int64_t e = 0; e < count[k]; e++)
                w[e] = e - v->decl[k].other_first >= 0 && e - v->decl[k].other_first < v->decl[k].other_count ? v->decl[k].init : first;
        }
        offset += count[k];
    }
    dli_blob_unref(blob);
    if (status != DL4C_OK) {
        dli_vparams_unref(vp);
        return status;
    }
    dli_vparams_unref(v->params);
    v->params = vp;
    return DL4C_OK;
}

static dl4c_status find_inputs(dl4c_graph *g, struct dl4c_error *err)
{
    /* Inputs keep the order they were added in: that of the list, then of the vertices. */
    int32_t *list = dli_array(g->ctx, (size_t)g->n_vertices + 1, sizeof *list, err);
    if (!list)
        return dli_alloc_status();
    int32_t n = 0;
    for (int32_t k = 0; k < g->n_inputs; k++)
        if (!g->vertices[g->inputs[k]].op)
            list[n++] = g->inputs[k];
    for (int32_t i = 0; i < g->n_vertices; i++) {
        bool known = g->vertices[i].op != NULL;
        for (int32_t k = 0; k < n && !known; k++)
            known = list[k] == i;
        if (!known)
            list[n++] = i;
    }
    dli_free(g->inputs);
    g->inputs = list;
    g->n_inputs = n;
    return n > 0 ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "graph", "the graph has no input");
}

static dl4c_status find_outputs(dl4c_graph *g, struct dl4c_error *err)
{
    if (g->n_outputs > 0)
        return DL4C_OK;
    uint8_t *read = dli_calloc(g->ctx, (size_t)g->n_vertices, 1, err);
    int32_t *list = dli_array(g->ctx, (size_t)g->n_vertices, sizeof *list, err);
    if (!read || !list) {
        dli_free(read);
        dli_free(list);
        return dli_alloc_status();
    }
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; k < g->vertices[i].n_inputs; k++)
            read[g->vertices[i].inputs[k]] = 1;
    dli_free(g->outputs);
    g->outputs = list;
    for (int32_t i = 0; i < g->n_vertices; i++)
        if (!read[i])
            list[g->n_outputs++] = i;
    dli_free(read);
    return DL4C_OK;
}

dl4c_status dli_graph_resolve(dl4c_graph *g, bool draw, struct dl4c_error *err)
{
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        if (v->hole)
            return dli_fail(err, DL4C_E_INVALID, "graph", "'%.200s' was removed with its connections kept, and nothing took its place",
                            v->name);
        if (v->op) {
            DLI_TRY(check_arity(v, err));
            DLI_TRY(check_specs(g, v, err));
        }
    }
    if (g->n_vertices == 0)
        return dli_fail(err, DL4C_E_INVALID, "graph", "the graph has no vertices");
    DLI_TRY(sort(g, err));
    DLI_TRY(find_inputs(g, err));
    DLI_TRY(find_outputs(g, err));
    struct dli_shape *shapes = dli_array(g->ctx, (size_t)g->n_vertices, sizeof *shapes, err);
    if (!shapes)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (int32_t i = 0; i < g->n_vertices && status == DL4C_OK; i++) {
        struct dli_vertex *v = &g->vertices[i];
        if (v->op) {
            struct dli_infer inferred;
            status = infer_one(g, i, shapes, &inferred, err);
            if (status != DL4C_OK)
                break;
            v->shape = inferred.out;
            v->n_params = inferred.n_params;
            memcpy(v->decl, inferred.param, sizeof v->decl);
            if (v->params)
                status = check_params(v, err);
            if (status == DL4C_OK && draw && v->n_params > 0)
                status = draw_params(g, i, err);
        }
        shapes[i] = v->shape;
    }
    dli_free(shapes);
    return status;
}

dl4c_status dli_graph_infer(const dl4c_graph *g, const struct dl4c_shape *inputs, const uint8_t *need, struct dli_shape *shapes,
                            struct dl4c_error *err)
{
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        shapes[i] = v->shape;
        if (need && !need[i])
            continue;
        if (!v->op) {
            int32_t k = 0;
            while (k < g->n_inputs && g->inputs[k] != i)
                k++;
            if (!inputs || k == g->n_inputs || inputs[k].rank == 0)
                continue;
            const struct dl4c_shape *s = &inputs[k];
            if (s->rank != v->shape.rank)
                return dli_fail(err, DL4C_E_INVALID, "session",
                                "input '%.200s' has %" PRId32 " axes without the batch, the graph wants %" PRId32, v->name, s->rank,
                                v->shape.rank);
            for (int32_t r = 0; r < s->rank; r++) {
                if (s->dim[r] < 1)
                    return dli_fail(err, DL4C_E_INVALID, "session", "axis %" PRId32 " of input '%.200s' has length %" PRId64, r, v->name,
                                    s->dim[r]);
                shapes[i].dim[r] = s->dim[r];
            }
            continue;
        }
        struct dli_infer inferred;
        DLI_TRY(infer_one(g, i, shapes, &inferred, err));
        shapes[i] = inferred.out;
        for (int32_t k = 0; k < inferred.n_params; k++) {
            int64_t count;
            DLI_TRY(decl_count(v, &inferred.param[k], &count, err));
            if (!v->params || k >= v->params->n || v->params->p[k].count != count)
                return dli_fail(err, DL4C_E_INVALID, "session",
                                "with this input shape parameter %s of '%.150s' would need %" PRId64 " values, it has %" PRId64,
                                inferred.param[k].name, v->name, count, v->params && k < v->params->n ? v->params->p[k].count : 0);
        }
    }
    return DL4C_OK;
}
