/* SPDX-License-Identifier: Apache-2.0 */
/* Running the steps of a plan, and packing their parameters. */
#include "graph/plan.h"
#include "base/thread_pool.h"
#include "kernels/layout.h"

#include <string.h>

const float *dli_value_pointer(const struct dli_plan *p, int32_t value, const float *const *inputs)
{
    const struct dli_value *v = &p->values[value];
    return v->storage == DLI_NOWHERE ? inputs[v->input] : dli_plan_pointer(p, v->storage);
}

static const void *param_of(const struct dli_step *s, const struct dli_vparams *vp, int32_t k)
{
    return s->noise && s->noisy[k] ? s->noisy[k] : dli_param_data(&vp->p[k]);
}

void dli_step_exec(struct dli_plan *p, struct dli_step *s, int64_t n, const float *const *inputs, bool training, uint64_t seed,
                   uint64_t iteration, struct dli_exec *x)
{
    for (int32_t k = 0; k < s->n_in; k++)
        s->in_ptr[k] = dli_value_pointer(p, s->in[k], inputs);
    memset(x, 0, sizeof *x);
    x->ctx = p->ctx;
    x->threads = p->threads;
    x->blas = p->ctx->blas;
    x->n = n;
    x->mask = s->n_in > 0 && p->values[s->in[0]].timed ? p->mask : NULL;
    x->attrs = s->attrs;
    x->n_in = s->n_in;
    x->in_shape = s->in_shape;
    x->out_shape = &s->out_shape;
    x->in_layout = s->in_layout;
    x->out_layout = p->values[s->out].layout;
    x->in = s->in_ptr;
    x->out = dli_plan_pointer(p, p->values[s->out].storage) + p->values[s->out].at;
    x->out_step = p->values[s->out].row;
    if (s->has_params) {
        const struct dli_vparams *vp = p->graph->vertices[s->vertex].params;
        for (int32_t k = 0; k < vp->n; k++)
            s->param_ptr[k] = s->unread >> k & 1 ? NULL : param_of(s, vp, k); /* what is not read may be gone */
        x->params = s->param_ptr;
    }
    x->packed = s->packed ? s->packed->data : NULL;
    x->state = s->state;
    x->scratch = s->scratch == DLI_NOWHERE ? NULL : dli_plan_pointer(p, s->scratch);
    x->training = training && !s->frozen;
    x->seed = seed;
    x->iteration = iteration;
    x->vertex = (uint32_t)s->vertex;
    x->saved = s->saved == DLI_NOWHERE ? NULL : dli_plan_pointer(p, s->saved);
}

struct turn {
    float *y;
    const float *x;
    int64_t c, hw;
};

/* One image from [h, w, c] to [c, h, w]. */
static void turn_image(void *arg, size_t task, int32_t worker)
{
    const struct turn *t = arg;
    (void)worker;
    const float *x = t->x + (size_t)(t->c * t->hw) * task;
    float *y = t->y + (size_t)(t->c * t->hw) * task;
    for (int64_t p = 0; p < t->hw; p++)
        for (int64_t c = 0; c < t->c; c++)
            y[c * t->hw + p] = x[p * t->c + c];
}

static void run_conversion(struct dli_plan *p, struct dli_step *s, int64_t n, const float *const *inputs)
{
    const struct dli_shape *shape = &s->out_shape;
    const float *x = dli_value_pointer(p, s->in[0], inputs);
    float *y = dli_plan_pointer(p, p->values[s->out].storage);
    const int64_t rows = n * shape->batch;
    const int64_t c = shape->dim[0], hw = shape->rank == 3 ? shape->dim[1] * shape->dim[2] : 1;
    switch (s->kind) {
    case DLI_STEP_TO_BLOCKED: dli_layout_to_blocked(p->ctx, p->threads, y, x, rows, c, hw); break;
    case DLI_STEP_TO_PLAIN: dli_layout_to_plain(p->ctx, p->threads, y, x, rows, c, hw); break;
    case DLI_STEP_NHWC_IN: {
        struct turn t = { y, x, c, hw };
        dli_parallel(p->ctx, p->threads, (size_t)rows, turn_image, &t);
        break;
    }
    default: memcpy(y, x, (size_t)(n * p->values[s->out].floats) * sizeof *y); break;
    }
}

