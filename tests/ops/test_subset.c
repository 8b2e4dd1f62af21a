/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of subset. */
#include "op_driver.h"

#include "ops/support.h"

/* From index 1 on. */
static void taken(const struct model *m)
{
    const int64_t in = dli_row_elements(m->in), out = dli_row_elements(m->out), pixels = dli_row_pixels(m->in);
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < out; i++)
            m->y[r * out + i] = m->x[0][r * in + pixels + i];
}

static const float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 2, 3, 4 };

extern const struct op_case cases_subset[];
const struct op_case cases_subset[] = {
    { "subset:from=1,to=3", 1, { ROW1(6) }, "[3]", NULL, taken, .x = x, .y = y },
    { "subset:from=1,to=1", 1, { ROW3(3, 2, 5) }, "[1, 2, 5]", NULL, taken },
    { 0 },
};
