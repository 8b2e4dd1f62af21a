/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of shift. */
#include "op_driver.h"

struct attrs {
    double value;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return x + a->value;
}

static void shift(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.5f, 1, 1.5f, 2, 4.5f };

extern const struct op_case cases_shift[];
const struct op_case cases_shift[] = {
    { "shift:value=1.5", 1, { ROW1(5) }, "[5]", NULL, shift, .x = x, .y = y },
    { "shift:value=1.5", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, shift, .spread = 4 },
    { 0 },
};
