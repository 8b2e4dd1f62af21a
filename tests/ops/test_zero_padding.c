/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of zero_padding. */
#include "op_driver.h"

static void padded(const struct model *m, const int64_t p[4])
{
    const int64_t c = m->rows * m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t k = 0; k < c; k++)
        for (int64_t i = 0; i < oh; i++)
            for (int64_t j = 0; j < ow; j++) {
                const int64_t y = i - p[0], x = j - p[2];
                m->y[(k * oh + i) * ow + j] = y >= 0 && y < h && x >= 0 && x < v ? m->x[0][(k * h + y) * v + x] : 0;
            }
}

static void by_four(const struct model *m) { padded(m, (int64_t[]){ 1, 2, 3, 0 }); }
static void by_one(const struct model *m) { padded(m, (int64_t[]){ 1, 1, 1, 1 }); }

static const float x[] = { 1, 2 }, y[] = { 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0 };

extern const struct op_case cases_zero_padding[];
const struct op_case cases_zero_padding[] = {
    { "zero_padding:padding=1", 1, { ROW3(1, 1, 2) }, "[1, 3, 4]", NULL, by_one, .x = x, .y = y },
    { "zero_padding:padding=1x2x3x0", 1, { ROW3(3, 4, 5) }, "[3, 7, 8]", NULL, by_four },
    { 0 },
};
