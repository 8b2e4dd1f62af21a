/* SPDX-License-Identifier: Apache-2.0 */
/* Classes as lists of keys, and what each key says of a vertex. A key means the same in every class. */
#include "formats/dl4j/write_layer.h"
#include "base/escape.h"
#include "base/number.h"
#include "formats/dl4j/training.h"

#include <stdio.h>
#include <string.h>

#define BASE_HEAD "activationFn biasInit biasUpdater "
#define BASE_REST "iupdater layerName nin nout regularization regularizationBias timeDistributedFormat weightInitFn weightNoise"
#define PLAIN     "gradientNormalization gradientNormalizationThreshold idropout "
#define CONVOLUTION                                                                                                                        \
    BASE_HEAD "cnn2dDataFormat constraints convolutionMode cudnnAlgoMode cudnnAllowFallback cudnnBwdDataAlgo cudnnBwdFilterAlgo "          \
              "cudnnFwdAlgo dilation gainInit gradientNormalization gradientNormalizationThreshold hasBias idropout iupdater kernelSize "  \
              "layerName nin nout padding regularization regularizationBias stride timeDistributedFormat weightInitFn weightNoise"
#define LSTM                                                                                                                               \
    BASE_HEAD "constraints forgetGateBiasInit gainInit gateActivationFn gradientNormalization gradientNormalizationThreshold "             \
              "helperAllowFallback idropout iupdater layerName nin nout regularization regularizationBias rnnDataFormat "                  \
              "timeDistributedFormat weightInitFn weightInitFnRecurrent weightNoise"

static const struct class
{
    const char *op, *class, *keys; /* in the order that Jackson gives them */
} classes[] = {
    { "avg_pool", "SubsamplingLayer",
      "avgPoolIncludePadInDivisor cnn2dDataFormat constraints convolutionMode cudnnAllowFallback dilation eps " PLAIN
      "kernelSize layerName padding pnorm poolingType stride" },
    { "batch_norm", "BatchNormalization",
      "activationFn beta biasInit biasUpdater cnn2DFormat constraints cudnnAllowFallback decay eps gainInit gamma " PLAIN
      "iupdater layerName lockGammaBeta minibatch nin nout regularization regularizationBias timeDistributedFormat useLogStd weightInitFn "
      "weightNoise" },
    { "center_loss", "CenterLossOutputLayer",
      "activationFn alpha biasInit biasUpdater constraints gainInit gradientCheck gradientNormalization gradientNormalizationThreshold "
      "hasBias idropout iupdater lambda layerName lossFn nin nout regularization regularizationBias timeDistributedFormat weightInitFn "
      "weightNoise" },
    { "cnn_loss", "CnnLossLayer",
      BASE_HEAD "constraints format gainInit " PLAIN "iupdater layerName lossFn nin nout regularization regularizationBias "
                "timeDistributedFormat weightInitFn weightNoise" },
    { "conv2d", "ConvolutionLayer", CONVOLUTION },
    { "cropping", "convolutional.Cropping2D", "constraints cropping dataFormat " PLAIN "layerName" },
    { "deconv2d", "Deconvolution2D", CONVOLUTION },
    { "dense", "DenseLayer",
      BASE_HEAD "constraints gainInit gradientNormalization gradientNormalizationThreshold hasBias hasLayerNorm idropout " BASE_REST },
    { "depthwise_conv2d", "DepthwiseConvolution2D",
      BASE_HEAD "cnn2dDataFormat constraints convolutionMode cudnnAlgoMode cudnnAllowFallback cudnnBwdDataAlgo cudnnBwdFilterAlgo "
                "cudnnFwdAlgo depthMultiplier dilation gainInit gradientNormalization gradientNormalizationThreshold hasBias idropout "
                "iupdater kernelSize layerName nin nout padding regularization regularizationBias stride timeDistributedFormat "
                "weightInitFn weightNoise" },
    { "dropout", "DropoutLayer", BASE_HEAD "constraints gainInit " PLAIN BASE_REST },
    { "global_pool", "GlobalPoolingLayer", "collapseDimensions constraints " PLAIN "layerName pnorm poolingDimensions poolingType" },
    { "graves_lstm", "GravesLSTM", LSTM },
    { "loss", "LossLayer",
      BASE_HEAD "constraints gainInit " PLAIN "iupdater layerName lossFn nin nout regularization regularizationBias "
                "timeDistributedFormat weightInitFn weightNoise" },
    { "lrn", "LocalResponseNormalization", "alpha beta constraints cudnnAllowFallback dataFormat " PLAIN "k layerName n" },
    { "lstm", "LSTM", LSTM },
    { "max_pool", "SubsamplingLayer",
      "avgPoolIncludePadInDivisor cnn2dDataFormat constraints convolutionMode cudnnAllowFallback dilation eps " PLAIN
      "kernelSize layerName padding pnorm poolingType stride" },
    { "output", "OutputLayer",
      BASE_HEAD "constraints gainInit gradientNormalization gradientNormalizationThreshold hasBias idropout iupdater layerName lossFn nin "
                "nout regularization regularizationBias timeDistributedFormat weightInitFn weightNoise" },
    { "pnorm_pool", "SubsamplingLayer",
      "avgPoolIncludePadInDivisor cnn2dDataFormat constraints convolutionMode cudnnAllowFallback dilation eps " PLAIN
      "kernelSize layerName padding pnorm poolingType stride" },
    { "prelu", "PReLULayer",
      BASE_HEAD "constraints gainInit " PLAIN "inputShape iupdater layerName nin nout regularization regularizationBias sharedAxes "
                "weightInitFn weightNoise" },
    { "rnn_output", "RnnOutputLayer",
      BASE_HEAD "constraints gainInit gradientNormalization gradientNormalizationThreshold hasBias idropout iupdater layerName lossFn nin "
                "nout regularization regularizationBias rnnDataFormat timeDistributedFormat weightInitFn weightNoise" },
    { "separable_conv2d", "SeparableConvolution2D",
      BASE_HEAD "cnn2dDataFormat constraints convolutionMode cudnnAlgoMode cudnnAllowFallback cudnnBwdDataAlgo cudnnBwdFilterAlgo "
                "cudnnFwdAlgo depthMultiplier dilation gainInit gradientNormalization gradientNormalizationThreshold hasBias idropout "
                "iupdater kernelSize layerName nin nout padding regularization regularizationBias stride timeDistributedFormat "
                "weightInitFn weightNoise" },
    { "simple_rnn", "recurrent.SimpleRnn",
      BASE_HEAD "constraints gainInit gradientNormalization gradientNormalizationThreshold hasLayerNorm idropout iupdater layerName nin "
                "nout regularization regularizationBias rnnDataFormat timeDistributedFormat weightInitFn weightInitFnRecurrent "
                "weightNoise" },
    { "space_to_depth", "SpaceToDepthLayer", "blockSize constraints dataFormat " PLAIN "layerName" },
    { "sum_pool", "SubsamplingLayer",
      "avgPoolIncludePadInDivisor cnn2dDataFormat constraints convolutionMode cudnnAllowFallback dilation eps " PLAIN
      "kernelSize layerName padding pnorm poolingType stride" },
    { "upsampling", "Upsampling2D", "constraints format " PLAIN "layerName size" },
    { "zero_padding", "ZeroPaddingLayer", "constraints dataFormat " PLAIN "layerName padding" },
};
static const struct class activation_class = { "", "ActivationLayer", "activationFn constraints " PLAIN "layerName" };

