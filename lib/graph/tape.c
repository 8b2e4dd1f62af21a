/* SPDX-License-Identifier: Apache-2.0 */
/* Making a tape: what is trainable, where gradients flow, how long everything lives. */
#include "graph/tape.h"

#include <string.h>

/* The value whose memory and gradient this one has under another shape. */
static int32_t origin(const struct dli_plan *p, int32_t value)
{
    while (p->values[value].view_of != DLI_NOWHERE)
        value = p->values[value].view_of;
    return value;
}

static void live(struct dli_plan *p, int32_t storage, int32_t time)
{
    if (storage < 0)
        return;
    struct dli_storage *s = &p->storages[storage];
    if (s->first < 0 || time < s->first)
        s->first = time;
    if (time > s->last)
        s->last = time;
}

static bool trainable(const dl4c_graph *g, const struct dli_step *s) { return s->has_params && !g->vertices[s->vertex].frozen; }

/* Which steps the way back passes: those with something to train and those above them. */
static void mark_back(struct dli_tape *t, uint8_t *wanted)
{
    struct dli_plan *p = t->plan;
    for (int32_t i = 0; i < p->n_steps; i++) {
        const struct dli_step *s = &p->steps[i];
        bool back = s->kind == DLI_STEP_OP && trainable(p->graph, s);
        for (int32_t k = 0; k < s->n_in; k++)
            back = back || wanted[origin(p, s->in[k])];
        if (s->kind == DLI_STEP_OP && !s->op->backward)
            back = false;
        t->back[i] = back;
        wanted[s->out] = back;
    }
}

static dl4c_status make_slots(struct dli_tape *t, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    dl4c_graph *g = p->graph;
    for (int32_t v = 0; v < g->n_vertices; v++)
        t->slot_of[v] = -1;
    /* Steps of vertices with parameters come in the order of the vertices. */
    for (int pass = 0; pass < 2; pass++) {
        int32_t n = 0;
        int64_t offset = 0;
        for (int32_t i = 0; i < p->n_steps; i++) {
            const struct dli_step *s = &p->steps[i];
            if (s->kind != DLI_STEP_OP || !trainable(g, s) || !t->back[i])
                continue;
            const struct dli_vertex *v = &g->vertices[s->vertex];
            if (pass == 1)
                t->slot_of[s->vertex] = n;
            for (int32_t k = 0; k < v->n_params; k++, n++) {
                const int64_t count = v->params->p[k].count;
                if (pass == 1)
                    t->slots[n] = (struct dli_slot){ .vertex = s->vertex,
                                                     .param = k,
                                                     .offset = offset,
                                                     .count = count,
                                                     .decl = &v->decl[k],
                                                     .layer = v->op->flags & DLI_OP_LAYER ? &v->attrs->layer : NULL,
                                                     .takes = s->takes >> k & 1 };
                offset += count;
            }
        }
        if (pass == 0) {
            if (n == 0)
                return dli_fail(err, DL4C_E_INVALID, "train", "the graph has nothing to train: every vertex with parameters is frozen");
            t->slots = dli_array(p->ctx, (size_t)n, sizeof *t->slots, err);
            if (!t->slots)
                return dli_alloc_status();
            t->n_slots = n;
            t->n_params = offset;
        }
    }
    size_t bytes;
    if (!dli_mul_size((size_t)t->n_params, sizeof(float), &bytes))
        return dli_fail(err, DL4C_E_LIMIT, "train", "the trainable parameters are too large");
    return DL4C_OK;
}

dl4c_status dli_tape_store_gradients(struct dli_tape *t, struct dl4c_error *err)
{
    if (t->grads)
        return DL4C_OK;
    t->n_grads = 0;
    for (int32_t i = 0; i < t->n_slots; i++) {
        t->slots[i].grad = t->n_grads;
        t->n_grads += t->slots[i].taker.take ? 0 : t->slots[i].count;
    }
    return dli_blob_create_zeroed(t->plan->ctx, (size_t)(t->n_grads > 0 ? t->n_grads : 1) * sizeof(float), &t->grads, err);
}

