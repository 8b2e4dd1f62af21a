/* SPDX-License-Identifier: Apache-2.0 */
/* An operator is one descriptor in one file. The graph's plan turns vertices into steps and calls these. */
#ifndef DLI_OPS_OP_H
#define DLI_OPS_OP_H

#include "base/attrs.h"
#include "kernels/layout.h"
#include <dl4c/tensor.h>

enum { DLI_MAX_PARAMS = 6, DLI_SHAPE_RANK = DL4C_MAX_RANK - 1 };

/* A value's shape without the batch axis. */
struct dli_shape {
    int32_t rank;
    int32_t batch;               /* rows for each row of the network's input: 1, more behind a stack vertex */
    int64_t dim[DLI_SHAPE_RANK]; /* -1: not known yet */
};
/* Elements of a row; -1 where a length is not known; fails on overflow. */
dl4c_status dli_shape_elements(const struct dli_shape *s, int64_t *n, struct dl4c_error *err);
bool dli_shape_known(const struct dli_shape *s);
bool dli_shape_same(const struct dli_shape *a, const struct dli_shape *b);
/* "[3, 224, 224]" for messages. Returns buf. */
char *dli_shape_print(const struct dli_shape *s, char *buf, size_t size);
#define DLI_SHAPE_STR(s) dli_shape_print((s), (char[160]){ 0 }, 160)

enum dli_param_role {
    DLI_PARAM_WEIGHT, /* l1, l2; drawn by weight_init */
    DLI_PARAM_BIAS,   /* l1_bias, l2_bias; starts at bias_init */
    DLI_PARAM_GAIN,   /* batch norm's gamma and beta: gradient, no regularisation; starts at `init` */
    DLI_PARAM_STAT    /* running statistics, centres: their "gradient" is subtracted as it is, by no updater; starts at `init` */
};

/* One parameter as Deeplearning4j stores it: f32, contiguous in `order` ('c' row-major, 'f' column-major). */
struct dli_param_decl {
    const char *name; /* "W", "b", "gamma", "beta", "mean", "var" */
    int32_t role;     /* enum dli_param_role */
    char order;
    int32_t rank;
    int64_t shape[4];
    float init;             /* of gains and statistics, and of `other` elements of a bias */
    bool divided;           /* of a statistic: its "gradient" is divided by the rows of the minibatch first */
    int64_t other_first, other_count; /* of a bias: those that start at `init`, not where the layer says */
    double fan_in, fan_out; /* of weights */
};

struct dli_infer {
    const char *vertex; /* for messages */
    const void *attrs;
    int32_t n_in;
    const struct dli_shape *in;
    /* to fill; zeroed before, out.batch is in[0].batch */
    struct dli_shape out;
    int32_t n_params;
    struct dli_param_decl param[DLI_MAX_PARAMS]; /* in memory order */
};

/* What the plan would like an operator to do in the same step: zeros around its first input before its own work, the rest after it, in
 * this order. */
struct dli_fuse {
    bool padded; /* the input arrives without `padding`; can_fuse is asked with the padded shape, prepare gets what arrives */
    int32_t padding[4]; /* rows at the top and the bottom, columns at the left and the right */
    bool add;                 /* y = op(x) + addend: the addend arrives as the last input */
    const struct dli_op *act; /* an activation; NULL: none */
    const void *act_attrs;
    bool pool2; /* 2x2 max pooling with stride 2; out_shape is that of the pooled map */
};

enum { DLI_RUN = 0, DLI_TRAIN = 1 };
enum { DLI_LOW_MEMORY = 1 }; /* the value of DL4C_SESSION_LOW_MEMORY, which ops cannot see */

