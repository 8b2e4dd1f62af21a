/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of sigmoid. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attr, double x)
{
    (void)attr;
    return 1 / (1 + exp(-x));
}

static void sigmoid(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { 0.11920292f, 0.37754067f, 0.5f, 0.62245933f, 0.95257413f };

extern const struct op_case cases_sigmoid[];
const struct op_case cases_sigmoid[] = {
    { "sigmoid", 1, { ROW1(5) }, "[5]", NULL, sigmoid, .x = x, .y = y },
    { "sigmoid", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, sigmoid, .spread = 4 },
    { 0 },
};
