/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each class of layer, and the table of them. */
#include "formats/dl4j/layers.h"
#include "formats/dl4j/training.h"
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct reading {
    dl4c_context *ctx;
    const json_t *o;
    struct dli_dl4j_at at;
    struct dli_dl4j_layer *out;
};

static void add(struct dli_dl4j_layer *l, struct dl4c_attr a)
{
    if (l->n < DLI_DL4J_ATTRS)
        l->attr[l->n++] = a;
}

void dli_dl4j_layer_str(struct dli_dl4j_layer *l, const char *name, char *value)
{
    if (!value)
        return;
    if (l->n_texts == DLI_DL4J_TEXTS) {
        dli_free(value);
        return;
    }
    l->text[l->n_texts++] = value;
    add(l, dl4c_attr_str(name, value));
}

void dli_dl4j_layer_free(struct dli_dl4j_layer *l)
{
    for (int32_t i = 0; i < l->n_texts; i++)
        dli_free(l->text[i]);
    dli_free(l->updater);
    memset(l, 0, sizeof *l);
}

static void set_op(const struct reading *r, const char *op) { snprintf(r->out->op, sizeof r->out->op, "%s", op); }

/* One attribute from one key. */
static dl4c_status add_int(const struct reading *r, const char *attr, const char *key, int64_t def, struct dl4c_error *err)
{
    int64_t v;
    DLI_TRY(dli_dl4j_int(r->o, key, def, &r->at, &v, err));
    add(r->out, dl4c_attr_int(attr, v));
    return DL4C_OK;
}

static dl4c_status add_num(const struct reading *r, const char *attr, const char *key, double def, struct dl4c_error *err)
{
    double v;
    DLI_TRY(dli_dl4j_num(r->o, key, def, &r->at, &v, err));
    add(r->out, dl4c_attr_float(attr, v));
    return DL4C_OK;
}

static dl4c_status add_bool(const struct reading *r, const char *attr, const char *key, bool def, struct dl4c_error *err)
{
    bool v;
    DLI_TRY(dli_dl4j_bool(r->o, key, def, &r->at, &v, err));
    add(r->out, dl4c_attr_int(attr, v));
    return DL4C_OK;
}

static dl4c_status add_ints(const struct reading *r, const char *attr, const char *key, int32_t n, int64_t def, struct dl4c_error *err)
{
    int64_t *at = r->out->ints + r->out->n_ints;
    DLI_TRY(dli_dl4j_ints(r->o, key, n, def, &r->at, at, err));
    r->out->n_ints += n;
    add(r->out, dl4c_attr_ints(attr, at, n));
    return DL4C_OK;
}

/* nin and nout; those that the builder has not worked out yet are 0 or negative. */
static dl4c_status add_sizes(const struct reading *r, struct dl4c_error *err)
{
    int64_t in;
    DLI_TRY(dli_dl4j_int(r->o, "nin", 0, &r->at, &in, err));
    if (in > 0)
        add(r->out, dl4c_attr_int("n_in", in));
    return add_int(r, "units", "nout", 0, err);
}

static dl4c_status want_nchw(const struct reading *r, struct dl4c_error *err)
{
    static const char *const keys[] = { "cnn2dDataFormat", "cnn2DFormat", "dataFormat", "format" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *format;
        DLI_TRY(dli_dl4j_str(r->o, keys[i], "NCHW", &r->at, &format, err));
        if (strcmp(format, "NCHW") != 0)
            return dli_dl4j_unsupported(&r->at, err, "data format %.40s is not supported, wanted NCHW", format);
    }
    return DL4C_OK;
}

/* Dropout as a number, the other kinds as a spec (dli_free). */
static dl4c_status dropout_of(const struct reading *r, double *p, char **noise, struct dl4c_error *err)
{
    const json_t *o;
    *p = 0;
    *noise = NULL;
    DLI_TRY(dli_dl4j_object(r->o, "idropout", &r->at, &o, err));
    if (!o || strcmp(dli_dl4j_class(o), "Dropout") != 0)
        return dli_dl4j_read_noise(r->ctx, r->o, &r->at, noise, err);
    if (dli_dl4j_get(o, "pschedule"))
        return dli_dl4j_unsupported(&r->at, err, "Dropout with a schedule is not supported");
    return dli_dl4j_num(o, "p", 0, &r->at, p, err);
}