/* Choosing kernels for one step. Called when a session or a trainer is made. */
struct dli_prepare {
    dl4c_context *ctx;
    int32_t mode;    /* DLI_RUN or DLI_TRAIN (all layouts plain) */
    int32_t workers; /* scratch memory is sized for so many */
    int32_t blas;    /* DLI_BLAS_* */
    uint64_t flags;  /* DL4C_SESSION_* */
    int32_t precision; /* DL4C_PRECISION_*: operators whose kernels know only f32 take no notice */
    int64_t batch;   /* most rows, for sizes only: kernels may not be chosen by it */
    const void *attrs;
    int32_t n_in;
    const struct dli_shape *in;
    const struct dli_shape *out;
    const struct dli_fuse *fuse; /* NULL: nothing; what can_fuse agreed to */
    /* in: what the inputs have. To fill: what the step wants (the plan converts) and gives. See DLI_OP_BLOCKED for the default. */
    int32_t *in_layout;
    int32_t out_layout;
    /* to fill; zero before */
    size_t scratch_bytes; /* for a run of `batch` rows */
    size_t saved_bytes;   /* training: kept from forward to backward, for `batch` rows */
    size_t packed_bytes;  /* repacked parameters, 64-byte aligned, shared between sessions under the same key; in training too, packed
                           * anew after each step that changed them */
    uint64_t pack_key;
    bool apart;           /* forward can leave gaps between the rows of its output: out_step of struct dli_exec */
    bool joins;           /* the output is the inputs, in their order, row by row: those who make them may write them there */
    uint32_t takes;       /* training, bit k: backward can give the gradient of parameter k piece by piece (dli_exec.takers) */
    uint32_t unread;      /* bit k: inference does not read parameter k any more once it is packed */
    void *state;        /* the step's own, from dli_alloc; freed by release (NULL: dli_free) */
    const char *kernel; /* what dl4c_session_describe shows; static */
};

/* Whether n steps can run as one, with the same bits. */
struct dli_join {
    dl4c_context *ctx;
    int32_t n;
    const void *const *states; /* [n]: what prepare made of each */
    /* to fill where they can; zero before */
    void *state; /* from dli_alloc, freed by dli_free before those of the steps */
    size_t scratch_bytes;
};

/* What a run is to be: for outputs that look at it themselves. One of labels and y. */
struct dli_targets {
    const int64_t *labels; /* [n] */
    const float *y;        /* [n, units] */
    const float *rows;     /* [n]: weight of each row; NULL: all 1 */
};

/* One step on n rows. */
struct dli_exec {
    dl4c_context *ctx;
    int32_t threads, blas;
    int64_t n; /* rows of the network's input; a value has n * shape.batch rows */
    const float *mask; /* [n, time] of in[0], a sequence: 0 where it is only filled up; NULL: it has no mask */
    const void *attrs;
    int32_t n_in;
    const struct dli_shape *in_shape, *out_shape;
    const int32_t *in_layout;
    int32_t out_layout;
    const float *const *in;
    float *out;                /* may be in[0] with DLI_OP_INPLACE */
    int64_t out_step;          /* floats between rows of out, where the step said `apart`; 0: they touch */
    const void *const *params; /* f32 at any alignment (a mapped file) in inference, aligned in training */
    const void *packed;
    const void *state;
    void *scratch;
    /* training */
    bool training;
    uint64_t seed;      /* of dropout */
    uint64_t iteration; /* counts steps: with seed and vertex it names a random sequence */
    uint32_t vertex;
    void *saved;
    /* backward: in and out hold what forward saw, as far as DLI_OP_BACK_IN and DLI_OP_BACK_OUT ask for it */
    const float *dout;
    float *const *din;    /* overwritten; NULL where not wanted. din[0] may be dout with DLI_OP_INPLACE_BACK */
    float *const *dparam; /* [n_params] overwritten: sums over the batch; each NULL where frozen or taken */
    const struct dli_taker *const *takers; /* [n_params]: who takes a gradient that is not stored, and writes the parameter at once:
                                            * params[k] is read no more after it was given; NULL, all or each */
    const struct dli_targets *targets; /* backward of operators with `score`, and score; NULL where another output trains */
};

enum {
    DLI_OP_LAYER = 1,        /* takes the attributes common to all layers (dli_layer_attrs): activation, dropout, l1, weight_init ... */
    DLI_OP_ACTIVATION = 2,   /* elementwise or per row, usable as activation= of a layer */
    DLI_OP_INPLACE = 4,      /* forward may write over in[0] */
    DLI_OP_INPLACE_BACK = 8, /* backward may write din[0] over dout */
    DLI_OP_VIEW = 16,        /* the output is the input's memory under another shape (plain layout); forward is not called */
    DLI_OP_TRAIN_ONLY = 32,  /* the identity in inference */
    DLI_OP_OUTPUT = 64,      /* has a loss; the first attribute of its table is `loss`, a spec kept as char * at offset 0 */
    DLI_OP_BLOCKED = 128,    /* forward works on the blocked layout when all inputs and the output have it; pad lanes hold garbage */
    DLI_OP_BLOCKED_IN = 256, /* takes blocked inputs, gives plain */
    DLI_OP_BACK_IN = 512,    /* backward reads in */
    DLI_OP_BACK_OUT = 1024,  /* backward reads out */
    DLI_OP_BIAS_LAST = 2048, /* Deeplearning4j lists its bias behind its weights although it lies before them */
    DLI_OP_TIMES = 8192,          /* of sequences it gives at each time what comes of that time, or of it and those before: a mask stays */
    DLI_OP_NO_WEIGHT_NOISE = 4096 /* it takes the attribute of layers, but leaves its weights alone, as Deeplearning4j does */
};

