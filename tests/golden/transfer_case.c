/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer learning as recorded, done again by our builder from the network that it began with: what is made must be written as the
 * recorded configuration, keep what it did not draw anew, and train as recorded. The recorder moved all parameters afterwards, so those
 * are taken from its model. */
#include "golden/model_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 4 };

struct recipe {
    const char *name;
    const char *source; /* beside the case; NULL: not recorded */
    void (*edit)(dl4c_builder *b);
    const char *fresh[NAMES]; /* vertices whose parameters are drawn */
};

static void add(dl4c_builder *b, const char *text, const char *name, const char *input) { dl4c_builder_add_text(b, text, name, &input, 1); }

/* GraphBuilder: setFeatureExtractor("fc1"), removeVertexKeepConnections("out"), addLayer("out"). */
static void replace_output(dl4c_builder *b)
{
    dl4c_builder_fine_tune(b, "updater=nesterovs(lr=0.03,momentum=0.9),l2=5e-4");
    dl4c_builder_freeze(b, "fc1");
    dl4c_builder_remove(b, "out", DL4C_KEEP_CONNECTIONS);
    add(b, "output:units=7,activation=softmax,loss=negative_log_likelihood,weight_init=xavier", "out", "fc2");
}

/* nOutReplace("fc2", 9). The reference forgets all settings of fc2 but those of the fine tuning, and takes the layers that read it as they
 * were before the fine tuning, where that says what they do not; replace_n_out leaves the one and tunes the other. So both are added. */
static void other_n_out(dl4c_builder *b)
{
    dl4c_builder_fine_tune(b, "updater=adam(lr=3e-3),dropout=1");
    dl4c_builder_freeze(b, "p1");
    dl4c_builder_remove(b, "fc2", DL4C_KEEP_CONNECTIONS);
    add(b, "dense:units=9,activation=relu,weight_init=xavier", "fc2", "fc1");
    dl4c_builder_remove(b, "out", DL4C_KEEP_CONNECTIONS);
    add(b, "output:units=4,activation=softmax,loss=mcxent,weight_init=xavier,l2=1e-3,updater=nesterovs(lr=0.05,momentum=0.9)", "out",
        "fc2");
}

/* removeVertexAndConnections("out") and ("fc2"), two layers added under new names. */
static void other_layers(dl4c_builder *b)
{
    static const char *const out[] = { "nout" };
    dl4c_builder_fine_tune(b, "updater=sgd(lr=0.03),activation=tanh");
    dl4c_builder_freeze(b, "c2");
    dl4c_builder_remove(b, "out", 0);
    dl4c_builder_remove(b, "fc2", 0);
    add(b, "dense:units=11,weight_init=xavier", "nfc2", "fc1");
    add(b, "output:units=6,activation=softmax,loss=mcxent,weight_init=xavier", "nout", "nfc2");
    dl4c_builder_outputs(b, out, 1);
}

/* TransferLearning.Builder of a MultiLayerNetwork: setFeatureExtractor(0), nOutReplace(2, 6). */
static void other_last_layer(dl4c_builder *b)
{
    dl4c_builder_fine_tune(b, "updater=nesterovs(lr=0.1,momentum=0.05)");
    dl4c_builder_freeze(b, "layer0");
    dl4c_builder_replace_n_out(b, "layer2", 6, "xavier", NULL);
}

#define SOURCE "../b_transfer_replaceout_frozen_fc1/source_model.zip"
static const struct recipe recipes[] = {
    { "b_transfer_replaceout_frozen_fc1", SOURCE, replace_output, { "out" } },
    { "b_transfer_noutreplace_fc2", SOURCE, other_n_out, { "fc2", "out" } },
    { "b_transfer_removeandconnect", SOURCE, other_layers, { "nfc2", "nout" } },
    { "b_mln_transfer_frozen0", NULL, other_last_layer, { "layer2" } },
};

