/* SPDX-License-Identifier: Apache-2.0 */
/* separable_conv2d: [c, h, w] -> [units, oh, ow]: every channel convolved by itself to `multiplier` maps, then all of them mixed pixel by
 * pixel. In memory, as Deeplearning4j has it: b, W [multiplier, c, kh, kw] of the first step, pW [units, c * multiplier, 1, 1] of the
 * second. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017. */
#include "ops/depthwise.h"

struct separable {
    int64_t units;
    struct dli_depth_attrs depth;
};

static const struct dli_attr attrs[] = {
    { .name = "units",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct separable, units),
      .min = 1,
      .max = 1 << 24,
      .doc = "output channels" },
    DLI_DEPTH_ATTRS(struct separable, depth),
    { 0 },
};

/* Offsets in bytes: in the packed memory of the second step's weights, the bias and the first step's weights in the kernels' order;
 * in scratch of the maps between the steps (their gradient in training) and of a gradient of weights. */
struct state {
    struct dli_conv_plan first, second;
    struct dli_depth depth;
    size_t second_at, bias_at, plain_at;
    size_t maps_at, dw_at;
    bool training;
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct separable *a = i->attrs;
    int64_t c, size[2], count;
    DLI_TRY(dli_depth_infer(&a->depth, i, "separable_conv2d", &c, size, err));
    i->out.rank = 3;
    i->out.dim[0] = a->units;
    i->out.dim[1] = size[0];
    i->out.dim[2] = size[1];
    const int64_t kh = a->depth.extent.kernel[0], kw = a->depth.extent.kernel[1], maps = c * a->depth.multiplier;
    const struct dli_shape weight = { .rank = 2, .dim = { a->units, maps } };
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    const double cells = (double)kh * (double)kw;
    if (a->depth.has_bias)
        i->param[i->n_params++] =
            (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { a->units } };
    i->param[i->n_params++] = (struct dli_param_decl){
        .name = "W",
        .role = DLI_PARAM_WEIGHT,
        .order = 'c',
        .rank = 4,
        .shape = { a->depth.multiplier, c, kh, kw },
        .fan_in = (double)c * cells,
        .fan_out = (double)a->depth.multiplier * cells / ((double)a->depth.extent.stride[0] * (double)a->depth.extent.stride[1]),
    };
    i->param[i->n_params++] = (struct dli_param_decl){ .name = "pW",
                                                       .role = DLI_PARAM_WEIGHT,
                                                       .order = 'c',
                                                       .rank = 4,
                                                       .shape = { a->units, maps, 1, 1 },
                                                       .fan_in = (double)maps,
                                                       .fan_out = (double)a->units };
    return DL4C_OK;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static dl4c_status plan(struct state *s, struct dli_prepare *p, struct dl4c_error *err)
{
    const struct separable *a = p->attrs;
    const uint32_t flags = (p->flags & DLI_LOW_MEMORY ? DLI_CONV_LOW_MEMORY : 0) | DLI_CONV_PLAIN;
    const int64_t oh = p->out->dim[1], ow = p->out->dim[2], rows = p->batch * p->in[0].batch;
    s->depth = dli_depth_of(&a->depth, p->in, oh, ow, DLI_DEPTH_FIRST);
    const struct dli_conv_shape *first = &s->depth.shape;
    const struct dli_conv_shape point = { .c_in = first->c_out,
                                          .h_in = oh,
                                          .w_in = ow,
                                          .c_out = a->units,
                                          .h_out = oh,
                                          .w_out = ow,
                                          .kh = 1,
                                          .kw = 1,
                                          .sh = 1,
                                          .sw = 1,
                                          .dh = 1,
                                          .dw = 1,
                                          .groups = 1 };
    DLI_TRY(dli_conv_plan(first, NULL, flags, p->blas, p->workers, &s->first, err));
    DLI_TRY(dli_conv_plan(&point, NULL, flags, p->blas, p->workers, &s->second, err));
    size_t back = 0, maps;
    if (p->mode == DLI_TRAIN)
        back = larger(dli_conv_backward_scratch(first, rows, p->workers), dli_conv_backward_scratch(&point, rows, p->workers));
    if (!dli_mul_size((size_t)(first->c_out * oh * ow), sizeof(float), &maps) || !dli_mul_size(maps, (size_t)rows, &maps) ||
        maps > SIZE_MAX / 8 || back > SIZE_MAX / 8)
        return dli_fail(err, DL4C_E_LIMIT, "separable_conv2d", "a batch of %" PRId64 " needs more scratch memory than sizes count",
                        p->batch);
    const size_t weights = (size_t)dli_depth_floats(&s->depth) * sizeof(float);
    s->second_at = dli_round_up(s->first.packed_bytes);
    s->bias_at = s->second_at + dli_round_up(s->second.packed_bytes);
    s->plain_at = s->bias_at + dli_round_up(a->depth.has_bias ? (size_t)a->units * sizeof(float) : 0);
    p->packed_bytes = s->plain_at + weights;
    p->pack_key = s->first.pack_key * 31 + s->second.pack_key + 2;
    p->unread = ~0u;
    s->maps_at = dli_round_up(larger(back, larger(s->first.scratch_bytes, s->second.scratch_bytes)));
    s->dw_at = s->maps_at + dli_round_up(maps);
    p->scratch_bytes = s->dw_at + (p->mode == DLI_TRAIN ? weights : 0);
    p->saved_bytes = p->mode == DLI_TRAIN ? maps : 0;
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    struct state *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    const dl4c_status status = plan(s, p, err);
    if (status != DL4C_OK) {
        dli_free(s);
        return status;
    }
    s->training = p->mode == DLI_TRAIN;
    p->state = s;
    p->in_layout[0] = p->out_layout = DLI_PLAIN;
    p->kernel = "separable";
    return DL4C_OK;
}

static float *at(const void *memory, size_t offset) { return (float *)(uintptr_t)((const char *)memory + offset); }

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct separable *a = p->attrs;
    const struct state *s = p->state;
    const int64_t b = a->depth.has_bias;
    dli_depth_weights(&s->depth, params[b], at(packed, s->plain_at));
    dli_conv_pack(&s->first, p->ctx, threads, at(packed, s->plain_at), NULL, packed);
    dli_conv_pack(&s->second, p->ctx, threads, params[b + 1], NULL, at(packed, s->second_at));
    if (b)
        memcpy(at(packed, s->bias_at), params[0], (size_t)a->units * sizeof(float));
}

