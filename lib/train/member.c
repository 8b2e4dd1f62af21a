/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's part of parameter averaging. */
#include "train/member.h"
#include "base/cpu.h"
#include "base/escape.h"
#include "graph/graph.h"
#include "kernels/elementwise.h"
#include <dl4c/model.h>

#include <math.h>
#include <string.h>

enum { MOST_TEXT = 1 << 26 };

static bool cancelled(const struct dli_member *m) { return m->cancel && __atomic_load_n(m->cancel, __ATOMIC_RELAXED); }

/* All have the same parameters now. */
static void keep_base(struct dli_member *m)
{
    if (m->base)
        memcpy(m->base, m->t->tape->params->data, (size_t)m->t->tape->n_params * sizeof *m->base);
}

dl4c_status dli_member_init(struct dli_member *m, dl4c_trainer *t, const struct dli_settings *s, struct dl4c_error *err)
{
    m->t = t;
    m->frequency = s->frequency;
    m->average_state = s->average_state;
    m->exchange = s->exchange;
    m->gradients = s->gradients;
    m->seed = t->seed;
    m->steps = dli_calloc(m->ctx, (size_t)s->frequency, sizeof *m->steps, err);
    if (!m->steps)
        return dli_alloc_status();
    if (s->gradients)
        return dli_trainer_own(t, err);
    if (s->exchange != DL4C_EXCHANGE_F32) {
        if (!(m->base = dli_array(m->ctx, (size_t)t->tape->n_params, sizeof *m->base, err)))
            return dli_alloc_status();
        DLI_TRY(dli_trainer_own(t, err));
        keep_base(m);
    }
    if (s->average_state || !t->state)
        return DL4C_OK;
    if (!(m->first_state = dli_alloc(m->ctx, t->state->bytes, err)))
        return dli_alloc_status();
    memcpy(m->first_state, t->state->data, t->state->bytes);
    return DL4C_OK;
}

static void forget_trainer(struct dli_member *m)
{
    if (m->graph && m->t && m->t->held)
        dli_graph_end_training(m->graph);
    if (m->graph)
        dl4c_trainer_destroy(&m->t);
    m->t = NULL;
    dli_free(m->steps);
    dli_free(m->first_state);
    dli_free(m->base);
    dli_free(m->own_first);
    dli_free(m->own_count);
    m->steps = NULL;
    m->first_state = NULL;
    m->base = NULL;
    m->own_first = m->own_count = NULL;
}

void dli_member_clear(struct dli_member *m)
{
    forget_trainer(m);
    dl4c_graph_destroy(&m->graph);
    dli_settings_free(&m->settings);
    dli_rows_free(&m->own);
    dl4c_features_close(&m->store);
}

/* ---- a round ---- */

dl4c_status dli_member_train(struct dli_member *m, const struct dli_order *o, const struct dli_deal *deal, int64_t place,
                             struct dl4c_error *err)
{
    const bool anew = o->dl4j && !m->t->graph->multilayer;
    m->t->graph->iteration = anew ? 0 : o->iteration;
    m->t->graph->epoch = anew ? 0 : o->epoch;
    m->t->seed = dli_worker_seed(m->seed, o->number); /* of dropout: masks of its own */
    m->n_steps = 0;
    m->seen = 0;
    for (int64_t s = 0; s < o->steps; s++) {
        const int64_t at = place * deal->steps + s;
        struct dl4c_batch b;
        struct dli_step_report *r = &m->steps[m->n_steps];
        if (deal->count[at] == 0)
            continue;
        if (cancelled(m))
            return dli_fail(err, DL4C_E_CANCELLED, "train", "worker %" PRId64 " was cancelled", o->number);
        if (deal->arrivals)
            DLI_TRY(dli_arrivals_wait(deal->arrivals, s, err));
        dli_rows_batch(deal->rows, deal->first[at], deal->count[at], &b);
        *r = (struct dli_step_report){ .step = s, .rows = b.n };
        const dl4c_status status = m->gradients ? dli_trainer_gradients(m->t, &b, &r->score, &r->right, err)
                                                : dli_trainer_run(m->t, true, &b, &r->score, &r->right, err);
        if (status != DL4C_OK)
            return dli_fail_prefix(err, status, "worker %" PRId64, o->number);
        r->counted = m->t->counted;
        m->seen += b.n;
        m->n_steps++;
    }
    return DL4C_OK;
}

