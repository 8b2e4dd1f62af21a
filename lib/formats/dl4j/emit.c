/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON, and specs as classes. */
#include "formats/dl4j/emit.h"
#include "base/escape.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void line(struct dli_dl4j_emit *e)
{
    dli_strbuf_addc(&e->b, '\n');
    dli_strbuf_pad(&e->b, ' ', 2 * (size_t)e->depth);
}

void dli_dl4j_open(struct dli_dl4j_emit *e, char bracket)
{
    dli_strbuf_addc(&e->b, bracket);
    if (bracket == '{')
        e->depth++;
    e->first = true;
}

void dli_dl4j_close(struct dli_dl4j_emit *e, char bracket)
{
    if (bracket == '}')
        e->depth--;
    if (e->first || bracket == ']')
        dli_strbuf_addc(&e->b, ' ');
    else
        line(e);
    dli_strbuf_addc(&e->b, bracket);
    e->first = false;
}

void dli_dl4j_key(struct dli_dl4j_emit *e, const char *key)
{
    if (!e->first)
        dli_strbuf_addc(&e->b, ',');
    e->first = false;
    line(e);
    dli_strbuf_json(&e->b, key);
    dli_strbuf_add(&e->b, " : ");
}

void dli_dl4j_item(struct dli_dl4j_emit *e)
{
    dli_strbuf_add(&e->b, e->first ? " " : ", ");
    e->first = false;
}

void dli_dl4j_raw(struct dli_dl4j_emit *e, const char *key, const char *value)
{
    dli_dl4j_key(e, key);
    dli_strbuf_add(&e->b, value);
}

void dli_dl4j_text(struct dli_dl4j_emit *e, const char *key, const char *value)
{
    dli_dl4j_key(e, key);
    dli_strbuf_json(&e->b, value);
}

void dli_dl4j_int_out(struct dli_dl4j_emit *e, const char *key, int64_t value)
{
    dli_dl4j_key(e, key);
    dli_strbuf_addf(&e->b, "%" PRId64, value);
}

/* A number that Java reads as a double. */
static void number(struct dli_dl4j_emit *e, double v)
{
    char buf[40];
    dli_number_shortest(buf, sizeof buf - 3, v);
    if (isfinite(v) && !strpbrk(buf, ".eE"))
        strncat(buf, ".0", 3);
    dli_strbuf_addf(&e->b, isfinite(v) ? "%s" : "\"%s\"", buf);
}

void dli_dl4j_num_out(struct dli_dl4j_emit *e, const char *key, double value)
{
    dli_dl4j_key(e, key);
    number(e, value);
}

void dli_dl4j_ints_out(struct dli_dl4j_emit *e, const char *key, const int64_t *v, int32_t n)
{
    dli_dl4j_key(e, key);
    dli_strbuf_addc(&e->b, '[');
    for (int32_t i = 0; i < n; i++)
        dli_strbuf_addf(&e->b, "%s%" PRId64, i ? ", " : " ", v[i]);
    dli_strbuf_add(&e->b, " ]");
}

const char *dli_dl4j_spec_get(const struct dli_spec *s, const char *attr)
{
    for (int32_t i = 0; i < s->n_attrs; i++)
        if (strcmp(s->attrs[i].name, attr) == 0)
            return s->attrs[i].v.s;
    return NULL;
}

static void begin(struct dli_dl4j_emit *e, const char *key, const char *package, const char *class)
{
    dli_dl4j_key(e, key);
    dli_dl4j_open(e, '{');
    dli_dl4j_key(e, "@class");
    dli_strbuf_addf(&e->b, "\"%s%s\"", package, class);
}

static dl4c_status num_of(const struct dli_spec *s, const char *attr, double def, const struct dli_dl4j_at *at, double *v,
                          struct dl4c_error *err)
{
    const char *text = dli_dl4j_spec_get(s, attr);
    *v = def;
    if (text && !dli_parse_double(text, strlen(text), v))
        return dli_dl4j_unsupported(at, err, "%s=%.60s is no number", attr, text);
    return DL4C_OK;
}