static void forward(const struct dli_exec *x)
{
    const struct separable *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0);
    float *maps = s->training ? x->saved : at(x->scratch, s->maps_at);
    dli_conv_run(&s->first, x->ctx, x->threads, n, x->packed, NULL, x->in[0], NULL, maps, x->scratch);
    dli_conv_run(&s->second, x->ctx, x->threads, n, at(x->packed, s->second_at), a->depth.has_bias ? at(x->packed, s->bias_at) : NULL, maps,
                 NULL, x->out, x->scratch);
}

static void backward(const struct dli_exec *x)
{
    const struct separable *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), b = a->depth.has_bias;
    float *dmaps = at(x->scratch, s->maps_at), *dw = at(x->scratch, s->dw_at);
    if (x->dparam[b + 1])
        dli_conv_backward_weights(&s->second.shape, x->ctx, x->threads, x->blas, n, x->saved, x->dout, x->dparam[b + 1],
                                  b ? x->dparam[0] : NULL, x->scratch);
    if (!x->dparam[b] && !x->din[0])
        return;
    dli_conv_backward_data(&s->second.shape, x->ctx, x->threads, x->blas, n, x->params[b + 1], x->dout, dmaps, x->scratch);
    if (x->dparam[b]) {
        dli_conv_backward_weights(&s->depth.shape, x->ctx, x->threads, x->blas, n, x->in[0], dmaps, dw, NULL, x->scratch);
        dli_depth_gradient(&s->depth, dw, x->dparam[b]);
    }
    if (x->din[0])
        dli_conv_backward_data(&s->depth.shape, x->ctx, x->threads, x->blas, n, at(x->packed, s->plain_at), dmaps, x->din[0], x->scratch);
}

const struct dli_op dli_op_separable_conv2d = {
    .name = "separable_conv2d",
    .doc = "Convolution of every channel by itself, then of pixels over all channels.",
    .dl4j = "SeparableConvolution2DLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_BACK_IN | DLI_OP_BIAS_LAST,
    .attrs = attrs,
    .attrs_size = sizeof(struct separable),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
