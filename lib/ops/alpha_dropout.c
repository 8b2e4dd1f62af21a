/* SPDX-License-Identifier: Apache-2.0 */
/* alpha_dropout: in training an element is kept with probability p, else -1.7581; then a y + b, which keeps mean and variance of what selu
 * gives. Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017. */
#include "ops/noise.h"

#include <math.h>

struct alpha_dropout {
    double p;
};

static const struct dli_attr attrs[] = {
    { .name = "p",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct alpha_dropout, p),
      .def = 0.5,
      .min = 0,
      .max = 1,
      .doc = "probability to retain an element; 0: off" },
    { 0 },
};

static void values(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = c[1] * (dli_noise_below(r[k], c[0]) ? in[k] : c[3]) + c[2];
}

static void slopes(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = dli_noise_below(r[k], c[0]) ? c[1] * in[k] : 0;
}

static void run(const struct dli_exec *x, dli_noise_fn f, const float *in, float *out)
{
    const double p = ((const struct alpha_dropout *)x->attrs)->p;
    const double lost = -1.7580993408473766, a = 1 / sqrt(p + lost * lost * p * (1 - p)), b = -a * (1 - p) * lost;
    const float c[4] = { (float)p, (float)a, (float)b, (float)lost };
    dli_noise_run(x, p == 0 || p == 1, f, c, in, out);
}

static void forward(const struct dli_exec *x) { run(x, values, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, slopes, x->dout, x->din[0]);
}

const struct dli_op dli_op_alpha_dropout = {
    .name = "alpha_dropout",
    .doc = "Dropout that keeps mean and variance after selu.",
    .dl4j = "AlphaDropout",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_TRAIN_ONLY,
    .attrs = attrs,
    .attrs_size = sizeof(struct alpha_dropout),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
