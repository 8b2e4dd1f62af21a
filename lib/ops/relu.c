/* SPDX-License-Identifier: Apache-2.0 */
/* relu: y = max(x, 0) of any shape; the slope at 0 is 0. With Deeplearning4j's options y = limit where x >= limit (limit > 0), x where
 * x >= threshold, else slope * (x - threshold); the slopes at the corners are 0 at the limit and 1 at a threshold above 0.
 * All of them can be told from y, so backward reads nothing else. Nair and Hinton, ICML 2010. */
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

struct relu {
    double limit, slope, threshold;
};
#define RELU(member) offsetof(struct relu, member)

static const struct dli_attr attrs[] = {
    { .name = "limit", .type = DL4C_ATTR_FLOAT, .offset = RELU(limit), .min = 0, .max = 1e30, .doc = "greatest result; 0: none" },
    { .name = "slope", .type = DL4C_ATTR_FLOAT, .offset = RELU(slope), .min = 0, .max = 1e30, .doc = "slope below the threshold" },
    { .name = "threshold", .type = DL4C_ATTR_FLOAT, .offset = RELU(threshold), .min = 0, .max = 1e30, .doc = "where x itself begins" },
    { 0 },
};

static bool as_clip(const void *a, float *lo, float *hi)
{
    const struct relu *r = a;
    *lo = 0;
    *hi = r->limit > 0 ? (float)r->limit : (float)INFINITY;
    return r->slope == 0 && r->threshold == 0;
}

static bool unary(const void *a, struct dli_unary *u)
{
    *u = (struct dli_unary){ DLI_RELU, 0, 0 };
    const bool clips = as_clip(a, &u->a, &u->b);
    if (u->b < (float)INFINITY)
        u->op = DLI_CLIP;
    return clips;
}

struct loop {
    struct dli_split split;
    float limit, slope, threshold;
    const float *in, *dy;
    float *out;
};

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const float x = l->in[i];
        l->out[i] = x >= l->limit ? l->limit : x >= l->threshold ? x : l->slope * (x - l->threshold);
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t i = first; i < last; i++) {
        const float y = l->in[i];
        const bool straight = l->threshold > 0 ? y >= l->threshold : y > 0;
        l->out[i] = y >= l->limit ? 0 : straight ? l->dy[i] : l->slope * l->dy[i];
    }
}

static struct loop loop(const struct dli_exec *x)
{
    const struct relu *r = x->attrs;
    return (struct loop){ .split = dli_split_items(dli_out_floats(x), 1),
                          .limit = r->limit > 0 ? (float)r->limit : (float)INFINITY,
                          .slope = (float)r->slope,
                          .threshold = (float)r->threshold };
}

static void forward(const struct dli_exec *x)
{
    struct dli_unary u;
    if (unary(x->attrs, &u)) {
        dli_op_unary(x, &u);
        return;
    }
    struct loop l = loop(x);
    l.in = x->in[0];
    l.out = x->out;
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, forward_task, &l);
}

static void backward(const struct dli_exec *x)
{
    struct dli_unary u;
    if (!x->din[0])
        return;
    if (unary(x->attrs, &u)) {
        dli_op_unary_backward(x, &u);
        return;
    }
    struct loop l = loop(x);
    l.in = x->out;
    l.dy = x->dout;
    l.out = x->din[0];
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, backward_task, &l);
}

const struct dli_op dli_op_relu = {
    .name = "relu",
    .doc = "Rectifier.",
    .dl4j = "ActivationReLU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_OUT,
    .attrs = attrs,
    .attrs_size = sizeof(struct relu),
    .infer = dli_infer_same,
    .as_clip = as_clip,
    .forward = forward,
    .backward = backward,
};
