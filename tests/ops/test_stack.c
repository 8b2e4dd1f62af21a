/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of stack. */
#include "op_driver.h"

#include "ops/support.h"

/* All rows of one input, then all of the next: a row's place depends on how many there are. */
static void stacked(const struct model *m)
{
    int64_t at = 0;
    for (int32_t k = 0; k < m->n_in; k++)
        for (int64_t i = 0; i < m->rows * m->in[k].batch * dli_row_elements(&m->in[k]); i++)
            m->y[at++] = m->x[k][i];
}

extern const struct op_case cases_stack[];
const struct op_case cases_stack[] = {
    { "stack", 1, { ROW1(3) }, "[3]", NULL, stacked },
    { "stack", 2, { ROW1(3), ROW1(3) }, "[3]", NULL, stacked, CASE_COUPLED },
    { "stack", 3, { ROW3(17, 2, 3), ROW3(17, 2, 3), ROW3(17, 2, 3) }, "[17, 2, 3]", NULL, stacked, CASE_COUPLED },
    { 0 },
};
