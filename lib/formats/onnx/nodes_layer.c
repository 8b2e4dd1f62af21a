/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution, products, normalisation and pooling. */
#include "formats/onnx/fold.h"
#include "formats/onnx/nodes.h"

#include <string.h>

/* What Conv and the pools share. */
struct window {
    int64_t kernel[2], stride[2], dilation[2], begin[2], end[2];
    const char *mode;
};

static dl4c_status pair(const struct dli_onnx_node *node, const char *name, int64_t otherwise, int64_t *out, struct dl4c_error *err)
{
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    out[0] = out[1] = otherwise;
    if (!a || a->n_ints == 0)
        return DL4C_OK;
    if (a->n_ints != 2)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%s has %zu values; only images, with two, are supported", name, a->n_ints);
    for (int k = 0; k < 2; k++)
        if (a->ints[k] < 1 || a->ints[k] > 65536)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%s is %" PRId64 ", wanted 1 to 65536", name, a->ints[k]);
    out[0] = a->ints[0];
    out[1] = a->ints[1];
    return DL4C_OK;
}

static dl4c_status read_window(const struct dli_onnx_node *node, struct window *w, struct dl4c_error *err)
{
    DLI_TRY(pair(node, "kernel_shape", 0, w->kernel, err));
    DLI_TRY(pair(node, "strides", 1, w->stride, err));
    DLI_TRY(pair(node, "dilations", 1, w->dilation, err));
    memset(w->begin, 0, sizeof w->begin);
    memset(w->end, 0, sizeof w->end);
    const char *pad = dli_onnx_attr_s(node, "auto_pad", "NOTSET");
    if (strcmp(pad, "SAME_UPPER") == 0 || strcmp(pad, "SAME_LOWER") == 0) {
        w->mode = pad[5] == 'U' ? "same" : "same_lower";
        return DL4C_OK;
    }
    w->mode = "truncate";
    if (strcmp(pad, "VALID") == 0)
        return DL4C_OK;
    if (strcmp(pad, "NOTSET") != 0 && pad[0])
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "auto_pad is \"%.60s\"", pad);
    const struct dli_onnx_attr *a = dli_onnx_attr(node, "pads");
    if (!a || a->n_ints == 0)
        return DL4C_OK;
    if (a->n_ints != 4)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "pads has %zu values; only images, with four, are supported", a->n_ints);
    for (int k = 0; k < 4; k++)
        if (a->ints[k] < 0 || a->ints[k] > 65536)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a padding of %" PRId64 ", wanted 0 to 65536", a->ints[k]);
    for (int k = 0; k < 2; k++) {
        w->begin[k] = a->ints[k];
        w->end[k] = a->ints[2 + k];
    }
    return DL4C_OK;
}

enum { WINDOW_ATTRS = 6 };

static void window_attrs(const struct window *w, struct dl4c_attr *out)
{
    out[0] = dl4c_attr_ints("kernel", w->kernel, 2);
    out[1] = dl4c_attr_ints("stride", w->stride, 2);
    out[2] = dl4c_attr_ints("dilation", w->dilation, 2);
    out[3] = dl4c_attr_ints("padding", w->begin, 2);
    out[4] = dl4c_attr_ints("padding_end", w->end, 2);
    out[5] = dl4c_attr_str("mode", w->mode);
}

static dl4c_status want_image(const struct dli_onnx_value *v, struct dl4c_error *err)
{
    if (v->shape.rank != 3)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "input '%.150s' has %" PRId32 " axes; only images, with 4, are supported", v->name,
                        v->shape.rank + 1);
    return DL4C_OK;
}

