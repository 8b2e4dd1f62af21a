/* SPDX-License-Identifier: Apache-2.0 */
/* From the JSON of a graph to a builder. Shapes, attributes and connections are checked by the builder, as a program's are. */
#include "formats/safetensors/native.h"

#include <math.h>
#include <string.h>

enum {
    MOST_VERTICES = 1 << 15, /* a vertex is found by name among those before it */
    MOST_ATTRS = 64
};

static dl4c_status wrong(const char *where, const char *key, const char *wanted, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the graph: \"%.60s\" of %.100s is not %s", key, where, wanted);
}

/* Every key of an object must be one of `known`, a list that ends with NULL. */
static dl4c_status only(const json_t *o, const char *where, const char *const *known, struct dl4c_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        int i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return dli_fail(err, DL4C_E_VERSION, "safetensors", "the graph: %.100s has the key \"%.60s\", which this library does not know",
                            where, key);
    }
    return DL4C_OK;
}

static dl4c_status text(const json_t *o, const char *where, const char *key, bool required, const char **out, struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = json_string_value(v);
    return *out || (!v && !required) ? DL4C_OK : wrong(where, key, "a text", err);
}

static dl4c_status flag(const json_t *o, const char *where, const char *key, bool *out, struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = json_is_true(v);
    return !v || json_is_boolean(v) ? DL4C_OK : wrong(where, key, "true or false", err);
}

static dl4c_status integer(const json_t *o, const char *where, const char *key, int64_t least, int64_t most, int64_t *out,
                           struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = json_integer_value(v);
    return (!v || json_is_integer(v)) && *out >= least && *out <= most ? DL4C_OK : wrong(where, key, "a whole number in its range", err);
}

/* A list of texts, borrowed; *list is freed by dli_free. */
static dl4c_status texts(dl4c_context *ctx, const json_t *o, const char *where, const char *key, const char ***list, int32_t *n,
                         struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    const size_t count = json_array_size(v);
    *list = NULL;
    *n = 0;
    if ((v && !json_is_array(v)) || count > INT32_MAX)
        return wrong(where, key, "a list of texts", err);
    if (!(*list = dli_array(ctx, count + 1, sizeof **list, err)))
        return dli_alloc_status();
    for (size_t i = 0; i < count; i++)
        if (!((*list)[i] = json_string_value(json_array_get(v, i)))) {
            dli_free(*list);
            *list = NULL;
            return wrong(where, key, "a list of texts", err);
        }
    *n = (int32_t)count;
    return DL4C_OK;
}

/* ---- attributes ---------------------------------------------------------------------------------------------- */

/* The numbers of all lists of one vertex. */
struct numbers {
    int64_t i[MOST_ATTRS * DLI_LIST_MAX];
    double f[MOST_ATTRS * DLI_LIST_MAX];
    int32_t used;
};

/* A number, or what JSON has no number for. */
static bool number(const json_t *v, double *out)
{
    const char *word = json_string_value(v);
    *out = json_number_value(v);
    if (word && strcmp(word, "Infinity") == 0)
        *out = INFINITY;
    else if (word && strcmp(word, "-Infinity") == 0)
        *out = -INFINITY;
    else
        return json_is_number(v);
    return true;
}

static bool read_attr(const json_t *v, int32_t type, struct numbers *s, struct dl4c_attr *a)
{
    a->count = 1;
    if (type == DL4C_ATTR_STR)
        a->v.s = json_string_value(v);
    else if (type == DL4C_ATTR_INT)
        a->v.i = json_integer_value(v);
    if (type == DL4C_ATTR_STR || type == DL4C_ATTR_INT)
        return type == DL4C_ATTR_STR ? a->v.s != NULL : json_is_integer(v);
    if (type == DL4C_ATTR_FLOAT)
        return number(v, &a->v.f);
    const size_t n = json_array_size(v);
    if (!json_is_array(v) || n > DLI_LIST_MAX)
        return false;
    for (size_t k = 0; k < n; k++) {
        const json_t *e = json_array_get(v, k);
        if (type == DL4C_ATTR_INTS ? !json_is_integer(e) : !number(e, &s->f[(size_t)s->used + k]))
            return false;
        s->i[(size_t)s->used + k] = json_integer_value(e);
    }
    a->count = (int32_t)n;
    if (type == DL4C_ATTR_INTS)
        a->v.is = s->i + s->used;
    else
        a->v.fs = s->f + s->used;
    s->used += (int32_t)n;
    return true;
}

