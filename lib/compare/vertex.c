/* SPDX-License-Identifier: Apache-2.0 */
/* Why a vertex gives other numbers although what it reads is the same: it is run by itself on side A's values with one thing changed at a
 * time, until side B's numbers come out. */
#include "base/number.h"
#include "compare/compare.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_INPUTS = 8, MOST_ATTRS = 48, MOST_SET = 3 };

struct set {
    const char *name;
    char value[160];
};

struct alone {
    struct dli_compare *c;
    int32_t a, b; /* vertices; b is -1 for a file */
    const dl4c_tensor *target;
    int32_t n_inputs;
    dl4c_tensor *in[MOST_INPUTS]; /* side A's values of what it reads */
    struct set set[MOST_SET];
    int32_t n_set;
};

/* ---- running it by itself --------------------------------------------------------------------------------------- */

/* Side A's values of all inputs of the vertex, copied. */
static dl4c_status read_inputs(struct alone *v, struct dl4c_error *err)
{
    struct dli_compare *c = v->c;
    const dl4c_graph *g = c->a.graph;
    const struct dli_vertex *x = &g->vertices[v->a];
    const char *names[MOST_INPUTS];
    int32_t from[MOST_INPUTS], n = 0;
    dl4c_session *s = NULL;
    struct dl4c_shape shape = { .rank = c->a.x->rank - 1 };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    memcpy(shape.dim, c->a.x->shape + 1, (size_t)shape.rank * sizeof *shape.dim);
    v->n_inputs = x->n_inputs;
    for (int32_t k = 0; k < x->n_inputs; k++) {
        if (!g->vertices[x->inputs[k]].op) {
            v->in[k] = dl4c_tensor_ref(c->a.x);
            continue;
        }
        names[n] = g->vertices[x->inputs[k]].name;
        from[n++] = k;
    }
    if (n == 0)
        return DL4C_OK;
    o.batch = c->a.x->shape[0];
    o.outputs = names;
    o.n_outputs = n;
    o.input_shapes = &shape;
    o.n_input_shapes = 1;
    o.flags = DL4C_SESSION_NO_FUSION | DL4C_SESSION_CHANNELS_FIRST;
    dl4c_status status = dl4c_session_create(c->ctx, c->a.graph, &o, &s, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s, &c->a.x, 1, err);
    for (int32_t k = 0; k < n && status == DL4C_OK; k++) {
        dl4c_tensor *y;
        status = dl4c_session_output(s, k, &y, err);
        if (status == DL4C_OK)
            status = dli_tensor_create_raw(c->ctx, DL4C_F32, y->shape, y->rank, &v->in[from[k]], err);
        if (status == DL4C_OK)
            status = dl4c_tensor_copy(v->in[from[k]], y, err);
    }
    dl4c_session_destroy(&s);
    return status;
}

/* The attributes of the vertex with what is set in their place; texts that are not given are left out. */
static int32_t attrs_of(const struct alone *v, struct dl4c_attr *attrs)
{
    int32_t n = 0;
    struct dl4c_attr a;
    for (int32_t k = 0; n < MOST_ATTRS && dl4c_graph_vertex_attr(v->c->a.graph, v->a, k, &a, NULL) == DL4C_OK; k++) {
        for (int32_t j = 0; j < v->n_set; j++)
            if (strcmp(a.name, v->set[j].name) == 0)
                a = dl4c_attr_str(a.name, v->set[j].value);
        if (a.type == DL4C_ATTR_STR && (!a.v.s || !a.v.s[0]))
            continue;
        attrs[n++] = a;
    }
    return n;
}

