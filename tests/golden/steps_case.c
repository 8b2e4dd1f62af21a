/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of training beside the recorded ones. Each case is run once as it is and a few times with the last two bits of every parameter
 * and feature moved at random: what that changes is what rounding alone makes of a quantity, here as there, and how far the two may differ
 * beyond the tolerance. A bias in front of batch normalisation has no gradient but rounding, which Adam scales up to whole steps; units
 * driven into saturation have slopes 1 - tanh^2 of few digits. Where nothing of that kind happens it adds some 1e-7. */
#include "golden/model_case.h"
#include "golden/train_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOVED = 6, SCORES = 32, KEPT = 2 };

/* Two roundings of the same size are up to twice as far apart as one is from the exact value, and six samples do not show the worst. */
static const double MARGIN = 4;

/* What one training computes. */
struct steps {
    int n;
    double inference, score[SCORES];
    int64_t n_params, n_state, n_out;
    float *examples, *raw, *update, *params[KEPT], *state[KEPT], *out; /* after the first step and after all */
};

static void steps_free(struct steps *s)
{
    free(s->examples);
    free(s->raw);
    free(s->update);
    free(s->out);
    for (int k = 0; k < KEPT; k++) {
        free(s->params[k]);
        free(s->state[k]);
    }
}

static float *copy_of(const float *v, int64_t n)
{
    float *c = malloc((size_t)n * sizeof *c + 1);
    if (c && n > 0)
        memcpy(c, v, (size_t)n * sizeof *c);
    return c;
}

/* A vector of the trainable parameters in the place of each parameter in the whole network; zero where frozen. */
static float *in_place(const dl4c_trainer *t, const float *values)
{
    int64_t total, at = 0;
    dl4c_graph_param_count(t->graph, &total, NULL, NULL);
    float *all = calloc((size_t)total + 1, sizeof *all);
    for (int32_t i = 0; all && i < t->graph->n_vertices; i++) {
        const struct dli_vertex *v = &t->graph->vertices[i];
        for (int32_t k = 0; k < v->n_params; k++) {
            for (int32_t s = 0; s < t->tape->n_slots; s++)
                if (t->tape->slots[s].vertex == i && t->tape->slots[s].param == k)
                    memcpy(all + at, values + t->tape->slots[s].offset, (size_t)t->tape->slots[s].count * sizeof *all);
            at += v->params->p[k].count;
        }
    }
    return all;
}

/* The first step's update before constraints, which the difference of parameters would have in it. */
static float *update_of(const dl4c_trainer *t, int64_t rows, const float *before, const float *state)
{
    const int64_t n = t->tape->n_params;
    float *p = copy_of(before, n), *s = copy_of(state, t->update->n_state), *u = NULL;
    const int32_t constraints = t->update->n_constraints;
    double penalty;
    if (p && s) {
        t->update->n_constraints = 0;
        dli_update_begin(t->update, dli_trainer_divisor(t, rows), t->graph->iteration - 1, t->graph->epoch, p, s);
        dli_update_finish(t->update, t->tape->grads->data, &penalty);
        t->update->n_constraints = constraints;
        for (int64_t i = 0; i < n; i++)
            p[i] = before[i] - p[i];
        u = in_place(t, p);
    }
    free(p);
    free(s);
    return u;
}

static float *state_of(dl4c_trainer *t, int64_t *n)
{
    dl4c_tensor *s = NULL;
    float *copy = NULL;
    *n = 0;
    if (dl4c_trainer_updater_state(t, &s, NULL) == DL4C_OK) {
        *n = dl4c_tensor_size(s);
        copy = copy_of(dl4c_tensor_data_const(s), *n);
    }
    dl4c_tensor_unref(&s);
    return copy;
}

