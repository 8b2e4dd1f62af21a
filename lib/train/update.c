/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of updaters, and the pass that applies them. */
#include "train/update.h"
#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Floats whose gradient becomes an update while it lies in the first-level cache. */
enum { STRIP = 1024 };
/* Sums over parameters take as many lanes, whatever the instruction set, so that their order is fixed and they need not wait. */
enum { LANES = 8 };

/* "name:key=value" as "name(key=value)", which may stand inside another spec. */
static dl4c_status nested(dl4c_context *ctx, const char *spec, struct dli_strbuf *out, struct dl4c_error *err)
{
    struct dli_spec parsed;
    DLI_TRY(dli_spec_parse(ctx, spec, &parsed, err));
    dli_strbuf_add(out, parsed.name);
    for (int32_t i = 0; i < parsed.n_attrs; i++)
        dli_strbuf_addf(out, "%c%s=%s", i ? ',' : '(', parsed.attrs[i].name, parsed.attrs[i].v.s);
    if (parsed.n_attrs)
        dli_strbuf_addc(out, ')');
    dli_spec_free(&parsed);
    return DL4C_OK;
}

dl4c_status dli_update_text(dl4c_context *ctx, const char *updater, const char *schedule, char **text, struct dl4c_error *err)
{
    struct dli_updater_at u;
    struct dli_schedule_at checked;
    struct dli_strbuf b;
    const char *momentum;
    *text = NULL;
    DLI_TRY(dli_updater_open(ctx, updater, &u, err));
    dli_strbuf_init(&b, ctx);
    dli_strbuf_add(&b, u.text);
    dli_updater_momentum(&u, &momentum);
    dl4c_status status = dli_schedule_open(ctx, momentum, &checked, err);
    dli_schedule_close(&checked);
    if (status == DL4C_OK)
        status = dli_schedule_open(ctx, schedule ? schedule : dli_updater_lr_schedule(&u), &checked, err);
    dli_schedule_close(&checked);
    if (status == DL4C_OK && schedule) {
        dli_strbuf_add(&b, strchr(u.text, ':') ? ",lr_schedule=" : ":lr_schedule=");
        status = nested(ctx, schedule, &b, err);
    }
    dli_updater_close(&u);
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, text, err);
    dli_strbuf_free(&b);
    if (status != DL4C_OK || !schedule)
        return status;
    /* Read once more: an updater may have a schedule already, or take none. */
    status = dli_updater_open(ctx, *text, &u, err);
    dli_updater_close(&u);
    if (status != DL4C_OK) {
        dli_free(*text);
        *text = NULL;
    }
    return status;
}

/* The rule of a spec, made where it is new. */
static dl4c_status rule_of(struct dli_update *u, const char *spec, int32_t *index, struct dl4c_error *err)
{
    struct dli_update_rule r = { 0 };
    DLI_TRY(dli_updater_open(u->ctx, spec, &r.updater, err));
    for (*index = 0; *index < u->n_rules; ++*index)
        if (strcmp(u->rules[*index].updater.text, r.updater.text) == 0) {
            dli_updater_close(&r.updater);
            return DL4C_OK;
        }
    const char *momentum;
    dli_updater_momentum(&r.updater, &momentum);
    dl4c_status status = dli_schedule_open(u->ctx, dli_updater_lr_schedule(&r.updater), &r.schedule, err);
    if (status == DL4C_OK)
        status = dli_schedule_open(u->ctx, momentum, &r.momentum, err);
    if (status != DL4C_OK) {
        dli_schedule_close(&r.schedule);
        dli_updater_close(&r.updater);
        return status;
    }
    u->rules[u->n_rules++] = r; /* there is room for one of each part */
    return DL4C_OK;
}

static double own_or(double own, double otherwise) { return own > 0 ? own : otherwise; }