/* What the multi-layer network was before, which was not recorded: four outputs, Adam, nothing frozen. */
static dl4c_graph *back(dl4c_graph *model, struct dl4c_error *err)
{
    dl4c_builder *b;
    dl4c_graph *source = NULL;
    if (dl4c_builder_create(NULL, model, &b, err) != DL4C_OK)
        return NULL;
    dl4c_builder_fine_tune(b, "updater=adam(lr=0.01)");
    dl4c_builder_unfreeze(b, "layer0");
    dl4c_builder_replace_n_out(b, "layer2", 4, "xavier", NULL);
    dl4c_builder_finish(&b, &source, err);
    return source;
}

static bool is_fresh(const struct recipe *r, const char *name)
{
    for (int i = 0; i < NAMES && r->fresh[i]; i++)
        if (strcmp(r->fresh[i], name) == 0)
            return true;
    return false;
}

/* Parameters of the same vertex, as far as nothing drew them: the same blobs, not only the same values. */
static void compare_kept(struct gold *g, const struct recipe *r, const dl4c_graph *source, const dl4c_graph *made)
{
    int kept = 0;
    for (int32_t i = 0; i < made->n_vertices; i++) {
        const struct dli_vertex *v = &made->vertices[i];
        const int32_t k = dli_graph_index(source, v->name);
        if (v->n_params == 0 || (is_fresh(r, v->name) && k < 0))
            continue;
        const bool same = k >= 0 && source->vertices[k].params == v->params;
        if (same == is_fresh(r, v->name))
            gold_fail(g, "the transfer %s the parameters of '%.100s'", same ? "keeps" : "loses", v->name);
        kept += same;
    }
    if (!kept)
        gold_fail(g, "the transfer keeps no parameters at all");
}

/* The recorded parameters into the graph that was made, which has them by the same names. */
static bool take_params(const dl4c_graph *model, dl4c_graph *made)
{
    for (int32_t i = 0; i < made->n_vertices; i++) {
        struct dli_vertex *v = &made->vertices[i];
        const int32_t k = v->n_params ? dli_graph_index(model, v->name) : -1;
        if (v->n_params && k < 0)
            return false;
        if (k < 0)
            continue;
        dli_vparams_unref(v->params);
        v->params = dli_vparams_ref(model->vertices[k].params);
    }
    return true;
}

void gold_transfer(struct gold *g, dl4c_graph *model, float *x, const int64_t shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct recipe *r = NULL;
    dl4c_graph *made = NULL;
    dl4c_builder *b = NULL;
    char *want = NULL, *got = NULL;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        if (strcmp(recipes[i].name, g->name) == 0)
            r = &recipes[i];
    if (!r)
        return;
    dl4c_graph *source = r->source ? gold_load(g, r->source, &err) : back(model, &err);
    if (gold_has(g, "source_model.zip"))
        gold_mark(g, "source_model.zip");
    if (!source || dl4c_builder_create(NULL, source, &b, &err) != DL4C_OK) {
        gold_fail(g, "what the transfer began with: %s", err.message);
        dl4c_graph_destroy(&source);
        return;
    }
    dl4c_builder_seed(b, model->seed);
    r->edit(b);
    if (dl4c_builder_finish(&b, &made, &err) != DL4C_OK || dl4c_graph_summary(model, NULL, &want, &err) != DL4C_OK ||
        dl4c_graph_summary(made, NULL, &got, &err) != DL4C_OK) {
        gold_fail(g, "the transfer: %s", err.message);
    } else if (strcmp(want, got) != 0) {
        gold_fail(g, "the transfer makes another network than the recorded one");
    } else {
        compare_kept(g, r, source, made);
        gold_config(g, made, "model.zip");
        if (take_params(model, made))
            gold_train(g, made, x, shape);
    }
    dl4c_free(want);
    dl4c_free(got);
    dl4c_graph_destroy(&made);
    dl4c_graph_destroy(&source);
}
