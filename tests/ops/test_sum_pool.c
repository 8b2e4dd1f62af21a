/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of sum_pool. */
#include "op_driver.h"

/* Windows of `kernel`, 2 apart, `pad` at the top and left. */
static void sums(const struct model *m, int64_t kernel, int64_t pad)
{
    const int64_t h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t p = 0; p < m->rows * m->in->dim[0]; p++)
        for (int64_t i = 0; i < oh * ow; i++) {
            double sum = 0;
            for (int64_t a = 0; a < kernel * kernel; a++) {
                const int64_t y = i / ow * 2 - pad + a / kernel, x = i % ow * 2 - pad + a % kernel;
                sum += y >= 0 && y < h && x >= 0 && x < v ? m->x[0][(p * h + y) * v + x] : 0;
            }
            m->y[p * oh * ow + i] = sum;
        }
}

static void two(const struct model *m) { sums(m, 2, 0); }
static void three(const struct model *m) { sums(m, 3, 0); }
static void padded(const struct model *m) { sums(m, 3, 1); }

static const float x[] = { 1, 5, 2, 0, 3, 4, -1, 7, -3, -4, 9, 8, -5, -2, 6, 0 }, y[] = { 13, 8, -14, 23 };

extern const struct op_case cases_sum_pool[];
const struct op_case cases_sum_pool[] = {
    { "sum_pool", 1, { ROW3(1, 4, 4) }, "[1, 2, 2]", NULL, two, .x = x, .y = y },
    { "sum_pool:kernel=3,mode=same", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, three },
    { "sum_pool:kernel=3,padding=1", 1, { ROW3(17, 7, 8) }, "[17, 4, 4]", NULL, padded },
    { 0 },
};
