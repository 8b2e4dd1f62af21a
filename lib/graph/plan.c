/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering a graph to steps: which vertices are needed, what is fused, which layouts and kernels. */
#include "graph/plan.h"
#include "base/thread_pool.h"

#include <string.h>

struct lowering {
    struct dli_plan *plan;
    dl4c_graph *g;
    uint8_t *need;      /* [vertices] */
    int32_t *readers;   /* [vertices]: how many needed vertices read it */
    int32_t *reader;    /* [vertices]: the last of them */
    uint8_t *is_output; /* [vertices] */
    uint8_t *absorbed;  /* [vertices]: done by the step of an earlier vertex */
    uint8_t *pads;      /* [vertices]: zeros around an image, which the step of its reader adds */
    uint8_t *fixed;     /* [vertices]: runs as in inference: everything does there; in training what nothing trainable lies below */
    struct dl4c_error *err;
};

bool dli_op_attr(const struct dli_op *op, const void *attrs, const char *name, struct dl4c_attr *out)
{
    for (const struct dli_attr *a = op->attrs; a && a->name; a++)
        if (strcmp(a->name, name) == 0) {
            dli_attrs_get(a, attrs, out);
            return true;
        }
    return false;
}

static dl4c_status value_floats(const struct dli_shape *shape, int32_t layout, int64_t *floats, struct dl4c_error *err)
{
    int64_t n;
    DLI_TRY(dli_shape_elements(shape, &n, err));
    if (n < 0)
        return dli_fail(err, DL4C_E_INVALID, "session", "the shape %s has a length that is not known: give the session input shapes",
                        DLI_SHAPE_STR(shape));
    if (layout == DLI_BLOCKED)
        n = dli_blocked_size(shape->dim[0], shape->dim[1] * shape->dim[2]);
    if (!dli_mul_i64(n, shape->batch, floats))
        return dli_fail(err, DL4C_E_LIMIT, "session", "a value of shape %s is too large", DLI_SHAPE_STR(shape));
    return DL4C_OK;
}

dl4c_status dli_plan_bytes(const struct dli_plan *plan, int64_t floats, size_t *bytes, struct dl4c_error *err)
{
    if (!dli_mul_size((size_t)floats, sizeof(float), bytes) || !dli_mul_size(*bytes, (size_t)plan->batch, bytes) || *bytes > SIZE_MAX / 4)
        return dli_fail(err, DL4C_E_LIMIT, "session", "%" PRId64 " rows of %" PRId64 " values are too much memory", plan->batch, floats);
    return DL4C_OK;
}

int32_t dli_plan_storage(struct dli_plan *plan, size_t bytes, int32_t first, int32_t last, struct dl4c_error *err)
{
    if (dli_grow(plan->ctx, &plan->storages, &plan->storages_capacity, (size_t)plan->n_storages + 1, sizeof *plan->storages, err) !=
        DL4C_OK)
        return -1;
    plan->storages[plan->n_storages] = (struct dli_storage){ .bytes = bytes, .first = first, .last = last };
    return plan->n_storages++;
}

/* A new value; storage: DLI_NOWHERE for the caller's, -2 for memory of its own. */
static dl4c_status add_value(struct lowering *l, const struct dli_shape *shape, int32_t layout, int32_t storage, int32_t *value)
{
    struct dli_plan *p = l->plan;
    struct dli_value v = {
        .shape = *shape, .layout = layout, .storage = storage, .input = -1, .twin = DLI_NOWHERE, .view_of = DLI_NOWHERE, .step = DLI_NOWHERE
    };
    DLI_TRY(value_floats(shape, layout, &v.floats, l->err));
    if (storage == -2) {
        size_t bytes;
        DLI_TRY(dli_plan_bytes(p, v.floats, &bytes, l->err));
        v.storage = dli_plan_storage(p, bytes, -1, -1, l->err);
        if (v.storage < 0)
            return dli_alloc_status();
    }
    DLI_TRY(dli_grow(p->ctx, &p->values, &p->values_capacity, (size_t)p->n_values + 1, sizeof v, l->err));
    *value = p->n_values++;
    p->values[*value] = v;
    return DL4C_OK;
}

