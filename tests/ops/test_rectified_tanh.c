/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of rectified_tanh. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return x > 0 ? tanh(x) : 0;
}

static void rectified_tanh(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, 0, 0.5f }, y[] = { 0, 0, 0.46211716f };

extern const struct op_case cases_rectified_tanh[];
const struct op_case cases_rectified_tanh[] = {
    { "rectified_tanh", 1, { ROW1(3) }, "[3]", NULL, rectified_tanh, .x = x, .y = y },
    { "rectified_tanh", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, rectified_tanh, .spread = 4 },
    { "rectified_tanh", 1, { ROW1(30) }, "[30]", NULL, rectified_tanh },
    { 0 },
};
