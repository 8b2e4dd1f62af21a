/* SPDX-License-Identifier: Apache-2.0 */
/* One recorded case: its files, what has been compared of them, how far the worst number was off. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include "support/npy.h"
#include <dl4c/base.h>
#include <stdbool.h>

/* Largest difference relative to the largest magnitude of the recorded array. Float32 sums in another order differ by some 1e-7 for each
 * factor of a hundred summands; five steps of training carry that on. */
#define GOLD_ACTIVATION 1e-5
#define GOLD_GRADIENT   1e-5
#define GOLD_PARAM      1e-5
#define GOLD_SCORE      1e-6

enum { GOLD_FILES = 512 };

struct gold {
    const char *root, *name;
    int n_files;
    char *file[GOLD_FILES];
    enum { GOLD_OPEN, GOLD_COMPARED, GOLD_IGNORED } state[GOLD_FILES];
    double worst;
    int compared;
    char why[600];  /* the first failure */
    char left[900]; /* what could not be compared, and why */
    char skip[600]; /* why nothing could */
    double wide;    /* the most that rounding alone was allowed to make of an array, relative to its largest magnitude */
    char wide_file[64];
};

struct gold *gold_open(const char *root, const char *name); /* NULL: no folder */
void gold_close(struct gold *g);
void gold_path(const struct gold *g, const char *file, char *path, size_t size);
bool gold_has(const struct gold *g, const char *file);
void gold_mark(struct gold *g, const char *file); /* compared */
void gold_ignore(struct gold *g, const char *file);

#if defined(__GNUC__)
#define GOLD_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define GOLD_PRINTF
#endif
void gold_fail(struct gold *g, const char *fmt, ...) GOLD_PRINTF;
void gold_left(struct gold *g, const char *fmt, ...) GOLD_PRINTF;

/* The array's floats (freed by free()), NULL where there is no such file or it is no array of floats: that is a failure. */
float *gold_array(struct gold *g, const char *file, int64_t *n, int64_t shape[4]);
/* Compares with a file that must be there; one that is not there is passed over. */
void gold_floats(struct gold *g, const char *file, const float *got, int64_t n, double tolerance);
/* The same, each element off by `more` [n] beyond that; what is allowed so is not counted as worst, and is told. NULL: nothing. */
void gold_floats_near(struct gold *g, const char *file, const float *got, int64_t n, double tolerance, const float *more);
void gold_text(struct gold *g, const char *file, const char *got);
/* `largest`: magnitude that the difference is relative to. */
void gold_number(struct gold *g, const char *what, double got, double want, double largest, double tolerance);
/* The same lines in any order. */
void gold_lines(struct gold *g, const char *file, const char *got);

/* The kinds of cases. */
void gold_model(struct gold *g);
void gold_averaging(struct gold *g);
void gold_helper(struct gold *g);
void gold_dropout(struct gold *g);
void gold_evaluation(struct gold *g);
void gold_datavec(struct gold *g);
void gold_splits(struct gold *g);
void gold_summaries(struct gold *g);
void gold_normalizers(struct gold *g);

#endif
