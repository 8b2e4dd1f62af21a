/* SPDX-License-Identifier: Apache-2.0 */
/* Layers and vertices of a configuration as operators with attributes. */
#ifndef DLI_FORMATS_DL4J_LAYERS_H
#define DLI_FORMATS_DL4J_LAYERS_H

#include "formats/dl4j/names.h"

enum { DLI_DL4J_ATTRS = 40, DLI_DL4J_TEXTS = 16 };

/* What a layer or vertex becomes. */
struct dli_dl4j_layer {
    char op[32];
    int32_t n;
    struct dl4c_attr attr[DLI_DL4J_ATTRS];
    int64_t ints[16];
    int32_t n_ints;
    char *text[DLI_DL4J_TEXTS]; /* owned */
    int32_t n_texts;
    char *updater; /* owned: of a layer with parameters that is not frozen */
    bool frozen;
    bool flattens; /* takes maps as a row by itself */
};
void dli_dl4j_layer_free(struct dli_dl4j_layer *l);
void dli_dl4j_layer_str(struct dli_dl4j_layer *l, const char *name, char *value); /* takes value; NULL: nothing */

/* The layer without what freezes it. */
const json_t *dli_dl4j_inner(const json_t *layer, bool *frozen);

/* `conf` is what the layer stands in: NeuralNetConfiguration. */
dl4c_status dli_dl4j_read_layer(dl4c_context *ctx, const char *name, const json_t *layer, const json_t *conf, struct dli_dl4j_layer *out,
                                struct dl4c_error *err);
/* A vertex that is no layer. */
dl4c_status dli_dl4j_read_vertex(dl4c_context *ctx, const char *name, const json_t *vertex, struct dli_dl4j_layer *out,
                                 struct dl4c_error *err);

/* What a preprocessor in front of a layer does. */
struct dli_dl4j_pre {
    /* ROWS: each time of a sequence becomes a row; of what is a row already, nothing. */
    enum { DLI_DL4J_PRE_NONE, DLI_DL4J_PRE_FLATTEN, DLI_DL4J_PRE_MAPS, DLI_DL4J_PRE_ROWS } kind;
    int64_t shape[3]; /* of the maps: channels, height, width; -1: not said */
};
dl4c_status dli_dl4j_read_pre(const char *name, const json_t *pre, struct dli_dl4j_pre *out, struct dl4c_error *err);

/* What a layer tells of the shape of its input, for graphs that do not say theirs. */
struct dli_dl4j_hint {
    int32_t rank;     /* 0: it does not tell */
    int64_t channels; /* 0: it does not tell */
    bool same;        /* its output has the channels of its input; with rank 0 its whole shape */
};
struct dli_dl4j_hint dli_dl4j_hint(const json_t *layer, const json_t *vertex);

#endif
