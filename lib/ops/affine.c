/* SPDX-License-Identifier: Apache-2.0 */
/* affine: y = W[c] * x + b[c] over the first axis of the row; what a constant per channel becomes that a file multiplies or adds.
 * dx = W * dy; dW = sum of dy * x, db = sum of dy. */
#include "ops/support.h"

struct affine {
    int64_t has_bias, n_in;
};

static const struct dli_attr attrs[] = {
    { .name = "has_bias", .type = DL4C_ATTR_INT, .offset = offsetof(struct affine, has_bias), .def = 1, .min = 0, .max = 1,
      .doc = "whether there is a b" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = offsetof(struct affine, n_in), .min = 0, .max = (double)(1LL << 40),
      .doc = "channels; 0: as the input has" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct affine *a = i->attrs;
    int64_t c;
    if (i->in[0].rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "affine", "vertex '%s': the input has no axis but the batch", i->vertex);
    DLI_TRY(dli_want_n_in(i, "affine", "channels", i->in[0].dim[0], a->n_in, &c, err));
    i->out = i->in[0];
    i->out.dim[0] = c;
    i->param[i->n_params++] =
        (struct dli_param_decl){ .name = "W", .role = DLI_PARAM_GAIN, .order = 'c', .rank = 1, .shape = { c }, .init = 1 };
    if (a->has_bias)
        i->param[i->n_params++] = (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_GAIN, .order = 'c', .rank = 1, .shape = { c } };
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const int64_t c = p->out->dim[0];
    if (c > INT64_MAX / 64)
        return dli_fail(err, DL4C_E_LIMIT, "affine", "%" PRId64 " channels", c);
    if (p->mode == DLI_TRAIN)
        p->scratch_bytes = (size_t)c * sizeof(double);
    else
        p->packed_bytes = (size_t)c * 2 * sizeof(float);
    return DL4C_OK;
}

/* Copies at an address that suits a float: in a mapped file the parameters may lie anywhere. */
static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const size_t bytes = (size_t)p->out->dim[0] * sizeof(float);
    (void)threads;
    memcpy(packed, params[0], bytes);
    if (((const struct affine *)p->attrs)->has_bias)
        memcpy((char *)packed + bytes, params[1], bytes);
}

static void forward(const struct dli_exec *x)
{
    const int64_t c = dli_row_channels(x->out_shape);
    const float *w = x->packed ? x->packed : x->params[0], *b = NULL;
    if (((const struct affine *)x->attrs)->has_bias)
        b = x->packed ? w + c : x->params[1];
    dli_channel_affine(x->ctx, x->threads, x->out_layout, dli_in_rows(x, 0), c, dli_row_pixels(x->out_shape), x->in[0], w, b, x->out);
}

static void backward(const struct dli_exec *x)
{
    const int64_t n = dli_in_rows(x, 0), c = dli_row_channels(x->out_shape), hw = dli_row_pixels(x->out_shape);
    double *sum = x->scratch;
    for (int32_t k = 0; k <= ((const struct affine *)x->attrs)->has_bias; k++) {
        if (!x->dparam[k])
            continue;
        dli_channel_sum(x->ctx, x->threads, n, c, hw, x->dout, k == 0 ? x->in[0] : NULL, sum);
        for (int64_t i = 0; i < c; i++)
            x->dparam[k][i] = (float)sum[i];
    }
    if (x->din[0])
        dli_channel_affine(x->ctx, x->threads, DLI_PLAIN, n, c, hw, x->dout, x->params[0], NULL, x->din[0]);
}

const struct dli_op dli_op_affine = {
    .name = "affine",
    .doc = "A factor and a summand for each channel.",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct affine),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