static void arg_out(struct dli_dl4j_emit *e, const struct dli_dl4j_arg *a, double v)
{
    if (isnan(v))
        dli_dl4j_raw(e, a->key, "null");
    else if (a->integer)
        dli_dl4j_int_out(e, a->key, (int64_t)v);
    else
        dli_dl4j_num_out(e, a->key, v);
}

/* What the spec has that nobody writes would be lost. `also` are names that somebody does write, NULL-terminated. */
static dl4c_status nothing_else(const struct dli_spec *s, const struct dli_dl4j_name *n, const char *const *also,
                                const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    for (int32_t i = 0; i < s->n_attrs; i++) {
        bool known = false;
        for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++)
            known = known || strcmp(a->attr, s->attrs[i].name) == 0;
        for (const char *const *k = also; k && *k; k++)
            known = known || strcmp(*k, s->attrs[i].name) == 0;
        if (!known)
            return dli_dl4j_unsupported(at, err, "%.40s: Deeplearning4j's %s has no place for %.60s", s->name, n->class, s->attrs[i].name);
    }
    return DL4C_OK;
}

static dl4c_status plain(struct dli_dl4j_emit *e, const struct dli_spec *s, const struct dli_dl4j_name *n, const struct dli_dl4j_at *at,
                         struct dl4c_error *err)
{
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        double v;
        DLI_TRY(num_of(s, a->attr, a->def, at, &v, err));
        arg_out(e, a, isnan(a->def) && v == 0 ? (double)NAN : v);
    }
    return DL4C_OK;
}

static dl4c_status no_class(const struct dli_dl4j_family *f, const char *spec, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    return dli_dl4j_unsupported(at, err, "Deeplearning4j has no %s \"%.80s\"", f->what, spec);
}