/* l1 and l2 of one of the two lists; weight decay is the updater's. */
static dl4c_status add_penalties(const struct reading *r, const char *key, const char *l1, const char *l2, struct dl4c_error *err)
{
    const json_t *list;
    double sum[2] = { 0, 0 };
    DLI_TRY(dli_dl4j_array(r->o, key, &r->at, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *e = json_array_get(list, i), *value;
        const char *class = dli_dl4j_class(e);
        const int32_t k = strcmp(class, "L1Regularization") == 0 ? 0 : strcmp(class, "L2Regularization") == 0 ? 1 : -1;
        double v;
        if (strcmp(class, "WeightDecay") == 0)
            continue;
        if (k < 0)
            return dli_dl4j_unsupported(&r->at, err, "%.60s is not supported", class);
        value = json_object_get(e, k ? "l2" : "l1");
        if (json_is_object(value) && strcmp(dli_dl4j_class(value), "FixedSchedule") != 0)
            return dli_dl4j_unsupported(&r->at, err, "%.60s with a %.60s is not supported", class, dli_dl4j_class(value));
        DLI_TRY(json_is_object(value) ? dli_dl4j_num(value, "value", 0, &r->at, &v, err)
                                      : dli_dl4j_num(e, k ? "l2" : "l1", 0, &r->at, &v, err));
        sum[k] += v;
    }
    if (sum[0] != 0)
        add(r->out, dl4c_attr_float(l1, sum[0]));
    if (sum[1] != 0)
        add(r->out, dl4c_attr_float(l2, sum[1]));
    return DL4C_OK;
}

/* What layers have in common. */
static dl4c_status add_common(const struct reading *r, bool activation, struct dl4c_error *err)
{
    const json_t *o;
    char *spec;
    double v;
    if (activation) {
        DLI_TRY(dli_dl4j_object(r->o, "activationFn", &r->at, &o, err));
        DLI_TRY(dli_dl4j_read_activation(r->ctx, o, &r->at, &spec, err));
        dli_dl4j_layer_str(r->out, "activation", spec);
    }
    DLI_TRY(dli_dl4j_object(r->o, "weightInitFn", &r->at, &o, err));
    DLI_TRY(dli_dl4j_read_init(r->ctx, o, &r->at, &spec, err));
    dli_dl4j_layer_str(r->out, "weight_init", spec);
    DLI_TRY(dli_dl4j_num(r->o, "biasInit", 0, &r->at, &v, err));
    if (v != 0)
        add(r->out, dl4c_attr_float("bias_init", v));
    DLI_TRY(dropout_of(r, &v, &spec, err));
    if (v != 0)
        add(r->out, dl4c_attr_float("dropout", v));
    dli_dl4j_layer_str(r->out, "noise", spec);
    DLI_TRY(add_penalties(r, "regularization", "l1", "l2", err));
    return add_penalties(r, "regularizationBias", "l1_bias", "l2_bias", err);
}

static dl4c_status add_mode(const struct reading *r, struct dl4c_error *err)
{
    static const char *const names[][2] = { { "Truncate", "truncate" }, { "Strict", "strict" }, { "Same", "same" } };
    const char *mode;
    DLI_TRY(dli_dl4j_str(r->o, "convolutionMode", "Truncate", &r->at, &mode, err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(mode, names[i][0]) == 0) {
            add(r->out, dl4c_attr_str("mode", names[i][1]));
            return DL4C_OK;
        }
    return dli_dl4j_unsupported(&r->at, err, "convolution mode %.40s is not supported", mode);
}

static dl4c_status add_window(const struct reading *r, int64_t stride, struct dl4c_error *err)
{
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_ints(r, "kernel", "kernelSize", 2, 2, err));
    DLI_TRY(add_ints(r, "stride", "stride", 2, stride, err));
    DLI_TRY(add_ints(r, "padding", "padding", 2, 0, err));
    DLI_TRY(add_ints(r, "dilation", "dilation", 2, 1, err));
    return add_mode(r, err);
}

static dl4c_status read_conv_as(const struct reading *r, const char *op, struct dl4c_error *err)
{
    set_op(r, op);
    DLI_TRY(add_sizes(r, err));
    DLI_TRY(add_window(r, 1, err));
    DLI_TRY(add_bool(r, "has_bias", "hasBias", true, err));
    return add_common(r, true, err);
}

static dl4c_status read_conv(const struct reading *r, struct dl4c_error *err) { return read_conv_as(r, "conv2d", err); }
static dl4c_status read_deconv(const struct reading *r, struct dl4c_error *err) { return read_conv_as(r, "deconv2d", err); }

/* Depthwise and separable; a depthwise one says nout and the multiplier, which must agree. */
static dl4c_status read_depth(const struct reading *r, bool separable, struct dl4c_error *err)
{
    int64_t in, out, multiplier;
    set_op(r, separable ? "separable_conv2d" : "depthwise_conv2d");
    DLI_TRY(dli_dl4j_int(r->o, "depthMultiplier", 1, &r->at, &multiplier, err));
    add(r->out, dl4c_attr_int("multiplier", multiplier));
    if (separable) {
        DLI_TRY(add_sizes(r, err));
    } else {
        DLI_TRY(dli_dl4j_int(r->o, "nin", 0, &r->at, &in, err));
        DLI_TRY(dli_dl4j_int(r->o, "nout", 0, &r->at, &out, err));
        if (in > 0 && out > 0 && multiplier > 0 && (out % multiplier != 0 || out / multiplier != in))
            return dli_dl4j_unsupported(&r->at, err, "%" PRId64 " channels times %" PRId64 " are not nout %" PRId64, in, multiplier, out);
        if (in > 0)
            add(r->out, dl4c_attr_int("n_in", in));
    }
    DLI_TRY(add_window(r, 1, err));
    DLI_TRY(add_bool(r, "has_bias", "hasBias", true, err));
    return add_common(r, true, err);
}

static dl4c_status read_depthwise(const struct reading *r, struct dl4c_error *err) { return read_depth(r, false, err); }
static dl4c_status read_separable(const struct reading *r, struct dl4c_error *err) { return read_depth(r, true, err); }

static dl4c_status read_linear(const struct reading *r, const char *op, struct dl4c_error *err)
{
    bool norm;
    set_op(r, op);
    r->out->flattens = true;
    DLI_TRY(dli_dl4j_bool(r->o, "hasLayerNorm", false, &r->at, &norm, err));
    if (norm)
        return dli_dl4j_unsupported(&r->at, err, "layer normalisation is not supported");
    DLI_TRY(add_sizes(r, err));
    DLI_TRY(add_bool(r, "has_bias", "hasBias", true, err));
    return add_common(r, true, err);
}

static dl4c_status read_dense(const struct reading *r, struct dl4c_error *err) { return read_linear(r, "dense", err); }

static dl4c_status add_loss(const struct reading *r, struct dl4c_error *err)
{
    const json_t *o;
    char *spec;
    DLI_TRY(dli_dl4j_object(r->o, "lossFn", &r->at, &o, err));
    DLI_TRY(dli_dl4j_read_loss(r->ctx, o, &r->at, &spec, err));
    dli_dl4j_layer_str(r->out, "loss", spec);
    return DL4C_OK;
}

static dl4c_status read_output(const struct reading *r, struct dl4c_error *err)
{
    DLI_TRY(add_loss(r, err));
    return read_linear(r, "output", err);
}

static dl4c_status read_center_loss(const struct reading *r, struct dl4c_error *err)
{
    DLI_TRY(add_loss(r, err));
    DLI_TRY(add_num(r, "alpha", "alpha", 0.05, err));
    DLI_TRY(add_num(r, "lambda", "lambda", 2e-4, err));
    DLI_TRY(add_bool(r, "gradient_check", "gradientCheck", false, err));
    return read_linear(r, "center_loss", err);
}

/* Sequences of the reference are [features, time]. */
static dl4c_status want_ncw(const struct reading *r, struct dl4c_error *err)
{
    const char *format;
    DLI_TRY(dli_dl4j_str(r->o, "rnnDataFormat", "NCW", &r->at, &format, err));
    return strcmp(format, "NCW") == 0 ? DL4C_OK
                                      : dli_dl4j_unsupported(&r->at, err, "data format %.40s is not supported, wanted NCW", format);
}

static dl4c_status add_cell(const struct reading *r, const char *name, const char *key, struct dl4c_error *err)
{
    const json_t *o;
    char *spec;
    DLI_TRY(dli_dl4j_object(r->o, key, &r->at, &o, err));
    DLI_TRY(dli_dl4j_read_activation(r->ctx, o, &r->at, &spec, err));
    if (!spec && !(spec = dli_strdup(r->ctx, "identity", err)))
        return dli_alloc_status();
    dli_dl4j_layer_str(r->out, name, spec);
    return DL4C_OK;
}

static dl4c_status read_recurrent(const struct reading *r, const char *op, struct dl4c_error *err)
{
    bool norm;
    set_op(r, op);
    DLI_TRY(want_ncw(r, err));
    DLI_TRY(dli_dl4j_bool(r->o, "hasLayerNorm", false, &r->at, &norm, err));
    if (norm)
        return dli_dl4j_unsupported(&r->at, err, "layer normalisation is not supported");
    if (dli_dl4j_get(r->o, "weightInitFnRecurrent"))
        return dli_dl4j_unsupported(&r->at, err, "a weight initialisation of its own for recurrent weights is not supported");
    DLI_TRY(add_sizes(r, err));
    DLI_TRY(add_cell(r, "cell", "activationFn", err));
    return add_common(r, false, err);
}

static dl4c_status read_simple_rnn(const struct reading *r, struct dl4c_error *err) { return read_recurrent(r, "simple_rnn", err); }

static dl4c_status read_lstm_as(const struct reading *r, const char *op, struct dl4c_error *err)
{
    if (dli_dl4j_get(r->o, "gateActivationFn")) /* files of 0.6 have only sigmoids */
        DLI_TRY(add_cell(r, "gate", "gateActivationFn", err));
    DLI_TRY(add_num(r, "forget_bias", "forgetGateBiasInit", 1, err));
    return read_recurrent(r, op, err);
}

static dl4c_status read_lstm(const struct reading *r, struct dl4c_error *err) { return read_lstm_as(r, "lstm", err); }
static dl4c_status read_graves_lstm(const struct reading *r, struct dl4c_error *err) { return read_lstm_as(r, "graves_lstm", err); }

static dl4c_status read_rnn_output(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "rnn_output");
    DLI_TRY(want_ncw(r, err));
    DLI_TRY(add_loss(r, err));
    DLI_TRY(add_sizes(r, err));
    DLI_TRY(add_bool(r, "has_bias", "hasBias", true, err));
    return add_common(r, true, err);
}

