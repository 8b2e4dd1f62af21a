/* SPDX-License-Identifier: Apache-2.0 */
/* What operators on sequences share: rows [features, time], turned around so that the rows of one time lie together. */
#ifndef DLI_OPS_SEQUENCE_H
#define DLI_OPS_SEQUENCE_H

#include "ops/support.h"

/* [features, time] in, [units, time] out; *in is the number of features. */
dl4c_status dli_sequence_infer(struct dli_infer *i, const char *op, int64_t units, int64_t n_in, int64_t *in, struct dl4c_error *err);

/* Between n rows of [features, time] and [time, n, features]. */
void dli_sequence_in(const struct dli_exec *x, int64_t n, int64_t features, int64_t time, const float *rows, float *times);
void dli_sequence_out(const struct dli_exec *x, int64_t n, int64_t features, int64_t time, const float *times, float *rows);

/* Functions of one element that a cell may have, and their slope. */
enum { DLI_CELL_TANH, DLI_CELL_SIGMOID, DLI_CELL_HARD_SIGMOID, DLI_CELL_HARD_TANH, DLI_CELL_SOFTSIGN, DLI_CELL_RELU, DLI_CELL_IDENTITY };
extern const char *const dli_cell_words[];
float dli_cell(int32_t function, float z);
float dli_cell_slope(int32_t function, float z);

/* Blocks of memory one behind the other, each on a cache line. False: the sum overflows. */
bool dli_sequence_add(size_t *bytes, size_t *at, int64_t a, int64_t b, int64_t c);
static inline float *dli_sequence_at(void *memory, size_t at) { return (float *)(void *)((char *)memory + at); }

#endif
