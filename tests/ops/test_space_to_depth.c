/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of space_to_depth. */
#include "op_driver.h"

static void blocks(const struct model *m)
{
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2], b = h / oh;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t i = 0; i < h; i++)
                for (int64_t j = 0; j < v; j++)
                    m->y[((r * b * b * c + (i % b * b + j % b) * c + k) * oh + i / b) * ow + j / b] =
                        m->x[0][((r * c + k) * h + i) * v + j];
}

static const float x[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, y[] = { 1, 3, 2, 4, 5, 7, 6, 8 };

extern const struct op_case cases_space_to_depth[];
const struct op_case cases_space_to_depth[] = {
    { "space_to_depth:block=2", 1, { ROW3(1, 2, 4) }, "[4, 1, 2]", NULL, blocks, .x = x, .y = y },
    { "space_to_depth:block=1", 1, { ROW3(2, 3, 3) }, "[2, 3, 3]", NULL, blocks },
    { "space_to_depth:block=3", 1, { ROW3(2, 6, 9) }, "[18, 2, 3]", NULL, blocks },
    { 0 },
};