/* Runs the trainer; false and *err after a failure. */
static bool run(struct gold *g, dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, float *rows, const int64_t shape[4], int n,
                struct steps *r, struct dl4c_error *err)
{
    memset(r, 0, sizeof *r);
    if (dl4c_trainer_score(t, x, y, &r->inference, err) != DL4C_OK)
        return false;
    r->examples = malloc((size_t)shape[0] * sizeof *r->examples + 1);
    for (int64_t i = 0; r->examples && i < shape[0]; i++)
        r->examples[i] = (float)t->scores[i];
    float *before = copy_of(t->tape->params->data, t->tape->n_params);
    float *state = copy_of(t->state ? t->state->data : NULL, t->update->n_state);
    bool good = before && state;
    for (; good && r->n < n && r->n < SCORES; r->n++) {
        good = dl4c_trainer_step(t, x, y, &r->score[r->n], err) == DL4C_OK;
        const int k = r->n == 0 ? 0 : 1;
        if (good && (r->n == 0 || r->n + 1 == n)) {
            r->params[k] = gold_params(t->graph, &r->n_params);
            r->state[k] = state_of(t, &r->n_state);
        }
        if (good && r->n == 0) {
            r->raw = in_place(t, t->tape->grads->data);
            r->update = update_of(t, shape[0], before, state);
        }
    }
    free(before);
    free(state);
    dl4c_session *s = good ? gold_run(g, t->graph, rows, shape, err) : NULL;
    if (s)
        r->out = gold_value(s, t->graph->outputs[0], &r->n_out);
    dl4c_session_destroy(&s);
    return good;
}

/* ---- the last bit -------------------------------------------------------------------------------------------- */

static uint32_t mixed(uint32_t v)
{
    v = (v ^ (v >> 16)) * 0x7feb352du;
    v = (v ^ (v >> 15)) * 0x846ca68bu;
    return v ^ (v >> 16);
}

/* By up to four units in the last place: sums of some hundred terms in another order are as far apart. */
static void move(float *v, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        const uint32_t r = mixed((uint32_t)i * 2654435761u + seed);
        for (uint32_t k = 0; k <= (r >> 1) % 4; k++)
            v[i] = nextafterf(v[i], r & 1 ? INFINITY : -INFINITY);
    }
}

/* The same from the file again, moved; false where it cannot be. */
static bool run_moved(struct gold *g, const struct gold_training *w, uint32_t seed, int n, struct steps *r)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t size = w->shape[0] * w->shape[1] * w->shape[2] * w->shape[3];
    const int32_t rank = w->graph->vertices[w->graph->inputs[0]].shape.rank;
    const struct dl4c_shape row = gold_row_shape(w->shape, rank);
    dl4c_graph *graph = gold_load(g, "model.zip", &err);
    dl4c_trainer *t = NULL;
    float *x = copy_of(w->x, size);
    bool good =
        graph && x && dli_trainer_create(graph, w->options, &row, &t, &err) == DL4C_OK && dli_graph_begin_training(graph, &err) == DL4C_OK;
    memset(r, 0, sizeof *r);
    if (good) {
        good = dli_tape_own(t->tape, &err) == DL4C_OK;
        if (good)
            move(t->tape->params->data, t->tape->n_params, seed);
        dli_tape_changed(t->tape);
        dli_graph_end_training(graph);
        move(x, size, ~seed);
    }
    if (good) {
        dl4c_tensor *tx = gold_wrap(x, w->shape, rank + 1);
        good = run(g, t, tx, w->y, x, w->shape, n, r, &err);
        dl4c_tensor_unref(&tx);
    }
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&graph);
    free(x);
    return good;
}

/* How far the moved ones are from the first, at most, over each run of elements that belong together. */
static float *spread(const double *margins, const float *first, float *const *moved, int n_moved, int64_t n, const int64_t *run_of,
                     int64_t runs)
{
    float *most = calloc((size_t)runs + 1, sizeof *most), *all = malloc((size_t)n * sizeof *all + 1);
    for (int k = 0; most && k < n_moved; k++)
        for (int64_t i = 0; moved[k] && i < n; i++)
            most[run_of[i]] = fmaxf(most[run_of[i]], fabsf(moved[k][i] - first[i]));
    for (int64_t i = 0; most && all && i < n; i++)
        all[i] = (float)(margins ? margins[run_of[i]] : MARGIN) * most[run_of[i]];
    free(most);
    return all;
}

