/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of elu. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double alpha;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return x >= 0 ? x : a->alpha * (exp(x) - 1);
}

static void elu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.43233236f, -0.19673467f, 0.0f, 0.5f, 3.0f };

extern const struct op_case cases_elu[];
const struct op_case cases_elu[] = {
    { "elu:alpha=0.5", 1, { ROW1(5) }, "[5]", NULL, elu, .x = x, .y = y },
    { "elu:alpha=0.5", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, elu, .spread = 4 },
    { "elu", 1, { ROW1(30) }, "[30]", NULL, elu },
    { 0 },
};