/* A new step with room for its inputs. */
static dl4c_status add_step(struct lowering *l, int32_t kind, int32_t vertex, const int32_t *in, int32_t n_in, struct dli_step **step)
{
    struct dli_plan *p = l->plan;
    DLI_TRY(dli_grow(p->ctx, &p->steps, &p->steps_capacity, (size_t)p->n_steps + 1, sizeof **step, l->err));
    struct dli_step *s = &p->steps[p->n_steps];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->vertex = vertex;
    s->n_in = n_in;
    s->scratch = s->saved = DLI_NOWHERE;
    s->runs_in = p->n_steps;
    s->in = dli_array(p->ctx, (size_t)n_in, sizeof *s->in, l->err);
    s->in_layout = s->in ? dli_array(p->ctx, (size_t)n_in, sizeof *s->in_layout, l->err) : NULL;
    s->in_shape = s->in_layout ? dli_array(p->ctx, (size_t)n_in, sizeof *s->in_shape, l->err) : NULL;
    s->in_ptr = s->in_shape ? dli_calloc(p->ctx, (size_t)n_in, sizeof *s->in_ptr, l->err) : NULL;
    if (!s->in_ptr) {
        dli_free(s->in);
        dli_free(s->in_layout);
        dli_free(s->in_shape);
        return dli_alloc_status();
    }
    for (int32_t k = 0; k < n_in; k++) {
        s->in[k] = in[k];
        s->in_layout[k] = p->values[in[k]].layout;
        s->in_shape[k] = p->values[in[k]].shape;
    }
    p->n_steps++;
    *step = s;
    return DL4C_OK;
}

/* The value in the layout wanted, through a conversion step where it is not there yet. */
static dl4c_status in_layout(struct lowering *l, int32_t vertex, int32_t value, int32_t layout, int32_t *out)
{
    struct dli_plan *p = l->plan;
    *out = value;
    if (p->values[value].layout == layout)
        return DL4C_OK;
    if (p->values[value].twin != DLI_NOWHERE) {
        *out = p->values[value].twin;
        return DL4C_OK;
    }
    struct dli_step *s = NULL;
    int32_t twin;
    const struct dli_shape shape = p->values[value].shape;
    DLI_TRY(add_value(l, &shape, layout, -2, &twin));
    DLI_TRY(add_step(l, layout == DLI_BLOCKED ? DLI_STEP_TO_BLOCKED : DLI_STEP_TO_PLAIN, vertex, &value, 1, &s));
    s->out = twin;
    s->out_shape = shape;
    s->kernel = layout == DLI_BLOCKED ? "to blocked" : "to plain";
    p->values[twin].step = p->n_steps - 1;
    p->values[twin].twin = value;
    p->values[value].twin = twin;
    *out = twin;
    return DL4C_OK;
}

/* What an operator without a word of its own about layouts gets. */
static void default_layouts(const struct dli_op *op, struct dli_prepare *p)
{
    bool all_maps = p->n_in > 0 && p->mode == DLI_RUN;
    for (int32_t k = 0; k < p->n_in; k++)
        all_maps = all_maps && p->in[k].rank == 3;
    const bool blocked =
        all_maps && p->in_layout[0] == DLI_BLOCKED && ((op->flags & DLI_OP_BLOCKED && p->out->rank == 3) || op->flags & DLI_OP_BLOCKED_IN);
    for (int32_t k = 0; k < p->n_in; k++)
        p->in_layout[k] = blocked ? DLI_BLOCKED : DLI_PLAIN;
    p->out_layout = blocked && op->flags & DLI_OP_BLOCKED ? DLI_BLOCKED : DLI_PLAIN;
}

static int32_t mode_of(const struct lowering *l, int32_t vertex) { return l->fixed[vertex] ? DLI_RUN : l->plan->mode; }

