/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded training that is no list of steps: whole epochs, schedules, curves of activations. */
#include "golden/model_case.h"
#include "golden/train_case.h"
#include <dl4c/source.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep_score(void *user, int64_t iteration, int64_t epoch, double score)
{
    (void)iteration;
    (void)epoch;
    *(double *)user = score;
    return 0;
}

bool gold_epochs(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], float *labels, const int64_t label_shape[4],
                 const json_t *meta)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int epochs = (int)json_integer_value(json_object_get(meta, "epochs"));
    const int batch = (int)json_integer_value(json_object_get(meta, "batch"));
    char params[64], state[64];
    double score = 0;
    if (epochs < 1 || batch < 1)
        return false;
    snprintf(params, sizeof params, "params_after_%depochs_batch%d.npy", epochs, batch);
    snprintf(state, sizeof state, "updater_after_%depochs_batch%d.npy", epochs, batch);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    dl4c_tensor *tx = gold_wrap(x, shape, graph->vertices[graph->inputs[0]].shape.rank + 1), *ty = gold_wrap(labels, label_shape, 2);
    dl4c_source *source = NULL;
    l.user = &score;
    l.iteration_done = keep_score;
    o.epochs = (uint32_t)epochs;
    o.batch = batch;
    o.no_shuffle = 1;
    o.listeners = &l;
    o.n_listeners = 1;
    gold_mark(g, "labels.npy");
    gold_mark(g, "meta.json");
    gold_mark(g, "model_after.zip");
    if (dl4c_source_tensors(NULL, tx, ty, 0, &source, &err) != DL4C_OK || dl4c_fit(graph, source, &o, &err) != DL4C_OK) {
        gold_fail(g, "fit: %s", err.message);
    } else {
        int64_t n;
        float *p = gold_params(graph, &n);
        gold_floats(g, params, p, n, GOLD_PARAM);
        free(p);
        if (graph->updater_state)
            gold_floats(g, state, graph->updater_state->data, (int64_t)(graph->updater_state->bytes / sizeof(float)), GOLD_PARAM);
        const double want = json_number_value(json_object_get(meta, "score"));
        gold_number(g, "the last score", score, want, fabs(want), GOLD_SCORE);
        /* What the reference saved then: to the bit, and its counts those of ours. */
        dl4c_graph *after = gold_load(g, "model_after.zip", &err);
        p = after ? gold_params(after, &n) : NULL;
        if (!after)
            gold_fail(g, "model_after.zip: %s", err.message);
        else
            gold_floats(g, params, p, n, 0);
        if (after && after->updater_state)
            gold_floats(g, state, after->updater_state->data, (int64_t)(after->updater_state->bytes / sizeof(float)), 0);
        if (after && (after->iteration != graph->iteration || after->epoch != graph->epoch ||
                      graph->iteration != json_integer_value(json_object_get(meta, "iterationCount")) ||
                      graph->epoch != json_integer_value(json_object_get(meta, "epochCount"))))
            gold_fail(g, "iteration %lld and epoch %lld after it, recorded %lld and %lld", (long long)graph->iteration,
                      (long long)graph->epoch, (long long)after->iteration, (long long)after->epoch);
        free(p);
        dl4c_graph_destroy(&after);
    }
    dl4c_source_destroy(&source);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    return true;
}

/* ---- schedules ------------------------------------------------------------------------------------------------ */

enum { ROWS = 256 };

static int read_values(const char *text, double *v)
{
    int n = 0;
    for (const char *p = strchr(text, '\n'); p && n < ROWS; p = strchr(p + 1, '\n')) {
        int i;
        double value;
        if (sscanf(p, "%d %lf", &i, &value) != 2 || i != n)
            break;
        v[n++] = value;
    }
    return n;
}

/* The reference's JSON of a RampSchedule has none of its fields: the values show them. */
static char *with_ramp(const char *spec, const double *v, int n)
{
    const char *at = strstr(spec, "=ramp");
    int reached = 0;
    if (!at || at[5] == '(')
        return NULL;
    while (reached + 1 < n && v[reached] != v[n - 1])
        reached++;
    const size_t size = strlen(spec) + 80;
    char *text = malloc(size);
    if (text)
        snprintf(text, size, "%.*s(n=%d,value=%.17g)%s", (int)(at + 5 - spec), spec, reached + 1, v[n - 1], at + 5);
    return text;
}

