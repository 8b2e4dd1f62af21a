/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of selu. */
#include "op_driver.h"

#include <math.h>

static double f(const void *attrs, double x)
{
    (void)attrs;
    return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * expm1(x));
}

static void selu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, 0, 2 }, y[] = { -1.52016605f, 0, 2.10140197f };

extern const struct op_case cases_selu[];
const struct op_case cases_selu[] = {
    { "selu", 1, { ROW1(3) }, "[3]", NULL, selu, .x = x, .y = y },
    { "selu", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, selu, .spread = 4 },
    { "selu", 1, { ROW1(30) }, "[30]", NULL, selu },
    { 0 },
};
