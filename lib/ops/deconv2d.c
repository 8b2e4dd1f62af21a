/* SPDX-License-Identifier: Apache-2.0 */
/* deconv2d: [c, h, w] -> [units, oh, ow], the transpose of a convolution from there to here: every element of the input adds its multiple
 * of the kernel to the output, y[o, i * stride - pad + a * dilation, ...] += W[c, o, a, b] * x[c, i, j], then b[o]. b comes before W in
 * memory, W is [c, units, kh, kw], as Deeplearning4j stores them. Zeiler et al., "Deconvolutional Networks", CVPR 2010. */
#include "kernels/conv.h"
#include "ops/extent.h"
#include "ops/support.h"

struct deconv {
    int64_t units;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int32_t mode, reserved;
    int64_t has_bias, n_in;
};
#define DECONV(member) offsetof(struct deconv, member)

enum { MODE_TRUNCATE, MODE_STRICT, MODE_SAME };
static const char *const mode_words[] = { "truncate", "strict", "same", NULL };

static const struct dli_attr attrs[] = {
    { .name = "units", .type = DL4C_ATTR_INT, .required = true, .offset = DECONV(units), .min = 1, .max = 1 << 24,
      .doc = "output channels" },
    { .name = "kernel", .type = DL4C_ATTR_INTS, .required = true, .count = 2, .offset = DECONV(kernel), .def = 1, .min = 1, .max = 65536,
      .doc = "height and width of the kernel" },
    { .name = "stride", .type = DL4C_ATTR_INTS, .count = 2, .offset = DECONV(stride), .def = 1, .min = 1, .max = 65536,
      .doc = "step down and to the right in the output" },
    { .name = "padding", .type = DL4C_ATTR_INTS, .count = 2, .offset = DECONV(padding), .min = 0, .max = 65536,
      .doc = "rows and columns cut off on each side of the output; the mode same chooses its own" },
    { .name = "dilation", .type = DL4C_ATTR_INTS, .count = 2, .offset = DECONV(dilation), .def = 1, .min = 1, .max = 65536,
      .doc = "distance between neighbouring cells of the kernel" },
    { .name = "mode", .type = DL4C_ATTR_STR, .offset = DECONV(mode), .def_text = "truncate", .choices = mode_words,
      .doc = "size of the output: truncate and strict give stride * (size - 1) + kernel - 2 * padding, same gives stride * size, cut off "
             "evenly with the odd row at the end" },
    { .name = "has_bias", .type = DL4C_ATTR_INT, .offset = DECONV(has_bias), .def = 1, .min = 0, .max = 1,
      .doc = "whether there is a bias" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = DECONV(n_in), .min = 0, .max = 1 << 24,
      .doc = "input channels; 0: as the input has" },
    { 0 },
};

/* What the kernel covers of the output. */
static int64_t reach(const struct deconv *a, int32_t axis) { return (a->kernel[axis] - 1) * a->dilation[axis] + 1; }

/* Rows or columns cut off at the start; negative: so many come before the first, where the kernel is smaller than the stride. */
static int64_t pad(const struct deconv *a, int32_t axis)
{
    return a->mode == MODE_SAME ? (reach(a, axis) - a->stride[axis]) / 2 : a->padding[axis];
}

static dl4c_status size_out(const struct deconv *a, const struct dli_infer *i, int32_t axis, int64_t *out, struct dl4c_error *err)
{
    const int64_t in = i->in[0].dim[axis + 1];
    const char *what = axis == 0 ? "height" : "width";
    *out = -1;
    if (in < 0)
        return DL4C_OK;
    if (in == 0 || in > INT32_MAX)
        return dli_fail(err, DL4C_E_INVALID, "deconv2d", "vertex '%s': the input %s has a %s of %" PRId64 ", wanted 1 to %d", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), what, in, INT32_MAX);
    const int64_t size =
        a->mode == MODE_SAME ? in * a->stride[axis] : a->stride[axis] * (in - 1) + reach(a, axis) - 2 * a->padding[axis];
    if (size < 1 || size > INT32_MAX)
        return dli_fail(err, DL4C_E_INVALID, "deconv2d",
                        "vertex '%s': the %s of the input %s is %" PRId64 ", which makes an output of %" PRId64 ", wanted 1 to %d",
                        i->vertex, what, DLI_SHAPE_STR(&i->in[0]), in, size, INT32_MAX);
    *out = size;
    return DL4C_OK;
}

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct deconv *a = i->attrs;
    int64_t c, count;
    DLI_TRY(dli_want_image(i, "deconv2d", err));
    DLI_TRY(dli_want_n_in(i, "deconv2d", "channels", i->in[0].dim[0], a->n_in, &c, err));
    if (c > 1 << 24)
        return dli_fail(err, DL4C_E_INVALID, "deconv2d", "vertex '%s': the input has %" PRId64 " channels, wanted at most %d", i->vertex,
                        c, 1 << 24);
    i->out.rank = 3;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = a->units;
    for (int32_t axis = 0; axis < 2; axis++)
        DLI_TRY(size_out(a, i, axis, &i->out.dim[axis + 1], err));

    const int64_t kh = a->kernel[0], kw = a->kernel[1];
    const struct dli_shape weight = { .rank = 4, .dim = { c, a->units, kh, kw } };
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    if (a->has_bias)
        i->param[i->n_params++] =
            (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { a->units } };
    i->param[i->n_params++] = (struct dli_param_decl){
        .name = "W",
        .role = DLI_PARAM_WEIGHT,
        .order = 'c',
        .rank = 4,
        .shape = { c, a->units, kh, kw },
        .fan_in = (double)c * (double)kh * (double)kw,
        .fan_out = (double)a->units * (double)kh * (double)kw / ((double)a->stride[0] * (double)a->stride[1]),
    };
    return DL4C_OK;
}

