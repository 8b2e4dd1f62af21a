/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of affine. */
#include "op_driver.h"

static void affine(const struct model *m, bool bias)
{
    const int64_t c = m->in->dim[0], hw = m->in->rank == 3 ? m->in->dim[1] * m->in->dim[2] : 1;
    for (int64_t i = 0; i < m->rows * c * hw; i++)
        m->y[i] = m->w[0][i / hw % c] * m->x[0][i] + (bias ? m->w[1][i / hw % c] : 0);
}

static void both(const struct model *m) { affine(m, true); }
static void gain(const struct model *m) { affine(m, false); }

static const float x[] = { 1, 2, 3, 4 }, w[] = { 2, -1, 0.5f, 3 }, y[] = { 2.5f, 4.5f, 0, -1 };

extern const struct op_case cases_affine[];
const struct op_case cases_affine[] = {
    { "affine", 1, { ROW3(2, 1, 2) }, "[2, 1, 2]", "W [2] c, b [2] c", both, .x = x, .w = w, .y = y },
    { "affine", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", "W [19] c, b [19] c", both },
    { "affine:has_bias=0", 1, { ROW1(21) }, "[21]", "W [21] c", gain },
    { 0 },
};