/* Adds the step of an operator: kernel, layouts, conversions before it, memory for its scratch. Takes a reference of own_attrs. */
static dl4c_status add_op(struct lowering *l, int32_t vertex, const struct dli_op *op, const void *attrs, struct dli_vattrs *own_attrs,
                          bool has_params, const int32_t *in, int32_t n_in, const struct dli_shape *out_shape, const struct dli_fuse *fuse,
                          struct dli_vattrs *fused_attrs, int32_t *out)
{
    struct dli_plan *p = l->plan;
    int32_t few_in[8], few_layout[8], *ins = few_in, *layouts = few_layout;
    struct dli_shape few_shape[8], *shapes = few_shape;
    void *many = NULL;
    if (n_in > 8) {
        many = dli_array(p->ctx, (size_t)n_in, 2 * sizeof(int32_t) + sizeof *shapes, l->err);
        if (!many)
            return dli_alloc_status();
        shapes = many;
        ins = (int32_t *)(void *)(shapes + n_in);
        layouts = ins + n_in;
    }
    for (int32_t k = 0; k < n_in; k++) {
        layouts[k] = p->values[in[k]].layout;
        shapes[k] = p->values[in[k]].shape;
    }
    struct dli_prepare prep = { .ctx = p->ctx,
                                .mode = mode_of(l, vertex),
                                .workers = p->workers,
                                .blas = p->ctx->blas,
                                .flags = p->flags,
                                .precision = p->precision,
                                .batch = p->batch,
                                .attrs = attrs,
                                .n_in = n_in,
                                .in = shapes,
                                .out = out_shape,
                                .fuse = fuse,
                                .in_layout = layouts };
    default_layouts(op, &prep);
    dl4c_status status = op->prepare ? op->prepare(&prep, l->err) : DL4C_OK;
    for (int32_t k = 0; k < n_in && status == DL4C_OK; k++)
        status = in_layout(l, vertex, in[k], layouts[k], &ins[k]);
    struct dli_step *s = NULL;
    if (status == DL4C_OK)
        status = add_value(l, out_shape, prep.out_layout, -2, out);
    if (status == DL4C_OK)
        status = add_step(l, DLI_STEP_OP, vertex, ins, n_in, &s);
    dli_free(many);
    if (status != DL4C_OK) {
        if (prep.state)
            (op->release ? op->release : dli_free)(prep.state);
        return status;
    }
    p->values[*out].step = p->n_steps - 1;
    s->out = *out;
    s->out_shape = *out_shape;
    s->op = op;
    s->attrs = attrs;
    s->own_attrs = dli_vattrs_ref(own_attrs);
    s->fused_attrs = dli_vattrs_ref(fused_attrs);
    s->has_params = has_params;
    s->frozen = l->fixed[vertex] || l->g->vertices[vertex].frozen;
    s->mode = prep.mode;
    if (fuse) {
        s->fuse = *fuse;
        s->fused = true;
    }
    s->scratch_bytes = prep.scratch_bytes;
    s->saved_bytes = prep.saved_bytes;
    s->packed_bytes = prep.packed_bytes;
    s->pack_key = prep.pack_key;
    s->apart = prep.apart;
    s->joins = prep.joins;
    s->takes = prep.takes;
    s->unread = p->mode == DLI_RUN ? prep.unread : 0;
    s->state = prep.state;
    s->kernel = prep.kernel ? prep.kernel : op->name;
    return DL4C_OK;
}

static dl4c_status activation_of(struct lowering *l, int32_t vertex, struct dli_vattrs **va)
{
    const struct dli_vertex *v = &l->g->vertices[vertex];
    return dli_vattrs_activation(l->plan->ctx, v->attrs->layer.activation, v->name, va, l->err);
}

static bool is_identity(const char *activation) { return !activation || strcmp(activation, "identity") == 0; }

/* ---- fusion: what one step can do beyond its vertex ----------------------------------------------------------- */

struct chain {
    struct dli_fuse fuse;
    struct dli_vattrs *act; /* a reference, where the activation is an attribute */
    int32_t last;           /* vertex whose value the step gives */
    int32_t addend;         /* vertex; -1: none */
};

/* The only vertex that reads v, if nobody else wants the value between them and both run as in inference; else -1. */
static int32_t sole_reader(const struct lowering *l, int32_t v)
{
    return l->readers[v] == 1 && !l->is_output[v] && l->fixed[l->reader[v]] ? l->reader[v] : -1;
}

static bool all_are(const struct dli_vertex *x, const char *name, int64_t value)
{
    struct dl4c_attr a;
    if (!dli_op_attr(x->op, x->attrs->attrs, name, &a) || a.type != DL4C_ATTR_INTS)
        return true;
    for (int32_t i = 0; i < a.count; i++)
        if (a.v.is[i] != value)
            return false;
    return true;
}

static bool is_pool2(const struct lowering *l, int32_t v, int32_t from)
{
    const struct dli_vertex *x = &l->g->vertices[v];
    const struct dli_shape *in = &l->plan->shapes[from], *out = &l->plan->shapes[v];
    return x->op && strcmp(x->op->name, "max_pool") == 0 && all_are(x, "kernel", 2) && all_are(x, "stride", 2) &&
           all_are(x, "padding", 0) && all_are(x, "dilation", 1) && in->rank == 3 && out->dim[1] == in->dim[1] / 2 &&
           out->dim[2] == in->dim[2] / 2;
}

static bool agreed(const struct lowering *l, int32_t v, const struct dli_fuse *fuse)
{
    const struct dli_vertex *x = &l->g->vertices[v];
    return x->op->can_fuse(x->attrs->attrs, &l->plan->shapes[x->inputs[0]], &l->plan->shapes[v], fuse);
}

/* The zeros around the input that another vertex stands for. */
static void take_padding(const struct lowering *l, int32_t pad, struct dli_fuse *fuse)
{
    const struct dli_vertex *x = &l->g->vertices[pad];
    struct dl4c_attr a;
    fuse->padded = dli_op_attr(x->op, x->attrs->attrs, "padding", &a);
    for (int32_t i = 0; i < 4 && fuse->padded; i++)
        fuse->padding[i] = (int32_t)a.v.is[i];
}

