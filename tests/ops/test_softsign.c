/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of softsign. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return x / (1 + fabs(x));
}

static void softsign(const struct model *m) { model_unary(m, f); }

static const float x[] = { -3, 0, 1 }, y[] = { -0.75f, 0, 0.5f };

extern const struct op_case cases_softsign[];
const struct op_case cases_softsign[] = {
    { "softsign", 1, { ROW1(3) }, "[3]", NULL, softsign, .x = x, .y = y },
    { "softsign", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, softsign, .spread = 4 },
    { "softsign", 1, { ROW1(30) }, "[30]", NULL, softsign },
    { 0 },
};
