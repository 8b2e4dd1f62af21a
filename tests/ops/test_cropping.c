/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of cropping. */
#include "op_driver.h"

static void cut(const struct model *m, int64_t top, int64_t left)
{
    const int64_t h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t k = 0; k < m->rows * m->in->dim[0]; k++)
        for (int64_t i = 0; i < oh * ow; i++)
            m->y[k * oh * ow + i] = m->x[0][(k * h + top + i / ow) * v + left + i % ow];
}

static void by_four(const struct model *m) { cut(m, 1, 3); }
static void by_one(const struct model *m) { cut(m, 1, 1); }

static const float x[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, y[] = { 5 };

extern const struct op_case cases_cropping[];
const struct op_case cases_cropping[] = {
    { "cropping:cropping=1", 1, { ROW3(1, 3, 3) }, "[1, 1, 1]", NULL, by_one, .x = x, .y = y },
    { "cropping:cropping=1x2x3x0", 1, { ROW3(3, 5, 7) }, "[3, 2, 4]", NULL, by_four },
    { 0 },
};
