/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of deconv2d. */
#include "op_driver.h"

/* Every element of the input adds its multiple of the kernel, W [c, units, kh, kw], cut off by `pad`. */
static void spread(const struct model *m, const int64_t kernel[2], const int64_t stride[2], const int64_t pad[2], int64_t dilation,
                   bool bias)
{
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], o = m->out->dim[0], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t i = 0; i < m->rows * o * oh * ow; i++)
        m->y[i] = bias ? m->w[0][i / (oh * ow) % o] : 0;
    for (int64_t i = 0; i < m->rows * c * h * v; i++)
        for (int64_t k = 0; k < o * kernel[0] * kernel[1]; k++) {
            const int64_t y = i / v % h * stride[0] - pad[0] + k / kernel[1] % kernel[0] * dilation;
            const int64_t x = i % v * stride[1] - pad[1] + k % kernel[1] * dilation;
            if (y >= 0 && y < oh && x >= 0 && x < ow)
                m->y[((i / (c * h * v) * o + k / (kernel[0] * kernel[1])) * oh + y) * ow + x] +=
                    m->w[bias][i / (h * v) % c * o * kernel[0] * kernel[1] + k] * m->x[0][i];
        }
}

static void point(const struct model *m) { spread(m, (int64_t[]){ 1, 2 }, (int64_t[]){ 1, 1 }, (int64_t[]){ 0, 0 }, 1, true); }
static void strided(const struct model *m) { spread(m, (int64_t[]){ 3, 2 }, (int64_t[]){ 2, 3 }, (int64_t[]){ 1, 0 }, 1, true); }
static void dilated(const struct model *m) { spread(m, (int64_t[]){ 3, 3 }, (int64_t[]){ 1, 1 }, (int64_t[]){ 0, 0 }, 2, false); }
static void same(const struct model *m) { spread(m, (int64_t[]){ 5, 4 }, (int64_t[]){ 2, 1 }, (int64_t[]){ 1, 1 }, 1, true); }

static void apart(const struct model *m) { spread(m, (int64_t[]){ 1, 1 }, (int64_t[]){ 3, 4 }, (int64_t[]){ -1, -1 }, 1, true); }

static const float x[] = { 1, 2 }, w[] = { 0.5f, 3, 10 }, y[] = { 3.5f, 16.5f, 20.5f };

extern const struct op_case cases_deconv2d[];
const struct op_case cases_deconv2d[] = {
    { "deconv2d:units=1,kernel=1x2", 1, { ROW3(1, 1, 2) }, "[1, 1, 3]", "b [1] c, W [1, 1, 1, 2] c", point, .x = x, .w = w, .y = y },
    { "deconv2d:units=3,kernel=3x2,stride=2x3,padding=1x0", 1, { ROW3(5, 4, 3) }, "[3, 7, 8]", "b [3] c, W [5, 3, 3, 2] c", strided },
    { "deconv2d:units=17,kernel=3,dilation=2,has_bias=0,mode=strict", 1, { ROW3(2, 3, 5) }, "[17, 7, 9]", "W [2, 17, 3, 3] c", dilated },
    { "deconv2d:units=4,kernel=5x4,stride=2x1,mode=same", 1, { ROW3(3, 3, 6) }, "[4, 6, 6]", "b [4] c, W [3, 4, 5, 4] c", same },
    { "deconv2d:units=2,kernel=1,stride=3x4,mode=same", 1, { ROW3(3, 3, 2) }, "[2, 9, 8]", "b [2] c, W [3, 2, 1, 1] c", apart },
    { 0 },
};
