/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm: y = gamma[c] * (x - mean[c]) / sqrt(var[c] + eps) + beta[c] over the first axis of the row. In training mean and var are
 * those of the batch (var divided by the count), in inference the running ones. What is subtracted from a running value r to give
 * decay * r + (1 - decay) * batch is its "gradient": (1 - decay) * (r - batch). With use_log_std the variance is stored as
 * log10(sqrt(var)). Ioffe and Szegedy, "Batch Normalization", ICML 2015. */
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

struct batch_norm {
    double eps, decay;
    int64_t lock_gamma_beta, use_log_std;
    double gamma, beta;
    int64_t n_in;
};
#define BN(member) offsetof(struct batch_norm, member)

static const struct dli_attr attrs[] = {
    { .name = "eps", .type = DL4C_ATTR_FLOAT, .offset = BN(eps), .def = 1e-5, .min = 0, .max = 1e30, .doc = "added to the variance" },
    { .name = "decay", .type = DL4C_ATTR_FLOAT, .offset = BN(decay), .def = 0.9, .min = 0, .max = 1,
      .doc = "what is kept of the running statistics in each step" },
    { .name = "lock_gamma_beta", .type = DL4C_ATTR_INT, .offset = BN(lock_gamma_beta), .min = 0, .max = 1,
      .doc = "1: gamma and beta are the attributes and no parameters" },
    { .name = "use_log_std", .type = DL4C_ATTR_INT, .offset = BN(use_log_std), .min = 0, .max = 1,
      .doc = "1: the last parameter is log10(standard deviation), not the variance" },
    { .name = "gamma", .type = DL4C_ATTR_FLOAT, .offset = BN(gamma), .def = 1, .doc = "gamma at the start, or for ever if locked" },
    { .name = "beta", .type = DL4C_ATTR_FLOAT, .offset = BN(beta), .def = 0, .doc = "beta at the start, or for ever if locked" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = BN(n_in), .min = 0, .max = (double)(1LL << 40),
      .doc = "channels; 0: as the input has" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct batch_norm *a = i->attrs;
    int64_t c;
    if (i->in[0].rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "batch_norm", "vertex '%s': the input has no axis but the batch", i->vertex);
    DLI_TRY(dli_want_n_in(i, "batch_norm", "channels", i->in[0].dim[0], a->n_in, &c, err));
    i->out = i->in[0];
    i->out.dim[0] = c;
    const struct dli_param_decl gain = { .role = DLI_PARAM_GAIN, .order = 'c', .rank = 1, .shape = { c } };
    for (int32_t k = a->lock_gamma_beta ? 2 : 0; k < 4; k++) {
        struct dli_param_decl *p = &i->param[i->n_params++];
        *p = gain;
        p->name = k == 0 ? "gamma" : k == 1 ? "beta" : k == 2 ? "mean" : a->use_log_std ? "log10stdev" : "var";
        p->role = k < 2 ? DLI_PARAM_GAIN : DLI_PARAM_STAT;
        p->init = k == 0 ? (float)a->gamma : k == 1 ? (float)a->beta : k == 3 && !a->use_log_std ? 1.0f : 0.0f;
    }
    return DL4C_OK;
}

/* Channel i of a parameter; k counts gamma, beta, mean, var. */
static double param(const struct batch_norm *a, const void *const *params, int32_t k, int64_t i)
{
    if (a->lock_gamma_beta && k < 2)
        return k == 0 ? a->gamma : a->beta;
    const double v = (double)dli_param_at(params[a->lock_gamma_beta ? k - 2 : k], i);
    return k == 3 && a->use_log_std ? pow(10, 2 * v) : v;
}

/* Memory of a step in training: what the batch looked like, kept for backward; then sums and factors while a step runs. */
struct saved {
    double *mean, *var;
};
struct scratch {
    double *a, *b;         /* sums over the batch */
    float *x, *dy, *shift; /* factors of x, of dy, and the rest */
};

static struct saved saved_of(const struct dli_exec *x, int64_t c) { return (struct saved){ x->saved, (double *)x->saved + c }; }

static struct scratch scratch_of(const struct dli_exec *x, int64_t c)
{
    double *d = x->scratch;
    float *f = (float *)(d + 2 * c);
    return (struct scratch){ d, d + c, f, f + c, f + 2 * c };
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const int64_t c = p->out->dim[0];
    if (c > INT64_MAX / 64)
        return dli_fail(err, DL4C_E_LIMIT, "batch_norm", "%" PRId64 " channels", c);
    p->packed_bytes = (size_t)c * 2 * sizeof(float);
    p->unread = ~0u;
    if (p->mode == DLI_TRAIN) {
        p->saved_bytes = (size_t)c * 2 * sizeof(double);
        p->scratch_bytes = (size_t)c * (2 * sizeof(double) + 3 * sizeof(float));
    }
    return DL4C_OK;
}

/* In inference y = packed[c] * x + packed[n + c]. */
static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    const struct batch_norm *a = p->attrs;
    const int64_t c = p->out->dim[0];
    float *scale = packed, *shift = scale + c;
    (void)threads;
    for (int64_t i = 0; i < c; i++) {
        const double s = param(a, params, 0, i) / sqrt(param(a, params, 3, i) + a->eps);
        scale[i] = (float)s;
        shift[i] = (float)(param(a, params, 1, i) - param(a, params, 2, i) * s);
    }
}

