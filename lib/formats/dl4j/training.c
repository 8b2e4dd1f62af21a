/* SPDX-License-Identifier: Apache-2.0 */
/* Training of a layer beside its updater: keys of its JSON and attributes of ours. */
#include "formats/dl4j/training.h"
#include "base/escape.h"
#include "base/number.h"
#include "constraints/constraint.h"

#include <string.h>

static const struct dli_dl4j_name constraints[] = {
    { "MaxNormConstraint", "max_norm", { { "epsilon", "epsilon", 1e-6, 0 }, { "maxNorm", "max_norm", 0, 0 } } },
    { "MinMaxNormConstraint",
      "min_max_norm",
      { { "epsilon", "epsilon", 1e-6, 0 }, { "max", "max", 0, 0 }, { "min", "min", 0, 0 }, { "rate", "rate", 1, 0 } } },
    { "NonNegativeConstraint", "non_negative", { { 0 } } },
    { "UnitNormConstraint", "unit_norm", { { "epsilon", "epsilon", 1e-6, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_constraints = { "org.deeplearning4j.nn.conf.constraint.", "constraint", constraints };

/* The key of a schedule that could stand in for the number is written as null behind it. */
static const struct dli_dl4j_name noises[] = {
    { "AlphaDropout", "alpha_dropout", { { "p", "p", 0.5, 0 } } },
    { "Dropout", "dropout", { { "p", "p", 0.5, 0 } } },
    { "GaussianDropout", "gaussian_dropout", { { "rate", "rate", 0.5, 0 } } },
    { "GaussianNoise", "gaussian_noise", { { "stddev", "stddev", 0.1, 0 } } },
    { "SpatialDropout", "spatial_dropout", { { "p", "p", 0.5, 0 } } },
    { 0 },
};
const struct dli_dl4j_family dli_dl4j_noises = { "org.deeplearning4j.nn.conf.dropout.", "dropout", noises };

static const char *schedule_key(const struct dli_dl4j_name *n)
{
    return strcmp(n->arg[0].key, "rate") == 0 ? "rateSchedule" : strcmp(n->arg[0].key, "stddev") == 0 ? "stddevSchedule" : "pschedule";
}

/* In the order of the words of dli_gradient_normalizations. */
static const char *const normalizations[] = {
    "None", "RenormalizeL2PerLayer", "RenormalizeL2PerParamType", "ClipElementWiseAbsoluteValue", "ClipL2PerLayer", "ClipL2PerParamType",
    NULL
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

static void number(struct dli_strbuf *b, double v)
{
    char buf[40];
    dli_strbuf_add(b, dli_number_shortest(buf, sizeof buf, v));
}

static dl4c_status set(struct dli_dl4j_layer *out, const char *name, struct dli_strbuf *b, struct dl4c_error *err)
{
    char *text;
    DLI_TRY(dli_strbuf_take(b, &text, err));
    dli_dl4j_layer_str(out, name, text);
    return DL4C_OK;
}

/* The weight decays of a regularisation list, in their order: each is applied by itself, and the reference's builder gives the same twice.
 */
static dl4c_status decays(dl4c_context *ctx, const json_t *layer, const char *key, const char *attr, const struct dli_dl4j_at *at,
                          int *with_lr, struct dli_dl4j_layer *out, struct dl4c_error *err)
{
    const json_t *list;
    struct dli_strbuf b;
    int n = 0;
    dl4c_status status = DL4C_OK;
    DLI_TRY(dli_dl4j_array(layer, key, at, &list, err));
    dli_strbuf_init(&b, ctx);
    for (size_t i = 0; i < json_array_size(list) && status == DL4C_OK; i++) {
        const json_t *r = json_array_get(list, i), *coeff = json_object_get(r, "coeff");
        bool lr;
        double v;
        if (strcmp(dli_dl4j_class(r), "WeightDecay") != 0)
            continue;
        status = dli_dl4j_bool(r, "applyLR", true, at, &lr, err);
        if (status == DL4C_OK && json_is_object(coeff) && strcmp(dli_dl4j_class(coeff), "FixedSchedule") != 0)
            status = dli_dl4j_unsupported(at, err, "WeightDecay with a %.60s is not supported", dli_dl4j_class(coeff));
        if (status == DL4C_OK)
            status = json_is_object(coeff) ? dli_dl4j_num(coeff, "value", 0, at, &v, err) : dli_dl4j_num(r, "coeff", 0, at, &v, err);
        if (status == DL4C_OK && *with_lr >= 0 && *with_lr != lr)
            status = dli_dl4j_unsupported(at, err, "weight decays with and without the learning rate in one layer are not supported");
        if (status != DL4C_OK)
            break;
        *with_lr = lr;
        dli_strbuf_add(&b, n++ ? ";" : "");
        number(&b, v);
    }
    if (status == DL4C_OK && n > 0)
        return set(out, attr, &b, err);
    dli_strbuf_free(&b);
    return status;
}

dl4c_status dli_dl4j_read_noise(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, char **spec, struct dl4c_error *err)
{
    const json_t *o;
    double v;
    *spec = NULL;
    DLI_TRY(dli_dl4j_object(layer, "idropout", at, &o, err));
    if (!o)
        return DL4C_OK;
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_noises, dli_dl4j_class(o));
    if (!n)
        return dli_dl4j_unsupported(at, err, "dropout %.60s is not supported", dli_dl4j_class(o));
    if (dli_dl4j_get(o, schedule_key(n)))
        return dli_dl4j_unsupported(at, err, "%.60s with a schedule is not supported", n->class);
    DLI_TRY(dli_dl4j_num(o, n->arg[0].key, n->arg[0].def, at, &v, err));
    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addf(&b, "%s(%s=", n->spec, n->arg[0].attr);
    number(&b, v);
    dli_strbuf_addc(&b, ')');
    return dli_strbuf_take(&b, spec, err);
}

static dl4c_status read_weight_noise(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, struct dli_dl4j_layer *out,
                                     struct dl4c_error *err)
{
    const json_t *o;
    struct dli_strbuf b;
    bool biases, add;
    double p;
    DLI_TRY(dli_dl4j_object(layer, "weightNoise", at, &o, err));
    if (!o)
        return DL4C_OK;
    const char *class = dli_dl4j_class(o);
    dli_strbuf_init(&b, ctx);
    if (strcmp(class, "DropConnect") == 0) {
        if (dli_dl4j_get(o, "weightRetainProbSchedule"))
            return dli_dl4j_unsupported(at, err, "DropConnect with a schedule is not supported");
        DLI_TRY(dli_dl4j_num(o, "weightRetainProb", 0, at, &p, err));
        DLI_TRY(dli_dl4j_bool(o, "applyToBiases", false, at, &biases, err));
        dli_strbuf_add(&b, "drop_connect(p=");
        number(&b, p);
    } else if (strcmp(class, "WeightNoise") == 0) {
        char *spec;
        DLI_TRY(dli_dl4j_bool(o, "additive", false, at, &add, err));
        DLI_TRY(dli_dl4j_bool(o, "applyToBias", false, at, &biases, err));
        DLI_TRY(dli_dl4j_read_distribution(ctx, o, at, &spec, err));
        dli_strbuf_addf(&b, "%s(distribution=%s", add ? "add" : "multiply", spec);
        dli_free(spec);
    } else {
        return dli_dl4j_unsupported(at, err, "weight noise %.60s is not supported", class);
    }
    dli_strbuf_add(&b, biases ? ",biases=1)" : ")");
    return set(out, "weight_noise", &b, err);
}

static dl4c_status constraint(struct dli_strbuf *b, const json_t *o, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const char *class = dli_dl4j_class(o);
    const struct dli_dl4j_name *n = dli_dl4j_by_class(&dli_dl4j_constraints, class);
    const json_t *params, *dimensions;
    if (!n)
        return dli_dl4j_unsupported(at, err, "constraint %.80s is not supported", class);
    DLI_TRY(dli_dl4j_array(o, "params", at, &params, err));
    DLI_TRY(dli_dl4j_array(o, "dimensions", at, &dimensions, err));
    dli_strbuf_add(b, n->spec);
    dli_strbuf_add(b, "(params=");
    for (size_t i = 0; i < json_array_size(params); i++) {
        const char *name = json_string_value(json_array_get(params, i));
        if (!name || !name[0] || strpbrk(name, ",;()="))
            return dli_dl4j_wrong("params", "a list of names", at, err);
        dli_strbuf_addf(b, "%s%s", i ? ";" : "", name);
    }
    dli_strbuf_add(b, json_array_size(params) ? "" : "W");
    for (size_t i = 0; n->arg[0].key && i < json_array_size(dimensions); i++) {
        const json_t *v = json_array_get(dimensions, i);
        if (!json_is_integer(v))
            return dli_dl4j_wrong("dimensions", "a list of axes", at, err);
        dli_strbuf_addf(b, "%s%" PRId64, i ? "x" : ",dimensions=", (int64_t)json_integer_value(v));
    }
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        double v;
        DLI_TRY(dli_dl4j_num(o, a->key, a->def, at, &v, err));
        dli_strbuf_addf(b, ",%s=", a->attr);
        number(b, v);
    }
    dli_strbuf_addc(b, ')');
    return DL4C_OK;
}

static dl4c_status read_constraints(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, struct dli_dl4j_layer *out,
                                    struct dl4c_error *err)
{
    const json_t *list;
    struct dli_strbuf b;
    dl4c_status status = DL4C_OK;
    DLI_TRY(dli_dl4j_array(layer, "constraints", at, &list, err));
    if (json_array_size(list) == 0)
        return DL4C_OK;
    dli_strbuf_init(&b, ctx);
    for (size_t i = 0; i < json_array_size(list) && status == DL4C_OK; i++) {
        dli_strbuf_add(&b, i ? ";" : "");
        status = constraint(&b, json_array_get(list, i), at, err);
    }
    if (status == DL4C_OK)
        return set(out, "constraints", &b, err);
    dli_strbuf_free(&b);
    return status;
}

static dl4c_status read_normalization(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, struct dli_dl4j_layer *out,
                                      struct dl4c_error *err)
{
    const char *norm;
    double threshold;
    int k = 0;
    DLI_TRY(dli_dl4j_str(layer, "gradientNormalization", "None", at, &norm, err));
    while (normalizations[k] && strcmp(normalizations[k], norm) != 0)
        k++;
    if (!normalizations[k])
        return dli_dl4j_unsupported(at, err, "gradient normalization %.60s is not supported", norm);
    if (k == 0)
        return DL4C_OK;
    DLI_TRY(dli_dl4j_num(layer, "gradientNormalizationThreshold", 1, at, &threshold, err));
    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    dli_strbuf_add(&b, dli_gradient_normalizations[k]);
    DLI_TRY(set(out, "gradient_normalization", &b, err));
    dli_strbuf_init(&b, ctx);
    number(&b, threshold);
    return set(out, "gradient_threshold", &b, err);
}

dl4c_status dli_dl4j_read_training(dl4c_context *ctx, const json_t *layer, const struct dli_dl4j_at *at, struct dli_dl4j_layer *out,
                                   struct dl4c_error *err)
{
    char *bias;
    int with_lr = -1; /* not said */
    DLI_TRY(dli_dl4j_read_updater(ctx, layer, "biasUpdater", at, &bias, err));
    dli_dl4j_layer_str(out, "bias_updater", bias);
    DLI_TRY(decays(ctx, layer, "regularization", "weight_decay", at, &with_lr, out, err));
    DLI_TRY(decays(ctx, layer, "regularizationBias", "weight_decay_bias", at, &with_lr, out, err));
    if (with_lr == 0) {
        char *text = dli_strdup(ctx, "0", err);
        if (!text)
            return dli_alloc_status();
        dli_dl4j_layer_str(out, "weight_decay_lr", text);
    }
    DLI_TRY(read_normalization(ctx, layer, at, out, err));
    DLI_TRY(read_weight_noise(ctx, layer, at, out, err));
    return read_constraints(ctx, layer, at, out, err);
}

dl4c_status dli_dl4j_read_solver(dl4c_context *ctx, const json_t *conf, const char *name, struct dli_dl4j_layer *out,
                                 struct dl4c_error *err)
{
    const struct dli_dl4j_at at = { name, "configuration" };
    const json_t *step;
    const char *algorithm;
    struct dli_strbuf b;
    DLI_TRY(dli_dl4j_str(conf, "optimizationAlgo", "STOCHASTIC_GRADIENT_DESCENT", &at, &algorithm, err));
    DLI_TRY(dli_dl4j_object(conf, "stepFunction", &at, &step, err));
    const bool descends = strcmp(algorithm, "STOCHASTIC_GRADIENT_DESCENT") == 0;
    if (descends && (!step || strncmp(dli_dl4j_class(step), "Negative", 8) == 0))
        return DL4C_OK;
    char *own = out->updater;
    const size_t n = own ? strlen(own) : 0;
    const bool closed = n > 0 && own[n - 1] == ')';
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addn(&b, own ? own : "sgd", own ? n - closed : 3);
    dli_strbuf_addf(&b, "%s%s_", closed ? "," : "(", descends ? "stepFunction" : "optimizationAlgo");
    for (const char *p = descends ? dli_dl4j_class(step) : algorithm; *p && strchr(",()=;: ", *p) == NULL; p++)
        dli_strbuf_addc(&b, *p);
    dli_strbuf_add(&b, "=1)");
    out->updater = NULL;
    dli_free(own);
    return dli_strbuf_take(&b, &out->updater, err);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

dl4c_status dli_dl4j_noise_out(struct dli_dl4j_emit *e, const char *spec, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    struct dli_spec s;
    if (!spec) {
        dli_dl4j_raw(e, "idropout", "null");
        return DL4C_OK;
    }
    DLI_TRY(dli_spec_parse(e->b.ctx, spec, &s, err));
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_noises, s.name);
    const char *text = n ? dli_dl4j_spec_get(&s, n->arg[0].attr) : NULL;
    double v = n ? n->arg[0].def : 0;
    dl4c_status status = DL4C_OK;
    if (!n || (text && !dli_parse_double(text, strlen(text), &v)))
        status = dli_dl4j_unsupported(at, err, "Deeplearning4j has no dropout \"%.80s\"", spec);
    dli_spec_free(&s);
    DLI_TRY(status);
    dli_dl4j_key(e, "idropout");
    dli_dl4j_open(e, '{');
    dli_dl4j_key(e, "@class");
    dli_strbuf_addf(&e->b, "\"%s%s\"", dli_dl4j_noises.package, n->class);
    if (strcmp(n->spec, "alpha_dropout") == 0) {
        dli_dl4j_num_out(e, "alpha", 1.6732632423543772);
        dli_dl4j_num_out(e, "lambda", 1.0507009873554805);
    }
    dli_dl4j_num_out(e, n->arg[0].key, v);
    if (strcmp(n->spec, "dropout") == 0)
        dli_dl4j_raw(e, "helperAllowFallback", "true");
    dli_dl4j_raw(e, schedule_key(n), "null");
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static dl4c_status weight_noise(struct dli_dl4j_emit *e, const struct dli_spec *s, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const bool drop = strcmp(s->name, "drop_connect") == 0, add = strcmp(s->name, "add") == 0;
    const char *p = dli_dl4j_spec_get(s, "p"), *distribution = dli_dl4j_spec_get(s, "distribution"), *b = dli_dl4j_spec_get(s, "biases");
    const char *biases = b && strcmp(b, "1") == 0 ? "true" : "false";
    double v = 0.5;
    if ((!drop && !add && strcmp(s->name, "multiply") != 0) || (!drop && !distribution) || (p && !dli_parse_double(p, strlen(p), &v)))
        return dli_dl4j_unsupported(at, err, "Deeplearning4j has no weight noise \"%.80s\"", s->name);
    dli_dl4j_key(e, "weightNoise");
    dli_dl4j_open(e, '{');
    dli_dl4j_key(e, "@class");
    dli_strbuf_addf(&e->b, "\"org.deeplearning4j.nn.conf.weightnoise.%s\"", drop ? "DropConnect" : "WeightNoise");
    if (drop) {
        dli_dl4j_raw(e, "applyToBiases", biases);
        dli_dl4j_raw(e, "weightRetainProbSchedule", "null");
        dli_dl4j_num_out(e, "weightRetainProb", v);
    } else {
        dli_dl4j_raw(e, "additive", add ? "true" : "false");
        dli_dl4j_raw(e, "applyToBias", biases);
        DLI_TRY(dli_dl4j_distribution_out(e, "distribution", distribution, at, err));
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

dl4c_status dli_dl4j_weight_noise_out(struct dli_dl4j_emit *e, const char *spec, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    struct dli_spec s;
    if (!spec) {
        dli_dl4j_raw(e, "weightNoise", "null");
        return DL4C_OK;
    }
    DLI_TRY(dli_spec_parse(e->b.ctx, spec, &s, err));
    const dl4c_status status = weight_noise(e, &s, at, err);
    dli_spec_free(&s);
    return status;
}

void dli_dl4j_gradient_normalization_out(struct dli_dl4j_emit *e, const struct dli_layer *l)
{
    dli_dl4j_text(e, "gradientNormalization", normalizations[l->gradient_normalization]);
}

void dli_dl4j_decay_out(struct dli_dl4j_emit *e, const struct dli_layer *l, const struct dli_float_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        dli_dl4j_item(e);
        dli_dl4j_open(e, '{');
        dli_dl4j_text(e, "@class", "org.nd4j.linalg.learning.regularization.WeightDecay");
        dli_dl4j_raw(e, "applyLR", l->weight_decay_lr ? "true" : "false");
        dli_dl4j_key(e, "coeff");
        dli_dl4j_open(e, '{');
        dli_dl4j_text(e, "@class", "org.nd4j.linalg.schedule.FixedSchedule");
        dli_dl4j_num_out(e, "value", list->v[i]);
        dli_dl4j_close(e, '}');
        dli_dl4j_close(e, '}');
    }
}

static void names_out(struct dli_dl4j_emit *e, const char *names)
{
    dli_dl4j_key(e, "params");
    dli_dl4j_open(e, '[');
    for (const char *p = names; *p;) {
        char name[64];
        const size_t n = strcspn(p, ";"), kept = n < sizeof name ? n : sizeof name - 1;
        memcpy(name, p, kept);
        name[kept] = '\0';
        dli_dl4j_item(e);
        dli_strbuf_json(&e->b, name);
        p += n + (p[n] == ';');
    }
    dli_dl4j_close(e, ']');
}

/* "1x2x3" as a list. */
static void dimensions_out(struct dli_dl4j_emit *e, const char *text)
{
    int64_t v[DLI_LIST_MAX];
    int32_t n = 0;
    for (const char *p = text; p && *p && n < DLI_LIST_MAX; p++)
        if (*p >= '0' && *p <= '9')
            v[n++] = *p - '0'; /* axes are 0 to 3 */
    if (n)
        dli_dl4j_ints_out(e, "dimensions", v, n);
    else
        dli_dl4j_raw(e, "dimensions", "null");
}

static dl4c_status constraint_out(struct dli_dl4j_emit *e, const struct dli_spec *s, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_constraints, s->name);
    const char *params = dli_dl4j_spec_get(s, "params");
    bool named = false;
    if (!n)
        return dli_dl4j_unsupported(at, err, "Deeplearning4j has no constraint \"%.80s\"", s->name);
    dli_dl4j_item(e);
    dli_dl4j_open(e, '{');
    dli_dl4j_key(e, "@class");
    dli_strbuf_addf(&e->b, "\"%s%s\"", dli_dl4j_constraints.package, n->class);
    dimensions_out(e, dli_dl4j_spec_get(s, "dimensions"));
    if (!n->arg[0].key)
        dli_dl4j_num_out(e, "epsilon", 1e-6);
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        const char *text = dli_dl4j_spec_get(s, a->attr);
        double v = a->def;
        if (text && !dli_parse_double(text, strlen(text), &v))
            return dli_dl4j_unsupported(at, err, "%s=%.60s is no number", a->attr, text);
        if (!named && strcmp(a->key, "params") > 0) {
            names_out(e, params ? params : "W");
            named = true;
        }
        dli_dl4j_num_out(e, a->key, v);
    }
    if (!named)
        names_out(e, params ? params : "W");
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

dl4c_status dli_dl4j_constraints_out(struct dli_dl4j_emit *e, const struct dli_layer *l, const struct dli_dl4j_at *at,
                                     struct dl4c_error *err)
{
    const char *list = l->constraints;
    dl4c_status status = DL4C_OK;
    if (!list) {
        dli_dl4j_raw(e, "constraints", "null");
        return DL4C_OK;
    }
    dli_dl4j_key(e, "constraints");
    dli_dl4j_open(e, '[');
    while (status == DL4C_OK) {
        char *text;
        struct dli_spec s;
        status = dli_constraint_next(e->b.ctx, &list, &text, err);
        if (status != DL4C_OK || !text)
            break;
        status = dli_spec_parse(e->b.ctx, text, &s, err);
        dli_free(text);
        if (status != DL4C_OK)
            break;
        status = constraint_out(e, &s, at, err);
        dli_spec_free(&s);
    }
    dli_dl4j_close(e, ']');
    return status;
}