static dl4c_status read_cnn_loss(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "cnn_loss");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_loss(r, err));
    return add_common(r, true, err);
}

static dl4c_status read_loss_layer(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "loss");
    DLI_TRY(add_loss(r, err));
    return add_common(r, true, err);
}

/* An activation of its own in its configuration is not applied by the reference. */
static dl4c_status read_batch_norm(const struct reading *r, struct dl4c_error *err)
{
    int64_t in;
    set_op(r, "batch_norm");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(dli_dl4j_int(r->o, "nin", 0, &r->at, &in, err));
    if (in > 0)
        add(r->out, dl4c_attr_int("n_in", in));
    DLI_TRY(add_num(r, "eps", "eps", 1e-5, err));
    DLI_TRY(add_num(r, "decay", "decay", 0.9, err));
    DLI_TRY(add_bool(r, "lock_gamma_beta", "lockGammaBeta", false, err));
    DLI_TRY(add_bool(r, "use_log_std", "useLogStd", false, err));
    DLI_TRY(add_num(r, "gamma", "gamma", 1, err));
    DLI_TRY(add_num(r, "beta", "beta", 0, err));
    return add_common(r, false, err);
}

/* Layers that are no DLI_OP_LAYER have nowhere to drop their input. */
static dl4c_status no_dropout(const struct reading *r, struct dl4c_error *err)
{
    char *noise;
    double p;
    DLI_TRY(dropout_of(r, &p, &noise, err));
    const bool none = p == 0 && !noise;
    dli_free(noise);
    return none ? DL4C_OK : dli_dl4j_unsupported(&r->at, err, "dropout of its input is not supported");
}