/* Whether v only puts zeros around an image for the one vertex that reads it, and that can add them itself. */
static bool is_padding(const struct lowering *l, int32_t v)
{
    const struct dli_vertex *x = &l->g->vertices[v];
    if (!l->fixed[v] || l->plan->flags & DL4C_SESSION_NO_FUSION || strcmp(x->op->name, "zero_padding") != 0)
        return false;
    const int32_t next = sole_reader(l, v);
    if (next < 0 || !l->g->vertices[next].op || !l->g->vertices[next].op->can_fuse || l->g->vertices[next].inputs[0] != v)
        return false;
    struct dli_fuse fuse = { 0 };
    take_padding(l, v, &fuse);
    return fuse.padded && agreed(l, next, &fuse);
}

/* Looks ahead from v: its own activation, then an addition, an activation and a pooling that nobody else reads in between. */
static dl4c_status find_chain(struct lowering *l, int32_t v, struct chain *c)
{
    const struct dli_vertex *x = &l->g->vertices[v];
    memset(c, 0, sizeof *c);
    c->last = v;
    c->addend = -1;
    if (!l->fixed[v] || l->plan->flags & DL4C_SESSION_NO_FUSION || !x->op->can_fuse)
        return DL4C_OK;
    if (x->n_inputs > 0 && l->pads[x->inputs[0]])
        take_padding(l, x->inputs[0], &c->fuse);
    const struct dli_fuse before = c->fuse;
    const bool own = x->op->flags & DLI_OP_LAYER && !is_identity(x->attrs->layer.activation);
    if (own) {
        DLI_TRY(activation_of(l, v, &c->act));
        c->fuse.act = c->act->op;
        c->fuse.act_attrs = c->act->attrs;
        if (!agreed(l, v, &c->fuse)) {
            dli_vattrs_unref(c->act);
            c->fuse = before;
            c->act = NULL;
            return DL4C_OK; /* the activation will be a step, and what follows cannot come before it */
        }
    }
    int32_t next = sole_reader(l, c->last);
    if (!own && next >= 0 && l->g->vertices[next].op && strcmp(l->g->vertices[next].op->name, "add") == 0 &&
        l->g->vertices[next].n_inputs == 2) {
        const int32_t *in = l->g->vertices[next].inputs;
        const int32_t other = in[0] == c->last ? in[1] : in[0];
        /* The other side must be there already, and of the same shape. */
        if (in[0] != in[1] && other < v && l->plan->vertex_value[other] != DLI_NOWHERE &&
            dli_shape_same(&l->plan->shapes[other], &l->plan->shapes[v])) {
            c->fuse.add = true;
            if (agreed(l, v, &c->fuse)) {
                c->addend = other;
                c->last = next;
                next = sole_reader(l, c->last);
            } else {
                c->fuse.add = false;
            }
        }
    }
    if (!c->fuse.act && next >= 0 && l->g->vertices[next].op && l->g->vertices[next].op->flags & DLI_OP_ACTIVATION) {
        c->fuse.act = l->g->vertices[next].op;
        c->fuse.act_attrs = l->g->vertices[next].attrs->attrs;
        if (agreed(l, v, &c->fuse)) {
            c->last = next;
            next = sole_reader(l, c->last);
        } else {
            c->fuse.act = NULL;
            c->fuse.act_attrs = NULL;
        }
    }
    if (next >= 0 && is_pool2(l, next, c->last)) {
        c->fuse.pool2 = true;
        if (agreed(l, v, &c->fuse))
            c->last = next;
        else
            c->fuse.pool2 = false;
    }
    return DL4C_OK;
}

static void absorb(struct lowering *l, int32_t v, int32_t last)
{
    for (int32_t i = v; i != last; i = l->reader[i])
        l->absorbed[l->reader[i]] = 1;
}

/* ---- one vertex ----------------------------------------------------------------------------------------------- */

static dl4c_status lower_input(struct lowering *l, int32_t v)
{
    struct dli_plan *p = l->plan;
    int32_t k = 0, value;
    while (l->g->inputs[k] != v)
        k++;
    const struct dli_shape shape = p->shapes[v];
    DLI_TRY(add_value(l, &shape, DLI_PLAIN, DLI_NOWHERE, &value));
    p->values[value].input = k;
    p->input_value[k] = value;
    if (l->g->vertices[v].nhwc && shape.rank == 3 && !(p->flags & DL4C_SESSION_CHANNELS_FIRST)) {
        struct dli_step *s = NULL;
        int32_t turned;
        DLI_TRY(add_value(l, &shape, DLI_PLAIN, -2, &turned));
        DLI_TRY(add_step(l, DLI_STEP_NHWC_IN, v, &value, 1, &s));
        s->out = turned;
        s->out_shape = shape;
        s->kernel = "from NHWC";
        p->values[turned].step = p->n_steps - 1;
        value = turned;
    }
    p->vertex_value[v] = p->vertex_linear[v] = value;
    return DL4C_OK;
}

