/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: a plan, its arena, its outputs. */
#include "graph/plan.h"
#include "tensor/tensor.h"

#include <string.h>

struct dl4c_session {
    dl4c_context *ctx; /* a reference */
    struct dli_plan *plan;
    struct dli_blob *arena; /* NULL: the caller's memory */
    _Atomic int32_t busy;
    int64_t rows;         /* of the last run; 0: none yet */
    const float **inputs; /* [graph inputs] */
    dl4c_tensor **staged; /* [graph inputs]: contiguous copies for inputs that are not, made when first needed */
    dl4c_tensor **y;      /* [outputs]: views of the arena, one per output, [batch, ...] */
    dl4c_tensor **bound;  /* [outputs]: the caller's */
    dl4c_tensor *mask;    /* of the input's times; NULL: none */
};

static dl4c_status names_to_vertices(dl4c_graph *g, const struct dl4c_session_options *o, int32_t **vertices, int32_t *n,
                                     struct dl4c_error *err)
{
    *n = o->outputs ? o->n_outputs : g->n_outputs;
    if (*n < 1)
        return dli_fail(err, DL4C_E_INVALID, "session", "a session needs an output");
    *vertices = dli_array(g->ctx, (size_t)*n, sizeof **vertices, err);
    if (!*vertices)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (int32_t k = 0; k < *n && status == DL4C_OK; k++) {
        if (o->outputs)
            status = dli_graph_lookup(g, o->outputs[k], &(*vertices)[k], err);
        else
            (*vertices)[k] = g->outputs[k];
    }
    return status;
}

static dl4c_status take_arena(dl4c_session *s, const struct dl4c_session_options *o, struct dl4c_error *err)
{
    const size_t need = s->plan->arena_bytes;
    if (o->arena) {
        if ((uintptr_t)o->arena % DLI_ALIGN != 0)
            return dli_fail(err, DL4C_E_INVALID, "session", "the arena is not aligned to %d bytes", DLI_ALIGN);
        if (o->arena_bytes < need)
            return dli_fail(err, DL4C_E_LIMIT, "session", "the arena has %zu bytes, the session needs %zu", o->arena_bytes, need);
        s->plan->arena = o->arena;
        return DL4C_OK;
    }
    DLI_TRY(dli_blob_create(s->ctx, need, &s->arena, err));
    s->plan->arena = s->arena->data;
    return DL4C_OK;
}

static void tensor_shape(const struct dli_shape *shape, int64_t rows, int64_t dims[DL4C_MAX_RANK])
{
    dims[0] = rows * shape->batch;
    for (int32_t r = 0; r < shape->rank; r++)
        dims[r + 1] = shape->dim[r];
}

static void release_arena(void *arena) { dli_blob_unref(arena); }

/* A reference to an output that outlives the session keeps its memory, where that is not the caller's. */
static dl4c_status make_outputs(dl4c_session *s, struct dl4c_error *err)
{
    struct dli_plan *p = s->plan;
    for (int32_t k = 0; k < p->n_outputs; k++) {
        const struct dli_value *v = &p->values[p->outputs[k]];
        int64_t dims[DL4C_MAX_RANK];
        tensor_shape(&v->shape, p->batch, dims);
        DLI_TRY(dl4c_tensor_wrap(s->ctx, DL4C_F32, dims, NULL, v->shape.rank + 1, dli_plan_pointer(p, v->storage), DL4C_WRAP_READ_ONLY,
                                 release_arena, s->arena, &s->y[k], err));
        dli_blob_ref(s->arena);
    }
    return DL4C_OK;
}

/* The caller's shapes are in the layout that the session takes, the plan's have channels first. */
static dl4c_status inside_shapes(const dl4c_graph *g, const struct dl4c_session_options *o, struct dl4c_shape **shapes,
                                 struct dl4c_error *err)
{
    if (!o->input_shapes)
        return DL4C_OK;
    if (!(*shapes = dli_array(g->ctx, (size_t)g->n_inputs, sizeof **shapes, err)))
        return dli_alloc_status();
    for (int32_t i = 0; i < g->n_inputs; i++) {
        struct dl4c_shape *s = &(*shapes)[i];
        *s = o->input_shapes[i];
        if (g->vertices[g->inputs[i]].nhwc && s->rank == 3 && !(o->flags & DL4C_SESSION_CHANNELS_FIRST)) {
            const int64_t channels = s->dim[2];
            s->dim[2] = s->dim[1];
            s->dim[1] = s->dim[0];
            s->dim[0] = channels;
        }
    }
    return DL4C_OK;
}

