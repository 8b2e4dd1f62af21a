/* SPDX-License-Identifier: Apache-2.0 */
/* The builder for new graphs and edits. Errors stick in it. */
#include "graph/builder.h"
#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

dl4c_status dl4c_builder_create(dl4c_context *ctx, dl4c_graph *start, dl4c_builder **b, struct dl4c_error *err)
{
    if (!b)
        return dli_fail(err, DL4C_E_INVALID, "builder", "b is NULL");
    *b = NULL;
    if (!ctx && start)
        ctx = start->ctx;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dl4c_builder *fresh = dli_calloc(ctx, 1, sizeof *fresh, err);
    dl4c_status status = fresh ? DL4C_OK : dli_alloc_status();
    if (status == DL4C_OK && start) {
        status = dli_graph_begin_run(start, "builder", err);
        if (status == DL4C_OK) {
            status = dli_graph_copy(start, &fresh->g, err);
            if (status == DL4C_OK && start->updater_state)
                status = dli_graph_copy(start, &fresh->start, err);
            dli_graph_end_run(start);
        }
    } else if (status == DL4C_OK) {
        status = dli_graph_new(ctx, &fresh->g, err);
    }
    if (status != DL4C_OK) {
        if (fresh)
            dli_graph_unref(fresh->g);
        dli_free(fresh);
        dli_context_unref(ctx);
        return status;
    }
    fresh->ctx = ctx;
    *b = fresh;
    return DL4C_OK;
}

void dl4c_builder_destroy(dl4c_builder **b)
{
    if (!b || !*b)
        return;
    dl4c_context *ctx = (*b)->ctx;
    dli_graph_unref((*b)->g);
    dli_graph_unref((*b)->start);
    dli_spec_free(&(*b)->fine_tune);
    dli_free(*b);
    dli_context_unref(ctx);
    *b = NULL;
}

dl4c_graph *dli_builder_graph(dl4c_builder *b) { return b->g; }

dl4c_status dli_builder_status(const dl4c_builder *b, struct dl4c_error *err)
{
    if (b->err.status && err)
        *err = b->err;
    return b->err.status;
}

bool dli_builder_dead(const dl4c_builder *b) { return !b || b->err.status; }

int32_t dli_builder_want(dl4c_builder *b, const char *name)
{
    int32_t i;
    return dli_graph_lookup(b->g, name, &i, &b->err) == DL4C_OK ? i : -1;
}

/* A new vertex, or the hole that waits for this name. */
static struct dli_vertex *place(dl4c_builder *b, const char *name)
{
    if (!name || !name[0]) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "a vertex needs a name");
        return NULL;
    }
    for (int32_t i = 0; i < b->g->n_vertices; i++)
        if (strcmp(b->g->vertices[i].name, name) == 0) {
            if (b->g->vertices[i].hole)
                return &b->g->vertices[i];
            dli_fail(&b->err, DL4C_E_EXISTS, "builder", "there is a vertex '%.200s' already", name);
            return NULL;
        }
    struct dli_vertex *v;
    return dli_graph_append(b->g, name, &v, &b->err) == DL4C_OK ? v : NULL;
}

void dl4c_builder_input(dl4c_builder *b, const char *name, const int64_t *shape, int32_t rank)
{
    if (dli_builder_dead(b))
        return;
    if (rank < 1 || rank > DLI_SHAPE_RANK || !shape) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "input '%.200s' has %" PRId32 " axes, wanted 1 to %d", name ? name : "", rank,
                 DLI_SHAPE_RANK);
        return;
    }
    for (int32_t i = 0; i < rank; i++)
        if (shape[i] < -1 || shape[i] == 0) {
            dli_fail(&b->err, DL4C_E_INVALID, "builder", "axis %" PRId32 " of input '%.200s' has length %" PRId64, i, name ? name : "",
                     shape[i]);
            return;
        }
    struct dli_vertex *v = place(b, name);
    if (!v)
        return;
    v->hole = false;
    v->shape.rank = rank;
    v->shape.batch = 1;
    memcpy(v->shape.dim, shape, (size_t)rank * sizeof *shape);
}

