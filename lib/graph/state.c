/* SPDX-License-Identifier: Apache-2.0 */
/* The updater's state belongs to parameters, but lies in blocks: parameters one behind the other that have equal updaters share one, and
 * vertices with frozen parameters end it. So the same parameters have their state in other places where a graph has been cut, joined or
 * edited. */
#include "graph/graph.h"
#include "updaters/updater.h"

#include <string.h>

struct part {
    int32_t vertex, param, block;
    int64_t count;
    const struct dli_updater *updater; /* NULL: statistics, which no updater touches */
    int64_t at[DLI_UPDATER_STATES];
};

struct layout {
    struct part *part;
    int32_t n;
    int64_t floats;
};

static dl4c_status open_updater(const dl4c_graph *g, const struct dli_vertex *v, int32_t param, struct dli_updater_at *at,
                                struct dl4c_error *err)
{
    const struct dli_layer *layer = v->op->flags & DLI_OP_LAYER ? &v->attrs->layer : NULL;
    const char *spec = layer ? layer->updater : NULL;
    *at = (struct dli_updater_at){ 0 };
    if (v->decl[param].role == DLI_PARAM_STAT)
        return DL4C_OK;
    if (v->decl[param].role == DLI_PARAM_BIAS && layer && layer->bias_updater)
        spec = layer->bias_updater;
    return dli_updater_open(g->ctx, spec ? spec : g->updater ? g->updater : "sgd", at, err);
}

/* Equal texts are equal updaters; both NULL are statistics, each of which stands alone. */
static bool shares(const struct dli_updater_at *a, const struct dli_updater_at *b)
{
    return a->text && b->text && strcmp(a->text, b->text) == 0;
}

static dl4c_status find_parts(const dl4c_graph *g, struct layout *l, struct dl4c_error *err)
{
    struct dli_updater_at last = { 0 }, now;
    int32_t block = -1;
    bool ended = true;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        if (!v->op || v->n_params == 0)
            continue;
        if (v->frozen || !v->params) {
            ended = true;
            continue;
        }
        for (int32_t k = 0; k < v->n_params; k++) {
            const dl4c_status status = open_updater(g, v, k, &now, err);
            if (status != DL4C_OK) {
                dli_updater_close(&last);
                return status;
            }
            block += ended || !shares(&last, &now);
            ended = false;
            l->part[l->n++] = (struct part){
                .vertex = i, .param = k, .block = block, .count = v->params->p[k].count, .updater = now.updater
            };
            dli_updater_close(&last);
            last = now;
        }
    }
    dli_updater_close(&last);
    return DL4C_OK;
}

static dl4c_status lay_out(const dl4c_graph *g, struct layout *l, struct dl4c_error *err)
{
    int32_t n = 0;
    *l = (struct layout){ 0 };
    for (int32_t i = 0; i < g->n_vertices; i++)
        n += g->vertices[i].n_params;
    l->part = dli_array(g->ctx, (size_t)n, sizeof *l->part, err);
    if (!l->part)
        return dli_alloc_status();
    const dl4c_status status = find_parts(g, l, err);
    if (status != DL4C_OK) {
        dli_free(l->part);
        l->part = NULL;
        return status;
    }
    for (int32_t first = 0, last; first < l->n; first = last) {
        for (last = first + 1; last < l->n && l->part[last].block == l->part[first].block;)
            last++;
        const int32_t states = l->part[first].updater ? l->part[first].updater->n_states : 0;
        for (int32_t s = 0; s < states; s++)
            for (int32_t p = first; p < last; p++) {
                l->part[p].at[s] = l->floats;
                l->floats += l->part[p].count;
            }
    }
    return DL4C_OK;
}

static const struct part *find(const struct layout *l, int32_t vertex, int32_t param)
{
    for (int32_t i = 0; i < l->n; i++)
        if (l->part[i].vertex == vertex && l->part[i].param == param)
            return &l->part[i];
    return NULL;
}

/* Where each part of `to` has its state in `from`, [to->n]; false: not all have one of the same kind. */
static bool match(const dl4c_graph *from, const struct layout *a, const dl4c_graph *to, const struct layout *b, const int32_t *from_of,
                  const struct part **source)
{
    for (int32_t i = 0; i < b->n; i++) {
        const struct part *p = &b->part[i];
        const int32_t v = from_of ? from_of[p->vertex] : dli_graph_index(from, to->vertices[p->vertex].name);
        source[i] = v >= 0 ? find(a, v, p->param) : NULL;
        if (!source[i] || source[i]->updater != p->updater || source[i]->count != p->count)
            return false;
    }
    return true;
}

static bool same_places(const struct layout *a, const struct layout *b, const struct part *const *source)
{
    for (int32_t i = 0; i < b->n; i++)
        if (memcmp(source[i]->at, b->part[i].at, sizeof source[i]->at) != 0)
            return false;
    return a->floats == b->floats;
}

static dl4c_status copy(const struct layout *b, const struct part *const *source, const struct dli_blob *old, dl4c_context *ctx,
                        struct dli_blob **fresh, struct dl4c_error *err)
{
    DLI_TRY(dli_blob_create(ctx, (size_t)b->floats * sizeof(float), fresh, err)); /* no more than the old one */
    for (int32_t i = 0; i < b->n; i++)
        for (int32_t s = 0; b->part[i].updater && s < b->part[i].updater->n_states; s++)
            memcpy((float *)(*fresh)->data + b->part[i].at[s], (const float *)old->data + source[i]->at[s],
                   (size_t)b->part[i].count * sizeof(float));
    return DL4C_OK;
}

dl4c_status dli_graph_take_state(dl4c_graph *to, const dl4c_graph *from, const int32_t *from_of, bool only_as_it_lies,
                                 struct dl4c_error *err)
{
    struct layout a = { 0 }, b = { 0 };
    const struct part **source = NULL;
    struct dli_blob *fresh = NULL;
    dl4c_status status = DL4C_OK;
    if (from->updater_state) {
        DLI_GOTO(lay_out(from, &a, err), done);
        DLI_GOTO(lay_out(to, &b, err), done);
        source = dli_array(to->ctx, (size_t)b.n, sizeof *source, err);
        if (!source) {
            status = dli_alloc_status();
            goto done;
        }
        if ((uint64_t)a.floats * sizeof(float) == from->updater_state->bytes && b.floats > 0 && match(from, &a, to, &b, from_of, source)) {
            if (same_places(&a, &b, source))
                fresh = dli_blob_ref(from->updater_state);
            else if (!only_as_it_lies)
                DLI_GOTO(copy(&b, source, from->updater_state, to->ctx, &fresh, err), done);
        }
    }
    dli_blob_unref(to->updater_state);
    to->updater_state = fresh;
done:
    dli_free(source);
    dli_free(a.part);
    dli_free(b.part);
    return status;
}
