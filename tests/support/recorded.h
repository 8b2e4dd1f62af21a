/* SPDX-License-Identifier: Apache-2.0 */
/* Deeplearning4j's recorded evaluations and decoded images beside ours; used by the tests of those nouns and by run_goldens. */
#ifndef DLI_TESTS_RECORDED_H
#define DLI_TESTS_RECORDED_H

#include <dl4c/evaluation.h>
#include <stdbool.h>
#include <stddef.h>

/* predictions.npy and labels.npy of a folder evaluated in two parts, since counting adds up. named: classes class_a, class_b, ... as the
 * recorder called them. NULL where a file is missing or the shapes do not go together. */
dl4c_evaluation *test_recorded_evaluation(const char *folder, bool named, int32_t top_n, double threshold);

/* The value behind "name<tab>" of a total, or "<tab>name=" of a class, at or after `line` of metrics.tsv. */
bool test_recorded_number(const char *line, const char *name, char separator, double *v);

/* Totals of metrics.tsv and what we call them; ends with a NULL name. */
struct test_recorded_metric {
    const char *name;
    int32_t metric, average;
};
extern const struct test_recorded_metric test_recorded_metrics[];

/* An image file through a preprocessing twice, the second time with the tables and buffers of the first, beside an array of bytes or
 * floats [1, c, h, w], to the bit. 1: the same; 0: there is no such array; -1: not the same or not decoded, `why` says it. */
int test_recorded_pixels(const char *image, const char *array, const char *preprocess, char *why, size_t size);

#endif
