/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of conv2d. */
#include "op_driver.h"

struct attrs {
    int64_t units, kernel[2], stride[2], padding[2], padding_end[2], dilation[2];
    int32_t mode, reserved;
    int64_t groups, has_bias;
};

/* pad: rows at the top and columns at the left. */
static void conv(const struct model *m, int64_t top, int64_t left)
{
    const struct attrs *a = m->attrs;
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], o = m->out->dim[0], oh = m->out->dim[1], ow = m->out->dim[2];
    const int64_t kh = a->kernel[0], kw = a->kernel[1], in = c / a->groups;
    const double *weight = m->w[a->has_bias];
    for (int64_t p = 0; p < m->rows * o; p++)
        for (int64_t i = 0; i < oh * ow; i++) {
            const int64_t row = p / o, k = p % o, first = k / (o / a->groups) * in;
            double sum = a->has_bias ? m->w[0][k] : 0;
            for (int64_t r = 0; r < kh; r++)
                for (int64_t s = 0; s < kw; s++) {
                    const int64_t y = i / ow * a->stride[0] - top + r * a->dilation[0],
                                  x = i % ow * a->stride[1] - left + s * a->dilation[1];
                    if (y < 0 || y >= h || x < 0 || x >= v)
                        continue;
                    for (int64_t q = 0; q < in; q++)
                        sum += weight[((k * in + q) * kh + r) * kw + s] * m->x[0][((row * c + first + q) * h + y) * v + x];
                }
            m->y[p * oh * ow + i] = sum;
        }
}

static void as_given(const struct model *m)
{
    conv(m, ((const struct attrs *)m->attrs)->padding[0], ((const struct attrs *)m->attrs)->padding[1]);
}
static void at_0(const struct model *m) { conv(m, 0, 0); }
static void at_1(const struct model *m) { conv(m, 1, 1); }
static void at_2(const struct model *m) { conv(m, 2, 2); }

/* Bias 0.5; W is 1 2, 3 4. */
static const float x[] = { 1, 0, 2, 0, 1, 1, 3, 0, 0 }, w[] = { 0.5f, 1, 2, 3, 4 }, y[] = { 5.5f, 11.5f, 11.5f, 3.5f };

extern const struct op_case cases_conv2d[];
const struct op_case cases_conv2d[] = {
    { "conv2d:units=1,kernel=2", 1, { ROW3(1, 3, 3) }, "[1, 2, 2]", "b [1] c, W [1, 1, 2, 2] c", as_given, .x = x, .w = w, .y = y },
    { "conv2d:units=19,kernel=3,padding=1", 1, { ROW3(3, 9, 11) }, "[19, 9, 11]", "b [19] c, W [19, 3, 3, 3] c", as_given },
    /* Winograd's transforms lose two digits. */
    { "conv2d:units=32,kernel=3,padding=1",
      1,
      { ROW3(16, 9, 11) },
      "[32, 9, 11]",
      "b [32] c, W [32, 16, 3, 3] c",
      as_given,
      .tolerance = 1e-4 },
    { "conv2d:units=5,kernel=3,mode=same", 1, { ROW3(35, 6, 5) }, "[5, 6, 5]", "b [5] c, W [5, 35, 3, 3] c", at_1, .tolerance = 1e-4 },
    { "conv2d:units=21,kernel=1", 1, { ROW3(18, 5, 7) }, "[21, 5, 7]", "b [21] c, W [21, 18, 1, 1] c", as_given },
    { "conv2d:units=16,kernel=1,stride=2,has_bias=0", 1, { ROW3(18, 5, 7) }, "[16, 3, 4]", "W [16, 18, 1, 1] c", as_given },
    { "conv2d:units=4,kernel=5x3,padding=2x1", 1, { ROW3(2, 7, 6) }, "[4, 7, 6]", "b [4] c, W [4, 2, 5, 3] c", as_given },
    { "conv2d:units=6,kernel=3,stride=2", 1, { ROW3(17, 8, 9) }, "[6, 3, 4]", "b [6] c, W [6, 17, 3, 3] c", as_given },
    { "conv2d:units=6,kernel=3,stride=2,mode=same", 1, { ROW3(4, 8, 6) }, "[6, 4, 3]", "b [6] c, W [6, 4, 3, 3] c", at_0 },
    { "conv2d:units=6,kernel=3,stride=2,mode=same_lower", 1, { ROW3(4, 8, 6) }, "[6, 4, 3]", "b [6] c, W [6, 4, 3, 3] c", at_1 },
    { "conv2d:units=6,kernel=3,stride=2,padding_end=1", 1, { ROW3(4, 8, 6) }, "[6, 4, 3]", "b [6] c, W [6, 4, 3, 3] c", as_given },
    { "conv2d:units=4,kernel=3,dilation=2", 1, { ROW3(3, 8, 9) }, "[4, 4, 5]", "b [4] c, W [4, 3, 3, 3] c", as_given },
    { "conv2d:units=4,kernel=3,dilation=2,mode=same", 1, { ROW3(3, 8, 9) }, "[4, 8, 9]", "b [4] c, W [4, 3, 3, 3] c", at_2 },
    { "conv2d:units=6,kernel=3,groups=2,padding=1,n_in=4", 1, { ROW3(4, 5, 6) }, "[6, 5, 6]", "b [6] c, W [6, 2, 3, 3] c", as_given },
    { "conv2d:units=19,kernel=3,groups=19,padding=1", 1, { ROW3(19, 5, 6) }, "[19, 5, 6]", "b [19] c, W [19, 1, 3, 3] c", as_given },
    { "conv2d:units=38,kernel=3,groups=19,stride=2,has_bias=0", 1, { ROW3(19, 5, 7) }, "[38, 2, 3]", "W [38, 1, 3, 3] c", as_given },
    { "conv2d:units=17,kernel=7,stride=2,padding=3", 1, { ROW3(3, 13, 12) }, "[17, 7, 6]", "b [17] c, W [17, 3, 7, 7] c", as_given },
    { "conv2d:units=3,kernel=3,mode=strict,stride=2", 1, { ROW3(3, 7, 9) }, "[3, 3, 4]", "b [3] c, W [3, 3, 3, 3] c", as_given },
    { 0 },
};
