/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_builder. */
#ifndef DLI_GRAPH_BUILDER_H
#define DLI_GRAPH_BUILDER_H

#include "graph/graph.h"

struct dl4c_builder {
    dl4c_context *ctx;     /* a reference */
    dl4c_graph *g;         /* what is being built */
    struct dl4c_error err; /* the first failure: it sticks */
};

bool dli_builder_dead(const dl4c_builder *b);
/* Index of a vertex by name, or a sticky failure and -1. */
int32_t dli_builder_want(dl4c_builder *b, const char *name);

#endif
