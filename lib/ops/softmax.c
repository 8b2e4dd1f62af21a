/* SPDX-License-Identifier: Apache-2.0 */
/* softmax: y[c] = exp(x[c] - max) / sum over the first axis of the row, the channels; each pixel of an image by itself.
 * dx[c] = y[c] * (dy[c] - sum of dy * y). */
#include "kernels/kernels.h"
#include "kernels/softmax.h"
#include "kernels/split.h"
#include "ops/support.h"

/* Pixels whose channels are gathered at once, so that reading them uses whole cache lines. */
enum { TILE = 16 };

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    if (i->in[0].rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "softmax", "vertex '%s': the input has no axis but the batch", i->vertex);
    return dli_infer_same(i, err);
}

static size_t tile_floats(const struct dli_shape *s)
{
    return dli_round_up((size_t)dli_row_channels(s) * TILE * sizeof(float)) / sizeof(float);
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    size_t floats;
    p->in_layout[0] = DLI_PLAIN;
    p->out_layout = DLI_PLAIN;
    if (dli_row_pixels(p->in) == 1)
        return DL4C_OK;
    if (!dli_mul_size(tile_floats(p->in), (size_t)p->workers * 2, &floats) || !dli_mul_size(floats, sizeof(float), &p->scratch_bytes))
        return dli_fail(err, DL4C_E_LIMIT, "softmax", "%s needs more scratch memory than sizes count", DLI_SHAPE_STR(p->in));
    return DL4C_OK;
}

struct tiles {
    const struct dli_exec *x;
    int64_t channels, pixels, per_image; /* tiles */
    size_t tile;
};

static void gather(const struct tiles *t, const float *image, int64_t first, int64_t n, float *tile)
{
    for (int64_t c = 0; c < t->channels; c++)
        for (int64_t i = 0; i < n; i++)
            tile[i * t->channels + c] = image[c * t->pixels + first + i];
}

static void scatter(const struct tiles *t, const float *tile, int64_t first, int64_t n, float *image)
{
    for (int64_t c = 0; c < t->channels; c++)
        for (int64_t i = 0; i < n; i++)
            image[c * t->pixels + first + i] = tile[i * t->channels + c];
}

static void tile_task(void *arg, size_t task, int32_t worker)
{
    const struct tiles *t = arg;
    const struct dli_exec *x = t->x;
    const int64_t image = (int64_t)task / t->per_image, first = ((int64_t)task - image * t->per_image) * TILE;
    const int64_t n = t->pixels - first < TILE ? t->pixels - first : TILE, at = image * t->channels * t->pixels;
    float *a = (float *)x->scratch + (size_t)worker * 2 * t->tile, *b = a + t->tile;
    const struct dli_kernels *k = dli_kernels();
    gather(t, (x->dout ? x->out : x->in[0]) + at, first, n, a);
    if (x->dout)
        gather(t, x->dout + at, first, n, b);
    for (int64_t i = 0; i < n; i++) {
        float *row = a + i * t->channels, *dy = b + i * t->channels;
        if (x->dout)
            k->softmax_backward((size_t)t->channels, row, dy, row);
        else
            k->softmax((size_t)t->channels, row, row);
    }
    scatter(t, a, first, n, (x->dout ? x->din[0] : x->out) + at);
}

static void run_tiles(const struct dli_exec *x)
{
    struct tiles t = { x, dli_row_channels(x->in_shape), dli_row_pixels(x->in_shape), 0, tile_floats(x->in_shape) };
    t.per_image = (t.pixels + TILE - 1) / TILE;
    dli_parallel(x->ctx, x->threads, (size_t)(dli_in_rows(x, 0) * t.per_image), tile_task, &t);
}

static void forward(const struct dli_exec *x)
{
    if (dli_row_pixels(x->in_shape) == 1)
        dli_softmax_rows(x->ctx, x->threads, dli_in_rows(x, 0), dli_row_channels(x->in_shape), x->in[0], x->out);
    else
        run_tiles(x);
}

static void backward(const struct dli_exec *x)
{
    if (!x->din[0])
        return;
    if (dli_row_pixels(x->in_shape) == 1)
        dli_softmax_backward(x->ctx, x->threads, dli_in_rows(x, 0), dli_row_channels(x->in_shape), x->out, x->dout, x->din[0]);
    else
        run_tiles(x);
}

const struct dli_op dli_op_softmax = {
    .name = "softmax",
    .doc = "Exponentials over channels, scaled to a sum of 1.",
    .dl4j = "ActivationSoftmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BACK_OUT,
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
