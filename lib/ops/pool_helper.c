/* SPDX-License-Identifier: Apache-2.0 */
/* pool_helper: [c, h, w] without its first row and first column, which networks imported from Caffe need behind some pooling. What was
 * cut gets no gradient. */
#include "ops/strided.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    DLI_TRY(dli_want_image(i, "pool_helper", err));
    i->out = i->in[0];
    for (int32_t a = 1; a < 3; a++) {
        if (i->out.dim[a] == 0 || i->out.dim[a] == 1)
            return dli_fail(err, DL4C_E_INVALID, "pool_helper", "vertex '%s': nothing is left of %s", i->vertex, DLI_SHAPE_STR(&i->in[0]));
        if (i->out.dim[a] > 0)
            i->out.dim[a]--;
    }
    return DL4C_OK;
}

static struct dli_strided strided(const struct dli_exec *x)
{
    return (struct dli_strided){ .small = x->out_shape, .large = x->in_shape, .start = { 0, 1, 1 }, .step = { 1, 1, 1 } };
}

DLI_STRIDED_RUNS

const struct dli_op dli_op_pool_helper = {
    .name = "pool_helper",
    .doc = "An image without its first row and column.",
    .dl4j = "PoolHelperVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