static int32_t readers_on_the_way(const struct dli_tape *t, int32_t value)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->plan->n_steps; i++)
        for (int32_t k = 0; k < t->plan->steps[i].n_in; k++)
            n += origin(t->plan, t->plan->steps[i].in[k]) == value;
    return n;
}

static dl4c_status make_outputs(struct dli_tape *t, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    dl4c_graph *g = p->graph;
    bool any = false;
    for (int32_t k = 0; k < t->n_outputs; k++) {
        struct dli_tape_output *o = &t->outputs[k];
        const struct dli_vertex *v = &g->vertices[g->outputs[k]];
        o->vertex = g->outputs[k];
        o->op = v->op;
        o->dz = o->da = o->act_step = -1;
        o->a = origin(p, p->vertex_value[o->vertex]);
        o->z = origin(p, p->vertex_linear[o->vertex]);
        o->shape = p->values[p->vertex_value[o->vertex]].shape;
        o->floats = p->values[o->a].floats;
        if (v->op && v->op->flags & DLI_OP_OUTPUT)
            memcpy(&o->loss, v->attrs->attrs, sizeof o->loss);
        if (o->z != o->a) {
            o->act_step = p->values[o->a].step;
            const struct dli_step *s = &p->steps[o->act_step];
            o->act = s->op;
            o->act_attrs = s->attrs;
            o->act_ref = dli_vattrs_ref(s->own_attrs);
        }
        o->direct = readers_on_the_way(t, o->a) == 0;
        any = any || (o->loss && o->op);
    }
    if (!any)
        return dli_fail(err, DL4C_E_INVALID, "train", "no output of the graph has a loss: it must end with an output or loss vertex");
    return DL4C_OK;
}

/* Gives every value on the way back a gradient and every step its ways: where the gradient of each input is written. Walks backward,
 * the order in which contributions arrive: the first is written in place, later ones beside it and added. */
static dl4c_status make_ways(struct dli_tape *t, const uint8_t *wanted, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    const int32_t steps = p->n_steps;
    uint8_t *begun = dli_calloc(p->ctx, (size_t)p->n_values, 1, err);
    if (!begun)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (int32_t v = 0; v < p->n_values && status == DL4C_OK; v++) {
        t->grad[v] = -1;
        if (!wanted[v])
            continue;
        size_t bytes;
        status = dli_plan_bytes(p, p->values[v].floats, &bytes, err);
        if (status == DL4C_OK && (t->grad[v] = dli_plan_storage(p, bytes, -1, -1, err)) < 0)
            status = dli_alloc_status();
        if (status == DL4C_OK)
            live(p, t->grad[v], 2 * steps - p->values[v].step); /* read when its step goes back */
    }
    for (int32_t k = 0; k < t->n_outputs && status == DL4C_OK; k++) {
        struct dli_tape_output *o = &t->outputs[k];
        o->da = t->grad[o->a];
        o->dz = t->grad[o->z];
        live(p, o->da, steps);
        live(p, o->dz, steps); /* the loss may fill it directly */
        begun[o->a] = 1;
        live(p, p->values[o->z].storage, steps);
        live(p, p->values[o->a].storage, steps);
    }
    for (int32_t i = 0; i < steps && status == DL4C_OK; i++) /* a score of its own reads what forward saw */
        for (int32_t k = 0; p->steps[i].kind == DLI_STEP_OP && p->steps[i].op->score && k < p->steps[i].n_in; k++)
            live(p, p->values[p->steps[i].in[k]].storage, steps);
    for (int32_t i = steps - 1; i >= 0 && status == DL4C_OK; i--) {
        struct dli_step *s = &p->steps[i];
        const int32_t time = 2 * steps - i;
        for (int32_t k = 0; k < s->n_in && status == DL4C_OK; k++) {
            struct dli_way *w = &t->ways[t->first_way[i] + k];
            const int32_t from = origin(p, s->in[k]);
            *w = (struct dli_way){ .target = -1, .beside = -1 };
            if (!t->back[i] || !wanted[from])
                continue;
            w->target = t->grad[from];
            w->floats = p->values[from].floats;
            live(p, w->target, time);
            if (begun[from]) {
                size_t bytes;
                status = dli_plan_bytes(p, w->floats, &bytes, err);
                if (status == DL4C_OK && (w->beside = dli_plan_storage(p, bytes, time, time, err)) < 0)
                    status = dli_alloc_status();
            }
            begun[from] = 1;
        }
    }
    dli_free(begun);
    return status;
}

