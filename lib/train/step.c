/* SPDX-License-Identifier: Apache-2.0 */
/* One step: forward, loss, the way back, update; or the score alone. */
#include "base/number.h"
#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/split.h"
#include "tensor/shape.h"
#include "train/trainer.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct scan {
    const float *x;
    struct dli_split split;
    _Atomic int32_t found;
};

static bool finite(const float *x, int64_t n)
{
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= (uint32_t) !(fabsf(x[i]) <= FLT_MAX);
    return bad == 0;
}

static void scan_task(void *arg, size_t task, int32_t worker)
{
    struct scan *s = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&s->split, task, &first, &last);
    if (!finite(s->x + first, last - first))
        atomic_store_explicit(&s->found, 1, memory_order_relaxed);
}

static dl4c_status check_features(const dl4c_trainer *t, const struct dl4c_batch *b, struct dl4c_error *err)
{
    struct scan s = { .x = b->x, .split = dli_split_items(b->n * t->row, 1) };
    dli_parallel(t->ctx, t->tape->plan->threads, s.split.n_tasks, scan_task, &s);
    if (!atomic_load_explicit(&s.found, memory_order_relaxed))
        return DL4C_OK;
    int64_t i = 0;
    while (finite(b->x + i, 1))
        i++;
    return dli_fail(err, DL4C_E_DIVERGED, "train", "feature %" PRId64 " of %s %" PRId64 " is %s at iteration %" PRId64, i % t->row,
                    b->index ? "example" : "row", b->index ? b->index[i / t->row] : i / t->row, DLI_NUM((double)b->x[i]),
                    t->graph->iteration + 1);
}

/* The graph and this trainer, and nobody else, hold the state. */
static dl4c_status own_state(dl4c_trainer *t, struct dl4c_error *err)
{
    dl4c_graph *g = t->graph;
    const bool renamed = !g->updater || strcmp(g->updater, t->updater) != 0;
    char *text = renamed ? dli_strdup(g->ctx, t->updater, err) : NULL;
    if (renamed && !text)
        return dli_alloc_status();
    if (t->state != g->updater_state || (t->state && atomic_load_explicit(&t->state->refs, memory_order_acquire) != 2)) {
        struct dli_blob *fresh = NULL;
        if (t->state) {
            const int64_t others = t->state == g->updater_state ? 2 : 1;
            if (atomic_load_explicit(&t->state->refs, memory_order_acquire) == others) {
                fresh = dli_blob_ref(t->state);
            } else {
                const dl4c_status status = dli_blob_create(t->ctx, t->state->bytes, &fresh, err);
                if (status != DL4C_OK) {
                    dli_free(text);
                    return status;
                }
                memcpy(fresh->data, t->state->data, fresh->bytes);
            }
        }
        dli_blob_unref(t->state);
        dli_blob_unref(g->updater_state);
        t->state = fresh;
        g->updater_state = dli_blob_ref(fresh);
    }
    if (renamed) { /* together with the state, which it names */
        dli_free(g->updater);
        g->updater = text;
    }
    return DL4C_OK;
}

dl4c_status dli_trainer_own(dl4c_trainer *t, struct dl4c_error *err)
{
    DLI_TRY(dli_tape_own(t->tape, err));
    return own_state(t, err);
}

static void weigh_rows(dl4c_trainer *t, const struct dl4c_batch *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        if (b->labels) {
            t->rows[i] = t->class_weights[b->labels[i]];
            continue;
        }
        const float *y = b->y + i * t->k;
        double w = 0;
        if (t->k == 1)
            w = (double)t->class_weights[0] * (1.0 - (double)y[0]) + (double)t->class_weights[1] * (double)y[0];
        for (int64_t j = 0; t->k > 1 && j < t->k; j++)
            w += (double)t->class_weights[j] * (double)y[j];
        t->rows[i] = (float)w;
    }
}

/* Outputs without a loss contribute nothing. */
static void begin_gradients(dl4c_trainer *t, int64_t n)
{
    for (int32_t k = 0; k < t->tape->n_outputs; k++) {
        struct dli_tape_output *o = &t->tape->outputs[k];
        float *da = dli_tape_da(t->tape, k);
        o->gave_dz = k == t->output && t->fused;
        if (k != t->output && da)
            memset(da, 0, (size_t)(n * o->floats) * sizeof *da);
    }
}

