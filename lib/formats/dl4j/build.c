/* SPDX-License-Identifier: Apache-2.0 */
/* From the list to a builder, and what shape the inputs have: the configuration says it only here and there. */
#include "formats/dl4j/config.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST = 4096 }; /* height or width that is looked for */

/* ---- shapes of inputs ---------------------------------------------------------------------------------------- */

/* The `dl4c` key's. */
static dl4c_status said(const struct dli_dl4j_config *c, const char *name, struct dl4c_shape *s, struct dl4c_error *err)
{
    const json_t *list = json_object_get(json_object_get(json_object_get(c->root, "dl4c"), "inputs"), name);
    if (!list)
        return DL4C_OK;
    bool good = json_is_array(list) && json_array_size(list) > 0 && json_array_size(list) <= DLI_SHAPE_RANK;
    s->rank = (int32_t)json_array_size(list);
    for (int32_t k = 0; good && k < s->rank; k++) {
        const json_t *v = json_array_get(list, (size_t)k);
        s->dim[k] = json_integer_value(v);
        good = json_is_integer(v) && (s->dim[k] > 0 || s->dim[k] == -1);
    }
    return good ? DL4C_OK : dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the shape of input '%.100s' under \"dl4c\" is not one", name);
}

static bool said_nhwc(const struct dli_dl4j_config *c, const char *name)
{
    const json_t *list = json_object_get(json_object_get(c->root, "dl4c"), "nhwc");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* A layer's preprocessor, or the vertex that is one. */
static struct dli_dl4j_pre pre_of(const struct dli_dl4j_item *it)
{
    struct dli_dl4j_pre pre = it->pre;
    if (it->vertex && strcmp(dli_dl4j_class(it->vertex), "PreprocessorVertex") == 0 &&
        dli_dl4j_read_pre(it->name, dli_dl4j_get(it->vertex, "preProcessor"), &pre, NULL) != DL4C_OK)
        memset(&pre, 0, sizeof pre);
    return pre;
}

/* What the first layers behind it tell: the file's words come before what shapes follow. */
static dl4c_status guess(const struct dli_dl4j_config *c, int32_t input, struct dl4c_shape *s, struct dl4c_error *err)
{
    enum { NOTHING, RANK, CHANNELS, ALL }; /* what a value has of the input's shape */
    uint8_t *mark = dli_calloc(c->ctx, (size_t)c->n, 1, err);
    if (!mark)
        return dli_alloc_status();
    int32_t rank = 0;
    int64_t channels = 0;
    bool flattened = false;
    mark[input] = ALL;
    for (int32_t i = input + 1; i < c->n && s->rank == 0 && !(rank && channels); i++) {
        const struct dli_dl4j_item *it = &c->items[i];
        uint8_t from = NOTHING;
        for (int32_t k = 0; k < it->n_inputs; k++)
            from = mark[it->inputs[k]] > from ? mark[it->inputs[k]] : from;
        if (from == NOTHING)
            continue;
        const struct dli_dl4j_pre pre = pre_of(it);
        if (pre.kind != DLI_DL4J_PRE_NONE) {
            rank = rank ? rank : 3;
            flattened = true;
            if (from >= CHANNELS && channels == 0)
                channels = pre.shape[0] > 0 ? pre.shape[0] : 0;
            if (from == ALL) {
                s->rank = 3;
                memcpy(s->dim, pre.shape, sizeof pre.shape);
            }
            continue;
        }
        const struct dli_dl4j_hint h = dli_dl4j_hint(it->layer, it->vertex);
        rank = rank ? rank : h.rank;
        if (from >= CHANNELS && channels == 0)
            channels = h.channels;
        if (h.same)
            mark[i] = h.rank == 0 || from < CHANNELS ? from : CHANNELS;
        else if (rank || (it->vertex && strcmp(it->what.op, "merge") == 0))
            mark[i] = RANK;
    }
    dli_free(mark);
    if (s->rank)
        return DL4C_OK;
    if (!channels && rank == 3 && flattened)
        channels = -1; /* solve will find it */
    if (!channels)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "nothing in the configuration tells the shape of input '%.100s'",
                        c->items[input].name);
    s->rank = rank == 3 || rank == 2 ? rank : 1;
    s->dim[0] = channels;
    s->dim[1] = s->dim[2] = -1;
    return DL4C_OK;
}

