/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of comparisons: stages and cause, and the two searches for it. */
#ifndef DLI_COMPARE_COMPARE_H
#define DLI_COMPARE_COMPARE_H

#include "base/deadline.h"
#include "base/strbuf.h"
#include "graph/graph.h"
#include <dl4c/compare.h>
#include <dl4c/tensor.h>

struct dli_stage {
    char *name, *other, *note;
    const char *op;
    double error, largest;
    int64_t count;
    bool differs;
};

struct dl4c_comparison {
    dl4c_context *ctx; /* a reference */
    int32_t n, first;
    size_t capacity;
    struct dli_stage *stages;
    const char *cause; /* static */
    char *sentence;
};

struct dli_side {
    dl4c_graph *graph;   /* NULL: a folder */
    const char *folder;
    struct dl4c_preprocess p;
    int32_t channels, height, width;
    dl4c_image *decoded, *fitted; /* NULL where unknown */
    dl4c_tensor *x;               /* what the network is fed, [n, ...] with images as [n, c, h, w]; NULL where unknown */
    dl4c_session *session;
};

struct dli_pair {
    int32_t a, b;        /* vertex indices; b is -1 for a file */
    const char *other;   /* name on side B, borrowed */
    char *file;          /* of a folder; owned */
    dl4c_tensor *ya, *yb; /* ya and a session's yb are borrowed */
};

struct dli_compare {
    dl4c_context *ctx;
    struct dli_side a, b;
    const void *image;
    size_t image_bytes;
    const dl4c_tensor *input;
    const char *const *map;
    int32_t n_map;
    double tolerance;
    struct dli_watch watch;
    int32_t n_pairs;
    struct dli_pair *pairs;
    struct dl4c_comparison *out;
};

/* The largest difference against the largest magnitude of a; values that are no numbers on one side only are infinitely far. */
double dli_compare_error(const float *a, const float *b, int64_t n, double *largest);
/* The same for tensors whose layout may differ: *note is static or NULL. */
dl4c_status dli_compare_tensors(const dl4c_tensor *a, const dl4c_tensor *b, double *error, double *largest, const char **note,
                                struct dl4c_error *err);
dl4c_status dli_compare_stage(struct dli_compare *c, const char *name, const char *other, const char *op, const char *note, double error,
                              double largest, int64_t count, double tolerance, struct dl4c_error *err);
/* Sets the cause, once. */
dl4c_status dli_compare_cause(struct dli_compare *c, const char *cause, struct dl4c_error *err, const char *fmt, ...) DLI_PRINTF(4, 5);

/* The stages before the network: fills decoded, fitted and x of both sides. */
dl4c_status dli_compare_image(struct dli_compare *c, struct dl4c_error *err);
/* Which vertices are compared with which. */
dl4c_status dli_compare_pairs(struct dli_compare *c, struct dl4c_error *err);
/* Why pair k differs while what it reads does not. */
dl4c_status dli_compare_vertex(struct dli_compare *c, int32_t k, struct dl4c_error *err);
/* A .npy of the folder as contiguous f32, or NULL where there is none. */
dl4c_status dli_compare_npy(struct dli_compare *c, const char *name, dl4c_tensor **t, struct dl4c_error *err);

#endif