/* Options of any age, checked. */
static dl4c_status read_options(const dl4c_graph *graph, const struct dl4c_session_options *options, struct dl4c_session_options *o,
                                struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, options, "session", err));
    if (o->flags & ~(uint64_t)(DL4C_SESSION_LOW_MEMORY | DL4C_SESSION_NO_FUSION | DL4C_SESSION_CHANNELS_FIRST))
        return dli_fail(err, DL4C_E_VERSION, "session", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->batch < 0 || o->threads < 0)
        return dli_fail(err, DL4C_E_INVALID, "session", "batch is %" PRId64 ", threads %" PRId32 ": neither may be negative", o->batch,
                        o->threads);
    DLI_TRY(dl4c_precision_check(o->precision, err));
    if (o->input_shapes && o->n_input_shapes != graph->n_inputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "%" PRId32 " input shapes for a graph of %" PRId32 " inputs", o->n_input_shapes,
                        graph->n_inputs);
    return DL4C_OK;
}

/* The plan, placed and not packed. The graph is held against training. */
static dl4c_status make_plan(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *o, struct dli_plan **plan,
                             struct dl4c_error *err)
{
    struct dl4c_shape *shapes = NULL;
    struct dli_plan_options po = { .mode = DLI_RUN, .batch = o->batch ? o->batch : 1, .threads = o->threads, .flags = o->flags,
                                   .precision = o->precision };
    int32_t *vertices = NULL;
    dl4c_status status = inside_shapes(graph, o, &shapes, err);
    po.input_shapes = shapes;
    if (status == DL4C_OK)
        status = names_to_vertices(graph, o, &vertices, &po.n_outputs, err);
    po.outputs = vertices;
    if (status == DL4C_OK)
        status = dli_plan_create(ctx, graph, &po, plan, err);
    dli_free(vertices);
    dli_free(shapes);
    if (status == DL4C_OK)
        status = dli_plan_place(*plan, err);
    if (status == DL4C_OK)
        dli_plan_measure(*plan);
    return status;
}

static dl4c_status fill(dl4c_session *s, dl4c_graph *graph, const struct dl4c_session_options *o, struct dl4c_error *err)
{
    DLI_TRY(make_plan(s->ctx, graph, o, &s->plan, err));
    DLI_TRY(take_arena(s, o, err));
    s->inputs = dli_calloc(s->ctx, (size_t)graph->n_inputs, sizeof *s->inputs, err);
    s->staged = dli_calloc(s->ctx, (size_t)graph->n_inputs, sizeof *s->staged, err);
    s->y = dli_calloc(s->ctx, (size_t)s->plan->n_outputs, sizeof *s->y, err);
    s->bound = dli_calloc(s->ctx, (size_t)s->plan->n_outputs, sizeof *s->bound, err);
    if (!s->inputs || !s->staged || !s->y || !s->bound)
        return dli_alloc_status();
    DLI_TRY(make_outputs(s, err));
    return dli_plan_pack(s->plan, err);
}

dl4c_status dl4c_session_create(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options, dl4c_session **s,
                                struct dl4c_error *err)
{
    if (!s)
        return dli_fail(err, DL4C_E_INVALID, "session", "s is NULL");
    *s = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "session", "graph is NULL");
    struct dl4c_session_options o;
    DLI_TRY(read_options(graph, options, &o, err));
    ctx = dli_context_ref(ctx ? ctx : graph->ctx, err);
    if (!ctx)
        return dli_alloc_status();
    dl4c_session *fresh = dli_calloc(ctx, 1, sizeof *fresh, err);
    if (!fresh) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    fresh->ctx = ctx;
    atomic_init(&fresh->busy, 0);
    dl4c_status status = dli_graph_begin_run(graph, "session", err);
    if (status == DL4C_OK) {
        status = fill(fresh, graph, &o, err);
        dli_graph_end_run(graph);
    }
    if (status != DL4C_OK) {
        dl4c_session_destroy(&fresh);
        return status;
    }
    *s = fresh;
    return DL4C_OK;
}

