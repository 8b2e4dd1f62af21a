/* SPDX-License-Identifier: Apache-2.0 */
/* Which vertex of A belongs to which of B: as the map says, by name, else layers with parameters in their order. */
#include "compare/compare.h"
#include "tensor/tensor.h"
#include <dl4c/fs.h>

#include <stdio.h>
#include <string.h>

static const char *mapped(const struct dli_compare *c, const char *name)
{
    for (int32_t k = 0; k < c->n_map; k++)
        if (strcmp(c->map[2 * k], name) == 0)
            return c->map[2 * k + 1];
    return NULL;
}

/* Every name on the left is a vertex of A. */
static dl4c_status check_map(const struct dli_compare *c, struct dl4c_error *err)
{
    int32_t i;
    for (int32_t k = 0; k < c->n_map; k++) {
        if (!c->map[2 * k] || !c->map[2 * k + 1])
            return dli_fail(err, DL4C_E_INVALID, "compare", "pair %" PRId32 " of the map is NULL", k);
        DLI_TRY(dli_graph_lookup(c->a.graph, c->map[2 * k], &i, err));
        if (c->b.graph)
            DLI_TRY(dli_graph_lookup(c->b.graph, c->map[2 * k + 1], &i, err));
    }
    return DL4C_OK;
}

/* An activation is part of the layer on one side and a vertex of its own on the other: the value behind it is meant. */
static int32_t behind_activation(const dl4c_graph *from, int32_t i, const dl4c_graph *in, int32_t k)
{
    const struct dli_vertex *v = &from->vertices[i];
    if (!v->op || !v->attrs || !v->attrs->layer.activation || !in->vertices[k].op)
        return k;
    const struct dli_vattrs *other = in->vertices[k].attrs;
    if (other && other->layer.activation)
        return k;
    int32_t reader = -1;
    for (int32_t r = k + 1; r < in->n_vertices; r++)
        for (int32_t j = 0; j < in->vertices[r].n_inputs; j++)
            if (in->vertices[r].inputs[j] == k) {
                if (reader >= 0)
                    return k;
                reader = r;
            }
    if (reader < 0 || !(in->vertices[reader].op->flags & DLI_OP_ACTIVATION))
        return k;
    const char *name = in->vertices[reader].op->name;
    return strncmp(v->attrs->layer.activation, name, strlen(name)) == 0 ? reader : k;
}

static dl4c_status add(struct dli_compare *c, int32_t a, int32_t b, struct dl4c_error *err)
{
    struct dli_pair *p = &c->pairs[c->n_pairs];
    (void)err;
    b = behind_activation(c->a.graph, a, c->b.graph, b);
    p->a = behind_activation(c->b.graph, b, c->a.graph, a);
    p->b = b;
    p->other = c->b.graph->vertices[b].name;
    c->n_pairs++;
    return DL4C_OK;
}

static dl4c_status add_file(struct dli_compare *c, int32_t a, const char *name, bool wanted, struct dl4c_error *err)
{
    struct dli_pair *p = &c->pairs[c->n_pairs];
    DLI_TRY(dli_compare_npy(c, name, &p->yb, err));
    if (!p->yb)
        return wanted ? dli_fail(err, DL4C_E_NOTFOUND, "compare", "%.200s has no array for '%.150s'", c->b.folder, name) : DL4C_OK;
    p->a = a;
    p->b = -1;
    p->other = name;
    c->n_pairs++;
    return DL4C_OK;
}

static bool same_floats(const struct dli_vertex *a, const struct dli_vertex *b)
{
    return a->n_params > 0 && a->op == b->op && dli_vertex_floats(a) == dli_vertex_floats(b);
}

/* Nothing has the same name: layers with parameters in their order, and the outputs. */
static dl4c_status by_order(struct dli_compare *c, struct dl4c_error *err)
{
    const dl4c_graph *a = c->a.graph, *b = c->b.graph;
    int32_t k = 0;
    for (int32_t i = 0; i < a->n_vertices; i++) {
        if (a->vertices[i].n_params == 0)
            continue;
        int32_t at = k;
        while (at < b->n_vertices && !same_floats(&a->vertices[i], &b->vertices[at]))
            at++;
        if (at == b->n_vertices)
            continue;
        DLI_TRY(add(c, i, at, err));
        k = at + 1;
    }
    const int32_t ya = a->outputs[0], yb = b->outputs[0];
    if (c->n_pairs == 0 || (c->pairs[c->n_pairs - 1].a != ya && c->pairs[c->n_pairs - 1].b != yb))
        DLI_TRY(add(c, ya, yb, err));
    return DL4C_OK;
}

dl4c_status dli_compare_pairs(struct dli_compare *c, struct dl4c_error *err)
{
    const dl4c_graph *a = c->a.graph;
    DLI_TRY(check_map(c, err));
    c->pairs = dli_calloc(c->ctx, (size_t)a->n_vertices + 1, sizeof *c->pairs, err);
    if (!c->pairs)
        return dli_alloc_status();
    for (int32_t i = 0; i < a->n_vertices; i++) {
        const struct dli_vertex *v = &a->vertices[i];
        if (!v->op)
            continue;
        const char *other = mapped(c, v->name);
        if (!c->b.graph) {
            DLI_TRY(add_file(c, i, other ? other : v->name, other != NULL, err));
            continue;
        }
        const int32_t k = dli_graph_index(c->b.graph, other ? other : v->name);
        if (k >= 0 && c->b.graph->vertices[k].op)
            DLI_TRY(add(c, i, k, err));
    }
    if (c->n_pairs == 0 && c->b.graph)
        DLI_TRY(by_order(c, err));
    if (c->n_pairs == 0)
        return c->b.graph ? dli_fail(err, DL4C_E_INVALID, "compare", "no vertex of A has a partner in B; a map can say which is which")
                          : dli_fail(err, DL4C_E_INVALID, "compare", "%.300s has no .npy that is named as a vertex of A", c->b.folder);
    return DL4C_OK;
}

dl4c_status dli_compare_npy(struct dli_compare *c, const char *name, dl4c_tensor **t, struct dl4c_error *err)
{
    char plain[512], path[2048];
    *t = NULL;
    snprintf(plain, sizeof plain, "%s", name);
    for (char *p = plain; *p; p++)
        if (*p == '/')
            *p = '_';
    for (int k = 0; k < 2; k++) {
        struct dl4c_fs_stat stat = DL4C_FS_STAT_INIT;
        dl4c_tensor *raw = NULL, *f32 = NULL;
        const int n = k ? snprintf(path, sizeof path, "%s/act_%s.npy", c->b.folder, plain)
                        : snprintf(path, sizeof path, "%s/%s.npy", c->b.folder, plain);
        if (n < 0 || n >= (int)sizeof path)
            return dli_fail(err, DL4C_E_INVALID, "compare", "the name of the folder is too long");
        if (dl4c_fs_stat_uri(c->ctx, path, &stat, NULL) != DL4C_OK)
            continue;
        DLI_TRY(dl4c_tensor_load_npy(c->ctx, path, &raw, err));
        const dl4c_status status = dli_tensor_as_f32(raw, &f32, err);
        dl4c_tensor_unref(&raw);
        *t = f32;
        return status;
    }
    return DL4C_OK;
}
