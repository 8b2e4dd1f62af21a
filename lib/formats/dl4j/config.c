/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON to a list in topological order. */
#include "formats/dl4j/config.h"

#include <stdio.h>
#include <string.h>

static const struct dli_dl4j_at top = { "", "configuration" };

void dli_dl4j_config_free(struct dli_dl4j_config *c)
{
    for (int32_t i = 0; c->items && i < c->n; i++) {
        dli_free(c->items[i].name);
        dli_free(c->items[i].inputs);
        dli_dl4j_layer_free(&c->items[i].what);
    }
    dli_free(c->items);
    dli_free(c->outputs);
    memset(c, 0, sizeof *c);
}

static dl4c_status make_items(struct dli_dl4j_config *c, size_t n, struct dl4c_error *err)
{
    if (n == 0 || n > INT32_MAX / 4)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration has no layers");
    c->items = dli_calloc(c->ctx, n, sizeof *c->items, err);
    c->outputs = dli_calloc(c->ctx, n, sizeof *c->outputs, err);
    if (!c->items || !c->outputs)
        return dli_alloc_status();
    c->n = (int32_t)n;
    return DL4C_OK;
}

static dl4c_status set_inputs(struct dli_dl4j_config *c, struct dli_dl4j_item *it, int32_t n, struct dl4c_error *err)
{
    it->inputs = dli_calloc(c->ctx, n > 0 ? (size_t)n : 1, sizeof *it->inputs, err);
    it->n_inputs = n;
    return it->inputs ? DL4C_OK : dli_alloc_status();
}

static dl4c_status set_name(struct dli_dl4j_config *c, struct dli_dl4j_item *it, const char *name, struct dl4c_error *err)
{
    it->name = dli_strdup(c->ctx, name, err);
    return it->name ? DL4C_OK : dli_alloc_status();
}

static int32_t find(const struct dli_dl4j_config *c, const char *name)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->items[i].name && strcmp(c->items[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- MultiLayerConfiguration --------------------------------------------------------------------------------- */

/* A layer's own name where it has one that no other has, else "layer3". */
static dl4c_status name_layer(struct dli_dl4j_config *c, int32_t i, struct dl4c_error *err)
{
    const char *own = json_string_value(json_object_get(c->items[i].layer, "layerName"));
    char text[32];
    snprintf(text, sizeof text, "layer%" PRId32, i - 1);
    if (!own || !own[0] || find(c, own) >= 0)
        own = text;
    char other[64];
    for (int k = 2; find(c, own) >= 0; k++) {
        snprintf(other, sizeof other, "layer%" PRId32 "_%d", i - 1, k);
        own = other;
    }
    return set_name(c, &c->items[i], own, err);
}

static dl4c_status read_chain(struct dli_dl4j_config *c, struct dl4c_error *err)
{
    const json_t *confs, *pres, *layer;
    DLI_TRY(dli_dl4j_array(c->root, "confs", &top, &confs, err));
    DLI_TRY(dli_dl4j_object(c->root, "inputPreProcessors", &top, &pres, err));
    const size_t n = json_array_size(confs);
    if (n == 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration has no layers");
    DLI_TRY(make_items(c, n + 1, err));
    c->multilayer = true;
    DLI_TRY(set_name(c, &c->items[0], "input", err));
    for (int32_t i = 1; i < c->n; i++) {
        struct dli_dl4j_item *it = &c->items[i];
        char key[16];
        it->conf = json_array_get(confs, (size_t)i - 1);
        DLI_TRY(dli_dl4j_object(it->conf, "layer", &top, &layer, err));
        if (!layer)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "layer %" PRId32 " of the configuration is missing", i - 1);
        it->layer = layer;
        DLI_TRY(name_layer(c, i, err));
        DLI_TRY(set_inputs(c, it, 1, err));
        it->inputs[0] = i - 1;
        snprintf(key, sizeof key, "%" PRId32, i - 1);
        DLI_TRY(dli_dl4j_read_pre(it->name, dli_dl4j_get(pres, key), &it->pre, err));
    }
    c->outputs[0] = c->n - 1;
    c->n_outputs = 1;
    return DL4C_OK;
}

/* ---- ComputationGraphConfiguration --------------------------------------------------------------------------- */

static dl4c_status read_vertex(struct dli_dl4j_config *c, struct dli_dl4j_item *it, const char *name, const json_t *v,
                               struct dl4c_error *err)
{
    const struct dli_dl4j_at at = { name, "vertex" };
    const json_t *pre, *layer;
    DLI_TRY(set_name(c, it, name, err));
    if (!json_is_object(v))
        return dli_dl4j_wrong(name, "an object", &at, err);
    if (strcmp(dli_dl4j_class(v), "LayerVertex") != 0) {
        it->vertex = v;
        return DL4C_OK;
    }
    DLI_TRY(dli_dl4j_object(v, "layerConf", &at, &it->conf, err));
    DLI_TRY(dli_dl4j_object(it->conf, "layer", &at, &layer, err));
    if (!layer)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "vertex '%.100s' has no layer", name);
    it->layer = layer;
    DLI_TRY(dli_dl4j_object(v, "preProcessor", &at, &pre, err));
    return dli_dl4j_read_pre(name, pre, &it->pre, err);
}

static dl4c_status read_edges(struct dli_dl4j_config *c, struct dli_dl4j_item *it, const json_t *edges, struct dl4c_error *err)
{
    const json_t *list = json_object_get(edges, it->name);
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > (size_t)c->n * 16)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "vertex '%.100s' has no list of inputs", it->name);
    DLI_TRY(set_inputs(c, it, (int32_t)json_array_size(list), err));
    for (int32_t k = 0; k < it->n_inputs; k++) {
        const char *from = json_string_value(json_array_get(list, (size_t)k));
        it->inputs[k] = from ? find(c, from) : -1;
        if (it->inputs[k] < 0)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "input %" PRId32 " of vertex '%.100s' is '%.100s', which is not there", k,
                            it->name, from ? from : "");
    }
    return DL4C_OK;
}