static dl4c_status make_constraints(struct dli_update *u, const struct dli_slot *s, int32_t part, struct dl4c_error *err)
{
    const char *list = s->layer ? s->layer->constraints : NULL;
    for (;;) {
        char *spec;
        bool applies;
        DLI_TRY(dli_constraint_next(u->ctx, &list, &spec, err));
        if (!spec)
            return DL4C_OK;
        dl4c_status status = dli_constraint_applies(u->ctx, spec, s->decl->name, &applies, err);
        if (status == DL4C_OK && applies)
            status = dli_grow(u->ctx, &u->constraints, &u->room, (size_t)u->n_constraints + 1, sizeof *u->constraints, err);
        if (status == DL4C_OK && applies) {
            struct dli_update_constraint *c = &u->constraints[u->n_constraints];
            c->part = part;
            status = dli_constraint_open(u->ctx, spec, s->decl->shape, s->decl->rank, s->decl->order, &c->at, err);
            u->n_constraints += status == DL4C_OK;
        }
        dli_free(spec);
        DLI_TRY(status);
    }
}

static dl4c_status make_part(struct dli_update *u, const struct dli_tape *t, const struct dli_slot *s, const struct dli_update_options *o,
                             struct dli_update_part *p, struct dl4c_error *err)
{
    const struct dli_layer *layer = s->layer;
    *p = (struct dli_update_part){ .offset = s->offset, .count = s->count, .vertex = s->vertex, .layer = layer, .factor = 1, .rule = -1,
                                   .divided = s->decl->role != DLI_PARAM_STAT || s->decl->divided };
    const char *own = layer ? layer->updater : NULL;
    if (s->decl->role == DLI_PARAM_STAT)
        return DL4C_OK;
    if (s->decl->role == DLI_PARAM_WEIGHT) {
        p->l1 = (float)own_or(layer ? layer->l1 : 0, o->l1);
        p->l2 = (float)own_or(layer ? layer->l2 : 0, o->l2);
        p->decay = layer && layer->weight_decay.n > 0 ? &layer->weight_decay : NULL;
    } else if (s->decl->role == DLI_PARAM_BIAS && layer) {
        p->l1 = (float)layer->l1_bias;
        p->l2 = (float)layer->l2_bias;
        p->decay = layer->weight_decay_bias.n > 0 ? &layer->weight_decay_bias : NULL;
        own = layer->bias_updater ? layer->bias_updater : own;
    }
    const dl4c_status status = rule_of(u, own ? own : o->updater, &p->rule, err);
    return status == DL4C_OK ? DL4C_OK : dli_fail_prefix(err, status, "the updater of '%.100s'", t->plan->graph->vertices[s->vertex].name);
}

/* A vertex with parameters that are not trained lies between two slots. */
static bool interrupted(const struct dli_tape *t, int32_t slot)
{
    const dl4c_graph *g = t->plan->graph;
    for (int32_t v = t->slots[slot - 1].vertex + 1; v < t->slots[slot].vertex; v++)
        if (g->vertices[v].n_params > 0)
            return true;
    return false;
}

static void place_states(struct dli_update *u, const struct dli_tape *t)
{
    for (int32_t first = 0, last; first < u->n_parts; first = last) {
        const int32_t rule = u->parts[first].rule;
        int64_t count = u->parts[first].count;
        for (last = first + 1; last < u->n_parts && rule >= 0 && u->parts[last].rule == rule && !interrupted(t, last); last++)
            count += u->parts[last].count;
        const int32_t n = rule >= 0 ? u->rules[rule].updater.updater->n_states : 0;
        for (int32_t p = first; p < last; p++)
            for (int32_t s = 0; s < n; s++)
                u->parts[p].state[s] = u->n_state + s * count + u->parts[p].offset - u->parts[first].offset;
        u->n_state += n * count;
    }
}

/* Whether a norm of gradients is wanted; norms of layers cover their statistics, too. */
static bool normalises(const struct dli_update_part *p)
{
    return p->layer && p->layer->gradient_normalization != DLI_GRADIENTS_AS_THEY_ARE &&
           p->layer->gradient_normalization != DLI_GRADIENTS_CLIP_ELEMENT;
}

static dl4c_status make_norms(struct dli_update *u, struct dl4c_error *err)
{
    bool any = false;
    for (int32_t i = 0; i < u->n_parts; i++)
        any = any || normalises(&u->parts[i]);
    if (any && !(u->norms = dli_calloc(u->ctx, (size_t)u->n_chunks, sizeof *u->norms, err)))
        return dli_alloc_status();
    return DL4C_OK;
}