static const struct class *class_of(const struct dli_vertex *v)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].op, v->op->name) == 0)
            return &classes[i];
    for (size_t i = 0; v->op->flags & DLI_OP_TRAIN_ONLY && i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].class, "DropoutLayer") == 0)
            return &classes[i];
    return v->op->flags & DLI_OP_ACTIVATION ? &activation_class : NULL;
}

const char *dli_dl4j_layer_class(const struct dli_vertex *v)
{
    const struct class *c = class_of(v);
    return c ? c->class : NULL;
}

/* ---- attributes of the vertex -------------------------------------------------------------------------------- */

static bool attr(const struct dli_vertex *v, const char *name, struct dl4c_attr *out)
{
    for (const struct dli_attr *a = v->op->attrs; a && a->name; a++)
        if (strcmp(a->name, name) == 0) {
            dli_attrs_get(a, v->attrs->attrs, out);
            return true;
        }
    return false;
}

static int64_t attr_int(const struct dli_vertex *v, const char *name)
{
    struct dl4c_attr a;
    return attr(v, name, &a) && a.type == DL4C_ATTR_INT ? a.v.i : 0;
}

static double attr_num(const struct dli_vertex *v, const char *name)
{
    struct dl4c_attr a;
    return attr(v, name, &a) && a.type == DL4C_ATTR_FLOAT ? a.v.f : 0;
}

static const char *attr_str(const struct dli_vertex *v, const char *name)
{
    struct dl4c_attr a;
    return attr(v, name, &a) && a.type == DL4C_ATTR_STR && a.v.s ? a.v.s : "";
}

static const int64_t *attr_ints(const struct dli_vertex *v, const char *name)
{
    static const int64_t none[4] = { 0, 0, 0, 0 };
    struct dl4c_attr a;
    return attr(v, name, &a) && a.type == DL4C_ATTR_INTS ? a.v.is : none;
}

static const struct dli_shape *input_shape(const struct dli_dl4j_writing *w) { return &w->g->vertices[w->v->inputs[0]].shape; }

