/* SPDX-License-Identifier: Apache-2.0 */
/* Old configurations made new: wrappers become "@class", texts become objects, an updater's settings come out of their layer. */
#include "formats/dl4j/legacy.h"
#include "formats/dl4j/names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Old name, class. */
static const char *const layers[][2] = {
    { "activation", "ActivationLayer" },
    { "batchNormalization", "BatchNormalization" },
    { "convolution", "ConvolutionLayer" },
    { "dense", "DenseLayer" },
    { "dropout", "DropoutLayer" },
    { "embedding", "EmbeddingLayer" },
    { "GlobalPooling", "GlobalPoolingLayer" },
    { "gravesBidirectionalLSTM", "GravesBidirectionalLSTM" },
    { "gravesLSTM", "GravesLSTM" },
    { "localResponseNormalization", "LocalResponseNormalization" },
    { "loss", "LossLayer" },
    { "output", "OutputLayer" },
    { "rnnoutput", "RnnOutputLayer" },
    { "subsampling", "SubsamplingLayer" },
    { "zeroPadding", "ZeroPaddingLayer" },
    { NULL, NULL },
};
static const char *const preprocessors[][2] = {
    { "cnnToFeedForward", "CnnToFeedForwardPreProcessor" },
    { "cnnToRnn", "CnnToRnnPreProcessor" },
    { "feedForwardToCnn", "FeedForwardToCnnPreProcessor" },
    { "feedForwardToRnn", "FeedForwardToRnnPreProcessor" },
    { "rnnToCnn", "RnnToCnnPreProcessor" },
    { "rnnToFeedForward", "RnnToFeedForwardPreProcessor" },
    { NULL, NULL },
};
static const char *const losses[][2] = {
    { "COSINE_PROXIMITY", "LossCosineProximity" },
    { "HINGE", "LossHinge" },
    { "KL_DIVERGENCE", "LossKLD" },
    { "L1", "LossL1" },
    { "L2", "LossL2" },
    { "MCXENT", "LossMCXENT" },
    { "MEAN_ABSOLUTE_ERROR", "LossMAE" },
    { "MEAN_ABSOLUTE_PERCENTAGE_ERROR", "LossMAPE" },
    { "MEAN_SQUARED_LOGARITHMIC_ERROR", "LossMSLE" },
    { "MSE", "LossMSE" },
    { "NEGATIVELOGLIKELIHOOD", "LossNegativeLogLikelihood" },
    { "POISSON", "LossPoisson" },
    { "RECONSTRUCTION_CROSSENTROPY", "LossKLD" },
    { "SQUARED_HINGE", "LossSquaredHinge" },
    { "SQUARED_LOSS", "LossL2" },
    { "XENT", "LossBinaryXENT" },
    { NULL, NULL },
};
static const char *const distributions[][2] = {
    { "gaussian", "NormalDistribution" },
    { "normal", "NormalDistribution" },
    { "uniform", "UniformDistribution" },
    { NULL, NULL },
};
static const char *const updaters[][2] = {
    { "ADADELTA", "AdaDelta" },   { "ADAGRAD", "AdaGrad" }, { "ADAM", "Adam" },       { "ADAMAX", "AdaMax" }, { "NADAM", "Nadam" },
    { "NESTEROVS", "Nesterovs" }, { "NONE", "NoOp" },       { "RMSPROP", "RmsProp" }, { "SGD", "Sgd" },       { NULL, NULL },
};

static const char *class_of(const char *const table[][2], const char *name)
{
    for (int i = 0; table[i][0]; i++)
        if (strcmp(table[i][0], name) == 0)
            return table[i][1];
    return name;
}

static dl4c_status no_memory(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_NOMEM, "dl4j", "no memory to read an old configuration");
}

/* Takes value, which may be NULL: no memory. */
static dl4c_status put(json_t *o, const char *key, json_t *value, struct dl4c_error *err)
{
    return value && json_object_set_new(o, key, value) == 0 ? DL4C_OK : no_memory(err);
}

static dl4c_status put_text(json_t *o, const char *key, const char *prefix, const char *text, struct dl4c_error *err)
{
    char buf[160];
    snprintf(buf, sizeof buf, "%s%s", prefix, text);
    return put(o, key, json_string(buf), err);
}

/* {"kind": {...}} under `key` becomes {"@class": prefix + class, ...}. Anything else stays. */
static dl4c_status unwrap(json_t *parent, const char *key, const char *const table[][2], const char *prefix, struct dl4c_error *err)
{
    json_t *o = json_object_get(parent, key);
    if (!json_is_object(o) || json_object_size(o) != 1 || json_object_get(o, "@class"))
        return DL4C_OK;
    const char *kind = json_object_iter_key(json_object_iter(o));
    json_t *inner = json_object_iter_value(json_object_iter(o));
    if (!json_is_object(inner) || strlen(kind) > 100)
        return DL4C_OK;
    char class[128];
    snprintf(class, sizeof class, "%s", table ? class_of(table, kind) : kind);
    json_incref(inner);
    dl4c_status status = put(parent, key, inner, err); /* o and kind are gone */
    if (status == DL4C_OK && !json_object_get(inner, "@class"))
        status = put_text(inner, "@class", prefix, class, err);
    return status;
}

