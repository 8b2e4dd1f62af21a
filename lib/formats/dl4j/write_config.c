/* SPDX-License-Identifier: Apache-2.0 */
/* A whole graph as configuration.json. */
#include "formats/dl4j/save.h"
#include "base/escape.h"
#include "formats/dl4j/write_layer.h"

#include <stdio.h>
#include <string.h>

enum { GRAPH, CHAIN };

static bool is_pre(const struct dli_vertex *v) { return strcmp(v->op->name, "flatten") == 0 || strcmp(v->op->name, "reshape") == 0; }

/* A vertex that is written as the preprocessor of the layer behind it. */
static bool folded(const dl4c_graph *g, int32_t i)
{
    if (!g->vertices[i].op || !is_pre(&g->vertices[i]) || !dli_graph_pre(g, i))
        return false;
    for (int32_t v = i + 1; v < g->n_vertices; v++)
        if (g->vertices[v].n_inputs == 1 && g->vertices[v].inputs[0] == i)
            return dli_dl4j_layer_class(&g->vertices[v]) && !dli_dl4j_wants_padding(g, &g->vertices[v], (int64_t[4]){ 0 });
    return false;
}

/* What stands around every layer: "layer" is written by the callback. */
static dl4c_status conf_out(struct dli_dl4j_writing *w, const char *pad_name, const int64_t *padding, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_text(e, "cacheMode", "NONE");
    dli_dl4j_text(e, "dataType", "FLOAT");
    dli_dl4j_int_out(e, "epochCount", w->g->epoch);
    dli_dl4j_int_out(e, "iterationCount", w->g->iteration);
    if (!w->v)
        dli_dl4j_raw(e, "layer", "null");
    else if (padding)
        dli_dl4j_padding_out(w, "layer", pad_name, padding);
    else
        DLI_TRY(dli_dl4j_layer_out(w, "layer", err));
    dli_dl4j_raw(e, "maxNumLineSearchIterations", "5");
    dli_dl4j_raw(e, "miniBatch", w->g->whole_gradients ? "false" : "true");
    dli_dl4j_raw(e, "minimize", "true");
    dli_dl4j_text(e, "optimizationAlgo", "STOCHASTIC_GRADIENT_DESCENT");
    dli_dl4j_int_out(e, "seed", (int64_t)w->g->seed);
    dli_dl4j_raw(e, "stepFunction", "null");
    dli_dl4j_key(e, "variables");
    dli_dl4j_open(e, '[');
    if (w->v && !padding)
        dli_dl4j_variables_out(e, w->v, NULL);
    else if (!w->v)
        for (int32_t i = 0; i < w->g->n_vertices; i++)
            dli_dl4j_variables_out(e, &w->g->vertices[i], w->g->vertices[i].name);
    dli_dl4j_close(e, ']');
    return DL4C_OK;
}

/* ---- the dl4c key -------------------------------------------------------------------------------------------- */

static void texts_out(struct dli_dl4j_emit *e, const char *key, const char *const *text, int32_t n)
{
    dli_dl4j_key(e, key);
    dli_dl4j_open(e, '[');
    for (int32_t i = 0; i < n; i++) {
        dli_dl4j_item(e);
        dli_strbuf_json(&e->b, text[i]);
    }
    dli_dl4j_close(e, ']');
}

static void text_out(struct dli_dl4j_emit *e, const char *key, const char *text)
{
    if (text)
        dli_dl4j_text(e, key, text);
}

