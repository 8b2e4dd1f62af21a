/* SPDX-License-Identifier: Apache-2.0 */
/* global_pool: [c, h, w] -> [c], or [c, 1, 1] with keep: mean or maximum of all pixels of a channel. The gradient is shared out evenly,
 * or goes to the first maximum. */
#include "kernels/pool.h"
#include "ops/support.h"

struct global_pool {
    int32_t type, reserved;
    int64_t keep;
};

static const char *const types[] = { "max", "avg", NULL }; /* in the order of DLI_POOL_* */

static const struct dli_attr attrs[] = {
    { .name = "type", .type = DL4C_ATTR_STR, .offset = offsetof(struct global_pool, type), .def_text = "avg", .choices = types,
      .doc = "mean or maximum" },
    { .name = "keep", .type = DL4C_ATTR_INT, .offset = offsetof(struct global_pool, keep), .min = 0, .max = 1,
      .doc = "1: the result keeps height and width, as 1" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    DLI_TRY(dli_want_image(i, "global_pool", err));
    if (i->in[0].dim[1] == 0 || i->in[0].dim[2] == 0)
        return dli_fail(err, DL4C_E_INVALID, "global_pool", "vertex '%s': the input %s has no pixels", i->vertex, DLI_SHAPE_STR(&i->in[0]));
    i->out.rank = ((const struct global_pool *)i->attrs)->keep ? 3 : 1;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = i->in[0].dim[0];
    i->out.dim[1] = i->out.dim[2] = 1;
    return DL4C_OK;
}

static void forward(const struct dli_exec *x)
{
    dli_pool_global(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, x->in_layout[0], dli_in_rows(x, 0),
                    x->in_shape->dim[0], dli_row_pixels(x->in_shape), x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_pool_global_backward(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, dli_in_rows(x, 0), x->in_shape->dim[0],
                                 dli_row_pixels(x->in_shape), x->in[0], x->dout, x->din[0]);
}

const struct dli_op dli_op_global_pool = {
    .name = "global_pool",
    .doc = "Mean or maximum of each channel.",
    .dl4j = "GlobalPoolingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BLOCKED_IN | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct global_pool),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