static dl4c_status lower_view(struct lowering *l, int32_t v, int32_t in)
{
    struct dli_plan *p = l->plan;
    int32_t value;
    DLI_TRY(in_layout(l, v, in, DLI_PLAIN, &in));
    const struct dli_shape shape = p->shapes[v];
    DLI_TRY(add_value(l, &shape, DLI_PLAIN, p->values[in].storage, &value));
    p->values[value].view_of = in;
    p->values[value].input = p->values[in].input;
    p->values[value].step = p->values[in].step;
    p->vertex_value[v] = p->vertex_linear[v] = value;
    return DL4C_OK;
}

/* What is done to a layer's input in training: NULL where nothing is. */
static dl4c_status noise_attrs(struct lowering *l, int32_t v, struct dli_vattrs **va)
{
    const struct dli_layer *layer = &l->g->vertices[v].attrs->layer;
    const struct dl4c_attr p = dl4c_attr_float("p", layer->dropout);
    struct dli_spec spec;
    *va = NULL;
    if (!layer->noise)
        return layer->dropout > 0 && layer->dropout < 1
                   ? dli_vattrs_create(l->plan->ctx, dli_op_find("dropout"), l->g->vertices[v].name, &p, 1, va, l->err)
                   : DL4C_OK;
    DLI_TRY(dli_spec_parse(l->plan->ctx, layer->noise, &spec, l->err));
    const struct dli_op *op = dli_op_find(spec.name);
    const dl4c_status status =
        op && op->flags & DLI_OP_TRAIN_ONLY
            ? dli_vattrs_create(l->plan->ctx, op, l->g->vertices[v].name, spec.attrs, spec.n_attrs, va, l->err)
            : dli_fail(l->err, DL4C_E_NOTFOUND, "graph", "'%.200s': there is no noise \"%.60s\"", l->g->vertices[v].name, spec.name);
    dli_spec_free(&spec);
    return status;
}

static dl4c_status lower_dropout(struct lowering *l, int32_t v, int32_t *in)
{
    struct dli_vattrs *va;
    DLI_TRY(noise_attrs(l, v, &va));
    if (!va)
        return DL4C_OK;
    const struct dli_shape shape = l->plan->values[*in].shape;
    const dl4c_status status = add_op(l, v, va->op, va->attrs, va, false, in, 1, &shape, NULL, NULL, in);
    dli_vattrs_unref(va);
    return status;
}

static dl4c_status lower_op(struct lowering *l, int32_t v, int32_t *in, int32_t n_in)
{
    struct dli_plan *p = l->plan;
    const struct dli_vertex *x = &l->g->vertices[v];
    const bool layer = x->op->flags & DLI_OP_LAYER;
    if (layer && !l->fixed[v] && !x->frozen)
        DLI_TRY(lower_dropout(l, v, &in[0]));
    struct chain c;
    DLI_TRY(find_chain(l, v, &c));
    const bool fused = c.last != v || c.fuse.act || c.fuse.padded;
    if (c.addend >= 0)
        in[n_in++] = p->vertex_value[c.addend];
    const struct dli_shape shape = p->shapes[c.last];
    int32_t value;
    dl4c_status status =
        add_op(l, v, x->op, x->attrs->attrs, NULL, x->n_params > 0, in, n_in, &shape, fused ? &c.fuse : NULL, c.act, &value);
    dli_vattrs_unref(c.act);
    if (status != DL4C_OK)
        return status;
    absorb(l, v, c.last);
    p->vertex_linear[v] = value;
    if (layer && !c.fuse.act && !is_identity(x->attrs->layer.activation)) {
        struct dli_vattrs *act;
        DLI_TRY(activation_of(l, v, &act));
        const int32_t linear = value;
        status = add_op(l, v, act->op, act->attrs, act, false, &linear, 1, &shape, NULL, NULL, &value);
        dli_vattrs_unref(act);
        if (status != DL4C_OK)
            return status;
    }
    p->vertex_value[c.last] = value;
    return DL4C_OK;
}