enum { POOL_MAX, POOL_AVG, POOL_SUM, POOL_PNORM };
static const char *const pool_words[][2] = { { "MAX", "max" }, { "AVG", "avg" }, { "SUM", "sum" }, { "PNORM", "pnorm" } };

/* POOL_*; -1: no such type. */
static int32_t pooling_type(const char *word)
{
    for (int32_t k = 0; k < 4; k++)
        if (strcmp(word, pool_words[k][0]) == 0)
            return k;
    return -1;
}

static dl4c_status read_pooling(const struct reading *r, struct dl4c_error *err)
{
    const char *type;
    DLI_TRY(dli_dl4j_str(r->o, "poolingType", "MAX", &r->at, &type, err));
    const int32_t k = pooling_type(type);
    static const char *const ops[] = { "max_pool", "avg_pool", "sum_pool", "pnorm_pool" };
    if (k < 0)
        return dli_dl4j_unsupported(&r->at, err, "pooling type %.40s is not supported", type);
    set_op(r, ops[k]);
    DLI_TRY(add_window(r, 2, err));
    if (k == POOL_AVG)
        DLI_TRY(add_bool(r, "include_pad", "avgPoolIncludePadInDivisor", false, err));
    if (k == POOL_PNORM)
        DLI_TRY(add_int(r, "p", "pnorm", 2, err));
    return no_dropout(r, err);
}

