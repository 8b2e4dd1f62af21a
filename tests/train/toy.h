/* SPDX-License-Identifier: Apache-2.0 */
/* Small networks and examples that can be told apart. */
#ifndef TESTS_TRAIN_TOY_H
#define TESTS_TRAIN_TOY_H

#include <dl4c/train.h>

enum { TOY_CLASSES = 3, TOY_FEATURES = 5 };

/* "vertex spec" lines over one input "in": each vertex reads the one before it and is called v0, v1 ... Fails the test where the graph is
 * not made. */
dl4c_graph *toy_graph(dl4c_context *ctx, const int64_t *shape, int32_t rank, const char *const *specs, int32_t n);
/* A softmax head over TOY_FEATURES features. */
dl4c_graph *toy_head(dl4c_context *ctx);
/* n examples around a centre of each class; class c gets shares[c] of every 10, NULL: alike. Any of x and labels may be NULL. */
void toy_examples(int64_t n, uint64_t seed, const int *shares, float *x, int64_t *labels);
dl4c_source *toy_source(dl4c_context *ctx, int64_t n, uint64_t seed);
/* [n] pseudo-random values in -1..1. */
void toy_values(uint64_t seed, int64_t n, float *v);
/* Tensors over memory that outlives them. */
dl4c_tensor *toy_f32(float *v, int64_t n, const int64_t *shape, int32_t rank);
dl4c_tensor *toy_i64(int64_t *v, int64_t n);
/* All trainable parameters. */
dl4c_tensor *toy_params(dl4c_trainer *t);

#endif