/* All make the same step, under the kernel set of all: a leader that only leads may have a better one of its own. */
static dl4c_status average_gradients(struct dli_member *m, const struct dli_order *o, struct dl4c_average_options *a,
                                     struct dl4c_error *err)
{
    dl4c_trainer *t = m->t;
    float *grads = t->tape->grads->data;
    int64_t rows;
    a->exchange = m->exchange;
    DLI_TRY(dl4c_group_average(m->group, a, grads, grads, t->tape->n_grads, &rows, err));
    t->graph->iteration = o->iteration;
    t->graph->epoch = o->epoch;
    const int limit = dli_cpu_limited();
    if (o->level < dli_cpu_rank())
        dli_cpu_limit((int)o->level);
    const dl4c_status status = dli_trainer_apply(t, rows, err);
    dli_cpu_limit(limit);
    return status;
}

dl4c_status dli_member_average(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    dl4c_trainer *t = m->t;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    a.weight = o->dl4j ? m->seen > 0 : m->seen;
    a.threads = t->threads;
    a.timeout_ms = m->patience_ms;
    DLI_TRY(dli_trainer_own(t, err)); /* who had no rows may still share them */
    if (m->gradients)
        return average_gradients(m, o, &a, err);
    float *params = t->tape->params->data;
    a.exchange = m->exchange;
    if (m->base) /* what they have moved by is small beside them, and so is what rounding takes off it */
        dli_binary_run(m->ctx, t->threads, DLI_SUB, t->tape->n_params, params, m->base, params);
    DLI_TRY(dl4c_group_average(m->group, &a, params, params, t->tape->n_params, NULL, err));
    if (m->base)
        dli_binary_run(m->ctx, t->threads, DLI_ADD, t->tape->n_params, params, m->base, params);
    keep_base(m);
    a.exchange = DL4C_EXCHANGE_F32;
    if (t->state && !m->average_state) {
        memcpy(t->state->data, m->first_state, t->state->bytes);
    } else if (t->state) {
        float *state = t->state->data;
        DLI_TRY(dl4c_group_average(m->group, &a, state, state, (int64_t)(t->state->bytes / sizeof *state), NULL, err));
    }
    dli_tape_changed(t->tape);
    t->graph->iteration = o->iteration + (o->dl4j ? m->frequency : o->steps);
    t->graph->epoch = o->epoch;
    return DL4C_OK;
}

dl4c_status dli_member_state(struct dli_member *m, struct dl4c_error *err)
{
    dl4c_trainer *t = m->t;
    DLI_TRY(dli_trainer_own(t, err));
    DLI_TRY(dl4c_group_broadcast(m->group, 0, t->tape->params->data, (size_t)t->tape->n_params * sizeof(float), m->patience_ms, err));
    if (t->state)
        DLI_TRY(dl4c_group_broadcast(m->group, 0, t->state->data, t->state->bytes, m->patience_ms, err));
    keep_base(m);
    if (m->first_state) /* between two rounds it is what the leader began with */
        memcpy(m->first_state, t->state->data, t->state->bytes);
    dli_tape_changed(t->tape);
    return DL4C_OK;
}

/* ---- serving ---- */

/* The next message of the leader, however long it takes to come; the group ends when the leader is gone. */
static dl4c_status next_message(struct dli_member *m, void *message, size_t size, struct dl4c_error *err)
{
    for (;;) {
        const dl4c_status status = dl4c_group_recv(m->group, 0, message, size, DLI_LOOK_MS, err);
        if (status != DL4C_E_TIMEOUT)
            return status;
        if (cancelled(m))
            return dli_fail(err, DL4C_E_CANCELLED, "worker", "the worker was cancelled");
    }
}