static dl4c_status lower_vertex(struct lowering *l, int32_t v)
{
    struct dli_plan *p = l->plan;
    const struct dli_vertex *x = &l->g->vertices[v];
    if (!x->op)
        return lower_input(l, v);
    int32_t few[8], *in = few;
    if (x->n_inputs + 1 > 8 && !(in = dli_array(p->ctx, (size_t)x->n_inputs + 1, sizeof *in, l->err)))
        return dli_alloc_status();
    for (int32_t k = 0; k < x->n_inputs; k++)
        in[k] = p->vertex_value[x->inputs[k]];
    dl4c_status status;
    const bool idle = x->op->flags & DLI_OP_TRAIN_ONLY && (l->fixed[v] || x->frozen);
    if (idle) {
        p->vertex_value[v] = p->vertex_linear[v] = in[0];
        status = DL4C_OK;
    } else if (is_padding(l, v)) {
        p->vertex_value[v] = p->vertex_linear[v] = in[0];
        l->pads[v] = 1;
        status = DL4C_OK;
    } else if (x->op->flags & DLI_OP_VIEW) {
        status = lower_view(l, v, in[0]);
    } else {
        status = lower_op(l, v, in, x->n_inputs);
    }
    if (in != few)
        dli_free(in);
    return status;
}

/* An output is plain, in memory of its own that stays until the next run. */
static dl4c_status lower_output(struct lowering *l, int32_t k, int32_t v)
{
    struct dli_plan *p = l->plan;
    int32_t value;
    DLI_TRY(in_layout(l, v, p->vertex_value[v], DLI_PLAIN, &value));
    if (p->values[value].storage == DLI_NOWHERE) {
        struct dli_step *s = NULL;
        int32_t copy;
        const struct dli_shape shape = p->values[value].shape;
        DLI_TRY(add_value(l, &shape, DLI_PLAIN, -2, &copy));
        DLI_TRY(add_step(l, DLI_STEP_COPY, v, &value, 1, &s));
        s->out = copy;
        s->out_shape = shape;
        s->kernel = "copy";
        p->values[copy].step = p->n_steps - 1;
        value = copy;
    }
    p->outputs[k] = value;
    return DL4C_OK;
}

/* ---- steps that run as one ------------------------------------------------------------------------------------- */

/* Steps first..first+n-1, each of the same operator and read by the next alone, if the operator can run them as one. */
static dl4c_status join_run(struct lowering *l, int32_t first, int32_t n, const int32_t *value_readers, bool *done)
{
    struct dli_plan *p = l->plan;
    const void *states[DLI_MOST_JOINED];
    *done = false;
    if (first + n > p->n_steps)
        return DL4C_OK;
    for (int32_t k = 0; k < n; k++) {
        const struct dli_step *s = &p->steps[first + k];
        if (s->kind != DLI_STEP_OP || !s->op->join || s->op != p->steps[first].op ||
            (k > 0 && s->in[0] != p->steps[first + k - 1].out) || (k + 1 < n && (value_readers[s->out] != 1 || s->n_in != 1)))
            return DL4C_OK;
        states[k] = s->state;
    }
    struct dli_join j = { .ctx = p->ctx, .n = n, .states = states };
    DLI_TRY(p->steps[first].op->join(&j, l->err));
    if (!j.state)
        return DL4C_OK;
    struct dli_step *last = &p->steps[first + n - 1];
    for (int32_t k = 0; k + 1 < n; k++) {
        struct dli_step *s = &p->steps[first + k];
        s->runs_in = first + n - 1;
        s->scratch_bytes = 0;
        p->storages[p->values[s->out].storage].bytes = 0;
    }
    last->joined = n;
    last->joined_state = j.state;
    last->scratch_bytes = j.scratch_bytes;
    *done = true;
    return DL4C_OK;
}

/* A step that puts values one behind the other is left out where all of them can be made in their place. */
static void join_values(struct dli_plan *p, int32_t i, const int32_t *value_readers)
{
    struct dli_step *s = &p->steps[i];
    const struct dli_value *out = &p->values[s->out];
    for (int32_t k = 0; k < s->n_in; k++) {
        const struct dli_value *v = &p->values[s->in[k]];
        const struct dli_step *from = v->step == DLI_NOWHERE ? NULL : &p->steps[v->step];
        if (!from || from->out != s->in[k] || !from->apart || from->joined || from->runs_in != v->step || value_readers[s->in[k]] != 1 ||
            v->layout != out->layout || v->row > 0 || v->shape.batch != 1)
            return;
    }
    int64_t at = 0;
    for (int32_t k = 0; k < s->n_in; k++) {
        struct dli_value *v = &p->values[s->in[k]];
        p->storages[v->storage].bytes = 0;
        v->storage = out->storage;
        v->at = at;
        v->row = out->floats;
        at += v->floats;
    }
    s->runs_in = DLI_NOWHERE;
}