static dl4c_status read_global_pool(const struct reading *r, struct dl4c_error *err)
{
    const char *type;
    bool collapse;
    set_op(r, "global_pool");
    DLI_TRY(dli_dl4j_str(r->o, "poolingType", "MAX", &r->at, &type, err));
    const int32_t k = pooling_type(type);
    if (k < 0)
        return dli_dl4j_unsupported(&r->at, err, "pooling type %.40s is not supported", type);
    add(r->out, dl4c_attr_str("type", pool_words[k][1]));
    if (k == POOL_PNORM)
        DLI_TRY(add_int(r, "p", "pnorm", 2, err));
    const json_t *over = dli_dl4j_get(r->o, "poolingDimensions");
    const bool times = json_array_size(over) == 1 && json_integer_value(json_array_get(over, 0)) == 2; /* of a sequence */
    if (over && !times) {
        int64_t d[2];
        DLI_TRY(dli_dl4j_ints(r->o, "poolingDimensions", 2, 0, &r->at, d, err));
        if (d[0] != 2 || d[1] != 3)
            return dli_dl4j_unsupported(&r->at, err, "pooling over axes %" PRId64 " and %" PRId64 " is not supported, wanted 2 and 3", d[0],
                                        d[1]);
    }
    DLI_TRY(dli_dl4j_bool(r->o, "collapseDimensions", true, &r->at, &collapse, err));
    add(r->out, dl4c_attr_int("keep", !collapse));
    return no_dropout(r, err);
}

static dl4c_status read_lrn(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "lrn");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_num(r, "k", "k", 2, err));
    DLI_TRY(add_int(r, "n", "n", 5, err));
    DLI_TRY(add_num(r, "alpha", "alpha", 1e-4, err));
    DLI_TRY(add_num(r, "beta", "beta", 0.75, err));
    return no_dropout(r, err);
}

static dl4c_status read_zero_padding(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "zero_padding");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_ints(r, "padding", "padding", 4, 0, err));
    return no_dropout(r, err);
}

static dl4c_status read_cropping(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "cropping");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_ints(r, "cropping", "cropping", 4, 0, err));
    return no_dropout(r, err);
}

static dl4c_status read_upsampling(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "upsampling");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_ints(r, "size", "size", 2, 2, err));
    return no_dropout(r, err);
}

static dl4c_status read_space_to_depth(const struct reading *r, struct dl4c_error *err)
{
    set_op(r, "space_to_depth");
    DLI_TRY(want_nchw(r, err));
    DLI_TRY(add_int(r, "block", "blockSize", 2, err));
    return no_dropout(r, err);
}

/* The reference applies no activation of its own here. */
static dl4c_status read_prelu(const struct reading *r, struct dl4c_error *err)
{
    const json_t *axes;
    set_op(r, "prelu");
    DLI_TRY(dli_dl4j_array(r->o, "sharedAxes", &r->at, &axes, err));
    const size_t n = json_array_size(axes);
    if (n > DLI_SHAPE_RANK)
        return dli_dl4j_wrong("sharedAxes", "a list of axes", &r->at, err);
    if (n > 0)
        DLI_TRY(add_ints(r, "shared", "sharedAxes", (int32_t)n, 0, err));
    return add_common(r, false, err);
}

/* A spec becomes operator and attributes. */
static dl4c_status op_of_spec(const struct reading *r, const char *text, struct dl4c_error *err)
{
    struct dli_spec spec;
    DLI_TRY(dli_spec_parse(r->ctx, text, &spec, err));
    dl4c_status status = DL4C_OK;
    set_op(r, spec.name);
    for (int32_t i = 0; i < spec.n_attrs && status == DL4C_OK; i++) {
        char *value = dli_strdup(r->ctx, spec.attrs[i].v.s, err);
        const struct dli_attr *a = dli_op_find(spec.name)->attrs;
        while (a && a->name && strcmp(a->name, spec.attrs[i].name) != 0)
            a++;
        status = value ? DL4C_OK : dli_alloc_status();
        if (value && a && a->name)
            dli_dl4j_layer_str(r->out, a->name, value);
        else
            dli_free(value);
    }
    dli_spec_free(&spec);
    return status;
}