/* What backward reads lives until then; so does what forward keeps for it. */
static dl4c_status extend_lives(struct dli_tape *t, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    const int32_t steps = p->n_steps;
    for (int32_t i = 0; i < steps; i++) {
        struct dli_step *s = &p->steps[i];
        const int32_t time = 2 * steps - i;
        if (s->saved_bytes > 0) {
            s->saved = dli_plan_storage(p, s->saved_bytes, i, t->back[i] ? time : i, err);
            if (s->saved < 0)
                return dli_alloc_status();
        }
        if (s->scratch_bytes > 0) {
            s->scratch = dli_plan_storage(p, s->scratch_bytes, i, i, err);
            if (s->scratch < 0)
                return dli_alloc_status();
        }
        if (!t->back[i] || s->kind != DLI_STEP_OP)
            continue;
        if (s->scratch_bytes > 0) {
            t->back_scratch[i] = dli_plan_storage(p, s->scratch_bytes, time, time, err);
            if (t->back_scratch[i] < 0)
                return dli_alloc_status();
        }
        if (s->op->flags & DLI_OP_BACK_OUT)
            live(p, p->values[s->out].storage, time);
        for (int32_t k = 0; s->op->flags & DLI_OP_BACK_IN && k < s->n_in; k++)
            live(p, p->values[s->in[k]].storage, time);
    }
    return DL4C_OK;
}

/* din[0] may take the memory of dout, which nobody reads after this step. */
static void share_gradients(struct dli_tape *t)
{
    struct dli_plan *p = t->plan;
    for (int32_t i = p->n_steps - 1; i >= 0; i--) {
        struct dli_step *s = &p->steps[i];
        if (!t->back[i] || s->kind != DLI_STEP_OP || !(s->op->flags & DLI_OP_INPLACE_BACK) || s->n_in < 1)
            continue;
        struct dli_way *w = &t->ways[t->first_way[i]];
        const int32_t from = t->grad[s->out];
        if (w->target < 0 || w->beside >= 0 || from < 0 || from == w->target || p->storages[from].bytes != p->storages[w->target].bytes ||
            p->storages[w->target].first != 2 * p->n_steps - i)
            continue;
        const int32_t to = w->target;
        if (p->storages[from].first < p->storages[to].first)
            p->storages[to].first = p->storages[from].first;
        p->storages[from].first = p->storages[from].last = -1;
        for (int32_t v = 0; v < p->n_values; v++)
            if (t->grad[v] == from)
                t->grad[v] = to;
        for (int32_t k = 0; k < t->n_ways; k++)
            if (t->ways[k].target == from)
                t->ways[k].target = to;
        for (int32_t k = 0; k < t->n_outputs; k++) {
            if (t->outputs[k].da == from)
                t->outputs[k].da = to;
            if (t->outputs[k].dz == from)
                t->outputs[k].dz = to;
        }
    }
}

static dl4c_status fill(struct dli_tape *t, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    uint8_t *wanted = dli_calloc(p->ctx, (size_t)p->n_values + 1, 1, err);
    if (!wanted)
        return dli_alloc_status();
    mark_back(t, wanted);
    p->timeline = 2 * p->n_steps + 1;
    dl4c_status status = make_slots(t, err);
    if (status == DL4C_OK)
        status = make_outputs(t, err);
    if (status == DL4C_OK)
        status = make_ways(t, wanted, err);
    if (status == DL4C_OK)
        status = extend_lives(t, err);
    dli_free(wanted);
    if (status != DL4C_OK)
        return status;
    share_gradients(t);
    DLI_TRY(dli_tape_make_noisy(t, err));
    DLI_TRY(dli_plan_place(p, err));
    DLI_TRY(dli_blob_create(p->ctx, p->arena_bytes, &t->arena, err));
    p->arena = t->arena->data;
    return DL4C_OK;
}

