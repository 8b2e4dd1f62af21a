/* SPDX-License-Identifier: Apache-2.0 */
/* One vertex of a graph as the layer or vertex of a configuration. */
#ifndef DLI_FORMATS_DL4J_WRITE_LAYER_H
#define DLI_FORMATS_DL4J_WRITE_LAYER_H

#include "formats/dl4j/emit.h"
#include "graph/graph.h"

struct dli_dl4j_writing {
    struct dli_dl4j_emit e;
    const dl4c_graph *g;
    const struct dli_vertex *v; /* the one at work */
    struct dli_spec updater;    /* v's; zero where it has none */
    int64_t padding[2];         /* v's own: none where a ZeroPaddingLayer before it pads */
};

/* Top, bottom, left, right of the padding that has to come before the vertex because its class pads evenly. False: none. */
bool dli_dl4j_wants_padding(const dl4c_graph *g, const struct dli_vertex *v, int64_t padding[4]);

/* The class of a layer; NULL: it is a vertex of its own kind. */
const char *dli_dl4j_layer_class(const struct dli_vertex *v);

/* "key" : { layer }, wrapped where it is frozen. DL4C_E_UNSUPPORTED names the vertex. */
dl4c_status dli_dl4j_layer_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err);
/* "name" : { vertex } */
dl4c_status dli_dl4j_vertex_out(struct dli_dl4j_writing *w, struct dl4c_error *err);
/* The layer that dli_dl4j_wants_padding asks for. */
void dli_dl4j_padding_out(struct dli_dl4j_writing *w, const char *key, const char *name, const int64_t padding[4]);
/* Takes its input as one row, which maps have to be made into by a preprocessor. */
bool dli_dl4j_flattens(const struct dli_vertex *v);
/* "key" : what flattens v's input or makes maps of it, null where nothing has to. */
dl4c_status dli_dl4j_pre_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err);
/* A preprocessor for a flatten or reshape vertex v. */
dl4c_status dli_dl4j_pre_vertex_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err);
/* "W", "b" in the order that the reference lists them. */
void dli_dl4j_variables_out(struct dli_dl4j_emit *e, const struct dli_vertex *v, const char *prefix);

#endif