static const struct dli_layer *layer_of(const struct dli_vertex *v)
{
    static const struct dli_layer none = { 0 };
    return v->op->flags & DLI_OP_LAYER ? &v->attrs->layer : &none;
}

/* ---- padding ------------------------------------------------------------------------------------------------- */

static bool windowed(const struct dli_vertex *v)
{
    static const char *const names[] = {
        "avg_pool", "conv2d", "depthwise_conv2d", "max_pool", "pnorm_pool", "separable_conv2d", "sum_pool"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(v->op->name, names[i]) == 0)
            return true;
    return false;
}

/* Whether padding is the same as zeros in the maps: maxima and averages of what is there see a difference. */
static bool pads_with_zeros(const struct dli_vertex *v)
{
    return strcmp(v->op->name, "max_pool") != 0 && (strcmp(v->op->name, "avg_pool") != 0 || attr_int(v, "include_pad"));
}

/* What a window's attributes and sizes make of padding: at the start and the end of each axis. False where sizes are not known. */
static bool pads(const dl4c_graph *g, const struct dli_vertex *v, int64_t pad[4])
{
    const int64_t *kernel = attr_ints(v, "kernel"), *stride = attr_ints(v, "stride"), *start = attr_ints(v, "padding");
    const int64_t *end = attr_ints(v, "padding_end"), *dilation = attr_ints(v, "dilation");
    const char *mode = attr_str(v, "mode");
    const struct dli_shape *in = &g->vertices[v->inputs[0]].shape;
    for (int a = 0; a < 2; a++) {
        pad[2 * a] = start[a];
        pad[2 * a + 1] = end[a] < 0 ? start[a] : end[a];
        if (strcmp(mode, "same_lower") == 0) {
            const int64_t n = in->dim[a + 1], out = v->shape.dim[a + 1];
            if (n < 0 || out < 0)
                return false;
            const int64_t need = (out - 1) * stride[a] + (kernel[a] - 1) * dilation[a] + 1 - n, all = need > 0 ? need : 0;
            pad[2 * a] = all - all / 2;
            pad[2 * a + 1] = all / 2;
        }
    }
    return true;
}

/* Rounding up is rounding down where nothing is left over. */
static bool rounds_down(const dl4c_graph *g, const struct dli_vertex *v)
{
    int64_t pad[4];
    const struct dli_shape *in = &g->vertices[v->inputs[0]].shape;
    if (!attr_int(v, "ceil") || strcmp(attr_str(v, "mode"), "truncate") != 0)
        return true;
    if (!pads(g, v, pad))
        return false;
    for (int a = 0; a < 2; a++) {
        const int64_t span =
            in->dim[a + 1] + pad[2 * a] + pad[2 * a + 1] - (attr_ints(v, "kernel")[a] - 1) * attr_ints(v, "dilation")[a] - 1;
        if (in->dim[a + 1] < 0 || span % attr_ints(v, "stride")[a] != 0)
            return false;
    }
    return true;
}

bool dli_dl4j_wants_padding(const dl4c_graph *g, const struct dli_vertex *v, int64_t padding[4])
{
    if (!v->op || !windowed(v) || strcmp(attr_str(v, "mode"), "same") == 0 || !pads(g, v, padding))
        return false;
    return padding[0] != padding[1] || padding[2] != padding[3];
}

/* What the class cannot say. */
static dl4c_status check_window(const struct dli_dl4j_writing *w, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    int64_t pad[4];
    if (!windowed(w->v))
        return DL4C_OK;
    if (attr_int(w->v, "groups") > 1)
        return dli_dl4j_unsupported(at, err, "a convolution of %" PRId64 " groups has no class in Deeplearning4j",
                                    attr_int(w->v, "groups"));
    if (!rounds_down(w->g, w->v))
        return dli_dl4j_unsupported(at, err, "pooling that rounds sizes up has no class in Deeplearning4j");
    if (!pads(w->g, w->v, pad))
        return dli_dl4j_unsupported(at, err, "its padding (mode same_lower) follows from a size that is not known");
    if (dli_dl4j_wants_padding(w->g, w->v, pad) && !pads_with_zeros(w->v))
        return dli_dl4j_unsupported(
            at, err, "pooling padded unevenly (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ") has no class in Deeplearning4j", pad[0],
            pad[1], pad[2], pad[3]);
    return DL4C_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static void bool_out(struct dli_dl4j_writing *w, const char *key, bool v) { dli_dl4j_raw(&w->e, key, v ? "true" : "false"); }