dl4c_status dli_tape_create(dl4c_context *ctx, dl4c_graph *g, const struct dli_tape_options *o, struct dli_tape **tape,
                            struct dl4c_error *err)
{
    *tape = NULL;
    const struct dli_plan_options po = { .mode = DLI_TRAIN,
                                         .batch = o->batch,
                                         .threads = o->threads,
                                         .flags = o->flags,
                                         .input_shapes = o->input_shapes,
                                         .outputs = g->outputs,
                                         .n_outputs = g->n_outputs };
    struct dli_plan *p;
    DLI_TRY(dli_plan_create(ctx, g, &po, &p, err));
    struct dli_tape *t = dli_calloc(p->ctx, 1, sizeof *t, err);
    if (!t) {
        dli_plan_destroy(p);
        return dli_alloc_status();
    }
    t->plan = p;
    t->n_outputs = p->n_outputs;
    size_t most = 1;
    for (int32_t i = 0; i < p->n_steps; i++) {
        t->n_ways += p->steps[i].n_in;
        if ((size_t)p->steps[i].n_in > most)
            most = (size_t)p->steps[i].n_in;
    }
    t->outputs = dli_calloc(p->ctx, (size_t)t->n_outputs, sizeof *t->outputs, err);
    t->back = dli_calloc(p->ctx, (size_t)p->n_steps + 1, 1, err);
    t->grad = dli_array(p->ctx, (size_t)p->n_values + 1, sizeof *t->grad, err);
    t->ways = dli_calloc(p->ctx, (size_t)t->n_ways + 1, sizeof *t->ways, err);
    t->first_way = dli_array(p->ctx, (size_t)p->n_steps + 1, sizeof *t->first_way, err);
    t->back_scratch = dli_array(p->ctx, (size_t)p->n_steps + 1, sizeof *t->back_scratch, err);
    t->slot_of = dli_array(p->ctx, (size_t)g->n_vertices, sizeof *t->slot_of, err);
    t->inputs = dli_calloc(p->ctx, (size_t)g->n_inputs, sizeof *t->inputs, err);
    t->din = dli_calloc(p->ctx, most, sizeof *t->din, err);
    dl4c_status status;
    if (t->outputs && t->back && t->grad && t->ways && t->first_way && t->back_scratch && t->slot_of && t->inputs && t->din) {
        for (int32_t i = 0, way = 0; i < p->n_steps; way += p->steps[i].n_in, i++) {
            t->first_way[i] = way;
            t->back_scratch[i] = DLI_NOWHERE;
        }
        status = fill(t, err);
    } else {
        status = dli_alloc_status();
    }
    if (status != DL4C_OK) {
        dli_tape_destroy(t);
        return status;
    }
    *tape = t;
    return DL4C_OK;
}

void dli_tape_destroy(struct dli_tape *t)
{
    if (!t)
        return;
    for (int32_t k = 0; t->outputs && k < t->n_outputs; k++)
        dli_vattrs_unref(t->outputs[k].act_ref);
    dli_blob_unref(t->arena);
    dli_blob_unref(t->params);
    dli_blob_unref(t->grads);
    dli_blob_unref(t->noisy_params);
    dli_free(t->noisy);
    dli_free(t->outputs);
    dli_free(t->slots);
    dli_free(t->back);
    dli_free(t->grad);
    dli_free(t->ways);
    dli_free(t->first_way);
    dli_free(t->back_scratch);
    dli_free(t->slot_of);
    dli_free(t->inputs);
    dli_free(t->din);
    struct dli_plan *p = t->plan;
    dli_free(t);
    dli_plan_destroy(p);
}
