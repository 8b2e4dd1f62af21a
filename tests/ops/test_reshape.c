/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of reshape. */
#include "op_driver.h"

static double f(const void *attr, double x)
{
    (void)attr;
    return x;
}

static void reshape(const struct model *m) { model_unary(m, f); }

extern const struct op_case cases_reshape[];
const struct op_case cases_reshape[] = {
    { "reshape:shape=4x3x5", 1, { ROW1(60) }, "[4, 3, 5]", NULL, reshape },
    { "reshape:shape=6x-1", 1, { ROW3(3, 4, 5) }, "[6, 10]", NULL, reshape },
    { 0 },
};
