/* SPDX-License-Identifier: Apache-2.0 */
/* y = x * W + b of flattened rows. W is [in, units] column-major as Deeplearning4j stores it, then b. */
#include "ops/linear.h"
#include "kernels/dense.h"
#include "kernels/gemm.h"

dl4c_status dli_linear_infer(const struct dli_linear *a, struct dli_infer *i, const char *op, struct dl4c_error *err)
{
    int64_t in, count;
    DLI_TRY(dli_shape_elements(&i->in[0], &in, err));
    DLI_TRY(dli_want_n_in(i, op, "elements", in, a->n_in, &in, err));
    const struct dli_shape weight = { .rank = 2, .dim = { in, a->units } };
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    i->out.rank = 1;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = a->units;
    i->param[i->n_params++] = (struct dli_param_decl){ .name = "W",
                                                       .role = DLI_PARAM_WEIGHT,
                                                       .order = 'f',
                                                       .rank = 2,
                                                       .shape = { in, a->units },
                                                       .fan_in = (double)in,
                                                       .fan_out = (double)a->units };
    if (a->has_bias)
        i->param[i->n_params++] =
            (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { a->units } };
    return DL4C_OK;
}

/* What runs need to know of a precision other than f32, where the step has a state at all. */
struct stored {
    int32_t precision;
    size_t weights_at; /* in the packed bytes: the bias is first */
};

/* In f32 W is used where it lies; the bias may lie at an odd address of a mapped file and is copied. */
dl4c_status dli_linear_prepare(const struct dli_linear *a, struct dli_prepare *p, struct dl4c_error *err)
{
    static const char *const names[] = { "dense", "dense bf16-weights", "dense bf16", "dense int8-weights" };
    const int64_t in = dli_row_elements(p->in), rows = p->batch * p->in[0].batch;
    p->in_layout[0] = DLI_PLAIN;
    p->out_layout = DLI_PLAIN;
    p->kernel = names[p->mode == DLI_TRAIN ? DL4C_PRECISION_F32 : p->precision];
    p->unread = a->has_bias ? 1u << 1 : 0;
    if (p->mode == DLI_TRAIN) {
        p->scratch_bytes = dli_dense_backward_scratch(rows, in, a->units, p->workers);
        if (rows <= DLI_DENSE_TAKEN && strcmp(dli_gemm_provider(p->blas), "own") == 0) {
            const size_t bytes = dli_dense_learn_scratch(rows, in, a->units, p->workers);
            p->scratch_bytes = bytes > p->scratch_bytes ? bytes : p->scratch_bytes;
            p->takes = 1;
        }
        return DL4C_OK;
    }
    p->packed_bytes = a->has_bias ? (size_t)a->units * sizeof(float) : 0;
    if (p->precision == DL4C_PRECISION_F32)
        return DL4C_OK;
    struct stored *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    s->precision = p->precision;
    s->weights_at = dli_round_up(p->packed_bytes);
    p->state = s;
    p->packed_bytes = s->weights_at + dli_dense_stored_bytes(p->precision, in, a->units);
    p->pack_key = p->precision == DL4C_PRECISION_INT8_WEIGHTS ? 1 : 2; /* both kinds of bf16 store the same */
    p->scratch_bytes = dli_dense_stored_scratch(p->precision, rows, in);
    p->unread |= 1;
    return DL4C_OK;
}

void dli_linear_pack(const struct dli_linear *a, const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct stored *s = p->state;
    if (a->has_bias)
        memcpy(packed, params[1], (size_t)a->units * sizeof(float));
    if (s)
        dli_dense_store(p->ctx, threads, s->precision, dli_row_elements(p->in), a->units, params[0], (char *)packed + s->weights_at);
}

void dli_linear_forward(const struct dli_linear *a, const struct dli_exec *x)
{
    const struct stored *s = x->state;
    const int64_t in = dli_row_elements(x->in_shape), n = dli_in_rows(x, 0);
    const float *bias = !a->has_bias ? NULL : x->packed ? x->packed : x->params[1];
    if (s)
        dli_dense_run_stored(x->ctx, x->threads, s->precision, n, in, a->units, x->in[0], in, (const char *)x->packed + s->weights_at, bias,
                             x->out, x->scratch);
    else
        dli_dense_run(x->ctx, x->threads, n, in, a->units, x->in[0], in, x->params[0], bias, x->out);
}

void dli_linear_backward(const struct dli_linear *a, const struct dli_exec *x)
{
    const int64_t n = dli_in_rows(x, 0), in = dli_row_elements(x->in_shape);
    if (x->din[0]) /* first: the weight may change after it */
        dli_dense_backward_data(x->ctx, x->threads, x->blas, n, in, a->units, x->dout, x->params[0], x->din[0], x->scratch);
    if (x->takers && x->takers[0])
        dli_dense_learn_weight(x->ctx, x->threads, n, in, a->units, x->in[0], in, x->dout, x->takers[0], a->has_bias ? x->dparam[1] : NULL,
                               x->scratch);
    else if (x->dparam[0])
        dli_dense_backward_weight(x->ctx, x->threads, x->blas, n, in, a->units, x->in[0], in, x->dout, x->dparam[0],
                                  a->has_bias ? x->dparam[1] : NULL, false, x->scratch);
}
