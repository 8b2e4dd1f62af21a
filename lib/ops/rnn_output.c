/* SPDX-License-Identifier: Apache-2.0 */
/* rnn_output: [features, time] -> [units, time], the same dense layer at every time, with a loss for each. In memory W [features, units]
 * column-major, then b, as Deeplearning4j stores them. */
#include "kernels/dense.h"
#include "ops/linear.h"
#include "ops/sequence.h"

struct rnn_output {
    char *loss; /* a spec; first, where DLI_OP_OUTPUT promises it */
    struct dli_linear linear;
};

static const struct dli_attr attrs[] = {
    DLI_LOSS_ATTR(struct rnn_output),
    DLI_LINEAR_ATTRS(struct rnn_output, linear),
    { 0 },
};

/* Offsets in scratch of the input and the output (their gradients behind them) by time, and of what products take. */
struct state {
    size_t in_at, out_at, din_at, product_at;
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct dli_linear *a = &((const struct rnn_output *)i->attrs)->linear;
    struct dli_infer one = { .vertex = i->vertex, .attrs = a, .n_in = 1 };
    struct dli_shape row = { .rank = 1, .batch = i->in[0].batch };
    DLI_TRY(dli_sequence_infer(i, "rnn_output", a->units, a->n_in, &row.dim[0], err));
    one.in = &row;
    DLI_TRY(dli_linear_infer(a, &one, "rnn_output", err));
    i->n_params = one.n_params;
    memcpy(i->param, one.param, sizeof i->param);
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct dli_linear *a = &((const struct rnn_output *)p->attrs)->linear;
    const int64_t in = p->in->dim[0], time = p->in->dim[1], rows = p->batch * p->in->batch;
    struct state *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    size_t bytes = 0;
    if (!s)
        return dli_alloc_status();
    p->state = s;
    p->kernel = "dense";
    p->in_layout[0] = p->out_layout = DLI_PLAIN;
    if (!dli_sequence_add(&bytes, &s->in_at, rows, time, in) || !dli_sequence_add(&bytes, &s->out_at, rows, time, a->units) ||
        !dli_sequence_add(&bytes, &s->din_at, p->mode == DLI_TRAIN ? rows : 0, time, in))
        return dli_fail(err, DL4C_E_LIMIT, "rnn_output", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    s->product_at = bytes;
    p->scratch_bytes = bytes + (p->mode == DLI_TRAIN ? dli_dense_backward_scratch(rows * time, in, a->units, p->workers) : 0);
    if (p->mode != DLI_TRAIN && a->has_bias)
        p->packed_bytes = (size_t)a->units * sizeof(float);
    return DL4C_OK;
}

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    (void)threads;
    memcpy(packed, params[1], (size_t)((const struct rnn_output *)p->attrs)->linear.units * sizeof(float));
}

static void forward(const struct dli_exec *x)
{
    const struct dli_linear *a = &((const struct rnn_output *)x->attrs)->linear;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1];
    float *from = dli_sequence_at(x->scratch, s->in_at), *to = dli_sequence_at(x->scratch, s->out_at);
    dli_sequence_in(x, n, in, time, x->in[0], from);
    dli_dense_run(x->ctx, x->threads, n * time, in, a->units, from, in, x->params[0],
                  !a->has_bias ? NULL : x->packed ? x->packed : x->params[1], to);
    dli_sequence_out(x, n, a->units, time, to, x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_linear *a = &((const struct rnn_output *)x->attrs)->linear;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1];
    float *from = dli_sequence_at(x->scratch, s->in_at), *dy = dli_sequence_at(x->scratch, s->out_at);
    float *dx = dli_sequence_at(x->scratch, s->din_at), *product = dli_sequence_at(x->scratch, s->product_at);
    dli_sequence_in(x, n, a->units, time, x->dout, dy);
    if (x->dparam[0]) {
        dli_sequence_in(x, n, in, time, x->in[0], from);
        dli_dense_backward_weight(x->ctx, x->threads, x->blas, n * time, in, a->units, from, in, dy, x->dparam[0],
                                  a->has_bias ? x->dparam[1] : NULL, false, product);
    }
    if (!x->din[0])
        return;
    dli_dense_backward_data(x->ctx, x->threads, x->blas, n * time, in, a->units, dy, x->params[0], dx, product);
    dli_sequence_out(x, n, in, time, dx, x->din[0]);
}

const struct dli_op dli_op_rnn_output = {
    .name = "rnn_output",
    .doc = "Fully connected layer at every time of a sequence, with a loss.",
    .dl4j = "RnnOutputLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct rnn_output),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
