/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of l2_normalize. */
#include "op_driver.h"

#include "ops/support.h"

#include <math.h>

static void unit(const struct model *m)
{
    const int64_t n = dli_row_elements(m->in);
    for (int64_t r = 0; r < m->rows; r++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += m->x[0][r * n + i] * m->x[0][r * n + i];
        for (int64_t i = 0; i < n; i++)
            m->y[r * n + i] = m->x[0][r * n + i] / sqrt(sum);
    }
}

static const float x[] = { 3, -4 }, y[] = { 0.6f, -0.8f };

extern const struct op_case cases_l2_normalize[];
const struct op_case cases_l2_normalize[] = {
    { "l2_normalize:features=1", 1, { ROW1(2) }, "[2]", NULL, unit, .x = x, .y = y },
    { "l2_normalize", 1, { ROW3(3, 4, 5) }, "[3, 4, 5]", NULL, unit },
    { 0 },
};
