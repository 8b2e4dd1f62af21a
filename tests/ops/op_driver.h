/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one operator by itself, without a graph, and checks it against its cases: test_NAME.c has those of operator NAME. */
#ifndef DLI_TESTS_OP_DRIVER_H
#define DLI_TESTS_OP_DRIVER_H

#include "base/context.h"
#include "ops/op.h"

enum { CASE_MAX_INPUTS = 4 };

/* What a case's model computes: y from x and w, in double, for `rows` rows of the network's input. */
struct model {
    const void *attrs;
    int32_t n_in;
    const struct dli_shape *in, *out;
    int64_t rows;
    const double *const *x; /* [n_in], rows * elements each */
    const double *const *w; /* [n_params] in memory order */
    double *y;
};

enum {
    CASE_TRAINING = 1, /* forward in training mode: dropout drops, batch norm takes the batch's statistics */
    CASE_COUPLED = 2,  /* a row's result depends on its batch: no claim about bits of rows */
    CASE_POSITIVE = 4  /* inputs from 0.1 to spread, not from -spread */
};

struct op_case {
    const char *spec; /* "conv2d:units=4,kernel=3" */
    int32_t n_in;
    struct dli_shape in[CASE_MAX_INPUTS];
    const char *out;    /* "[4, 3, 3]" */
    const char *params; /* "b [4] c, W [4, 2, 3, 3] c"; NULL: none */
    void (*model)(const struct model *m);
    uint32_t flags;
    double spread;    /* of random inputs; 0: 1 */
    double tolerance; /* of results and gradients, times 1 + the largest magnitude; 0: 2e-5, some hundred roundings of a float */
    /* One row computed by hand; NULL: none. */
    const float *x, *w, *y;
};

/* An operator with its attributes read from a text. */
struct op_setup {
    dl4c_context *ctx;
    const struct dli_op *op;
    void *attrs;
    struct dli_layer layer;
};
void op_setup(struct op_setup *s, dl4c_context *ctx, const char *spec);
void op_setup_free(struct op_setup *s);
/* Reads the text and infers; on failure *err says why. */
dl4c_status op_try(dl4c_context *ctx, const char *spec, const struct dli_shape *in, int32_t n_in, struct dli_shape *out,
                   struct dl4c_error *err);

/* One run forward and, where asked, backward. Everything is plain for the caller; all memory ends at a guard page. */
struct op_run {
    const struct op_setup *setup;
    int32_t n_in;
    const struct dli_shape *in;
    int64_t rows;
    int32_t mode, threads; /* DLI_RUN or DLI_TRAIN */
    bool training, blocked, inplace, inplace_back;
    uint64_t seed, iteration;
    const float *x[CASE_MAX_INPUTS];
    const float *w[DLI_MAX_PARAMS];
    const float *dy;             /* NULL: no backward */
    float *y;                    /* to fill */
    float *dx[CASE_MAX_INPUTS];  /* to fill where not NULL */
    float *dw[DLI_MAX_PARAMS];   /* to fill where not NULL */
    const struct dli_fuse *fuse; /* with `add` the addend is the last input; NULL: nothing */
    const struct dli_shape *out; /* of what is fused; NULL: as inferred */
    const char *kernel;          /* filled */
};
void op_run(struct op_run *r);

/* All claims of the driver about one case. */
void op_check(dl4c_context *ctx, const struct op_case *c);

/* Reads curve_x, curve_f and, with `slopes`, curve_df of a recorded activation from ../shared/dl4j/goldens/FOLDER and compares; false: not
 * there. */
bool op_check_curve(dl4c_context *ctx, const char *spec, const char *folder, bool slopes, double tolerance);

/* A model of an elementwise function of one input. */
void model_unary(const struct model *m, double (*f)(const void *attrs, double x));

#define ROW1(a) \
    { \
        .rank = 1, .batch = 1, .dim = { a } \
    }
#define ROW3(c, h, w) \
    { \
        .rank = 3, .batch = 1, .dim = { c, h, w } \
    }

#endif
