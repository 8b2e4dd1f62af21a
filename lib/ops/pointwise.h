/* SPDX-License-Identifier: Apache-2.0 */
/* Activations that are used so rarely that no kernel is made for them: a function of one element and its slope. */
#ifndef DLI_OPS_POINTWISE_H
#define DLI_OPS_POINTWISE_H

#include "ops/support.h"

/* Of x, in float; attrs are the operator's. */
typedef float (*dli_pointwise)(const void *attrs, float x);

/* out = value(in[0]). */
void dli_pointwise_forward(const struct dli_exec *x, dli_pointwise value);
/* din[0] = dout * slope(in[0]); nothing where it is not wanted. */
void dli_pointwise_backward(const struct dli_exec *x, dli_pointwise slope);

/* The rest of such an operator's file: forward and backward by `value` and `slope`. */
#define DLI_POINTWISE_RUNS                                                                                                                 \
    static void forward(const struct dli_exec *x) { dli_pointwise_forward(x, value); }                                                     \
    static void backward(const struct dli_exec *x) { dli_pointwise_backward(x, slope); }
#define DLI_POINTWISE_FLAGS (DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN)

#endif