/* The class of a family whose name, without prefix, underlines and case, is `name`. */
static const char *loosely(const struct dli_dl4j_family *f, const char *prefix, const char *name)
{
    if (strcmp(name, "leakyrelu") == 0)
        name = "LReLU";
    for (const struct dli_dl4j_name *n = f->names; n->class; n++) {
        if (strncmp(n->class, prefix, strlen(prefix)) != 0)
            continue;
        const char *a = n->class + strlen(prefix), *b = name;
        for (;; a++, b++) {
            while (*b == '_')
                b++;
            const int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a, y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
            if (x != y)
                break;
            if (!x)
                return n->class;
        }
    }
    return name;
}

static bool number(const json_t *o, const char *key, double *v)
{
    const json_t *n = json_object_get(o, key);
    *v = json_number_value(n);
    return json_is_number(n) && isfinite(*v);
}

static dl4c_status copy_number(json_t *to, const char *as, const json_t *from, const char *key, struct dl4c_error *err)
{
    double v;
    return number(from, key, &v) ? put(to, as, json_real(v), err) : DL4C_OK;
}

static dl4c_status activation(json_t *l, struct dl4c_error *err)
{
    const char *text = json_string_value(json_object_get(l, "activationFunction"));
    DLI_TRY(unwrap(l, "activationFn", NULL, "Activation", err));
    DLI_TRY(unwrap(l, "gateActivationFn", NULL, "Activation", err));
    if (json_object_get(l, "activationFn") || !text)
        return DL4C_OK;
    json_t *o = json_object();
    DLI_TRY(put(l, "activationFn", o, err));
    return put_text(o, "@class", "", loosely(&dli_dl4j_activations, "Activation", text), err);
}

static dl4c_status loss(json_t *l, struct dl4c_error *err)
{
    const char *text = json_string_value(json_object_get(l, "lossFunction"));
    DLI_TRY(unwrap(l, "lossFn", NULL, "Loss", err));
    if (json_object_get(l, "lossFn") || !text)
        return DL4C_OK;
    json_t *o = json_object();
    DLI_TRY(put(l, "lossFn", o, err));
    return put_text(o, "@class", "", class_of(losses, text), err);
}

static dl4c_status weight_init(json_t *l, struct dl4c_error *err)
{
    const char *text = json_string_value(json_object_get(l, "weightInit"));
    if (!text || json_object_get(l, "weightInitFn"))
        return DL4C_OK;
    json_t *o = json_object();
    DLI_TRY(put(l, "weightInitFn", o, err));
    if (strcmp(text, "ZERO") == 0 || strcmp(text, "ONES") == 0) {
        DLI_TRY(put(o, "value", json_real(text[0] == 'O'), err));
        return put_text(o, "@class", "", "WeightInitConstant", err);
    }
    if (strcmp(text, "DISTRIBUTION") != 0)
        return put_text(o, "@class", "", loosely(&dli_dl4j_inits, "WeightInit", text), err);
    DLI_TRY(unwrap(l, "dist", distributions, "", err));
    json_t *dist = json_object_get(l, "dist");
    if (!json_is_object(dist))
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "a layer draws its weights from a distribution, but says none");
    const char *class = dli_dl4j_class(dist);
    DLI_TRY(put_text(o, "@class", "", "WeightInitDistribution", err));
    if (!json_object_get(dist, "type"))
        DLI_TRY(put_text(dist, "type", "", class, err));
    return put(o, "distribution", json_incref(dist), err);
}

static dl4c_status regularization(json_t *l, bool used, const char *key, const char *const l1[2], const char *const l2[2],
                                  struct dl4c_error *err)
{
    if (json_object_get(l, key))
        return DL4C_OK;
    json_t *list = json_array();
    DLI_TRY(put(l, key, list, err));
    for (int k = 0; k < 4 && used; k++) {
        double v;
        if (!number(l, k < 2 ? l1[k] : l2[k - 2], &v) || v == 0)
            continue;
        json_t *o = json_object();
        if (!o || json_array_append_new(list, o) != 0)
            return no_memory(err);
        DLI_TRY(put_text(o, "@class", "", k < 2 ? "L1Regularization" : "L2Regularization", err));
        DLI_TRY(put(o, k < 2 ? "l1" : "l2", json_real(v), err));
    }
    return DL4C_OK;
}

