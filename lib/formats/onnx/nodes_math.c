/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that work element by element or along the channels: they take any layout and pass it on. */
#include "formats/onnx/nodes.h"

#include "onnx.pb.h"

#include <float.h>
#include <string.h>

dl4c_status dli_onnx_activation(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    static const struct {
        const char *onnx, *op;
        /* up to two attributes: ours, ONNX's, ONNX's default */
        struct {
            const char *ours, *theirs;
            float otherwise;
        } attr[2];
    } table[] = {
        { "Relu", "relu", { { 0 } } },         { "LeakyRelu", "leaky_relu", { { "leak", "alpha", 0.01f } } },
        { "Sigmoid", "sigmoid", { { 0 } } },   { "HardSigmoid", "hard_sigmoid", { { "alpha", "alpha", 0.2f }, { "beta", "beta", 0.5f } } },
        { "Tanh", "tanh", { { 0 } } },         { "Elu", "elu", { { "alpha", "alpha", 1 } } },
        { "Softplus", "softplus", { { 0 } } }, { "Identity", "identity", { { 0 } } },
    };
    struct dli_onnx_value *x;
    struct dl4c_attr attrs[2];
    int32_t n = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        if (strcmp(table[k].onnx, node->op) != 0)
            continue;
        for (; n < 2 && table[k].attr[n].ours; n++)
            attrs[n] =
                dl4c_attr_float(table[k].attr[n].ours, (double)dli_onnx_attr_f(node, table[k].attr[n].theirs, table[k].attr[n].otherwise));
        return dli_onnx_emit(im, node, table[k].op, &x, 1, attrs, n, NULL, 0, err);
    }
    return dli_fail(err, DL4C_E_INTERNAL, "onnx", "an activation without a row in the table");
}

/* x times its hard_sigmoid: the gate is a vertex beside the node's own. */
dl4c_status dli_onnx_hard_swish(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x, gate;
    const struct dl4c_attr attrs[] = { dl4c_attr_float("alpha", 1.0 / 6), dl4c_attr_float("beta", 0.5) };
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_emit_helper(im, node, "gate", "hard_sigmoid", &x, 1, attrs, 2, NULL, 0, &gate, err));
    struct dli_onnx_value *in[] = { x, &gate };
    return dli_onnx_emit(im, node, "multiply", in, 2, NULL, 0, NULL, 0, err);
}

dl4c_status dli_onnx_gelu(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const char *form = dli_onnx_attr_s(node, "approximate", "none");
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    if (strcmp(form, "none") != 0 && strcmp(form, "tanh") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "approximate is \"%.60s\"", form);
    const struct dl4c_attr attr = dl4c_attr_str("form", form[0] == 't' ? "tanh" : "erf");
    return dli_onnx_emit(im, node, "gelu", &x, 1, &attr, 1, NULL, 0, err);
}

dl4c_status dli_onnx_swish(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    if (dli_onnx_attr_f(node, "alpha", 1) != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "alpha is %s, only 1 is supported",
                        DLI_NUM((double)dli_onnx_attr_f(node, "alpha", 1)));
    return dli_onnx_emit(im, node, "swish", &x, 1, NULL, 0, NULL, 0, err);
}

/* A bound of Clip: an attribute before opset 11, an input since. */
static dl4c_status bound(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *name, int32_t k, double *v,
                         struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    if (a)
        *v = (double)a->f;
    if (!dli_onnx_in(im, node, k))
        return DL4C_OK;
    DLI_TRY(dli_onnx_want_const(im, node, k, &c, err));
    if (!dli_onnx_const_scalar(im, c, v))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%s is no number", name);
    return DL4C_OK;
}

dl4c_status dli_onnx_clip(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    double least = -(double)FLT_MAX, most = (double)FLT_MAX;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(bound(im, node, "min", 1, &least, err));
    DLI_TRY(bound(im, node, "max", 2, &most, err));
    if (least == 0 && most == 6)
        return dli_onnx_emit(im, node, "relu6", &x, 1, NULL, 0, NULL, 0, err);
    if (least == 0 && most >= (double)FLT_MAX)
        return dli_onnx_emit(im, node, "relu", &x, 1, NULL, 0, NULL, 0, err);
    const struct dl4c_attr attrs[] = { dl4c_attr_float("min", least), dl4c_attr_float("max", most) };
    return dli_onnx_emit(im, node, "clip", &x, 1, attrs, 2, NULL, 0, err);
}

