/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about training share. */
#ifndef TESTS_GOLDEN_TRAIN_CASE_H
#define TESTS_GOLDEN_TRAIN_CASE_H

#include "golden/golden.h"
#include "train/trainer.h"
#include <jansson.h>

struct gold_training {
    const dl4c_graph *graph;
    const struct dl4c_fit_options *options;
    float *x; /* shape */
    const int64_t *shape;
    dl4c_tensor *y;
};

/* The recorded steps. */
void gold_steps(struct gold *g, dl4c_trainer *t, const struct gold_training *w, const json_t *meta);
/* Whole epochs with a short last minibatch, where the case is one of those. */
bool gold_epochs(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], float *labels, const int64_t label_shape[4],
                 const json_t *meta);
/* values.tsv: the learning rate by iteration. *spec replaces the graph's updater where the file lacks what the values show (free()). */
void gold_schedule(struct gold *g, const dl4c_graph *graph, char **spec);
/* curve_x, curve_f, curve_df: the activation of the first layer. */
void gold_curve(struct gold *g, const dl4c_graph *graph);

#endif