static const struct dli_attr *find_attr(const struct dli_attr *t, const char *name)
{
    while (t && t->name && strcmp(t->name, name) != 0)
        t++;
    return t && t->name ? t : NULL;
}

static dl4c_status read_attrs(const json_t *o, const char *vertex, const struct dli_op *op, struct dl4c_attr *attrs, int32_t *n,
                              struct numbers *s, struct dl4c_error *err)
{
    const char *key;
    json_t *value;
    *n = 0;
    s->used = 0;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        const struct dli_attr *t = find_attr(op->attrs, key);
        if (!t && op->flags & DLI_OP_LAYER)
            t = find_attr(dli_layer_attrs, key);
        if (!t || *n == MOST_ATTRS)
            return dli_fail(err, DL4C_E_VERSION, "safetensors", "%s '%.150s' has no attribute \"%.60s\" in this library", op->name, vertex,
                            key);
        struct dl4c_attr *a = &attrs[(*n)++];
        memset(a, 0, sizeof *a);
        a->name = t->name;
        a->type = t->type;
        if (!read_attr(value, t->type, s, a))
            return wrong(vertex, key, "of the attribute's type", err);
    }
    return DL4C_OK;
}

/* ---- vertices ------------------------------------------------------------------------------------------------ */

static dl4c_status add_input(const json_t *v, const char *name, dl4c_builder *b, struct dl4c_error *err)
{
    static const char *const known[] = { "name", "output", "shape", "frozen", "nhwc", "pre", "maps", NULL };
    const json_t *shape = json_object_get(v, "shape");
    int64_t dim[DLI_SHAPE_RANK];
    const size_t rank = json_array_size(shape);
    DLI_TRY(only(v, name, known, err));
    if (rank < 1 || rank > DLI_SHAPE_RANK)
        return wrong(name, "shape", "a shape without its batch", err);
    for (size_t r = 0; r < rank; r++) {
        const json_t *d = json_array_get(shape, r);
        dim[r] = json_integer_value(d);
        if (!json_is_integer(d))
            return wrong(name, "shape", "a shape without its batch", err);
    }
    dl4c_builder_input(b, name, dim, (int32_t)rank);
    return dli_builder_status(b, err);
}

static dl4c_status add_op(dl4c_context *ctx, const json_t *v, const char *name, dl4c_builder *b, struct numbers *s, struct dl4c_error *err)
{
    static const char *const known[] = { "name", "output", "op", "inputs", "attrs", "frozen", "nhwc", "pre", "maps", NULL };
    const char *op, **inputs = NULL;
    struct dl4c_attr attrs[MOST_ATTRS];
    int32_t n, n_attrs;
    DLI_TRY(only(v, name, known, err));
    DLI_TRY(text(v, name, "op", true, &op, err));
    const struct dli_op *o = dli_op_find(op);
    if (!o)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors", "vertex '%.200s' is a \"%.60s\", which this library has not", name, op);
    const json_t *given = json_object_get(v, "attrs");
    if (given && !json_is_object(given))
        return wrong(name, "attrs", "an object", err);
    DLI_TRY(read_attrs(given, name, o, attrs, &n_attrs, s, err));
    DLI_TRY(texts(ctx, v, name, "inputs", &inputs, &n, err));
    dl4c_builder_add(b, op, name, inputs, n, attrs, n_attrs);
    dli_free(inputs);
    return dli_builder_status(b, err);
}

