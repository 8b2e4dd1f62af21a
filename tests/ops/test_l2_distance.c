/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of l2_distance. */
#include "op_driver.h"

#include "ops/support.h"

#include <math.h>

static void distance(const struct model *m)
{
    const int64_t n = dli_row_elements(m->in);
    for (int64_t r = 0; r < m->rows; r++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (m->x[0][r * n + i] - m->x[1][r * n + i]) * (m->x[0][r * n + i] - m->x[1][r * n + i]);
        m->y[r] = sqrt(sum);
    }
}

extern const struct op_case cases_l2_distance[];
const struct op_case cases_l2_distance[] = {
    { "l2_distance", 2, { ROW1(7), ROW1(7) }, "[1]", NULL, distance },
    { "l2_distance", 2, { ROW3(3, 4, 5), ROW3(3, 4, 5) }, "[1]", NULL, distance },
    { 0 },
};