static void regularization(struct dli_dl4j_writing *w, const char *key, double l1, double l2, const struct dli_float_list *decay)
{
    static const char *const package = "org.nd4j.linalg.learning.regularization.";
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_key(e, key);
    dli_dl4j_open(e, '[');
    for (int k = 0; k < 2; k++) {
        const double v = k == 0 ? l2 : l1;
        if (v == 0)
            continue;
        dli_dl4j_item(e);
        dli_dl4j_open(e, '{');
        dli_dl4j_key(e, "@class");
        dli_strbuf_addf(&e->b, "\"%s%s\"", package, k == 0 ? "L2Regularization" : "L1Regularization");
        dli_dl4j_key(e, k == 0 ? "l2" : "l1");
        dli_dl4j_open(e, '{');
        dli_dl4j_text(e, "@class", "org.nd4j.linalg.schedule.FixedSchedule");
        dli_dl4j_num_out(e, "value", v);
        dli_dl4j_close(e, '}');
        dli_dl4j_close(e, '}');
    }
    dli_dl4j_decay_out(e, layer_of(w->v), decay);
    dli_dl4j_close(e, ']');
}

/* What is random in training is a layer's attribute or an operator of its own. */
static dl4c_status dropout_out(struct dli_dl4j_writing *w, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const struct dli_layer *l = layer_of(w->v);
    const double p = strcmp(w->v->op->name, "dropout") == 0 ? attr_num(w->v, "p") : l->dropout;
    struct dli_strbuf b;
    char *spec = NULL;
    if (l->noise)
        return dli_dl4j_noise_out(&w->e, l->noise, at, err);
    dli_strbuf_init(&b, w->g->ctx);
    if (w->v->op->flags & DLI_OP_TRAIN_ONLY && strcmp(w->v->op->name, "dropout") != 0) {
        dli_strbuf_add(&b, w->v->op->name);
        dli_attrs_print(w->v->op->attrs, w->v->attrs->attrs, &b);
        DLI_TRY(dli_strbuf_take(&b, &spec, err));
    } else if (p != 0) {
        char buf[40];
        dli_strbuf_addf(&b, "dropout(p=%s)", dli_number_shortest(buf, sizeof buf, p));
        DLI_TRY(dli_strbuf_take(&b, &spec, err));
    }
    const dl4c_status status = dli_dl4j_noise_out(&w->e, spec, at, err);
    dli_free(spec);
    return status;
}

/* An activation that is a vertex is its operator with its attributes. */
static dl4c_status activation_out(struct dli_dl4j_writing *w, const char *key, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const struct dli_vertex *v = w->v;
    if (!(v->op->flags & DLI_OP_ACTIVATION) || v->op->flags & DLI_OP_LAYER)
        return dli_dl4j_activation_out(&w->e, key, layer_of(v)->activation, at, err);
    struct dli_strbuf b;
    char *spec;
    dli_strbuf_init(&b, w->g->ctx);
    dli_strbuf_add(&b, v->op->name);
    dli_attrs_print(v->op->attrs, v->attrs->attrs, &b);
    DLI_TRY(dli_strbuf_take(&b, &spec, err));
    const dl4c_status status = dli_dl4j_activation_out(&w->e, key, spec, at, err);
    dli_free(spec);
    return status;
}

/* Features in and out; 0 where the class has no use for them. */
static int64_t n_features(const struct dli_dl4j_writing *w, bool out)
{
    const struct dli_vertex *v = w->v;
    for (int32_t k = 0; k < v->n_params; k++)
        if (v->decl[k].role == DLI_PARAM_WEIGHT && v->decl[k].rank == 2)
            return out && attr_int(v, "units") > 0 ? attr_int(v, "units") : v->decl[k].shape[out];
    if (strcmp(v->op->name, "prelu") == 0)
        return 0;
    if (v->n_params == 0)
        return strcmp(v->op->name, "loss") == 0 && !out ? input_shape(w)->dim[0] : 0;
    return out ? v->shape.dim[0] : input_shape(w)->dim[0];
}

static const char *mode_word(const struct dli_vertex *v)
{
    const char *mode = attr_str(v, "mode");
    return strcmp(mode, "same") == 0 ? "Same" : strcmp(mode, "strict") == 0 ? "Strict" : "Truncate";
}

/* "AVG" of avg_pool and of global_pool:type=avg. */
static const char *pooling_word(const struct dli_vertex *v)
{
    static const char *const words[][2] = { { "avg", "AVG" }, { "sum", "SUM" }, { "pnorm", "PNORM" } };
    const char *own = strcmp(v->op->name, "global_pool") == 0 ? attr_str(v, "type") : v->op->name;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(own, words[i][0], strlen(words[i][0])) == 0)
            return words[i][1];
    return "MAX";
}

static void axes_out(struct dli_dl4j_writing *w, const char *key, const char *name)
{
    struct dl4c_attr a;
    if (attr(w->v, name, &a) && a.type == DL4C_ATTR_INTS && a.count > 0)
        dli_dl4j_ints_out(&w->e, key, a.v.is, a.count);
    else
        dli_dl4j_raw(&w->e, key, "null");
}