static dl4c_status add_vertex(dl4c_context *ctx, const json_t *v, dl4c_builder *b, struct numbers *s, struct dl4c_error *err)
{
    const char *name, *output;
    bool frozen, nhwc, pre, maps;
    if (!json_is_object(v))
        return wrong("the file", "vertices", "a list of objects", err);
    DLI_TRY(text(v, "a vertex", "name", true, &name, err));
    DLI_TRY(text(v, name, "output", false, &output, err));
    DLI_TRY(flag(v, name, "frozen", &frozen, err));
    DLI_TRY(flag(v, name, "nhwc", &nhwc, err));
    DLI_TRY(flag(v, name, "pre", &pre, err));
    DLI_TRY(flag(v, name, "maps", &maps, err));
    DLI_TRY(json_object_get(v, "op") ? add_op(ctx, v, name, b, s, err) : add_input(v, name, b, err));
    /* The vertex is the last one: no name needs to be looked for. */
    dl4c_graph *g = dli_builder_graph(b);
    struct dli_vertex *fresh = &g->vertices[g->n_vertices - 1];
    if (nhwc && (fresh->op || fresh->shape.rank != 3))
        return wrong(name, "nhwc", "for an input of three axes", err);
    if (pre && fresh->n_inputs != 1)
        return wrong(name, "pre", "for a vertex of one input", err);
    fresh->frozen = frozen;
    fresh->nhwc = nhwc;
    fresh->pre = pre;
    fresh->maps = maps;
    if (output && !(fresh->output = dli_strdup(ctx, output, err)))
        return dli_alloc_status();
    return DL4C_OK;
}

/* The order of the inputs is the file's: all that there are, each once. */
static dl4c_status order_inputs(dl4c_context *ctx, const json_t *root, dl4c_builder *b, struct dl4c_error *err)
{
    dl4c_graph *g = dli_builder_graph(b);
    const char **names;
    int32_t n, there = 0;
    for (int32_t i = 0; i < g->n_vertices; i++)
        there += !g->vertices[i].op;
    DLI_TRY(texts(ctx, root, "the file", "inputs", &names, &n, err));
    dl4c_status status = n == there ? DL4C_OK : wrong("the file", "inputs", "the list of all inputs", err);
    int32_t *list = status == DL4C_OK ? dli_array(ctx, (size_t)n + 1, sizeof *list, err) : NULL;
    if (status == DL4C_OK && !list)
        status = dli_alloc_status();
    for (int32_t k = 0; k < n && status == DL4C_OK; k++) {
        list[k] = -1;
        for (int32_t i = 0; i < g->n_vertices && list[k] < 0; i++)
            if (!g->vertices[i].op && strcmp(g->vertices[i].name, names[k]) == 0)
                list[k] = i;
        bool twice = false;
        for (int32_t i = 0; i < k; i++)
            twice = twice || list[i] == list[k];
        if (list[k] < 0 || twice)
            status = wrong("the file", "inputs", "the list of all inputs", err);
    }
    dli_free(names);
    if (status != DL4C_OK) {
        dli_free(list);
        return status;
    }
    dli_free(g->inputs);
    g->inputs = list;
    g->n_inputs = n;
    return DL4C_OK;
}

