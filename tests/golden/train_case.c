/* SPDX-License-Identifier: Apache-2.0 */
/* Training as recorded: scores, gradients, updates, parameters and updater state after one and five steps, blocks of updaters. */
#include "formats/dl4j/names.h"
#include "golden/model_case.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_states(const char *name)
{
    static const struct {
        const char *name;
        int n;
    } table[] = { { "nesterovs", 1 }, { "rmsprop", 1 }, { "adagrad", 1 },  { "adam", 2 },
                  { "adamax", 2 },    { "nadam", 2 },   { "adadelta", 2 }, { "amsgrad", 3 } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].n;
    return 0;
}

void gold_blocks(const dl4c_graph *graph, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "# param_start param_end state_start state_end updater_class vars\n");
    int64_t start = 0, end = 0, state = 0;
    char vars[8192] = "", open[512] = "";
    for (int32_t i = 0; i <= graph->n_vertices; i++) {
        const struct dli_vertex *v = i < graph->n_vertices ? &graph->vertices[i] : NULL;
        for (int32_t listed = 0; listed < (v ? v->n_params : 1); listed++) {
            /* The reference counts parameters as it lists them, which is not always as they lie. */
            const bool last = v && v->op && v->op->flags & DLI_OP_BIAS_LAST && v->decl[0].role == DLI_PARAM_BIAS;
            const int32_t k = last ? (listed + 1) % v->n_params : listed;
            const char *spec = !v ? "" : v->frozen || v->decl[k].role == DLI_PARAM_STAT ? "noop" : v->attrs->layer.updater;
            if (v && !v->frozen && v->decl[k].role == DLI_PARAM_BIAS && v->attrs->layer.bias_updater)
                spec = v->attrs->layer.bias_updater;
            if (!spec)
                spec = graph->updater ? graph->updater : "sgd";
            if (strcmp(spec, open) != 0) {
                if (open[0]) {
                    char name[40];
                    snprintf(name, sizeof name, "%.*s", (int)strcspn(open, ":("), open);
                    const struct dli_dl4j_name *class = dli_dl4j_by_spec(&dli_dl4j_updaters, name);
                    const int64_t states = n_states(name) * (end - start);
                    at += (size_t)snprintf(text + at, size - at, "%lld %lld %lld %lld %sUpdater %s\n", (long long)start, (long long)end,
                                           (long long)state, (long long)(state + states), class ? class->class : "?", vars);
                    state += states;
                }
                snprintf(open, sizeof open, "%s", spec);
                start = end;
                vars[0] = '\0';
            }
            if (v) {
                const size_t n = strlen(vars);
                const int64_t count = v->params->p[k].count;
                snprintf(vars + n, sizeof vars - n, "%s/%s[%lld,%lld) ", v->name, v->decl[k].name, (long long)end,
                         (long long)(end + count));
                end += count;
            }
        }
    }
}

/* The trainer's gradient in the place of each parameter in the whole network; zero where frozen. */
static float *gradient(const dl4c_trainer *t, int64_t total)
{
    float *all = calloc((size_t)total + 1, sizeof *all);
    int64_t at = 0;
    for (int32_t i = 0; all && i < t->graph->n_vertices; i++) {
        const struct dli_vertex *v = &t->graph->vertices[i];
        for (int32_t k = 0; k < v->n_params; k++) {
            for (int32_t s = 0; s < t->tape->n_slots; s++)
                if (t->tape->slots[s].vertex == i && t->tape->slots[s].param == k)
                    memcpy(all + at, (const float *)t->tape->grads->data + t->tape->slots[s].offset,
                           (size_t)t->tape->slots[s].count * sizeof *all);
            at += v->params->p[k].count;
        }
    }
    return all;
}

