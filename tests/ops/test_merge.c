/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of merge. */
#include "op_driver.h"

#include "ops/support.h"

/* Lines of `inner` floats behind one index of the axes before the merged one. */
static void merge(const struct model *m, int32_t axis)
{
    int64_t lines = m->rows, at = 0, wide = dli_row_elements(m->out);
    for (int32_t a = 0; a < axis; a++) {
        lines *= m->out->dim[a];
        wide /= m->out->dim[a];
    }
    for (int32_t k = 0; k < m->n_in; k++) {
        const int64_t n = m->rows * dli_row_elements(&m->in[k]) / lines;
        for (int64_t i = 0; i < lines; i++)
            for (int64_t j = 0; j < n; j++)
                m->y[i * wide + at + j] = m->x[k][i * n + j];
        at += n;
    }
}

static void channels(const struct model *m) { merge(m, 0); }
static void rows(const struct model *m) { merge(m, 1); }
static void columns(const struct model *m) { merge(m, 2); }

static const float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 1, 2, 5, 3, 4, 6 };

extern const struct op_case cases_merge[];
const struct op_case cases_merge[] = {
    { "merge", 2, { ROW1(3), ROW1(2) }, "[5]", NULL, channels },
    { "merge:axis=3", 2, { ROW3(1, 2, 2), ROW3(1, 2, 1) }, "[1, 2, 3]", NULL, columns, .x = x, .y = y },
    { "merge", 3, { ROW3(16, 3, 5), ROW3(32, 3, 5), ROW3(5, 3, 5) }, "[53, 3, 5]", NULL, channels },
    { "merge", 2, { ROW3(3, 3, 5), ROW3(16, 3, 5) }, "[19, 3, 5]", NULL, channels },
    { "merge:axis=2", 2, { ROW3(16, 3, 5), ROW3(16, 2, 5) }, "[16, 5, 5]", NULL, rows },
    { "merge", 1, { ROW3(3, 2, 2) }, "[3, 2, 2]", NULL, channels },
    { 0 },
};