static dl4c_status read_dropout(const struct reading *r, struct dl4c_error *err)
{
    double p;
    char *noise;
    DLI_TRY(dropout_of(r, &p, &noise, err));
    if (noise) {
        const dl4c_status status = op_of_spec(r, noise, err);
        dli_free(noise);
        return status;
    }
    set_op(r, "dropout");
    add(r->out, dl4c_attr_float("p", p));
    return DL4C_OK;
}

static dl4c_status read_activation(const struct reading *r, struct dl4c_error *err)
{
    const json_t *o;
    char *text;
    DLI_TRY(no_dropout(r, err));
    DLI_TRY(dli_dl4j_object(r->o, "activationFn", &r->at, &o, err));
    DLI_TRY(dli_dl4j_read_activation(r->ctx, o, &r->at, &text, err));
    set_op(r, "identity");
    const dl4c_status status = text ? op_of_spec(r, text, err) : DL4C_OK;
    dli_free(text);
    return status;
}

/* Operator, class. `trains`: has an updater. rank: of its input; same: its output has the
 * channels of its input, and where rank is 0 its whole shape. */
static const struct class
{
    const char *name;
    dl4c_status (*read)(const struct reading *r, struct dl4c_error *err);
    bool trains;
    int32_t rank;
    bool same;
} classes[] = {
    { "ActivationLayer", read_activation, false, 0, true },
    { "BatchNormalization", read_batch_norm, true, 0, true },
    { "CenterLossOutputLayer", read_center_loss, true, 1, false },
    { "CnnLossLayer", read_cnn_loss, false, 3, true },
    { "Convolution2D", read_conv, true, 3, false },
    { "ConvolutionLayer", read_conv, true, 3, false },
    { "Cropping2D", read_cropping, false, 3, true },
    { "Deconvolution2D", read_deconv, true, 3, false },
    { "DenseLayer", read_dense, true, 1, false },
    { "DepthwiseConvolution2D", read_depthwise, true, 3, false },
    { "DropoutLayer", read_dropout, false, 0, true },
    { "GlobalPoolingLayer", read_global_pool, false, 3, true },
    { "GravesLSTM", read_graves_lstm, true, 2, false },
    { "LSTM", read_lstm, true, 2, false },
    { "LocalResponseNormalization", read_lrn, false, 3, true },
    { "LossLayer", read_loss_layer, false, 0, true },
    { "OutputLayer", read_output, true, 1, false },
    { "PReLULayer", read_prelu, true, 0, true },
    { "RnnOutputLayer", read_rnn_output, true, 2, false },
    { "SeparableConvolution2D", read_separable, true, 3, false },
    { "SimpleRnn", read_simple_rnn, true, 2, false },
    { "SpaceToDepthLayer", read_space_to_depth, false, 3, false },
    { "Subsampling2D", read_pooling, false, 3, true },
    { "SubsamplingLayer", read_pooling, false, 3, true },
    { "Upsampling2D", read_upsampling, false, 3, true },
    { "ZeroPaddingLayer", read_zero_padding, false, 3, true },
};

static const struct class *class_of(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].name, name) == 0)
            return &classes[i];
    return NULL;
}

const json_t *dli_dl4j_inner(const json_t *layer, bool *frozen)
{
    *frozen = false;
    while (strcmp(dli_dl4j_class(layer), "FrozenLayer") == 0 && json_is_object(json_object_get(layer, "layer"))) {
        *frozen = true;
        layer = json_object_get(layer, "layer");
    }
    return layer;
}

dl4c_status dli_dl4j_read_layer(dl4c_context *ctx, const char *name, const json_t *layer, const json_t *conf, struct dli_dl4j_layer *out,
                                struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    const json_t *o = dli_dl4j_inner(layer, &out->frozen);
    const struct reading r = { ctx, o, { name, dli_dl4j_class(o) }, out };
    const struct class *c = class_of(r.at.class);
    if (!c)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "layer '%.100s': %s%.80s is not supported", name,
                        r.at.class[0] ? "class " : "a layer without class", r.at.class);
    dl4c_status status = c->read(&r, err);
    if (status == DL4C_OK && c->trains && !out->frozen)
        status = dli_dl4j_read_updater(ctx, o, "iupdater", &r.at, &out->updater, err);
    if (status == DL4C_OK && c->trains && !out->frozen)
        status = dli_dl4j_read_solver(ctx, conf, name, out, err);
    if (status == DL4C_OK && c->trains && !out->frozen)
        status = dli_dl4j_read_training(ctx, o, &r.at, out, err);
    if (status != DL4C_OK)
        dli_dl4j_layer_free(out);
    return status;
}