/* The difference of parameters is the update but for the rounding of both: half an ulp of the largest parameter each. */
static void update(struct gold *g, const float *before, const float *after, int64_t n)
{
    int64_t want_n, shape[4];
    if (!gold_has(g, "update_1.npy"))
        return;
    float *want = gold_array(g, "update_1.npy", &want_n, shape), *d = malloc((size_t)n * sizeof *d + 1);
    double largest = 0, param = 0;
    for (int64_t i = 0; want && d && i < n && i < want_n; i++) {
        d[i] = before[i] - after[i];
        largest = fmax(largest, fabs((double)want[i]));
        param = fmax(param, fabs((double)before[i]));
    }
    if (want && d)
        gold_floats(g, "update_1.npy", d, n, GOLD_GRADIENT + (largest > 0 ? param * 0x1p-23 / largest : 0));
    free(want);
    free(d);
}

static void state_after(struct gold *g, dl4c_trainer *t, const char *file)
{
    dl4c_tensor *s = NULL;
    if (!gold_has(g, file))
        return;
    if (dl4c_trainer_updater_state(t, &s, NULL) == DL4C_OK)
        gold_floats(g, file, dl4c_tensor_data_const(s), dl4c_tensor_size(s), GOLD_PARAM);
    else
        gold_fail(g, "%s: the trainer has no state", file);
    dl4c_tensor_unref(&s);
}

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

static void steps(struct gold *g, dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, const json_t *meta)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const json_t *scores = json_object_get(meta, "score_at_step");
    const double largest = largest_score(meta);
    dl4c_graph *graph = t->graph;
    int64_t n;
    float *before = gold_params(graph, &n);
    for (size_t i = 0; i < json_array_size(scores); i++) {
        double score = 0;
        char what[40], file[40];
        if (dl4c_trainer_step(t, x, y, &score, &err) != DL4C_OK) {
            gold_fail(g, "step %zu: %s", i + 1, err.message);
            break;
        }
        snprintf(what, sizeof what, "score of step %zu", i + 1);
        gold_number(g, what, score, json_number_value(json_array_get(scores, i)), largest, GOLD_SCORE);
        float *p = gold_params(graph, &n);
        if (i == 0) {
            gold_number(g, "score_train_0", score, json_number_value(json_object_get(meta, "score_train_0")), largest, GOLD_SCORE);
            float *raw = gradient(t, n);
            gold_floats(g, "gradient_raw_0.npy", raw, n, GOLD_GRADIENT);
            free(raw);
            update(g, before, p, n);
        }
        snprintf(file, sizeof file, "params_%zu.npy", i + 1);
        gold_floats(g, file, p, n, GOLD_PARAM);
        snprintf(file, sizeof file, "updater_%zu.npy", i + 1);
        state_after(g, t, file);
        free(p);
    }
    free(before);
    const json_t *count = json_object_get(meta, "iterationCount_after5");
    if (count && dl4c_trainer_iteration(t) != json_integer_value(count))
        gold_fail(g, "iteration %lld after the steps, recorded %lld", (long long)dl4c_trainer_iteration(t),
                  (long long)json_integer_value(count));
}

/* Each row's own loss, without regularisation. */
static void examples(struct gold *g, const dl4c_trainer *t, int64_t n)
{
    float *s = malloc((size_t)n * sizeof *s + 1);
    for (int64_t i = 0; s && i < n; i++)
        s[i] = (float)t->scores[i];
    gold_floats(g, "score_examples_noreg.npy", s, n, GOLD_SCORE);
    free(s);
}

/* The reference's sparse loss takes class indices as a column of floats. */
static dl4c_tensor *gold_labels(const dl4c_graph *graph, float *labels, const int64_t shape[4])
{
    const struct dli_vertex *v = &graph->vertices[graph->outputs[0]];
    dl4c_tensor *t = NULL;
    if (shape[1] != 1 || v->shape.dim[0] == 1)
        return gold_wrap(labels, shape, 2);
    if (dl4c_tensor_create(NULL, DL4C_I64, shape, 1, &t, NULL) == DL4C_OK)
        for (int64_t i = 0; i < shape[0]; i++)
            ((int64_t *)dl4c_tensor_data(t))[i] = (int64_t)labels[i];
    return t;
}

