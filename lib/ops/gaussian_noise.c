/* SPDX-License-Identifier: Apache-2.0 */
/* gaussian_noise: in training a normal number is added to each element. */
#include "ops/noise.h"

#include <math.h>

struct gaussian_noise {
    double stddev;
};

static const struct dli_attr attrs[] = {
    { .name = "stddev",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct gaussian_noise, stddev),
      .def = 0.1,
      .min = 0,
      .max = 1e30,
      .doc = "standard deviation" },
    { 0 },
};

static void values(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out)
{
    float z[4];
    dli_noise_normal(r, z);
    for (int64_t k = 0; k < n; k++)
        out[k] = in[k] + c[0] * z[k];
}

static void slopes(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out)
{
    (void)c;
    (void)r;
    for (int64_t k = 0; k < n; k++)
        out[k] = in[k];
}

static void run(const struct dli_exec *x, dli_noise_fn f, const float *in, float *out)
{
    const double stddev = ((const struct gaussian_noise *)x->attrs)->stddev;
    const float c[4] = { (float)stddev };
    dli_noise_run(x, stddev == 0, f, c, in, out);
}

static void forward(const struct dli_exec *x) { run(x, values, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, slopes, x->dout, x->din[0]);
}

const struct dli_op dli_op_gaussian_noise = {
    .name = "gaussian_noise",
    .doc = "Adds normal numbers in training.",
    .dl4j = "GaussianNoise",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_TRAIN_ONLY,
    .attrs = attrs,
    .attrs_size = sizeof(struct gaussian_noise),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
