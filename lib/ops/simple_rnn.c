/* SPDX-License-Identifier: Apache-2.0 */
/* simple_rnn: [features, time] -> [units, time]; h = cell(x W + h RW + b) of the last h, or 0 where a mask says so.
 * In memory, as Deeplearning4j has it: W [features, units] and RW [units, units] column-major, then b.
 * Elman, "Finding Structure in Time", 1990. */
#include "kernels/dense.h"
#include "ops/sequence.h"

struct rnn {
    int64_t units, n_in;
    int32_t cell, reserved;
};

static const struct dli_attr attrs[] = {
    { .name = "units", .type = DL4C_ATTR_INT, .required = true, .offset = offsetof(struct rnn, units), .min = 1, .max = 1 << 22,
      .doc = "length of the result at each time" },
    { .name = "cell", .type = DL4C_ATTR_STR, .offset = offsetof(struct rnn, cell), .def_text = "tanh", .choices = dli_cell_words,
      .doc = "function of the content" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = offsetof(struct rnn, n_in), .min = 0, .max = 1 << 24,
      .doc = "features of the input; 0: as the input has" },
    { 0 },
};

enum { W, RW, B };

/* Offsets of what a run keeps, all by time: x, z, h; in scratch of the part of z that comes from the last h and of gradients. */
struct state {
    size_t x_at, z_at, h_at, kept;
    size_t part_at, dz_at, dx_at, product_at;
    bool training;
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct rnn *a = i->attrs;
    int64_t in, count;
    DLI_TRY(dli_sequence_infer(i, "simple_rnn", a->units, a->n_in, &in, err));
    const struct dli_shape weight = { .rank = 2, .dim = { in, a->units } };
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    i->n_params = 3;
    i->param[W] = (struct dli_param_decl){ .name = "W", .role = DLI_PARAM_WEIGHT, .order = 'f', .rank = 2, .shape = { in, a->units },
                                           .fan_in = (double)in, .fan_out = (double)a->units };
    i->param[RW] = (struct dli_param_decl){ .name = "RW", .role = DLI_PARAM_WEIGHT, .order = 'f', .rank = 2,
                                            .shape = { a->units, a->units }, .fan_in = (double)a->units, .fan_out = (double)a->units };
    i->param[B] = (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { a->units } };
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct rnn *a = p->attrs;
    const int64_t in = p->in->dim[0], time = p->in->dim[1], rows = p->batch * p->in->batch, back = p->mode == DLI_TRAIN ? rows : 0;
    struct state *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    size_t bytes = 0, scratch;
    if (!s)
        return dli_alloc_status();
    p->state = s;
    s->training = p->mode == DLI_TRAIN;
    p->kernel = "rnn";
    p->in_layout[0] = p->out_layout = DLI_PLAIN;
    bool fits = dli_sequence_add(&bytes, &s->x_at, rows, time, in) && dli_sequence_add(&bytes, &s->z_at, rows, time, a->units) &&
                dli_sequence_add(&bytes, &s->h_at, rows, time, a->units);
    s->kept = bytes;
    scratch = p->mode == DLI_TRAIN ? 0 : bytes;
    fits = fits && dli_sequence_add(&scratch, &s->part_at, rows, 1, a->units) &&
           dli_sequence_add(&scratch, &s->dz_at, back, time, a->units) && dli_sequence_add(&scratch, &s->dx_at, back, time, in);
    if (!fits)
        return dli_fail(err, DL4C_E_LIMIT, "simple_rnn", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    s->product_at = scratch;
    if (p->mode == DLI_TRAIN) {
        const size_t first = dli_dense_backward_scratch(rows * time, in, a->units, p->workers);
        const size_t second = dli_dense_backward_scratch(rows * time, a->units, a->units, p->workers);
        scratch += first > second ? first : second;
        p->saved_bytes = s->kept;
    }
    p->scratch_bytes = scratch;
    return DL4C_OK;
}

static void forward(const struct dli_exec *x)
{
    const struct rnn *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1], u = a->units;
    void *kept = s->training ? x->saved : x->scratch;
    float *by_time = dli_sequence_at(kept, s->x_at), *z = dli_sequence_at(kept, s->z_at), *h = dli_sequence_at(kept, s->h_at);
    float *part = dli_sequence_at(x->scratch, s->part_at);
    dli_sequence_in(x, n, in, time, x->in[0], by_time);
    dli_dense_run(x->ctx, x->threads, n * time, in, u, by_time, in, x->params[W], NULL, z);
    for (int64_t t = 0; t < time; t++) {
        float *now = z + t * n * u;
        if (t > 0)
            dli_dense_run(x->ctx, x->threads, n, u, u, h + (t - 1) * n * u, u, x->params[RW], NULL, part);
        for (int64_t k = 0; k < n * u; k++) {
            now[k] += (t > 0 ? part[k] : 0) + dli_param_at(x->params[B], k % u);
            h[t * n * u + k] = !x->mask || x->mask[k / u * time + t] != 0 ? dli_cell(a->cell, now[k]) : 0.0f;
        }
    }
    dli_sequence_out(x, n, u, time, h, x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct rnn *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1], u = a->units;
    const float *z = dli_sequence_at(x->saved, s->z_at), *h = dli_sequence_at(x->saved, s->h_at);
    float *part = dli_sequence_at(x->scratch, s->part_at), *dz = dli_sequence_at(x->scratch, s->dz_at);
    float *product = dli_sequence_at(x->scratch, s->product_at);
    dli_sequence_in(x, n, u, time, x->dout, dz);
    for (int64_t t = time - 1; t >= 0; t--) {
        float *now = dz + t * n * u;
        for (int64_t k = 0; k < n * u; k++)
            now[k] *= !x->mask || x->mask[k / u * time + t] != 0 ? dli_cell_slope(a->cell, z[t * n * u + k]) : 0.0f;
        if (t == 0)
            break;
        dli_dense_backward_data(x->ctx, x->threads, x->blas, n, u, u, now, x->params[RW], part, product);
        for (int64_t k = 0; k < n * u; k++)
            now[k - n * u] += part[k];
    }
    if (x->dparam[W]) {
        dli_dense_backward_weight(x->ctx, x->threads, x->blas, n * time, in, u, dli_sequence_at(x->saved, s->x_at), in, dz, x->dparam[W],
                                  x->dparam[B], false, product);
        if (time > 1)
            dli_dense_backward_weight(x->ctx, x->threads, x->blas, n * (time - 1), u, u, h, u, dz + n * u, x->dparam[RW], NULL, false,
                                      product);
        else
            memset(x->dparam[RW], 0, (size_t)(u * u) * sizeof(float));
    }
    if (!x->din[0])
        return;
    float *dx = dli_sequence_at(x->scratch, s->dx_at);
    dli_dense_backward_data(x->ctx, x->threads, x->blas, n * time, in, u, dz, x->params[W], dx, product);
    dli_sequence_out(x, n, in, time, dx, x->din[0]);
}

const struct dli_op dli_op_simple_rnn = {
    .name = "simple_rnn",
    .doc = "Recurrent layer over a sequence.",
    .dl4j = "SimpleRnn",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_TIMES,
    .attrs = attrs,
    .attrs_size = sizeof(struct rnn),
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