/* Keys sorted like everywhere else. */
static dl4c_status info_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    const struct dl4c_model_info *info = &w->g->info;
    dli_dl4j_key(e, "dl4c");
    dli_dl4j_open(e, '{');
    if (info->n_classes > 0)
        texts_out(e, "classes", info->classes, info->n_classes);
    if (info->height > 0)
        dli_dl4j_int_out(e, "height", info->height);
    dli_dl4j_key(e, "inputs");
    dli_dl4j_open(e, '{');
    for (int32_t k = 0; k < w->g->n_inputs; k++) {
        const struct dli_vertex *v = &w->g->vertices[w->g->inputs[k]];
        dli_dl4j_ints_out(e, v->name, v->shape.dim, v->shape.rank);
    }
    dli_dl4j_close(e, '}');
    dli_dl4j_key(e, "nhwc");
    dli_dl4j_open(e, '[');
    for (int32_t k = 0; k < w->g->n_inputs; k++)
        if (w->g->vertices[w->g->inputs[k]].nhwc) {
            dli_dl4j_item(e);
            dli_strbuf_json(&e->b, w->g->vertices[w->g->inputs[k]].name);
        }
    dli_dl4j_close(e, ']');
    text_out(e, "pool", info->pool);
    text_out(e, "preprocess", info->preprocess);
    if (info->training) {
        json_t *root;
        if (dli_dl4j_parse(info->training, strlen(info->training), &root, NULL) != DL4C_OK)
            return dli_fail(err, DL4C_E_INVALID, "dl4j", "the graph's training settings are no JSON object");
        json_decref(root);
        dli_dl4j_raw(e, "training", info->training);
    }
    text_out(e, "trunk_digest", info->trunk_digest);
    text_out(e, "vertex", info->vertex);
    if (info->width > 0)
        dli_dl4j_int_out(e, "width", info->width);
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

/* ---- ComputationGraphConfiguration --------------------------------------------------------------------------- */

/* The layer that pads before a vertex: a name that no other has. */
static void pad_name(const dl4c_graph *g, const struct dli_vertex *v, char *name, size_t size)
{
    snprintf(name, size, "%.200s-pad", v->name);
    for (int k = 2; dli_graph_index(g, name) >= 0; k++)
        snprintf(name, size, "%.200s-pad%d", v->name, k);
}

static dl4c_status vertices_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_key(e, "vertices");
    dli_dl4j_open(e, '{');
    for (int32_t i = 0; i < w->g->n_vertices; i++) {
        char name[256];
        int64_t padding[4];
        w->v = &w->g->vertices[i];
        if (!w->v->op || folded(w->g, i))
            continue;
        if (!dli_dl4j_layer_class(w->v)) {
            DLI_TRY(dli_dl4j_vertex_out(w, err));
            continue;
        }
        const bool pads = dli_dl4j_wants_padding(w->g, w->v, padding);
        for (int layer = !pads; layer < 2; layer++) {
            pad_name(w->g, w->v, name, sizeof name);
            dli_dl4j_key(e, layer ? w->v->name : name);
            dli_dl4j_open(e, '{');
            dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.LayerVertex");
            dli_dl4j_key(e, "layerConf");
            dli_dl4j_open(e, '{');
            DLI_TRY(conf_out(w, name, layer ? NULL : padding, err));
            dli_dl4j_close(e, '}');
            dli_dl4j_raw(e, "outputVertex", "false");
            const bool before = layer && w->v->n_inputs == 1 && folded(w->g, w->v->inputs[0]);
            if (before) {
                w->v = &w->g->vertices[w->v->inputs[0]];
                DLI_TRY(dli_dl4j_pre_vertex_out(w, "preProcessor", err));
            } else if (layer)
                DLI_TRY(dli_dl4j_pre_out(w, "preProcessor", err));
            else
                dli_dl4j_raw(e, "preProcessor", "null");
            dli_dl4j_close(e, '}');
        }
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static void edges_out(struct dli_dl4j_writing *w)
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_key(e, "vertexInputs");
    dli_dl4j_open(e, '{');
    for (int32_t i = 0; i < w->g->n_vertices; i++) {
        const struct dli_vertex *v = &w->g->vertices[i];
        char name[256];
        int64_t padding[4];
        if (!v->op || folded(w->g, i))
            continue;
        const bool pads = dli_dl4j_wants_padding(w->g, v, padding);
        if (pads) {
            pad_name(w->g, v, name, sizeof name);
            const char *from[] = { w->g->vertices[v->inputs[0]].name };
            texts_out(e, name, from, 1);
        }
        dli_dl4j_key(e, v->name);
        dli_dl4j_open(e, '[');
        for (int32_t k = 0; k < v->n_inputs; k++) {
            dli_dl4j_item(e);
            const struct dli_vertex *from = &w->g->vertices[v->inputs[k]];
            if (folded(w->g, v->inputs[k]))
                from = &w->g->vertices[from->inputs[0]];
            dli_strbuf_json(&e->b, pads ? name : from->name);
        }
        dli_dl4j_close(e, ']');
    }
    dli_dl4j_close(e, '}');
}

