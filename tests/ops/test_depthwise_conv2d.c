/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of depthwise_conv2d. */
#include "op_driver.h"

/* W [kh, kw, c, m] in w[b], the bias in w[0] where there is one. */
static void conv(const struct model *m, int64_t kernel, int64_t stride, int64_t pad, bool bias)
{
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], o = m->out->dim[0], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t p = 0; p < m->rows * o; p++)
        for (int64_t i = 0; i < oh * ow; i++) {
            const int64_t row = p / o, k = p % o, from = k * c / o;
            double sum = bias ? m->w[0][k] : 0;
            for (int64_t a = 0; a < kernel * kernel; a++) {
                const int64_t y = i / ow * stride - pad + a / kernel, x = i % ow * stride - pad + a % kernel;
                if (y >= 0 && y < h && x >= 0 && x < v)
                    sum += m->w[bias][a * o + k] * m->x[0][((row * c + from) * h + y) * v + x];
            }
            m->y[p * oh * ow + i] = sum;
        }
}

static void two(const struct model *m) { conv(m, 2, 1, 0, true); }
static void three(const struct model *m) { conv(m, 3, 1, 1, true); }
static void far(const struct model *m) { conv(m, 3, 2, 0, false); }

/* Two channels, twice each: W[r][s][c][m]. */
static const float x[] = { 1, 0, 2, 0, 1, 1, 3, 0 }, w[] = { 0.5f, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
                   y[] = { 19.5f, 22, 43, 49 };

extern const struct op_case cases_depthwise_conv2d[];
const struct op_case cases_depthwise_conv2d[] = {
    { "depthwise_conv2d:kernel=2,multiplier=2",
      1,
      { ROW3(2, 2, 2) },
      "[4, 1, 1]",
      "b [4] c, W [2, 2, 2, 2] c",
      two,
      .x = x,
      .w = w,
      .y = y },
    { "depthwise_conv2d:kernel=3,multiplier=2,mode=same", 1, { ROW3(5, 6, 7) }, "[10, 6, 7]", "b [10] c, W [3, 3, 5, 2] c", three },
    { "depthwise_conv2d:kernel=3,padding=1,n_in=19", 1, { ROW3(19, 5, 6) }, "[19, 5, 6]", "b [19] c, W [3, 3, 19, 1] c", three },
    { "depthwise_conv2d:kernel=3,stride=2,has_bias=0", 1, { ROW3(17, 5, 7) }, "[17, 2, 3]", "W [3, 3, 17, 1] c", far },
    { 0 },
};
