/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of mish. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return x * tanh(log1p(exp(x)));
}

static void mish(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, 0, 1 }, y[] = { -0.25250148f, 0, 0.86509839f };

extern const struct op_case cases_mish[];
const struct op_case cases_mish[] = {
    { "mish", 1, { ROW1(3) }, "[3]", NULL, mish, .x = x, .y = y },
    { "mish", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, mish, .spread = 4 },
    { "mish", 1, { ROW1(30) }, "[30]", NULL, mish },
    { 0 },
};