/* The order the file has: names, else numbers that count inputs first, then vertices as they stand. False: it says none. */
static dl4c_status given_order(const struct dli_dl4j_config *c, int32_t *order, bool *given, struct dl4c_error *err)
{
    const json_t *names, *numbers;
    DLI_TRY(dli_dl4j_array(c->root, "topologicalOrderStr", &top, &names, err));
    DLI_TRY(dli_dl4j_array(c->root, "topologicalOrder", &top, &numbers, err));
    const json_t *list = names ? names : numbers;
    *given = list != NULL;
    if (!list)
        return DL4C_OK;
    if (json_array_size(list) != (size_t)c->n)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the topological order has %zu names, the graph %" PRId32, json_array_size(list),
                        c->n);
    for (int32_t k = 0; k < c->n; k++) {
        const json_t *v = json_array_get(list, (size_t)k);
        int64_t i = json_is_string(v) ? find(c, json_string_value(v)) : json_is_integer(v) ? json_integer_value(v) : -1;
        for (int32_t m = 0; m < k && i >= 0; m++)
            if (order[m] == i)
                i = -1;
        if (i < 0 || i >= c->n)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "entry %" PRId32 " of the topological order is no vertex, or stands there twice",
                            k);
        order[k] = (int32_t)i;
    }
    return DL4C_OK;
}

/* Kahn's algorithm as the reference runs it: a queue; what becomes ready joins it in the order of the vertices. */
static dl4c_status kahn(const struct dli_dl4j_config *c, int32_t *order, struct dl4c_error *err)
{
    int32_t *missing = dli_calloc(c->ctx, (size_t)c->n, sizeof *missing, err);
    if (!missing)
        return dli_alloc_status();
    int32_t n = 0;
    for (int32_t i = 0; i < c->n; i++) {
        missing[i] = c->items[i].n_inputs;
        if (missing[i] == 0)
            order[n++] = i;
    }
    for (int32_t k = 0; k < n; k++)
        for (int32_t i = 0; i < c->n; i++) {
            const struct dli_dl4j_item *it = &c->items[i];
            for (int32_t m = 0; m < it->n_inputs; m++)
                if (it->inputs[m] == order[k] && --missing[i] == 0)
                    order[n++] = i;
        }
    dli_free(missing);
    return n == c->n ? DL4C_OK : dli_fail(err, DL4C_E_CORRUPT, "dl4j", "a vertex of the graph depends on itself");
}