dl4c_status dl4c_session_plan(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options,
                              struct dl4c_session_memory *memory, char **text, struct dl4c_error *err)
{
    if (text)
        *text = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "session", "graph is NULL");
    struct dl4c_session_options o;
    struct dli_plan *plan = NULL;
    DLI_TRY(read_options(graph, options, &o, err));
    DLI_TRY(dli_graph_begin_run(graph, "session", err));
    dl4c_status status = make_plan(ctx, graph, &o, &plan, err);
    if (status == DL4C_OK && memory)
        status = dli_struct_out(memory, &plan->need, sizeof plan->need, "session", err);
    if (status == DL4C_OK && text)
        status = dli_plan_describe(plan, text, err);
    dli_plan_destroy(plan);
    dli_graph_end_run(graph);
    return status;
}

void dl4c_session_destroy(dl4c_session **session)
{
    if (!session || !*session)
        return;
    dl4c_session *s = *session;
    *session = NULL;
    dl4c_tensor_unref(&s->mask);
    for (int32_t k = 0; s->plan && k < s->plan->n_outputs; k++) {
        if (s->y)
            dl4c_tensor_unref(&s->y[k]);
        if (s->bound)
            dl4c_tensor_unref(&s->bound[k]);
    }
    for (int32_t k = 0; s->plan && s->staged && k < s->plan->graph->n_inputs; k++)
        dl4c_tensor_unref(&s->staged[k]);
    dli_free(s->inputs);
    dli_free(s->staged);
    dli_free(s->y);
    dli_free(s->bound);
    dli_plan_destroy(s->plan);
    dli_blob_unref(s->arena);
    dl4c_context *ctx = s->ctx;
    dli_free(s);
    dli_context_unref(ctx);
}

size_t dl4c_session_bytes(const dl4c_session *s) { return s ? s->plan->arena_bytes : 0; }

size_t dl4c_session_packed_bytes(const dl4c_session *s)
{
    size_t total = 0;
    for (int32_t i = 0; s && i < s->plan->n_steps; i++)
        total += s->plan->steps[i].packed_bytes;
    return total;
}

dl4c_status dl4c_session_get_memory(const dl4c_session *s, struct dl4c_session_memory *out, struct dl4c_error *err)
{
    if (!s)
        return dli_fail(err, DL4C_E_INVALID, "session", "s is NULL");
    return dli_struct_out(out, &s->plan->need, sizeof s->plan->need, "session", err);
}

int32_t dl4c_session_input_count(const dl4c_session *s) { return s ? s->plan->graph->n_inputs : 0; }
int32_t dl4c_session_output_count(const dl4c_session *s) { return s ? s->plan->n_outputs : 0; }

/* Inputs in the layout of the file they came from. */
static void outside_shape(const struct dl4c_session *s, const struct dli_vertex *v, const struct dli_shape *shape, struct dl4c_shape *out)
{
    memset(out, 0, sizeof *out);
    out->rank = shape->rank;
    memcpy(out->dim, shape->dim, sizeof shape->dim);
    if (v->nhwc && shape->rank == 3 && !(s->plan->flags & DL4C_SESSION_CHANNELS_FIRST)) {
        out->dim[0] = shape->dim[1];
        out->dim[1] = shape->dim[2];
        out->dim[2] = shape->dim[0];
    }
}

dl4c_status dl4c_session_input_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err)
{
    if (!s || !out || i < 0 || i >= s->plan->graph->n_inputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "input %" PRId32 " does not exist, or NULL was passed", i);
    const int32_t v = s->plan->graph->inputs[i];
    outside_shape(s, &s->plan->graph->vertices[v], &s->plan->shapes[v], out);
    return DL4C_OK;
}

