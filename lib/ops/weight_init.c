/* SPDX-License-Identifier: Apache-2.0 */
/* Schemes and distributions of weights, and drawing from them. */
#include "ops/weight_init.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/split.h"

#include <math.h>
#include <string.h>

enum { CONSTANT, UNIFORM, NORMAL, TRUNCATED, UNIT, LOG_NORMAL, BINOMIAL, ORTHOGONAL };

/* What a scheme takes. All have the same struct; each table lists what the scheme uses. */
struct scheme_attrs {
    double value, mean, std, lower, upper, p, gain;
    int64_t trials;
};
#define SCHEME(member) offsetof(struct scheme_attrs, member)

static const struct dli_attr constant_attrs[] = {
    { .name = "value", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(value), .doc = "of all elements" },
    { 0 },
};
static const struct dli_attr normal_attrs[] = {
    /* std 0: 1 / sqrt(fan in), which is Deeplearning4j's NORMAL */
    { .name = "mean", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(mean), .doc = "mean" },
    { .name = "std",
      .type = DL4C_ATTR_FLOAT,
      .offset = SCHEME(std),
      .min = 0,
      .max = 1e30,
      .doc = "standard deviation; 0: 1 / sqrt(fan in)" },
    { 0 },
};
static const struct dli_attr uniform_attrs[] = {
    /* lower = upper = 0: as Deeplearning4j's UNIFORM */
    { .name = "lower", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(lower), .doc = "least value; both 0: -1 / sqrt(fan in)" },
    { .name = "upper", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(upper), .doc = "greatest value; both 0: 1 / sqrt(fan in)" },
    { 0 },
};

static const struct dli_attr log_normal_attrs[] = {
    { .name = "mean", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(mean), .min = -80, .max = 80, .doc = "mean of the logarithm" },
    { .name = "std",
      .type = DL4C_ATTR_FLOAT,
      .offset = SCHEME(std),
      .def = 1,
      .min = 0,
      .max = 80,
      .doc = "standard deviation of the logarithm" },
    { 0 },
};
static const struct dli_attr binomial_attrs[] = {
    { .name = "trials", .type = DL4C_ATTR_INT, .offset = SCHEME(trials), .def = 1, .min = 1, .max = 1 << 20, .doc = "how many" },
    { .name = "p", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(p), .def = 0.5, .min = 0, .max = 1, .doc = "probability of each to count" },
    { 0 },
};
static const struct dli_attr orthogonal_attrs[] = {
    { .name = "gain", .type = DL4C_ATTR_FLOAT, .offset = SCHEME(gain), .def = 1, .doc = "length of each row or column" },
    { 0 },
};

/* scale: standard deviation of NORMAL and TRUNCATED or bound of UNIFORM is sqrt(scale / (in * fan in + out * fan out)).
 * Glorot and Bengio, AISTATS 2010 (xavier); He et al., ICCV 2015 (relu); LeCun et al., "Efficient BackProp", 1998 (lecun). */
static const struct scheme {
    const char *name;
    int32_t distribution;
    double scale, in, out;
    const struct dli_attr *attrs;
} schemes[] = {
    { "zero", CONSTANT, 0, 0, 0, NULL },
    { "ones", CONSTANT, 1, 0, 0, NULL },
    { "constant", CONSTANT, 0, 0, 0, constant_attrs },
    { "normal", NORMAL, 1, 1, 0, normal_attrs },
    { "uniform", UNIFORM, 1, 1, 0, uniform_attrs },
    { "truncated_normal", TRUNCATED, 1, 1, 0, normal_attrs },
    { "xavier", NORMAL, 2, 1, 1, NULL },
    { "xavier_uniform", UNIFORM, 6, 1, 1, NULL },
    { "xavier_fan_in", NORMAL, 1, 1, 0, NULL },
    { "xavier_legacy", NORMAL, 1, 1, 1, NULL },
    { "relu", NORMAL, 2, 1, 0, NULL },
    { "relu_uniform", UNIFORM, 6, 1, 0, NULL },
    { "lecun_normal", NORMAL, 1, 1, 0, NULL },
    { "lecun_uniform", UNIFORM, 9, 1, 0, NULL },    /* 3 / sqrt(fan in), as Deeplearning4j has it */
    { "sigmoid_uniform", UNIFORM, 96, 1, 1, NULL }, /* 4 sqrt(6 / (fan in + fan out)) */
    { "var_scaling_normal_fan_in", NORMAL, 1, 1, 0, NULL },
    { "var_scaling_normal_fan_out", NORMAL, 1, 0, 1, NULL },
    { "var_scaling_normal_fan_avg", NORMAL, 2, 1, 1, NULL },
    { "var_scaling_uniform_fan_in", UNIFORM, 3, 1, 0, NULL },
    { "var_scaling_uniform_fan_out", UNIFORM, 3, 0, 1, NULL },
    { "var_scaling_uniform_fan_avg", UNIFORM, 6, 1, 1, NULL },
    { "identity", UNIT, 0, 0, 0, NULL },
    { "log_normal", LOG_NORMAL, 0, 0, 0, log_normal_attrs },
    { "binomial", BINOMIAL, 0, 0, 0, binomial_attrs },
    { "orthogonal", ORTHOGONAL, 0, 0, 0, orthogonal_attrs },
};