dl4c_status dli_native_build(dl4c_context *ctx, const json_t *root, dl4c_builder *b, struct dl4c_error *err)
{
    static const char *const known[] = { "version",  "multilayer", "whole_gradients", "seed",   "iteration", "epoch",
                                         "updater", "vertices",   "inputs",          "outputs", "info",      NULL };
    int64_t version, seed, iteration, epoch;
    bool multilayer, whole_gradients;
    DLI_TRY(integer(root, "the file", "version", 1, INT64_MAX, &version, err));
    if (version != DLI_NATIVE_VERSION)
        return dli_fail(err, DL4C_E_VERSION, "safetensors", "the graph has version %" PRId64 ", this library reads %d", version,
                        DLI_NATIVE_VERSION);
    DLI_TRY(only(root, "the file", known, err));
    DLI_TRY(flag(root, "the file", "multilayer", &multilayer, err));
    DLI_TRY(flag(root, "the file", "whole_gradients", &whole_gradients, err));
    DLI_TRY(integer(root, "the file", "seed", INT64_MIN, INT64_MAX, &seed, err));
    DLI_TRY(integer(root, "the file", "iteration", 0, INT64_MAX, &iteration, err));
    DLI_TRY(integer(root, "the file", "epoch", 0, INT64_MAX, &epoch, err));
    const json_t *vertices = json_object_get(root, "vertices");
    const size_t n = json_array_size(vertices);
    if (n < 1)
        return wrong("the file", "vertices", "a list of objects", err);
    if (n > MOST_VERTICES)
        return dli_fail(err, DL4C_E_LIMIT, "safetensors", "the graph has %zu vertices, wanted at most %d", n, MOST_VERTICES);
    struct numbers *s = dli_alloc(ctx, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (size_t i = 0; i < n && status == DL4C_OK; i++)
        status = add_vertex(ctx, json_array_get(vertices, i), b, s, err);
    dli_free(s);
    if (status != DL4C_OK)
        return status;
    DLI_TRY(order_inputs(ctx, root, b, err));
    const char **outputs;
    int32_t n_outputs;
    DLI_TRY(texts(ctx, root, "the file", "outputs", &outputs, &n_outputs, err));
    if (n_outputs > (int32_t)n)
        status = wrong("the file", "outputs", "a list of vertices", err);
    else
        dl4c_builder_outputs(b, outputs, n_outputs);
    dli_free(outputs);
    if (status == DL4C_OK)
        status = dli_builder_status(b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_graph *g = dli_builder_graph(b);
    g->seed = (uint64_t)seed;
    g->iteration = iteration;
    g->epoch = epoch;
    g->multilayer = multilayer;
    g->whole_gradients = whole_gradients;
    return DL4C_OK;
}

/* ---- what stands beside the vertices ------------------------------------------------------------------------- */

static dl4c_status read_info(dl4c_context *ctx, const json_t *o, dl4c_graph *g, struct dl4c_error *err)
{
    static const char *const known[] = { "classes", "preprocess", "height",       "width", "pool",
                                         "vertex",  "training",   "trunk_digest", NULL };
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    const char **classes, *where = "the info";
    int64_t height, width;
    DLI_TRY(only(o, where, known, err));
    DLI_TRY(integer(o, where, "height", 0, INT32_MAX, &height, err));
    DLI_TRY(integer(o, where, "width", 0, INT32_MAX, &width, err));
    DLI_TRY(text(o, where, "preprocess", false, &info.preprocess, err));
    DLI_TRY(text(o, where, "pool", false, &info.pool, err));
    DLI_TRY(text(o, where, "vertex", false, &info.vertex, err));
    DLI_TRY(text(o, where, "training", false, &info.training, err));
    DLI_TRY(text(o, where, "trunk_digest", false, &info.trunk_digest, err));
    info.height = (int32_t)height;
    info.width = (int32_t)width;
    DLI_TRY(texts(ctx, o, where, "classes", &classes, &info.n_classes, err));
    info.classes = info.n_classes > 0 ? classes : NULL;
    const dl4c_status status = dl4c_graph_set_info(g, &info, err);
    dli_free(classes);
    return status;
}

dl4c_status dli_native_extras(dl4c_context *ctx, const json_t *root, dl4c_graph *g, struct dl4c_error *err)
{
    const json_t *info = json_object_get(root, "info");
    const char *updater;
    DLI_TRY(text(root, "the file", "updater", false, &updater, err));
    if (updater && !(g->updater = dli_strdup(ctx, updater, err)))
        return dli_alloc_status();
    if (info && !json_is_object(info))
        return wrong("the file", "info", "an object", err);
    return info ? read_info(ctx, info, g, err) : DL4C_OK;
}