/* Parameters belong together by their arrays; n of them. */
static int64_t *runs_of_params(const dl4c_graph *graph, int64_t n, int64_t *runs)
{
    int64_t *run = calloc((size_t)n + 1, sizeof *run), at = 0;
    *runs = 0;
    for (int32_t i = 0; run && i < graph->n_vertices; i++)
        for (int32_t k = 0; k < graph->vertices[i].n_params; k++, ++*runs)
            for (int64_t j = 0; at < n && j < graph->vertices[i].params->p[k].count; j++)
                run[at++] = *runs;
    return run;
}

static void compare(struct gold *g, const char *file, double tolerance, const double *margins, const float *first, float *const *moved,
                    int n_moved, int64_t n, const int64_t *run_of, int64_t runs)
{
    float *more = first && run_of ? spread(margins, first, moved, n_moved, n, run_of, runs) : NULL;
    if (first)
        gold_floats_near(g, file, first, n, tolerance, more);
    free(more);
}

/* ---- the case ------------------------------------------------------------------------------------------------ */

/* Scores are sums of logarithms of probabilities that the reference rounds to float32: where they come near 0 a relative difference
 * means nothing, so all are relative to the largest of the case. */
static double largest_score(const json_t *meta)
{
    const json_t *scores = json_object_get(meta, "score_at_step");
    double largest = fabs(json_number_value(json_object_get(meta, "score_inference")));
    for (size_t i = 0; i < json_array_size(scores); i++)
        largest = fmax(largest, fabs(json_number_value(json_array_get(scores, i))));
    return largest;
}

static void scores(struct gold *g, const json_t *meta, const struct steps *r, const struct steps *moved, int n_moved)
{
    const json_t *list = json_object_get(meta, "score_at_step");
    const double largest = largest_score(meta);
    gold_number(g, "score_inference", r->inference, json_number_value(json_object_get(meta, "score_inference")), largest, GOLD_SCORE);
    for (int i = 0; i < r->n; i++) {
        char what[40];
        double more = 0;
        for (int k = 0; k < n_moved; k++)
            more = fmax(more, fabs(moved[k].score[i] - r->score[i]));
        snprintf(what, sizeof what, "score of step %d", i + 1);
        gold_number(g, what, r->score[i], json_number_value(json_array_get(list, (size_t)i)), largest,
                    GOLD_SCORE + (largest > 0 ? MARGIN * more / largest : 0));
    }
    if (r->n > 0)
        gold_number(g, "score_train_0", r->score[0], json_number_value(json_object_get(meta, "score_train_0")), largest, GOLD_SCORE);
}

/* Each row's own loss, without regularisation. The reference's LossMAE divides the minibatch's score by the outputs, but not a row's. */
static void examples(struct gold *g, const dl4c_trainer *t, struct steps *r, int64_t n)
{
    for (int64_t i = 0; r->examples && strcmp(t->loss.loss->name, "mae") == 0 && i < n; i++)
        r->examples[i] *= (float)t->k;
    gold_floats(g, "score_examples_noreg.npy", r->examples, n, GOLD_SCORE);
}

