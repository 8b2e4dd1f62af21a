/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of pad. */
#include "op_driver.h"

static void padded(const struct model *m, const int begin[3])
{
    const int64_t *d = m->in->dim, *o = m->out->dim;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < o[0]; i++)
            for (int64_t j = 0; j < o[1]; j++)
                for (int64_t k = 0; k < o[2]; k++) {
                    const int64_t a = i - begin[0], b = j - begin[1], c = k - begin[2];
                    const int in = a >= 0 && a < d[0] && b >= 0 && b < d[1] && c >= 0 && c < d[2];
                    m->y[((r * o[0] + i) * o[1] + j) * o[2] + k] = in ? m->x[0][((r * d[0] + a) * d[1] + b) * d[2] + c] : 0;
                }
}

static void channels(const struct model *m) { padded(m, (int[]){ 2, 0, 0 }); }
static void all(const struct model *m) { padded(m, (int[]){ 1, 0, 2 }); }

static void vector(const struct model *m)
{
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < 6; i++)
            m->y[r * 6 + i] = i > 0 && i < 4 ? m->x[0][r * 3 + i - 1] : 0;
}

static const float x[] = { 1, 2, 3 }, y[] = { 0, 1, 2, 3, 0, 0 };

extern const struct op_case cases_pad[];
const struct op_case cases_pad[] = {
    { "pad:begin=1,end=2", 1, { ROW1(3) }, "[6]", NULL, vector, .x = x, .y = y },
    { "pad:begin=2x0x0,end=3x0x0", 1, { ROW3(5, 9, 11) }, "[10, 9, 11]", NULL, channels },
    { "pad:begin=1x0x2,end=0x3x1", 1, { ROW3(3, 4, 5) }, "[4, 7, 8]", NULL, all },
    { 0 },
};