dl4c_status dl4c_session_output_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err)
{
    if (!s || !out || i < 0 || i >= s->plan->n_outputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "output %" PRId32 " does not exist, or NULL was passed", i);
    const struct dli_shape *shape = &s->plan->values[s->plan->outputs[i]].shape;
    memset(out, 0, sizeof *out);
    out->rank = shape->rank;
    memcpy(out->dim, shape->dim, sizeof shape->dim);
    return DL4C_OK;
}

/* Checks one input against the plan; *rows is set by the first. */
static dl4c_status check_input(const dl4c_session *s, int32_t k, const dl4c_tensor *t, int64_t *rows, struct dl4c_error *err)
{
    const struct dli_plan *p = s->plan;
    const int32_t v = p->graph->inputs[k];
    const char *name = p->graph->vertices[v].name;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "session", "input '%.200s' is NULL", name);
    struct dl4c_shape want;
    outside_shape(s, &p->graph->vertices[v], &p->shapes[v], &want);
    bool fits = t->rank == want.rank + 1;
    for (int32_t r = 0; r < want.rank && fits; r++)
        fits = t->shape[r + 1] == want.dim[r];
    if (!fits) {
        struct dli_shape found = { .rank = t->rank < DLI_SHAPE_RANK ? t->rank : DLI_SHAPE_RANK }, wanted = { .rank = want.rank };
        memcpy(found.dim, t->shape, (size_t)found.rank * sizeof *found.dim);
        memcpy(wanted.dim, want.dim, sizeof wanted.dim);
        return dli_fail(err, DL4C_E_INVALID, "session", "input '%.100s' is %s, wanted the batch and then %s", name, DLI_SHAPE_STR(&found),
                        DLI_SHAPE_STR(&wanted));
    }
    if (*rows < 0)
        *rows = t->shape[0];
    if (t->shape[0] < 1 || t->shape[0] > p->batch || t->shape[0] != *rows)
        return dli_fail(err, DL4C_E_INVALID, "session", "input '%.200s' has %" PRId64 " rows, wanted 1 to %" PRId64 ", as many in each",
                        name, t->shape[0], p->batch);
    if (t->dtype != DL4C_F32)
        return dli_fail(err, DL4C_E_INVALID, "session", "input '%.200s' is %s, wanted f32", name, dl4c_dtype_name(t->dtype));
    return DL4C_OK;
}

static dl4c_status stage_inputs(dl4c_session *s, dl4c_tensor *const *inputs, int32_t n_inputs, int64_t *rows, struct dl4c_error *err)
{
    struct dli_plan *p = s->plan;
    if (n_inputs != p->graph->n_inputs || !inputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "%" PRId32 " inputs were passed, the graph has %" PRId32, n_inputs,
                        p->graph->n_inputs);
    *rows = -1;
    for (int32_t k = 0; k < n_inputs; k++) {
        if (p->input_value[k] == DLI_NOWHERE)
            continue;
        DLI_TRY(check_input(s, k, inputs[k], rows, err));
        const dl4c_tensor *t = inputs[k];
        if (dl4c_tensor_is_contiguous(t)) {
            s->inputs[k] = t->data;
            continue;
        }
        if (!s->staged[k]) {
            int64_t dims[DL4C_MAX_RANK];
            memcpy(dims, t->shape, sizeof dims);
            dims[0] = p->batch;
            DLI_TRY(dl4c_tensor_create(s->ctx, DL4C_F32, dims, t->rank, &s->staged[k], err));
        }
        dl4c_tensor part = *s->staged[k]; /* its first rows */
        part.shape[0] = t->shape[0];
        DLI_TRY(dl4c_tensor_copy(&part, t, err));
        s->inputs[k] = s->staged[k]->data;
    }
    return DL4C_OK;
}

