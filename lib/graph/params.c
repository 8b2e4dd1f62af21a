/* SPDX-License-Identifier: Apache-2.0 */
/* Counted parameters and attributes of vertices. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

dl4c_status dli_vparams_create(dl4c_context *ctx, int32_t n, struct dli_vparams **vp, struct dl4c_error *err)
{
    *vp = NULL;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dli_vparams *p = dli_calloc(ctx, 1, sizeof *p, err);
    if (!p || pthread_mutex_init(&p->lock, NULL) != 0) {
        dli_free(p);
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    atomic_init(&p->refs, 1);
    atomic_init(&p->version, atomic_fetch_add(&ctx->serial, 1) + 1);
    p->ctx = ctx;
    p->n = n;
    *vp = p;
    return DL4C_OK;
}

struct dli_vparams *dli_vparams_ref(struct dli_vparams *vp)
{
    if (vp)
        atomic_fetch_add_explicit(&vp->refs, 1, memory_order_relaxed);
    return vp;
}

static void drop_packs(struct dli_vparams *vp)
{
    for (struct dli_pack *pack = vp->packs, *next; pack; pack = next) {
        next = pack->next;
        dli_blob_unref(pack->blob);
        dli_free(pack);
    }
    vp->packs = NULL;
}

void dli_vparams_unref(struct dli_vparams *vp)
{
    if (!vp || atomic_fetch_sub_explicit(&vp->refs, 1, memory_order_acq_rel) != 1)
        return;
    drop_packs(vp);
    for (int32_t i = 0; i < vp->n; i++)
        dli_blob_unref(vp->p[i].blob);
    pthread_mutex_destroy(&vp->lock);
    dl4c_context *ctx = vp->ctx;
    dli_free(vp);
    dli_context_unref(ctx);
}

void dli_vparams_changed(struct dli_vparams *vp)
{
    pthread_mutex_lock(&vp->lock);
    drop_packs(vp);
    pthread_mutex_unlock(&vp->lock);
    atomic_store_explicit(&vp->version, atomic_fetch_add(&vp->ctx->serial, 1) + 1, memory_order_release);
}

static void vattrs_free(struct dli_vattrs *va)
{
    dli_attrs_free(va->op->attrs, va->attrs);
    if (va->op->flags & DLI_OP_LAYER)
        dli_attrs_free(dli_layer_attrs, &va->layer);
    dli_free(va->attrs);
    dl4c_context *ctx = va->ctx;
    dli_free(va);
    dli_context_unref(ctx);
}

static dl4c_status vattrs_new(dl4c_context *ctx, const struct dli_op *op, struct dli_vattrs **va, struct dl4c_error *err)
{
    *va = NULL;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dli_vattrs *a = dli_calloc(ctx, 1, sizeof *a, err);
    if (a && op->attrs_size && !(a->attrs = dli_calloc(ctx, 1, op->attrs_size, err))) {
        dli_free(a);
        a = NULL;
    }
    if (!a) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    atomic_init(&a->refs, 1);
    a->ctx = ctx;
    a->op = op;
    *va = a;
    return DL4C_OK;
}

dl4c_status dli_vattrs_create(dl4c_context *ctx, const struct dli_op *op, const char *vertex, const struct dl4c_attr *attrs, int32_t n,
                              struct dli_vattrs **va, struct dl4c_error *err)
{
    DLI_TRY(vattrs_new(ctx, op, va, err));
    struct dli_vattrs *a = *va;
    const struct dli_attr_set sets[] = { { op->attrs, a->attrs }, { op->flags & DLI_OP_LAYER ? dli_layer_attrs : NULL, &a->layer } };
    char what[256];
    snprintf(what, sizeof what, "%s '%.180s'", op->name, vertex);
    const dl4c_status status = dli_attrs_read(ctx, what, sets, 2, attrs, n, err);
    if (status != DL4C_OK) {
        *va = NULL;
        vattrs_free(a);
    }
    return status;
}

dl4c_status dli_vattrs_activation(dl4c_context *ctx, const char *text, const char *vertex, struct dli_vattrs **va, struct dl4c_error *err)
{
    *va = NULL;
    struct dli_spec spec;
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    const struct dli_op *op = dli_op_find(spec.name);
    const dl4c_status status =
        op && op->flags & DLI_OP_ACTIVATION
            ? dli_vattrs_create(ctx, op, vertex, spec.attrs, spec.n_attrs, va, err)
            : dli_fail(err, DL4C_E_NOTFOUND, "graph", "'%.200s': there is no activation \"%.60s\"", vertex, spec.name);
    dli_spec_free(&spec);
    return status;
}

static const struct dli_attr *attr_find(const struct dli_attr *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

dl4c_status dli_vattrs_with(const struct dli_vattrs *old, const char *vertex, const char *name, const char *text, struct dli_vattrs **va,
                            struct dl4c_error *err)
{
    *va = NULL;
    const struct dli_attr *own = attr_find(old->op->attrs, name);
    const struct dli_attr *common = old->op->flags & DLI_OP_LAYER ? attr_find(dli_layer_attrs, name) : NULL;
    if (!own && !common)
        return dli_fail(err, DL4C_E_INVALID, "graph", "%s '%.200s' has no attribute %s", old->op->name, vertex, name);
    struct dli_vattrs *a;
    DLI_TRY(vattrs_new(old->ctx, old->op, &a, err));
    dl4c_status status = DL4C_OK;
    if (a->attrs)
        status = dli_attrs_copy(a->ctx, old->op->attrs, a->attrs, old->attrs, old->op->attrs_size, err);
    if (status == DL4C_OK && old->op->flags & DLI_OP_LAYER)
        status = dli_attrs_copy(a->ctx, dli_layer_attrs, &a->layer, &old->layer, sizeof a->layer, err);
    if (status == DL4C_OK) {
        /* A table of this one attribute over a copy, so that reading defaults touches nothing else. */
        struct dli_attr one[2] = { own ? *own : *common, { 0 } };
        one[0].required = false;
        void *values = own ? a->attrs : (void *)&a->layer;
        if (one[0].type == DL4C_ATTR_STR && !one[0].choices)
            dli_attrs_free(one, values);
        const struct dli_attr_set set = { one, values };
        const struct dl4c_attr value = dl4c_attr_str(name, text);
        status = dli_attrs_read(a->ctx, vertex, &set, 1, &value, text ? 1 : 0, err);
    }
    if (status != DL4C_OK) {
        vattrs_free(a);
        return status;
    }
    *va = a;
    return DL4C_OK;
}

struct dli_vattrs *dli_vattrs_ref(struct dli_vattrs *va)
{
    if (va)
        atomic_fetch_add_explicit(&va->refs, 1, memory_order_relaxed);
    return va;
}

void dli_vattrs_unref(struct dli_vattrs *va)
{
    if (va && atomic_fetch_sub_explicit(&va->refs, 1, memory_order_acq_rel) == 1)
        vattrs_free(va);
}
