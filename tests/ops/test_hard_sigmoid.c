/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of hard_sigmoid. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double alpha, beta;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return fmin(fmax(a->alpha * x + a->beta, 0), 1);
}

static void hard_sigmoid(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { 0.1f, 0.4f, 0.5f, 0.6f, 1 };

extern const struct op_case cases_hard_sigmoid[];
const struct op_case cases_hard_sigmoid[] = {
    { "hard_sigmoid", 1, { ROW1(5) }, "[5]", NULL, hard_sigmoid, .x = x, .y = y },
    { "hard_sigmoid", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, hard_sigmoid, .spread = 4 },
    { "hard_sigmoid:alpha=0.5,beta=0.25", 1, { ROW1(30) }, "[30]", NULL, hard_sigmoid },
    { 0 },
};
