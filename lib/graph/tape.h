/* SPDX-License-Identifier: Apache-2.0 */
/* Training a graph: a plan that also runs backward. Everything trainable, its gradient and the updater's state are one vector each, in the
 * order of the vertices and of their parameters. Nothing below the lowest trainable vertex is computed or kept on the way back. */
#ifndef DLI_GRAPH_TAPE_H
#define DLI_GRAPH_TAPE_H

#include "graph/plan.h"
#include "kernels/update.h"
#include "ops/weight_noise.h"

/* One trainable parameter in the vectors. */
struct dli_slot {
    int32_t vertex, param;
    int64_t offset, count; /* floats */
    const struct dli_param_decl *decl;
    const struct dli_layer *layer; /* its vertex's; NULL where the operator takes none */
    bool takes;                    /* its gradient may be taken in pieces instead of being stored */
    struct dli_taker taker;        /* take NULL: the gradient is stored ... */
    int64_t grad;                  /* ... here; floats */
};

/* An output of the graph, where a loss begins the way back. */
struct dli_tape_output {
    int32_t vertex;
    const struct dli_op *op;
    const char *loss;         /* spec; NULL: the vertex has none */
    const struct dli_op *act; /* between z and a; NULL: the identity */
    const void *act_attrs;
    struct dli_vattrs *act_ref;
    struct dli_shape shape;
    int64_t floats;   /* of a row */
    int32_t z, a;     /* values */
    int32_t act_step; /* -1: none */
    int32_t dz, da;   /* storages of their gradients; the same where there is no activation; -1: nothing trainable above */
    bool direct;      /* the loss may give dz itself: nobody else reads a */
    bool gave_dz;     /* set by the caller before backward: dz is filled, not da */
};

struct dli_tape_options {
    int64_t batch;
    int32_t threads;
    uint64_t flags;                        /* DL4C_SESSION_CHANNELS_FIRST or 0 */
    const struct dl4c_shape *input_shapes; /* [c, h, w] whatever the flags */
};

/* A parameter that is not what it is in training. */
struct dli_tape_noisy {
    int32_t slot, step;
    int64_t offset; /* of what noise makes of it, in noisy_params */
    struct dli_weight_noise noise;
};

/* One input of one step on the way back. */
struct dli_way {
    int32_t target; /* storage of the input's gradient; -1: not wanted */
    int32_t beside; /* storage to write to first, where others have contributed already; -1: write to the target */
    int64_t floats;
};

struct dli_tape {
    struct dli_plan *plan;
    struct dli_blob *arena;
    int32_t n_outputs;
    struct dli_tape_output *outputs;
    int32_t n_slots;
    struct dli_slot *slots;
    int64_t n_params;        /* floats in the vectors */
    struct dli_blob *params; /* NULL before the first dli_tape_own */
    int32_t n_noisy;
    struct dli_tape_noisy *noisy;
    struct dli_blob *noisy_params; /* NULL where there are none */
    struct dli_blob *grads;  /* of the slots without a taker, in their order */
    int64_t n_grads;
    uint8_t *back; /* [steps]: on the way back */
    int32_t *grad; /* [values]: storage of the gradient; -1: none */
    int32_t n_ways;
    struct dli_way *ways;  /* of all inputs of all steps */
    int32_t *first_way;    /* [steps] */
    int32_t *back_scratch; /* [steps]: storage */
    int32_t *slot_of;      /* [vertices]: its first slot; -1 */
    const float **inputs;  /* [graph inputs]: set by forward */
    float **din;           /* of the step at work */
    struct dli_targets targets; /* of the output that trains, set by the caller before score and backward */
    int32_t targets_output;            /* which that is */
};

/* The graph must have at least one output vertex with a loss and something to train: DL4C_E_INVALID. */
dl4c_status dli_tape_create(dl4c_context *ctx, dl4c_graph *g, const struct dli_tape_options *options, struct dli_tape **tape,
                            struct dl4c_error *err);
void dli_tape_destroy(struct dli_tape *tape);
/* A part of making it: finds the parameters that weight noise is for. */
dl4c_status dli_tape_make_noisy(struct dli_tape *tape, struct dl4c_error *err);

/* Makes room for the gradients of all slots that have no taker by now; before the first dli_tape_backward. Does nothing later. */
dl4c_status dli_tape_store_gradients(struct dli_tape *tape, struct dl4c_error *err);

/* Gives the graph trainable parameters of its own, in one vector; does nothing where nobody else shares them. Call before every step,
 * inside dli_graph_begin_training. */
dl4c_status dli_tape_own(struct dli_tape *tape, struct dl4c_error *err);
/* The parameters were written: sessions of the graph repack. */
void dli_tape_changed(struct dli_tape *tape);

/* Puts weight noise on for the next run, or takes it off. Call before dli_tape_pack, after dli_tape_own. */
void dli_tape_noise(struct dli_tape *tape, bool training, uint64_t seed, uint64_t iteration);
/* Packs what the kernels of a step want packed. Call before every forward run, after dli_tape_own; allocates at the first only. */
dl4c_status dli_tape_pack(struct dli_tape *tape, struct dl4c_error *err);

/* Runs n rows forward; values of the outputs are then at dli_tape_z and dli_tape_a until the next call. */
void dli_tape_forward(struct dli_tape *tape, int64_t n, const float *const *inputs, bool training, uint64_t seed, uint64_t iteration);
const float *dli_tape_z(const struct dli_tape *tape, int32_t output);
const float *dli_tape_a(const struct dli_tape *tape, int32_t output);
/* Where the caller puts the gradient of the loss, and then says in gave_dz which of the two it is. */
float *dli_tape_dz(const struct dli_tape *tape, int32_t output);
float *dli_tape_da(const struct dli_tape *tape, int32_t output);
/* Adds to score[n] what an output's operator has of it beside its loss; after the forward run, with t->targets set. */
void dli_tape_score(struct dli_tape *tape, int32_t output, int64_t n, double *score);
/* Fills the gradient vector, and hands to takers what is theirs: sums over the n rows of the forward run before it. */
void dli_tape_backward(struct dli_tape *tape, int64_t n, uint64_t seed, uint64_t iteration);

#endif
