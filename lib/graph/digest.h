/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of a part of a graph. */
#ifndef DLI_GRAPH_DIGEST_H
#define DLI_GRAPH_DIGEST_H

#include <dl4c/graph.h>

/* dl4c_graph_digest of vertex `at` and what it depends on, as if the graph were split there; -1: of all. */
dl4c_status dli_graph_digest_at(dl4c_graph *g, int32_t at, char **hex, struct dl4c_error *err);

#endif