dl4c_status dli_onnx_conv(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct dli_onnx_const *weight, *bias = NULL;
    struct window w;
    struct dli_onnx_param params[2];
    int32_t n_params = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_want_const(im, node, 1, &weight, err));
    if (dli_onnx_in(im, node, 2))
        DLI_TRY(dli_onnx_want_const(im, node, 2, &bias, err));
    DLI_TRY(read_window(node, &w, err));
    DLI_TRY(want_image(x, err));
    if (weight->rank != 4)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the weight has %" PRId32 " axes; only images, with 4, are supported",
                        weight->rank);
    for (int k = 0; k < 2; k++) {
        if (w.kernel[k] != 0 && w.kernel[k] != weight->dim[2 + k])
            return dli_fail(err, DL4C_E_INVALID, "onnx", "kernel_shape says %" PRId64 ", the weight %" PRId64, w.kernel[k],
                            weight->dim[2 + k]);
        w.kernel[k] = weight->dim[2 + k];
    }
    DLI_TRY(dli_onnx_settle(im, x, err));
    const int64_t groups = dli_onnx_attr_i(node, "group", 1), units = weight->dim[0];
    if (groups < 1 || units < 1 || units % groups != 0)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "%" PRId64 " groups of %" PRId64 " outputs", groups, units);
    if (x->shape.dim[0] >= 0 && (x->shape.dim[0] % groups != 0 || x->shape.dim[0] / groups != weight->dim[1]))
        return dli_fail(err, DL4C_E_INVALID, "onnx",
                        "the input has %" PRId64 " channels in %" PRId64 " groups, the weight wants %" PRId64 " in each", x->shape.dim[0],
                        groups, weight->dim[1]);
    struct dl4c_attr attrs[WINDOW_ATTRS + 3];
    window_attrs(&w, attrs);
    attrs[WINDOW_ATTRS] = dl4c_attr_int("units", units);
    attrs[WINDOW_ATTRS + 1] = dl4c_attr_int("groups", groups);
    attrs[WINDOW_ATTRS + 2] = dl4c_attr_int("has_bias", bias != NULL);
    params[n_params].name = "W";
    DLI_TRY(dli_onnx_const_param(im, weight, 0, 1, &params[n_params++].p, err));
    if (bias) {
        params[n_params].name = "b";
        DLI_TRY(dli_onnx_const_param(im, bias, 0, 1, &params[n_params++].p, err));
    }
    return dli_onnx_emit(im, node, "conv2d", &x, 1, attrs, WINDOW_ATTRS + 3, params, n_params, err);
}

/* x [n, k] times a constant b of [k, units], or [units, k] where it is transposed, plus a constant bias or none. */
static dl4c_status dense(struct dli_onnx_import *im, const struct dli_onnx_node *node, bool transposed, float alpha,
                         struct dli_onnx_const *bias, float beta, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct dli_onnx_const *weight;
    struct dli_onnx_param params[2];
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_want_const(im, node, 1, &weight, err));
    DLI_TRY(dli_onnx_settle(im, x, err));
    if (x->shape.rank != 1 || weight->rank != 2)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "factors of %" PRId32 " and %" PRId32 " axes; only 2 and 2 are supported",
                        x->shape.rank + 1, weight->rank);
    const int64_t k = weight->dim[transposed], units = weight->dim[!transposed];
    if (k < 1 || units < 1 || (x->shape.dim[0] >= 0 && x->shape.dim[0] != k))
        return dli_fail(err, DL4C_E_INVALID, "onnx", "the input has %" PRId64 " features, the weight wants %" PRId64 " and gives %" PRId64,
                        x->shape.dim[0], k, units);
    const struct dl4c_attr attrs[] = { dl4c_attr_int("units", units), dl4c_attr_int("has_bias", bias != NULL), dl4c_attr_int("n_in", k) };
    /* A dense layer keeps its weight output by output: [units, k] as it is, [k, units] transposed. */
    params[0].name = "W";
    DLI_TRY(dli_onnx_const_param(im, weight, transposed ? 0 : k, alpha, &params[0].p, err));
    if (bias) {
        params[1].name = "b";
        const bool row = bias->count == units && (bias->rank == 0 || bias->dim[bias->rank - 1] == units);
        if (bias->count == 1 && units > 1) {
            double v;
            if (!dli_onnx_const_scalar(im, bias, &v))
                return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the bias is of %s", dli_onnx_type_name(bias->type));
            DLI_TRY(dli_onnx_fill_param(im, (float)v * beta, units, &params[1].p, err));
        } else if (row) {
            DLI_TRY(dli_onnx_const_param(im, bias, 0, beta, &params[1].p, err));
        } else {
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a bias of %" PRId64 " elements for %" PRId64 " outputs", bias->count, units);
        }
    }
    return dli_onnx_emit(im, node, "dense", &x, 1, attrs, 3, params, bias ? 2 : 1, err);
}

dl4c_status dli_onnx_gemm(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *bias = NULL;
    const float beta = dli_onnx_attr_f(node, "beta", 1);
    if (dli_onnx_attr_i(node, "transA", 0))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "transA = 1 mixes the batch with the features");
    if (dli_onnx_in(im, node, 2))
        DLI_TRY(dli_onnx_want_const(im, node, 2, &bias, err));
    return dense(im, node, dli_onnx_attr_i(node, "transB", 0) != 0, dli_onnx_attr_f(node, "alpha", 1), bias, beta, err);
}

dl4c_status dli_onnx_matmul(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    return dense(im, node, false, 1, NULL, 0, err);
}