void dl4c_builder_add(dl4c_builder *b, const char *op, const char *name, const char *const *inputs, int32_t n_inputs,
                      const struct dl4c_attr *attrs, int32_t n_attrs)
{
    if (dli_builder_dead(b))
        return;
    const struct dli_op *o = op ? dli_op_find(op) : NULL;
    if (!o) {
        dli_fail(&b->err, DL4C_E_NOTFOUND, "builder", "there is no operator \"%.100s\" (for vertex '%.200s')", op ? op : "",
                 name ? name : "");
        return;
    }
    if (n_inputs < 1 || !inputs) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "%s '%.200s' needs an input", op, name ? name : "");
        return;
    }
    struct dli_vattrs *va;
    struct dl4c_attr *more;
    int32_t n_more;
    if (dli_fine_tune_attrs(b, o, attrs, n_attrs, &more, &n_more) != DL4C_OK)
        return;
    const dl4c_status made = dli_vattrs_create(b->ctx, o, name ? name : "", more ? more : attrs, n_more, &va, &b->err);
    dli_free(more);
    if (made != DL4C_OK)
        return;
    int32_t *indices = dli_array(b->ctx, (size_t)n_inputs, sizeof *indices, &b->err);
    for (int32_t k = 0; indices && k < n_inputs; k++)
        if ((indices[k] = dli_builder_want(b, inputs[k])) < 0) {
            char found[sizeof b->err.message];
            memcpy(found, b->err.message, sizeof found);
            dli_fail(&b->err, DL4C_E_NOTFOUND, "builder", "input %" PRId32 " of '%.150s': %.280s", k, name ? name : "", found);
            dli_free(indices);
            indices = NULL;
        }
    struct dli_vertex *v = indices ? place(b, name) : NULL;
    if (v && dli_vertex_set_inputs(b->ctx, v, indices, n_inputs, &b->err) == DL4C_OK) {
        v->hole = false;
        v->op = o;
        v->attrs = va;
        va = NULL;
    }
    dli_free(indices);
    dli_vattrs_unref(va);
}

void dl4c_builder_add_text(dl4c_builder *b, const char *text, const char *name, const char *const *inputs, int32_t n_inputs)
{
    if (dli_builder_dead(b))
        return;
    struct dli_spec spec;
    if (dli_spec_parse(b->ctx, text, &spec, &b->err) != DL4C_OK)
        return;
    dl4c_builder_add(b, spec.name, name, inputs, n_inputs, spec.attrs, spec.n_attrs);
    dli_spec_free(&spec);
}

/* A parameter set of the vertex's own, so that others who share it see nothing. */
static struct dli_vparams *own_params(dl4c_builder *b, struct dli_vertex *v, int32_t n)
{
    struct dli_vparams *vp;
    if (dli_vparams_create(b->ctx, n, &vp, &b->err) != DL4C_OK)
        return NULL;
    for (int32_t k = 0; v->params && k < n && k < v->params->n; k++) {
        vp->p[k] = v->params->p[k];
        dli_blob_ref(vp->p[k].blob);
    }
    dli_vparams_unref(v->params);
    v->params = vp;
    return vp;
}

void dli_builder_params(dl4c_builder *b, const char *vertex, const struct dli_param *params, int32_t n)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    if (n < 0 || n > DLI_MAX_PARAMS) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "'%.200s' was given %" PRId32 " parameters", vertex, n);
        return;
    }
    struct dli_vertex *v = &b->g->vertices[i];
    dli_vparams_unref(v->params);
    v->params = NULL;
    struct dli_vparams *vp = own_params(b, v, n);
    for (int32_t k = 0; vp && k < n; k++) {
        vp->p[k] = params[k];
        dli_blob_ref(vp->p[k].blob);
    }
}

