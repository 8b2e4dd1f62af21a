/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing two graphs field by field. */
#include "support/same_graph.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static int same_text(const char *a, const char *b) { return !a == !b && (!a || strcmp(a, b) == 0); }

static int same_attr(const struct dl4c_attr *a, const struct dl4c_attr *b)
{
    if (a->type != b->type || a->count != b->count || strcmp(a->name, b->name) != 0)
        return 0;
    switch (a->type) {
    case DL4C_ATTR_INT: return a->v.i == b->v.i;
    case DL4C_ATTR_FLOAT: return memcmp(&a->v.f, &b->v.f, sizeof a->v.f) == 0;
    case DL4C_ATTR_STR: return same_text(a->v.s, b->v.s);
    case DL4C_ATTR_INTS: return memcmp(a->v.is, b->v.is, (size_t)a->count * sizeof *a->v.is) == 0;
    default: return memcmp(a->v.fs, b->v.fs, (size_t)a->count * sizeof *a->v.fs) == 0;
    }
}

static void same_vertex(const char *what, const dl4c_graph *a, const dl4c_graph *b, int32_t i)
{
    const struct dli_vertex *v = &a->vertices[i], *w = &b->vertices[i];
    if (!same_text(v->name, w->name) || v->op != w->op || !same_text(v->output, w->output))
        fail_msg("%s: vertex %d is '%s' (%s) and '%s' (%s)", what, (int)i, v->name, v->op ? v->op->name : "input", w->name,
                 w->op ? w->op->name : "input");
    if (v->n_inputs != w->n_inputs ||
        (v->n_inputs > 0 && memcmp(v->inputs, w->inputs, (size_t)v->n_inputs * sizeof *v->inputs) != 0))
        fail_msg("%s: '%s' has other inputs", what, v->name);
    if (v->frozen != w->frozen || v->nhwc != w->nhwc || v->pre != w->pre || v->maps != w->maps)
        fail_msg("%s: '%s' has other marks", what, v->name);
    if (!dli_shape_same(&v->shape, &w->shape))
        fail_msg("%s: '%s' has other shapes", what, v->name);
    struct dl4c_attr x, y;
    for (int32_t k = 0; v->op && dl4c_graph_vertex_attr(a, i, k, &x, NULL) == DL4C_OK; k++)
        if (dl4c_graph_vertex_attr(b, i, k, &y, NULL) != DL4C_OK || !same_attr(&x, &y))
            fail_msg("%s: attribute %s of '%s' differs", what, x.name, v->name);
    if (v->n_params != w->n_params || !v->params != !w->params)
        fail_msg("%s: '%s' has other parameters", what, v->name);
    for (int32_t k = 0; k < v->n_params; k++) {
        const struct dli_param *p = &v->params->p[k], *q = &w->params->p[k];
        if (strcmp(v->decl[k].name, w->decl[k].name) != 0 || p->count != q->count ||
            memcmp(dli_param_data(p), dli_param_data(q), (size_t)p->count * sizeof(float)) != 0)
            fail_msg("%s: parameter %s of '%s' differs", what, v->decl[k].name, v->name);
    }
}

static void same_blob(const char *what, const char *name, const struct dli_blob *a, const struct dli_blob *b)
{
    if (!a != !b || (a && (a->bytes != b->bytes || memcmp(a->data, b->data, a->bytes) != 0)))
        fail_msg("%s: the %s differs", what, name);
}

void same_graph(const char *what, const dl4c_graph *a, const dl4c_graph *b)
{
    if (a->n_vertices != b->n_vertices || a->n_inputs != b->n_inputs || a->n_outputs != b->n_outputs)
        fail_msg("%s: %d vertices, %d inputs, %d outputs against %d, %d, %d", what, (int)a->n_vertices, (int)a->n_inputs,
                 (int)a->n_outputs, (int)b->n_vertices, (int)b->n_inputs, (int)b->n_outputs);
    for (int32_t i = 0; i < a->n_vertices; i++)
        same_vertex(what, a, b, i);
    if (memcmp(a->inputs, b->inputs, (size_t)a->n_inputs * sizeof *a->inputs) != 0 ||
        memcmp(a->outputs, b->outputs, (size_t)a->n_outputs * sizeof *a->outputs) != 0)
        fail_msg("%s: inputs or outputs have another order", what);
    if (a->seed != b->seed || a->iteration != b->iteration || a->epoch != b->epoch || a->multilayer != b->multilayer ||
        a->whole_gradients != b->whole_gradients || !same_text(a->updater, b->updater))
        fail_msg("%s: seed, counters, kind or updater differ", what);
    same_blob(what, "updater's state", a->updater_state, b->updater_state);
    same_blob(what, "normalizer", a->normalizer, b->normalizer);
    const struct dl4c_model_info *x = &a->info, *y = &b->info;
    if (x->n_classes != y->n_classes || x->height != y->height || x->width != y->width || !same_text(x->preprocess, y->preprocess) ||
        !same_text(x->pool, y->pool) || !same_text(x->vertex, y->vertex) || !same_text(x->trunk_digest, y->trunk_digest) ||
        !same_text(x->training, y->training))
        fail_msg("%s: the info differs", what);
    for (int32_t i = 0; i < x->n_classes; i++)
        if (!same_text(x->classes[i], y->classes[i]))
            fail_msg("%s: class %d differs", what, (int)i);
}
