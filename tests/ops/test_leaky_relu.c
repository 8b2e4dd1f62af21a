/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of leaky_relu. */
#include "op_driver.h"

struct attrs {
    double leak;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return x >= 0 ? x : a->leak * x;
}

static void leaky_relu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.5f, -0.125f, 0, 0.5f, 3 };

extern const struct op_case cases_leaky_relu[];
const struct op_case cases_leaky_relu[] = {
    { "leaky_relu:leak=0.25", 1, { ROW1(5) }, "[5]", NULL, leaky_relu, .x = x, .y = y },
    { "leaky_relu:leak=0.25", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, leaky_relu, .spread = 4 },
    { 0 },
};
