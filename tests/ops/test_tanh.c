/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of tanh. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attr, double x)
{
    (void)attr;
    return tanh(x);
}

static void model_of_tanh(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.96402758f, -0.46211716f, 0.0f, 0.46211716f, 0.99505475f };

extern const struct op_case cases_tanh[];
const struct op_case cases_tanh[] = {
    { "tanh", 1, { ROW1(5) }, "[5]", NULL, model_of_tanh, .x = x, .y = y },
    { "tanh", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, model_of_tanh, .spread = 4 },
    { 0 },
};
