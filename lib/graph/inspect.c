/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a graph: vertices, edges, attributes, parameters, and what a model knows about itself. */
#include "graph/graph.h"
#include "tensor/tensor.h"

#include <string.h>

int32_t dl4c_graph_vertex_count(const dl4c_graph *g) { return g ? g->n_vertices : 0; }
int32_t dl4c_graph_input_count(const dl4c_graph *g) { return g ? g->n_inputs : 0; }
int32_t dl4c_graph_output_count(const dl4c_graph *g) { return g ? g->n_outputs : 0; }
int32_t dl4c_graph_input(const dl4c_graph *g, int32_t k) { return g && k >= 0 && k < g->n_inputs ? g->inputs[k] : -1; }
int32_t dl4c_graph_output(const dl4c_graph *g, int32_t k) { return g && k >= 0 && k < g->n_outputs ? g->outputs[k] : -1; }

static const struct dli_vertex *vertex(const dl4c_graph *g, int32_t i) { return g && i >= 0 && i < g->n_vertices ? &g->vertices[i] : NULL; }

static dl4c_status no_vertex(const dl4c_graph *g, int32_t i, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "graph", "vertex %" PRId32 " of %" PRId32 " was asked for", i, dl4c_graph_vertex_count(g));
}

dl4c_status dl4c_graph_vertex(const dl4c_graph *g, int32_t i, struct dl4c_vertex *out, struct dl4c_error *err)
{
    const struct dli_vertex *v = vertex(g, i);
    if (!v)
        return no_vertex(g, i, err);
    struct dl4c_vertex info = { .struct_size = sizeof info,
                                .name = v->name,
                                .op = v->op ? v->op->name : "input",
                                .output = v->output ? v->output : v->name,
                                .n_inputs = v->n_inputs,
                                .n_params = v->n_params,
                                .param_count = dli_vertex_floats(v),
                                .frozen = v->frozen,
                                .rank = v->shape.rank,
                                .shape = v->shape.dim };
    for (int32_t k = 0; k < g->n_outputs; k++)
        info.is_output |= g->outputs[k] == i;
    return dli_struct_out(out, &info, sizeof info, "graph", err);
}

dl4c_status dl4c_graph_find(const dl4c_graph *g, const char *name, int32_t *i, struct dl4c_error *err)
{
    if (!g || !i)
        return dli_fail(err, DL4C_E_INVALID, "graph", "NULL was passed");
    return dli_graph_lookup(g, name, i, err);
}

int32_t dl4c_graph_vertex_input(const dl4c_graph *g, int32_t i, int32_t k)
{
    const struct dli_vertex *v = vertex(g, i);
    return v && k >= 0 && k < v->n_inputs ? v->inputs[k] : -1;
}

dl4c_status dl4c_graph_vertex_attr(const dl4c_graph *g, int32_t i, int32_t a, struct dl4c_attr *out, struct dl4c_error *err)
{
    const struct dli_vertex *v = vertex(g, i);
    if (!v || !out || a < 0)
        return no_vertex(g, i, err);
    int32_t left = a;
    for (const struct dli_attr *t = v->op ? v->op->attrs : NULL; t && t->name; t++)
        if (left-- == 0) {
            dli_attrs_get(t, v->attrs->attrs, out);
            return DL4C_OK;
        }
    for (const struct dli_attr *t = v->op && v->op->flags & DLI_OP_LAYER ? dli_layer_attrs : NULL; t && t->name; t++)
        if (left-- == 0) {
            dli_attrs_get(t, &v->attrs->layer, out);
            return DL4C_OK;
        }
    return dli_fail(err, DL4C_E_NOTFOUND, "graph", "'%.200s' has %" PRId32 " attributes", v->name, a - left);
}

static dl4c_status reach(const dl4c_graph *g, int32_t i, bool up, uint8_t *marks, struct dl4c_error *err)
{
    if (!vertex(g, i) || !marks)
        return no_vertex(g, i, err);
    dli_graph_reach(g, i, up, marks);
    return DL4C_OK;
}

dl4c_status dl4c_graph_ancestors(const dl4c_graph *g, int32_t i, uint8_t *marks, struct dl4c_error *err)
{
    return reach(g, i, true, marks, err);
}
dl4c_status dl4c_graph_descendants(const dl4c_graph *g, int32_t i, uint8_t *marks, struct dl4c_error *err)
{
    return reach(g, i, false, marks, err);
}

const char *dl4c_graph_param_name(const dl4c_graph *g, int32_t i, int32_t p)
{
    const struct dli_vertex *v = vertex(g, i);
    return v && p >= 0 && p < v->n_params ? v->decl[p].name : NULL;
}