struct draw {
    const struct dli_draw *d;
    uint64_t seed, stream;
    struct dli_split split;
    float *w;
};

/* Element i takes its numbers from a sequence of its own, so that rejection does not shift the others'. */
static double normal_of(const struct draw *d, int64_t i)
{
    const double tau = 6.283185307179586476925;
    uint32_t r[4];
    dli_philox(d->seed, d->stream, (uint64_t)i, r);
    const uint64_t bits = (uint64_t)r[1] << 32 | r[0], turn = (uint64_t)r[3] << 32 | r[2];
    const double u = 1.0 - (double)(bits >> 11) * 0x1p-53, v = (double)(turn >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u)) * cos(tau * v);
}

static double successes(const struct draw *d, int64_t i)
{
    const int64_t trials = (int64_t)d->d->b;
    int64_t n = 0;
    for (int64_t t = 0; t < trials; t++) {
        uint32_t r[4];
        if (t % 4 == 0)
            dli_philox(d->seed, d->stream, (uint64_t)i + ((uint64_t)(t / 4) << 40), r);
        n += (double)r[t % 4] < d->d->a * 0x1p32;
    }
    return (double)n;
}

static double element(const struct draw *draw, int64_t i)
{
    const struct dli_draw *d = draw->d;
    uint32_t r[4];
    switch (d->distribution) {
    case UNIFORM:
        dli_philox(draw->seed, draw->stream, (uint64_t)i, r);
        return d->a + (d->b - d->a) * ((double)(((uint64_t)r[1] << 32 | r[0]) >> 11) * 0x1p-53);
    case NORMAL: return d->a + d->b * normal_of(draw, i);
    case TRUNCATED: /* to two standard deviations; one draw in 22 is thrown away, so 24 tries all but never run out */
        for (int64_t try = 0; try < 24; try++) {
            const double v = normal_of(draw, i + (try << 40));
            if (v > -2 && v < 2)
                return d->a + d->b * v;
        }
        return d->a;
    case UNIT: return i / d->columns == i % d->columns;
    case LOG_NORMAL: return exp(d->a + d->b * normal_of(draw, i));
    case BINOMIAL: return successes(draw, i);
    case ORTHOGONAL: return normal_of(draw, i);
    default: return d->a;
    }
}

static void draw_task(void *arg, size_t task, int32_t worker)
{
    const struct draw *d = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&d->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        d->w[i] = (float)element(d, i);
}

static const struct scheme *find(const char *name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(schemes[i].name, name) == 0)
            return &schemes[i];
    return NULL;
}

static dl4c_status plan(const struct scheme *s, const struct scheme_attrs *v, const struct dli_param_decl *decl, struct dli_draw *d,
                        struct dl4c_error *err)
{
    const double fan = s->in * decl->fan_in + s->out * decl->fan_out;
    d->distribution = s->distribution;
    if (s->distribution == UNIT) {
        if (decl->rank != 2 || decl->shape[0] != decl->shape[1])
            return dli_fail(err, DL4C_E_INVALID, "weight_init", "identity wants a square matrix, parameter %s is none", decl->name);
        d->columns = decl->shape[1];
        return DL4C_OK;
    }
    if (s->distribution == CONSTANT) {
        d->a = s->attrs ? v->value : s->scale;
        return DL4C_OK;
    }
    if (s->distribution == LOG_NORMAL || s->distribution == BINOMIAL || s->distribution == ORTHOGONAL) {
        d->a = s->distribution == LOG_NORMAL ? v->mean : s->distribution == BINOMIAL ? v->p : v->gain;
        d->b = s->distribution == LOG_NORMAL ? v->std : (double)v->trials;
        return DL4C_OK;
    }
    const double spread = fan > 0 ? sqrt(s->scale / fan) : 0;
    if (s->distribution == UNIFORM) {
        const bool given = s->attrs && (v->lower != 0 || v->upper != 0);
        d->a = given ? v->lower : -spread;
        d->b = given ? v->upper : spread;
        if (d->a > d->b)
            return dli_fail(err, DL4C_E_INVALID, "weight_init", "uniform: lower is above upper");
        return DL4C_OK;
    }
    d->a = s->attrs ? v->mean : 0;
    d->b = s->attrs && v->std > 0 ? v->std : spread;
    return DL4C_OK;
}

