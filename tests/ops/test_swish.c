/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of swish. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attr, double x)
{
    (void)attr;
    return x / (1 + exp(-x));
}

static void swish(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.23840584f, -0.18877033f, 0.0f, 0.31122967f, 2.8577224f };

extern const struct op_case cases_swish[];
const struct op_case cases_swish[] = {
    { "swish", 1, { ROW1(5) }, "[5]", NULL, swish, .x = x, .y = y },
    { "swish", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, swish, .spread = 4 },
    { 0 },
};
