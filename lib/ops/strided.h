/* SPDX-License-Identifier: Apache-2.0 */
/* What slice and pad share: every element of a smaller row has its place in a larger one. */
#ifndef DLI_OPS_STRIDED_H
#define DLI_OPS_STRIDED_H

#include "ops/support.h"

struct dli_strided {
    const struct dli_shape *small, *large;
    int64_t start[DLI_SHAPE_RANK]; /* where index 0 of the small row lies in the large one, axis by axis */
    int64_t step[DLI_SHAPE_RANK];  /* between neighbours; not 0 */
};

/* small = the elements of large at those places. */
void dli_strided_take(const struct dli_exec *x, const struct dli_strided *s, const float *large, float *small);
/* large = small at those places, 0 elsewhere. */
void dli_strided_put(const struct dli_exec *x, const struct dli_strided *s, const float *small, float *large);

/* The rest of the file of an operator that takes a part of its input, where its function `strided` says. */
#define DLI_STRIDED_RUNS                                                                                                                   \
    static void forward(const struct dli_exec *x)                                                                                          \
    {                                                                                                                                      \
        const struct dli_strided s = strided(x);                                                                                           \
        dli_strided_take(x, &s, x->in[0], x->out);                                                                                         \
    }                                                                                                                                      \
    static void backward(const struct dli_exec *x)                                                                                         \
    {                                                                                                                                      \
        const struct dli_strided s = strided(x);                                                                                           \
        if (x->din[0])                                                                                                                     \
            dli_strided_put(x, &s, x->dout, x->din[0]);                                                                                    \
    }

#endif
