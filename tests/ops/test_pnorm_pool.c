/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of pnorm_pool. */
#include "op_driver.h"

#include <math.h>

/* Windows of 3x3, 2 apart, from the top and left corner. */
static void norms(const struct model *m, int p)
{
    const int64_t h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t k = 0; k < m->rows * m->in->dim[0]; k++)
        for (int64_t i = 0; i < oh * ow; i++) {
            double sum = 0;
            for (int64_t a = 0; a < 9; a++) {
                const int64_t y = i / ow * 2 + a / 3, x = i % ow * 2 + a % 3;
                sum += y < h && x < v ? pow(fabs(m->x[0][(k * h + y) * v + x]), p) : 0;
            }
            m->y[k * oh * ow + i] = pow(sum, 1.0 / p);
        }
}

static void two(const struct model *m) { norms(m, 2); }
static void three(const struct model *m) { norms(m, 3); }

static const float x[] = { 1, 2, 0, 0, -4, 0, 2, 0, 0 }, y[] = { 5 };

extern const struct op_case cases_pnorm_pool[];
const struct op_case cases_pnorm_pool[] = {
    { "pnorm_pool:kernel=3", 1, { ROW3(1, 3, 3) }, "[1, 1, 1]", NULL, two, .x = x, .y = y },
    { "pnorm_pool:kernel=3,mode=same", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, two },
    { "pnorm_pool:kernel=3,p=3", 1, { ROW3(3, 5, 7) }, "[3, 2, 3]", NULL, three },
    { 0 },
};