dl4c_status dl4c_graph_param(dl4c_graph *g, const char *name, const char *param, dl4c_tensor **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "graph", "t is NULL");
    *t = NULL;
    if (!g || !param)
        return dli_fail(err, DL4C_E_INVALID, "graph", "NULL was passed");
    int32_t i;
    DLI_TRY(dli_graph_lookup(g, name, &i, err));
    const struct dli_vertex *v = &g->vertices[i];
    int32_t k = 0;
    while (k < v->n_params && strcmp(v->decl[k].name, param) != 0)
        k++;
    if (k == v->n_params)
        return dli_fail(err, DL4C_E_NOTFOUND, "graph", "'%.200s' has no parameter %.60s", name, param);
    /* A column-major parameter is the transpose of a row-major one of the reversed shape. */
    const struct dli_param_decl *d = &v->decl[k];
    int64_t shape[4];
    for (int32_t r = 0; r < d->rank; r++)
        shape[r] = d->order == 'f' ? d->shape[d->rank - 1 - r] : d->shape[r];
    DLI_TRY(dli_graph_begin_run(g, "graph", err));
    dl4c_tensor *rows = NULL; /* training replaces v->params: they are looked at in here only */
    dl4c_status status = dli_tensor_from_blob(g->ctx, DL4C_F32, shape, d->rank, v->params->p[k].blob, v->params->p[k].offset, &rows, err);
    dli_graph_end_run(g);
    if (status != DL4C_OK)
        return status;
    rows->read_only = true;
    if (d->order == 'f' && d->rank > 1) {
        status = dl4c_tensor_transpose(rows, NULL, t, err);
        dl4c_tensor_unref(&rows);
        return status;
    }
    *t = rows;
    return DL4C_OK;
}

void dl4c_graph_param_count(const dl4c_graph *g, int64_t *total, int64_t *trainable, int64_t *frozen)
{
    int64_t all = 0, ice = 0;
    for (int32_t i = 0; g && i < g->n_vertices; i++) {
        const int64_t n = dli_vertex_floats(&g->vertices[i]);
        all += n;
        ice += g->vertices[i].frozen ? n : 0;
    }
    if (total)
        *total = all;
    if (trainable)
        *trainable = all - ice;
    if (frozen)
        *frozen = ice;
}

/* ---- what a model knows about itself ------------------------------------------------------------------------- */

void dli_info_free(struct dl4c_model_info *info)
{
    for (int32_t i = 0; info->classes && i < info->n_classes; i++)
        dli_free((void *)(uintptr_t)info->classes[i]);
    dli_free((void *)(uintptr_t)info->classes);
    dli_free((void *)(uintptr_t)info->preprocess);
    dli_free((void *)(uintptr_t)info->pool);
    dli_free((void *)(uintptr_t)info->vertex);
    dli_free((void *)(uintptr_t)info->trunk_digest);
    dli_free((void *)(uintptr_t)info->training);
    *info = (struct dl4c_model_info)DL4C_MODEL_INFO_INIT;
}

static bool copy_text(dl4c_context *ctx, const char **dst, const char *src, struct dl4c_error *err)
{
    return !src || (*dst = dli_strdup(ctx, src, err)) != NULL;
}

dl4c_status dli_info_copy(dl4c_context *ctx, struct dl4c_model_info *dst, const struct dl4c_model_info *src, struct dl4c_error *err)
{
    *dst = (struct dl4c_model_info)DL4C_MODEL_INFO_INIT;
    dst->height = src->height;
    dst->width = src->width;
    bool good = copy_text(ctx, &dst->preprocess, src->preprocess, err) && copy_text(ctx, &dst->pool, src->pool, err) &&
                copy_text(ctx, &dst->vertex, src->vertex, err) && copy_text(ctx, &dst->trunk_digest, src->trunk_digest, err) &&
                copy_text(ctx, &dst->training, src->training, err);
    if (good && src->n_classes > 0) {
        const char **names = dli_calloc(ctx, (size_t)src->n_classes, sizeof *names, err);
        good = names != NULL;
        dst->classes = names;
        dst->n_classes = good ? src->n_classes : 0;
        for (int32_t i = 0; good && i < src->n_classes; i++)
            good = copy_text(ctx, &names[i], src->classes[i] ? src->classes[i] : "", err);
    }
    if (!good) {
        dli_info_free(dst);
        return dli_alloc_status();
    }
    return DL4C_OK;
}

dl4c_status dl4c_graph_info(const dl4c_graph *g, struct dl4c_model_info *out, struct dl4c_error *err)
{
    if (!g)
        return dli_fail(err, DL4C_E_INVALID, "graph", "graph is NULL");
    return dli_struct_out(out, &g->info, sizeof g->info, "graph", err);
}

dl4c_status dl4c_graph_set_info(dl4c_graph *g, const struct dl4c_model_info *info, struct dl4c_error *err)
{
    if (!g)
        return dli_fail(err, DL4C_E_INVALID, "graph", "graph is NULL");
    struct dl4c_model_info in, copy;
    DLI_TRY(dli_struct_in(&in, sizeof in, info, "graph", err));
    if (in.n_classes < 0 || (in.n_classes > 0 && !in.classes) || in.height < 0 || in.width < 0)
        return dli_fail(err, DL4C_E_INVALID, "graph", "%" PRId32 " classes without names, or a negative size", in.n_classes);
    DLI_TRY(dli_info_copy(g->ctx, &copy, &in, err));
    dli_info_free(&g->info);
    g->info = copy;
    return DL4C_OK;
}
