/* SPDX-License-Identifier: Apache-2.0 */
/* configuration.json as a list of things in topological order, and the way from there to a builder. */
#ifndef DLI_FORMATS_DL4J_CONFIG_H
#define DLI_FORMATS_DL4J_CONFIG_H

#include "formats/dl4j/layers.h"
#include "graph/graph.h"

/* An input (no layer, no vertex), a layer or a vertex. */
struct dli_dl4j_item {
    char *name;
    const json_t *layer, *conf; /* the layer and what it stands in */
    const json_t *vertex;
    struct dli_dl4j_pre pre; /* in front of the layer */
    int32_t n_inputs;
    int32_t *inputs; /* items before this one */
    struct dli_dl4j_layer what;
};

struct dli_dl4j_config {
    dl4c_context *ctx; /* borrowed */
    const json_t *root;
    bool multilayer;
    int32_t n;
    struct dli_dl4j_item *items; /* in topological order */
    int32_t n_outputs;
    int32_t *outputs;
    uint64_t seed;
    int64_t iteration, epoch;
    bool mini_batch; /* gradients are divided by the rows of the minibatch */
};

/* Reads what is connected with what, and every layer. root outlives the config. */
dl4c_status dli_dl4j_config_read(dl4c_context *ctx, const json_t *root, struct dli_dl4j_config *c, struct dl4c_error *err);
void dli_dl4j_config_free(struct dli_dl4j_config *c);

/* Adds everything to a builder. *updater is the spec that layers have which name none themselves (dli_free); NULL: none. */
dl4c_status dli_dl4j_config_build(struct dli_dl4j_config *c, dl4c_builder *b, char **updater, struct dl4c_error *err);

/* The `dl4c` key: what the graph knows about itself. Shapes of inputs are read by config_build. */
dl4c_status dli_dl4j_info_read(dl4c_context *ctx, const json_t *root, dl4c_graph *g, struct dl4c_error *err);

#endif
