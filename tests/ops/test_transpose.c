/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of transpose. */
#include "op_driver.h"

/* y[i, j, k] is x at the index whose axis perm[a] is the a-th of (i, j, k). */
static void permuted(const struct model *m, const int perm[3])
{
    const int64_t *d = m->in->dim, *o = m->out->dim, n = d[0] * d[1] * d[2];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < o[0]; i++)
            for (int64_t j = 0; j < o[1]; j++)
                for (int64_t k = 0; k < o[2]; k++) {
                    int64_t at[3];
                    at[perm[0]] = i;
                    at[perm[1]] = j;
                    at[perm[2]] = k;
                    m->y[r * n + (i * o[1] + j) * o[2] + k] = m->x[0][r * n + (at[0] * d[1] + at[1]) * d[2] + at[2]];
                }
}

static void last(const struct model *m) { permuted(m, (int[]){ 1, 2, 0 }); }
static void first(const struct model *m) { permuted(m, (int[]){ 2, 0, 1 }); }
static void turned(const struct model *m) { permuted(m, (int[]){ 2, 1, 0 }); }

static const float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 1, 4, 2, 5, 3, 6 };

extern const struct op_case cases_transpose[];
const struct op_case cases_transpose[] = {
    { "transpose:perm=2x3x1", 1, { ROW3(2, 1, 3) }, "[1, 3, 2]", NULL, last, .x = x, .y = y },
    { "transpose:perm=2x3x1", 1, { ROW3(3, 4, 5) }, "[4, 5, 3]", NULL, last },
    { "transpose:perm=3x1x2", 1, { ROW3(3, 4, 5) }, "[5, 3, 4]", NULL, first },
    { "transpose:perm=3x2x1", 1, { ROW3(19, 4, 5) }, "[5, 4, 19]", NULL, turned },
    { 0 },
};
