/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_builder. */
#ifndef DLI_GRAPH_BUILDER_H
#define DLI_GRAPH_BUILDER_H

#include "graph/graph.h"

struct dl4c_builder {
    dl4c_context *ctx;         /* a reference */
    dl4c_graph *g;             /* what is being built */
    dl4c_graph *start;         /* what it was, where that has an updater's state; else NULL */
    struct dl4c_error err;     /* the first failure: it sticks */
    struct dli_spec fine_tune; /* settings of layers that say nothing themselves; no attributes: none */
};

bool dli_builder_dead(const dl4c_builder *b);
/* Index of a vertex by name, or a sticky failure and -1. */
int32_t dli_builder_want(dl4c_builder *b, const char *name);

/* The attributes of a new layer and those of fine tuning that it does not say: *all is NULL where attrs are all, else freed by dli_free.
 * A failure sticks. */
dl4c_status dli_fine_tune_attrs(dl4c_builder *b, const struct dli_op *op, const struct dl4c_attr *attrs, int32_t n, struct dl4c_attr **all,
                                int32_t *n_all);

#endif
