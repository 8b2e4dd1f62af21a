/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of unstack. */
#include "op_driver.h"

#define BATCH(b, n)                                                                                                                        \
    {                                                                                                                                      \
        .rank = 1, .batch = (b), .dim = { n }                                                                                              \
    }

/* Part 1 of 3. */
static void middle(const struct model *m)
{
    const int64_t n = m->rows * m->out->batch * m->out->dim[0];
    for (int64_t i = 0; i < n; i++)
        m->y[i] = m->x[0][n + i];
}

static void all(const struct model *m)
{
    for (int64_t i = 0; i < m->rows * m->out->dim[0]; i++)
        m->y[i] = m->x[0][i];
}

extern const struct op_case cases_unstack[];
const struct op_case cases_unstack[] = {
    { "unstack:from=0,size=1", 1, { ROW1(3) }, "[3]", NULL, all },
    { "unstack:from=1,size=3", 1, { BATCH(3, 5) }, "[5]", NULL, middle, CASE_COUPLED },
    { "unstack:from=1,size=3", 1, { BATCH(6, 2) }, "[2]", NULL, middle, CASE_COUPLED },
    { 0 },
};
