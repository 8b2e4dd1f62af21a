/* SPDX-License-Identifier: Apache-2.0 */
/* From the gradient to new parameters: scaling, l1 and l2, updaters, subtraction, in one pass over memory. */
#ifndef DLI_TRAIN_UPDATE_H
#define DLI_TRAIN_UPDATE_H

#include "constraints/constraint.h"
#include "graph/tape.h"
#include "schedules/schedule.h"
#include "updaters/updater.h"

struct dli_update_options {
    const char *updater; /* spec of those layers that say nothing themselves, from dli_update_text */
    double l1, l2;       /* of weights of layers that say nothing themselves */
    int32_t threads;
};

/* One updater with its settings; layers that want the same share it. */
struct dli_update_rule {
    struct dli_updater_at updater;
    struct dli_schedule_at schedule, momentum; /* of the learning rate, of the momentum */
    double lr;                                 /* of the step at work; 1 where the updater takes none */
    float constants[DLI_UPDATER_CONSTANTS];    /* of the step at work */
};

/* A run of parameters that are treated alike: one slot of the tape. */
struct dli_update_part {
    int64_t offset, count;
    int64_t grad; /* of the gradients that are stored */
    bool taken;   /* the gradient is not stored: its pieces are applied as they are made */
    int32_t vertex;
    const struct dli_layer *layer; /* NULL: takes none of its attributes */
    float l1, l2;
    const struct dli_float_list *decay; /* NULL: none */
    float factor;                       /* of gradients, of the step at work; 1 where nothing is normalised */
    int32_t first_chunk;
    int32_t rule;                      /* -1: running statistics, whose "gradient" is subtracted as it is ... */
    bool divided;                      /* ... or, of every rule, divided by the rows of the minibatch */
    int64_t state[DLI_UPDATER_STATES]; /* offsets of its state vectors */
};

struct dli_update_constraint {
    int32_t part;
    struct dli_constraint_at at;
};

/* A piece of a part that one task takes. */
struct dli_update_chunk {
    int32_t part;
    int64_t first, count; /* from the part's beginning */
};

/* What a taker of the tape is given. */
struct dli_update_taken {
    struct dli_update *u;
    struct dli_taker *taker; /* the tape's */
    int32_t part;
};

struct dli_update {
    dl4c_context *ctx; /* borrowed from the tape */
    int32_t threads;
    int32_t n_rules, n_parts, n_chunks;
    struct dli_update_rule *rules;
    struct dli_update_part *parts;
    struct dli_update_chunk *chunks;
    double *l1_sums, *l2_sums; /* [chunks] */
    double *norms;             /* [chunks]: sums of squared gradients; NULL where no layer wants them */
    int32_t n_constraints;
    size_t room;                               /* for constraints */
    struct dli_update_constraint *constraints; /* in the order of the parts and of their lists */
    _Atomic uint8_t *bad;                      /* [parts]: a parameter is not finite after the step at work */
    int32_t n_taken;
    struct dli_update_taken *taken; /* room for all parts */
    float scale;                    /* of the step at work: of its gradients, */
    const float *grads;             /* those that are stored (NULL: parameters are read only), */
    float *params, *state;          /* what it changes */
    int64_t n_state;                           /* floats of state, in Deeplearning4j's order of blocks */
};

/* The spec of an updater as one would write it, with a schedule of its learning rate (NULL: none) put in; both are checked. */
dl4c_status dli_update_text(dl4c_context *ctx, const char *updater, const char *schedule, char **text, struct dl4c_error *err);

/* Blocks are runs of neighbouring parameters with the same updater, also across layers; statistics and frozen layers end them. */
dl4c_status dli_update_create(const struct dli_tape *tape, const struct dli_update_options *options, struct dli_update **update,
                              struct dl4c_error *err);
void dli_update_destroy(struct dli_update *u);
/* The state before the first step. */
void dli_update_initial(const struct dli_update *u, float *state);

/* What l1, l2 and weight decay add to the score: the sum over parameters of 0.5 (l2 + decay) w^2 + l1 |w|. */
double dli_update_penalty(struct dli_update *u, const float *params);
/* Takes the gradients of all slots that allow it while they are made, unless they are to be kept; the tape stores the others. Once for
 * each tape, which lives as long as it is used; every tape of the same graph has the same slots. */
dl4c_status dli_update_attach(struct dli_update *u, struct dli_tape *tape, bool keep, struct dl4c_error *err);
/* Begins a step of iteration and epoch, both from 0, on the gradients of n examples (1: they are not divided): to be called before the
 * way back, during which parameters whose gradients are taken change. */
void dli_update_begin(struct dli_update *u, int64_t n, int64_t iteration, int64_t epoch, float *params, float *state);
/* Divides gradients, of which all are stored, by the rows that they are sums of; running statistics stay as they are. */
void dli_update_divide(struct dli_update *u, int64_t rows, float *grads);
/* The rest of the step, with the gradients that are stored. *penalty is that of the parameters before it. Answers the index of the first
 * part of which a parameter is not finite afterwards, else -1. */
int32_t dli_update_finish(struct dli_update *u, const float *grads, double *penalty);

#endif