static int64_t largest(const float *v, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

static bool hidden(const dl4c_trainer *t, int64_t p) { return t->row_mask && t->row_mask[p] == 0; }

/* Rows that a mask leaves anything of. */
static int64_t count_rows(const dl4c_trainer *t, const struct dli_loss_exec *x)
{
    int64_t n = 0;
    for (int64_t i = 0; i < x->n; i += t->positions) {
        bool any = false;
        for (int64_t p = i; p < i + t->positions && !any; p++)
            any = !hidden(t, p);
        n += any;
    }
    return n;
}

/* Rows that are recognised at every position that counts. */
static int64_t count_right(const dl4c_trainer *t, const struct dli_loss_exec *x)
{
    int64_t right = 0;
    for (int64_t i = 0; i < x->n; i += t->positions) {
        bool all = true, any = false;
        for (int64_t p = i; p < i + t->positions && all; p++) {
            if (hidden(t, p))
                continue;
            any = true;
            if (t->k == 1) {
                const int64_t actual = x->labels ? x->labels[p] : x->y[p] > 0.5f;
                all = (x->a[p] > 0.5f) == (actual != 0);
            } else {
                all = largest(x->a + p * t->k, t->k) == (x->labels ? x->labels[p] : largest(x->y + p * t->k, t->k));
            }
        }
        right += all && any;
    }
    return right;
}

struct turn {
    const dl4c_trainer *t;
    int64_t k;
    const float *from;
    float *to;
    bool back;
};

static void turn_task(void *arg, size_t row, int32_t worker)
{
    const struct turn *w = arg;
    const int64_t k = w->k, positions = w->t->positions, at = (int64_t)row * k * positions;
    (void)worker;
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < positions; p++) {
            if (w->back)
                w->to[at + j * positions + p] = w->from[at + p * k + j];
            else
                w->to[at + p * k + j] = w->from[at + j * positions + p];
        }
}

/* Rows [k, positions] as rows of k, a position each, or back. */
static void turn(const dl4c_trainer *t, int64_t n, int64_t k, const float *from, float *to, bool back)
{
    struct turn w = { t, k, from, to, back };
    dli_parallel(t->ctx, t->tape->plan->threads, (size_t)n, turn_task, &w);
}

/* Masks are checked already: one value for each position, or one for each output. */
static void put_mask(dl4c_trainer *t, const struct dl4c_batch *b, struct dli_loss_exec *x)
{
    t->row_mask = NULL;
    if (!b->y_mask)
        return;
    if (b->y_mask_values == t->positions) {
        t->row_mask = b->y_mask;
        for (int64_t i = 0; t->rows && i < b->n; i++)
            t->masked_rows[i] = t->rows[i] * b->y_mask[i];
        x->rows = t->rows ? t->masked_rows : b->y_mask;
        return;
    }
    if (t->positions > 1)
        turn(t, b->n, t->k, b->y_mask, t->mask_turned, false);
    x->mask = t->positions > 1 ? t->mask_turned : b->y_mask;
}

/* Scores, and the gradient where `grad` is not NULL, from what forward left. */
static void compute_loss(dl4c_trainer *t, const struct dl4c_batch *b, float *grad, int64_t *right)
{
    struct dli_loss_exec x = { .ctx = t->ctx,
                               .threads = t->tape->plan->threads,
                               .attrs = t->loss.attrs,
                               .weights = t->loss.weights,
                               .n = b->n * t->positions,
                               .k = t->k,
                               .a = dli_tape_a(t->tape, t->output),
                               .act = t->act,
                               .fused = t->fused,
                               .labels = b->labels,
                               .y = b->y,
                               .rows = t->rows,
                               .score = t->scores,
                               .grad = grad };
    if (t->positions > 1) {
        turn(t, b->n, t->k, x.a, t->turned[0], false);
        if (b->y)
            turn(t, b->n, t->k_y, b->y, t->turned[1], false);
        x.a = t->turned[0];
        x.y = b->y ? t->turned[1] : NULL;
        x.score = t->position_scores;
        x.grad = grad ? t->turned[2] : NULL;
    }
    put_mask(t, b, &x);
    t->loss.loss->compute(&x);
    for (int64_t i = 0; t->positions > 1 && i < b->n; i++) {
        t->scores[i] = 0;
        for (int64_t p = 0; p < t->positions; p++)
            t->scores[i] += t->position_scores[i * t->positions + p];
    }
    if (t->positions > 1 && grad)
        turn(t, b->n, t->k, t->turned[2], grad, true);
    dli_tape_score(t->tape, t->output, b->n, t->scores);
    if (right)
        *right = t->loss.loss->targets ? 0 : count_right(t, &x);
    t->counted = count_rows(t, &x);
}

double dli_trainer_loss_sum(const dl4c_trainer *t, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += t->scores[i];
    return sum;
}

