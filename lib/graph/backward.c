/* SPDX-License-Identifier: Apache-2.0 */
/* Running a tape: forward, the way back, and the trained graph's own parameters. */
#include "graph/tape.h"
#include "kernels/elementwise.h"

#include <string.h>

/* Nobody but this tape and this graph holds what would be written. */
static bool owned(const struct dli_tape *t)
{
    if (!t->params || atomic_load_explicit(&t->params->refs, memory_order_acquire) != t->n_slots + 1)
        return false;
    const dl4c_graph *g = t->plan->graph;
    for (int32_t i = 0; i < t->n_slots; i++) {
        const struct dli_vparams *vp = g->vertices[t->slots[i].vertex].params;
        if (atomic_load_explicit(&vp->refs, memory_order_acquire) != 1 || vp->p[t->slots[i].param].blob != t->params)
            return false;
    }
    return true;
}

dl4c_status dli_tape_own(struct dli_tape *t, struct dl4c_error *err)
{
    if (owned(t))
        return DL4C_OK;
    dl4c_graph *g = t->plan->graph;
    struct dli_blob *blob;
    DLI_TRY(dli_blob_create(t->plan->ctx, (size_t)t->n_params * sizeof(float), &blob, err));
    struct dli_vparams **fresh = dli_calloc(t->plan->ctx, (size_t)g->n_vertices, sizeof *fresh, err);
    dl4c_status status = fresh ? DL4C_OK : dli_alloc_status();
    for (int32_t i = 0; i < t->n_slots && status == DL4C_OK; i++) {
        const struct dli_slot *s = &t->slots[i];
        const struct dli_vparams *old = g->vertices[s->vertex].params;
        if (!fresh[s->vertex])
            status = dli_vparams_create(g->ctx, old->n, &fresh[s->vertex], err);
        if (status != DL4C_OK)
            break;
        memcpy((float *)blob->data + s->offset, dli_param_data(&old->p[s->param]), (size_t)s->count * sizeof(float));
        fresh[s->vertex]->p[s->param] =
            (struct dli_param){ .blob = dli_blob_ref(blob), .offset = (size_t)s->offset * sizeof(float), .count = s->count };
    }
    for (int32_t v = 0; fresh && v < g->n_vertices; v++) {
        if (!fresh[v])
            continue;
        if (status == DL4C_OK) {
            dli_vparams_unref(g->vertices[v].params);
            g->vertices[v].params = fresh[v];
        } else {
            dli_vparams_unref(fresh[v]);
        }
    }
    dli_free(fresh);
    if (status != DL4C_OK) {
        dli_blob_unref(blob);
        return status;
    }
    dli_blob_unref(t->params);
    t->params = blob;
    return DL4C_OK;
}

void dli_tape_changed(struct dli_tape *t)
{
    int32_t last = -1;
    for (int32_t i = 0; i < t->n_slots; i++)
        if (t->slots[i].vertex != last) {
            last = t->slots[i].vertex;
            dli_vparams_changed(t->plan->graph->vertices[last].params);
        }
}

dl4c_status dli_tape_pack(struct dli_tape *t, struct dl4c_error *err) { return dli_plan_pack(t->plan, err); }

void dli_tape_forward(struct dli_tape *t, int64_t n, const float *const *inputs, bool training, uint64_t seed, uint64_t iteration)
{
    for (int32_t k = 0; k < t->plan->graph->n_inputs; k++)
        t->inputs[k] = inputs[k];
    dli_plan_forward(t->plan, n, inputs, training, seed, iteration);
}

static float *at(const struct dli_tape *t, int32_t storage) { return storage < 0 ? NULL : dli_plan_pointer(t->plan, storage); }

const float *dli_tape_z(const struct dli_tape *t, int32_t output) { return dli_value_pointer(t->plan, t->outputs[output].z, t->inputs); }
const float *dli_tape_a(const struct dli_tape *t, int32_t output) { return dli_value_pointer(t->plan, t->outputs[output].a, t->inputs); }
float *dli_tape_dz(const struct dli_tape *t, int32_t output) { return at(t, t->outputs[output].dz); }
float *dli_tape_da(const struct dli_tape *t, int32_t output) { return at(t, t->outputs[output].da); }

static bool skipped(const struct dli_tape *t, int32_t step)
{
    for (int32_t k = 0; k < t->n_outputs; k++)
        if (t->outputs[k].act_step == step && t->outputs[k].gave_dz)
            return true;
    return false;
}

void dli_tape_score(struct dli_tape *t, int32_t output, int64_t n, double *score)
{
    const struct dli_tape_output *o = &t->outputs[output];
    struct dli_plan *p = t->plan;
    if (!o->op || !o->op->score)
        return;
    for (int32_t i = 0; i < p->n_steps; i++) {
        struct dli_exec x;
        if (p->steps[i].kind != DLI_STEP_OP || p->steps[i].vertex != o->vertex || p->steps[i].op != o->op)
            continue;
        dli_step_exec(p, &p->steps[i], n, t->inputs, false, 0, 0, &x);
        x.targets = &t->targets;
        o->op->score(&x, score);
    }
}

/* A step that only moves data: its gradient moves back. */
static void back_copy(struct dli_tape *t, const struct dli_step *s, int64_t n, float *din)
{
    memcpy(din, at(t, t->grad[s->out]), (size_t)(n * t->plan->values[s->out].floats) * sizeof *din);
}

void dli_tape_backward(struct dli_tape *t, int64_t n, uint64_t seed, uint64_t iteration)
{
    struct dli_plan *p = t->plan;
    float *dparam[DLI_MAX_PARAMS];
    const struct dli_taker *takers[DLI_MAX_PARAMS];
    for (int32_t i = p->n_steps - 1; i >= 0; i--) {
        struct dli_step *s = &p->steps[i];
        if (!t->back[i] || skipped(t, i))
            continue;
        const struct dli_way *ways = &t->ways[t->first_way[i]];
        for (int32_t k = 0; k < s->n_in; k++)
            t->din[k] = at(t, ways[k].beside >= 0 ? ways[k].beside : ways[k].target);
        if (s->kind == DLI_STEP_OP) {
            struct dli_exec x;
            dli_step_exec(p, s, n, t->inputs, true, seed, iteration, &x);
            const int32_t slot = s->has_params && !s->frozen ? t->slot_of[s->vertex] : -1;
            for (int32_t k = 0; k < DLI_MAX_PARAMS; k++) {
                const bool trained = slot >= 0 && k < p->graph->vertices[s->vertex].n_params;
                const bool taken = trained && t->slots[slot + k].taker.take;
                dparam[k] = trained && !taken ? (float *)t->grads->data + t->slots[slot + k].grad : NULL;
                takers[k] = taken ? &t->slots[slot + k].taker : NULL;
            }
            x.dparam = dparam;
            x.takers = takers;
            x.targets = s->vertex == t->outputs[t->targets_output].vertex ? &t->targets : NULL;
            x.dout = at(t, t->grad[s->out]);
            x.din = t->din;
            x.scratch = at(t, t->back_scratch[i]);
            s->op->backward(&x);
        } else if (t->din[0]) {
            back_copy(t, s, n, t->din[0]);
        }
        for (int32_t k = 0; k < s->n_in; k++)
            if (ways[k].beside >= 0)
                dli_axpy(p->ctx, p->threads, n * ways[k].floats, 1.0f, at(t, ways[k].beside), at(t, ways[k].target));
    }
}