/* A copy with some height or width: whether the maps in front of `target` then have `wanted` along that axis. */
static bool fits(const dl4c_graph *g, int32_t axis, int64_t length, const char *target, int64_t wanted)
{
    dl4c_graph *copy;
    bool good = false;
    if (dli_graph_copy(g, &copy, NULL) != DL4C_OK)
        return false;
    for (int32_t i = 0; i < copy->n_vertices; i++) {
        struct dli_vertex *v = &copy->vertices[i];
        if (!v->op && v->shape.rank == 3 && v->shape.dim[axis] < 0)
            v->shape.dim[axis] = length;
    }
    if (dli_graph_resolve(copy, false, NULL) == DL4C_OK) {
        const int32_t at = dli_graph_index(copy, target);
        good = at >= 0 && copy->vertices[at].shape.rank == 3 && copy->vertices[at].shape.dim[axis] == wanted;
    }
    dli_graph_unref(copy);
    return good;
}

/* Channels, heights and widths that nobody says: the least that give the maps which the first flattening expects. Sessions may take
 * other heights and widths. */
static void solve(const struct dli_dl4j_config *c, dl4c_graph *g)
{
    const struct dli_dl4j_item *it = NULL;
    for (int32_t i = 0; i < c->n && !it; i++)
        if (pre_of(&c->items[i]).kind == DLI_DL4J_PRE_FLATTEN && c->items[i].n_inputs == 1)
            it = &c->items[i];
    if (!it)
        return;
    for (int32_t axis = 0; axis < 3; axis++) {
        const int64_t wanted = pre_of(it).shape[axis];
        for (int64_t length = 1; wanted > 0 && length <= LARGEST; length++)
            if (fits(g, axis, length, c->items[it->inputs[0]].name, wanted)) {
                for (int32_t i = 0; i < g->n_vertices; i++)
                    if (!g->vertices[i].op && g->vertices[i].shape.rank == 3 && g->vertices[i].shape.dim[axis] < 0)
                        g->vertices[i].shape.dim[axis] = length;
                break;
            }
    }
}

/* ---- vertices ------------------------------------------------------------------------------------------------ */

/* In front of a layer that does not flatten by itself, or that wants maps of a row: a vertex of its own. Answers its name. */
static dl4c_status add_pre(const struct dli_dl4j_config *c, const struct dli_dl4j_item *it, dl4c_builder *b, char **from,
                           struct dl4c_error *err)
{
    struct dli_strbuf name;
    *from = NULL;
    const struct dli_dl4j_item *input = it->n_inputs == 1 ? &c->items[it->inputs[0]] : NULL;
    if (it->pre.kind == DLI_DL4J_PRE_NONE || !input)
        return DL4C_OK;
    if (it->pre.kind == DLI_DL4J_PRE_FLATTEN && it->what.flattens)
        return DL4C_OK;
    if (it->pre.kind == DLI_DL4J_PRE_MAPS && !input->layer && !input->vertex)
        return DL4C_OK; /* the input has that shape already */
    dli_strbuf_init(&name, c->ctx);
    dli_strbuf_addf(&name, "%s-%s", it->name, it->pre.kind == DLI_DL4J_PRE_FLATTEN ? "flatten" : "reshape");
    DLI_TRY(dli_strbuf_take(&name, from, err));
    const char *inputs[] = { input->name };
    const struct dl4c_attr shape = dl4c_attr_ints("shape", it->pre.shape, 3);
    if (it->pre.kind == DLI_DL4J_PRE_FLATTEN)
        dl4c_builder_add(b, "flatten", *from, inputs, 1, NULL, 0);
    else
        dl4c_builder_add(b, "reshape", *from, inputs, 1, &shape, 1);
    dli_builder_mark_pre(b, *from);
    return DL4C_OK;
}

static dl4c_status add_item(const struct dli_dl4j_config *c, struct dli_dl4j_item *it, dl4c_builder *b, char **updater,
                            struct dl4c_error *err)
{
    const char *few[8], **names = few;
    char *from = NULL;
    if (it->what.updater && !*updater) {
        *updater = it->what.updater;
        it->what.updater = NULL;
    } else if (it->what.updater && strcmp(it->what.updater, *updater) != 0) {
        char *own = it->what.updater;
        it->what.updater = NULL;
        dli_dl4j_layer_str(&it->what, "updater", own);
    }
    if (it->n_inputs > 8 && !(names = dli_array(c->ctx, (size_t)it->n_inputs, sizeof *names, err)))
        return dli_alloc_status();
    dl4c_status status = add_pre(c, it, b, &from, err);
    for (int32_t k = 0; k < it->n_inputs; k++)
        names[k] = c->items[it->inputs[k]].name;
    if (from)
        names[0] = from;
    if (status == DL4C_OK) {
        dl4c_builder_add(b, it->what.op, it->name, names, it->n_inputs, it->what.attr, it->what.n);
        if (it->pre.kind == DLI_DL4J_PRE_MAPS && !from)
            dli_builder_mark_maps(b, it->name);
        if (it->what.frozen)
            dli_builder_mark_frozen(b, it->name);
        status = dli_builder_status(b, err);
    }
    if (names != few)
        dli_free(names);
    dli_free(from);
    return status;
}

