/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of separable_conv2d. */
#include "op_driver.h"

/* W [m, c, kernel, kernel] and pW [units, c * m] behind the bias. */
static void conv(const struct model *m, int64_t kernel, int64_t stride, int64_t pad, bool bias, int64_t multiplier)
{
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], o = m->out->dim[0], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t p = 0; p < m->rows * o; p++)
        for (int64_t i = 0; i < oh * ow; i++) {
            double sum = bias ? m->w[0][p % o] : 0;
            for (int64_t k = 0; k < c * multiplier; k++) {
                double inner = 0;
                for (int64_t a = 0; a < kernel * kernel; a++) {
                    const int64_t y = i / ow * stride - pad + a / kernel, x = i % ow * stride - pad + a % kernel;
                    if (y >= 0 && y < h && x >= 0 && x < v)
                        inner += m->w[bias][(k % multiplier * c + k / multiplier) * kernel * kernel + a] *
                                 m->x[0][((p / o * c + k / multiplier) * h + y) * v + x];
                }
                sum += m->w[bias + 1][p % o * c * multiplier + k] * inner;
            }
            m->y[p * oh * ow + i] = sum;
        }
}

static void twice(const struct model *m) { conv(m, 3, 1, 1, true, 2); }
static void once(const struct model *m) { conv(m, 3, 2, 0, false, 1); }
static void points(const struct model *m) { conv(m, 1, 1, 0, true, 1); }

static const float x[] = { 1, 2 }, w[] = { 0.5f, 3, 4, 10, 100 }, y[] = { 830.5f };

extern const struct op_case cases_separable_conv2d[];
const struct op_case cases_separable_conv2d[] = {
    { "separable_conv2d:units=1,kernel=1",
      1,
      { ROW3(2, 1, 1) },
      "[1, 1, 1]",
      "b [1] c, W [1, 2, 1, 1] c, pW [1, 2, 1, 1] c",
      points,
      .x = x,
      .w = w,
      .y = y },
    { "separable_conv2d:units=7,kernel=3,multiplier=2,mode=same",
      1,
      { ROW3(5, 6, 7) },
      "[7, 6, 7]",
      "b [7] c, W [2, 5, 3, 3] c, pW [7, 10, 1, 1] c",
      twice },
    { "separable_conv2d:units=4,kernel=3,stride=2,has_bias=0",
      1,
      { ROW3(17, 5, 7) },
      "[4, 2, 3]",
      "W [1, 17, 3, 3] c, pW [4, 17, 1, 1] c",
      once },
    { 0 },
};
