/* SPDX-License-Identifier: Apache-2.0 */
/* lrn: y[c] = x[c] / s[c]^beta with s[c] = k + alpha * sum of x^2 over n channels around c, pixel by pixel of [c, h, w]. alpha is not
 * divided by n. dx[c] = dy[c] / s[c]^beta - 2 alpha beta x[c] * sum over the window of dy[i] x[i] / s[i]^(beta + 1).
 * Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012. */
#include "ops/support.h"

#include <math.h>

struct lrn {
    double k;
    int64_t n;
    double alpha, beta;
};
#define LRN(member) offsetof(struct lrn, member)

static const struct dli_attr attrs[] = {
    { .name = "k", .type = DL4C_ATTR_FLOAT, .offset = LRN(k), .def = 2, .min = 0, .max = 1e30, .doc = "summand" },
    { .name = "n", .type = DL4C_ATTR_INT, .offset = LRN(n), .def = 5, .min = 1, .max = 65535, .doc = "channels of the window, odd" },
    { .name = "alpha", .type = DL4C_ATTR_FLOAT, .offset = LRN(alpha), .def = 1e-4, .doc = "factor of the sum of squares" },
    { .name = "beta", .type = DL4C_ATTR_FLOAT, .offset = LRN(beta), .def = 0.75, .doc = "exponent" },
    { 0 },
};

enum { TILE = 64 }; /* pixels that a task takes at once */

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    DLI_TRY(dli_want_image(i, "lrn", err));
    if (((const struct lrn *)i->attrs)->n % 2 == 0)
        return dli_fail(err, DL4C_E_INVALID, "lrn", "vertex '%s': n is %" PRId64 ", wanted an odd number", i->vertex,
                        ((const struct lrn *)i->attrs)->n);
    return dli_infer_same(i, err);
}

/* Backward keeps s^-beta and dy * x / s^(beta + 1) of a tile, all channels. */
static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    size_t floats;
    if (p->mode == DLI_TRAIN && (!dli_mul_size((size_t)p->out->dim[0], 2 * TILE * sizeof(float), &floats) ||
                                 !dli_mul_size(floats, (size_t)p->workers, &p->scratch_bytes)))
        return dli_fail(err, DL4C_E_LIMIT, "lrn", "%s needs more scratch memory than sizes count", DLI_SHAPE_STR(p->out));
    return DL4C_OK;
}

struct loop {
    const struct dli_exec *x;
    const struct lrn *a;
    int64_t channels, pixels, tiles; /* tiles of an image */
};

struct tile {
    int64_t at, n; /* its first pixel in channel 0, and how many */
};

static struct tile tile_of(const struct loop *l, size_t task)
{
    const int64_t image = (int64_t)task / l->tiles, first = ((int64_t)task - image * l->tiles) * TILE;
    return (struct tile){ image * l->channels * l->pixels + first, l->pixels - first < TILE ? l->pixels - first : TILE };
}

/* s^-beta; the exponent of the paper without a power. */
static float inverse_power(float s, float beta) { return beta == 0.75f ? 1 / (sqrtf(s) * sqrtf(sqrtf(s))) : powf(s, -beta); }

static void squares(const struct loop *l, const float *x, int64_t c, int64_t n, float *s)
{
    const int64_t half = l->a->n / 2, from = c > half ? c - half : 0, to = l->channels - c > half ? c + half + 1 : l->channels;
    for (int64_t i = 0; i < n; i++)
        s[i] = 0;
    for (int64_t k = from; k < to; k++)
        for (int64_t i = 0; i < n; i++)
            s[i] += x[k * l->pixels + i] * x[k * l->pixels + i];
    for (int64_t i = 0; i < n; i++)
        s[i] = (float)l->a->k + (float)l->a->alpha * s[i];
}

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const struct tile t = tile_of(l, task);
    const float *x = l->x->in[0] + t.at, beta = (float)l->a->beta;
    float *y = l->x->out + t.at, s[TILE];
    (void)worker;
    for (int64_t c = 0; c < l->channels; c++) {
        squares(l, x, c, t.n, s);
        for (int64_t i = 0; i < t.n; i++)
            y[c * l->pixels + i] = x[c * l->pixels + i] * inverse_power(s[i], beta);
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const struct tile t = tile_of(l, task);
    const float *x = l->x->in[0] + t.at, *dy = l->x->dout + t.at, beta = (float)l->a->beta, f = 2 * (float)l->a->alpha * beta;
    float *dx = l->x->din[0] + t.at, *power = (float *)l->x->scratch + (size_t)worker * 2 * TILE * (size_t)l->channels;
    float *part = power + TILE * l->channels, s[TILE];
    for (int64_t c = 0; c < l->channels; c++) {
        squares(l, x, c, t.n, s);
        for (int64_t i = 0; i < t.n; i++) {
            power[c * TILE + i] = inverse_power(s[i], beta);
            part[c * TILE + i] = dy[c * l->pixels + i] * x[c * l->pixels + i] * power[c * TILE + i] / s[i];
        }
    }
    const int64_t half = l->a->n / 2;
    for (int64_t c = 0; c < l->channels; c++) {
        const int64_t from = c > half ? c - half : 0, to = l->channels - c > half ? c + half + 1 : l->channels;
        for (int64_t i = 0; i < t.n; i++)
            s[i] = 0;
        for (int64_t k = from; k < to; k++)
            for (int64_t i = 0; i < t.n; i++)
                s[i] += part[k * TILE + i];
        for (int64_t i = 0; i < t.n; i++)
            dx[c * l->pixels + i] = dy[c * l->pixels + i] * power[c * TILE + i] - f * x[c * l->pixels + i] * s[i];
    }
}

static void run(const struct dli_exec *x, void (*task)(void *, size_t, int32_t))
{
    struct loop l = { x, x->attrs, dli_row_channels(x->out_shape), dli_row_pixels(x->out_shape), 0 };
    l.tiles = (l.pixels + TILE - 1) / TILE;
    dli_parallel(x->ctx, x->threads, (size_t)(dli_in_rows(x, 0) * l.tiles), task, &l);
}

static void forward(const struct dli_exec *x) { run(x, forward_task); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, backward_task);
}

const struct dli_op dli_op_lrn = {
    .name = "lrn",
    .doc = "Local response normalisation over neighbouring channels.",
    .dl4j = "LocalResponseNormalization",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE_BACK | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct lrn),
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