dl4c_status dli_onnx_softmax(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    int32_t axis;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    const bool rows = im->model.opset < 13; /* until then all axes from `axis` on were one */
    DLI_TRY(dli_onnx_axis(dli_onnx_attr_i(node, "axis", rows ? 1 : -1), dli_onnx_rank(x), &axis, err));
    if (axis == 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "over the batch");
    if (!rows) {
        const int32_t at = dli_onnx_shape_axis(x, axis), rank = x->shape.rank;
        if (at == 0)
            return dli_onnx_emit(im, node, "softmax", &x, 1, NULL, 0, NULL, 0, err);
        /* Ours works along the first axis of the row: exchanged with it, and back again. */
        struct dli_onnx_value turned, soft, *in = x;
        int64_t order[DLI_SHAPE_RANK];
        for (int32_t k = 0; k < rank; k++)
            order[k] = (k == 0 ? at : k == at ? 0 : k) + 1;
        const struct dl4c_attr perm = dl4c_attr_ints("perm", order, rank);
        DLI_TRY(dli_onnx_emit_helper(im, node, "turned", "transpose", &in, 1, &perm, 1, NULL, 0, &turned, err));
        in = &turned;
        DLI_TRY(dli_onnx_emit_helper(im, node, "softmax", "softmax", &in, 1, NULL, 0, NULL, 0, &soft, err));
        in = &soft;
        return dli_onnx_emit(im, node, "transpose", &in, 1, &perm, 1, NULL, 0, err);
    }
    if (axis == 1 && x->nhwc)
        DLI_TRY(dli_onnx_settle(im, x, err));
    bool channels = dli_onnx_shape_axis(x, axis) == 0;
    for (int32_t k = 1; k < x->shape.rank && channels; k++)
        channels = x->nhwc || x->shape.dim[k] == 1;
    if (!channels && axis != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx",
                        "over axis %" PRId32 " and those behind it; only over the channels or the whole row", axis);
    if (channels)
        return dli_onnx_emit(im, node, "softmax", &x, 1, NULL, 0, NULL, 0, err);
    /* The whole row: flat, and back again. */
    struct dli_onnx_value flat, soft, *in = x;
    int64_t shape[DLI_SHAPE_RANK];
    const int32_t rank = x->shape.rank;
    for (int32_t k = 0; k < rank; k++) {
        shape[k] = x->shape.dim[k];
        if (shape[k] < 0)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "over a row whose shape %s is not known when loading",
                            DLI_SHAPE_STR(&x->shape));
    }
    DLI_TRY(dli_onnx_emit_helper(im, node, "flat", "flatten", &in, 1, NULL, 0, NULL, 0, &flat, err));
    in = &flat;
    DLI_TRY(dli_onnx_emit_helper(im, node, "softmax", "softmax", &in, 1, NULL, 0, NULL, 0, &soft, err));
    in = &soft;
    const struct dl4c_attr attr = dl4c_attr_ints("shape", shape, rank);
    return dli_onnx_emit(im, node, "reshape", &in, 1, &attr, 1, NULL, 0, err);
}

dl4c_status dli_onnx_dropout(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct dli_onnx_const *c;
    double ratio = (double)dli_onnx_attr_f(node, "ratio", 0.5f), training = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    if (dli_onnx_in(im, node, 1)) {
        DLI_TRY(dli_onnx_want_const(im, node, 1, &c, err));
        if (!dli_onnx_const_scalar(im, c, &ratio))
            return dli_fail(err, DL4C_E_INVALID, "onnx", "ratio is no number");
    }
    if (dli_onnx_in(im, node, 2)) {
        DLI_TRY(dli_onnx_want_const(im, node, 2, &c, err));
        if (!dli_onnx_const_scalar(im, c, &training) || training != 0)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "training_mode is set: export the network for inference");
    }
    if (!(ratio >= 0 && ratio < 1))
        return dli_fail(err, DL4C_E_INVALID, "onnx", "a ratio of %s", DLI_NUM(ratio));
    /* Ours is the probability to keep an element, and 0 for off. */
    const struct dl4c_attr p = dl4c_attr_float("p", ratio == 0 ? 0 : 1 - ratio);
    return dli_onnx_emit(im, node, "dropout", &x, 1, &p, 1, NULL, 0, err);
}

dl4c_status dli_onnx_cast(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const int64_t to = dli_onnx_attr_i(node, "to", 0);
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    if (to != onnx_TensorProto_DataType_FLOAT && to != onnx_TensorProto_DataType_DOUBLE)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a computed value is cast to %s",
                        to > 0 && to < INT32_MAX ? dli_onnx_type_name((int32_t)to) : "an unknown type");
    return dli_onnx_emit(im, node, "identity", &x, 1, NULL, 0, NULL, 0, err);
}

/* ---- arithmetic ----------------------------------------------------------------------------------------------- */

