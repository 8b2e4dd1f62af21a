/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the parameters of a layer in training, at each step anew: forward and backward both read what it made of them, and the
 * gradient that comes of it is that of the parameter itself, as in Deeplearning4j. */
#ifndef DLI_OPS_WEIGHT_NOISE_H
#define DLI_OPS_WEIGHT_NOISE_H

#include "ops/weight_init.h"

/* A spec made ready for one parameter. */
struct dli_weight_noise {
    enum { DLI_WEIGHT_NOISE_DROP, DLI_WEIGHT_NOISE_ADD, DLI_WEIGHT_NOISE_MULTIPLY } kind;
    double p;             /* of DROP: probability to retain an element */
    struct dli_draw draw; /* of the others */
};

/* *applies: whether it is meant for this parameter; weights always, biases where the spec says so, others never. Checks the spec in any
 * case. decl outlives *noise. DL4C_E_NOTFOUND: there is no such noise. */
dl4c_status dli_weight_noise_open(dl4c_context *ctx, const char *spec, const struct dli_param_decl *decl, struct dli_weight_noise *noise,
                                  bool *applies, struct dl4c_error *err);
/* out = what w, [n], is at this iteration: element i follows from (seed, id, iteration, i) alone. id: another one for each parameter. */
void dli_weight_noise_make(dl4c_context *ctx, int32_t threads, const struct dli_weight_noise *noise, uint64_t seed, uint32_t id,
                           uint64_t iteration, int64_t n, const float *w, float *out);

#endif
