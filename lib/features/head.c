/* SPDX-License-Identifier: Apache-2.0 */
/* Heads for a store, which remember where their features come from. */
#include "features/store.h"
#include "base/number.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

/* What the store knows, as facts of the graph. */
static dl4c_status remember(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err)
{
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    info.classes = f->classes;
    info.n_classes = f->classes ? f->n_classes : 0;
    info.preprocess = dl4c_features_metadata(f, "preprocess");
    info.pool = dl4c_features_metadata(f, "pool");
    if (info.pool && strcmp(info.pool, "none") == 0)
        info.pool = NULL;
    info.vertex = dl4c_features_metadata(f, "vertex");
    info.trunk_digest = dl4c_features_metadata(f, "model");
    const char *size = dl4c_features_metadata(f, "size"), *x = size ? strchr(size, 'x') : NULL;
    int64_t h, w;
    if (x && dli_parse_i64(size, (size_t)(x - size), &h) && dli_parse_i64(x + 1, strlen(x + 1), &w) && h > 0 && w > 0 && h <= INT32_MAX &&
        w <= INT32_MAX) {
        info.height = (int32_t)h;
        info.width = (int32_t)w;
    }
    return dl4c_graph_set_info(head, &info, err);
}

dl4c_status dl4c_head_softmax(dl4c_features *f, const struct dl4c_head_options *options, dl4c_graph **head, struct dl4c_error *err)
{
    if (!head)
        return dli_fail(err, DL4C_E_INVALID, "head", "head is NULL");
    *head = NULL;
    if (!f)
        return dli_fail(err, DL4C_E_INVALID, "head", "f is NULL");
    struct dl4c_head_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "head", err));
    if (o.flags > 1)
        return dli_fail(err, DL4C_E_VERSION, "head", "flags %#" PRIx64 " are not known to this library", o.flags);
    if (f->n_classes < 2)
        return dli_fail(err, DL4C_E_INVALID, "head", "the store has %" PRId32 " classes, wanted 2 or more", f->n_classes);
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    DLI_TRY(dl4c_builder_create(f->ctx, NULL, &b, err));
    const char *in[] = { "features" };
    struct dl4c_attr attrs[8];
    int32_t n = 0;
    attrs[n++] = dl4c_attr_str("loss", "negative_log_likelihood");
    attrs[n++] = dl4c_attr_int("units", f->n_classes);
    attrs[n++] = dl4c_attr_str("activation", "softmax");
    if (o.weight_init)
        attrs[n++] = dl4c_attr_str("weight_init", o.weight_init);
    if (o.dropout != 0)
        attrs[n++] = dl4c_attr_float("dropout", o.dropout);
    if (o.l1 != 0)
        attrs[n++] = dl4c_attr_float("l1", o.l1);
    if (o.l2 != 0)
        attrs[n++] = dl4c_attr_float("l2", o.l2);
    dl4c_builder_seed(b, o.seed || o.flags & 1 ? o.seed : 42);
    dl4c_builder_input(b, "features", f->shape, f->rank);
    dl4c_builder_add(b, "output", "predictions", in, 1, attrs, n);
    DLI_TRY(dl4c_builder_finish(&b, &g, err));
    const dl4c_status status = remember(f, g, err);
    if (status != DL4C_OK) {
        dl4c_graph_destroy(&g);
        return status;
    }
    *head = g;
    return DL4C_OK;
}

dl4c_status dl4c_head_for(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err)
{
    if (!f || !head)
        return dli_fail(err, DL4C_E_INVALID, "head", "a store and a head are wanted");
    if (head->n_inputs != 1 || head->n_outputs != 1)
        return dli_fail(err, DL4C_E_INVALID, "head", "the head has %" PRId32 " inputs and %" PRId32 " outputs, wanted one of each",
                        head->n_inputs, head->n_outputs);
    struct dli_shape rows = { .rank = f->rank, .batch = 1 };
    memcpy(rows.dim, f->shape, (size_t)f->rank * sizeof *rows.dim);
    const struct dli_shape *in = &head->vertices[head->inputs[0]].shape, *out = &head->vertices[head->outputs[0]].shape;
    if (!dli_shape_same(in, &rows))
        return dli_fail(err, DL4C_E_INVALID, "head", "the head takes %s, the store has rows of %s", DLI_SHAPE_STR(in),
                        DLI_SHAPE_STR(&rows));
    if (out->rank != 1 || out->dim[0] != f->n_classes)
        return dli_fail(err, DL4C_E_INVALID, "head", "the head gives %s, the store has %" PRId32 " classes", DLI_SHAPE_STR(out),
                        f->n_classes);
    return remember(f, head, err);
}

static dl4c_status differ(const char *what, const char *store, const char *head, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "features", "the store's features are of %s %.150s, the head was trained on those of %s %.150s",
                    what, store, what, head);
}

dl4c_status dl4c_features_check(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err)
{
    if (!f || !head)
        return dli_fail(err, DL4C_E_INVALID, "features", "a store and a head are wanted");
    const struct dl4c_model_info *info = &head->info;
    const char *vertex = dl4c_features_metadata(f, "vertex"), *pool = dl4c_features_metadata(f, "pool");
    if (!vertex || !info->vertex) /* a store by other means, or no head */
        return DL4C_OK;
    if (strcmp(vertex, info->vertex) != 0)
        return differ("vertex", vertex, info->vertex, err);
    if (strcmp(pool ? pool : "none", info->pool ? info->pool : "none") != 0)
        return differ("pooling", pool ? pool : "none", info->pool ? info->pool : "none", err);
    const char *preprocess = dl4c_features_metadata(f, "preprocess"), *size = dl4c_features_metadata(f, "size");
    if (preprocess && info->preprocess && strcmp(preprocess, info->preprocess) != 0)
        return differ("preprocessing", preprocess, info->preprocess, err);
    char own[32];
    snprintf(own, sizeof own, "%" PRId32 "x%" PRId32, info->height, info->width);
    if (size && info->height > 0 && strcmp(size, own) != 0)
        return differ("image size", size, own, err);
    const char *network = dl4c_features_metadata(f, "model");
    if (network && info->trunk_digest && strcmp(network, info->trunk_digest) != 0)
        return differ("the network with digest", network, info->trunk_digest, err);
    return DL4C_OK;
}