static dl4c_status bias_updater(struct dli_dl4j_writing *w, const char *key, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const char *spec = layer_of(w->v)->bias_updater;
    if (spec)
        return dli_dl4j_updater_out(&w->e, key, spec, at, err);
    dli_dl4j_raw(&w->e, key, "null");
    return DL4C_OK;
}

static const char *updater_text(const struct dli_dl4j_writing *w)
{
    const char *own = layer_of(w->v)->updater;
    return own ? own : w->g->updater ? w->g->updater : "sgd";
}

/* Keys whose value is the same wherever they stand. */
static const char *const constants[][2] = {
    { "cnn2DFormat", "\"NCHW\"" },
    { "cnn2dDataFormat", "\"NCHW\"" },
    { "cudnnAlgoMode", "\"PREFER_FASTEST\"" },
    { "cudnnAllowFallback", "true" },
    { "cudnnBwdDataAlgo", "null" },
    { "cudnnBwdFilterAlgo", "null" },
    { "cudnnFwdAlgo", "null" },
    { "dataFormat", "\"NCHW\"" },
    { "format", "\"NCHW\"" },
    { "gainInit", "1.0" },
    { "hasLayerNorm", "false" },
    { "helperAllowFallback", "true" },
    { "minibatch", "true" },
    { "rnnDataFormat", "\"NCW\"" },
    { "timeDistributedFormat", "null" },
    { "weightInitFnRecurrent", "null" },
};

static dl4c_status key_out(struct dli_dl4j_writing *w, const char *key, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const struct dli_vertex *v = w->v;
    const struct dli_layer *l = layer_of(v);
    struct dli_dl4j_emit *e = &w->e;
    const bool pool = strstr(v->op->name, "_pool") && windowed(v);
    const bool trains = class_of(v) != &activation_class && strstr(class_of(v)->keys, "iupdater");
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (strcmp(key, constants[i][0]) == 0) {
            dli_dl4j_raw(e, key, constants[i][1]);
            return DL4C_OK;
        }
#define KEY(name) (strcmp(key, name) == 0)
    if (KEY("activationFn") && attr_str(v, "cell")[0])
        return dli_dl4j_activation_out(e, key, attr_str(v, "cell"), at, err);
    if (KEY("gateActivationFn"))
        return dli_dl4j_activation_out(e, key, attr_str(v, "gate"), at, err);
    if (KEY("activationFn"))
        return activation_out(w, key, at, err);
    if (KEY("biasUpdater"))
        return bias_updater(w, key, at, err);
    if (KEY("iupdater"))
        return dli_dl4j_updater_out(e, key, updater_text(w), at, err);
    if (KEY("constraints"))
        return dli_dl4j_constraints_out(e, l, at, err);
    if (KEY("weightNoise"))
        return dli_dl4j_weight_noise_out(e, l->weight_noise, at, err);
    if (KEY("weightInitFn"))
        return dli_dl4j_init_out(e, key, l->weight_init, at, err);
    if (KEY("lossFn"))
        return dli_dl4j_loss_out(e, key, attr_str(v, "loss"), at, err);
    if (KEY("alpha") || KEY("k") || KEY("decay") || KEY("gamma") || KEY("beta") || KEY("lambda"))
        dli_dl4j_num_out(e, key, attr_num(v, key));
    else if (KEY("avgPoolIncludePadInDivisor"))
        bool_out(w, key, attr_int(v, "include_pad") != 0);
    else if (KEY("blockSize"))
        dli_dl4j_int_out(e, key, attr_int(v, "block"));
    else if (KEY("cropping"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "cropping"), 4);
    else if (KEY("inputShape"))
        dli_dl4j_ints_out(e, key, v->shape.dim, v->shape.rank);
    else if (KEY("sharedAxes"))
        axes_out(w, key, "shared");
    else if (KEY("size"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "size"), 2);
    else if (KEY("biasInit"))
        dli_dl4j_num_out(e, key, l->bias_init);
    else if (KEY("collapseDimensions"))
        bool_out(w, key, !attr_int(v, "keep"));
    else if (KEY("convolutionMode"))
        dli_dl4j_text(e, key, mode_word(v));
    else if (KEY("depthMultiplier"))
        dli_dl4j_int_out(e, key, attr_int(v, "multiplier"));
    else if (KEY("dilation"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "dilation"), 2);
    else if (KEY("eps"))
        dli_dl4j_num_out(e, key, pool ? 1e-8 : attr_num(v, "eps"));
    else if (KEY("gradientNormalization"))
        dli_dl4j_gradient_normalization_out(e, l);
    else if (KEY("gradientNormalizationThreshold"))
        dli_dl4j_num_out(e, key, trains ? l->gradient_threshold : 0);
    else if (KEY("forgetGateBiasInit"))
        dli_dl4j_num_out(e, key, attr_num(v, "forget_bias"));
    else if (KEY("gradientCheck"))
        bool_out(w, key, attr_int(v, "gradient_check") != 0);
    else if (KEY("hasBias"))
        bool_out(w, key, attr_int(v, "has_bias") != 0);
    else if (KEY("idropout"))
        return dropout_out(w, at, err);
    else if (KEY("kernelSize"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "kernel"), 2);
    else if (KEY("layerName"))
        dli_dl4j_text(e, key, v->name);
    else if (KEY("lockGammaBeta"))
        bool_out(w, key, attr_int(v, "lock_gamma_beta") != 0);
    else if (KEY("n"))
        dli_dl4j_num_out(e, key, (double)attr_int(v, "n"));
    else if (KEY("nin") || KEY("nout"))
        dli_dl4j_int_out(e, key, n_features(w, KEY("nout")));
    else if (KEY("padding") && strstr(class_of(v)->keys, "kernelSize"))
        dli_dl4j_ints_out(e, key, w->padding, 2);
    else if (KEY("padding"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "padding"), 4);
    else if (KEY("pnorm"))
        dli_dl4j_int_out(e, key, attr_int(v, "p") > 0 ? attr_int(v, "p") : pool ? 0 : 2);
    else if (KEY("poolingDimensions") && input_shape(w)->rank == 2)
        dli_dl4j_raw(e, key, "null");
    else if (KEY("poolingDimensions"))
        dli_dl4j_ints_out(e, key, (const int64_t[]){ 2, 3 }, 2);
    else if (KEY("poolingType"))
        dli_dl4j_text(e, key, pooling_word(v));
    else if (KEY("regularization"))
        regularization(w, key, l->l1, l->l2, &l->weight_decay);
    else if (KEY("regularizationBias"))
        regularization(w, key, l->l1_bias, l->l2_bias, &l->weight_decay_bias);
    else if (KEY("stride"))
        dli_dl4j_ints_out(e, key, attr_ints(v, "stride"), 2);
    else if (KEY("useLogStd"))
        bool_out(w, key, attr_int(v, "use_log_std") != 0);
    else
        return dli_fail(err, DL4C_E_INTERNAL, "dl4j", "nobody writes the key %s", key);
    return DL4C_OK;
#undef KEY
}

