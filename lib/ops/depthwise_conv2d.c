/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_conv2d: [c, h, w] -> [c * multiplier, oh, ow], every channel convolved by itself. b comes before W in memory, W is
 * [kh, kw, c, multiplier], as Deeplearning4j stores them. conv2d with as many groups as channels is the same with ONNX's weights. */
#include "ops/depthwise.h"

struct depthwise {
    struct dli_depth_attrs depth;
};

static const struct dli_attr attrs[] = { DLI_DEPTH_ATTRS(struct depthwise, depth), { 0 } };

struct state {
    struct dli_conv_plan plan;
    struct dli_depth depth;
    size_t bias_at, plain_at; /* in the packed memory, in bytes: the bias, the weights in the kernels' order */
    size_t dw_at;             /* in scratch */
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct dli_depth_attrs *a = i->attrs;
    int64_t c, size[2];
    DLI_TRY(dli_depth_infer(a, i, "depthwise_conv2d", &c, size, err));
    i->out.rank = 3;
    i->out.dim[0] = c * a->multiplier;
    i->out.dim[1] = size[0];
    i->out.dim[2] = size[1];
    const int64_t kh = a->extent.kernel[0], kw = a->extent.kernel[1];
    if (a->has_bias)
        i->param[i->n_params++] =
            (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { c * a->multiplier } };
    i->param[i->n_params++] = (struct dli_param_decl){
        .name = "W",
        .role = DLI_PARAM_WEIGHT,
        .order = 'c',
        .rank = 4,
        .shape = { kh, kw, c, a->multiplier },
        .fan_in = (double)c * (double)kh * (double)kw,
        .fan_out = (double)a->multiplier * (double)kh * (double)kw / ((double)a->extent.stride[0] * (double)a->extent.stride[1]),
    };
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct dli_depth_attrs *a = p->attrs;
    struct state *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    s->depth = dli_depth_of(a, p->in, p->out->dim[1], p->out->dim[2], DLI_DEPTH_LAST);
    const uint32_t flags = (p->flags & DLI_LOW_MEMORY ? DLI_CONV_LOW_MEMORY : 0) | (p->mode == DLI_TRAIN ? DLI_CONV_PLAIN : 0);
    const size_t back = p->mode == DLI_TRAIN ? dli_conv_backward_scratch(&s->depth.shape, p->batch * p->in[0].batch, p->workers) : 0;
    dl4c_status status = dli_conv_plan(&s->depth.shape, NULL, flags, p->blas, p->workers, &s->plan, err);
    if (status == DL4C_OK && back > SIZE_MAX / 2)
        status =
            dli_fail(err, DL4C_E_LIMIT, "depthwise_conv2d", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    if (status != DL4C_OK) {
        dli_free(s);
        return status;
    }
    const size_t weights = (size_t)dli_depth_floats(&s->depth) * sizeof(float);
    p->state = s;
    p->in_layout[0] = s->plan.in_layout;
    p->out_layout = s->plan.out_layout;
    s->bias_at = dli_round_up(s->plan.packed_bytes);
    s->plain_at = s->bias_at + dli_round_up(a->has_bias ? (size_t)s->depth.shape.c_out * sizeof(float) : 0);
    p->packed_bytes = s->plain_at + weights;
    p->pack_key = s->plan.pack_key + 1;
    p->unread = ~0u;
    s->dw_at = dli_round_up(s->plan.scratch_bytes > back ? s->plan.scratch_bytes : back);
    p->scratch_bytes = p->mode == DLI_TRAIN ? s->dw_at + weights : s->plan.scratch_bytes;
    p->kernel = "depthwise";
    return DL4C_OK;
}

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct dli_depth_attrs *a = p->attrs;
    const struct state *s = p->state;
    float *plain = (float *)(void *)((char *)packed + s->plain_at);
    dli_depth_weights(&s->depth, params[a->has_bias], plain);
    dli_conv_pack(&s->plan, p->ctx, threads, plain, NULL, packed);
    if (a->has_bias)
        memcpy((char *)packed + s->bias_at, params[0], (size_t)s->depth.shape.c_out * sizeof(float));
}

static void forward(const struct dli_exec *x)
{
    const struct dli_depth_attrs *a = x->attrs;
    const struct state *s = x->state;
    const float *bias = a->has_bias ? (const float *)(const void *)((const char *)x->packed + s->bias_at) : NULL;
    dli_conv_run(&s->plan, x->ctx, x->threads, dli_in_rows(x, 0), x->packed, bias, x->in[0], NULL, x->out, x->scratch);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_depth_attrs *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0);
    if (x->dparam[a->has_bias]) {
        float *dw = (float *)(void *)((char *)x->scratch + s->dw_at);
        dli_conv_backward_weights(&s->depth.shape, x->ctx, x->threads, x->blas, n, x->in[0], x->dout, dw, a->has_bias ? x->dparam[0] : NULL,
                                  x->scratch);
        dli_depth_gradient(&s->depth, dw, x->dparam[a->has_bias]);
    }
    if (x->din[0])
        dli_conv_backward_data(&s->depth.shape, x->ctx, x->threads, x->blas, n,
                               (const float *)(const void *)((const char *)x->packed + s->plain_at), x->dout, x->din[0], x->scratch);
}

const struct dli_op dli_op_depthwise_conv2d = {
    .name = "depthwise_conv2d",
    .doc = "Convolution of every channel by itself.",
    .dl4j = "DepthwiseConvolution2DLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_BACK_IN | DLI_OP_BIAS_LAST,
    .attrs = attrs,
    .attrs_size = sizeof(struct depthwise),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