static dl4c_status activation(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_at *at,
                              struct dl4c_error *err)
{
    /* elu's slope is the reference's own or has none there. */
    static const char *const form[] = { "form", NULL }, *const slope[] = { "slope", NULL };
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_activations, s->name);
    const bool gelu = n && strcmp(s->name, "gelu") == 0, elu = n && strcmp(s->name, "elu") == 0;
    if (!n)
        return no_class(&dli_dl4j_activations, s->name, at, err);
    DLI_TRY(nothing_else(s, n, gelu ? form : elu ? slope : NULL, at, err));
    begin(e, key, dli_dl4j_activations.package, n->class);
    DLI_TRY(plain(e, s, n, at, err));
    if (gelu) {
        const char *f = dli_dl4j_spec_get(s, "form");
        if (f && strcmp(f, "erf") == 0)
            return no_class(&dli_dl4j_activations, "gelu(form=erf)", at, err);
        dli_dl4j_raw(e, "precise", f && strcmp(f, "tanh") == 0 ? "true" : "false");
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static dl4c_status loss(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_at *at,
                        struct dl4c_error *err)
{
    static const char *const also[] = { "weights", NULL };
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_losses, s->name);
    if (!n)
        return no_class(&dli_dl4j_losses, s->name, at, err);
    DLI_TRY(nothing_else(s, n, also, at, err));
    begin(e, key, dli_dl4j_losses.package, n->class);
    DLI_TRY(plain(e, s, n, at, err));
    const char *w = dli_dl4j_spec_get(s, "weights");
    if (w) {
        int64_t count = 1;
        for (const char *p = w; *p; p++)
            count += *p == ';';
        dli_dl4j_key(e, "weights");
        dli_dl4j_open(e, '{');
        dli_dl4j_text(e, "dataType", "FLOAT");
        dli_dl4j_ints_out(e, "shape", &count, 1);
        dli_dl4j_key(e, "data");
        for (int64_t i = 0; i < count; i++) {
            const size_t length = strcspn(w, ";");
            double v;
            if (!dli_parse_double(w, length, &v))
                return dli_dl4j_unsupported(at, err, "weights=%.60s are no numbers", w);
            dli_strbuf_add(&e->b, i ? ", " : "[ ");
            number(e, v);
            w += length + (w[length] == ';');
        }
        dli_strbuf_add(&e->b, " ]");
        dli_dl4j_close(e, '}');
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static dl4c_status distribution(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_name *d,
                                const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    DLI_TRY(nothing_else(s, d, NULL, at, err));
    dli_dl4j_key(e, key);
    dli_dl4j_open(e, '{');
    dli_dl4j_key(e, "type");
    dli_strbuf_addf(&e->b, "\"%s%s\"", dli_dl4j_distributions.package, d->class);
    DLI_TRY(plain(e, s, d, at, err));
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static dl4c_status init(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_at *at,
                        struct dl4c_error *err)
{
    /* ours -> the class, or the class with this constant */
    static const struct {
        const char *name, *class;
        double value;
    } others[] = { { "zero", "WeightInitConstant", 0 },
                   { "ones", "WeightInitConstant", 1 },
                   { "xavier_fan_in", "WeightInitLecunNormal", 0 } };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(s->name, others[i].name) == 0) {
            begin(e, key, dli_dl4j_inits.package, others[i].class);
            if (i < 2)
                dli_dl4j_num_out(e, "value", others[i].value);
            dli_dl4j_close(e, '}');
            return DL4C_OK;
        }
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_inits, s->name);
    const struct dli_dl4j_name *d = dli_dl4j_by_spec(&dli_dl4j_distributions, s->name);
    if (d && (!n || (s->n_attrs > 0 && !n->arg[0].key))) {
        begin(e, key, dli_dl4j_inits.package, "WeightInitDistribution");
        DLI_TRY(distribution(e, "distribution", s, d, at, err));
        dli_dl4j_close(e, '}');
        return DL4C_OK;
    }
    if (!n)
        return no_class(&dli_dl4j_inits, s->name, at, err);
    DLI_TRY(nothing_else(s, n, NULL, at, err));
    begin(e, key, dli_dl4j_inits.package, n->class);
    DLI_TRY(plain(e, s, n, at, err));
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static void fixed(struct dli_dl4j_emit *e, const char *key, double value)
{
    begin(e, key, dli_dl4j_schedules.package, "FixedSchedule");
    dli_dl4j_num_out(e, "value", value);
    dli_dl4j_close(e, '}');
}

static dl4c_status schedule(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, double base, const struct dli_dl4j_at *at,
                            struct dl4c_error *err);

/* The reference reads both, but writes neither. */
static dl4c_status ramp(struct dli_dl4j_emit *e, const struct dli_spec *s, double base, const struct dli_dl4j_at *at,
                        struct dl4c_error *err)
{
    const char *of = dli_dl4j_spec_get(s, "of"), *by = dli_dl4j_spec_get(s, "by");
    double n;
    DLI_TRY(num_of(s, "n", 0, at, &n, err));
    if (n < 1 && !of) /* one that the reference wrote */
        return DL4C_OK;
    if (by && strcmp(by, "epoch") == 0)
        return dli_dl4j_unsupported(at, err, "Deeplearning4j's RampSchedule counts iterations, not epochs");
    if (of) {
        struct dli_spec inner;
        DLI_TRY(dli_spec_parse(e->b.ctx, of, &inner, err));
        const dl4c_status status = schedule(e, "baseSchedule", &inner, base, at, err);
        dli_spec_free(&inner);
        DLI_TRY(status);
    } else {
        fixed(e, "baseSchedule", base);
    }
    dli_dl4j_int_out(e, "numIter", (int64_t)n);
    return DL4C_OK;
}

/* "0:0.1;500:0.01" as an object. */
static dl4c_status map_values(struct dli_dl4j_emit *e, const struct dli_spec *s, const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const char *p = dli_dl4j_spec_get(s, "values");
    dli_dl4j_key(e, "values");
    dli_dl4j_open(e, '{');
    for (size_t n = 0; p && *p; p += n + (p[n] == ';')) {
        n = strcspn(p, ";");
        const size_t k = strcspn(p, ":");
        char key[32];
        double i, v;
        if (k >= n || !dli_parse_double(p, k, &i) || !(i >= 0 && i <= 0x1p52) || !dli_parse_double(p + k + 1, n - k - 1, &v))
            return dli_dl4j_unsupported(at, err, "values=%.60s are no iterations with their values", p);
        snprintf(key, sizeof key, "%" PRId64, (int64_t)i);
        dli_dl4j_num_out(e, key, v);
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

/* What the constructor works out, which the reference writes too. */
static void cycle_rest(struct dli_dl4j_emit *e, const double v[5])
{
    const int64_t annealing = (int64_t)v[1], length = (int64_t)v[2], half = (length - annealing) / 2;
    dli_dl4j_num_out(e, "increment", half > 0 ? (v[4] - v[3]) / (double)half : 0);
    dli_dl4j_int_out(e, "stepSize", half);
}

/* A tenth of the cycle, as the reference rounds it. */
static dl4c_status cycle_default(const struct dli_spec *s, const struct dli_dl4j_at *at, double *v, struct dl4c_error *err)
{
    DLI_TRY(num_of(s, "cycle_length", 1, at, v, err));
    *v = floor(*v * 0.1 + 0.5);
    return DL4C_OK;
}

/* Its keys in their order, the first value and the type among them. */
static dl4c_status schedule(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, double base, const struct dli_dl4j_at *at,
                            struct dl4c_error *err)
{
    static const char *const also[] = { "by", "value", "values", "n", "of", NULL };
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_schedules, s->name);
    const bool is_cycle = strcmp(s->name, "cycle") == 0, is_map = strcmp(s->name, "map") == 0, is_ramp = strcmp(s->name, "ramp") == 0;
    const char *by = dli_dl4j_spec_get(s, "by");
    double v[6] = { 0 };
    DLI_TRY(num_of(s, "value", base, at, &base, err));
    if (strcmp(s->name, "fixed") == 0) {
        fixed(e, key, base);
        return DL4C_OK;
    }
    if (!n)
        return no_class(&dli_dl4j_schedules, s->name, at, err);
    DLI_TRY(nothing_else(s, n, also, at, err));
    begin(e, key, dli_dl4j_schedules.package, n->class);
    bool value = is_cycle || is_map || is_ramp, type = is_ramp;
    if (is_ramp)
        DLI_TRY(ramp(e, s, base, at, err));
    for (const struct dli_dl4j_arg *a = n->arg;; a++) {
        const bool last = a == n->arg + 6 || !a->key;
        if (!value && (last || strcmp(a->key, "initialValue") > 0)) {
            dli_dl4j_num_out(e, "initialValue", base);
            value = true;
        }
        if (!type && (last || strcmp(a->key, "scheduleType") > 0)) {
            dli_dl4j_text(e, "scheduleType", by && strcmp(by, "epoch") == 0 ? "EPOCH" : "ITERATION");
            type = true;
        }
        if (last)
            break;
        DLI_TRY(num_of(s, a->attr, a->def, at, &v[a - n->arg], err));
        if (is_cycle && strcmp(a->attr, "annealing_length") == 0 && !dli_dl4j_spec_get(s, a->attr))
            DLI_TRY(cycle_default(s, at, &v[a - n->arg], err));
        if (is_cycle && strcmp(a->attr, "initial") == 0 && !dli_dl4j_spec_get(s, a->attr)) {
            DLI_TRY(num_of(s, "max", 0, at, &v[a - n->arg], err));
            v[a - n->arg] *= 0.1;
        }
        arg_out(e, a, v[a - n->arg]);
    }
    if (is_cycle)
        cycle_rest(e, v);
    if (is_map)
        DLI_TRY(map_values(e, s, at, err));
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

/* A rate, or NaN and the schedule in its place. */
static dl4c_status rate(struct dli_dl4j_emit *e, const struct dli_spec *s, const struct dli_dl4j_arg *a, const char *attr, const char *key,
                        const struct dli_dl4j_at *at, struct dl4c_error *err)
{
    const char *text = dli_dl4j_spec_get(s, attr);
    struct dli_spec inner;
    double v;
    DLI_TRY(num_of(s, a->attr, a->def, at, &v, err));
    dli_dl4j_num_out(e, a->key, text ? (double)NAN : v);
    if (!text)
        return DL4C_OK;
    DLI_TRY(dli_spec_parse(e->b.ctx, text, &inner, err));
    const dl4c_status status = schedule(e, key, &inner, v, at, err);
    dli_spec_free(&inner);
    return status;
}

static dl4c_status updater(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_at *at,
                           struct dl4c_error *err)
{
    static const char *const also[] = { "lr_schedule", "momentum_schedule", NULL };
    const struct dli_dl4j_name *n = dli_dl4j_by_spec(&dli_dl4j_updaters, s->name);
    if (!n)
        return no_class(&dli_dl4j_updaters, s->name, at, err);
    DLI_TRY(nothing_else(s, n, also, at, err));
    begin(e, key, dli_dl4j_updaters.package, n->class);
    for (const struct dli_dl4j_arg *a = n->arg; a < n->arg + 6 && a->key; a++) {
        double v;
        if (strcmp(a->attr, "lr") == 0) {
            DLI_TRY(rate(e, s, a, "lr_schedule", "learningRateSchedule", at, err));
        } else if (strcmp(a->attr, "momentum") == 0) {
            DLI_TRY(rate(e, s, a, "momentum_schedule", "momentumISchedule", at, err));
        } else {
            DLI_TRY(num_of(s, a->attr, a->def, at, &v, err));
            arg_out(e, a, v);
        }
    }
    dli_dl4j_close(e, '}');
    return DL4C_OK;
}

static dl4c_status with_spec(struct dli_dl4j_emit *e, const char *key, const char *text, const struct dli_dl4j_at *at,
                             dl4c_status (*out)(struct dli_dl4j_emit *, const char *, const struct dli_spec *, const struct dli_dl4j_at *,
                                                struct dl4c_error *),
                             struct dl4c_error *err)
{
    struct dli_spec s;
    DLI_TRY(dli_spec_parse(e->b.ctx, text, &s, err));
    const dl4c_status status = out(e, key, &s, at, err);
    dli_spec_free(&s);
    return status;
}

dl4c_status dli_dl4j_activation_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                    struct dl4c_error *err)
{
    return with_spec(e, key, spec ? spec : "identity", at, activation, err);
}

dl4c_status dli_dl4j_loss_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                              struct dl4c_error *err)
{
    return with_spec(e, key, spec ? spec : "mcxent", at, loss, err);
}

dl4c_status dli_dl4j_init_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                              struct dl4c_error *err)
{
    return with_spec(e, key, spec ? spec : "xavier", at, init, err);
}

dl4c_status dli_dl4j_updater_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                 struct dl4c_error *err)
{
    return with_spec(e, key, spec ? spec : "sgd", at, updater, err);
}