/* The convolution that this one transposes: its input is our output, and its weights are ours as they lie. */
static struct dli_conv_shape transposed(const struct deconv *a, const struct dli_shape *in, const struct dli_shape *out)
{
    return (struct dli_conv_shape){
        .c_in = a->units,
        .h_in = out->dim[1],
        .w_in = out->dim[2],
        .c_out = in->dim[0],
        .h_out = in->dim[1],
        .w_out = in->dim[2],
        .kh = (int32_t)a->kernel[0],
        .kw = (int32_t)a->kernel[1],
        .sh = (int32_t)a->stride[0],
        .sw = (int32_t)a->stride[1],
        .dh = (int32_t)a->dilation[0],
        .dw = (int32_t)a->dilation[1],
        .pad_top = (int32_t)pad(a, 0),
        .pad_left = (int32_t)pad(a, 1),
        .groups = 1,
    };
}

/* Packed: in training that convolution's weights, for the gradient of the input. */
static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct deconv *a = p->attrs;
    const struct dli_conv_shape s = transposed(a, p->in, p->out);
    p->in_layout[0] = p->out_layout = DLI_PLAIN;
    p->kernel = "deconv";
    struct dli_conv_plan *plan = dli_calloc(p->ctx, 1, sizeof *plan, err);
    if (!plan)
        return dli_alloc_status();
    p->state = plan; /* released by the caller after a failure too */
    DLI_TRY(dli_conv_plan(&s, NULL, DLI_CONV_PLAIN, p->blas, p->workers, plan, err));
    p->scratch_bytes = dli_conv_backward_scratch(&s, p->batch * p->in[0].batch, p->workers);
    if (p->scratch_bytes == SIZE_MAX)
        return dli_fail(err, DL4C_E_LIMIT, "deconv2d", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    if (p->mode != DLI_TRAIN)
        return DL4C_OK;
    if (plan->scratch_bytes > p->scratch_bytes)
        p->scratch_bytes = plan->scratch_bytes;
    p->packed_bytes = plan->packed_bytes;
    p->pack_key = plan->pack_key;
    return DL4C_OK;
}

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct deconv *a = p->attrs;
    dli_conv_pack(p->state, p->ctx, threads, params[a->has_bias], NULL, packed);
}

struct plane {
    int64_t n, channels, pixels;
    const void *b;
    const float *dy;
    float *y, *db;
};

static void bias_task(void *arg, size_t task, int32_t worker)
{
    const struct plane *p = arg;
    float *y = p->y + (int64_t)task * p->pixels;
    const float b = dli_param_at(p->b, (int64_t)task % p->channels);
    (void)worker;
    for (int64_t i = 0; i < p->pixels; i++)
        y[i] += b;
}

static void bias_gradient_task(void *arg, size_t channel, int32_t worker)
{
    const struct plane *p = arg;
    double sum = 0;
    (void)worker;
    for (int64_t image = 0; image < p->n; image++) {
        const float *dy = p->dy + (image * p->channels + (int64_t)channel) * p->pixels;
        for (int64_t i = 0; i < p->pixels; i++)
            sum += (double)dy[i];
    }
    p->db[channel] = (float)sum;
}

static void forward(const struct dli_exec *x)
{
    const struct deconv *a = x->attrs;
    const struct dli_conv_shape s = transposed(a, x->in_shape, x->out_shape);
    const int64_t n = dli_in_rows(x, 0);
    dli_conv_backward_data(&s, x->ctx, x->threads, x->blas, n, x->params[a->has_bias], x->in[0], x->out, x->scratch);
    if (!a->has_bias)
        return;
    struct plane p = { n, a->units, s.h_in * s.w_in, x->params[0], NULL, x->out, NULL };
    dli_parallel(x->ctx, x->threads, (size_t)(n * a->units), bias_task, &p);
}

static void backward(const struct dli_exec *x)
{
    const struct deconv *a = x->attrs;
    const struct dli_conv_shape s = transposed(a, x->in_shape, x->out_shape);
    const int64_t n = dli_in_rows(x, 0);
    if (x->dparam[a->has_bias])
        dli_conv_backward_weights(&s, x->ctx, x->threads, x->blas, n, x->dout, x->in[0], x->dparam[a->has_bias], NULL, x->scratch);
    if (a->has_bias && x->dparam[0]) {
        struct plane p = { n, a->units, s.h_in * s.w_in, NULL, x->dout, NULL, x->dparam[0] };
        dli_parallel(x->ctx, x->threads, (size_t)a->units, bias_gradient_task, &p);
    }
    if (x->din[0])
        dli_conv_run(x->state, x->ctx, x->threads, n, x->packed, NULL, x->dout, NULL, x->din[0], x->scratch);
}

const struct dli_op dli_op_deconv2d = {
    .name = "deconv2d",
    .doc = "Transposed convolution of images.",
    .dl4j = "Deconvolution2DLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct deconv),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
