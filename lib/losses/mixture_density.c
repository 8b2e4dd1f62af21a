/* SPDX-License-Identifier: Apache-2.0 */
/* mixture_density: -log of the density of a mixture of m normal distributions at the target, a vector of length l. Of k = (l + 2) m outputs
 * the first m say how much each weighs (through a softmax), the next m its standard deviation, the same in all directions (through an
 * exponential), and the others its mean, one vector behind the other. With p the share that a part has in the density at the target and
 * d the way to it: dweight = softmax - p, dwidth = p (l - |d|^2 / s^2), dmean = -p d / s^2.
 * Bishop, "Mixture Density Networks", Aston University, NCRG/94/004, 1994. */
#include "losses/loss.h"

#include <math.h>

struct mixture {
    int64_t mixtures, label_width;
};

static const struct dli_attr attrs[] = {
    { .name = "mixtures",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct mixture, mixtures),
      .min = 1,
      .max = 1 << 16,
      .doc = "how many normal distributions" },
    { .name = "label_width",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct mixture, label_width),
      .min = 1,
      .max = 1 << 16,
      .doc = "length of the target" },
    { 0 },
};

/* Of part c: log of its weight and density at the target, less log of the sum of all exponentials of weights. */
static double part(const struct dli_loss_exec *x, int64_t i, int64_t c, double *squares)
{
    const double half_log_tau = 0.91893853320467274178;
    const struct mixture *m = x->attrs;
    const float *a = x->a + i * x->k, *y = x->y + i * m->label_width, *mean = a + 2 * m->mixtures + c * m->label_width;
    const double width = (double)a[m->mixtures + c], l = (double)m->label_width;
    *squares = 0;
    for (int64_t j = 0; j < m->label_width; j++)
        *squares += ((double)y[j] - (double)mean[j]) * ((double)y[j] - (double)mean[j]);
    *squares *= exp(-2 * width); /* |d|^2 / s^2 */
    return (double)a[c] - l * (half_log_tau + width) - 0.5 * *squares;
}

/* log of the sum of exponentials of what `of` answers; NaN stays */
static double log_sum(const struct dli_loss_exec *x, int64_t i, bool parts)
{
    const struct mixture *m = x->attrs;
    double most = -INFINITY, sum = 0, squares;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t c = 0; c < m->mixtures; c++) {
            const double v = parts ? part(x, i, c, &squares) : (double)x->a[i * x->k + c];
            if (pass == 0)
                most = v > most || isnan(v) ? v : most;
            else
                sum += exp(v - most);
        }
    return isinf(most) ? most : most + log(sum);
}

static double row(const struct dli_loss_exec *x, int64_t i, float *grad)
{
    const struct mixture *m = x->attrs;
    const double weight = dli_loss_row_weight(x, i), all = log_sum(x, i, true), weights = log_sum(x, i, false);
    const float *a = x->a + i * x->k, *y = x->y + i * m->label_width;
    for (int64_t c = 0; grad && c < m->mixtures; c++) {
        double squares;
        const double p = exp(part(x, i, c, &squares) - all), inverse = exp(-2 * (double)a[m->mixtures + c]);
        grad[c] = (float)(weight * (exp((double)a[c] - weights) - p));
        grad[m->mixtures + c] = (float)(weight * p * ((double)m->label_width - squares));
        for (int64_t j = 0; j < m->label_width; j++) {
            const int64_t at = 2 * m->mixtures + c * m->label_width + j;
            grad[at] = (float)(-weight * p * inverse * ((double)y[j] - (double)a[at]));
        }
    }
    return weight * (weights - all);
}
static void compute(const struct dli_loss_exec *x) { dli_loss_rows(x, row); }

static dl4c_status check(const void *own, int64_t k, struct dl4c_error *err)
{
    const struct mixture *m = own;
    const int64_t want = (m->label_width + 2) * m->mixtures;
    return k == want ? DL4C_OK
                     : dli_fail(err, DL4C_E_INVALID, "loss",
                                "mixture_density of %" PRId64 " parts over %" PRId64 " values wants %" PRId64 " outputs, found %" PRId64,
                                m->mixtures, m->label_width, want, k);
}

static int64_t targets(const void *own) { return ((const struct mixture *)own)->label_width; }

const struct dli_loss dli_loss_mixture_density = {
    .name = "mixture_density",
    .doc = "Negative log likelihood under a mixture of normal distributions.",
    .dl4j = "LossMixtureDensity",
    .attrs = attrs,
    .attrs_size = sizeof(struct mixture),
    .check = check,
    .targets = targets,
    .compute = compute,
};