static dl4c_status read_elementwise(const struct reading *r, struct dl4c_error *err)
{
    static const char *const ops[][2] = {
        { "Add", "add" }, { "Subtract", "subtract" }, { "Product", "multiply" }, { "Average", "average" }, { "Max", "maximum" }
    };
    const char *op;
    DLI_TRY(dli_dl4j_str(r->o, "op", "", &r->at, &op, err));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(op, ops[i][0]) == 0) {
            set_op(r, ops[i][1]);
            return DL4C_OK;
        }
    return dli_dl4j_unsupported(&r->at, err, "operation \"%.40s\" is not supported", op);
}

static dl4c_status read_preprocessor(const struct reading *r, struct dl4c_error *err)
{
    struct dli_dl4j_pre p;
    const json_t *o;
    DLI_TRY(dli_dl4j_object(r->o, "preProcessor", &r->at, &o, err));
    DLI_TRY(dli_dl4j_read_pre(r->at.layer, o, &p, err));
    if (p.kind == DLI_DL4J_PRE_ROWS)
        return dli_dl4j_unsupported(&r->at, err, "RnnToFeedForwardPreProcessor is not supported");
    set_op(r, p.kind == DLI_DL4J_PRE_FLATTEN ? "flatten" : p.kind == DLI_DL4J_PRE_MAPS ? "reshape" : "identity");
    if (p.kind == DLI_DL4J_PRE_MAPS) {
        memcpy(r->out->ints, p.shape, sizeof p.shape);
        r->out->n_ints = 3;
        add(r->out, dl4c_attr_ints("shape", r->out->ints, 3));
    }
    return DL4C_OK;
}

/* Over all axes of a row, which dimension null and every one but the batch mean; [1] is that of a row of features. */
static dl4c_status read_l2_normalize(const struct reading *r, struct dl4c_error *err)
{
    const json_t *list;
    set_op(r, "l2_normalize");
    DLI_TRY(dli_dl4j_array(r->o, "dimension", &r->at, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_array_get(list, i)) != (json_int_t)i + 1)
            return dli_dl4j_unsupported(&r->at, err, "these dimensions are not supported, wanted all but the batch");
    if (json_array_size(list) == 1)
        add(r->out, dl4c_attr_int("features", 1));
    return add_num(r, "eps", "eps", 1e-8, err);
}

/* The first length is the batch's. */
static dl4c_status read_reshape(const struct reading *r, struct dl4c_error *err)
{
    int64_t shape[DLI_SHAPE_RANK + 1];
    const json_t *list;
    const char *order;
    set_op(r, "reshape");
    DLI_TRY(dli_dl4j_array(r->o, "newShape", &r->at, &list, err));
    DLI_TRY(dli_dl4j_str(r->o, "reshapeOrder", "c", &r->at, &order, err));
    const size_t n = json_array_size(list);
    if (n < 2 || n > DLI_SHAPE_RANK + 1)
        return dli_dl4j_unsupported(&r->at, err, "a new shape of %zu axes is not supported, wanted 2 to %d", n, DLI_SHAPE_RANK + 1);
    if (strcmp(order, "c") != 0)
        return dli_dl4j_unsupported(&r->at, err, "reshape order %.20s is not supported, wanted c", order);
    DLI_TRY(dli_dl4j_ints(r->o, "newShape", (int32_t)n, 0, &r->at, shape, err));
    if (shape[0] != -1)
        return dli_dl4j_unsupported(&r->at, err, "a new shape for %" PRId64 " rows only is not supported, wanted -1", shape[0]);
    memcpy(r->out->ints, shape + 1, (n - 1) * sizeof *shape);
    r->out->n_ints = (int32_t)n - 1;
    add(r->out, dl4c_attr_ints("shape", r->out->ints, (int32_t)n - 1));
    return DL4C_OK;
}

