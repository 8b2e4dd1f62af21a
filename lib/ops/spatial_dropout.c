/* SPDX-License-Identifier: Apache-2.0 */
/* spatial_dropout: in training a whole channel of a row is kept with probability p and divided by it, else 0; the identity otherwise, and
 * with p = 0. What is kept follows from (seed, vertex, iteration, row, channel) alone. Tompson, Goroshin, Jain, LeCun and Bregler,
 * "Efficient Object Localization Using Convolutional Networks", CVPR 2015. */
#include "base/rng.h"
#include "kernels/split.h"
#include "ops/noise.h"

struct spatial_dropout {
    double p;
};

static const struct dli_attr attrs[] = {
    { .name = "p",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct spatial_dropout, p),
      .def = 0.5,
      .min = 0,
      .max = 1,
      .doc = "probability to retain a channel; 0: off" },
    { 0 },
};

struct loop {
    struct dli_split split; /* of the channels of all rows */
    int64_t channels, pixels;
    uint64_t key;
    float p, scale;
    const float *in;
    float *out;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t m = first; m < last; m++) {
        const float *in = l->in + m * l->pixels;
        float *out = l->out + m * l->pixels;
        uint32_t r[4];
        dli_philox(l->key, (uint64_t)(m / l->channels), (uint64_t)(m % l->channels), r);
        const bool kept = dli_noise_below(r[0], l->p);
        for (int64_t k = 0; k < l->pixels; k++)
            out[k] = kept ? in[k] * l->scale : 0;
    }
}

static void drop(const struct dli_exec *x, const float *in, float *out)
{
    const double p = ((const struct spatial_dropout *)x->attrs)->p;
    const int64_t channels = dli_row_channels(x->in_shape), pixels = dli_row_pixels(x->in_shape), rows = dli_in_rows(x, 0);
    if (!x->training || p == 0 || p == 1) {
        dli_copy(x, rows * channels * pixels, in, out);
        return;
    }
    struct loop l = { .channels = channels, .pixels = pixels, .p = (float)p, .scale = (float)(1 / p), .in = in, .out = out };
    uint32_t key[4];
    dli_philox(x->seed, (uint64_t)DLI_STREAM_DROPOUT << 32 | x->vertex, x->iteration, key);
    l.key = (uint64_t)key[1] << 32 | key[0];
    l.split = dli_split_items(rows * channels, pixels + 32);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x) { drop(x, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        drop(x, x->dout, x->din[0]);
}

const struct dli_op dli_op_spatial_dropout = {
    .name = "spatial_dropout",
    .doc = "Random channels of zeros in training.",
    .dl4j = "SpatialDropout",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_TRAIN_ONLY,
    .attrs = attrs,
    .attrs_size = sizeof(struct spatial_dropout),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
