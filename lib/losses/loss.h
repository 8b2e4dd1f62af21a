/* SPDX-License-Identifier: Apache-2.0 */
/* A loss is one descriptor in one file: from what an output gives to a score of each row and the gradient where the way back begins. */
#ifndef DLI_LOSSES_LOSS_H
#define DLI_LOSSES_LOSS_H

#include "base/attrs.h"
#include "base/context.h"

/* What made a out of z: some losses have a simpler gradient of both together. */
enum { DLI_LOSS_ACT_OTHER = 0, DLI_LOSS_ACT_SOFTMAX = 1, DLI_LOSS_ACT_SIGMOID = 2 };

/* One call on n rows of k outputs. */
struct dli_loss_exec {
    dl4c_context *ctx;
    int32_t threads;
    const void *attrs;
    const float *weights; /* [k] of the outputs; NULL: all 1 */
    int64_t n, k;
    const float *a; /* [n, k] after the activation */
    int32_t act;    /* DLI_LOSS_ACT_* */
    bool fused;     /* grad is wanted for z, not for a */
    /* one of the two */
    const int64_t *labels; /* [n]: below k; with k = 1 and a loss that is `binary`, 0 or 1 */
    const float *y;        /* [n, k], or as many as `targets` of the loss says */
    const float *rows;     /* [n]: weight of each row, of its score and its gradient; NULL: all 1 */
    const float *mask;     /* [n, k]: the same of each output, for losses that are `separate`; NULL: all 1 */
    double *score;         /* [n]: overwritten; sums over k in index order */
    float *grad;           /* [n, k]: overwritten; of each row's own score, not divided by n; NULL: not wanted */
};

struct dli_loss {
    const char *name;
    const char *doc;
    const char *dl4j; /* Deeplearning4j's class, short: "LossMSE" */
    const struct dli_attr
        *attrs; /* of those whose outputs can have weights `weights` is the first, kept as char * at offset 0; NULL: none */
    size_t attrs_size;
    bool binary;   /* may have one output with labels 0 and 1 */
    bool separate; /* a sum over outputs, each with a weight: single ones can be masked */
    dl4c_status (*check)(const void *attrs, int64_t k, struct dl4c_error *err); /* whether it suits k outputs; NULL: always */
    int64_t (*targets)(const void *attrs); /* how many values y has for each row, where it is not k; NULL: k */
    bool (*can_fuse)(int32_t act);         /* NULL: never */
    void (*compute)(const struct dli_loss_exec *x); /* cannot fail or allocate; a row's bits depend on that row alone */
};

const struct dli_loss *dli_loss_find(const char *name);
bool dli_loss_kind(int32_t i, struct dli_kind_entry *e);

/* Most losses give each row a score of its own: calls `row` for each, on threads. grad is the row's part; NULL: not wanted. */
void dli_loss_rows(const struct dli_loss_exec *x, double (*row)(const struct dli_loss_exec *x, int64_t i, float *grad));

/* For `row`. */
static inline double dli_loss_target(const struct dli_loss_exec *x, int64_t i, int64_t j)
{
    return x->y ? (double)x->y[i * x->k + j] : x->k == 1 ? (double)x->labels[i] : (double)(x->labels[i] == j);
}
static inline double dli_loss_weight(const struct dli_loss_exec *x, int64_t i, int64_t j)
{
    const double w = x->weights ? (double)x->weights[j] : 1.0;
    return x->mask ? w * (double)x->mask[i * x->k + j] : w;
}
static inline double dli_loss_row_weight(const struct dli_loss_exec *x, int64_t i) { return x->rows ? (double)x->rows[i] : 1.0; }

/* The `weights` attribute, for the tables. */
#define DLI_LOSS_WEIGHTS                                                                                                                   \
    {                                                                                                                                      \
        .name = "weights", .type = DL4C_ATTR_STR, .doc = "one number for each output, joined by ';'; not given: all 1"                     \
    }

/* Attributes and rows that several losses share. */
struct dli_softmax_loss {
    char *weights;
    double clip_eps;
};
extern const struct dli_attr dli_softmax_loss_attrs[];
bool dli_softmax_loss_can_fuse(int32_t act);
void dli_softmax_loss_compute(const struct dli_loss_exec *x);
/* A row of sum over j of weight * scale * term(a, y); the term gives its slope by a, too. */
double dli_loss_terms(const struct dli_loss_exec *x, int64_t i, float *grad, double scale,
                      double (*term)(double a, double y, double *slope));
double dli_squares_row(const struct dli_loss_exec *x, int64_t i, float *grad, double scale);

/* A spec made ready for an output of k values. */
struct dli_loss_at {
    const struct dli_loss *loss;
    void *attrs;
    float *weights;
};
/* Whether a spec names a loss and attributes it has; how many outputs it suits is for dli_loss_open. */
dl4c_status dli_loss_check(dl4c_context *ctx, const char *spec, struct dl4c_error *err);
/* Adds a spec as all specs of the same loss are written: by its name, and what is not as it is by default. */
dl4c_status dli_loss_print(dl4c_context *ctx, const char *spec, struct dli_strbuf *out, struct dl4c_error *err);
dl4c_status dli_loss_open(dl4c_context *ctx, const char *spec, int64_t k, struct dli_loss_at *out, struct dl4c_error *err);
void dli_loss_close(struct dli_loss_at *l); /* one that was never opened (zeros) is allowed */

#endif