static void forward(const struct dli_exec *x)
{
    const struct batch_norm *a = x->attrs;
    const int64_t n = dli_in_rows(x, 0), c = dli_row_channels(x->out_shape), hw = dli_row_pixels(x->out_shape);
    if (!x->training) {
        const float *scale = x->packed;
        dli_channel_affine(x->ctx, x->threads, x->out_layout, n, c, hw, x->in[0], scale, scale + c, x->out);
        return;
    }
    const struct saved s = saved_of(x, c);
    const struct scratch t = scratch_of(x, c);
    const double count = (double)n * (double)hw;
    dli_channel_sum(x->ctx, x->threads, n, c, hw, x->in[0], NULL, s.mean);
    dli_channel_sum(x->ctx, x->threads, n, c, hw, x->in[0], x->in[0], s.var);
    for (int64_t i = 0; i < c; i++) {
        s.mean[i] /= count;
        s.var[i] = fmax(s.var[i] / count - s.mean[i] * s.mean[i], 0);
        const double f = param(a, x->params, 0, i) / sqrt(s.var[i] + a->eps);
        t.x[i] = (float)f;
        t.shift[i] = (float)(param(a, x->params, 1, i) - s.mean[i] * f);
    }
    dli_channel_affine(x->ctx, x->threads, DLI_PLAIN, n, c, hw, x->in[0], t.x, t.shift, x->out);
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of the channels of all rows */
    int64_t c, hw;
    struct scratch t;
};

/* dx = t.x * x + t.dy * dy + t.shift. */
static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t m = first; m < last; m++) {
        const int64_t c = m % l->c;
        const float *in = l->x->in[0] + m * l->hw, *dy = l->x->dout + m * l->hw, fx = l->t.x[c], fdy = l->t.dy[c], shift = l->t.shift[c];
        float *dx = l->x->din[0] + m * l->hw;
        for (int64_t i = 0; i < l->hw; i++)
            dx[i] = fx * in[i] + fdy * dy[i] + shift;
    }
}

static void stat_gradients(const struct batch_norm *a, const struct dli_exec *x, const struct saved *s, int64_t c, float *dmean,
                           float *dvar)
{
    for (int64_t i = 0; i < c; i++) {
        const double mean = param(a, x->params, 2, i), var = param(a, x->params, 3, i);
        const double next = a->decay * var + (1 - a->decay) * (x->training ? s->var[i] : var);
        if (dmean)
            dmean[i] = x->training ? (float)((1 - a->decay) * (mean - s->mean[i])) : 0;
        if (dvar)
            dvar[i] = !x->training ? 0 : a->use_log_std ? (float)(log10(sqrt(var)) - log10(sqrt(next))) : (float)(var - next);
    }
}

static void backward(const struct dli_exec *x)
{
    const struct batch_norm *a = x->attrs;
    const int64_t n = dli_in_rows(x, 0), c = dli_row_channels(x->out_shape), hw = dli_row_pixels(x->out_shape);
    const int32_t stat = a->lock_gamma_beta ? 0 : 2;
    const struct saved s = saved_of(x, c);
    struct loop l = { x, dli_split_items(n * c, hw), c, hw, scratch_of(x, c) };
    const double count = (double)n * (double)hw;
    dli_channel_sum(x->ctx, x->threads, n, c, hw, x->dout, NULL, l.t.a);
    dli_channel_sum(x->ctx, x->threads, n, c, hw, x->dout, x->in[0], l.t.b);
    for (int64_t i = 0; i < c; i++) {
        const double mean = x->training ? s.mean[i] : param(a, x->params, 2, i), var = x->training ? s.var[i] : param(a, x->params, 3, i);
        const double inv = 1 / sqrt(var + a->eps), dbeta = l.t.a[i], dgamma = (l.t.b[i] - mean * dbeta) * inv;
        const double f = param(a, x->params, 0, i) * inv, fx = x->training ? -f * inv * dgamma / count : 0;
        if (!a->lock_gamma_beta && x->dparam[0])
            x->dparam[0][i] = (float)dgamma;
        if (!a->lock_gamma_beta && x->dparam[1])
            x->dparam[1][i] = (float)dbeta;
        l.t.dy[i] = (float)f;
        l.t.x[i] = (float)fx;
        l.t.shift[i] = x->training ? (float)(-fx * mean - f * dbeta / count) : 0;
    }
    stat_gradients(a, x, &s, c, x->dparam[stat], x->dparam[stat + 1]);
    if (x->din[0])
        dli_parallel(x->ctx, x->threads, l.split.n_tasks, backward_task, &l);
}

const struct dli_op dli_op_batch_norm = {
    .name = "batch_norm",
    .doc = "Batch normalisation over channels.",
    .dl4j = "BatchNormalization",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct batch_norm),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
