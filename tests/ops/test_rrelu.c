/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of rrelu, without its randomness. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double lower, upper;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return fmax(x, (a->lower + a->upper) / 2);
}

static void rrelu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 3 }, y[] = { 0.25f, 0.25f, 0.25f, 3 };

extern const struct op_case cases_rrelu[];
const struct op_case cases_rrelu[] = {
    { "rrelu:lower=0.125,upper=0.375", 1, { ROW1(4) }, "[4]", NULL, rrelu, .x = x, .y = y },
    { "rrelu", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, rrelu, .spread = 4 },
    { 0 },
};
