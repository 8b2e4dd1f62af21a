/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of softmax. */
#include "op_driver.h"

#include <math.h>

static void softmax(const struct model *m)
{
    const int64_t c = m->in->dim[0], hw = m->in->rank == 3 ? m->in->dim[1] * m->in->dim[2] : 1;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < hw; i++) {
            const double *x = m->x[0] + r * c * hw + i;
            double *y = m->y + r * c * hw + i, sum = 0;
            for (int64_t k = 0; k < c; k++)
                sum += exp(x[k * hw]);
            for (int64_t k = 0; k < c; k++)
                y[k * hw] = exp(x[k * hw]) / sum;
        }
}

static const float x[] = { 0, 0.69314718f, 1.09861229f, 1.38629436f }, y[] = { 0.1f, 0.2f, 0.3f, 0.4f };

extern const struct op_case cases_softmax[];
const struct op_case cases_softmax[] = {
    { "softmax", 1, { ROW1(4) }, "[4]", NULL, softmax, .x = x, .y = y },
    { "softmax", 1, { ROW1(101) }, "[101]", NULL, softmax, .spread = 5 },
    { "softmax", 1, { ROW3(5, 3, 7) }, "[5, 3, 7]", NULL, softmax },
    { "softmax", 1, { ROW3(21, 5, 1) }, "[21, 5, 1]", NULL, softmax },
    { 0 },
};
