/* SPDX-License-Identifier: Apache-2.0 */
/* Training as recorded: scores, gradients, updates, parameters and updater state after one and five steps, blocks of updaters. */
#include "formats/dl4j/names.h"
#include "golden/model_case.h"
#include "golden/train_case.h"

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

/* The reference's sparse loss takes class indices as a column of floats. */
static dl4c_tensor *gold_labels(const dl4c_graph *graph, float *labels, const int64_t shape[4])
{
    const struct dli_vertex *v = &graph->vertices[graph->outputs[0]];
    dl4c_tensor *t = NULL;
    if (shape[1] != 1 || v->shape.dim[0] == 1)
        return gold_wrap(labels, shape, v->shape.rank + 1);
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

    if (gold_epochs(g, graph, x, shape, labels, label_shape, meta)) {
        json_decref(meta);
        free(labels);
        return;
    }
    const int32_t rank = graph->vertices[graph->inputs[0]].shape.rank;
    const struct dl4c_shape row = gold_row_shape(shape, rank);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    char *updater;
    gold_schedule(g, graph, &updater);
    o.batch = shape[0];
    o.updater = updater;
    o.flags = DL4C_FIT_KEEP_GRADIENT;
    dl4c_tensor *ty = gold_labels(graph, labels, label_shape);
    if (dli_trainer_create(graph, &o, &row, &t, &err) != DL4C_OK) {
        gold_left(g, "no training: %s", err.message);
    } else {
        static char blocks[1 << 16];
        const struct gold_training w = { graph, &o, x, shape, ty };
        gold_blocks(graph, blocks, sizeof blocks);
        gold_text(g, "updater_blocks.txt", blocks);
        gold_mark(g, "labels.npy");
        gold_mark(g, "meta.json");
        gold_steps(g, t, &w, meta);
    }
    free(updater);
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&ty);
    json_decref(meta);
    free(labels);
}
