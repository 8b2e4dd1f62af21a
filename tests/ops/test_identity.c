/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of identity. */
#include "op_driver.h"

static double same(const void *attrs, double x)
{
    (void)attrs;
    return x;
}

static void identity(const struct model *m) { model_unary(m, same); }

extern const struct op_case cases_identity[];
const struct op_case cases_identity[] = {
    { "identity", 1, { ROW3(3, 4, 5) }, "[3, 4, 5]", NULL, identity },
    { "identity", 1, { ROW1(7) }, "[7]", NULL, identity },
    { 0 },
};