struct dli_op {
    const char *name;
    const char *doc;                /* one sentence */
    const char *dl4j;               /* what summaries of Deeplearning4j call it: "ConvolutionLayer"; NULL where it has none */
    int32_t min_inputs, max_inputs; /* -1: any number */
    uint32_t flags;                 /* DLI_OP_* */
    const struct dli_attr *attrs;   /* NULL: none */
    size_t attrs_size;
    /* Shapes in -> shape out and parameters. Lengths of -1 pass through where that makes sense. */
    dl4c_status (*infer)(struct dli_infer *i, struct dl4c_error *err);
    /* Optional. */
    bool (*can_fuse)(const void *attrs, const struct dli_shape *in, const struct dli_shape *out, const struct dli_fuse *fuse);
    dl4c_status (*prepare)(struct dli_prepare *p, struct dl4c_error *err);
    void (*pack)(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed); /* p->state is set */
    void (*release)(void *state);
    bool (*as_clip)(const void *attrs, float *lo, float *hi); /* activations: whether it is min(max(x, lo), hi); hi may be infinity */
    /* Optional. Steps of this operator that follow each other, each read by the next alone, as one: see struct dli_join. */
    dl4c_status (*join)(struct dli_join *j, struct dl4c_error *err);
    void (*forward_joined)(const struct dli_exec *x, int32_t n, const void *state); /* x[n]: of each step; values between have no memory */
    /* On inferred shapes; cannot fail or allocate. */
    void (*forward)(const struct dli_exec *x);
    void (*backward)(const struct dli_exec *x); /* NULL: no gradient passes */
    /* Optional, of outputs: adds to score[n] what the operator itself has of it beside the loss of its spec. */
    void (*score)(const struct dli_exec *x, double *score);
};

/* NULL where there is none. */
const struct dli_op *dli_op_find(const char *name);
int32_t dli_op_count(void);
const struct dli_op *dli_op_at(int32_t i);             /* in the order of names */
bool dli_op_kind(int32_t i, struct dli_kind_entry *e); /* false: there is no operator i */

/* Attributes common to all layers, kept beside the operator's own. */
struct dli_layer {
    char *activation;  /* spec; NULL: identity */
    char *weight_init; /* spec: "xavier", "relu", "normal(std=0.01)" ...; NULL: xavier */
    double bias_init;
    double dropout; /* probability to retain an element of the input; 0: off */
    double l1, l2, l1_bias, l2_bias;
    char *updater;                                         /* spec; NULL: the trainer's */
    char *bias_updater;                                    /* spec, of biases; NULL: as the weights */
    struct dli_float_list weight_decay, weight_decay_bias; /* each is applied by itself */
    int64_t weight_decay_lr;                               /* weight decay is multiplied by the learning rate */
    int32_t gradient_normalization;                        /* DLI_GRADIENTS_* */
    int32_t reserved;
    double gradient_threshold;
    char *constraints; /* specs joined by ';'; NULL: none */
    char *noise;       /* spec of what is done to the input in training in the place of dropout; NULL: nothing */
    char *weight_noise; /* spec of what is done to the weights in training; NULL: nothing */
};
enum {
    DLI_GRADIENTS_AS_THEY_ARE,
    DLI_GRADIENTS_RENORMALIZE_LAYER,
    DLI_GRADIENTS_RENORMALIZE_PARAM,
    DLI_GRADIENTS_CLIP_ELEMENT,
    DLI_GRADIENTS_CLIP_LAYER,
    DLI_GRADIENTS_CLIP_PARAM
};
extern const char *const dli_gradient_normalizations[]; /* their words */
extern const struct dli_attr dli_layer_attrs[];

/* Draws a weight by its scheme: element i of the parameter depends on (seed, stream, i) alone. */
dl4c_status dli_weight_init(dl4c_context *ctx, const char *scheme, const struct dli_param_decl *decl, uint64_t seed, uint32_t stream,
                            float *w, struct dl4c_error *err);

#endif
