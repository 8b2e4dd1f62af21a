/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and reading by them. The names of what a later version will have are here already: a training run that needs them says so. */
#include "formats/dl4j/names.h"
#include "base/number.h"
#include "ops/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE (double)NAN

static const struct dli_dl4j_name activations[] = {
    { "ActivationCube", "cube", { { 0 } } },
    { "ActivationELU", "elu", { { "alpha", "alpha", 1, 0 } } },
    { "ActivationGELU", "gelu", { { 0 } } },
    { "ActivationHardSigmoid", "hard_sigmoid", { { 0 } } },
    { "ActivationHardTanH", "hard_tanh", { { 0 } } },
    { "ActivationIdentity", "identity", { { 0 } } },
    { "ActivationLReLU", "leaky_relu", { { "alpha", "leak", 0.01, 0 } } },
    { "ActivationMish", "mish", { { 0 } } },
    { "ActivationRReLU", "rrelu", { { "l", "lower", 0.125, 0 }, { "u", "upper", 1 / 3.0, 0 } } },
    { "ActivationRationalTanh", "rational_tanh", { { 0 } } },
    { "ActivationReLU",
      "relu",
      { { "max", "limit", NONE, 0 }, { "negativeSlope", "slope", NONE, 0 }, { "threshold", "threshold", NONE, 0 } } },
    { "ActivationReLU6", "relu6", { { 0 } } },
    { "ActivationRectifiedTanh", "rectified_tanh", { { 0 } } },
    { "ActivationSELU", "selu", { { 0 } } },
    { "ActivationSigmoid", "sigmoid", { { 0 } } },
    { "ActivationSoftPlus", "softplus", { { 0 } } },
    { "ActivationSoftSign", "softsign", { { 0 } } },
    { "ActivationSoftmax", "softmax", { { 0 } } },
    { "ActivationSwish", "swish", { { 0 } } },
    { "ActivationTanH", "tanh", { { 0 } } },
    { "ActivationThresholdedReLU", "thresholded_relu", { { "theta", "theta", 1, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_activations = { "org.nd4j.linalg.activations.impl.", "activation", activations };

static const struct dli_dl4j_name losses[] = {
    { "LossBinaryXENT", "xent", { { "clipEps", "clip_eps", 1e-5, 0 } } },
    { "LossCosineProximity", "cosine_proximity", { { 0 } } },
    { "LossMixtureDensity", "mixture_density", { { "mixtures", "mixtures", 0, 1 }, { "labelWidth", "label_width", 0, 1 } } },
    { "LossFMeasure", "fmeasure", { { "beta", "beta", 1, 0 } } },
    { "LossHinge", "hinge", { { 0 } } },
    { "LossKLD", "kld", { { 0 } } },
    { "LossL1", "l1", { { 0 } } },
    { "LossL2", "l2", { { 0 } } },
    { "LossMAE", "mae", { { 0 } } },
    { "LossMAPE", "mape", { { 0 } } },
    { "LossMCXENT", "mcxent", { { "softmaxClipEps", "clip_eps", 1e-10, 0 } } },
    { "LossMSE", "mse", { { 0 } } },
    { "LossMSLE", "msle", { { 0 } } },
    { "LossMultiLabel", "multi_label", { { 0 } } },
    { "LossNegativeLogLikelihood", "negative_log_likelihood", { { "softmaxClipEps", "clip_eps", 1e-10, 0 } } },
    { "LossPoisson", "poisson", { { 0 } } },
    { "LossSparseMCXENT", "sparse_mcxent", { { "softmaxClipEps", "clip_eps", 1e-10, 0 } } },
    { "LossSquaredHinge", "squared_hinge", { { 0 } } },
    { "LossWasserstein", "wasserstein", { { 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_losses = { "org.nd4j.linalg.lossfunctions.impl.", "loss", losses };

/* learningRate may be a schedule's, momentum too: see read_rate. */
static const struct dli_dl4j_name updaters[] = {
    { "AMSGrad",
      "amsgrad",
      { { "beta1", "beta1", 0.9, 0 },
        { "beta2", "beta2", 0.999, 0 },
        { "epsilon", "epsilon", 1e-8, 0 },
        { "learningRate", "lr", 1e-3, 0 } } },
    { "AdaDelta", "adadelta", { { "epsilon", "epsilon", 1e-6, 0 }, { "rho", "rho", 0.95, 0 } } },
    { "AdaGrad", "adagrad", { { "epsilon", "epsilon", 1e-6, 0 }, { "learningRate", "lr", 0.1, 0 } } },
    { "AdaMax",
      "adamax",
      { { "beta1", "beta1", 0.9, 0 },
        { "beta2", "beta2", 0.999, 0 },
        { "epsilon", "epsilon", 1e-8, 0 },
        { "learningRate", "lr", 1e-3, 0 } } },
    { "Adam",
      "adam",
      { { "beta1", "beta1", 0.9, 0 },
        { "beta2", "beta2", 0.999, 0 },
        { "epsilon", "epsilon", 1e-8, 0 },
        { "learningRate", "lr", 1e-3, 0 } } },
    { "Nadam",
      "nadam",
      { { "beta1", "beta1", 0.9, 0 },
        { "beta2", "beta2", 0.999, 0 },
        { "epsilon", "epsilon", 1e-8, 0 },
        { "learningRate", "lr", 1e-3, 0 } } },
    { "Nesterovs", "nesterovs", { { "learningRate", "lr", 0.1, 0 }, { "momentum", "momentum", 0.9, 0 } } },
    { "NoOp", "noop", { { 0 } } },
    { "RmsProp", "rmsprop", { { "epsilon", "epsilon", 1e-8, 0 }, { "learningRate", "lr", 0.1, 0 }, { "rmsDecay", "decay", 0.95, 0 } } },
    { "Sgd", "sgd", { { "learningRate", "lr", 1e-3, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_updaters = { "org.nd4j.linalg.learning.config.", "updater", updaters };

/* initialValue is the learning rate itself. */
static const struct dli_dl4j_name schedules[] = {
    { "CycleSchedule",
      "cycle",
      { { "annealingDecay", "annealing_decay", 0.1, 0 },
        { "annealingLength", "annealing_length", 1, 1 },
        { "cycleLength", "cycle_length", 1, 1 },
        { "initialLearningRate", "initial", 0.01, 0 },
        { "maxLearningRate", "max", 0.1, 0 } } },
    { "ExponentialSchedule", "exponential", { { "gamma", "gamma", 1, 0 } } },
    { "InverseSchedule", "inverse", { { "gamma", "gamma", 1, 0 }, { "power", "power", 1, 0 } } },
    { "MapSchedule", "map", { { 0 } } },
    { "PolySchedule", "poly", { { "maxIter", "max_iter", 1, 1 }, { "power", "power", 1, 0 } } },
    { "RampSchedule", "ramp", { { 0 } } },
    { "SigmoidSchedule", "sigmoid", { { "gamma", "gamma", 1, 0 }, { "stepSize", "step", 1, 1 } } },
    { "StepSchedule", "step", { { "decayRate", "decay", 1, 0 }, { "step", "step", 1, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_schedules = { "org.nd4j.linalg.schedule.", "schedule", schedules };

static const struct dli_dl4j_name inits[] = {
    { "WeightInitConstant", "constant", { { "value", "value", 0, 0 } } },
    { "WeightInitIdentity", "identity", { { 0 } } },
    { "WeightInitLecunNormal", "lecun_normal", { { 0 } } },
    { "WeightInitLecunUniform", "lecun_uniform", { { 0 } } },
    { "WeightInitNormal", "normal", { { 0 } } },
    { "WeightInitRelu", "relu", { { 0 } } },
    { "WeightInitReluUniform", "relu_uniform", { { 0 } } },
    { "WeightInitSigmoidUniform", "sigmoid_uniform", { { 0 } } },
    { "WeightInitUniform", "uniform", { { 0 } } },
    { "WeightInitVarScalingNormalFanAvg", "var_scaling_normal_fan_avg", { { 0 } } },
    { "WeightInitVarScalingNormalFanIn", "var_scaling_normal_fan_in", { { 0 } } },
    { "WeightInitVarScalingNormalFanOut", "var_scaling_normal_fan_out", { { 0 } } },
    { "WeightInitVarScalingUniformFanAvg", "var_scaling_uniform_fan_avg", { { 0 } } },
    { "WeightInitVarScalingUniformFanIn", "var_scaling_uniform_fan_in", { { 0 } } },
    { "WeightInitVarScalingUniformFanOut", "var_scaling_uniform_fan_out", { { 0 } } },
    { "WeightInitXavier", "xavier", { { 0 } } },
    { "WeightInitXavierLegacy", "xavier_legacy", { { 0 } } },
    { "WeightInitXavierUniform", "xavier_uniform", { { 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_inits = { "org.deeplearning4j.nn.weights.", "weight initialisation", inits };

static const struct dli_dl4j_name distributions[] = {
    { "BinomialDistribution",
      "binomial",
      { { "numberOfTrials", "trials", 1, 1 }, { "probabilityOfSuccess", "p", 0.5, 0 } } },
    { "ConstantDistribution", "constant", { { "value", "value", 0, 0 } } },
    { "LogNormalDistribution", "log_normal", { { "mean", "mean", 0, 0 }, { "std", "std", 1, 0 } } },
    { "NormalDistribution", "normal", { { "mean", "mean", 0, 0 }, { "std", "std", 1, 0 } } },
    { "GaussianDistribution", "normal", { { "mean", "mean", 0, 0 }, { "std", "std", 1, 0 } } }, /* an older name */
    { "OrthogonalDistribution", "orthogonal", { { "gain", "gain", 1, 0 } } },
    { "TruncatedNormalDistribution", "truncated_normal", { { "mean", "mean", 0, 0 }, { "std", "std", 1, 0 } } },
    { "UniformDistribution", "uniform", { { "lower", "lower", -1, 0 }, { "upper", "upper", 1, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_distributions = { "org.deeplearning4j.nn.conf.distribution.", "distribution", distributions };

const struct dli_dl4j_name *dli_dl4j_by_class(const struct dli_dl4j_family *f, const char *class)
{
    for (const struct dli_dl4j_name *n = f->names; n->class; n++)
        if (strcmp(n->class, class) == 0)
            return n;
    return NULL;
}

const struct dli_dl4j_name *dli_dl4j_by_spec(const struct dli_dl4j_family *f, const char *spec)
{
    for (const struct dli_dl4j_name *n = f->names; n->class; n++)
        if (strcmp(n->spec, spec) == 0)
            return n;
    return NULL;
}

/* A spec being written: NAME(key=value,...) */
struct text {
    struct dli_strbuf b;
    int32_t n;
};
static void begin(struct text *t, dl4c_context *ctx, const char *name)
{
    dli_strbuf_init(&t->b, ctx);
    t->n = 0;
    dli_strbuf_add(&t->b, name);
}
static void key(struct text *t, const char *name)
{
    dli_strbuf_add(&t->b, t->n++ ? "," : "(");
    dli_strbuf_add(&t->b, name);
    dli_strbuf_addc(&t->b, '=');
}
static void key_num(struct text *t, const char *name, double v)
{
    char buf[32];
    key(t, name);
    dli_strbuf_add(&t->b, dli_number_shortest(buf, sizeof buf, v));
}
static dl4c_status end(struct text *t, char **spec, struct dl4c_error *err)
{
    if (t->n)
        dli_strbuf_addc(&t->b, ')');
    return dli_strbuf_take(&t->b, spec, err);
}

/* The numbers of a class that are there and not null. */
static dl4c_status args(struct text *t, const struct dli_dl4j_name *n, const json_t *o, const struct dli_dl4j_at *at,
                        struct dl4c_error *err)
{
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        double v;
        DLI_TRY(dli_dl4j_num(o, a->key, a->def, at, &v, err));
        if (isnan(v))
            continue;
        if (isinf(v))
            return dli_dl4j_wrong(a->key, "finite", at, err);
        if (a->integer && fabs(v) <= 0x1p52) {
            key(t, a->attr);
            dli_strbuf_addf(&t->b, "%" PRId64, (int64_t)v);
        } else {
            key_num(t, a->attr, v);
        }
    }
    return DL4C_OK;
}

static dl4c_status finish(struct text *t, dl4c_status status, char **spec, struct dl4c_error *err)
{
    if (status == DL4C_OK)
        return end(t, spec, err);
    dli_strbuf_free(&t->b);
    return status;
}

dl4c_status dli_dl4j_read_activation(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err)
{
    *spec = NULL;
    if (!o)
        return DL4C_OK;
    const char *class = dli_dl4j_class(o);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_activations, class);
    if (!n || !dli_op_find(n->spec))
        return dli_dl4j_unsupported(at, err, "activation %.80s is not supported", class);
    if (strcmp(n->spec, "identity") == 0)
        return DL4C_OK;
    struct text t;
    begin(&t, ctx, n->spec);
    dl4c_status status = args(&t, n, o, at, err);
    bool precise = false;
    if (status == DL4C_OK && strcmp(n->spec, "elu") == 0 && t.n)
        key_num(&t, "slope", 1); /* the reference leaves alpha out of it */
    if (status == DL4C_OK && strcmp(n->spec, "gelu") == 0)
        status = dli_dl4j_bool(o, "precise", false, at, &precise, err);
    if (precise) {
        key(&t, "form");
        dli_strbuf_add(&t.b, "tanh");
    }
    return finish(&t, status, spec, err);
}

/* One weight for each output: an array as JSON, of any age. */
static dl4c_status weights(struct text *t, const json_t *o, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const json_t *w = dli_dl4j_get(o, "weights");
    if (!w)
        return DL4C_OK;
    const json_t *data = json_is_array(w) ? w : json_object_get(w, "data");
    if (!json_is_array(data) || json_array_size(data) == 0)
        return dli_dl4j_wrong("weights", "an array of numbers", at, err);
    key(t, "weights");
    for (size_t i = 0; i < json_array_size(data); i++) {
        char buf[32];
        const json_t *v = json_array_get(data, i);
        if (!json_is_number(v))
            return dli_dl4j_wrong("weights", "an array of numbers", at, err);
        dli_strbuf_add(&t->b, i ? ";" : "");
        dli_strbuf_add(&t->b, dli_number_shortest_f32(buf, sizeof buf, (float)json_number_value(v)));
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_read_loss(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err)
{
    *spec = NULL;
    const char *class = dli_dl4j_class(o);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_losses, class);
    if (!n)
        return dli_dl4j_unsupported(at, err, "loss %.80s is not supported", class);
    struct text t;
    begin(&t, ctx, n->spec);
    dl4c_status status = args(&t, n, o, at, err);
    if (status == DL4C_OK)
        status = weights(&t, o, at, err);
    return finish(&t, status, spec, err);
}

/* Here the class stands under the key "type". */
dl4c_status dli_dl4j_read_distribution(dl4c_context *ctx, const json_t *in, const struct dli_dl4j_at *at, char **spec,
                                       struct dl4c_error *err)
{
    const json_t *o;
    const char *type;
    *spec = NULL;
    DLI_TRY(dli_dl4j_object(in, "distribution", at, &o, err));
    DLI_TRY(dli_dl4j_str(o, "type", "", at, &type, err));
    const char *class = strrchr(type, '.') ? strrchr(type, '.') + 1 : type[0] ? type : dli_dl4j_class(o);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_distributions, class);
    if (!n)
        return dli_dl4j_unsupported(at, err, "%s %.80s is not supported", dli_dl4j_distributions.what, class);
    struct text t;
    begin(&t, ctx, n->spec);
    return finish(&t, args(&t, n, o, at, err), spec, err);
}

dl4c_status dli_dl4j_read_init(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err)
{
    *spec = NULL;
    if (!o)
        return DL4C_OK;
    const char *class = dli_dl4j_class(o);
    if (strcmp(class, "WeightInitDistribution") == 0)
        return dli_dl4j_read_distribution(ctx, o, at, spec, err);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_inits, class);
    if (!n)
        return dli_dl4j_unsupported(at, err, "%s %.80s is not supported", dli_dl4j_inits.what, class);
    struct text t;
    begin(&t, ctx, n->spec);
    return finish(&t, args(&t, n, o, at, err), spec, err);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* MapSchedule's { "0" : 0.1, "500" : 0.01 }, whose keys stand in any order. */
static dl4c_status schedule_values(struct text *t, dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const json_t *values;
    const char *name;
    json_t *value;
    size_t n = 0;
    DLI_TRY(dli_dl4j_object(o, "values", at, &values, err));
    int64_t *keys = dli_array(ctx, json_object_size(values) + 1, sizeof *keys, err);
    if (!keys)
        return dli_alloc_status();
    dl4c_status status = json_object_size(values) > 0 ? DL4C_OK : dli_dl4j_wrong("values", "an object of numbers", at, err);
    json_object_foreach((json_t *)(uintptr_t)values, name, value)
    {
        double v;
        if (status == DL4C_OK && (!dli_parse_double(name, strlen(name), &v) || !(v >= 0 && v <= 0x1p52) || !json_is_number(value)))
            status = dli_dl4j_wrong("values", "an object of numbers", at, err);
        if (status == DL4C_OK)
            keys[n++] = (int64_t)v;
    }
    qsort(keys, n, sizeof *keys, by_number);
    for (size_t i = 0; i < n && status == DL4C_OK; i++) {
        char buf[40];
        if (i == 0)
            key(t, "values");
        snprintf(buf, sizeof buf, "%" PRId64, keys[i]);
        dli_strbuf_addf(&t->b, "%s%s:", i ? ";" : "", buf);
        dli_strbuf_add(&t->b, dli_number_shortest(buf, sizeof buf, json_number_value(json_object_get(values, buf))));
    }
    dli_free(keys);
    return status;
}

static dl4c_status read_schedule(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, int depth, double *base, char **spec,
                                 struct dl4c_error *err);

/* RampSchedule; the reference itself writes neither of its two fields, and then the trainer says that n is missing. */
static dl4c_status ramp(struct text *t, dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, int depth, double *base,
                        struct dl4c_error *err)
{
    const json_t *inner;
    char *spec = NULL;
    double n;
    DLI_TRY(dli_dl4j_num(o, "numIter", 0, at, &n, err));
    DLI_TRY(dli_dl4j_object(o, "baseSchedule", at, &inner, err));
    if (n > 0)
        key_num(t, "n", n);
    if (inner)
        DLI_TRY(read_schedule(ctx, inner, at, depth + 1, base, &spec, err));
    if (spec) {
        key(t, "of");
        dli_strbuf_add(&t->b, spec);
        dli_free(spec);
    }
    return DL4C_OK;
}

/* A learning rate's schedule: its first value goes to *base, where it has one. */
static dl4c_status read_schedule(dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, int depth, double *base, char **spec,
                                 struct dl4c_error *err)
{
    *spec = NULL;
    if (depth > 8)
        return dli_dl4j_unsupported(at, err, "schedules in schedules more than 8 deep are not supported");
    const char *class = dli_dl4j_class(o), *by;
    if (strcmp(class, "FixedSchedule") == 0) {
        DLI_TRY(dli_dl4j_num(o, "value", *base, at, base, err));
        *spec = dli_strdup(ctx, "fixed", err);
        return *spec ? DL4C_OK : dli_alloc_status();
    }
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_schedules, class);
    if (!n)
        return dli_dl4j_unsupported(at, err, "schedule %.80s is not supported", class);
    DLI_TRY(dli_dl4j_num(o, "initialValue", *base, at, base, err));
    DLI_TRY(dli_dl4j_str(o, "scheduleType", "ITERATION", at, &by, err));
    struct text t;
    begin(&t, ctx, n->spec);
    dl4c_status status = args(&t, n, o, at, err);
    if (status == DL4C_OK && strcmp(n->spec, "map") == 0)
        status = schedule_values(&t, ctx, o, at, err);
    if (status == DL4C_OK && strcmp(n->spec, "ramp") == 0)
        status = ramp(&t, ctx, o, at, depth, base, err);
    if (strcmp(by, "EPOCH") == 0) {
        key(&t, "by");
        dli_strbuf_add(&t.b, "epoch");
    }
    return finish(&t, status, spec, err);
}

/* learningRate or momentum, which a schedule can stand in for. */
static dl4c_status read_rate(struct text *t, dl4c_context *ctx, const json_t *o, const struct dli_dl4j_arg *a, const char *schedule_key,
                             const char *schedule_attr, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const json_t *schedule;
    char *spec = NULL;
    double v;
    DLI_TRY(dli_dl4j_num(o, a->key, a->def, at, &v, err));
    DLI_TRY(dli_dl4j_object(o, schedule_key, at, &schedule, err));
    if (schedule)
        DLI_TRY(read_schedule(ctx, schedule, at, 0, &v, &spec, err));
    if (isfinite(v))
        key_num(t, a->attr, v);
    if (spec) {
        key(t, schedule_attr);
        dli_strbuf_add(&t->b, spec);
        dli_free(spec);
    }
    return DL4C_OK;
}

static dl4c_status updater(struct text *t, dl4c_context *ctx, const json_t *o, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const char *class = dli_dl4j_class(o);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_updaters, class);
    begin(t, ctx, n ? n->spec : "");
    if (!n)
        return dli_dl4j_unsupported(at, err, "updater %.80s is not supported", class);
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        double v;
        if (strcmp(a->attr, "lr") == 0) {
            DLI_TRY(read_rate(t, ctx, o, a, "learningRateSchedule", "lr_schedule", at, err));
        } else if (strcmp(a->attr, "momentum") == 0) {
            DLI_TRY(read_rate(t, ctx, o, a, "momentumISchedule", "momentum_schedule", at, err));
        } else {
            DLI_TRY(dli_dl4j_num(o, a->key, a->def, at, &v, err));
            key_num(t, a->attr, v);
        }
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_read_updater(dl4c_context *ctx, const json_t *layer, const char *which, const struct dli_dl4j_at *at, char **spec,
                                  struct dl4c_error *err)
{
    const json_t *o;
    struct text t;
    *spec = NULL;
    DLI_TRY(dli_dl4j_object(layer, which, at, &o, err));
    if (!o)
        return DL4C_OK;
    return finish(&t, updater(&t, ctx, o, at, err), spec, err);
}