int64_t dli_trainer_divisor(const dl4c_trainer *t, int64_t n) { return t->graph->whole_gradients ? 1 : n; }

static dl4c_status diverged(const dl4c_trainer *t, double score, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_DIVERGED, "train", "the score is %s at iteration %" PRId64, DLI_NUM(score), t->graph->iteration + 1);
}

static dl4c_status ones_and_zeros(const float *mask, int64_t n, const char *what, struct dl4c_error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (mask[i] != 0 && mask[i] != 1)
            return dli_fail(err, DL4C_E_INVALID, "train", "the mask of %s holds %s, wanted 0 and 1", what, DLI_NUM((double)mask[i]));
    return DL4C_OK;
}

static dl4c_status check_y_mask(dl4c_trainer *t, const struct dl4c_batch *b, struct dl4c_error *err)
{
    const struct dli_tape_output *o = &t->tape->outputs[t->output];
    const char *name = t->graph->vertices[o->vertex].name;
    const bool each = b->y_mask_values == t->k * t->positions && t->k > 1;
    if (b->y_mask_values != t->positions && !each)
        return dli_fail(err, DL4C_E_INVALID, "train",
                        "the mask of targets has %" PRId64 " values for each row, output '%.200s' wants %" PRId64 " or %" PRId64,
                        b->y_mask_values, name, t->positions, t->k * t->positions);
    DLI_TRY(ones_and_zeros(b->y_mask, b->n * b->y_mask_values, "targets", err));
    if (o->op->score)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "output '%.200s' (%s) takes no mask of targets", name, o->op->name);
    /* A softmax mixes outputs: Deeplearning4j refuses it for its usual loss, and takes something else than the gradient for others. */
    if (each && (!t->loss.loss->separate || t->act == DLI_LOSS_ACT_SOFTMAX))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "loss %s of output '%.200s'%s cannot be masked for single outputs",
                        t->loss.loss->name, name, t->act == DLI_LOSS_ACT_SOFTMAX ? " with a softmax" : "");
    if (each && t->positions > 1 && !t->mask_turned &&
        !(t->mask_turned = dli_array(t->ctx, (size_t)(t->batch * t->positions), (size_t)t->k * sizeof(float), err)))
        return dli_alloc_status();
    if (!each && t->rows && !t->masked_rows && !(t->masked_rows = dli_array(t->ctx, (size_t)t->batch, sizeof(float), err)))
        return dli_alloc_status();
    return DL4C_OK;
}

static dl4c_status check_masks(dl4c_trainer *t, const struct dl4c_batch *b, struct dl4c_error *err)
{
    int64_t times;
    if (b->x_mask && !dli_plan_times(t->tape->plan, &times))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "a mask of features is for sequences [features, time], rows are %s",
                        DLI_SHAPE(t->shape.dim, t->shape.rank));
    if (b->x_mask)
        DLI_TRY(ones_and_zeros(b->x_mask, b->n * times, "features", err));
    return b->y_mask ? check_y_mask(t, b, err) : DL4C_OK;
}

/* What comes before the way back; *score without penalties. */
static dl4c_status forward(dl4c_trainer *t, bool train, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err)
{
    const dl4c_graph *g = t->graph;
    struct dli_tape *tape = t->tape;
    if (!t->tells)
        DLI_TRY(check_features(t, b, err));
    DLI_TRY(check_masks(t, b, err));
    tape->plan->mask = b->x_mask;
    DLI_TRY(dli_tape_own(tape, err));
    if (train)
        DLI_TRY(own_state(t, err));
    const uint64_t iteration = (uint64_t)g->iteration;
    dli_tape_noise(tape, train, t->seed, iteration);
    DLI_TRY(dli_tape_pack(tape, err));
    dli_tape_forward(tape, b->n, &b->x, train, t->seed, iteration);
    if (t->tells && !finite(dli_tape_a(tape, t->output), b->n * t->k))
        DLI_TRY(check_features(t, b, err));
    if (t->rows)
        weigh_rows(t, b);
    if (train)
        begin_gradients(t, b->n);
    tape->targets = (struct dli_targets){ b->labels, b->y, t->rows };
    tape->targets_output = t->output;
    compute_loss(t, b, !train ? NULL : t->fused ? dli_tape_dz(tape, t->output) : dli_tape_da(tape, t->output), right);
    *score = dli_trainer_loss_sum(t, b->n) / (double)dli_trainer_divisor(t, b->n);
    return isfinite(*score) ? DL4C_OK : diverged(t, *score, err);
}

