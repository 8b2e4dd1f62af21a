/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of pool_helper. */
#include "op_driver.h"

static void cut(const struct model *m)
{
    const int64_t h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t k = 0; k < m->rows * m->in->dim[0]; k++)
        for (int64_t i = 0; i < oh * ow; i++)
            m->y[k * oh * ow + i] = m->x[0][(k * h + 1 + i / ow) * v + 1 + i % ow];
}

static const float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 5, 6 };

extern const struct op_case cases_pool_helper[];
const struct op_case cases_pool_helper[] = {
    { "pool_helper", 1, { ROW3(1, 2, 3) }, "[1, 1, 2]", NULL, cut, .x = x, .y = y },
    { "pool_helper", 1, { ROW3(3, 5, 4) }, "[3, 4, 3]", NULL, cut },
    { 0 },
};