/* The update is rounded with the parameter that it is taken from: half an ulp of the largest each. */
static double update_tolerance(struct gold *g, const struct steps *r)
{
    int64_t n, shape[4];
    double largest = 0, param = 0;
    if (!gold_has(g, "update_1.npy"))
        return GOLD_GRADIENT;
    float *want = gold_array(g, "update_1.npy", &n, shape);
    for (int64_t i = 0; want && i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (int64_t i = 0; i < r->n_params; i++)
        param = fmax(param, fabs((double)r->params[0][i]) + fabs((double)r->update[i]));
    free(want);
    return GOLD_GRADIENT + (largest > 0 ? param * 0x1p-23 / largest : 0);
}

/* Where the recorded gradient of an array is further from ours than rounding takes ours, within its tolerance, what follows from it may be,
 * too: the reference sums in float where we sum in double. */
static double *margins_of(struct gold *g, const struct steps *r, const struct steps *moved, int n_moved, const int64_t *run_of,
                          int64_t runs)
{
    int64_t n = 0, shape[4];
    double *off = calloc(2 * (size_t)runs + 1, sizeof *off), *most = off + runs;
    float *want = gold_has(g, "gradient_raw_0.npy") ? gold_array(g, "gradient_raw_0.npy", &n, shape) : NULL;
    for (int64_t i = 0; off && want && r->raw && n == r->n_params && i < n; i++) {
        off[run_of[i]] = fmax(off[run_of[i]], fabs((double)want[i] - (double)r->raw[i]));
        for (int k = 0; k < n_moved; k++)
            most[run_of[i]] = fmax(most[run_of[i]], fabs((double)moved[k].raw[i] - (double)r->raw[i]));
    }
    for (int64_t k = 0; off && k < runs; k++)
        off[k] = most[k] > 0 && off[k] > most[k] ? MARGIN * off[k] / most[k] : MARGIN;
    free(want);
    return off;
}

void gold_steps(struct gold *g, dl4c_trainer *t, const struct gold_training *w, const json_t *meta)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const json_t *list = json_object_get(meta, "score_at_step");
    struct steps r, moved[MOVED];
    float *values[MOVED] = { 0 };
    const int n = (int)json_array_size(list);
    dl4c_tensor *x = gold_wrap(w->x, w->shape, w->graph->vertices[w->graph->inputs[0]].shape.rank + 1);
    const bool good = run(g, t, x, w->y, w->x, w->shape, n, &r, &err);
    dl4c_tensor_unref(&x);
    if (!good) {
        gold_fail(g, "step %d: %s", r.n + 1, err.message);
        steps_free(&r);
        return;
    }
    int n_moved = 0;
    while (n > 0 && n_moved < MOVED && run_moved(g, w, (uint32_t)n_moved + 1, n, &moved[n_moved]))
        n_moved++;
    int64_t n_runs;
    int64_t *runs = runs_of_params(t->graph, r.n_params, &n_runs), *each = calloc((size_t)r.n_state + 1, sizeof *each);
    int64_t *whole = calloc((size_t)r.n_out + 1, sizeof *whole);
    for (int64_t i = 0; each && i < r.n_state; i++)
        each[i] = i;
    double *margins = margins_of(g, &r, moved, n_moved, runs, n_runs);
    scores(g, meta, &r, moved, n_moved);
    examples(g, t, &r, w->shape[0]);
#define COMPARE(file, tolerance, member, count, by, n_by)                                                                                  \
    do {                                                                                                                                   \
        for (int k_ = 0; k_ < n_moved; k_++)                                                                                               \
            values[k_] = moved[k_].member;                                                                                                 \
        compare(g, file, tolerance, by == runs ? margins : NULL, r.member, values, n_moved, count, by, n_by);                              \
    } while (0)
    COMPARE("gradient_raw_0.npy", GOLD_GRADIENT, raw, r.n_params, runs, n_runs);
    COMPARE("update_1.npy", update_tolerance(g, &r), update, r.n_params, runs, n_runs);
    for (int k = 0; k < KEPT; k++) {
        char file[40];
        snprintf(file, sizeof file, "params_%d.npy", k == 0 ? 1 : n);
        COMPARE(file, GOLD_PARAM, params[k], r.n_params, runs, n_runs);
        snprintf(file, sizeof file, "updater_%d.npy", k == 0 ? 1 : n);
        if (r.n_state > 0)
            COMPARE(file, GOLD_PARAM, state[k], r.n_state, each, r.n_state);
    }
    COMPARE("output_after5.npy", GOLD_ACTIVATION, out, r.n_out, whole, 1);
    free(margins);
    free(runs);
    free(each);
    free(whole);
    for (int k = 0; k < n_moved; k++)
        steps_free(&moved[k]);
    steps_free(&r);
    const json_t *count = json_object_get(meta, "iterationCount_after5");
    if (count && dl4c_trainer_iteration(t) != json_integer_value(count))
        gold_fail(g, "iteration %lld after the steps, recorded %lld", (long long)dl4c_trainer_iteration(t),
                  (long long)json_integer_value(count));
}
