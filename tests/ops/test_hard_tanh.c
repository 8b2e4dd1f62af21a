/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of hard_tanh. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return fmin(fmax(x, -1), 1);
}

static void hard_tanh(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 3 }, y[] = { -1, -0.5f, 0, 1 };

extern const struct op_case cases_hard_tanh[];
const struct op_case cases_hard_tanh[] = {
    { "hard_tanh", 1, { ROW1(4) }, "[4]", NULL, hard_tanh, .x = x, .y = y },
    { "hard_tanh", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, hard_tanh, .spread = 4 },
    { "hard_tanh", 1, { ROW1(30) }, "[30]", NULL, hard_tanh },
    { 0 },
};
