/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of slice. */
#include "op_driver.h"

static void taken(const struct model *m, const int start[3], const int step[3])
{
    const int64_t *d = m->in->dim, *o = m->out->dim;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < o[0]; i++)
            for (int64_t j = 0; j < o[1]; j++)
                for (int64_t k = 0; k < o[2]; k++) {
                    const int64_t a = start[0] + i * step[0], b = start[1] + j * step[1], c = start[2] + k * step[2];
                    m->y[((r * o[0] + i) * o[1] + j) * o[2] + k] = m->x[0][((r * d[0] + a) * d[1] + b) * d[2] + c];
                }
}

static void every_second(const struct model *m) { taken(m, (int[]){ 0, 0, 0 }, (int[]){ 1, 2, 2 }); }
static void inside(const struct model *m) { taken(m, (int[]){ 1, 2, 1 }, (int[]){ 1, 1, 1 }); }
static void backwards(const struct model *m) { taken(m, (int[]){ 2, 0, 4 }, (int[]){ -2, 1, -3 }); }

static void vector(const struct model *m)
{
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < 2; i++)
            m->y[r * 2 + i] = m->x[0][r * 7 + 1 + 3 * i];
}

static const float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 1, 3 };

extern const struct op_case cases_slice[];
const struct op_case cases_slice[] = {
    { "slice:start=0x0x0,step=1x2x2,count=-1x1x2", 1, { ROW3(1, 2, 3) }, "[1, 1, 2]", NULL, every_second, .x = x, .y = y },
    { "slice:start=0x0x0,step=1x2x2,count=-1x16x17", 1, { ROW3(5, 32, 33) }, "[5, 16, 17]", NULL, every_second },
    { "slice:start=1x2x1,step=1x1x1,count=2x2x3", 1, { ROW3(4, 4, 5) }, "[2, 2, 3]", NULL, inside },
    { "slice:start=2x0x4,step=-2x1x-3,count=2x3x2", 1, { ROW3(3, 3, 5) }, "[2, 3, 2]", NULL, backwards },
    { "slice:start=1,step=3,count=2", 1, { ROW1(7) }, "[2]", NULL, vector },
    { 0 },
};
