/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as JSON: every vertex with its operator, inputs and the attributes that are not the default. */
#include "base/escape.h"
#include "base/number.h"
#include "formats/safetensors/native.h"

#include <math.h>
#include <string.h>

int32_t dli_native_shape(const struct dli_param_decl *d, int64_t count, int64_t shape[4])
{
    for (int32_t r = 0; r < d->rank; r++) {
        shape[r] = d->order == 'f' ? d->shape[d->rank - 1 - r] : d->shape[r];
        if (shape[r] < 0) {
            shape[0] = count;
            return 1;
        }
    }
    return d->rank;
}

/* Names come from files of all kinds; JSON holds well-formed UTF-8 only. */
static bool is_utf8(const char *text)
{
    for (;;) {
        const char *from = text;
        const uint32_t c = dli_utf8_next(&text);
        if (c == 0)
            return true;
        if (c == 0xfffd && text - from != 3)
            return false;
    }
}

static void key(struct dli_strbuf *b, const char *name, bool *first)
{
    if (!*first)
        dli_strbuf_addc(b, ',');
    *first = false;
    dli_strbuf_json(b, name);
    dli_strbuf_addc(b, ':');
}

static void text_out(struct dli_strbuf *b, const char *name, const char *value, bool *first)
{
    if (!value)
        return;
    key(b, name, first);
    dli_strbuf_json(b, value);
}

static void flag_out(struct dli_strbuf *b, const char *name, bool value, bool *first)
{
    if (!value)
        return;
    key(b, name, first);
    dli_strbuf_add(b, "true");
}

static void int_out(struct dli_strbuf *b, const char *name, int64_t value, bool *first)
{
    key(b, name, first);
    dli_strbuf_addf(b, "%" PRId64, value);
}

static void float_out(struct dli_strbuf *b, double v)
{
    if (isinf(v))
        dli_strbuf_add(b, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        dli_strbuf_json_num(b, v);
}

static void attr_out(struct dli_strbuf *b, const struct dl4c_attr *v)
{
    const bool list = v->type == DL4C_ATTR_INTS || v->type == DL4C_ATTR_FLOATS;
    if (list)
        dli_strbuf_addc(b, '[');
    for (int32_t i = 0; i < v->count; i++) {
        if (i > 0)
            dli_strbuf_addc(b, ',');
        switch (v->type) {
        case DL4C_ATTR_INT: dli_strbuf_addf(b, "%" PRId64, v->v.i); break;
        case DL4C_ATTR_FLOAT: float_out(b, v->v.f); break;
        case DL4C_ATTR_STR: dli_strbuf_json(b, v->v.s); break;
        case DL4C_ATTR_INTS: dli_strbuf_addf(b, "%" PRId64, v->v.is[i]); break;
        default: float_out(b, v->v.fs[i]); break;
        }
    }
    if (list)
        dli_strbuf_addc(b, ']');
}

static void attrs_out(struct dli_strbuf *b, const struct dli_attr *table, const void *values, bool *first)
{
    for (const struct dli_attr *t = table; t && t->name; t++) {
        struct dl4c_attr v;
        if (dli_attrs_is_default(t, values) && !t->required)
            continue;
        dli_attrs_get(t, values, &v);
        if (v.type == DL4C_ATTR_STR && !v.v.s)
            continue;
        key(b, t->name, first);
        attr_out(b, &v);
    }
}

static void ints_out(struct dli_strbuf *b, const char *name, const int64_t *v, int32_t n, bool *first)
{
    const struct dl4c_attr list = { .type = DL4C_ATTR_INTS, .count = n, .v.is = v };
    key(b, name, first);
    attr_out(b, &list);
}

static void names_out(struct dli_strbuf *b, const char *name, const dl4c_graph *g, const int32_t *v, int32_t n, bool *first)
{
    key(b, name, first);
    dli_strbuf_addc(b, '[');
    for (int32_t k = 0; k < n; k++) {
        if (k > 0)
            dli_strbuf_addc(b, ',');
        dli_strbuf_json(b, g->vertices[v[k]].name);
    }
    dli_strbuf_addc(b, ']');
}

static dl4c_status vertex_out(struct dli_strbuf *b, const dl4c_graph *g, const struct dli_vertex *v, struct dl4c_error *err)
{
    bool first = true;
    if (!is_utf8(v->name) || (v->output && !is_utf8(v->output)))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors", "the name of vertex '%.200s' is not UTF-8", v->name);
    dli_strbuf_addc(b, '{');
    text_out(b, "name", v->name, &first);
    text_out(b, "output", v->output, &first);
    if (!v->op) {
        ints_out(b, "shape", v->shape.dim, v->shape.rank, &first);
    } else {
        text_out(b, "op", v->op->name, &first);
        names_out(b, "inputs", g, v->inputs, v->n_inputs, &first);
        bool none = true;
        key(b, "attrs", &first);
        dli_strbuf_addc(b, '{');
        attrs_out(b, v->op->attrs, v->attrs->attrs, &none);
        if (v->op->flags & DLI_OP_LAYER)
            attrs_out(b, dli_layer_attrs, &v->attrs->layer, &none);
        dli_strbuf_addc(b, '}');
    }
    flag_out(b, "frozen", v->frozen, &first);
    flag_out(b, "nhwc", v->nhwc, &first);
    flag_out(b, "pre", v->pre, &first);
    flag_out(b, "maps", v->maps, &first);
    dli_strbuf_addc(b, '}');
    return DL4C_OK;
}

static void info_out(struct dli_strbuf *b, const struct dl4c_model_info *info)
{
    bool first = true;
    dli_strbuf_addc(b, '{');
    if (info->n_classes > 0) {
        key(b, "classes", &first);
        for (int32_t i = 0; i < info->n_classes; i++) {
            dli_strbuf_addc(b, i ? ',' : '[');
            dli_strbuf_json(b, info->classes[i]);
        }
        dli_strbuf_addc(b, ']');
    }
    text_out(b, "preprocess", info->preprocess, &first);
    if (info->height > 0)
        int_out(b, "height", info->height, &first);
    if (info->width > 0)
        int_out(b, "width", info->width, &first);
    text_out(b, "pool", info->pool, &first);
    text_out(b, "vertex", info->vertex, &first);
    text_out(b, "trunk_digest", info->trunk_digest, &first);
    text_out(b, "training", info->training, &first);
    dli_strbuf_addc(b, '}');
}

dl4c_status dli_native_describe(const dl4c_graph *g, struct dli_strbuf *b, struct dl4c_error *err)
{
    bool first = true;
    dli_strbuf_addc(b, '{');
    int_out(b, "version", DLI_NATIVE_VERSION, &first);
    flag_out(b, "multilayer", g->multilayer, &first);
    flag_out(b, "whole_gradients", g->whole_gradients, &first);
    int_out(b, "seed", (int64_t)g->seed, &first);
    int_out(b, "iteration", g->iteration, &first);
    int_out(b, "epoch", g->epoch, &first);
    text_out(b, "updater", g->updater, &first);
    key(b, "vertices", &first);
    for (int32_t i = 0; i < g->n_vertices; i++) {
        dli_strbuf_addc(b, i ? ',' : '[');
        DLI_TRY(vertex_out(b, g, &g->vertices[i], err));
    }
    dli_strbuf_addc(b, ']');
    names_out(b, "inputs", g, g->inputs, g->n_inputs, &first);
    names_out(b, "outputs", g, g->outputs, g->n_outputs, &first);
    key(b, "info", &first);
    info_out(b, &g->info);
    dli_strbuf_addc(b, '}');
    return DL4C_OK;
}
