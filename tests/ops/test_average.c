/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of average. */
#include "op_driver.h"

#include "ops/support.h"

#include <math.h>

static void average(const struct model *m)
{
    const int64_t n = m->rows * dli_row_elements(m->out);
    for (int64_t i = 0; i < n; i++) {
        double v = m->x[0][i];
        for (int32_t k = 1; k < m->n_in; k++)
            v = v + m->x[k][i];
        m->y[i] = v / m->n_in;
    }
}

static const float x[] = { -2, 0, 0.5f, 3, 4, 1, -0.5f, 2 }, y[] = { 1, 0.5f, 0, 2.5f };

extern const struct op_case cases_average[];
const struct op_case cases_average[] = {
    { "average", 2, { ROW1(4), ROW1(4) }, "[4]", NULL, average, .x = x, .y = y },
    { "average", 2, { ROW3(19, 5, 3), ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, average },
    { "average", 4, { ROW3(3, 5, 3), ROW3(3, 5, 3), ROW3(3, 5, 3), ROW3(3, 5, 3) }, "[3, 5, 3]", NULL, average },
    { "average", 1, { ROW1(9) }, "[9]", NULL, average },
    { 0 },
};
