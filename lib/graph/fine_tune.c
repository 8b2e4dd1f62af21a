/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for all layers of a network that is trained on: Deeplearning4j's FineTuneConfiguration. */
#include "base/strbuf.h"
#include "graph/builder.h"
#include "updaters/updater.h"

#include <string.h>

static bool is_layer_attr(const char *name)
{
    for (const struct dli_attr *a = dli_layer_attrs; a->name; a++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

static bool set(dl4c_builder *b, struct dli_vertex *v, const char *name, const char *text)
{
    struct dli_vattrs *va;
    if (dli_vattrs_with(v->attrs, v->name, name, text, &va, &b->err) != DL4C_OK)
        return false;
    dli_vattrs_unref(v->attrs);
    v->attrs = va;
    return true;
}

/* The network's updater, in the place of those that layers have of their own. */
static bool set_updater(dl4c_builder *b, const char *text)
{
    dl4c_graph *g = b->g;
    struct dli_spec spec;
    if (dli_spec_parse(b->ctx, text, &spec, &b->err) != DL4C_OK)
        return false;
    const bool known = dli_updater_find(spec.name) != NULL;
    if (!known)
        dli_fail(&b->err, DL4C_E_NOTFOUND, "builder", "there is no updater \"%.60s\"", spec.name);
    dli_spec_free(&spec);
    char *own = known ? dli_strdup(b->ctx, text, &b->err) : NULL;
    if (!own)
        return false;
    dli_free(g->updater);
    g->updater = own;
    dli_blob_unref(g->updater_state); /* training begins anew */
    g->updater_state = NULL;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        struct dli_vertex *v = &g->vertices[i];
        if (v->op && v->op->flags & DLI_OP_LAYER && v->attrs->layer.updater && !set(b, v, "updater", NULL))
            return false;
    }
    return true;
}

static bool apply(dl4c_builder *b, const struct dl4c_attr *a)
{
    if (!is_layer_attr(a->name)) {
        dli_fail(&b->err, DL4C_E_NOTFOUND, "builder", "fine tuning knows no setting \"%.60s\": it takes those of every layer", a->name);
        return false;
    }
    if (strcmp(a->name, "updater") == 0)
        return set_updater(b, a->v.s);
    for (int32_t i = 0; i < b->g->n_vertices; i++) {
        struct dli_vertex *v = &b->g->vertices[i];
        if (!v->op || !(v->op->flags & DLI_OP_LAYER))
            continue;
        if (!set(b, v, a->name, a->v.s))
            return false;
    }
    return true;
}

void dl4c_builder_fine_tune(dl4c_builder *b, const char *settings)
{
    if (dli_builder_dead(b))
        return;
    struct dli_strbuf text;
    char *whole;
    dli_strbuf_init(&text, b->ctx);
    dli_strbuf_add(&text, "fine_tune:");
    dli_strbuf_add(&text, settings ? settings : "");
    struct dli_spec spec;
    if (dli_strbuf_take(&text, &whole, &b->err) != DL4C_OK)
        return;
    if (!settings || !*settings)
        dli_fail(&b->err, DL4C_E_INVALID, "builder", "fine tuning wants settings: \"updater=sgd(lr=0.01),l2=0\"");
    else if (dli_spec_parse(b->ctx, whole, &spec, &b->err) == DL4C_OK) {
        bool good = true;
        for (int32_t i = 0; i < spec.n_attrs && good; i++)
            good = apply(b, &spec.attrs[i]);
        if (good) { /* for layers that come later */
            dli_spec_free(&b->fine_tune);
            b->fine_tune = spec;
        } else {
            dli_spec_free(&spec);
        }
    }
    dli_free(whole);
}

dl4c_status dli_fine_tune_attrs(dl4c_builder *b, const struct dli_op *op, const struct dl4c_attr *attrs, int32_t n,
                                struct dl4c_attr **all, int32_t *n_all)
{
    *all = NULL;
    *n_all = n;
    if (b->fine_tune.n_attrs == 0 || !(op->flags & DLI_OP_LAYER))
        return DL4C_OK;
    *all = dli_array(b->ctx, (size_t)n + (size_t)b->fine_tune.n_attrs, sizeof **all, &b->err);
    if (!*all)
        return dli_alloc_status();
    if (n)
        memcpy(*all, attrs, (size_t)n * sizeof **all);
    for (int32_t i = 0; i < b->fine_tune.n_attrs; i++) {
        bool said = strcmp(b->fine_tune.attrs[i].name, "updater") == 0; /* the network's serves */
        for (int32_t k = 0; k < n && !said; k++)
            said = strcmp(attrs[k].name, b->fine_tune.attrs[i].name) == 0;
        if (!said)
            (*all)[(*n_all)++] = b->fine_tune.attrs[i];
    }
    return DL4C_OK;
}
