/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer says of its training beside its updater: bias updater, weight decay, gradient normalisation, constraints. */
#ifndef DLI_FORMATS_DL4J_TRAINING_H
#define DLI_FORMATS_DL4J_TRAINING_H

#include "formats/dl4j/emit.h"
#include "formats/dl4j/layers.h"
#include "ops/op.h"

/* Adds the attributes of a layer that is trained. */
dl4c_status dli_dl4j_read_training(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, struct dli_dl4j_layer *out,
                                   struct dl4c_error *err);

/* Solvers other than steps down the gradient become an attribute that no updater has: the network runs, and training it is refused by a
 * sentence that names them. `minimize`, maxNumLineSearchIterations and gainInit change nothing in the reference either: nobody asks the
 * first, the second is for those solvers, the third for layer normalisation. */
dl4c_status dli_dl4j_read_solver(dl4c_context *ctx, const json_t *conf, const char *name, struct dli_dl4j_layer *out,
                                 struct dl4c_error *err);

/* "idropout" of a layer as the spec of an operator (dli_free); NULL: none. */
dl4c_status dli_dl4j_read_noise(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err);
/* The same back; NULL: null. */
dl4c_status dli_dl4j_noise_out(struct dli_dl4j_emit *e, const char *spec, const struct dli_dl4j_at *at, struct dl4c_error *err);

/* "weightNoise" of a layer. */
dl4c_status dli_dl4j_weight_noise_out(struct dli_dl4j_emit *e, const char *spec, const struct dli_dl4j_at *at, struct dl4c_error *err);

/* The keys of the same names. */
void dli_dl4j_gradient_normalization_out(struct dli_dl4j_emit *e, const struct dli_layer *l);
dl4c_status dli_dl4j_constraints_out(struct dli_dl4j_emit *e, const struct dli_layer *l, const struct dli_dl4j_at *at,
                                     struct dl4c_error *err);
/* Items of a regularisation list. */
void dli_dl4j_decay_out(struct dli_dl4j_emit *e, const struct dli_layer *l, const struct dli_float_list *list);

#endif
