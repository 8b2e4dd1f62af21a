/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of relu6. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attr, double x)
{
    (void)attr;
    return fmin(fmax(x, 0), 6);
}

static void relu6(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { 0, 0, 0, 0.5f, 3 };

extern const struct op_case cases_relu6[];
const struct op_case cases_relu6[] = {
    { "relu6", 1, { ROW1(5) }, "[5]", NULL, relu6, .x = x, .y = y },
    { "relu6", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, relu6, .spread = 4 },
    { "relu6", 1, { ROW1(30) }, "[30]", NULL, relu6, .spread = 9 },
    { 0 },
};