/* A trainer for the network at hand, with the kernels that this thread may use. */
static dl4c_status make_trainer(struct dli_member *m, struct dl4c_error *err)
{
    const struct dli_settings *s = &m->settings;
    struct dl4c_fit_options o = { .struct_size = sizeof o,
                                  .updater = s->updater,
                                  .l1 = s->l1,
                                  .l2 = s->l2,
                                  .seed = s->seed,
                                  .batch = s->batch,
                                  .threads = m->threads,
                                  .flags = s->gradients ? DL4C_FIT_KEEP_GRADIENT : 0,
                                  .class_weights = s->class_weights,
                                  .n_class_weights = s->n_class_weights };
    DLI_TRY(dli_trainer_create(m->graph, &o, &s->shape, &m->t, err));
    DLI_TRY(dli_graph_begin_training(m->graph, err));
    m->t->held = true;
    dl4c_trainer *t = m->t;
    DLI_TRY(dli_member_init(m, t, s, err));
    m->own_first = dli_calloc(m->ctx, (size_t)s->frequency, sizeof *m->own_first, err);
    m->own_count = m->own_first ? dli_calloc(m->ctx, (size_t)s->frequency, sizeof *m->own_count, err) : NULL;
    return m->own_count ? DL4C_OK : dli_alloc_status();
}

/* The network and how it is trained. All use the kernel set that the order names. */
static dl4c_status set_up(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    char *model = NULL, *text = NULL;
    if (m->shared || o->a < 1 || o->a > (INT64_C(1) << 40) || o->b < 1 || o->b > MOST_TEXT)
        return dli_member_strange("a setup that cannot be", err);
    dli_member_clear(m);
    model = dli_alloc(m->ctx, (size_t)o->a, err);
    text = model ? dli_alloc(m->ctx, (size_t)o->b, err) : NULL;
    dl4c_status status = text ? DL4C_OK : dli_alloc_status();
    if (status == DL4C_OK)
        status = dl4c_group_recv(m->group, 0, model, (size_t)o->a, m->patience_ms, err);
    if (status == DL4C_OK)
        status = dl4c_group_recv(m->group, 0, text, (size_t)o->b, m->patience_ms, err);
    if (status == DL4C_OK)
        status = dl4c_model_load_memory(m->ctx, model, (size_t)o->a, NULL, &m->graph, err);
    if (status == DL4C_OK)
        status = dli_settings_read(m->ctx, text, (size_t)o->b, &m->settings, err);
    dli_free(model);
    dli_free(text);
    if (status == DL4C_OK)
        dli_member_open_store(m);
    return status;
}

/* The parameters and the state of the others, under the kernel set of all. */
static dl4c_status take_state(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    if (!m->graph || o->level < 0 || o->level > dli_cpu_rank())
        return dli_member_strange("a state before a network, or a kernel set that is not there", err);
    if (!m->t || o->level != dli_cpu_rank()) {
        forget_trainer(m);
        dli_cpu_limit((int)o->level);
        DLI_TRY(make_trainer(m, err));
    }
    DLI_TRY(dli_member_state(m, err));
    m->t->graph->iteration = o->iteration;
    m->t->graph->epoch = o->epoch;
    const int64_t reads = m->store != NULL;
    return dl4c_group_send(m->group, 0, &reads, sizeof reads, m->patience_ms, err);
}

static dl4c_status report(struct dli_member *m, struct dl4c_error *err)
{
    struct dli_report r = { .status = m->status };
    if (m->status != DL4C_OK) {
        r.bytes = (int64_t)strlen(m->err.message);
        DLI_TRY(dl4c_group_send(m->group, 0, &r, sizeof r, m->patience_ms, err));
        return r.bytes ? dl4c_group_send(m->group, 0, m->err.message, (size_t)r.bytes, m->patience_ms, err) : DL4C_OK;
    }
    r.steps = m->n_steps;
    DLI_TRY(dl4c_group_send(m->group, 0, &r, sizeof r, m->patience_ms, err));
    return r.steps > 0 ? dl4c_group_send(m->group, 0, m->steps, (size_t)r.steps * sizeof *m->steps, m->patience_ms, err) : DL4C_OK;
}