void gold_train(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[1024];
    json_error_t e;
    int64_t label_n, label_shape[4];
    gold_path(g, "meta.json", path, sizeof path);
    json_t *meta = json_load_file(path, 0, &e);
    float *labels = gold_array(g, "labels.npy", &label_n, label_shape);
    if (!meta || !labels) {
        gold_fail(g, "meta.json or labels.npy cannot be read");
        json_decref(meta);
        free(labels);
        return;
    }
    int64_t total;
    dl4c_graph_param_count(graph, &total, NULL, NULL);
    const json_t *count = json_object_get(meta, "numParams");
    if (count && json_integer_value(count) != total)
        gold_fail(g, "%lld parameters, recorded %lld", (long long)total, (long long)json_integer_value(count));

    const int32_t rank = graph->vertices[graph->inputs[0]].shape.rank;
    const struct dl4c_shape row = gold_row_shape(shape, rank);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    o.batch = shape[0];
    dl4c_tensor *tx = gold_wrap(x, shape, rank + 1), *ty = gold_labels(graph, labels, label_shape);
    if (dli_trainer_create(graph, &o, &row, &t, &err) != DL4C_OK) {
        gold_left(g, "no training: %s", err.message);
    } else {
        static char blocks[1 << 16];
        double score = 0;
        gold_blocks(graph, blocks, sizeof blocks);
        gold_text(g, "updater_blocks.txt", blocks);
        if (dl4c_trainer_score(t, tx, ty, &score, &err) != DL4C_OK) {
            gold_left(g, "no score: %s", err.message);
        } else {
            gold_number(g, "score_inference", score, json_number_value(json_object_get(meta, "score_inference")), largest_score(meta),
                        GOLD_SCORE);
            examples(g, t, shape[0]);
            gold_mark(g, "labels.npy");
            gold_mark(g, "meta.json");
            steps(g, t, tx, ty, meta);
            dl4c_session *s = gold_has(g, "output_after5.npy") ? gold_run(g, graph, x, shape, &err) : NULL;
            if (s) {
                int64_t n;
                float *y = gold_value(s, graph->outputs[0], &n);
                gold_floats(g, "output_after5.npy", y, n, GOLD_ACTIVATION);
                free(y);
            }
            dl4c_session_destroy(&s);
        }
    }
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    json_decref(meta);
    free(labels);
}

/* The transfer again: freeze what is frozen, replace the outputs whose width differs; the structure is then that of the recorded model. */
void gold_transfer(struct gold *g, dl4c_graph *model)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (!gold_has(g, "source_model.zip"))
        return;
    dl4c_graph *source = gold_load(g, "source_model.zip", &err), *made = NULL;
    dl4c_builder *b = NULL;
    gold_mark(g, "source_model.zip");
    if (!source || dl4c_builder_create(NULL, source, &b, &err) != DL4C_OK) {
        gold_fail(g, "source_model.zip: %s", err.message);
        dl4c_graph_destroy(&source);
        return;
    }
    for (int32_t i = 0; i < model->n_vertices; i++) {
        const struct dli_vertex *v = &model->vertices[i];
        const int32_t k = dli_graph_index(source, v->name);
        if (k < 0)
            continue;
        if (v->frozen)
            dl4c_builder_freeze(b, v->name);
        if (v->n_params > 0 && v->shape.dim[0] != source->vertices[k].shape.dim[0])
            dl4c_builder_replace_n_out(b, v->name, v->shape.dim[0], "xavier", NULL);
    }
    char *want = NULL, *got = NULL;
    if (dl4c_builder_finish(&b, &made, &err) != DL4C_OK || dl4c_graph_summary(model, NULL, &want, &err) != DL4C_OK ||
        dl4c_graph_summary(made, NULL, &got, &err) != DL4C_OK)
        gold_fail(g, "the transfer: %s", err.message);
    else if (strcmp(want, got) != 0)
        gold_fail(g, "the transfer from source_model.zip makes another network than the recorded one");
    dl4c_free(want);
    dl4c_free(got);
    dl4c_graph_destroy(&made);
    dl4c_graph_destroy(&source);
}
