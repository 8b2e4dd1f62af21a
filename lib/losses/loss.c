/* SPDX-License-Identifier: Apache-2.0 */
/* Losses from their text form, and running one over the rows of a batch. */
#include "losses/loss.h"
#include "base/kind.h"
#include "base/number.h"
#include "base/thread_pool.h"
#include "kernels/split.h"

#include <math.h>
#include <string.h>

static dl4c_status read_weights(dl4c_context *ctx, const char *text, int64_t k, float **weights, struct dl4c_error *err)
{
    *weights = dli_array(ctx, (size_t)k, sizeof **weights, err);
    if (!*weights)
        return dli_alloc_status();
    int64_t n = 0;
    for (const char *p = text;; n++) {
        const size_t length = strcspn(p, ";");
        double v;
        if (!dli_parse_double(p, length, &v) || !(fabs(v) < 1e30))
            return dli_fail(err, DL4C_E_INVALID, "loss", "weights: \"%.60s\" is no number; wanted one for each output, joined by ';'", p);
        if (n < k)
            (*weights)[n] = (float)v;
        if (!p[length])
            break;
        p += length + 1;
    }
    if (n + 1 != k)
        return dli_fail(err, DL4C_E_INVALID, "loss", "weights has %" PRId64 " numbers for %" PRId64 " outputs", n + 1, k);
    return DL4C_OK;
}

/* Finds the loss and reads its attributes; on failure *out holds nothing. */
static dl4c_status read_spec(dl4c_context *ctx, const char *text, struct dli_loss_at *out, struct dl4c_error *err)
{
    struct dli_spec spec;
    memset(out, 0, sizeof *out);
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    dl4c_status status = DL4C_OK;
    const struct dli_loss *loss = dli_loss_find(spec.name);
    if (!loss)
        status = dli_kind_unknown("loss", dli_loss_kind, spec.name, err);
    if (status == DL4C_OK && !(out->attrs = dli_calloc(ctx, 1, loss->attrs_size + 1, err)))
        status = dli_alloc_status();
    if (status == DL4C_OK) {
        const struct dli_attr_set set = { loss->attrs, out->attrs };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
        if (status != DL4C_OK) { /* the struct holds nothing then */
            dli_free(out->attrs);
            out->attrs = NULL;
        }
    }
    dli_spec_free(&spec);
    if (status == DL4C_OK)
        out->loss = loss;
    return status;
}

dl4c_status dli_loss_check(dl4c_context *ctx, const char *spec, struct dl4c_error *err)
{
    struct dli_loss_at loss;
    const dl4c_status status = read_spec(ctx, spec, &loss, err);
    dli_loss_close(&loss);
    return status;
}

dl4c_status dli_loss_print(dl4c_context *ctx, const char *spec, struct dli_strbuf *out, struct dl4c_error *err)
{
    struct dli_loss_at loss;
    DLI_TRY(read_spec(ctx, spec, &loss, err));
    dli_strbuf_add(out, loss.loss->name);
    dli_attrs_print(loss.loss->attrs, loss.attrs, out);
    dli_loss_close(&loss);
    return DL4C_OK;
}

dl4c_status dli_loss_open(dl4c_context *ctx, const char *spec, int64_t k, struct dli_loss_at *out, struct dl4c_error *err)
{
    dl4c_status status = read_spec(ctx, spec, out, err);
    if (status == DL4C_OK) {
        const char *weights = NULL;
        const struct dli_loss *loss = out->loss;
        if (loss->attrs && strcmp(loss->attrs[0].name, "weights") == 0)
            memcpy(&weights, out->attrs, sizeof weights);
        if (loss->check)
            status = loss->check(out->attrs, k, err);
        if (status == DL4C_OK && weights)
            status = read_weights(ctx, weights, k, &out->weights, err);
    }
    if (status != DL4C_OK)
        dli_loss_close(out);
    return status;
}

void dli_loss_close(struct dli_loss_at *l)
{
    if (l->loss)
        dli_attrs_free(l->loss->attrs, l->attrs);
    dli_free(l->attrs);
    dli_free(l->weights);
    memset(l, 0, sizeof *l);
}

struct rows {
    const struct dli_loss_exec *x;
    double (*row)(const struct dli_loss_exec *x, int64_t i, float *grad);
    struct dli_split split;
};

