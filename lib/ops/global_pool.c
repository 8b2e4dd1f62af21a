/* SPDX-License-Identifier: Apache-2.0 */
/* global_pool: [c, h, w] -> [c], or [c, 1, 1] with keep: mean, maximum, sum or p-norm of all pixels of a channel; [c, time] -> [c] or
 * [c, 1] likewise, of the times that a mask leaves; where it leaves none, 0. The gradient is shared out evenly, or goes to the first
 * maximum, or as pnorm_pool says. */
#include "base/thread_pool.h"
#include "kernels/pool.h"
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

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
    const int32_t rank = i->in[0].rank;
    if (rank != 2)
        DLI_TRY(dli_want_image(i, "global_pool", err));
    if (i->in[0].dim[1] == 0 || i->in[0].dim[rank - 1] == 0)
        return dli_fail(err, DL4C_E_INVALID, "global_pool", "vertex '%s': the input %s has no %s", i->vertex, DLI_SHAPE_STR(&i->in[0]),
                        rank == 2 ? "times" : "pixels");
    i->out.rank = ((const struct global_pool *)i->attrs)->keep ? rank : 1;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = i->in[0].dim[0];
    i->out.dim[1] = i->out.dim[2] = 1;
    return DL4C_OK;
}

/* Sums and norms are for plain images only. */
static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    (void)err;
    if (((const struct global_pool *)p->attrs)->type >= SUM || p->in->rank == 2)
        p->in_layout[0] = DLI_PLAIN;
    p->out_layout = DLI_PLAIN;
    return DL4C_OK;
}

/* Pixels of a channel, or times. */
static int64_t cells(const struct dli_exec *x) { return dli_row_elements(x->in_shape) / x->in_shape->dim[0]; }

/* One window over the whole image. */
static struct dli_pooling window(const struct dli_exec *x)
{
    const int64_t h = x->in_shape->rank == 2 ? 1 : x->in_shape->dim[1], w = cells(x) / h;
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

struct masked {
    const struct dli_exec *x;
    struct dli_split split; /* of features of rows */
};

static double masked_value(const struct global_pool *a, const float *in, const float *mask, int64_t time)
{
    double sum = 0, most = -INFINITY;
    int64_t n = 0;
    for (int64_t t = 0; t < time; t++) {
        const double v = (double)in[t];
        if (mask[t] == 0)
            continue;
        n++;
        most = v > most || isnan(v) ? v : most;
        sum += a->type == PNORM ? pow(fabs(v), (double)a->p) : v;
    }
    if (n == 0)
        return 0;
    if (a->type == DLI_POOL_MAX)
        return most;
    return a->type == DLI_POOL_AVERAGE ? sum / (double)n : a->type == SUM ? sum : pow(sum, 1 / (double)a->p);
}

static void masked_slope(const struct global_pool *a, const float *in, const float *mask, int64_t time, double dy, float *dx)
{
    const double value = masked_value(a, in, mask, time);
    bool taken = false; /* the first maximum takes all */
    int64_t n = 0;
    for (int64_t t = 0; t < time; t++)
        n += mask[t] != 0;
    for (int64_t t = 0; t < time; t++) {
        const double v = (double)in[t];
        double slope = 1;
        if (a->type == DLI_POOL_MAX)
            slope = !taken && mask[t] != 0 && !(v < value);
        else if (a->type == DLI_POOL_AVERAGE)
            slope = 1 / (double)n;
        else if (a->type == PNORM)
            slope = value > 0 ? v * pow(fabs(v), (double)(a->p - 2)) / pow(value, (double)(a->p - 1)) : 0;
        taken = taken || (a->type == DLI_POOL_MAX && slope != 0);
        dx[t] = mask[t] != 0 ? (float)(slope * dy) : 0.0f;
    }
}

static void masked_task(void *arg, size_t task, int32_t worker)
{
    const struct masked *m = arg;
    const struct dli_exec *x = m->x;
    const int64_t c = x->in_shape->dim[0], time = cells(x);
    int64_t first, last;
    (void)worker;
    dli_split_range(&m->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const float *in = x->in[0] + i * time, *mask = x->mask + i / c * time;
        if (x->dout)
            masked_slope(x->attrs, in, mask, time, (double)x->dout[i], x->din[0] + i * time);
        else
            x->out[i] = (float)masked_value(x->attrs, in, mask, time);
    }
}

static void run_masked(const struct dli_exec *x)
{
    struct masked m = { x, dli_split_items(x->n * x->in_shape->dim[0], cells(x) * 8) };
    dli_parallel(x->ctx, x->threads, m.split.n_tasks, masked_task, &m);
}

static void forward(const struct dli_exec *x)
{
    if (x->mask) {
        run_masked(x);
        return;
    }
    if (((const struct global_pool *)x->attrs)->type >= SUM) {
        const struct dli_pooling p = window(x);
        dli_pool_norm(x->ctx, x->threads, &p, power(x), x->in[0], x->out);
        return;
    }
    dli_pool_global(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, x->in_layout[0], dli_in_rows(x, 0),
                    x->in_shape->dim[0], cells(x), x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0] && x->mask) {
        run_masked(x);
    } else if (x->din[0] && ((const struct global_pool *)x->attrs)->type >= SUM) {
        const struct dli_pooling p = window(x);
        dli_pool_norm_backward(x->ctx, x->threads, &p, power(x), x->in[0], x->dout, x->din[0]);
    } else if (x->din[0])
        dli_pool_global_backward(x->ctx, x->threads, ((const struct global_pool *)x->attrs)->type, dli_in_rows(x, 0), x->in_shape->dim[0],
                                 cells(x), x->in[0], x->dout, x->din[0]);
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
