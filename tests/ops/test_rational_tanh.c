/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of rational_tanh. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    const double v = 2 * x / 3, t = fabs(v);
    return 1.7159 * (v < 0 ? -1 : 1) * (1 - 1 / (1 + t + v * v + 1.41645 * pow(v, 4)));
}

static void rational_tanh(const struct model *m) { model_unary(m, f); }

static const float x[] = { -1.5f, 0, 1.5f }, y[] = { -1.32737529f, 0, 1.32737529f };

extern const struct op_case cases_rational_tanh[];
const struct op_case cases_rational_tanh[] = {
    { "rational_tanh", 1, { ROW1(3) }, "[3]", NULL, rational_tanh, .x = x, .y = y },
    { "rational_tanh", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, rational_tanh, .spread = 4 },
    { "rational_tanh", 1, { ROW1(30) }, "[30]", NULL, rational_tanh },
    { 0 },
};