static void rows_task(void *arg, size_t task, int32_t worker)
{
    const struct rows *r = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&r->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        r->x->score[i] = r->row(r->x, i, r->x->grad ? r->x->grad + i * r->x->k : NULL);
}

void dli_loss_rows(const struct dli_loss_exec *x, double (*row)(const struct dli_loss_exec *x, int64_t i, float *grad))
{
    struct rows r = { x, row, dli_split_items(x->n, x->k) };
    dli_parallel(x->ctx, x->threads, r.split.n_tasks, rows_task, &r);
}

/* ---- shared by mcxent and negative_log_likelihood ---- */

const struct dli_attr dli_softmax_loss_attrs[] = {
    DLI_LOSS_WEIGHTS,
    { .name = "clip_eps",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct dli_softmax_loss, clip_eps),
      .def = 1e-10,
      .min = 0,
      .max = 0.5,
      .doc = "after a softmax, probabilities in the score are kept this far from 0 and 1" },
    { 0 },
};

bool dli_softmax_loss_can_fuse(int32_t act) { return act == DLI_LOSS_ACT_SOFTMAX; }

/* NaN stays NaN. */
static float clipped(const struct dli_loss_exec *x, float p)
{
    const struct dli_softmax_loss *a = x->attrs;
    const float low = (float)a->clip_eps, high = (float)(1.0 - a->clip_eps);
    if (x->act != DLI_LOSS_ACT_SOFTMAX)
        return p;
    return p < low ? low : p > high ? high : p;
}

/* -sum of w y log(a). With a softmax dz = a - y, or a * sum(w y) - w y with weights: Deeplearning4j's, which takes the sum of y for 1
 * where there are no weights. */
static double softmax_row(const struct dli_loss_exec *x, int64_t i, float *grad)
{
    const float *a = x->a + i * x->k, *y = x->y ? x->y + i * x->k : NULL;
    const int64_t label = y ? -1 : x->labels[i];
    const double row = dli_loss_row_weight(x, i);
    double score = 0, sum = x->weights ? 0 : 1;
    if (!y) {
        sum = dli_loss_weight(x, i, label);
        score = -sum * log((double)clipped(x, a[label]));
    }
    for (int64_t j = 0; y && j < x->k; j++) {
        const double wy = dli_loss_weight(x, i, j) * (double)y[j];
        if (wy != 0)
            score -= wy * log((double)clipped(x, a[j]));
        if (x->weights)
            sum += wy;
    }
    if (!grad)
        return score * row;
    if (x->fused) {
        const float s = (float)(sum * row);
        for (int64_t j = 0; y && j < x->k; j++)
            grad[j] = a[j] * s - (float)(dli_loss_weight(x, i, j) * row * (double)y[j]);
        for (int64_t j = 0; !y && j < x->k; j++)
            grad[j] = a[j] * s;
        if (!y)
            grad[label] = (a[label] - 1.0f) * s;
        return score * row;
    }
    for (int64_t j = 0; j < x->k; j++) {
        const double wy = y ? dli_loss_weight(x, i, j) * (double)y[j] : j == label ? sum : 0.0;
        grad[j] = wy != 0 ? (float)(-row * wy / (double)a[j]) : 0.0f;
    }
    return score * row;
}

void dli_softmax_loss_compute(const struct dli_loss_exec *x) { dli_loss_rows(x, softmax_row); }

/* ---- shared by the rest ---- */

double dli_loss_terms(const struct dli_loss_exec *x, int64_t i, float *grad, double scale,
                      double (*term)(double a, double y, double *slope))
{
    const float *a = x->a + i * x->k;
    const double row = dli_loss_row_weight(x, i) * scale;
    double score = 0;
    for (int64_t j = 0; j < x->k; j++) {
        double slope;
        const double w = dli_loss_weight(x, i, j);
        score += w * term((double)a[j], dli_loss_target(x, i, j), &slope);
        if (grad)
            grad[j] = (float)(row * w * slope);
    }
    return score * row;
}

double dli_squares_row(const struct dli_loss_exec *x, int64_t i, float *grad, double scale)
{
    const float *a = x->a + i * x->k;
    const double row = dli_loss_row_weight(x, i) * scale;
    double score = 0;
    for (int64_t j = 0; j < x->k; j++) {
        const double d = (double)a[j] - dli_loss_target(x, i, j), w = dli_loss_weight(x, i, j);
        score += w * d * d;
        if (grad)
            grad[j] = (float)(2 * row * w * d);
    }
    return score * row;
}