/* Of a matrix of normal numbers: rows, or columns where they are fewer, become orthogonal to each other and as long as gain (Gram and
 * Schmidt, twice). Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
 * ICLR 2014. */
static void orthogonalise(const struct dli_param_decl *decl, int64_t n, double gain, float *w)
{
    const int64_t rows = decl->shape[0], columns = rows > 0 ? n / rows : 0;
    const int64_t row_stride = decl->order == 'f' ? 1 : columns, column_stride = decl->order == 'f' ? rows : 1;
    const bool by_rows = rows <= columns;
    const int64_t vectors = by_rows ? rows : columns, length = by_rows ? columns : rows;
    const int64_t next = by_rows ? row_stride : column_stride, along = by_rows ? column_stride : row_stride;
    for (int64_t v = 0; v < vectors; v++) {
        float *a = w + v * next;
        for (int64_t k = 0; k < 2 * v; k++) {
            const float *b = w + k % v * next;
            double dot = 0;
            for (int64_t i = 0; i < length; i++)
                dot += (double)a[i * along] * (double)b[i * along];
            for (int64_t i = 0; i < length; i++)
                a[i * along] = (float)((double)a[i * along] - dot * (double)b[i * along]);
        }
        double sum = 0;
        for (int64_t i = 0; i < length; i++)
            sum += (double)a[i * along] * (double)a[i * along];
        for (int64_t i = 0; i < length; i++)
            a[i * along] = (float)((double)a[i * along] / (sum > 0 ? sqrt(sum) : 1));
    }
    for (int64_t i = 0; i < n; i++)
        w[i] = (float)((double)w[i] * gain);
}

static int64_t elements(const struct dli_param_decl *decl)
{
    int64_t n = 1;
    for (int32_t i = 0; i < decl->rank; i++)
        n *= decl->shape[i];
    return n;
}

dl4c_status dli_draw_open(dl4c_context *ctx, const char *scheme, const struct dli_param_decl *decl, struct dli_draw *d,
                          struct dl4c_error *err)
{
    struct dli_spec spec;
    struct scheme_attrs values = { 0 };
    *d = (struct dli_draw){ .decl = decl };
    DLI_TRY(dli_spec_parse(ctx, scheme ? scheme : "xavier", &spec, err));
    const struct scheme *s = find(spec.name);
    dl4c_status status = DL4C_OK;
    if (!s) {
        status = dli_fail(err, DL4C_E_NOTFOUND, "weight_init",
                          "there is no weight_init \"%.60s\"; wanted xavier, relu, normal(std=0.01) ...", spec.name);
    } else {
        const struct dli_attr_set set = { s->attrs, &values };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
    }
    if (status == DL4C_OK)
        status = plan(s, &values, decl, d, err);
    dli_spec_free(&spec);
    return status;
}

void dli_draw_fill(dl4c_context *ctx, int32_t threads, const struct dli_draw *d, uint64_t seed, uint64_t stream, float *w)
{
    const int64_t n = elements(d->decl);
    struct draw draw = { d, seed, stream, dli_split_items(n, 16), w }; /* a draw costs as much as reading some 16 floats */
    dli_parallel(ctx, threads, draw.split.n_tasks, draw_task, &draw);
    if (d->distribution == ORTHOGONAL)
        orthogonalise(d->decl, n, d->a, w);
}

dl4c_status dli_weight_init(dl4c_context *ctx, const char *scheme, const struct dli_param_decl *decl, uint64_t seed, uint32_t stream,
                            float *w, struct dl4c_error *err)
{
    struct dli_draw d;
    DLI_TRY(dli_draw_open(ctx, scheme, decl, &d, err));
    dli_draw_fill(ctx, 0, &d, seed, (uint64_t)DLI_STREAM_WEIGHTS << 32 | stream, w);
    return DL4C_OK;
}