/* What comes behind it. */
static dl4c_status finish(dl4c_trainer *t, double *penalty, struct dl4c_error *err)
{
    dl4c_graph *g = t->graph;
    const struct dli_tape *tape = t->tape;
    const int32_t bad = dli_update_finish(t->update, tape->grads->data, penalty);
    dli_tape_changed(t->tape);
    g->iteration++;
    if (bad >= 0)
        return dli_fail(err, DL4C_E_DIVERGED, "train", "parameter %s of '%.200s' is not finite after iteration %" PRId64,
                        tape->slots[bad].decl->name, g->vertices[tape->slots[bad].vertex].name, g->iteration);
    return DL4C_OK;
}

static dl4c_status run(dl4c_trainer *t, bool train, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err)
{
    dl4c_graph *g = t->graph;
    struct dli_tape *tape = t->tape;
    DLI_TRY(forward(t, train, b, score, right, err));
    if (!train) {
        *score += dli_update_penalty(t->update, tape->params->data);
        return isfinite(*score) ? DL4C_OK : diverged(t, *score, err);
    }
    dli_update_begin(t->update, dli_trainer_divisor(t, b->n), g->iteration, g->epoch, tape->params->data,
                     t->state ? t->state->data : NULL);
    dli_tape_backward(tape, b->n, t->seed, (uint64_t)g->iteration);
    double penalty = 0;
    const dl4c_status status = finish(t, &penalty, err);
    *score += penalty;
    return status;
}

dl4c_status dli_trainer_gradients(dl4c_trainer *t, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err)
{
    dl4c_status status = forward(t, true, b, score, right, err);
    if (status == DL4C_OK) {
        *score += dli_update_penalty(t->update, t->tape->params->data);
        dli_tape_backward(t->tape, b->n, t->seed, (uint64_t)t->graph->iteration);
        dli_update_divide(t->update, b->n, t->tape->grads->data);
    }
    t->tape->plan->mask = NULL;
    t->row_mask = NULL;
    return status;
}

dl4c_status dli_trainer_apply(dl4c_trainer *t, int64_t rows, struct dl4c_error *err)
{
    double penalty;
    DLI_TRY(dli_trainer_own(t, err));
    dli_update_begin(t->update, 1, t->graph->iteration, t->graph->epoch, t->tape->params->data, t->state ? t->state->data : NULL);
    if (t->graph->whole_gradients)
        t->update->scale = (float)rows; /* sums are wanted, means are there */
    return finish(t, &penalty, err);
}

dl4c_status dli_trainer_run(dl4c_trainer *t, bool train, const struct dl4c_batch *b, double *score, int64_t *right, struct dl4c_error *err)
{
    if (!t->held)
        DLI_TRY(dli_graph_begin_training(t->graph, err));
    const dl4c_status status = run(t, train, b, score, right, err);
    t->tape->plan->mask = NULL;
    t->row_mask = NULL;
    if (!t->held)
        dli_graph_end_training(t->graph);
    return status;
}

/* ---- copies for later ---- */

dl4c_status dli_trainer_save(dl4c_trainer *t, struct dli_trainer_copy *c, struct dl4c_error *err)
{
    if (!c->params && !(c->params = dli_array(t->ctx, (size_t)t->tape->n_params, sizeof *c->params, err)))
        return dli_alloc_status();
    if (t->state && !c->state && !(c->state = dli_alloc(t->ctx, t->state->bytes, err)))
        return dli_alloc_status();
    DLI_TRY(dli_tape_own(t->tape, err));
    memcpy(c->params, t->tape->params->data, (size_t)t->tape->n_params * sizeof *c->params);
    if (t->state)
        memcpy(c->state, t->state->data, t->state->bytes);
    c->iteration = t->graph->iteration;
    c->epoch = t->graph->epoch;
    return DL4C_OK;
}

dl4c_status dli_trainer_restore(dl4c_trainer *t, const struct dli_trainer_copy *c, struct dl4c_error *err)
{
    DLI_TRY(dli_tape_own(t->tape, err));
    DLI_TRY(own_state(t, err));
    memcpy(t->tape->params->data, c->params, (size_t)t->tape->n_params * sizeof *c->params);
    if (t->state)
        memcpy(t->state->data, c->state, t->state->bytes);
    dli_tape_changed(t->tape);
    t->graph->iteration = c->iteration;
    t->graph->epoch = c->epoch;
    return DL4C_OK;
}

void dli_trainer_copy_free(struct dli_trainer_copy *c)
{
    dli_free(c->params);
    dli_free(c->state);
    memset(c, 0, sizeof *c);
}