static void order_out(struct dli_dl4j_writing *w)
{
    struct dli_dl4j_emit *e = &w->e;
    int64_t n = 0;
    for (int names = 0; names < 2; names++) {
        dli_dl4j_key(e, names ? "topologicalOrderStr" : "topologicalOrder");
        dli_dl4j_open(e, '[');
        for (int32_t k = 0; k < w->g->n_inputs; k++, n++) {
            dli_dl4j_item(e);
            if (names)
                dli_strbuf_json(&e->b, w->g->vertices[w->g->inputs[k]].name);
            else
                dli_strbuf_addf(&e->b, "%" PRId64, n);
        }
        for (int32_t i = 0; i < w->g->n_vertices; i++) {
            const struct dli_vertex *v = &w->g->vertices[i];
            char name[256];
            int64_t padding[4];
            if (!v->op || folded(w->g, i))
                continue;
            pad_name(w->g, v, name, sizeof name);
            for (int own = !dli_dl4j_wants_padding(w->g, v, padding); own < 2; own++, n++) {
                dli_dl4j_item(e);
                if (names)
                    dli_strbuf_json(&e->b, own ? v->name : name);
                else
                    dli_strbuf_addf(&e->b, "%" PRId64, n);
            }
        }
        dli_dl4j_close(e, ']');
    }
}

static void names_out(struct dli_dl4j_writing *w, const char *key, const int32_t *list, int32_t n)
{
    dli_dl4j_key(&w->e, key);
    dli_dl4j_open(&w->e, '[');
    for (int32_t k = 0; k < n; k++) {
        dli_dl4j_item(&w->e);
        dli_strbuf_json(&w->e.b, w->g->vertices[list[k]].name);
    }
    dli_dl4j_close(&w->e, ']');
}

static dl4c_status graph_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_text(e, "backpropType", "Standard");
    dli_dl4j_text(e, "cacheMode", "NONE");
    dli_dl4j_text(e, "dataType", "FLOAT");
    dli_dl4j_key(e, "defaultConfiguration");
    dli_dl4j_open(e, '{');
    DLI_TRY(conf_out(w, NULL, NULL, err));
    dli_dl4j_close(e, '}');
    DLI_TRY(info_out(w, err));
    dli_dl4j_int_out(e, "epochCount", w->g->epoch);
    dli_dl4j_text(e, "inferenceWorkspaceMode", "ENABLED");
    dli_dl4j_int_out(e, "iterationCount", w->g->iteration);
    names_out(w, "networkInputs", w->g->inputs, w->g->n_inputs);
    names_out(w, "networkOutputs", w->g->outputs, w->g->n_outputs);
    dli_dl4j_raw(e, "tbpttBackLength", "20");
    dli_dl4j_raw(e, "tbpttFwdLength", "20");
    order_out(w);
    dli_dl4j_text(e, "trainingWorkspaceMode", "ENABLED");
    dli_dl4j_raw(e, "validateOutputLayerConfig", "true");
    edges_out(w);
    return vertices_out(w, err);
}

/* ---- MultiLayerConfiguration --------------------------------------------------------------------------------- */