static dl4c_status follow_round(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    int64_t verdict = 0;
    if (!m->t || o->steps < 1 || o->steps > m->frequency || o->number < 0 || o->number > INT32_MAX || o->iteration < 0 || o->epoch < 0 ||
        o->rows < 0 || o->rows > o->steps * m->t->batch || (!m->shared && o->what & DLI_ROWS_SHARED))
        return dli_member_strange("a round that cannot be", err);
    m->err = (struct dl4c_error)DL4C_ERROR_INIT;
    if (m->shared) {
        m->status = dli_member_train(m, o, m->shared, o->number, &m->err);
    } else {
        DLI_TRY(dli_member_receive(m, o, err));
        const struct dli_deal own = { &m->own, m->own_first, m->own_count, 0, m->arrivals.running ? &m->arrivals : NULL };
        m->status = dli_member_train(m, o, &own, 0, &m->err);
        if (m->status == DL4C_E_CANCELLED && m->arrivals.running)
            dl4c_group_cancel(m->group);
        const dl4c_status received = dli_member_received(m, err);
        if (received != DL4C_OK && m->status != DL4C_E_CANCELLED)
            return received;
        if (m->status == DL4C_E_CANCELLED) { /* whoever is asked to go goes at once; the others do without it */
            if (err)
                *err = m->err;
            return m->status;
        }
    }
    DLI_TRY(report(m, err));
    DLI_TRY(next_message(m, &verdict, sizeof verdict, err));
    switch (verdict) {
    case DLI_VERDICT_MEAN: {
        const dl4c_status status = dli_member_average(m, o, err);
        /* A step that leads nowhere does so for all: the leader says how the training ends. */
        return status == DL4C_E_DIVERGED && !m->shared ? DL4C_OK : status;
    }
    case DLI_VERDICT_ORDER: return DL4C_OK;
    default: return dli_member_strange("a verdict that is none", err);
    }
}

/* How the training ended for the leader. */
static dl4c_status hear_the_end(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    char text[sizeof err->message] = "";
    if (o->b < 0 || o->b >= (int64_t)sizeof text || o->a < DL4C_OK || o->a > DL4C_E_INTERNAL)
        return dli_member_strange("an end that cannot be", err);
    if (o->b > 0)
        DLI_TRY(dl4c_group_recv(m->group, 0, text, (size_t)o->b, DLI_END_MS, err));
    (void)dl4c_group_barrier(m->group, DLI_END_MS, NULL);
    dli_utf8_clean(text);
    return o->a == DL4C_OK ? DL4C_OK : dli_fail(err, DL4C_E_STATE, "worker", "the training ended with %s: %s",
                                               dl4c_status_name((dl4c_status)o->a), text);
}

dl4c_status dli_member_serve(struct dli_member *m, bool *ended, struct dl4c_error *err)
{
    const struct dli_hello hello = { DLI_WIRE_MAGIC, DLI_WIRE_VERSION, dli_cpu_rank(), m->t != NULL };
    struct dli_order o;
    *ended = false;
    DLI_TRY(dl4c_group_send(m->group, 0, &hello, sizeof hello, m->patience_ms, err));
    for (;;) {
        DLI_TRY(next_message(m, &o, sizeof o, err));
        switch (o.kind) {
        case DLI_ORDER_SETUP: DLI_TRY(set_up(m, &o, err)); break;
        case DLI_ORDER_STATE: DLI_TRY(take_state(m, &o, err)); break;
        case DLI_ORDER_ROUND: DLI_TRY(follow_round(m, &o, err)); break;
        case DLI_ORDER_END: *ended = true; return hear_the_end(m, &o, err);
        default: return dli_member_strange("an order of an unknown kind", err);
        }
    }
}