static dl4c_status reorder(struct dli_dl4j_config *c, struct dl4c_error *err)
{
    int32_t *order = dli_calloc(c->ctx, (size_t)c->n, sizeof *order, err), *to = dli_calloc(c->ctx, (size_t)c->n, sizeof *to, err);
    struct dli_dl4j_item *items = dli_calloc(c->ctx, (size_t)c->n, sizeof *items, err);
    dl4c_status status = order && to && items ? DL4C_OK : dli_alloc_status();
    bool given = false;
    if (status == DL4C_OK)
        status = given_order(c, order, &given, err);
    if (status == DL4C_OK && !given)
        status = kahn(c, order, err);
    for (int32_t k = 0; k < c->n && status == DL4C_OK; k++)
        to[order[k]] = k;
    for (int32_t k = 0; k < c->n && status == DL4C_OK; k++) {
        const struct dli_dl4j_item *it = &c->items[order[k]];
        for (int32_t m = 0; m < it->n_inputs && status == DL4C_OK; m++)
            if (to[it->inputs[m]] >= k)
                status =
                    dli_fail(err, DL4C_E_CORRUPT, "dl4j", "vertex '%.100s' stands before its input in the topological order", it->name);
    }
    if (status == DL4C_OK) {
        for (int32_t k = 0; k < c->n; k++) {
            items[k] = c->items[order[k]];
            for (int32_t m = 0; m < items[k].n_inputs; m++)
                items[k].inputs[m] = to[items[k].inputs[m]];
        }
        memcpy(c->items, items, (size_t)c->n * sizeof *items);
        for (int32_t k = 0; k < c->n_outputs; k++)
            c->outputs[k] = to[c->outputs[k]];
    }
    dli_free(order);
    dli_free(to);
    dli_free(items);
    return status;
}

static dl4c_status read_graph(struct dli_dl4j_config *c, struct dl4c_error *err)
{
    const json_t *inputs, *outputs, *vertices, *edges;
    DLI_TRY(dli_dl4j_array(c->root, "networkInputs", &top, &inputs, err));
    DLI_TRY(dli_dl4j_array(c->root, "networkOutputs", &top, &outputs, err));
    DLI_TRY(dli_dl4j_object(c->root, "vertices", &top, &vertices, err));
    DLI_TRY(dli_dl4j_object(c->root, "vertexInputs", &top, &edges, err));
    const size_t n_in = json_array_size(inputs), n = n_in + json_object_size(vertices);
    if (n_in == 0 || json_object_size(vertices) == 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration has no %s", n_in == 0 ? "networkInputs" : "vertices");
    DLI_TRY(make_items(c, n, err));
    int32_t at = 0;
    for (size_t i = 0; i < n_in; i++) {
        const char *name = json_string_value(json_array_get(inputs, i));
        if (!name || find(c, name) >= 0)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "input %zu of the network has no name of its own", i);
        DLI_TRY(set_name(c, &c->items[at++], name, err));
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)vertices, key, value)
    {
        if (find(c, key) >= 0)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "vertex '%.100s' has the name of an input", key);
        DLI_TRY(read_vertex(c, &c->items[at++], key, value, err));
    }
    for (int32_t i = (int32_t)n_in; i < c->n; i++)
        DLI_TRY(read_edges(c, &c->items[i], edges, err));
    if (json_array_size(outputs) == 0 || json_array_size(outputs) > n)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the configuration has no networkOutputs");
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const char *name = json_string_value(json_array_get(outputs, i));
        const int32_t k = name ? find(c, name) : -1;
        if (k < 0)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "output '%.100s' of the network is no vertex", name ? name : "");
        c->outputs[c->n_outputs++] = k;
    }
    return reorder(c, err);
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