static dl4c_status pres_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    int32_t layer = 0;
    dli_dl4j_key(&w->e, "inputPreProcessors");
    dli_dl4j_open(&w->e, '{');
    for (int32_t i = 0; i < w->g->n_vertices; i++) {
        char key[16];
        w->v = &w->g->vertices[i];
        if (!w->v->op)
            continue;
        snprintf(key, sizeof key, "%" PRId32, layer);
        if (is_pre(w->v)) {
            DLI_TRY(dli_dl4j_pre_vertex_out(w, key, err));
            continue;
        }
        layer++;
        const bool linear = dli_dl4j_flattens(w->v);
        if (w->v->maps || (linear && w->g->vertices[w->v->inputs[0]].shape.rank > 1))
            DLI_TRY(dli_dl4j_pre_out(w, key, err));
    }
    dli_dl4j_close(&w->e, '}');
    return DL4C_OK;
}

static dl4c_status confs_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    dli_dl4j_key(&w->e, "confs");
    dli_dl4j_open(&w->e, '[');
    for (int32_t i = 0; i < w->g->n_vertices; i++) {
        w->v = &w->g->vertices[i];
        if (!w->v->op || is_pre(w->v))
            continue;
        dli_dl4j_item(&w->e);
        dli_dl4j_open(&w->e, '{');
        DLI_TRY(conf_out(w, NULL, NULL, err));
        dli_dl4j_close(&w->e, '}');
    }
    dli_dl4j_close(&w->e, ']');
    return DL4C_OK;
}

static dl4c_status chain_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_text(e, "backpropType", "Standard");
    dli_dl4j_text(e, "cacheMode", "NONE");
    DLI_TRY(confs_out(w, err));
    dli_dl4j_text(e, "dataType", "FLOAT");
    DLI_TRY(info_out(w, err));
    dli_dl4j_int_out(e, "epochCount", w->g->epoch);
    dli_dl4j_text(e, "inferenceWorkspaceMode", "ENABLED");
    DLI_TRY(pres_out(w, err));
    dli_dl4j_int_out(e, "iterationCount", w->g->iteration);
    dli_dl4j_raw(e, "tbpttBackLength", "20");
    dli_dl4j_raw(e, "tbpttFwdLength", "20");
    dli_dl4j_text(e, "trainingWorkspaceMode", "ENABLED");
    dli_dl4j_raw(e, "validateOutputLayerConfig", "true");
    return DL4C_OK;
}

/* A chain of layers that a MultiLayerConfiguration can hold: else the graph is written as the graph that it is. */
static int form(const dl4c_graph *g)
{
    if (!g->multilayer || g->n_inputs != 1 || g->n_outputs != 1 || g->outputs[0] != g->n_vertices - 1 || g->inputs[0] != 0)
        return GRAPH;
    for (int32_t i = 1; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        int64_t padding[4];
        if (!v->op || v->n_inputs != 1 || v->inputs[0] != i - 1 || dli_dl4j_wants_padding(g, v, padding))
            return GRAPH;
        if (!dli_dl4j_layer_class(v) && !(is_pre(v) && i + 1 < g->n_vertices && !is_pre(&g->vertices[i + 1])))
            return GRAPH;
    }
    return CHAIN;
}

dl4c_status dli_dl4j_config_write(const dl4c_graph *g, char **text, struct dl4c_error *err)
{
    struct dli_dl4j_writing w = { .g = g };
    dli_strbuf_init(&w.e.b, g->ctx);
    dli_dl4j_open(&w.e, '{');
    dl4c_status status = form(g) == CHAIN ? chain_out(&w, err) : graph_out(&w, err);
    dli_dl4j_close(&w.e, '}');
    if (status == DL4C_OK)
        status = dli_strbuf_take(&w.e.b, text, err);
    dli_spec_free(&w.updater);
    dli_strbuf_free(&w.e.b);
    return status;
}
