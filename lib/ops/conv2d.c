/* SPDX-License-Identifier: Apache-2.0 */
/* conv2d: [c, h, w] -> [units, oh, ow]; y[o, i, j] = b[o] + sum over c, a, b of W[o, c, a, b] * x[c, i * stride - pad + a * dilation, ...]
 * over the channels of o's group. b comes before W in memory, W is [units, c / groups, kh, kw], as Deeplearning4j stores them.
 * A depthwise convolution has groups = c. */
#include "kernels/conv.h"
#include "ops/extent.h"
#include "ops/support.h"

#include <math.h>

struct conv {
    int64_t units;
    struct dli_extent extent;
    int64_t groups, has_bias, n_in;
};
#define CONV(member) offsetof(struct conv, member)

static const struct dli_attr attrs[] = {
    { .name = "units", .type = DL4C_ATTR_INT, .required = true, .offset = CONV(units), .min = 1, .max = 1 << 24,
      .doc = "output channels" },
    { .name = "kernel", .type = DL4C_ATTR_INTS, .required = true, .count = 2, .offset = CONV(extent.kernel), .def = 1, .min = 1,
      .max = 65536, .doc = "height and width of the kernel" },
    { .name = "stride", .type = DL4C_ATTR_INTS, .count = 2, .offset = CONV(extent.stride), .def = 1, .min = 1, .max = 65536,
      .doc = "step down and to the right" },
    DLI_EXTENT_ATTRS(struct conv, extent),
    { .name = "groups", .type = DL4C_ATTR_INT, .offset = CONV(groups), .def = 1, .min = 1, .max = 1 << 24,
      .doc = "groups of channels that see only each other; as many as input channels: depthwise" },
    { .name = "has_bias", .type = DL4C_ATTR_INT, .offset = CONV(has_bias), .def = 1, .min = 0, .max = 1,
      .doc = "whether there is a bias" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = CONV(n_in), .min = 0, .max = 1 << 24,
      .doc = "input channels; 0: as the input has" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct conv *a = i->attrs;
    struct dli_extent_size h, w;
    int64_t c;
    DLI_TRY(dli_want_image(i, "conv2d", err));
    DLI_TRY(dli_want_n_in(i, "conv2d", "channels", i->in[0].dim[0], a->n_in, &c, err));
    if (c > 1 << 24)
        return dli_fail(err, DL4C_E_INVALID, "conv2d", "vertex '%s': the input has %" PRId64 " channels, wanted at most %d", i->vertex, c,
                        1 << 24);
    if (c % a->groups != 0 || a->units % a->groups != 0)
        return dli_fail(err, DL4C_E_INVALID, "conv2d",
                        "vertex '%s': %" PRId64 " groups do not divide %" PRId64 " input channels and %" PRId64 " units", i->vertex,
                        a->groups, c, a->units);
    DLI_TRY(dli_extent_size(&a->extent, i, "conv2d", 0, false, &h, err));
    DLI_TRY(dli_extent_size(&a->extent, i, "conv2d", 1, false, &w, err));
    i->out.rank = 3;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = a->units;
    i->out.dim[1] = h.out;
    i->out.dim[2] = w.out;

    const int64_t kh = a->extent.kernel[0], kw = a->extent.kernel[1];
    const struct dli_shape weight = { .rank = 4, .dim = { a->units, c / a->groups, kh, kw } };
    int64_t count;
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    if (a->has_bias)
        i->param[i->n_params++] =
            (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { a->units } };
    i->param[i->n_params++] = (struct dli_param_decl){
        .name = "W",
        .role = DLI_PARAM_WEIGHT,
        .order = 'c',
        .rank = 4,
        .shape = { a->units, c / a->groups, kh, kw },
        .fan_in = (double)(c / a->groups) * (double)kh * (double)kw,
        .fan_out = (double)(a->units / a->groups) * (double)kh * (double)kw / ((double)a->extent.stride[0] * (double)a->extent.stride[1]),
    };
    return DL4C_OK;
}

/* `in` is what the layer sees: with its padding where the step adds it. */
static struct dli_conv_shape conv_shape(const struct conv *a, const struct dli_shape *in, const struct dli_shape *out,
                                        const struct dli_fuse *fuse)
{
    const struct dli_extent *e = &a->extent;
    struct dli_conv_shape s = {
        .c_in = in->dim[0],
        .h_in = in->dim[1],
        .w_in = in->dim[2],
        .c_out = a->units,
        .kh = (int32_t)e->kernel[0],
        .kw = (int32_t)e->kernel[1],
        .sh = (int32_t)e->stride[0],
        .sw = (int32_t)e->stride[1],
        .dh = (int32_t)e->dilation[0],
        .dw = (int32_t)e->dilation[1],
        .groups = (int32_t)a->groups,
    };
    s.h_out = out->dim[1];
    s.w_out = out->dim[2];
    s.pad_top = (int32_t)dli_extent_known(e, 0, s.h_in, s.h_out).pad;
    s.pad_left = (int32_t)dli_extent_known(e, 1, s.w_in, s.w_out).pad;
    if (fuse && fuse->padded) {
        s.h_in -= fuse->padding[0] + fuse->padding[1];
        s.w_in -= fuse->padding[2] + fuse->padding[3];
        s.pad_top += fuse->padding[0];
        s.pad_left += fuse->padding[2];
    }
    return s;
}

static struct dli_shape with_padding(const struct dli_shape *in, const struct dli_fuse *fuse)
{
    struct dli_shape s = *in;
    if (fuse && fuse->padded) {
        s.dim[1] += fuse->padding[0] + fuse->padding[1];
        s.dim[2] += fuse->padding[2] + fuse->padding[3];
    }
    return s;
}

/* False where an activation is asked for that the kernels do not know. */
static bool conv_fuse(const struct dli_fuse *f, struct dli_conv_fuse *out)
{
    memset(out, 0, sizeof *out);
    if (f->act) {
        float lo, hi;
        if (!f->act->as_clip || !f->act->as_clip(f->act_attrs, &lo, &hi))
            return false;
        out->act = lo == 0 && hi == (float)INFINITY ? DLI_CONV_ACT_RELU : DLI_CONV_ACT_CLIP;
        out->lo = lo;
        out->hi = hi;
    }
    out->add = f->add;
    out->pool2 = f->pool2;
    return true;
}

/* With pooling fused the plan's out is that of the pooled map: the convolution's own follows from the input again. */
static struct dli_shape unpooled(const struct conv *a, const struct dli_shape *in)
{
    struct dli_infer i = { .vertex = "", .attrs = a, .n_in = 1, .in = in };
    infer(&i, NULL);
    return i.out;
}

static bool can_fuse(const void *attr, const struct dli_shape *in, const struct dli_shape *out, const struct dli_fuse *fuse)
{
    struct dli_conv_fuse f;
    const struct dli_shape own = unpooled(attr, in);
    (void)out;
    if (!conv_fuse(fuse, &f))
        return false;
    const struct dli_conv_shape s = conv_shape(attr, in, &own, fuse);
    return s.h_in > 0 && s.w_in > 0 && dli_conv_can_fuse(&s, &f);
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct conv *a = p->attrs;
    const struct dli_shape in = with_padding(p->in, p->fuse), own = unpooled(a, &in);
    const struct dli_conv_shape s = conv_shape(a, &in, &own, p->fuse);
    struct dli_conv_fuse fuse = { 0 };
    static const char *const names[][7] = {
        { "winograd", "direct", "point", "first", "depthwise", "im2col", "winograd" },
        { "winograd bf16-weights", "direct bf16-weights", "point bf16-weights" },
        { "winograd bf16", "direct bf16", "point bf16" },
        { "winograd int8-weights", "direct int8-weights", "point int8-weights" },
    };
    if (p->fuse && !conv_fuse(p->fuse, &fuse))
        return dli_fail(err, DL4C_E_INTERNAL, "conv2d", "asked to fuse what can_fuse refused");
    struct dli_conv_plan *plan = dli_calloc(p->ctx, 1, sizeof *plan, err);
    if (!plan)
        return dli_alloc_status();
    const uint32_t flags = (p->flags & DLI_LOW_MEMORY ? DLI_CONV_LOW_MEMORY : 0) | (p->mode == DLI_TRAIN ? DLI_CONV_PLAIN : 0);
    const size_t back = p->mode == DLI_TRAIN ? dli_conv_backward_scratch(&s, p->batch * p->in[0].batch, p->workers) : 0;
    const int32_t precision = p->mode == DLI_TRAIN ? DL4C_PRECISION_F32 : p->precision;
    dl4c_status status = dli_conv_plan_precision(&s, &fuse, flags, precision, p->blas, p->workers, plan, err);
    if (status == DL4C_OK && back == SIZE_MAX)
        status = dli_fail(err, DL4C_E_LIMIT, "conv2d", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    if (status != DL4C_OK) {
        dli_free(plan);
        return status;
    }
    p->state = plan;
    p->in_layout[0] = plan->in_layout;
    if (fuse.add)
        p->in_layout[p->n_in - 1] = plan->out_layout;
    p->out_layout = plan->out_layout;
    p->scratch_bytes = plan->scratch_bytes > back ? plan->scratch_bytes : back;
    p->packed_bytes = dli_round_up(plan->packed_bytes) + (a->has_bias ? (size_t)a->units * sizeof(float) : 0);
    p->pack_key = plan->pack_key;
    p->unread = ~0u;
    p->apart = dli_conv_can_run_apart(plan);
    p->kernel = names[plan->precision][plan->algorithm];
    return DL4C_OK;
}

/* Packed: the kernel's weights, then the bias at an address of its own: in a mapped file it may lie anywhere. */
static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct conv *a = p->attrs;
    const struct dli_conv_plan *plan = p->state;
    dli_conv_pack(plan, p->ctx, threads, params[a->has_bias], NULL, packed);
    if (a->has_bias)
        memcpy((char *)packed + dli_round_up(plan->packed_bytes), params[0], (size_t)a->units * sizeof(float));
}

static const float *bias_of(const struct dli_exec *x)
{
    const struct dli_conv_plan *plan = x->state;
    const char *packed = x->packed;
    return ((const struct conv *)x->attrs)->has_bias ? (const float *)(const void *)(packed + dli_round_up(plan->packed_bytes)) : NULL;
}

static void forward(const struct dli_exec *x)
{
    const struct dli_conv_plan *plan = x->state;
    if (x->out_step > 0) {
        dli_conv_run_apart(plan, x->ctx, x->threads, dli_in_rows(x, 0), x->packed, bias_of(x), x->in[0], x->out, x->out_step, x->scratch);
        return;
    }
    dli_conv_run(plan, x->ctx, x->threads, dli_in_rows(x, 0), x->packed, bias_of(x), x->in[0],
                 plan->fuse.add ? x->in[x->n_in - 1] : NULL, x->out, x->scratch);
}

static dl4c_status join(struct dli_join *j, struct dl4c_error *err)
{
    struct dli_conv_block block;
    if (j->n < 2 || j->n > 3 || !dli_conv_block_plan((const struct dli_conv_plan *const *)j->states, j->n, &block))
        return DL4C_OK;
    struct dli_conv_block *state = dli_calloc(j->ctx, 1, sizeof *state, err);
    if (!state)
        return dli_alloc_status();
    *state = block;
    j->state = state;
    j->scratch_bytes = block.scratch_bytes;
    return DL4C_OK;
}

static void forward_joined(const struct dli_exec *x, int32_t n, const void *state)
{
    const void *packed[3];
    const float *bias[3];
    for (int32_t k = 0; k < n; k++) {
        packed[k] = x[k].packed;
        bias[k] = bias_of(&x[k]);
    }
    const struct dli_exec *last = &x[n - 1];
    const struct dli_conv_plan *plan = last->state;
    dli_conv_block_run(state, x->ctx, x->threads, dli_in_rows(x, 0), packed, bias, x->in[0],
                       plan->fuse.add ? last->in[last->n_in - 1] : NULL, last->out, last->scratch);
}

static void backward(const struct dli_exec *x)
{
    const struct conv *a = x->attrs;
    const struct dli_conv_shape *s = &((const struct dli_conv_plan *)x->state)->shape;
    const int64_t n = dli_in_rows(x, 0);
    float *db = a->has_bias ? x->dparam[0] : NULL, *dw = x->dparam[a->has_bias];
    if (dw)
        dli_conv_backward_weights(s, x->ctx, x->threads, x->blas, n, x->in[0], x->dout, dw, db, x->scratch);
    if (x->din[0])
        dli_conv_backward_data(s, x->ctx, x->threads, x->blas, n, x->params[a->has_bias], x->dout, x->din[0], x->scratch);
}

const struct dli_op dli_op_conv2d = {
    .name = "conv2d",
    .doc = "Convolution of images, in groups down to depthwise.",
    .dl4j = "ConvolutionLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct conv),
    .infer = infer,
    .can_fuse = can_fuse,
    .prepare = prepare,
    .pack = pack,
    .join = join,
    .forward_joined = forward_joined,
    .forward = forward,
    .backward = backward,
};