static dl4c_status read_counters(struct dli_dl4j_config *c, struct dl4c_error *err)
{
    const json_t *conf = json_object_get(c->root, "defaultConfiguration");
    for (int32_t i = 0; i < c->n && !conf; i++)
        conf = c->items[i].conf;
    int64_t seed;
    DLI_TRY(dli_dl4j_int(conf, "seed", 42, &top, &seed, err));
    DLI_TRY(dli_dl4j_bool(conf, "miniBatch", true, &top, &c->mini_batch, err));
    DLI_TRY(dli_dl4j_int(c->root, "iterationCount", 0, &top, &c->iteration, err));
    DLI_TRY(dli_dl4j_int(c->root, "epochCount", 0, &top, &c->epoch, err));
    if (c->iteration < 0 || c->epoch < 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "iterationCount or epochCount is negative");
    c->seed = (uint64_t)seed;
    return DL4C_OK;
}

/* What stands in front of layers behind a sequence is nothing where that was pooled before, as the reference's own graphs have it; a layer
 * that runs over the times themselves is not there. */
static dl4c_status check_rows(struct dli_dl4j_config *c, int32_t i, struct dl4c_error *err)
{
    struct dli_dl4j_item *it = &c->items[i];
    if (it->pre.kind != DLI_DL4J_PRE_ROWS)
        return DL4C_OK;
    const struct dli_dl4j_item *from = it->n_inputs == 1 ? &c->items[it->inputs[0]] : it;
    while (from != it && from->n_inputs == 1 && (strcmp(from->what.op, "dropout") == 0 || from->what.n == 0) && from->layer)
        from = &c->items[from->inputs[0]];
    if (strcmp(from->what.op, "global_pool") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j",
                        "layer '%.100s': preprocessor RnnToFeedForwardPreProcessor is not supported but behind a global pooling", it->name);
    it->pre.kind = DLI_DL4J_PRE_NONE;
    return DL4C_OK;
}

dl4c_status dli_dl4j_config_read(dl4c_context *ctx, const json_t *root, struct dli_dl4j_config *c, struct dl4c_error *err)
{
    memset(c, 0, sizeof *c);
    c->ctx = ctx;
    c->root = root;
    dl4c_status status;
    if (json_object_get(root, "confs"))
        status = read_chain(c, err);
    else if (json_object_get(root, "vertices"))
        status = read_graph(c, err);
    else
        status = dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j",
                          "the configuration has neither \"confs\" nor \"vertices\": no network of Deeplearning4j");
    if (status == DL4C_OK)
        status = read_counters(c, err);
    for (int32_t i = 0; i < c->n && status == DL4C_OK; i++) {
        struct dli_dl4j_item *it = &c->items[i];
        if (it->layer)
            status = dli_dl4j_read_layer(ctx, it->name, it->layer, it->conf, &it->what, err);
        else if (it->vertex)
            status = dli_dl4j_read_vertex(ctx, it->name, it->vertex, &it->what, err);
    }
    for (int32_t i = 0; i < c->n && status == DL4C_OK; i++)
        status = check_rows(c, i, err);
    const char *backprop = "";
    if (status == DL4C_OK)
        status = dli_dl4j_str(root, "backpropType", "Standard", &top, &backprop, err);
    for (int32_t i = 0; i < c->n && status == DL4C_OK && strcmp(backprop, "TruncatedBPTT") == 0; i++)
        if (strstr(c->items[i].what.op, "lstm") || strstr(c->items[i].what.op, "rnn"))
            status = dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "layer '%.100s': TruncatedBPTT is not supported, wanted Standard",
                              c->items[i].name);
    if (status != DL4C_OK)
        dli_dl4j_config_free(c);
    return status;
}
