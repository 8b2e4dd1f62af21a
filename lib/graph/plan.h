/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: the steps of a run for given input shapes, outputs and a largest batch, with every value placed in one arena. Sessions run it
 * forward; a tape (graph/tape.h) adds the way back. */
#ifndef DLI_GRAPH_PLAN_H
#define DLI_GRAPH_PLAN_H

#include "graph/graph.h"

enum { DLI_NOWHERE = -1, DLI_MOST_JOINED = 3 /* steps that run as one */ };

/* Memory that lives from one step to another; -1 in `first`: not used. */
struct dli_storage {
    size_t bytes;
    int32_t first, last; /* steps of the timeline, both included */
    size_t offset;       /* in the arena */
};

struct dli_value {
    struct dli_shape shape;
    int32_t layout;  /* DLI_PLAIN or DLI_BLOCKED */
    int64_t floats;  /* a row of the network's input: shape.batch rows of the layout's size */
    int32_t storage; /* index; DLI_NOWHERE: the caller's memory, an input of the plan */
    int32_t input;   /* of the graph, where the memory is the caller's */
    int32_t twin;    /* the same value in the other layout; DLI_NOWHERE */
    int32_t view_of; /* the value whose memory it is under another shape; DLI_NOWHERE */
    int32_t step;    /* that makes it; DLI_NOWHERE for inputs */
    int64_t at, row; /* where it is a part of another value's rows: floats before it, and of such a row; else 0 */
    bool timed;      /* a sequence with the times of the input: its mask is the input's */
};

enum dli_step_kind { DLI_STEP_OP, DLI_STEP_TO_BLOCKED, DLI_STEP_TO_PLAIN, DLI_STEP_NHWC_IN, DLI_STEP_COPY };

struct dli_step {
    int32_t kind;
    int32_t vertex; /* whose work it is */
    const struct dli_op *op;
    const void *attrs;
    struct dli_vattrs *own_attrs; /* a reference, where the plan made the step: activations, dropout */
    struct dli_vattrs *fused_attrs;
    struct dli_fuse fuse;
    bool fused;
    bool has_params; /* those of the vertex */
    bool frozen;     /* runs as in inference while others train */
    int32_t mode;    /* it was prepared for: in training DLI_RUN where no gradient comes by */
    int32_t n_in;
    int32_t *in; /* values */
    int32_t out; /* value */
    int32_t *in_layout;
    struct dli_shape *in_shape;
    struct dli_shape out_shape; /* of what the step gives: after pooling where that is fused */
    size_t scratch_bytes, saved_bytes, packed_bytes;
    uint64_t pack_key;
    uint32_t takes;         /* bits of parameters whose gradient backward can give in pieces */
    uint32_t unread;        /* bits of parameters that runs do not read once they are packed; 0 in training */
    int32_t scratch, saved; /* storages */
    void *state;
    const char *kernel;
    int32_t joined;          /* how many steps run as one with this one, the last of them; 0: it runs by itself */
    int32_t runs_in;         /* the step that runs this one; itself otherwise, DLI_NOWHERE where nothing is left to do */
    bool apart, joins;       /* as prepare said */
    void *joined_state;
    struct dli_blob *packed; /* a reference */
    uint64_t packed_version; /* of the parameters it was packed from */
    const float **in_ptr;    /* [n_in], filled for each run */
    const void *param_ptr[DLI_MAX_PARAMS];
    const float *noisy[DLI_MAX_PARAMS]; /* of a tape: what weight noise made of parameters; NULL: they are as they are */
    bool noise;                         /* the run at work reads those */
};

struct dli_plan_options {
    int32_t mode; /* DLI_RUN or DLI_TRAIN */
    int64_t batch;
    int32_t threads; /* 0: the context's */
    uint64_t flags;  /* DL4C_SESSION_* */
    int32_t precision; /* DL4C_PRECISION_*; f32 in training */
    const struct dl4c_shape *input_shapes;
    const int32_t *outputs; /* vertices */
    int32_t n_outputs;
};

struct dli_plan {
    dl4c_context *ctx; /* a reference */
    dl4c_graph *graph; /* a reference */
    int32_t mode, threads, workers, precision;
    int64_t batch;
    uint64_t flags;
    int32_t n_values, n_steps, n_storages;
    struct dli_value *values;
    struct dli_step *steps;
    struct dli_storage *storages;
    size_t values_capacity, steps_capacity, storages_capacity;
    struct dli_shape *shapes; /* [vertices]: for this plan's inputs */
    int32_t *vertex_value;    /* [vertices]: DLI_NOWHERE where fused away or not needed */
    int32_t *vertex_linear;   /* [vertices]: before the activation; training only */
    int32_t n_outputs;
    int32_t *outputs;     /* values, plain, pinned to the end */
    int32_t *input_value; /* [graph inputs]: DLI_NOWHERE where not needed */
    size_t arena_bytes;
    char *arena;      /* set by the owner */
    const float *mask; /* [n, time] of the only input, for the run at work, set by the owner; NULL: none */
    struct dl4c_session_memory need; /* as it was when the session was made */
    bool counted;     /* among the graph's run_plans and readers */
    int32_t timeline; /* number of points of time: n_steps, or twice as many and one for training */
};

/* Lowers, fuses, chooses kernels and layouts; does not place memory. */
dl4c_status dli_plan_create(dl4c_context *ctx, dl4c_graph *g, const struct dli_plan_options *options, struct dli_plan **plan,
                            struct dl4c_error *err);
void dli_plan_destroy(struct dli_plan *plan);
/* Lets values of the plan share memory where one's life begins after another's end, and sets arena_bytes. */
dl4c_status dli_plan_place(struct dli_plan *plan, struct dl4c_error *err);
/* One more storage; -1 after a failure. */
int32_t dli_plan_storage(struct dli_plan *plan, size_t bytes, int32_t first, int32_t last, struct dl4c_error *err);
dl4c_status dli_plan_bytes(const struct dli_plan *plan, int64_t floats, size_t *bytes, struct dl4c_error *err);

/* Whether it has one input that is a sequence, and of how many times. */
bool dli_plan_times(const struct dli_plan *plan, int64_t *times);
/* Sets `need` of a plan that is placed, while the graph is held against training. */
void dli_plan_measure(struct dli_plan *plan);
/* One step a line, then what `need` says. */
dl4c_status dli_plan_describe(const struct dli_plan *plan, char **text, struct dl4c_error *err);

/* Packs the parameters of all steps, or finds them packed already. */
dl4c_status dli_plan_pack(struct dli_plan *plan, struct dl4c_error *err);

static inline float *dli_plan_pointer(const struct dli_plan *plan, int32_t storage)
{
    return (float *)(void *)(plan->arena + plan->storages[storage].offset);
}

/* Runs steps in order on n rows; inputs[graph input]: the caller's memory. */
void dli_plan_forward(struct dli_plan *plan, int64_t n, const float *const *inputs, bool training, uint64_t seed, uint64_t iteration);
void dli_plan_forward_step(struct dli_plan *plan, int32_t step, int64_t n, const float *const *inputs, bool training, uint64_t seed,
                           uint64_t iteration);
/* Fills what forward and backward have in common. */
void dli_step_exec(struct dli_plan *plan, struct dli_step *step, int64_t n, const float *const *inputs, bool training, uint64_t seed,
                   uint64_t iteration, struct dli_exec *x);
const float *dli_value_pointer(const struct dli_plan *plan, int32_t value, const float *const *inputs);

/* The attribute of an operator by name; false where it has none. */
bool dli_op_attr(const struct dli_op *op, const void *attrs, const char *name, struct dl4c_attr *out);

#endif
