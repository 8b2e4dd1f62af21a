/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of cube. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return x * x * x;
}

static void cube(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 3 }, y[] = { -8, -0.125f, 0, 27 };

extern const struct op_case cases_cube[];
const struct op_case cases_cube[] = {
    { "cube", 1, { ROW1(4) }, "[4]", NULL, cube, .x = x, .y = y },
    { "cube", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, cube, .spread = 4 },
    { "cube", 1, { ROW1(30) }, "[30]", NULL, cube },
    { 0 },
};