static dl4c_status make_chunks(struct dli_update *u, struct dl4c_error *err)
{
    for (int pass = 0; pass < 2; pass++) {
        int64_t n = 0;
        for (int32_t p = 0; p < u->n_parts; p++) {
            u->parts[p].first_chunk = (int32_t)(n <= INT32_MAX ? n : 0);
            for (int64_t at = 0; at < u->parts[p].count; at += DLI_TASK_ELEMENTS, n++) {
                const int64_t rest = u->parts[p].count - at;
                if (pass == 1)
                    u->chunks[n] = (struct dli_update_chunk){ p, at, rest < DLI_TASK_ELEMENTS ? rest : DLI_TASK_ELEMENTS };
            }
        }
        if (pass == 1)
            return DL4C_OK;
        if (n > INT32_MAX)
            return dli_fail(err, DL4C_E_LIMIT, "train", "the trainable parameters are too many");
        u->n_chunks = (int32_t)n;
        u->chunks = dli_array(u->ctx, (size_t)n, sizeof *u->chunks, err);
        u->l1_sums = dli_calloc(u->ctx, (size_t)n, sizeof *u->l1_sums, err);
        u->l2_sums = dli_calloc(u->ctx, (size_t)n, sizeof *u->l2_sums, err);
        if (!u->chunks || !u->l1_sums || !u->l2_sums)
            return dli_alloc_status();
    }
    return DL4C_OK;
}

dl4c_status dli_update_create(const struct dli_tape *t, const struct dli_update_options *o, struct dli_update **update,
                              struct dl4c_error *err)
{
    *update = NULL;
    struct dli_update *u = dli_calloc(t->plan->ctx, 1, sizeof *u, err);
    if (!u)
        return dli_alloc_status();
    u->ctx = t->plan->ctx;
    u->threads = o->threads;
    u->n_parts = t->n_slots;
    u->parts = dli_array(u->ctx, (size_t)u->n_parts, sizeof *u->parts, err);
    u->rules = u->parts ? dli_calloc(u->ctx, (size_t)u->n_parts, sizeof *u->rules, err) : NULL;
    u->taken = u->rules ? dli_calloc(u->ctx, (size_t)u->n_parts, sizeof *u->taken, err) : NULL;
    u->bad = u->taken ? dli_calloc(u->ctx, (size_t)u->n_parts, sizeof *u->bad, err) : NULL;
    dl4c_status status = u->bad ? DL4C_OK : dli_alloc_status();
    for (int32_t i = 0; i < u->n_parts && status == DL4C_OK; i++)
        status = make_part(u, t, &t->slots[i], o, &u->parts[i], err);
    for (int32_t i = 0; i < u->n_parts && status == DL4C_OK; i++) {
        status = make_constraints(u, &t->slots[i], i, err);
        if (status != DL4C_OK)
            status = dli_fail_prefix(err, status, "the constraints of '%.100s'", t->plan->graph->vertices[t->slots[i].vertex].name);
    }
    if (status == DL4C_OK) {
        place_states(u, t);
        status = make_chunks(u, err);
    }
    if (status == DL4C_OK)
        status = make_norms(u, err);
    if (status != DL4C_OK) {
        dli_update_destroy(u);
        return status;
    }
    *update = u;
    return DL4C_OK;
}

void dli_update_destroy(struct dli_update *u)
{
    if (!u)
        return;
    for (int32_t i = 0; i < u->n_rules; i++) {
        dli_updater_close(&u->rules[i].updater);
        dli_schedule_close(&u->rules[i].schedule);
        dli_schedule_close(&u->rules[i].momentum);
    }
    dli_free(u->rules);
    dli_free(u->parts);
    dli_free(u->chunks);
    dli_free(u->l1_sums);
    dli_free(u->l2_sums);
    dli_free(u->taken);
    dli_free((void *)u->bad);
    dli_free(u->norms);
    for (int32_t i = 0; i < u->n_constraints; i++)
        dli_constraint_close(&u->constraints[i].at);
    dli_free(u->constraints);
    dli_free(u);
}

void dli_update_initial(const struct dli_update *u, float *state)
{
    for (int32_t p = 0; p < u->n_parts; p++) {
        const struct dli_update_part *part = &u->parts[p];
        if (part->rule < 0)
            continue;
        const struct dli_updater_at *at = &u->rules[part->rule].updater;
        for (int32_t s = 0; s < at->updater->n_states; s++) {
            const float value = at->updater->initial ? at->updater->initial(at->attrs, s) : 0.0f;
            for (int64_t i = 0; i < part->count; i++)
                state[part->state[s] + i] = value;
        }
    }
}