void gold_schedule(struct gold *g, const dl4c_graph *graph, char **spec)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[1024];
    double v[ROWS];
    *spec = NULL;
    if (!gold_has(g, "values.tsv") || !graph->updater)
        return;
    gold_path(g, "values.tsv", path, sizeof path);
    char *text = test_read_file(path, NULL);
    const int n = text ? read_values(text, v) : 0;
    free(text);
    struct dli_updater_at u = { 0 };
    struct dli_schedule_at s = { 0 };
    *spec = n > 0 ? with_ramp(graph->updater, v, n) : NULL;
    if (n == 0 || dli_updater_open(NULL, *spec ? *spec : graph->updater, &u, &err) != DL4C_OK ||
        dli_schedule_open(NULL, dli_updater_lr_schedule(&u), &s, &err) != DL4C_OK)
        gold_fail(g, "values.tsv: %s", n ? err.message : "no values");
    else
        for (int i = 0; i < n; i++) /* doubles on both sides, a few operations of each */
            gold_number(g, "a value of the schedule", dli_schedule_value(&s, dli_updater_lr(&u), i, 0), v[i], v[i], 1e-14);
    gold_mark(g, "values.tsv");
    dli_schedule_close(&s);
    dli_updater_close(&u);
}

/* ---- curves --------------------------------------------------------------------------------------------------- */

void gold_curve(struct gold *g, const dl4c_graph *graph)
{
    int64_t n, shape[4];
    if (!gold_has(g, "curve_x.npy") || graph->n_vertices < 2)
        return;
    const char *text = graph->vertices[1].attrs->layer.activation;
    float *x = gold_array(g, "curve_x.npy", &n, shape);
    struct dli_spec spec = { 0 };
    struct dli_vattrs *va = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    gold_mark(g, "curve_x.npy");
    const struct dli_op *op = NULL;
    if (dli_spec_parse(NULL, text ? text : "identity", &spec, &err) == DL4C_OK)
        op = dli_op_find(spec.name);
    if (!x || !op || dli_vattrs_create(graph->ctx, op, "curve", spec.attrs, spec.n_attrs, &va, &err) != DL4C_OK) {
        gold_fail(g, "no curve: %s", err.message);
    } else {
        const struct dli_shape row = { .rank = 1, .batch = 1, .dim = { n } };
        const float *in[] = { x };
        const int32_t layout = DLI_PLAIN;
        float *y = malloc((size_t)n * sizeof *y), *dy = malloc((size_t)n * sizeof *dy), *dx = malloc((size_t)n * sizeof *dx);
        struct dli_exec e = { .ctx = graph->ctx,
                              .threads = 1,
                              .n = 1,
                              .attrs = va->attrs,
                              .n_in = 1,
                              .in_shape = &row,
                              .out_shape = &row,
                              .in_layout = &layout,
                              .out_layout = layout,
                              .in = in,
                              .out = y,
                              .dout = dy,
                              .din = &dx };
        for (int64_t i = 0; i < n; i++)
            dy[i] = 1;
        op->forward(&e);
        op->backward(&e);
        gold_floats(g, "curve_f.npy", y, n, GOLD_ACTIVATION);
        /* Of softmax this is y * (1 - the sum of y): of the sum's rounding alone, which is up to n units in the last place. */
        float *rounding = strcmp(op->name, "softmax") == 0 ? malloc((size_t)n * sizeof *rounding) : NULL;
        for (int64_t i = 0; rounding && i < n; i++)
            rounding[i] = y[i] * (float)n * FLT_EPSILON;
        gold_floats_near(g, "curve_df.npy", dx, n, GOLD_ACTIVATION, rounding);
        free(rounding);
        free(y);
        free(dy);
        free(dx);
    }
    dli_spec_free(&spec);
    dli_vattrs_unref(va);
    free(x);
}
