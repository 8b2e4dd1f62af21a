/* SPDX-License-Identifier: Apache-2.0 */
/* A network of the zoo is one descriptor and one function that adds its vertices to a builder. */
#ifndef DLI_ZOO_ZOO_H
#define DLI_ZOO_ZOO_H

#include "graph/graph.h"
#include <dl4c/zoo.h>

enum { DLI_ZOO_NAME = 64 };

/* Softmax and its two losses, which are the same sum. */
#define DLI_ZOO_NLL "activation=softmax,loss=negative_log_likelihood(clip_eps=1e-10)"
#define DLI_ZOO_MCXENT "activation=softmax,loss=mcxent(clip_eps=1e-10)"

/* What is being built. After a failure of the builder all calls do nothing. */
struct dli_zoo_net {
    dl4c_builder *b;
    int64_t classes, channels, height, width;
    bool published;            /* DL4C_ZOO_PUBLISHED_NAMES */
    char last[DLI_ZOO_NAME];   /* the vertex added last */
};

struct dli_zoo {
    struct dl4c_zoo_info info; /* struct_size is not set */
    bool multilayer;           /* a MultiLayerNetwork in Deeplearning4j */
    bool flat_input;           /* its first layer makes maps of flat rows there */
    bool whole_gradients;      /* training does not divide gradients by the rows of the minibatch */
    const char *input;         /* name of the input vertex */
    int64_t least;             /* height and width at least */
    void (*build)(struct dli_zoo_net *n); /* the input is there: n->last */
};

/* Adds a vertex: an operator in the text grammar, made from fmt. inputs: names joined by ','; NULL: the vertex added last.
 * Vertices are added in the topological order that Deeplearning4j computes, breadth first from the input: it is the order of the
 * parameters in its files. */
void dli_zoo_add(struct dli_zoo_net *n, const char *name, const char *inputs, const char *fmt, ...) DLI_PRINTF(4, 5);

/* Gives a builder the parameters of a model file. fresh: the last layer may have other shapes there, and is then drawn. */
dl4c_status dli_zoo_weights(dl4c_builder *b, const char *uri, bool fresh, const struct dl4c_zoo_options *o, struct dl4c_error *err);

dl4c_status dli_zoo_lookup(const char *name, const struct dli_zoo **z, struct dl4c_error *err);
/* All but drawing parameters, which finishing the builder does; o is complete. *b is NULL after a failure. */
dl4c_status dli_zoo_builder(dl4c_context *ctx, const struct dli_zoo *z, const struct dl4c_zoo_options *o, dl4c_builder **b,
                            struct dl4c_error *err);

#endif