/* ---- the pass ---- */

static double in_order(const double lane[LANES])
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += lane[i];
    return sum;
}

static double squares(const float *w, int64_t n)
{
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += (double)w[i + k] * (double)w[i + k];
    for (int k = 0; i < n; i++, k++)
        lane[k] += (double)w[i] * (double)w[i];
    return in_order(lane);
}

static double magnitudes(const float *w, int64_t n)
{
    double lane[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += fabs((double)w[i + k]);
    for (int k = 0; i < n; i++, k++)
        lane[k] += fabs((double)w[i]);
    return in_order(lane);
}

/* g = scale * gradient, as its layer wants it normalised */
static void normalised(const struct dli_update_part *p, float scale, int64_t n, const float *grad, float *restrict g)
{
    for (int64_t i = 0; i < n; i++)
        g[i] = grad[i] * scale;
    if (p->factor != 1)
        for (int64_t i = 0; i < n; i++)
            g[i] *= p->factor;
    if (p->layer && p->layer->gradient_normalization == DLI_GRADIENTS_CLIP_ELEMENT) {
        const float most = (float)p->layer->gradient_threshold;
        for (int64_t i = 0; i < n; i++)
            g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i]; /* NaN stays */
    }
}

/* g += l2 * w + l1 * sign(w) */
static void regularised(const struct dli_update_part *p, int64_t n, const float *w, float *restrict g)
{
    if (p->l2 != 0)
        for (int64_t i = 0; i < n; i++)
            g[i] += p->l2 * w[i];
    if (p->l1 != 0)
        for (int64_t i = 0; i < n; i++)
            g[i] += p->l1 * (float)((w[i] > 0) - (w[i] < 0));
}

static void decayed(const struct dli_update_part *p, double lr, int64_t n, const float *w, float *restrict g)
{
    for (int32_t k = 0; p->decay && k < p->decay->n; k++) {
        const float share = (float)(p->decay->v[k] * (p->layer->weight_decay_lr ? lr : 1.0));
        for (int64_t i = 0; i < n; i++)
            g[i] += share * w[i];
    }
}

static uint32_t subtract(int64_t n, const float *g, float *restrict w)
{
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        w[i] -= g[i];
        bad |= (uint32_t) !(fabsf(w[i]) <= FLT_MAX);
    }
    return bad;
}

/* Nothing but scaling and l2 comes between the gradient and the updater. */
static bool is_simple(const struct dli_update_part *p)
{
    return p->l1 == 0 && !p->decay && p->factor == 1 && !(p->layer && p->layer->gradient_normalization == DLI_GRADIENTS_CLIP_ELEMENT);
}

/* One step of n parameters of a part, from number `first` on; whether they are finite afterwards. */
static bool apply(const struct dli_update *u, const struct dli_update_part *part, int64_t first, int64_t n, const float *grad)
{
    float *w = u->params + part->offset + first, *state[DLI_UPDATER_STATES] = { 0 };
    const float scale = part->divided ? u->scale : 1;
    const struct dli_update_rule *rule = part->rule < 0 ? NULL : &u->rules[part->rule];
    const struct dli_updater *updater = rule ? rule->updater.updater : NULL;
    for (int32_t s = 0; rule && s < updater->n_states; s++)
        state[s] = u->state + part->state[s] + first;
    if (rule && updater->kernel != DLI_UPDATE_PLAIN && is_simple(part)) {
        const struct dli_update_rates rates = { scale, part->l2, rule->constants };
        return dli_kernels()->update[updater->kernel - 1](&rates, (size_t)n, grad, state, w);
    }
    uint32_t bad = 0;
    for (int64_t at = 0; at < n; at += STRIP) {
        const int64_t now = n - at < STRIP ? n - at : STRIP;
        float g[STRIP];
        normalised(part, scale, now, grad + at, g);
        if (rule) {
            regularised(part, now, w + at, g);
            updater->range(rule->constants, (size_t)now, g, state);
            decayed(part, rule->lr, now, w + at, g);
            for (int32_t s = 0; s < updater->n_states; s++)
                state[s] += now;
        }
        bad |= subtract(now, g, w + at);
    }
    return bad == 0;
}