static dl4c_status keys_out(struct dli_dl4j_writing *w, const struct class *c, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    for (const char *p = c->keys; *p;) {
        char key[40];
        const size_t n = strcspn(p, " ");
        memcpy(key, p, n);
        key[n] = '\0';
        DLI_TRY(key_out(w, key, at, err));
        p += n + (p[n] == ' ');
    }
    return DL4C_OK;
}

/* What a batch norm's own activation would be lost: the reference does not apply it. */
static dl4c_status check(const struct dli_dl4j_writing *w, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const struct dli_vertex *v = w->v;
    if (strcmp(v->op->name, "batch_norm") == 0 && v->attrs->layer.activation && strcmp(v->attrs->layer.activation, "identity") != 0)
        return dli_dl4j_unsupported(at, err, "Deeplearning4j does not apply an activation of a batch normalisation; add it as a vertex");
    if (attr_str(v, "cell")[0] && v->attrs->layer.activation && strcmp(v->attrs->layer.activation, "identity") != 0)
        return dli_dl4j_unsupported(at, err, "Deeplearning4j has one activation for a recurrent layer: its cell's; add it as a vertex");
    return check_window(w, at, err);
}

dl4c_status dli_dl4j_layer_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err)
{
    const struct class *c = class_of(w->v);
    const struct dli_dl4j_at at = { w->v->name, c->class };
    int64_t pad[4];
    DLI_TRY(check(w, &at, err));
    memcpy(w->padding, attr_ints(w->v, "padding"), sizeof w->padding);
    if (windowed(w->v) && strcmp(attr_str(w->v, "mode"), "same") != 0 && pads(w->g, w->v, pad)) {
        const bool before = dli_dl4j_wants_padding(w->g, w->v, pad);
        w->padding[0] = before ? 0 : pad[0];
        w->padding[1] = before ? 0 : pad[2];
    }
    if (strstr(c->keys, "iupdater"))
        DLI_TRY(dli_spec_parse(w->g->ctx, updater_text(w), &w->updater, err));
    dli_dl4j_key(&w->e, key);
    dli_dl4j_open(&w->e, '{');
    if (w->v->frozen) {
        dli_dl4j_text(&w->e, "@class", "org.deeplearning4j.nn.conf.layers.misc.FrozenLayer");
        dli_dl4j_key(&w->e, "layer");
        dli_dl4j_open(&w->e, '{');
    }
    dli_dl4j_key(&w->e, "@class");
    dli_strbuf_addf(&w->e.b, "\"org.deeplearning4j.nn.conf.layers.%s\"", c->class);
    const dl4c_status status = keys_out(w, c, &at, err);
    dli_spec_free(&w->updater);
    if (w->v->frozen) {
        dli_dl4j_close(&w->e, '}');
        dli_dl4j_raw(&w->e, "constraints", "null");
        dli_dl4j_raw(&w->e, "gradientNormalization", "\"None\"");
        dli_dl4j_raw(&w->e, "gradientNormalizationThreshold", strstr(c->keys, "iupdater") ? "1.0" : "0.0");
        dli_dl4j_raw(&w->e, "idropout", "null");
        dli_dl4j_text(&w->e, "layerName", w->v->name);
    }
    dli_dl4j_close(&w->e, '}');
    return status;
}