dl4c_status dli_onnx_batch_norm(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    static const char *const names[] = { "gamma", "beta", "mean", "var" };
    struct dli_onnx_value *x;
    struct dli_onnx_const *c;
    struct dli_onnx_param params[4];
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    if (dli_onnx_attr_i(node, "training_mode", 0))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "training_mode = 1: export the network for inference");
    if (dli_onnx_attr_i(node, "spatial", 1) != 1 && x->shape.rank != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "spatial = 0");
    DLI_TRY(dli_onnx_settle(im, x, err));
    for (int32_t k = 0; k < 4; k++) {
        DLI_TRY(dli_onnx_want_const(im, node, k + 1, &c, err));
        params[k].name = names[k];
        DLI_TRY(dli_onnx_const_param(im, c, 0, 1, &params[k].p, err));
    }
    const struct dl4c_attr attrs[] = { dl4c_attr_float("eps", (double)dli_onnx_attr_f(node, "epsilon", 1e-5f)),
                                       dl4c_attr_float("decay", (double)dli_onnx_attr_f(node, "momentum", 0.9f)) };
    return dli_onnx_emit(im, node, "batch_norm", &x, 1, attrs, 2, params, 4, err);
}

static dl4c_status pool(struct dli_onnx_import *im, const struct dli_onnx_node *node, bool max, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct window w;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(read_window(node, &w, err));
    DLI_TRY(want_image(x, err));
    if (w.kernel[0] == 0)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "kernel_shape is missing");
    DLI_TRY(dli_onnx_settle(im, x, err));
    struct dl4c_attr attrs[WINDOW_ATTRS + 2];
    window_attrs(&w, attrs);
    attrs[WINDOW_ATTRS] = dl4c_attr_int("ceil", dli_onnx_attr_i(node, "ceil_mode", 0) != 0);
    attrs[WINDOW_ATTRS + 1] = dl4c_attr_int("include_pad", dli_onnx_attr_i(node, "count_include_pad", 0) != 0);
    return dli_onnx_emit(im, node, max ? "max_pool" : "avg_pool", &x, 1, attrs, WINDOW_ATTRS + (max ? 1 : 2), NULL, 0, err);
}

dl4c_status dli_onnx_max_pool(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    return pool(im, node, true, err);
}

dl4c_status dli_onnx_average_pool(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    return pool(im, node, false, err);
}

static dl4c_status global(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *type, bool keep, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(want_image(x, err));
    const struct dl4c_attr attrs[] = { dl4c_attr_str("type", type), dl4c_attr_int("keep", keep) };
    DLI_TRY(dli_onnx_emit(im, node, "global_pool", &x, 1, attrs, 2, NULL, 0, err));
    /* [c, 1, 1] of a tensor with channels last is [n, 1, 1, c]; without height and width there is one order only. */
    if (!keep)
        dli_onnx_find(im, node->out[0])->nhwc = false;
    return DL4C_OK;
}

dl4c_status dli_onnx_global_average_pool(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_settle(im, x, err));
    return global(im, node, "avg", true, err);
}

dl4c_status dli_onnx_global_max_pool(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_settle(im, x, err));
    return global(im, node, "max", true, err);
}

/* ReduceMean and ReduceMax over height and width. */
dl4c_status dli_onnx_reduce(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    bool marks[DLI_ONNX_RANK + 1];
    int64_t n;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, dli_onnx_rank(x), marks, &n, err));
    bool image = x->shape.rank == 3 && n == 2;
    for (int32_t k = 1; k < 4 && image; k++)
        image = marks[k] == (dli_onnx_shape_axis(x, k) > 0);
    if (!image)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "only over height and width of images");
    return global(im, node, strcmp(node->op, "ReduceMax") == 0 ? "max" : "avg", dli_onnx_attr_i(node, "keepdims", 1) != 0, err);
}

dl4c_status dli_onnx_lrn(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const int64_t size = dli_onnx_attr_i(node, "size", 0);
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(want_image(x, err));
    DLI_TRY(dli_onnx_settle(im, x, err));
    if (size < 1)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "size is %" PRId64, size);
    /* ONNX divides alpha by the number of channels of the window. */
    const struct dl4c_attr attrs[] = { dl4c_attr_float("k", (double)dli_onnx_attr_f(node, "bias", 1)), dl4c_attr_int("n", size),
                                       dl4c_attr_float("alpha", (double)dli_onnx_attr_f(node, "alpha", 1e-4f) / (double)size),
                                       dl4c_attr_float("beta", (double)dli_onnx_attr_f(node, "beta", 0.75f)) };
    return dli_onnx_emit(im, node, "lrn", &x, 1, attrs, 4, NULL, 0, err);
}