/* y = scale * x + shift with a constant c of one element, or one per channel, as factor or summand. */
static dl4c_status with_constant(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dli_onnx_value *x,
                                 struct dli_onnx_const *c, bool constant_first, struct dl4c_error *err)
{
    const char *op = node->op;
    const bool times = strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0, minus = strcmp(op, "Sub") == 0, divide = strcmp(op, "Div") == 0;
    const bool clip = strcmp(op, "Max") == 0 || strcmp(op, "Min") == 0;
    double v;
    if (c->count == 1 && c->rank <= dli_onnx_rank(x)) {
        if (!dli_onnx_type_is_float(c->type) || !dli_onnx_const_scalar(im, c, &v))
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the constant is of %s", dli_onnx_type_name(c->type));
        if (clip) {
            const struct dl4c_attr limit = dl4c_attr_float(op[1] == 'a' ? "min" : "max", v);
            return dli_onnx_emit(im, node, "clip", &x, 1, &limit, 1, NULL, 0, err);
        }
        if (divide && constant_first)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant divided by a computed value");
        struct dli_onnx_value negative, *in = x;
        if (minus && constant_first) {
            const struct dl4c_attr by = dl4c_attr_float("factor", -1);
            DLI_TRY(dli_onnx_emit_helper(im, node, "negative", "scale", &in, 1, &by, 1, NULL, 0, &negative, err));
            in = &negative;
        }
        const struct dl4c_attr by =
            times ? dl4c_attr_float("factor", divide ? 1 / v : v) : dl4c_attr_float("value", minus && !constant_first ? -v : v);
        return dli_onnx_emit(im, node, times ? "scale" : "shift", &in, 1, &by, 1, NULL, 0, err);
    }
    /* One value per channel: every axis of the constant but the channels' has length 1. */
    const int32_t rank = dli_onnx_rank(x), skip = rank - c->rank;
    const int64_t channels = x->shape.dim[0];
    bool per_channel = skip >= 0 && channels > 0 && c->count == channels;
    for (int32_t k = 0; k < c->rank && per_channel; k++)
        per_channel = c->dim[k] == 1 || (skip + k > 0 && dli_onnx_shape_axis(x, skip + k) == 0);
    if (!per_channel || clip || (constant_first && (minus || divide)))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx",
                        "with this constant of %" PRId64 " elements; one, or one per channel, is supported", c->count);
    struct dli_onnx_param params[2] = { { .name = "W" }, { .name = "b" } };
    if (divide) {
        struct dli_onnx_const *inverse;
        const float *from;
        float *f;
        int64_t *i;
        DLI_TRY(dli_onnx_const_floats(im, c, &from, err));
        DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_FLOAT, 1, &channels, &inverse, &f, &i, err));
        for (int64_t k = 0; k < channels; k++)
            f[k] = 1 / from[k];
        c = inverse;
    }
    DLI_TRY(dli_onnx_const_param(im, c, 0, minus ? -1 : 1, &params[!times].p, err));
    if (!times)
        DLI_TRY(dli_onnx_fill_param(im, 1, channels, &params[0].p, err));
    const struct dl4c_attr bias = dl4c_attr_int("has_bias", !times);
    return dli_onnx_emit(im, node, "affine", &x, 1, &bias, 1, params, times ? 1 : 2, err);
}

dl4c_status dli_onnx_combine(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    static const struct {
        const char *onnx, *op;
    } table[] = { { "Add", "add" },      { "Sum", "add" },     { "Sub", "subtract" },
                  { "Mul", "multiply" }, { "Max", "maximum" }, { "Mean", "average" } };
    const int32_t n = node->n_in;
    if (n == 2) {
        const struct dli_onnx_value *a = dli_onnx_in(im, node, 0), *b = dli_onnx_in(im, node, 1);
        if (a && b && (a->c || b->c) && strcmp(node->op, "Mean") != 0) {
            struct dli_onnx_value *x;
            DLI_TRY(dli_onnx_want_vertex(im, node, a->c ? 1 : 0, &x, err));
            return with_constant(im, node, x, a->c ? a->c : b->c, a->c != NULL, err);
        }
    }
    struct dli_onnx_value **in = dli_onnx_new(&im->arena, (size_t)n + 1, sizeof *in, err);
    if (!in)
        return dli_alloc_status();
    bool nhwc = true;
    for (int32_t k = 0; k < n; k++) {
        DLI_TRY(dli_onnx_want_vertex(im, node, k, &in[k], err));
        nhwc = nhwc && in[k]->nhwc;
    }
    for (int32_t k = 0; k < n && !nhwc; k++)
        DLI_TRY(dli_onnx_settle(im, in[k], err));
    for (int32_t k = 1; k < n; k++) {
        bool same = in[k]->shape.rank == in[0]->shape.rank;
        for (int32_t r = 0; same && r < in[0]->shape.rank; r++)
            same = in[k]->shape.dim[r] == in[0]->shape.dim[r] || in[k]->shape.dim[r] < 0 || in[0]->shape.dim[r] < 0;
        if (!same)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "computed values of shapes %s and %s are combined; one shape is supported",
                            DLI_SHAPE_STR(&in[0]->shape), DLI_SHAPE_STR(&in[k]->shape));
    }
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (strcmp(table[k].onnx, node->op) == 0)
            return dli_onnx_emit(im, node, n == 1 ? "identity" : table[k].op, in, n, NULL, 0, NULL, 0, err);
    return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "of two computed values");
}