/* Settings of all updaters lie side by side in the layer; each takes its own. */
static dl4c_status updater(json_t *l, const json_t *conf, struct dl4c_error *err)
{
    static const char *const keys[][2] = { { "learningRate", "learningRate" }, { "momentum", "momentum" }, { "rho", "rho" },
                                           { "rmsDecay", "rmsDecay" },         { "epsilon", "epsilon" },   { "adamMeanDecay", "beta1" },
                                           { "adamVarDecay", "beta2" } };
    const char *text = json_string_value(json_object_get(l, "updater"));
    const char *policy = json_string_value(json_object_get(conf, "learningRatePolicy"));
    if (!text || json_object_get(l, "iupdater"))
        return DL4C_OK;
    if (policy && strcmp(policy, "None") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "learning rate policy %.60s of an old configuration is not supported", policy);
    json_t *o = json_object();
    DLI_TRY(put(l, "iupdater", o, err));
    DLI_TRY(put_text(o, "@class", "", class_of(updaters, text), err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        DLI_TRY(copy_number(o, keys[i][1], l, keys[i][0], err));
    double rate, bias;
    if (number(l, "learningRate", &rate) && number(l, "biasLearningRate", &bias) && (rate < bias || rate > bias)) {
        json_t *own = json_deep_copy(o);
        DLI_TRY(put(l, "biasUpdater", own, err));
        DLI_TRY(put(own, "learningRate", json_real(bias), err));
    }
    return DL4C_OK;
}

static dl4c_status dropout(json_t *l, const json_t *conf, struct dl4c_error *err)
{
    double p;
    DLI_TRY(unwrap(l, "idropout", NULL, "", err));
    if (json_object_get(l, "idropout") || !number(l, "dropOut", &p) || p == 0)
        return DL4C_OK;
    json_t *o = json_object();
    const bool weights = json_is_true(json_object_get(conf, "useDropConnect"));
    DLI_TRY(put(l, weights ? "weightNoise" : "idropout", o, err));
    DLI_TRY(put_text(o, "@class", "", weights ? "DropConnect" : "Dropout", err));
    return put(o, weights ? "weightRetainProb" : "p", json_real(p), err);
}

/* conf["layer"], or the layer inside a frozen one. */
static dl4c_status layer(json_t *parent, const json_t *conf, int depth, struct dl4c_error *err)
{
    static const char *const l1[] = { "l1", "" }, *const l2[] = { "l2", "" };
    static const char *const l1_bias[] = { "l1Bias", "biasL1" }, *const l2_bias[] = { "l2Bias", "biasL2" };
    const json_t *used = json_object_get(conf, "useRegularization");
    json_t *l = json_object_get(parent, "layer");
    const bool old = json_is_object(l) && !json_object_get(l, "@class");
    DLI_TRY(unwrap(parent, "layer", layers, "", err));
    l = json_object_get(parent, "layer");
    if (!json_is_object(l))
        return DL4C_OK;
    if (strcmp(dli_dl4j_class(l), "FrozenLayer") == 0 && depth < 8)
        return layer(l, conf, depth + 1, err);
    if (!old)
        return DL4C_OK;
    DLI_TRY(activation(l, err));
    DLI_TRY(loss(l, err));
    DLI_TRY(weight_init(l, err));
    DLI_TRY(regularization(l, !used || json_is_true(used), "regularization", l1, l2, err));
    DLI_TRY(regularization(l, !used || json_is_true(used), "regularizationBias", l1_bias, l2_bias, err));
    DLI_TRY(updater(l, conf, err));
    return dropout(l, conf, err);
}

/* Of an object all whose values stand in wrappers. Keys stay, so that the walk over them is safe. */
static dl4c_status vertices(json_t *list, struct dl4c_error *err)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(list, next, key, value)
    {
        DLI_TRY(unwrap(list, key, NULL, "", err));
        json_t *v = json_object_get(list, key), *conf = json_object_get(v, "layerConf");
        DLI_TRY(unwrap(v, "preProcessor", preprocessors, "", err));
        if (json_is_object(conf))
            DLI_TRY(layer(conf, conf, 0, err));
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_modernise(json_t *root, struct dl4c_error *err)
{
    json_t *confs = json_object_get(root, "confs"), *list = json_object_get(root, "vertices");
    json_t *pres = json_object_get(root, "inputPreProcessors");
    for (size_t i = 0; i < json_array_size(confs); i++)
        if (json_is_object(json_array_get(confs, i)))
            DLI_TRY(layer(json_array_get(confs, i), json_array_get(confs, i), 0, err));
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(pres, next, key, value) DLI_TRY(unwrap(pres, key, preprocessors, "", err));
    return json_is_object(list) ? vertices(list, err) : DL4C_OK;
}
