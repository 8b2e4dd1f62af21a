/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of global_pool. */
#include "op_driver.h"

#include <math.h>

static void global(const struct model *m, bool average)
{
    const int64_t hw = m->in->dim[1] * m->in->dim[2];
    for (int64_t p = 0; p < m->rows * m->in->dim[0]; p++) {
        double sum = 0, best = -INFINITY;
        for (int64_t i = 0; i < hw; i++) {
            sum += m->x[0][p * hw + i];
            best = fmax(best, m->x[0][p * hw + i]);
        }
        m->y[p] = average ? sum / (double)hw : best;
    }
}

static void mean(const struct model *m) { global(m, true); }
static void most(const struct model *m) { global(m, false); }

static void sum(const struct model *m)
{
    mean(m);
    for (int64_t p = 0; p < m->rows * m->in->dim[0]; p++)
        m->y[p] *= (double)(m->in->dim[1] * m->in->dim[2]);
}

static void euclid(const struct model *m)
{
    const int64_t hw = m->in->dim[1] * m->in->dim[2];
    for (int64_t p = 0; p < m->rows * m->in->dim[0]; p++) {
        double s = 0;
        for (int64_t i = 0; i < hw; i++)
            s += m->x[0][p * hw + i] * m->x[0][p * hw + i];
        m->y[p] = sqrt(s);
    }
}

static const float x[] = { 1, 5, 2, 0, 3, 4, -1, 7 }, y[] = { 2, 3.25f }, z[] = { 5, 7 };

extern const struct op_case cases_global_pool[];
const struct op_case cases_global_pool[] = {
    { "global_pool", 1, { ROW3(2, 2, 2) }, "[2]", NULL, mean, .x = x, .y = y },
    { "global_pool:type=max,keep=1", 1, { ROW3(2, 1, 4) }, "[2, 1, 1]", NULL, most, .x = x, .y = z },
    { "global_pool", 1, { ROW3(19, 7, 7) }, "[19]", NULL, mean },
    { "global_pool:type=max", 1, { ROW3(19, 3, 7) }, "[19]", NULL, most },
    { "global_pool:type=sum", 1, { ROW3(19, 3, 7) }, "[19]", NULL, sum },
    { "global_pool:type=pnorm", 1, { ROW3(19, 3, 7) }, "[19]", NULL, euclid },
    { "global_pool:keep=1", 1, { ROW3(16, 3, 7) }, "[16, 1, 1]", NULL, mean },
    { 0 },
};