void dli_dl4j_padding_out(struct dli_dl4j_writing *w, const char *key, const char *name, const int64_t padding[4])
{
    struct dli_dl4j_emit *e = &w->e;
    dli_dl4j_key(e, key);
    dli_dl4j_open(e, '{');
    dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.layers.ZeroPaddingLayer");
    dli_dl4j_raw(e, "constraints", "null");
    dli_dl4j_raw(e, "dataFormat", "\"NCHW\"");
    dli_dl4j_raw(e, "gradientNormalization", "\"None\"");
    dli_dl4j_raw(e, "gradientNormalizationThreshold", "0.0");
    dli_dl4j_raw(e, "idropout", "null");
    dli_dl4j_text(e, "layerName", name);
    dli_dl4j_ints_out(e, "padding", padding, 4);
    dli_dl4j_close(e, '}');
}

/* ---- vertices that are no layers ----------------------------------------------------------------------------- */

static dl4c_status maps_out(struct dli_dl4j_writing *w, const char *key, const char *class, const int64_t maps[3], struct dl4c_error *err)
{
    if (maps[0] < 0 || maps[1] < 0 || maps[2] < 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j",
                        "'%.100s' flattens maps whose size is not known, and Deeplearning4j wants to be told it", w->v->name);
    dli_dl4j_key(&w->e, key);
    dli_dl4j_open(&w->e, '{');
    dli_dl4j_key(&w->e, "@class");
    dli_strbuf_addf(&w->e.b, "\"org.deeplearning4j.nn.conf.preprocessor.%s\"", class);
    if (strcmp(class, "CnnToFeedForwardPreProcessor") == 0)
        dli_dl4j_raw(&w->e, "format", "\"NCHW\"");
    dli_dl4j_int_out(&w->e, "inputHeight", maps[1]);
    dli_dl4j_int_out(&w->e, "inputWidth", maps[2]);
    dli_dl4j_int_out(&w->e, "numChannels", maps[0]);
    dli_dl4j_close(&w->e, '}');
    return DL4C_OK;
}

dl4c_status dli_dl4j_pre_vertex_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err)
{
    const struct dli_shape *in = input_shape(w);
    if (strcmp(w->v->op->name, "flatten") == 0 && in->rank == 3)
        return maps_out(w, key, "CnnToFeedForwardPreProcessor", in->dim, err);
    if (strcmp(w->v->op->name, "reshape") == 0 && in->rank == 1 && w->v->shape.rank == 3)
        return maps_out(w, key, "FeedForwardToCnnPreProcessor", w->v->shape.dim, err);
    return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "'%.100s' (%s from %s to %s) has no class in Deeplearning4j", w->v->name,
                    w->v->op->name, DLI_SHAPE_STR(in), DLI_SHAPE_STR(&w->v->shape));
}

bool dli_dl4j_flattens(const struct dli_vertex *v)
{
    return strcmp(v->op->name, "dense") == 0 || strcmp(v->op->name, "output") == 0 || strcmp(v->op->name, "center_loss") == 0;
}

dl4c_status dli_dl4j_pre_out(struct dli_dl4j_writing *w, const char *key, struct dl4c_error *err)
{
    const struct dli_shape *in = input_shape(w);
    const bool linear = dli_dl4j_flattens(w->v);
    if (w->v->maps && in->rank == 3 && dli_shape_known(in))
        return maps_out(w, key, "FeedForwardToCnnPreProcessor", in->dim, err);
    if (!linear || in->rank == 1) {
        dli_dl4j_raw(&w->e, key, "null");
        return DL4C_OK;
    }
    if (in->rank != 3)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "'%.100s' flattens %s; Deeplearning4j flattens maps only", w->v->name,
                        DLI_SHAPE_STR(in));
    return maps_out(w, key, "CnnToFeedForwardPreProcessor", in->dim, err);
}

