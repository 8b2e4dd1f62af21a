/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of flatten. */
#include "op_driver.h"

static double same(const void *attrs, double x)
{
    (void)attrs;
    return x;
}

static void flatten(const struct model *m) { model_unary(m, same); }

extern const struct op_case cases_flatten[];
const struct op_case cases_flatten[] = {
    { "flatten", 1, { ROW3(3, 4, 5) }, "[60]", NULL, flatten },
    { "flatten", 1, { ROW1(7) }, "[7]", NULL, flatten },
    { 0 },
};
