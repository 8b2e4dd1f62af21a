/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of one element over threads. */
#include "ops/pointwise.h"
#include "kernels/split.h"

struct loop {
    const struct dli_exec *x;
    dli_pointwise f;
    struct dli_split split;
};

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const float *in = l->x->in[0];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        l->x->out[i] = l->f(l->x->attrs, in[i]);
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const float *in = l->x->in[0], *dy = l->x->dout;
    float *dx = l->x->din[0];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        dx[i] = dy[i] * l->f(l->x->attrs, in[i]);
}

void dli_pointwise_forward(const struct dli_exec *x, dli_pointwise value)
{
    struct loop l = { x, value, dli_split_items(dli_out_floats(x), 8) }; /* an element costs as much as streaming some 8 floats */
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, forward_task, &l);
}

void dli_pointwise_backward(const struct dli_exec *x, dli_pointwise slope)
{
    struct loop l = { x, slope, dli_split_items(dli_out_floats(x), 8) };
    if (x->din[0])
        dli_parallel(x->ctx, x->threads, l.split.n_tasks, backward_task, &l);
}
