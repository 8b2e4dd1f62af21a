/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of gelu. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    int32_t form;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return a->form == 0   ? x / (1 + exp(-1.702 * x))
           : a->form == 1 ? x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
                          : x / 2 * (1 + erf(x * 0.7071067811865476));
}

static void gelu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -0.045500264f, -0.15426877f, 0.0f, 0.34573123f, 2.9959503f };

extern const struct op_case cases_gelu[];
const struct op_case cases_gelu[] = {
    { "gelu:form=erf", 1, { ROW1(5) }, "[5]", NULL, gelu, .x = x, .y = y },
    { "gelu:form=erf", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, gelu, .spread = 4 },
    { "gelu", 1, { ROW1(30) }, "[30]", NULL, gelu, .spread = 4 },
    { "gelu:form=tanh", 1, { ROW1(30) }, "[30]", NULL, gelu, .spread = 4 },
    { 0 },
};
