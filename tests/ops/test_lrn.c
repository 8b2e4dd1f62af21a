/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of lrn. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double k;
    int64_t n;
    double alpha, beta;
};

static void lrn(const struct model *m)
{
    const struct attrs *a = m->attrs;
    const int64_t c = m->in->dim[0], hw = m->in->dim[1] * m->in->dim[2];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t i = 0; i < hw; i++) {
                double s = 0;
                for (int64_t j = k - a->n / 2; j <= k + a->n / 2; j++)
                    if (j >= 0 && j < c)
                        s += pow(m->x[0][(r * c + j) * hw + i], 2);
                m->y[(r * c + k) * hw + i] = m->x[0][(r * c + k) * hw + i] / pow(a->k + a->alpha * s, a->beta);
            }
}

/* Windows of three channels: sums of squares 5, 14, 29, 25. */
static const float x[] = { 1, 2, 3, 4 }, y[] = { 0.16666667f, 0.13333333f, 0.1f, 0.15384615f };

extern const struct op_case cases_lrn[];
const struct op_case cases_lrn[] = {
    { "lrn:k=1,n=3,alpha=1,beta=1", 1, { ROW3(4, 1, 1) }, "[4, 1, 1]", NULL, lrn, .x = x, .y = y },
    { "lrn", 1, { ROW3(7, 9, 11) }, "[7, 9, 11]", NULL, lrn, .spread = 30 },
    { "lrn:k=1,n=3,alpha=0.5,beta=0.6", 1, { ROW3(19, 2, 3) }, "[19, 2, 3]", NULL, lrn },
    { "lrn:k=1,n=9,alpha=0.1", 1, { ROW3(3, 5, 3) }, "[3, 5, 3]", NULL, lrn },
    { 0 },
};