/* Ours without a spread of their own take it from the layer's size. */
static dl4c_status distribution_alone(struct dli_dl4j_emit *e, const char *key, const struct dli_spec *s, const struct dli_dl4j_at *at,
                                      struct dl4c_error *err)
{
    const struct dli_dl4j_name *d = dli_dl4j_by_spec(&dli_dl4j_distributions, s->name);
    double std = 1, lower = 0, upper = 1;
    if (!d)
        return no_class(&dli_dl4j_distributions, s->name, at, err);
    if (strstr(d->spec, "normal") && strcmp(d->spec, "log_normal") != 0)
        DLI_TRY(num_of(s, "std", 0, at, &std, err));
    if (strcmp(d->spec, "uniform") == 0) {
        DLI_TRY(num_of(s, "lower", 0, at, &lower, err));
        DLI_TRY(num_of(s, "upper", 0, at, &upper, err));
    }
    if (std == 0 || (lower == 0 && upper == 0))
        return dli_dl4j_unsupported(at, err, "Deeplearning4j has no distribution %.40s whose width follows from the layer", s->name);
    return distribution(e, key, s, d, at, err);
}

dl4c_status dli_dl4j_distribution_out(struct dli_dl4j_emit *e, const char *key, const char *spec, const struct dli_dl4j_at *at,
                                      struct dl4c_error *err)
{
    return with_spec(e, key, spec, at, distribution_alone, err);
}
