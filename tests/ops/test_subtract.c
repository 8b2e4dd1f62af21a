/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of subtract. */
#include "op_driver.h"

#include "ops/support.h"

#include <math.h>

static void subtract(const struct model *m)
{
    const int64_t n = m->rows * dli_row_elements(m->out);
    for (int64_t i = 0; i < n; i++) {
        double v = m->x[0][i];
        for (int32_t k = 1; k < m->n_in; k++)
            v = v - m->x[k][i];
        m->y[i] = v;
    }
}

static const float x[] = { -2, 0, 0.5f, 3, 4, 1, -0.5f, 2 }, y[] = { -6, -1, 1, 1 };

extern const struct op_case cases_subtract[];
const struct op_case cases_subtract[] = {
    { "subtract", 2, { ROW1(4), ROW1(4) }, "[4]", NULL, subtract, .x = x, .y = y },
    { "subtract", 2, { ROW3(19, 5, 3), ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, subtract },
    { 0 },
};