static void spoil(struct dli_update *u, int32_t part) { atomic_store_explicit(&u->bad[part], 1, memory_order_relaxed); }

static void take(void *user, int64_t first, int64_t n, float *gradient)
{
    const struct dli_update_taken *t = user;
    if (!apply(t->u, &t->u->parts[t->part], first, n, gradient))
        spoil(t->u, t->part);
}

static void sum(struct dli_update *u, size_t chunk)
{
    const struct dli_update_chunk *c = &u->chunks[chunk];
    const struct dli_update_part *part = &u->parts[c->part];
    const float *w = u->params + part->offset + c->first;
    u->l2_sums[chunk] = part->l2 != 0 || part->decay ? squares(w, c->count) : 0;
    u->l1_sums[chunk] = part->l1 != 0 ? magnitudes(w, c->count) : 0;
}

static void sum_task(void *arg, size_t task, int32_t worker)
{
    (void)worker;
    sum(arg, task);
}

/* The sums of parts that will have changed when the others' turn comes. */
static void early_task(void *arg, size_t task, int32_t worker)
{
    struct dli_update *u = arg;
    (void)worker;
    if (u->parts[u->chunks[task].part].taken)
        sum(u, task);
}

static void chunk_task(void *arg, size_t task, int32_t worker)
{
    struct dli_update *u = arg;
    const struct dli_update_chunk *c = &u->chunks[task];
    const struct dli_update_part *part = &u->parts[c->part];
    (void)worker;
    if (part->taken)
        return;
    sum(u, task);
    if (!apply(u, part, c->first, c->count, u->grads + part->grad + c->first))
        spoil(u, c->part);
}
/* ---- norms of gradients ---- */

static void norm_task(void *arg, size_t task, int32_t worker)
{
    struct dli_update *u = arg;
    const struct dli_update_chunk *c = &u->chunks[task];
    const struct dli_update_part *part = &u->parts[c->part];
    (void)worker;
    if (!normalises(part))
        return;
    const double scale = part->divided ? (double)u->scale : 1.0;
    u->norms[task] = squares(u->grads + part->grad + c->first, c->count) * scale * scale;
}

static double norm_of(const struct dli_update *u, int32_t first, int32_t last)
{
    double sum = 0;
    for (int32_t i = first; i < last; i++)
        for (int32_t k = u->parts[i].first_chunk; k < u->n_chunks && u->chunks[k].part == i; k++)
            sum += u->norms[k];
    return sqrt(sum);
}

static float factor_of(const struct dli_layer *l, double norm)
{
    const bool renormalise =
        l->gradient_normalization == DLI_GRADIENTS_RENORMALIZE_LAYER || l->gradient_normalization == DLI_GRADIENTS_RENORMALIZE_PARAM;
    if (renormalise)
        return (float)(1 / (norm == 0 ? 1e-5 : norm)); /* of nothing it stays nothing */
    return norm > l->gradient_threshold ? (float)(l->gradient_threshold / norm) : 1;
}

/* What the gradients of each part are multiplied by: one number for a layer or for each of its parameters. */
static void find_factors(struct dli_update *u)
{
    if (!u->norms)
        return;
    dli_parallel(u->ctx, u->threads, (size_t)u->n_chunks, norm_task, u);
    for (int32_t first = 0, last; first < u->n_parts; first = last) {
        const struct dli_layer *l = u->parts[first].layer;
        const bool whole =
            l && (l->gradient_normalization == DLI_GRADIENTS_RENORMALIZE_LAYER || l->gradient_normalization == DLI_GRADIENTS_CLIP_LAYER);
        for (last = first + 1; whole && last < u->n_parts && u->parts[last].vertex == u->parts[first].vertex;)
            last++;
        if (!normalises(&u->parts[first]))
            continue;
        const float factor = factor_of(l, norm_of(u, first, last));
        for (int32_t i = first; i < last; i++)
            u->parts[i].factor = factor;
    }
}

static double penalty_of(const struct dli_update *u)
{
    double sum = 0;
    for (int32_t i = 0; i < u->n_chunks; i++) {
        const struct dli_update_part *p = &u->parts[u->chunks[i].part];
        double l2 = (double)p->l2;
        for (int32_t k = 0; p->decay && k < p->decay->n; k++)
            l2 += p->decay->v[k]; /* the reference's score has it so, whatever is subtracted */
        sum += 0.5 * l2 * u->l2_sums[i] + (double)p->l1 * u->l1_sums[i];
    }
    return sum;
}

