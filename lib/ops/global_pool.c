/* SPDX-License-Identifier: Apache-2.0 */
/* global_pool: [c, h, w] -> [c], or [c, 1, 1] with keep: mean, maximum, sum or p-norm of all pixels of a channel. The gradient is shared
 * out evenly, or goes to the first maximum, or as pnorm_pool says. */
#include "kernels/pool.h"
#include "ops/support.h"

struct global_pool {
    int32_t type, reserved;
    int64_t keep, p;
};
enum { SUM = 2, PNORM = 3 }; /* behind DLI_POOL_* */

static const char *const types[] = { "max", "avg", "sum", "pnorm", NULL }; /* in the order of DLI_POOL_*, SUM, PNORM */

static const struct dli_attr attrs[] = {
    { .name = "type",
      .type = DL4C_ATTR_STR,
      .offset = offsetof(struct global_pool, type),
      .def_text = "avg",
      .choices = types,
      .doc = "mean, maximum, sum or p-norm" },
    { .name = "keep",
      .type = DL4C_ATTR_INT,
      .offset = offsetof(struct global_pool, keep),
      .min = 0,
      .max = 1,
      .doc = "1: the result keeps height and width, as 1" },
    { .name = "p",
      .type = DL4C_ATTR_INT,
      .offset = offsetof(struct global_pool, p),
      .def = 2,
      .min = 1,
      .max = 64,
      .doc = "power of type pnorm" },
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

/* Sums and norms are for plain images only. */
static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    (void)err;
    if (((const struct global_pool *)p->attrs)->type >= SUM)
        p->in_layout[0] = DLI_PLAIN;
    p->out_layout = DLI_PLAIN;
    return DL4C_OK;
}

/* One window over the whole image. */
static struct dli_pooling window(const struct dli_exec *x)
{
    const int64_t h = x->in_shape->dim[1], w = x->in_shape->dim[2];
    return (struct dli_pooling){ .n = dli_in_rows(x, 0),
                                 .c = x->in_shape->dim[0],
                                 .h = h,
                                 .w = w,
                                 .oh = 1,
                                 .ow = 1,
                                 .kernel_h = h,
                                 .kernel_w = w,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .dilation_h = 1,
                                 .dilation_w = 1 };
}

static int64_t power(const struct dli_exec *x)
{
    const struct global_pool *a = x->attrs;
    return a->type == SUM ? 0 : a->p;
}

static void forward(const struct dli_exec *x)
{
    if (((const struct global_pool *)x->attrs)->type >= SUM) {
        const struct dli_pooling p = window(x);
        dli_pool_norm(x->ctx, x->threads, &p, power(x), x->in[0], x->out);
        return;
    }
    dli_pool_global(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, x->in_layout[0], dli_in_rows(x, 0),
                    x->in_shape->dim[0], dli_row_pixels(x->in_shape), x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0] && ((const struct global_pool *)x->attrs)->type >= SUM) {
        const struct dli_pooling p = window(x);
        dli_pool_norm_backward(x->ctx, x->threads, &p, power(x), x->in[0], x->dout, x->din[0]);
    } else if (x->din[0])
        dli_pool_global_backward(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, dli_in_rows(x, 0), x->in_shape->dim[0],
                                 dli_row_pixels(x->in_shape), x->in[0], x->dout, x->din[0]);
}

const struct dli_op dli_op_global_pool = {
    .name = "global_pool",
    .doc = "Mean, maximum, sum or p-norm of each channel.",
    .dl4j = "GlobalPoolingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BLOCKED_IN | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct global_pool),
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