static dl4c_status build(const struct alone *v, dl4c_tensor *const *in, const struct dli_vparams *params, dl4c_graph **g,
                         struct dl4c_error *err)
{
    const struct dli_vertex *x = &v->c->a.graph->vertices[v->a];
    struct dl4c_attr attrs[MOST_ATTRS];
    char names[MOST_INPUTS][16];
    const char *inputs[MOST_INPUTS];
    dl4c_builder *b = NULL;
    DLI_TRY(dl4c_builder_create(v->c->ctx, NULL, &b, err));
    for (int32_t k = 0; k < v->n_inputs; k++) {
        snprintf(names[k], sizeof names[k], "x%d", (int)k);
        inputs[k] = names[k];
        dl4c_builder_input(b, names[k], in[k]->shape + 1, in[k]->rank - 1);
    }
    dl4c_builder_add(b, x->op->name, "y", inputs, v->n_inputs, attrs, attrs_of(v, attrs));
    if (params)
        dli_builder_params(b, "y", params->p, params->n);
    return dl4c_builder_finish(&b, g, err);
}

/* The error against side B with inputs and parameters as given; infinite where such a vertex cannot be or has another shape. */
static dl4c_status attempt(const struct alone *v, dl4c_tensor *const *in, const struct dli_vparams *params, double *error,
                           struct dl4c_error *err)
{
    dl4c_graph *g = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *y;
    double largest;
    const char *note;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    *error = INFINITY;
    DLI_TRY(dli_watch_check(&v->c->watch, err));
    dl4c_status status = build(v, in, params, &g, err);
    o.batch = in[0]->shape[0];
    o.flags = DL4C_SESSION_NO_FUSION | DL4C_SESSION_LOW_MEMORY;
    if (status == DL4C_OK)
        status = dl4c_session_create(v->c->ctx, g, &o, &s, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s, in, v->n_inputs, err);
    if (status == DL4C_OK)
        status = dl4c_session_output(s, 0, &y, err);
    if (status == DL4C_OK)
        status = dli_compare_tensors(y, v->target, error, &largest, &note, err);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
    return status == DL4C_E_INVALID ? DL4C_OK : status; /* such a vertex cannot be */
}

static dl4c_status vanishes(struct alone *v, bool *yes, struct dl4c_error *err)
{
    double error;
    const dl4c_status status = attempt(v, v->in, v->c->a.graph->vertices[v->a].params, &error, err);
    *yes = status == DL4C_OK && error <= v->c->tolerance;
    return status;
}

static void set(struct alone *v, const char *name, const char *fmt, ...) DLI_PRINTF(3, 4);
static void set(struct alone *v, const char *name, const char *fmt, ...)
{
    va_list ap;
    v->set[v->n_set].name = name;
    va_start(ap, fmt);
    vsnprintf(v->set[v->n_set].value, sizeof v->set[0].value, fmt, ap);
    va_end(ap);
    v->n_set++;
}

static const char *own_name(const struct alone *v) { return v->c->a.graph->vertices[v->a].name; }

