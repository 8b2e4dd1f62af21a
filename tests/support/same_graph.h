/* SPDX-License-Identifier: Apache-2.0 */
/* Are two graphs the same, bit for bit, in everything that a file keeps? */
#ifndef TESTS_SUPPORT_SAME_GRAPH_H
#define TESTS_SUPPORT_SAME_GRAPH_H

#include "graph/graph.h"

/* Fails the test, naming `what` and the first difference: vertices, connections, attributes, marks, parameters, counters, updater and its
 * state, normalizer, info. */
void same_graph(const char *what, const dl4c_graph *a, const dl4c_graph *b);

#endif