static dl4c_status join_steps(struct lowering *l)
{
    struct dli_plan *p = l->plan;
    if (p->mode != DLI_RUN || p->flags & DL4C_SESSION_NO_FUSION)
        return DL4C_OK;
    int32_t *readers = dli_calloc(p->ctx, (size_t)p->n_values, sizeof *readers, l->err);
    if (!readers)
        return dli_alloc_status();
    for (int32_t i = 0; i < p->n_steps; i++)
        for (int32_t k = 0; k < p->steps[i].n_in; k++)
            readers[p->steps[i].in[k]]++;
    for (int32_t k = 0; k < p->n_outputs; k++)
        readers[p->outputs[k]]++;
    for (int32_t k = 0; k < p->n_values; k++)
        if (p->values[k].view_of != DLI_NOWHERE)
            readers[p->values[k].view_of]++;
    dl4c_status status = DL4C_OK;
    for (int32_t i = 0; i < p->n_steps && status == DL4C_OK;) {
        bool done = false;
        int32_t n = DLI_MOST_JOINED;
        for (; n > 1 && !done && status == DL4C_OK; n--)
            status = join_run(l, i, n, readers, &done);
        i += done ? n + 1 : 1;
    }
    for (int32_t i = 0; i < p->n_steps && status == DL4C_OK; i++)
        if (p->steps[i].joins && p->steps[i].n_in > 1)
            join_values(p, i, readers);
    dli_free(readers);
    return status;
}

/* In training no gradient reaches what is frozen or has no parameters and reads only such vertices: it may be fused and blocked. An
 * output is left as it is, for its loss. */
static bool is_fixed(const struct lowering *l, int32_t v)
{
    const struct dli_vertex *x = &l->g->vertices[v];
    if (l->plan->mode == DLI_RUN)
        return true;
    const bool noisy = x->op && (x->op->flags & DLI_OP_TRAIN_ONLY ||
                                 (x->op->flags & DLI_OP_LAYER && (x->attrs->layer.noise || x->attrs->layer.dropout > 0)));
    if (l->is_output[v] || (!x->frozen && (x->n_params > 0 || noisy)))
        return false;
    for (int32_t k = 0; k < x->n_inputs; k++)
        if (!l->fixed[x->inputs[k]])
            return false;
    return true;
}

bool dli_plan_times(const struct dli_plan *p, int64_t *times)
{
    const int32_t value = p->graph->n_inputs == 1 ? p->input_value[0] : DLI_NOWHERE;
    *times = value != DLI_NOWHERE && p->values[value].shape.rank == 2 ? p->values[value].shape.dim[1] : 0;
    return *times > 0;
}

/* Which values have the times of the input, so that its mask is theirs. */
static void mark_times(struct dli_plan *p)
{
    int64_t times;
    if (!dli_plan_times(p, &times))
        return;
    p->values[p->input_value[0]].timed = true;
    for (int32_t i = 0; i < p->n_steps; i++) {
        const struct dli_step *s = &p->steps[i];
        const struct dli_shape *out = &p->values[s->out].shape;
        bool timed = s->n_in > 0 && out->rank == 2 && out->dim[1] == times && out->batch == 1 &&
                     (s->kind == DLI_STEP_COPY ||
                      (s->kind == DLI_STEP_OP && s->op->flags & (DLI_OP_TIMES | DLI_OP_ACTIVATION | DLI_OP_TRAIN_ONLY)));
        for (int32_t k = 0; k < s->n_in; k++)
            timed = timed && p->values[s->in[k]].timed;
        p->values[s->out].timed = timed;
    }
}

static dl4c_status lower(struct lowering *l, const struct dli_plan_options *o)
{
    struct dli_plan *p = l->plan;
    dl4c_graph *g = l->g;
    for (int32_t k = 0; k < o->n_outputs; k++)
        l->need[o->outputs[k]] = l->is_output[o->outputs[k]] = 1;
    for (int32_t v = g->n_vertices - 1; v >= 0; v--)
        for (int32_t k = 0; l->need[v] && k < g->vertices[v].n_inputs; k++) {
            const int32_t from = g->vertices[v].inputs[k];
            l->need[from] = 1;
            l->readers[from]++;
            l->reader[from] = v;
        }
    DLI_TRY(dli_graph_infer(g, o->input_shapes, l->need, p->shapes, l->err));
    for (int32_t v = 0; v < g->n_vertices; v++)
        l->fixed[v] = is_fixed(l, v);
    for (int32_t v = 0; v < g->n_vertices; v++)
        if (l->need[v] && !l->absorbed[v])
            DLI_TRY(lower_vertex(l, v));
    for (int32_t k = 0; k < o->n_outputs; k++)
        DLI_TRY(lower_output(l, k, o->outputs[k]));
    DLI_TRY(join_steps(l));
    p->timeline = p->n_steps;
    mark_times(p);
    return DL4C_OK;
}

