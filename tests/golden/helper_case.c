/* SPDX-License-Identifier: Apache-2.0 */
/* TransferLearningHelper: the frozen part as features, the rest trained on them, both together again. */
#include "golden/model_case.h"
#include "train/trainer.h"
#include <dl4c/transfer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One output of a graph, on rows. */
static void output(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], const char *file)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_session *s = gold_run(g, graph, x, shape, &err);
    if (!s) {
        gold_fail(g, "%s: %s", file, err.message);
        return;
    }
    int64_t n;
    float *y = gold_value(s, graph->outputs[0], &n);
    gold_floats(g, file, y, n, GOLD_ACTIVATION);
    free(y);
    dl4c_session_destroy(&s);
}

static void params(struct gold *g, const dl4c_graph *graph, const char *file, double tolerance)
{
    int64_t n;
    float *p = gold_params(graph, &n);
    gold_floats(g, file, p, n, tolerance);
    free(p);
}

/* By hand, and the weights back into the graph after each step that was recorded. */
static void train(struct gold *g, dl4c_transfer *helper, dl4c_graph *graph, dl4c_tensor *x, dl4c_tensor *y, int64_t batch)
{
    dl4c_graph *trunk = dl4c_transfer_frozen(helper), *head = dl4c_transfer_unfrozen(helper);
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    o.batch = batch;
    if (dl4c_trainer_create(head, &o, &t, &err) != DL4C_OK)
        gold_fail(g, "no training: %s", err.message);
    for (int i = 1; t && i <= 5; i++) {
        char file[64];
        dl4c_graph *whole = NULL;
        if (dl4c_trainer_step(t, x, y, NULL, &err) != DL4C_OK) {
            gold_fail(g, "step %d: %s", i, err.message);
            break;
        }
        snprintf(file, sizeof file, "unfrozen_params_%d.npy", i);
        params(g, head, file, GOLD_PARAM);
        snprintf(file, sizeof file, "full_params_after_fitFeaturized_%d.npy", i);
        if (gold_has(g, file)) {
            if (dl4c_graph_join(trunk, head, NULL, &whole, &err) == DL4C_OK)
                params(g, whole, file, GOLD_PARAM);
            else
                gold_fail(g, "join: %s", err.message);
            if (dl4c_transfer_update(helper, &err) == DL4C_OK)
                params(g, graph, file, GOLD_PARAM);
            else
                gold_fail(g, "update: %s", err.message);
        }
        dl4c_graph_destroy(&whole);
    }
    dl4c_trainer_destroy(&t);
}

static void run(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], float *labels, const int64_t label_shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *trunk = NULL, *head = NULL, *unfrozen = NULL, *whole = NULL;
    dl4c_transfer *helper = NULL;
    int64_t n, feature_shape[4];
    float *features = gold_array(g, "featurized.npy", &n, feature_shape);
    unfrozen = gold_load(g, "unfrozen.zip", &err);
    if (!features || !unfrozen || dl4c_transfer_create(graph, NULL, 0, &helper, &err) != DL4C_OK) {
        gold_fail(g, "no split: %s", err.message);
    } else {
        trunk = dl4c_transfer_frozen(helper);
        head = dl4c_transfer_unfrozen(helper);
        char *text = NULL;
        static char table[1 << 14];
        int64_t m;
        float *mine = gold_params(head, &n), *theirs = gold_params(unfrozen, &m);
        gold_mark(g, "unfrozen.zip");
        if (n != m || memcmp(mine, theirs, (size_t)n * sizeof *mine) != 0)
            gold_fail(g, "unfrozen.zip has other parameters than the head of model.zip");
        free(mine);
        free(theirs);
        if (dl4c_graph_summary(head, NULL, &text, NULL) == DL4C_OK)
            gold_text(g, "unfrozen_summary.txt", text);
        dl4c_free(text);
        gold_param_table(head, table, sizeof table);
        gold_lines(g, "unfrozen_param_table.tsv", table);
        output(g, trunk, x, shape, "featurized.npy");
        output(g, head, features, feature_shape, "output_from_featurized.npy");
        dl4c_tensor *tx = gold_wrap(features, feature_shape, 2), *ty = gold_wrap(labels, label_shape, 2);
        gold_mark(g, "labels.npy");
        train(g, helper, graph, tx, ty, shape[0]);
        dl4c_tensor_unref(&tx);
        dl4c_tensor_unref(&ty);
        if (dl4c_graph_join(trunk, head, NULL, &whole, &err) == DL4C_OK)
            output(g, whole, x, shape, "full_output_after5.npy");
        else
            gold_fail(g, "join: %s", err.message);
        output(g, graph, x, shape, "full_output_after5.npy");
    }
    free(features);
    dl4c_transfer_destroy(&helper);
    dl4c_graph_destroy(&unfrozen);
    dl4c_graph_destroy(&whole);
}

void gold_helper(struct gold *g)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n, shape[4], label_shape[4];
    dl4c_graph *graph = gold_load(g, "model.zip", &err);
    float *x = gold_array(g, "input.npy", &n, shape), *labels = gold_array(g, "labels.npy", &n, label_shape);
    gold_mark(g, "model.zip");
    gold_mark(g, "input.npy");
    if (!graph)
        gold_fail(g, "model.zip: %s", err.message);
    else if (x && labels)
        run(g, graph, x, shape, labels, label_shape);
    free(x);
    free(labels);
    dl4c_graph_destroy(&graph);
}