dl4c_status dl4c_session_run(dl4c_session *s, dl4c_tensor *const *inputs, int32_t n_inputs, struct dl4c_error *err)
{
    if (!s)
        return dli_fail(err, DL4C_E_INVALID, "session", "s is NULL");
    int32_t idle = 0;
    if (!atomic_compare_exchange_strong(&s->busy, &idle, 1))
        return dli_fail(err, DL4C_E_STATE, "session", "the session is in another call");
    struct dli_plan *p = s->plan;
    int64_t rows = 0;
    dl4c_status status = dli_graph_begin_run(p->graph, "session", err);
    if (status == DL4C_OK) {
        status = stage_inputs(s, inputs, n_inputs, &rows, err);
        if (status == DL4C_OK && s->mask && s->mask->shape[0] != rows)
            status = dli_fail(err, DL4C_E_INVALID, "session", "the mask has %" PRId64 " rows, the run %" PRId64, s->mask->shape[0], rows);
        p->mask = s->mask ? s->mask->data : NULL;
        if (status == DL4C_OK)
            status = dli_plan_pack(p, err);
        if (status == DL4C_OK)
            dli_plan_forward(p, rows, s->inputs, false, 0, 0);
        dli_graph_end_run(p->graph);
    }
    if (status == DL4C_OK) {
        s->rows = rows;
        for (int32_t k = 0; k < p->n_outputs; k++) {
            const struct dli_value *v = &p->values[p->outputs[k]];
            s->y[k]->shape[0] = rows * v->shape.batch;
            if (s->bound[k])
                memcpy(s->bound[k]->data, s->y[k]->data, (size_t)(rows * v->floats) * sizeof(float));
        }
    }
    atomic_store(&s->busy, 0);
    return status;
}

dl4c_status dl4c_session_mask(dl4c_session *s, dl4c_tensor *mask, struct dl4c_error *err)
{
    int64_t times;
    if (!s)
        return dli_fail(err, DL4C_E_INVALID, "session", "s is NULL");
    if (mask && !dli_plan_times(s->plan, &times))
        return dli_fail(err, DL4C_E_INVALID, "session", "masks are for graphs of one input that is a sequence [features, time]");
    if (mask && (mask->dtype != DL4C_F32 || mask->rank != 2 || mask->shape[1] != times || !dl4c_tensor_is_contiguous(mask)))
        return dli_fail(err, DL4C_E_INVALID, "session", "the mask is %s %s, wanted f32, the batch and then %" PRId64 ", contiguous",
                        dl4c_dtype_name(mask->dtype), DLI_SHAPE(mask->shape, mask->rank), times);
    int32_t idle = 0;
    if (!atomic_compare_exchange_strong(&s->busy, &idle, 1))
        return dli_fail(err, DL4C_E_STATE, "session", "the session is in another call");
    dl4c_tensor_unref(&s->mask);
    s->mask = dl4c_tensor_ref(mask);
    atomic_store(&s->busy, 0);
    return DL4C_OK;
}

dl4c_status dl4c_session_output(dl4c_session *s, int32_t i, dl4c_tensor **y, struct dl4c_error *err)
{
    if (!y)
        return dli_fail(err, DL4C_E_INVALID, "session", "y is NULL");
    *y = NULL;
    if (!s || i < 0 || i >= s->plan->n_outputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "output %" PRId32 " does not exist", i);
    if (s->rows == 0)
        return dli_fail(err, DL4C_E_STATE, "session", "the session has not run yet");
    *y = s->y[i];
    return DL4C_OK;
}

dl4c_status dl4c_session_bind(dl4c_session *s, int32_t i, dl4c_tensor *y, struct dl4c_error *err)
{
    if (!s || i < 0 || i >= s->plan->n_outputs)
        return dli_fail(err, DL4C_E_INVALID, "session", "output %" PRId32 " does not exist", i);
    if (y) {
        const struct dli_value *v = &s->plan->values[s->plan->outputs[i]];
        if (y->dtype != DL4C_F32 || !dl4c_tensor_is_contiguous(y) || y->read_only || dl4c_tensor_size(y) != s->plan->batch * v->floats)
            return dli_fail(err, DL4C_E_INVALID, "session",
                            "output %" PRId32 " wants a writable contiguous f32 tensor of %" PRId64 " values", i,
                            s->plan->batch * v->floats);
    }
    dl4c_tensor_unref(&s->bound[i]);
    s->bound[i] = dl4c_tensor_ref(y);
    return DL4C_OK;
}

dl4c_status dl4c_session_describe(const dl4c_session *s, char **text, struct dl4c_error *err)
{
    if (!s || !text)
        return dli_fail(err, DL4C_E_INVALID, "session", "NULL was passed");
    *text = NULL;
    return dli_plan_describe(s->plan, text, err);
}