static dl4c_status build(struct dli_dl4j_config *c, dl4c_builder *b, char **updater, struct dl4c_error *err)
{
    bool open = false;
    for (int32_t i = 0; i < c->n; i++) {
        struct dli_dl4j_item *it = &c->items[i];
        if (it->layer || it->vertex) {
            DLI_TRY(add_item(c, it, b, updater, err));
            continue;
        }
        struct dl4c_shape s = { 0 };
        DLI_TRY(said(c, it->name, &s, err));
        if (s.rank == 0)
            DLI_TRY(guess(c, i, &s, err));
        for (int32_t k = 0; k < s.rank; k++)
            open = open || s.dim[k] < 0;
        dl4c_builder_input(b, it->name, s.dim, s.rank);
        if (s.rank == 3 && said_nhwc(c, it->name))
            dli_builder_input_nhwc(b, it->name);
    }
    const char **names = dli_array(c->ctx, (size_t)c->n_outputs, sizeof *names, err);
    if (!names)
        return dli_alloc_status();
    for (int32_t k = 0; k < c->n_outputs; k++)
        names[k] = c->items[c->outputs[k]].name;
    dl4c_builder_outputs(b, names, c->n_outputs);
    dli_free(names);
    DLI_TRY(dli_builder_status(b, err));
    dl4c_graph *g = dli_builder_graph(b);
    g->seed = c->seed;
    g->iteration = c->iteration;
    g->epoch = c->epoch;
    g->multilayer = c->multilayer;
    g->whole_gradients = !c->mini_batch;
    if (open)
        solve(c, g);
    return DL4C_OK;
}

dl4c_status dli_dl4j_config_build(struct dli_dl4j_config *c, dl4c_builder *b, char **updater, struct dl4c_error *err)
{
    *updater = NULL;
    const dl4c_status status = build(c, b, updater, err);
    if (status != DL4C_OK) {
        dli_free(*updater);
        *updater = NULL;
    }
    return status;
}

/* ---- the dl4c key -------------------------------------------------------------------------------------------- */

static int add_text(const char *text, size_t n, void *to)
{
    dli_strbuf_addn(to, text, n);
    return 0;
}

dl4c_status dli_dl4j_info_read(dl4c_context *ctx, const json_t *root, dl4c_graph *g, struct dl4c_error *err)
{
    const struct dli_dl4j_at at = { "", "dl4c" };
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    const json_t *o, *classes, *training;
    int64_t v;
    DLI_TRY(dli_dl4j_object(root, "dl4c", &at, &o, err));
    if (!o)
        return DL4C_OK;
    DLI_TRY(dli_dl4j_array(o, "classes", &at, &classes, err));
    DLI_TRY(dli_dl4j_str(o, "preprocess", NULL, &at, &info.preprocess, err));
    DLI_TRY(dli_dl4j_int(o, "height", 0, &at, &v, err));
    info.height = (int32_t)(v > 0 && v <= INT32_MAX ? v : 0);
    DLI_TRY(dli_dl4j_int(o, "width", 0, &at, &v, err));
    info.width = (int32_t)(v > 0 && v <= INT32_MAX ? v : 0);
    DLI_TRY(dli_dl4j_str(o, "pool", NULL, &at, &info.pool, err));
    DLI_TRY(dli_dl4j_str(o, "vertex", NULL, &at, &info.vertex, err));
    DLI_TRY(dli_dl4j_str(o, "trunk_digest", NULL, &at, &info.trunk_digest, err));
    DLI_TRY(dli_dl4j_object(o, "training", &at, &training, err));
    const size_t n = json_array_size(classes);
    const char **names = dli_array(ctx, n + 1, sizeof *names, err);
    if (!names)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (size_t i = 0; i < n; i++)
        if (!(names[i] = json_string_value(json_array_get(classes, i))))
            status = dli_dl4j_wrong("classes", "a list of texts", &at, err);
    struct dli_strbuf b;
    char *text = NULL;
    dli_strbuf_init(&b, ctx);
    if (training && json_dump_callback(training, add_text, &b, JSON_COMPACT | JSON_SORT_KEYS) != 0 && status == DL4C_OK)
        status = dli_fail(err, DL4C_E_NOMEM, "dl4j", "no memory for the training settings");
    if (status == DL4C_OK && training)
        status = dli_strbuf_take(&b, &text, err);
    if (status == DL4C_OK) {
        info.n_classes = (int32_t)n;
        info.classes = n ? names : NULL;
        info.training = text;
        status = dl4c_graph_set_info(g, &info, err);
    }
    dli_strbuf_free(&b);
    dli_free(text);
    dli_free(names);
    return status;
}