void dl4c_builder_param(dl4c_builder *b, const char *vertex, const char *param, const dl4c_tensor *value)
{
    if (dli_builder_dead(b))
        return;
    if (!value || !param) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "the parameter or its value is NULL");
        return;
    }
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    /* The declaration of the parameter needs the shapes up to here: a resolved copy of the graph tells. */
    dl4c_graph *known = NULL;
    if (dli_graph_copy(b->g, &known, &b->err) != DL4C_OK)
        return;
    dl4c_tensor *f32 = NULL;
    struct dli_param p = { 0 };
    int32_t k = -1, n = 0;
    if (dli_graph_resolve(known, false, &b->err) == DL4C_OK) {
        const struct dli_vertex *v = &known->vertices[dli_graph_index(known, vertex)];
        n = v->n_params;
        for (int32_t d = 0; d < n; d++)
            if (strcmp(v->decl[d].name, param) == 0)
                k = d;
        if (k < 0)
            dli_fail(&b->err, DL4C_E_NOTFOUND, "builder", "'%.200s' has no parameter %.60s", vertex, param);
        else if (dli_tensor_as_f32(value, &f32, &b->err) == DL4C_OK) {
            /* A tensor of the declared shape is brought into the parameter's own order; any other is taken as it lies. */
            const struct dli_param_decl *d = &v->decl[k];
            bool same = d->order == 'f' && dl4c_tensor_rank(f32) == d->rank && d->rank > 1;
            for (int32_t r = 0; same && r < d->rank; r++)
                same = dl4c_tensor_dim(f32, r) == d->shape[r];
            if (same) {
                dl4c_tensor *turned = NULL, *flat = NULL;
                if (dl4c_tensor_transpose(f32, NULL, &turned, &b->err) == DL4C_OK && dli_tensor_as_f32(turned, &flat, &b->err) == DL4C_OK) {
                    dl4c_tensor_unref(&f32);
                    f32 = flat;
                }
                dl4c_tensor_unref(&turned);
            }
            p.count = dl4c_tensor_size(f32);
            if (!b->err.status && dli_blob_create(b->ctx, (size_t)p.count * sizeof(float), &p.blob, &b->err) == DL4C_OK)
                memcpy(p.blob->data, f32->data, (size_t)p.count * sizeof(float));
        }
    }
    dl4c_tensor_unref(&f32);
    dli_graph_unref(known);
    struct dli_vparams *vp = p.blob ? own_params(b, &b->g->vertices[i], n) : NULL;
    if (vp) {
        dli_blob_unref(vp->p[k].blob);
        vp->p[k] = p;
    } else {
        dli_blob_unref(p.blob);
    }
}

void dl4c_builder_seed(dl4c_builder *b, uint64_t seed)
{
    if (!dli_builder_dead(b))
        b->g->seed = seed;
}

void dli_builder_output_name(dl4c_builder *b, const char *vertex, const char *output)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i < 0)
        return;
    char *copy = dli_strdup(b->ctx, output, &b->err);
    if (copy) {
        dli_free(b->g->vertices[i].output);
        b->g->vertices[i].output = copy;
    }
}

void dli_builder_input_nhwc(dl4c_builder *b, const char *vertex)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i >= 0)
        b->g->vertices[i].nhwc = true;
}

void dli_builder_mark_pre(dl4c_builder *b, const char *vertex)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i >= 0)
        b->g->vertices[i].pre = true;
}

void dli_builder_mark_maps(dl4c_builder *b, const char *vertex)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i >= 0)
        b->g->vertices[i].maps = true;
}

void dli_builder_mark_frozen(dl4c_builder *b, const char *vertex)
{
    if (dli_builder_dead(b))
        return;
    const int32_t i = dli_builder_want(b, vertex);
    if (i >= 0)
        b->g->vertices[i].frozen = true;
}

void dl4c_builder_outputs(dl4c_builder *b, const char *const *names, int32_t n)
{
    if (dli_builder_dead(b))
        return;
    if (n < 1 || !names) {
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "a graph needs an output");
        return;
    }
    int32_t *list = dli_array(b->ctx, (size_t)n, sizeof *list, &b->err);
    for (int32_t k = 0; list && k < n; k++)
        if ((list[k] = dli_builder_want(b, names[k])) < 0) {
            dli_free(list);
            return;
        }
    if (!list)
        return;
    dli_free(b->g->outputs);
    b->g->outputs = list;
    b->g->n_outputs = n;
}

dl4c_status dl4c_builder_finish(dl4c_builder **b, dl4c_graph **graph, struct dl4c_error *err)
{
    if (graph)
        *graph = NULL;
    if (!b || !*b || !graph) {
        dl4c_builder_destroy(b);
        return dli_fail(err, DL4C_E_INVALID, "builder", "the builder or graph is NULL");
    }
    dl4c_status status = dli_builder_status(*b, err);
    if (status == DL4C_OK)
        status = dli_graph_resolve((*b)->g, true, err);
    /* Training begins anew behind an edit that changes what is trained, as it does there; what fine_tune dropped stays dropped. */
    if (status == DL4C_OK && (*b)->start && (*b)->g->updater_state)
        status = dli_graph_take_state((*b)->g, (*b)->start, NULL, true, err);
    if (status == DL4C_OK) {
        *graph = (*b)->g;
        (*b)->g = NULL;
    }
    dl4c_builder_destroy(b);
    return status;
}
