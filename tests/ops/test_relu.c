/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of relu. */
#include "op_driver.h"

struct attrs {
    double limit, slope, threshold;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    if (a->limit > 0 && x >= a->limit)
        return a->limit;
    return x >= a->threshold ? x : a->slope * (x - a->threshold);
}

static void relu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, 0, 0.5f, 3 }, y[] = { 0, 0, 0.5f, 3 }, bent[] = { -0.22f, -0.02f, 0.5f, 2 };

extern const struct op_case cases_relu[];
const struct op_case cases_relu[] = {
    { "relu", 1, { ROW1(4) }, "[4]", NULL, relu, .x = x, .y = y },
    { "relu", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, relu },
    { "relu:limit=0.5", 1, { ROW3(3, 5, 3) }, "[3, 5, 3]", NULL, relu },
    { "relu:limit=2,slope=0.1,threshold=0.2", 1, { ROW1(4) }, "[4]", NULL, relu, .spread = 3, .x = x, .y = bent },
    { "relu:slope=0.25", 1, { ROW3(3, 5, 3) }, "[3, 5, 3]", NULL, relu },
    { 0 },
};
