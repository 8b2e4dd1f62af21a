/* SPDX-License-Identifier: Apache-2.0 */
/* y = x * W + b of flattened rows. W is [in, units] column-major as Deeplearning4j stores it, then b. */
#include "ops/linear.h"
#include "kernels/dense.h"

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

/* W is used where it lies; the bias may lie at an odd address of a mapped file and is copied. */
dl4c_status dli_linear_prepare(const struct dli_linear *a, struct dli_prepare *p, struct dl4c_error *err)
{
    (void)err;
    p->in_layout[0] = DLI_PLAIN;
    p->out_layout = DLI_PLAIN;
    p->kernel = "dense";
    if (p->mode == DLI_TRAIN)
        p->scratch_bytes = dli_dense_backward_scratch(p->batch * p->in[0].batch, dli_row_elements(p->in), a->units, p->workers);
    else if (a->has_bias)
        p->packed_bytes = (size_t)a->units * sizeof(float);
    p->unread = a->has_bias ? 1u << 1 : 0;
    return DL4C_OK;
}

void dli_linear_pack(const struct dli_linear *a, const void *const *params, void *packed)
{
    memcpy(packed, params[1], (size_t)a->units * sizeof(float));
}

void dli_linear_forward(const struct dli_linear *a, const struct dli_exec *x)
{
    const int64_t in = dli_row_elements(x->in_shape);
    const float *bias = !a->has_bias ? NULL : x->packed ? x->packed : x->params[1];
    dli_dense_run(x->ctx, x->threads, dli_in_rows(x, 0), in, a->units, x->in[0], in, x->params[0], bias, x->out);
}

void dli_linear_backward(const struct dli_linear *a, const struct dli_exec *x)
{
    const int64_t n = dli_in_rows(x, 0), in = dli_row_elements(x->in_shape);
    if (x->dparam[0])
        dli_dense_backward_weight(x->ctx, x->threads, x->blas, n, in, a->units, x->in[0], in, x->dout, x->dparam[0],
                                  a->has_bias ? x->dparam[1] : NULL, false, x->scratch);
    if (x->din[0])
        dli_dense_backward_data(x->ctx, x->threads, x->blas, n, in, a->units, x->dout, x->params[0], x->din[0], x->scratch);
}