static bool has_attr(const struct alone *v, const char *name, struct dl4c_attr *a)
{
    for (int32_t k = 0; dl4c_graph_vertex_attr(v->c->a.graph, v->a, k, a, NULL) == DL4C_OK; k++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

/* ---- the causes ------------------------------------------------------------------------------------------------ */

/* Both are graphs and have the same operator: its parameters are looked at, then its attributes one by one. */
static dl4c_status try_weights(struct alone *v, struct dl4c_error *err)
{
    const struct dli_vertex *x = &v->c->a.graph->vertices[v->a], *y = v->b >= 0 ? &v->c->b.graph->vertices[v->b] : NULL;
    double error;
    if (!y || y->op != x->op || !x->params || !y->params || y->params->n != x->params->n)
        return DL4C_OK;
    for (int32_t k = 0; k < x->n_params; k++)
        if (x->params->p[k].count != y->params->p[k].count)
            return DL4C_OK;
    for (int32_t k = 0; k < x->n_params; k++) {
        const struct dli_param *p = &x->params->p[k], *q = &y->params->p[k];
        double largest;
        if (memcmp(dli_param_data(p), dli_param_data(q), (size_t)p->count * sizeof(float)) == 0)
            continue;
        struct dli_vparams *mixed;
        DLI_TRY(dli_vparams_create(v->c->ctx, x->params->n, &mixed, err));
        for (int32_t j = 0; j < x->params->n; j++) {
            mixed->p[j] = j == k ? y->params->p[j] : x->params->p[j];
            dli_blob_ref(mixed->p[j].blob);
        }
        const dl4c_status status = attempt(v, v->in, mixed, &error, err);
        dli_vparams_unref(mixed);
        DLI_TRY(status);
        if (!(error <= v->c->tolerance))
            continue;
        float *f = dli_array(v->c->ctx, 2 * (size_t)p->count, sizeof *f, err);
        if (!f)
            return dli_alloc_status();
        memcpy(f, dli_param_data(p), (size_t)p->count * sizeof *f);
        memcpy(f + p->count, dli_param_data(q), (size_t)p->count * sizeof *f);
        const double apart = dli_compare_error(f, f + p->count, p->count, &largest);
        dli_free(f);
        return dli_compare_cause(v->c, "weights", err,
                                 "Parameter %s of '%.100s' is not the same: it differs by up to %s of its largest value.", x->decl[k].name,
                                 own_name(v), DLI_NUM(apart));
    }
    DLI_TRY(attempt(v, v->in, y->params, &error, err));
    if (error <= v->c->tolerance)
        return dli_compare_cause(v->c, "weights", err, "The parameters of '%.100s' are not the same.", own_name(v));
    return DL4C_OK;
}

/* Other ways to pad that give maps of B's size. */
static dl4c_status try_padding(struct alone *v, struct dl4c_error *err)
{
    static const char *const modes[] = { "truncate", "same", "same_lower" };
    struct dl4c_attr mode, kernel, dilation;
    char text[160];
    bool yes;
    if (!has_attr(v, "mode", &mode) || !has_attr(v, "kernel", &kernel) || !has_attr(v, "dilation", &dilation))
        return DL4C_OK;
    for (int k = 1; k < 3; k++) {
        v->n_set = 0;
        set(v, "mode", "%s", modes[k]);
        DLI_TRY(vanishes(v, &yes, err));
        if (yes)
            return dli_compare_cause(v->c, "padding", err,
                                     "The padding of '%.100s' differs: with mode=%s, where the odd row and column of zeros is at "
                                     "the %s, A gives B's numbers.",
                                     own_name(v), modes[k], k == 1 ? "end" : "start");
    }
    const int64_t reach = (kernel.v.is[0] - 1) * dilation.v.is[0], most = reach < 6 ? reach : 6;
    for (int64_t at = 0; at <= most; at++)
        for (int64_t end = 0; end <= most; end++) {
            v->n_set = 0;
            set(v, "mode", "truncate");
            set(v, "padding", "%dx%d", (int)at, (int)at);
            set(v, "padding_end", "%dx%d", (int)end, (int)end);
            DLI_TRY(vanishes(v, &yes, err));
            if (!yes)
                continue;
            snprintf(text, sizeof text, "%d at the top and left, %d at the bottom and right", (int)at, (int)end);
            return dli_compare_cause(v->c, "padding", err, "The padding of '%.100s' differs: with %s, A gives B's numbers.", own_name(v),
                                     text);
        }
    v->n_set = 0;
    return DL4C_OK;
}

/* One attribute at a time: values that others use, then side B's own. */
static dl4c_status try_values(struct alone *v, const char *attr, const char *const *values, const char *cause, const char *what,
                              struct dl4c_error *err)
{
    struct dl4c_attr a;
    bool yes;
    if (!has_attr(v, attr, &a))
        return DL4C_OK;
    for (; *values; values++) {
        v->n_set = 0;
        set(v, attr, "%s", *values);
        DLI_TRY(vanishes(v, &yes, err));
        v->n_set = 0;
        if (!yes)
            continue;
        if (a.type == DL4C_ATTR_FLOAT)
            return dli_compare_cause(v->c, cause, err, "The %s of '%.100s' differs: it is %s in A, and with %s A gives B's numbers.", what,
                                     own_name(v), DLI_NUM(a.v.f), *values);
        return dli_compare_cause(v->c, cause, err, "The %s of '%.100s' differs: with %s=%s A gives B's numbers.", what, own_name(v), attr,
                                 (*values)[0] ? *values : "none");
    }
    return DL4C_OK;
}

static void print_value(const struct dl4c_attr *a, char *text, size_t size)
{
    size_t at = 0;
    text[0] = 0;
    switch (a->type) {
    case DL4C_ATTR_INT: snprintf(text, size, "%" PRId64, a->v.i); break;
    case DL4C_ATTR_FLOAT: dli_number_shortest(text, size, a->v.f); break;
    case DL4C_ATTR_STR: snprintf(text, size, "%s", a->v.s ? a->v.s : ""); break;
    case DL4C_ATTR_INTS:
        for (int32_t k = 0; k < a->count && at < size; k++)
            at += (size_t)snprintf(text + at, size - at, "%s%" PRId64, k ? "x" : "", a->v.is[k]);
        break;
    default: break;
    }
}

/* Attributes that both graphs have and that are not the same. */
static dl4c_status try_attributes(struct alone *v, struct dl4c_error *err)
{
    struct dl4c_attr a, b;
    bool yes;
    if (v->b < 0 || v->c->b.graph->vertices[v->b].op != v->c->a.graph->vertices[v->a].op)
        return DL4C_OK;
    for (int32_t k = 0; dl4c_graph_vertex_attr(v->c->a.graph, v->a, k, &a, NULL) == DL4C_OK; k++) {
        char mine[160], other[160];
        if (dl4c_graph_vertex_attr(v->c->b.graph, v->b, k, &b, NULL) != DL4C_OK)
            break;
        print_value(&a, mine, sizeof mine);
        print_value(&b, other, sizeof other);
        if (strcmp(mine, other) == 0 || !other[0])
            continue;
        v->n_set = 0;
        set(v, a.name, "%s", other);
        DLI_TRY(vanishes(v, &yes, err));
        v->n_set = 0;
        if (!yes)
            continue;
        const char *cause = strcmp(a.name, "eps") == 0                                          ? "epsilon"
                            : strncmp(a.name, "padding", 7) == 0 || strcmp(a.name, "mode") == 0 ? "padding"
                            : strcmp(a.name, "include_pad") == 0                                ? "include_pad"
                            : strcmp(a.name, "activation") == 0                                 ? "activation"
                                                                                                : "attribute";
        return dli_compare_cause(v->c, cause, err, "Attribute %s of '%.100s' differs: it is %.120s in A and %.120s in B.", a.name,
                                 own_name(v), mine[0] ? mine : "not set", other);
    }
    return DL4C_OK;
}

/* The target is A's value in another order of its axes. */
static dl4c_status try_output_layout(struct alone *v, const dl4c_tensor *ya, struct dl4c_error *err)
{
    if (ya->rank != 4 || dl4c_tensor_size(ya) != dl4c_tensor_size(v->target))
        return DL4C_OK;
    const int64_t n = ya->shape[0], ch = ya->shape[1], plane = ya->shape[2] * ya->shape[3], size = n * ch * plane;
    float *turned = dli_array(v->c->ctx, (size_t)size, sizeof *turned, err);
    const float *y = v->target->data;
    double largest;
    if (!turned)
        return dli_alloc_status();
    for (int64_t r = 0; r < n; r++)
        for (int64_t k = 0; k < ch; k++)
            for (int64_t i = 0; i < plane; i++)
                turned[(r * ch + k) * plane + i] = y[(r * plane + i) * ch + k];
    const double error = dli_compare_error(ya->data, turned, size, &largest);
    dli_free(turned);
    if (error <= v->c->tolerance)
        return dli_compare_cause(v->c, "layout", err, "B's numbers of '%.100s' lie as [n, h, w, c] (NHWC); read so, they are A's.",
                                 own_name(v));
    return DL4C_OK;
}

/* Where maps become a row: [h, w, c] instead of [c, h, w]. */
static dl4c_status try_flattening(struct alone *v, struct dl4c_error *err)
{
    const dl4c_graph *g = v->c->a.graph;
    const struct dli_vertex *x = &g->vertices[v->a], *from = &g->vertices[x->inputs[0]];
    const dl4c_tensor *in = v->in[0];
    int64_t ch = 0;
    double error;
    if (in->rank == 4)
        ch = in->shape[1];
    else if (in->rank == 2 && from->op && from->n_inputs == 1 && g->vertices[from->inputs[0]].shape.rank == 3)
        ch = g->vertices[from->inputs[0]].shape.dim[0];
    if (v->n_inputs != 1 || v->target->rank != 2 || ch < 2 || x->op->flags & DLI_OP_ACTIVATION)
        return DL4C_OK;
    const int64_t n = in->shape[0], row = dl4c_tensor_size(in) / (n ? n : 1), plane = row / ch;
    dl4c_tensor *turned = NULL;
    DLI_TRY(dli_tensor_create_raw(v->c->ctx, DL4C_F32, in->shape, in->rank, &turned, err));
    float *y = turned->data;
    const float *data = in->data;
    for (int64_t r = 0; r < n; r++)
        for (int64_t k = 0; k < ch; k++)
            for (int64_t i = 0; i < plane; i++)
                y[r * row + i * ch + k] = data[r * row + k * plane + i];
    const dl4c_status status = attempt(v, &turned, x->params, &error, err);
    dl4c_tensor_unref(&turned);
    if (status == DL4C_OK && error <= v->c->tolerance)
        return dli_compare_cause(v->c, "layout", err,
                                 "Maps become a row at '%.100s' in another order: A takes [c, h, w] (NCHW), B [h, w, c] (NHWC).",
                                 own_name(v));
    return status;
}

/* The first layer: one network wants its input otherwise, and does itself what the other has had done to it. */
static dl4c_status try_input(struct alone *v, struct dl4c_error *err)
{
    const struct dli_vertex *x = &v->c->a.graph->vertices[v->a];
    const dl4c_tensor *in = v->in[0];
    if (v->n_inputs != 1 || v->c->a.graph->vertices[x->inputs[0]].op || in->rank != 4 || in->shape[1] != 3)
        return DL4C_OK;
    const int64_t n = in->shape[0], plane = in->shape[2] * in->shape[3];
    for (int swapped = 0; swapped < 2; swapped++)
        for (int32_t k = -1; k < dl4c_preprocess_count(); k++) {
            const struct dl4c_preprocess *p = k < 0 ? NULL : dl4c_preprocess_get(k);
            const bool plain = !p || (p->divide == 1 && p->mean[0] == 0 && p->std[0] == 1);
            dl4c_tensor *other = NULL;
            double error;
            if (plain && (k >= 0 || !swapped))
                continue;
            DLI_TRY(dli_tensor_create_raw(v->c->ctx, DL4C_F32, in->shape, in->rank, &other, err));
            const float *from = in->data;
            float *to = other->data;
            for (int64_t r = 0; r < n; r++)
                for (int64_t ch = 0; ch < 3; ch++)
                    for (int64_t i = 0; i < plane; i++) {
                        const float pixel = from[(r * 3 + (swapped ? 2 - ch : ch)) * plane + i];
                        to[(r * 3 + ch) * plane + i] = p ? (pixel / p->divide - p->mean[ch]) / p->std[ch] : pixel;
                    }
            const dl4c_status status = attempt(v, &other, x->params, &error, err);
            dl4c_tensor_unref(&other);
            DLI_TRY(status);
            if (!(error <= v->c->tolerance))
                continue;
            if (!p)
                return dli_compare_cause(v->c, "order", err,
                                         "BGR and RGB are swapped at '%.100s': with its three channels reversed, A gives B's "
                                         "numbers.",
                                         own_name(v));
            return dli_compare_cause(v->c, p->mean[0] != 0 ? "mean" : "scale", err,
                                     "The networks want other pixels at '%.100s': with those of preset %s%s, A gives B's numbers.",
                                     own_name(v), p->name, swapped ? " and BGR and RGB swapped" : "");
        }
    return DL4C_OK;
}

static dl4c_status try_all(struct alone *v, const dl4c_tensor *ya, struct dl4c_error *err)
{
    static const char *const eps[] = { "1e-3", "1e-5", "1e-4", "2e-5", "1e-6", "1e-7", "1e-8", "1.001e-5", "0", NULL };
    static const char *const bools[] = { "0", "1", NULL };
    static const char *const activations[] = { "",
                                               "relu",
                                               "leaky_relu",
                                               "leaky_relu(leak=0.1)",
                                               "leaky_relu(leak=0.2)",
                                               "relu6",
                                               "elu",
                                               "sigmoid",
                                               "hard_sigmoid",
                                               "tanh",
                                               "softmax",
                                               "swish",
                                               "gelu",
                                               "softplus",
                                               NULL };
    static const char *const leaks[] = { "0.01", "0.1", "0.2", "0.3", "0.05", "0", NULL };
    double error;
    struct dl4c_comparison *o = v->c->out;
    const struct dli_vertex *x = &v->c->a.graph->vertices[v->a];
    DLI_TRY(attempt(v, v->in, x->params, &error, err));
    if (error <= v->c->tolerance) /* what it reads differs on side B, in a vertex that has no partner */
        return dli_compare_cause(v->c, "unknown", err,
                                 "'%.100s' itself cannot be told apart; a vertex before it that has no partner may differ.", own_name(v));
    if (!o->cause)
        DLI_TRY(try_attributes(v, err));
    if (!o->cause)
        DLI_TRY(try_output_layout(v, ya, err));
    if (!o->cause)
        DLI_TRY(try_flattening(v, err));
    if (!o->cause)
        DLI_TRY(try_input(v, err));
    if (!o->cause) /* behind what moves weights about without changing what they mean */
        DLI_TRY(try_weights(v, err));
    if (!o->cause)
        DLI_TRY(try_values(v, "eps", eps, "epsilon", "epsilon", err));
    if (!o->cause)
        DLI_TRY(try_values(v, "include_pad", bools, "include_pad", "way of counting padding", err));
    if (!o->cause)
        DLI_TRY(try_values(v, "activation", activations, "activation", "activation", err));
    if (!o->cause)
        DLI_TRY(try_values(v, "leak", leaks, "attribute", "slope", err));
    if (!o->cause)
        DLI_TRY(try_padding(v, err));
    return dli_compare_cause(
        v->c, "unknown", err,
        "'%.100s' (%s) reads the same numbers on both sides; none of weights, padding, epsilon, activation, attributes, "
        "order of channels, mean, scale and layout makes the difference vanish.",
        own_name(v), x->op->name);
}

dl4c_status dli_compare_vertex(struct dli_compare *c, int32_t k, struct dl4c_error *err)
{
    const struct dli_pair *p = &c->pairs[k];
    struct alone v = { .c = c, .a = p->a, .b = p->b, .target = p->yb };
    if (c->a.graph->vertices[p->a].n_inputs > MOST_INPUTS)
        return dli_compare_cause(c, "unknown", err, "'%.100s' has too many inputs to be looked into.", c->a.graph->vertices[p->a].name);
    dl4c_status status = read_inputs(&v, err);
    if (status == DL4C_OK)
        status = try_all(&v, p->ya, err);
    for (int32_t i = 0; i < MOST_INPUTS; i++)
        dl4c_tensor_unref(&v.in[i]);
    return status;
}
