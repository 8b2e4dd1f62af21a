/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases with models share. */
#ifndef TESTS_GOLDEN_MODEL_CASE_H
#define TESTS_GOLDEN_MODEL_CASE_H

#include "golden/golden.h"
#include "graph/graph.h"
#include <dl4c/model.h>

dl4c_graph *gold_load(struct gold *g, const char *file, struct dl4c_error *err); /* NULL after a failure */
float *gold_params(const dl4c_graph *graph, int64_t *n);                         /* all, in the order of the file; free() */
struct dl4c_shape gold_row_shape(const int64_t shape[4], int32_t rank);
dl4c_tensor *gold_wrap(float *values, const int64_t shape[4], int32_t rank);
/* A session that gives every vertex, after a run on the input; NULL after a failure. */
dl4c_session *gold_run(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], struct dl4c_error *err);
float *gold_value(dl4c_session *s, int32_t i, int64_t *n); /* a copy of output i; free() */
/* Training beside the recorded one; changes the graph. */
void gold_train(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4]);
/* Transfer learning again, from the network it began with, through our builder; and training of what comes of it. */
void gold_transfer(struct gold *g, dl4c_graph *model, float *x, const int64_t shape[4]);
/* The configuration of a zip written again from the graph. */
void gold_config(struct gold *g, const dl4c_graph *graph, const char *file);
void gold_blocks(const dl4c_graph *graph, char *text, size_t size);
void gold_param_table(const dl4c_graph *graph, char *text, size_t size);

#endif
