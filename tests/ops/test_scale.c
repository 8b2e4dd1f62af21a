/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of scale. */
#include "op_driver.h"

struct attrs {
    double factor;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return a->factor * x;
}

static void scale(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { 4, 1, 0, -1, -6 };

extern const struct op_case cases_scale[];
const struct op_case cases_scale[] = {
    { "scale:factor=-2", 1, { ROW1(5) }, "[5]", NULL, scale, .x = x, .y = y },
    { "scale:factor=-2", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, scale, .spread = 4 },
    { 0 },
};
