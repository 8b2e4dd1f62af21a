/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of softplus. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attr, double x)
{
    (void)attr;
    return log(1 + exp(x));
}

static void softplus(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { 0.12692801f, 0.47407698f, 0.69314718f, 0.97407698f, 3.0485874f };

extern const struct op_case cases_softplus[];
const struct op_case cases_softplus[] = {
    { "softplus", 1, { ROW1(5) }, "[5]", NULL, softplus, .x = x, .y = y },
    { "softplus", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, softplus, .spread = 4 },
    { 0 },
};