double dli_update_penalty(struct dli_update *u, const float *params)
{
    u->params = (float *)(uintptr_t)params; /* read only */
    dli_parallel(u->ctx, u->threads, (size_t)u->n_chunks, sum_task, u);
    return penalty_of(u);
}

dl4c_status dli_update_attach(struct dli_update *u, struct dli_tape *t, bool keep, struct dl4c_error *err)
{
    u->n_taken = 0;
    for (int32_t i = 0; i < u->n_parts; i++) {
        struct dli_update_part *p = &u->parts[i];
        struct dli_slot *s = &t->slots[i];
        p->taken = s->takes && !keep && !normalises(p);
        if (!p->taken)
            continue;
        struct dli_update_taken *taken = &u->taken[u->n_taken++];
        *taken = (struct dli_update_taken){ u, &s->taker, i };
        s->taker = (struct dli_taker){ .take = take, .user = taken };
    }
    DLI_TRY(dli_tape_store_gradients(t, err));
    for (int32_t i = 0; i < u->n_parts; i++)
        u->parts[i].grad = t->slots[i].grad;
    return DL4C_OK;
}

/* Where takers will read and write, so that it can be fetched ahead. */
static void aim_takers(struct dli_update *u)
{
    for (int32_t i = 0; i < u->n_taken; i++) {
        const struct dli_update_part *p = &u->parts[u->taken[i].part];
        struct dli_taker *t = u->taken[i].taker;
        t->n_near = 0;
        t->near[t->n_near++] = u->params + p->offset;
        for (int32_t s = 0; p->rule >= 0 && s < u->rules[p->rule].updater.updater->n_states; s++)
            t->near[t->n_near++] = u->state + p->state[s];
    }
}

void dli_update_begin(struct dli_update *u, int64_t n, int64_t iteration, int64_t epoch, float *params, float *state)
{
    for (int32_t i = 0; i < u->n_rules; i++) {
        struct dli_update_rule *r = &u->rules[i];
        const char *schedule;
        const struct dli_updater_now now = {
            .lr = dli_schedule_value(&r->schedule, dli_updater_lr(&r->updater), iteration, epoch),
            .momentum = dli_schedule_value(&r->momentum, dli_updater_momentum(&r->updater, &schedule), iteration, epoch),
            .t = iteration + 1,
        };
        r->lr = now.lr;
        r->updater.updater->begin(r->updater.attrs, &now, r->constants);
    }
    u->scale = (float)(1.0 / (double)n);
    u->params = params;
    u->state = state;
    bool early = false;
    for (int32_t i = 0; i < u->n_parts; i++) {
        const struct dli_update_part *p = &u->parts[i];
        atomic_store_explicit(&u->bad[i], 0, memory_order_relaxed);
        early = early || (p->taken && (p->l1 != 0 || p->l2 != 0 || p->decay));
    }
    aim_takers(u);
    if (early)
        dli_parallel(u->ctx, u->threads, (size_t)u->n_chunks, early_task, u);
}

void dli_update_divide(struct dli_update *u, int64_t rows, float *grads)
{
    for (int32_t i = 0; i < u->n_parts; i++) {
        const struct dli_update_part *p = &u->parts[i];
        if (p->divided)
            dli_scale(u->ctx, u->threads, p->count, (float)(1.0 / (double)rows), 0, grads + p->grad, grads + p->grad);
    }
}

int32_t dli_update_finish(struct dli_update *u, const float *grads, double *penalty)
{
    u->grads = grads;
    find_factors(u);
    dli_parallel(u->ctx, u->threads, (size_t)u->n_chunks, chunk_task, u);
    *penalty = penalty_of(u);
    /* Twice, as the reference does: what epsilon takes off shows it. */
    for (int32_t i = 0; i < 2 * u->n_constraints; i++) {
        const struct dli_update_constraint *c = &u->constraints[i % u->n_constraints];
        dli_constraint_apply(&c->at, u->params + u->parts[c->part].offset);
    }
    for (int32_t i = 0; i < u->n_parts; i++)
        if (atomic_load_explicit(&u->bad[i], memory_order_relaxed))
            return i;
    return -1;
}