void dli_plan_forward_step(struct dli_plan *p, int32_t i, int64_t n, const float *const *inputs, bool training, uint64_t seed,
                           uint64_t iteration)
{
    struct dli_step *s = &p->steps[i];
    if (s->runs_in != i)
        return;
    if (s->kind != DLI_STEP_OP) {
        run_conversion(p, s, n, inputs);
        return;
    }
    struct dli_exec x[DLI_MOST_JOINED];
    const int32_t joined = s->joined ? s->joined : 1;
    for (int32_t k = 0; k < joined; k++)
        dli_step_exec(p, s - (joined - 1 - k), n, inputs, training, seed, iteration, &x[k]);
    if (s->joined)
        s->op->forward_joined(x, joined, s->joined_state);
    else
        s->op->forward(x);
}

void dli_plan_forward(struct dli_plan *p, int64_t n, const float *const *inputs, bool training, uint64_t seed, uint64_t iteration)
{
    for (int32_t i = 0; i < p->n_steps; i++)
        dli_plan_forward_step(p, i, n, inputs, training, seed, iteration);
}

static void pack_into(struct dli_plan *p, struct dli_step *s, const struct dli_vparams *vp, void *packed)
{
    const void *params[DLI_MAX_PARAMS];
    for (int32_t k = 0; k < vp->n; k++)
        params[k] = param_of(s, vp, k);
    const struct dli_prepare prep = { .ctx = p->ctx,
                                      .mode = s->mode,
                                      .workers = p->workers,
                                      .blas = p->ctx->blas,
                                      .flags = p->flags,
                                      .precision = p->precision,
                                      .batch = p->batch,
                                      .attrs = s->attrs,
                                      .n_in = s->n_in,
                                      .in = s->in_shape,
                                      .out = &s->out_shape,
                                      .fuse = s->fused ? &s->fuse : NULL,
                                      .in_layout = s->in_layout,
                                      .state = s->state,
                                      .packed_bytes = s->packed_bytes,
                                      .pack_key = s->pack_key };
    s->op->pack(&prep, params, p->threads, packed);
}

/* What training changes at every step is packed into memory of the plan's own, made once. */
static dl4c_status pack_again(struct dli_plan *p, struct dli_step *s, struct dli_vparams *vp, struct dl4c_error *err)
{
    if (!s->packed)
        DLI_TRY(dli_blob_create(p->ctx, s->packed_bytes, &s->packed, err));
    pack_into(p, s, vp, s->packed->data);
    s->packed_version = atomic_load_explicit(&vp->version, memory_order_acquire);
    return DL4C_OK;
}

/* The pages that were only read to pack them need not stay in memory. */
static void forget(const struct dli_step *s, const struct dli_vparams *vp)
{
    for (int32_t k = 0; k < vp->n; k++) {
        const struct dli_param *q = &vp->p[k];
        if (s->unread >> k & 1 && q->blob->forget)
            q->blob->forget(q->blob->cookie, q->offset, (size_t)q->count * sizeof(float));
    }
}

/* The packed parameters of a vertex for one kernel: made once, then shared. */
static dl4c_status pack_of(struct dli_plan *p, struct dli_step *s, struct dli_vparams *vp, struct dl4c_error *err)
{
    dl4c_status status = DL4C_OK;
    if (p->mode == DLI_TRAIN && !s->frozen)
        return pack_again(p, s, vp, err);
    pthread_mutex_lock(&vp->lock);
    struct dli_pack *pack = vp->packs;
    while (pack && (pack->key != s->pack_key || pack->blob->bytes != s->packed_bytes))
        pack = pack->next;
    if (!pack) {
        pack = dli_calloc(vp->ctx, 1, sizeof *pack, err);
        status = pack ? dli_blob_create(vp->ctx, s->packed_bytes, &pack->blob, err) : dli_alloc_status();
        if (status == DL4C_OK) {
            pack_into(p, s, vp, pack->blob->data);
            forget(s, vp);
            pack->key = s->pack_key;
            pack->next = vp->packs;
            vp->packs = pack;
        } else {
            dli_free(pack);
        }
    }
    if (status == DL4C_OK) {
        dli_blob_unref(s->packed);
        s->packed = dli_blob_ref(pack->blob);
        s->packed_version = atomic_load_explicit(&vp->version, memory_order_acquire);
    }
    pthread_mutex_unlock(&vp->lock);
    return status;
}

dl4c_status dli_plan_pack(struct dli_plan *p, struct dl4c_error *err)
{
    for (int32_t i = 0; i < p->n_steps; i++) {
        struct dli_step *s = &p->steps[i];
        if (s->packed_bytes == 0)
            continue;
        struct dli_vparams *vp = p->graph->vertices[s->vertex].params;
        if (s->packed && s->packed_version == atomic_load_explicit(&vp->version, memory_order_acquire))
            continue;
        DLI_TRY(pack_of(p, s, vp, err));
    }
    return DL4C_OK;
}