static const char *elementwise(const struct dli_vertex *v)
{
    static const char *const ops[][2] = {
        { "add", "Add" }, { "average", "Average" }, { "maximum", "Max" }, { "multiply", "Product" }, { "subtract", "Subtract" }
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i][0], v->op->name) == 0)
            return ops[i][1];
    return NULL;
}

static dl4c_status inner_vertex(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    struct dli_dl4j_emit *e = &w->e;
    const char *op = w->v->op->name;
    if (elementwise(w->v)) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.ElementWiseVertex");
        dli_dl4j_text(e, "op", elementwise(w->v));
    } else if (strcmp(op, "merge") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.MergeVertex");
        dli_dl4j_int_out(e, "mergeAxis", attr_int(w->v, "axis"));
        bool_out(w, "modified", attr_int(w->v, "axis") != 1);
    } else if (strcmp(op, "scale") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.ScaleVertex");
        dli_dl4j_num_out(e, "scaleFactor", attr_num(w->v, "factor"));
    } else if (strcmp(op, "shift") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.ShiftVertex");
        dli_dl4j_num_out(e, "shiftFactor", attr_num(w->v, "value"));
    } else if (strcmp(op, "stack") == 0 || strcmp(op, "pool_helper") == 0 || strcmp(op, "l2_distance") == 0) {
        dli_dl4j_key(e, "@class");
        dli_strbuf_addf(&e->b, "\"org.deeplearning4j.nn.conf.graph.%s\"", w->v->op->dl4j);
    } else if (strcmp(op, "subset") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.SubsetVertex");
        dli_dl4j_int_out(e, "from", attr_int(w->v, "from"));
        dli_dl4j_int_out(e, "to", attr_int(w->v, "to"));
    } else if (strcmp(op, "unstack") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.UnstackVertex");
        dli_dl4j_int_out(e, "from", attr_int(w->v, "from"));
        dli_dl4j_int_out(e, "stackSize", attr_int(w->v, "size"));
    } else if (strcmp(op, "l2_normalize") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.L2NormalizeVertex");
        if (attr_int(w->v, "features"))
            dli_dl4j_ints_out(e, "dimension", (const int64_t[]){ 1 }, 1);
        else
            dli_dl4j_raw(e, "dimension", "null");
        dli_dl4j_num_out(e, "eps", attr_num(w->v, "eps"));
    } else if (strcmp(op, "reshape") == 0 && !(input_shape(w)->rank == 1 && w->v->shape.rank == 3)) {
        int64_t shape[DLI_SHAPE_RANK + 1] = { -1 };
        memcpy(shape + 1, w->v->shape.dim, (size_t)w->v->shape.rank * sizeof *shape);
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.ReshapeVertex");
        dli_dl4j_raw(e, "maskShape", "null");
        dli_dl4j_ints_out(e, "newShape", shape, w->v->shape.rank + 1);
        dli_dl4j_text(e, "reshapeOrder", "c");
    } else if (strcmp(op, "flatten") == 0 || strcmp(op, "reshape") == 0) {
        dli_dl4j_text(e, "@class", "org.deeplearning4j.nn.conf.graph.PreprocessorVertex");
        DLI_TRY(dli_dl4j_pre_vertex_out(w, "preProcessor", err));
    } else {
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "vertex '%.100s': operator %s has no class in Deeplearning4j", w->v->name, op);
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_vertex_out(struct dli_dl4j_writing *w, struct dl4c_error *err)
{
    dli_dl4j_key(&w->e, w->v->name);
    dli_dl4j_open(&w->e, '{');
    if (w->v->frozen) {
        dli_dl4j_text(&w->e, "@class", "org.deeplearning4j.nn.conf.graph.FrozenVertex");
        dli_dl4j_key(&w->e, "underlying");
        dli_dl4j_open(&w->e, '{');
    }
    DLI_TRY(inner_vertex(w, err));
    if (w->v->frozen)
        dli_dl4j_close(&w->e, '}');
    dli_dl4j_close(&w->e, '}');
    return DL4C_OK;
}

void dli_dl4j_variables_out(struct dli_dl4j_emit *e, const struct dli_vertex *v, const char *prefix)
{
    for (int pass = 0; pass < 3; pass++) /* statistics come last */
        for (int32_t k = 0; k < v->n_params; k++)
            if ((v->decl[k].role == DLI_PARAM_BIAS ? 1 : v->decl[k].role == DLI_PARAM_STAT ? 2 : 0) == pass) {
                char text[300];
                dli_dl4j_item(e);
                snprintf(text, sizeof text, "%s%s%s", prefix ? prefix : "", prefix ? "_" : "", v->decl[k].name);
                dli_strbuf_json(&e->b, text);
            }
}
