/* SPDX-License-Identifier: Apache-2.0 */
/* Weight noise of a tape: which parameters have it, and drawing it for a run. */
#include "graph/tape.h"

static int32_t step_of(const struct dli_tape *t, int32_t vertex)
{
    const struct dli_plan *p = t->plan;
    for (int32_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].kind == DLI_STEP_OP && p->steps[i].has_params && p->steps[i].vertex == vertex)
            return i;
    return DLI_NOWHERE;
}

dl4c_status dli_tape_make_noisy(struct dli_tape *t, struct dl4c_error *err)
{
    struct dli_plan *p = t->plan;
    int64_t floats = 0;
    t->noisy = dli_array(p->ctx, (size_t)t->n_slots, sizeof *t->noisy, err);
    if (!t->noisy)
        return dli_alloc_status();
    for (int32_t i = 0; i < t->n_slots; i++) {
        const struct dli_slot *s = &t->slots[i];
        const struct dli_vertex *v = &p->graph->vertices[s->vertex];
        struct dli_tape_noisy *n = &t->noisy[t->n_noisy];
        bool applies;
        if (!s->layer || !s->layer->weight_noise)
            continue;
        const dl4c_status status = dli_weight_noise_open(p->ctx, s->layer->weight_noise, s->decl, &n->noise, &applies, err);
        if (status != DL4C_OK)
            return dli_fail_prefix(err, status, "the weight noise of '%.100s'", v->name);
        if (!applies || v->op->flags & DLI_OP_NO_WEIGHT_NOISE)
            continue;
        n->slot = i;
        n->step = step_of(t, s->vertex);
        n->offset = floats;
        floats += s->count; /* at most the parameters, whose bytes were counted */
        t->n_noisy++;
    }
    if (t->n_noisy == 0)
        return DL4C_OK;
    DLI_TRY(dli_blob_create(p->ctx, (size_t)floats * sizeof(float), &t->noisy_params, err));
    for (int32_t i = 0; i < t->n_noisy; i++) {
        const struct dli_tape_noisy *n = &t->noisy[i];
        p->steps[n->step].noisy[t->slots[n->slot].param] = (const float *)t->noisy_params->data + n->offset;
    }
    return DL4C_OK;
}

void dli_tape_noise(struct dli_tape *t, bool training, uint64_t seed, uint64_t iteration)
{
    struct dli_plan *p = t->plan;
    for (int32_t i = 0; i < t->n_noisy; i++) {
        const struct dli_tape_noisy *n = &t->noisy[i];
        const struct dli_slot *s = &t->slots[n->slot];
        struct dli_step *step = &p->steps[n->step];
        if (training)
            dli_weight_noise_make(p->ctx, p->threads, &n->noise, seed, (uint32_t)(s->vertex * DLI_MAX_PARAMS + s->param), iteration,
                                  s->count, (const float *)t->params->data + s->offset, (float *)t->noisy_params->data + n->offset);
        step->packed_version = UINT64_MAX; /* no version of parameters: what is packed is of another run */
        step->noise = training;
    }
}
