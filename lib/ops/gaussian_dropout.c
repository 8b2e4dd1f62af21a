/* SPDX-License-Identifier: Apache-2.0 */
/* gaussian_dropout: in training each element is multiplied by a normal number of mean 1 and variance rate / (1 - rate).
 * Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014, section 10. */
#include "ops/noise.h"

#include <math.h>

struct gaussian_dropout {
    double rate;
};

static const struct dli_attr attrs[] = {
    { .name = "rate",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct gaussian_dropout, rate),
      .def = 0.5,
      .min = 0,
      .max = 0.999999,
      .doc = "of dropout with the same variance" },
    { 0 },
};

static void values(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out)
{
    float z[4];
    dli_noise_normal(r, z);
    for (int64_t k = 0; k < n; k++)
        out[k] = in[k] * (1 + c[0] * z[k]);
}

static void run(const struct dli_exec *x, dli_noise_fn f, const float *in, float *out)
{
    const double rate = ((const struct gaussian_dropout *)x->attrs)->rate;
    const float c[4] = { (float)sqrt(rate / (1 - rate)) };
    dli_noise_run(x, rate == 0, f, c, in, out);
}

static void forward(const struct dli_exec *x) { run(x, values, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, values, x->dout, x->din[0]);
}

const struct dli_op dli_op_gaussian_dropout = {
    .name = "gaussian_dropout",
    .doc = "Multiplies by normal numbers around 1 in training.",
    .dl4j = "GaussianDropout",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_TRAIN_ONLY,
    .attrs = attrs,
    .attrs_size = sizeof(struct gaussian_dropout),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