/* Tells the graph which parameters this plan's runs read where they lie: dl4c_graph_destroy asks. */
static void count_readers(struct dli_plan *p, int32_t by)
{
    for (int32_t i = 0; i < p->n_steps; i++)
        for (int32_t k = 0; p->steps[i].has_params && k < DLI_MAX_PARAMS; k++)
            if (!(p->steps[i].unread >> k & 1))
                atomic_fetch_add(&p->graph->vertices[p->steps[i].vertex].readers[k], by);
    if (p->mode == DLI_RUN)
        atomic_fetch_add(&p->graph->run_plans, by);
    p->counted = by > 0;
}

dl4c_status dli_plan_create(dl4c_context *ctx, dl4c_graph *g, const struct dli_plan_options *o, struct dli_plan **plan,
                            struct dl4c_error *err)
{
    *plan = NULL;
    ctx = dli_context_ref(ctx ? ctx : g->ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dli_plan *p = dli_calloc(ctx, 1, sizeof *p, err);
    if (!p) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    p->ctx = ctx;
    p->graph = dli_graph_ref(g);
    p->mode = o->mode;
    p->batch = o->batch;
    p->threads = o->threads;
    p->workers = dli_parallel_width(ctx, o->threads);
    p->flags = o->flags;
    p->precision = o->precision;
    p->n_outputs = o->n_outputs;
    const size_t n = (size_t)g->n_vertices;
    struct lowering l = { .plan = p, .g = g, .err = err };
    p->shapes = dli_calloc(ctx, n, sizeof *p->shapes, err);
    p->vertex_value = dli_array(ctx, n, sizeof *p->vertex_value, err);
    p->vertex_linear = dli_array(ctx, n, sizeof *p->vertex_linear, err);
    p->outputs = dli_array(ctx, (size_t)o->n_outputs, sizeof *p->outputs, err);
    p->input_value = dli_array(ctx, (size_t)g->n_inputs, sizeof *p->input_value, err);
    l.need = dli_calloc(ctx, n, 5, err); /* need, is_output, absorbed, fixed, pads */
    l.readers = dli_calloc(ctx, n, sizeof *l.readers, err);
    l.reader = dli_calloc(ctx, n, sizeof *l.reader, err);
    dl4c_status status;
    if (p->shapes && p->vertex_value && p->vertex_linear && p->outputs && p->input_value && l.need && l.readers && l.reader) {
        l.is_output = l.need + n;
        l.absorbed = l.need + 2 * n;
        l.fixed = l.need + 3 * n;
        l.pads = l.need + 4 * n;
        for (size_t i = 0; i < n; i++)
            p->vertex_value[i] = p->vertex_linear[i] = DLI_NOWHERE;
        for (int32_t i = 0; i < g->n_inputs; i++)
            p->input_value[i] = DLI_NOWHERE;
        status = lower(&l, o);
    } else {
        status = dli_alloc_status();
    }
    dli_free(l.need);
    dli_free(l.readers);
    dli_free(l.reader);
    if (status == DL4C_OK)
        count_readers(p, 1);
    if (status != DL4C_OK) {
        dli_plan_destroy(p);
        return status;
    }
    *plan = p;
    return DL4C_OK;
}

void dli_plan_destroy(struct dli_plan *p)
{
    if (!p)
        return;
    if (p->counted)
        count_readers(p, -1);
    for (int32_t i = 0; i < p->n_steps; i++) {
        struct dli_step *s = &p->steps[i];
        dli_free(s->joined_state);
        if (s->state)
            (s->op->release ? s->op->release : dli_free)(s->state);
        dli_vattrs_unref(s->own_attrs);
        dli_vattrs_unref(s->fused_attrs);
        dli_blob_unref(s->packed);
        dli_free(s->in);
        dli_free(s->in_layout);
        dli_free(s->in_shape);
        dli_free(s->in_ptr);
    }
    dli_free(p->steps);
    dli_free(p->values);
    dli_free(p->storages);
    dli_free(p->shapes);
    dli_free(p->vertex_value);
    dli_free(p->vertex_linear);
    dli_free(p->outputs);
    dli_free(p->input_value);
    dli_graph_unref(p->graph);
    dl4c_context *ctx = p->ctx;
    dli_free(p);
    dli_context_unref(ctx);
}