dl4c_status dli_dl4j_read_vertex(dl4c_context *ctx, const char *name, const json_t *vertex, struct dli_dl4j_layer *out,
                                 struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    while (strcmp(dli_dl4j_class(vertex), "FrozenVertex") == 0 && json_is_object(json_object_get(vertex, "underlying"))) {
        out->frozen = true;
        vertex = json_object_get(vertex, "underlying");
    }
    const struct reading r = { ctx, vertex, { name, dli_dl4j_class(vertex) }, out };
    const char *class = r.at.class;
    if (strcmp(class, "ElementWiseVertex") == 0)
        return read_elementwise(&r, err);
    if (strcmp(class, "PreprocessorVertex") == 0)
        return read_preprocessor(&r, err);
    if (strcmp(class, "MergeVertex") == 0) {
        set_op(&r, "merge");
        return add_int(&r, "axis", "mergeAxis", 1, err);
    }
    if (strcmp(class, "StackVertex") == 0 || strcmp(class, "PoolHelperVertex") == 0 || strcmp(class, "L2Vertex") == 0) {
        set_op(&r, class[0] == 'S' ? "stack" : class[0] == 'P' ? "pool_helper" : "l2_distance");
        return DL4C_OK;
    }
    if (strcmp(class, "SubsetVertex") == 0) {
        set_op(&r, "subset");
        DLI_TRY(add_int(&r, "from", "from", 0, err));
        return add_int(&r, "to", "to", 0, err);
    }
    if (strcmp(class, "UnstackVertex") == 0) {
        set_op(&r, "unstack");
        DLI_TRY(add_int(&r, "from", "from", 0, err));
        return add_int(&r, "size", "stackSize", 1, err);
    }
    if (strcmp(class, "L2NormalizeVertex") == 0)
        return read_l2_normalize(&r, err);
    if (strcmp(class, "ReshapeVertex") == 0)
        return read_reshape(&r, err);
    if (strcmp(class, "ScaleVertex") == 0) {
        set_op(&r, "scale");
        return add_num(&r, "factor", "scaleFactor", 1, err);
    }
    if (strcmp(class, "ShiftVertex") == 0) {
        set_op(&r, "shift");
        return add_num(&r, "value", "shiftFactor", 0, err);
    }
    return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "vertex '%.100s': %s%.80s is not supported", name,
                    class[0] ? "class " : "a vertex without class", class);
}

dl4c_status dli_dl4j_read_pre(const char *name, const json_t *pre, struct dli_dl4j_pre *out, struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    if (!pre)
        return DL4C_OK;
    const struct dli_dl4j_at at = { name, dli_dl4j_class(pre) };
    if (strcmp(at.class, "CnnToFeedForwardPreProcessor") == 0)
        out->kind = DLI_DL4J_PRE_FLATTEN;
    else if (strcmp(at.class, "FeedForwardToCnnPreProcessor") == 0)
        out->kind = DLI_DL4J_PRE_MAPS;
    else if (strcmp(at.class, "RnnToFeedForwardPreProcessor") == 0)
        out->kind = DLI_DL4J_PRE_ROWS;
    else
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "layer '%.100s': preprocessor %.80s is not supported", name, at.class);
    const struct reading r = { NULL, pre, at, NULL };
    if (out->kind == DLI_DL4J_PRE_ROWS)
        return want_ncw(&r, err);
    DLI_TRY(want_nchw(&r, err));
    static const char *const keys[] = { "numChannels", "inputHeight", "inputWidth" };
    for (int i = 0; i < 3; i++) {
        DLI_TRY(dli_dl4j_int(pre, keys[i], 0, &at, &out->shape[i], err));
        if (out->shape[i] < 0 || out->shape[i] > 1 << 24)
            return dli_dl4j_wrong(keys[i], "a length", &at, err);
        if (out->shape[i] == 0)
            out->shape[i] = -1;
    }
    return DL4C_OK;
}

struct dli_dl4j_hint dli_dl4j_hint(const json_t *layer, const json_t *vertex)
{
    struct dli_dl4j_hint h = { 0 };
    bool frozen;
    if (!layer) {
        const char *class = dli_dl4j_class(vertex);
        h.rank = strcmp(class, "PoolHelperVertex") == 0 ? 3 : 0;
        h.same = h.rank == 3 || strcmp(class, "L2NormalizeVertex") == 0 || strcmp(class, "StackVertex") == 0 ||
                 strcmp(class, "UnstackVertex") == 0 || strcmp(class, "ElementWiseVertex") == 0 || strcmp(class, "ScaleVertex") == 0 ||
                 strcmp(class, "ShiftVertex") == 0;
        return h;
    }
    layer = dli_dl4j_inner(layer, &frozen);
    const struct class *c = class_of(dli_dl4j_class(layer));
    const json_t *in = json_object_get(layer, "nin");
    if (c) {
        h.rank = c->rank;
        h.same = c->same;
        if (c->trains && json_is_integer(in) && json_integer_value(in) > 0)
            h.channels = json_integer_value(in);
    }
    return h;
}
