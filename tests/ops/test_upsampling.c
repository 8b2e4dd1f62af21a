/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of upsampling. */
#include "op_driver.h"

static void repeated(const struct model *m)
{
    const int64_t h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2], sh = oh / h, sw = ow / v;
    for (int64_t k = 0; k < m->rows * m->in->dim[0]; k++)
        for (int64_t i = 0; i < oh * ow; i++)
            m->y[k * oh * ow + i] = m->x[0][(k * h + i / ow / sh) * v + i % ow / sw];
}

static const float x[] = { 1, 2 }, y[] = { 1, 1, 2, 2, 1, 1, 2, 2 };

extern const struct op_case cases_upsampling[];
const struct op_case cases_upsampling[] = {
    { "upsampling", 1, { ROW3(1, 1, 2) }, "[1, 2, 4]", NULL, repeated, .x = x, .y = y },
    { "upsampling:size=3x1", 1, { ROW3(3, 4, 5) }, "[3, 12, 5]", NULL, repeated },
    { 0 },
};
