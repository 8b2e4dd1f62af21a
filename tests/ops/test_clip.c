/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of clip. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double min, max;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return fmin(fmax(x, a->min), a->max);
}

static void clip(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, -0.5f, 0, 0.5f, 3 }, y[] = { -1, -0.5f, 0, 0.5f, 2 };

extern const struct op_case cases_clip[];
const struct op_case cases_clip[] = {
    { "clip:min=-1,max=2", 1, { ROW1(5) }, "[5]", NULL, clip, .x = x, .y = y },
    { "clip:min=-1,max=2", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, clip, .spread = 4 },
    { "clip", 1, { ROW1(30) }, "[30]", NULL, clip },
    { "clip:min=0", 1, { ROW1(30) }, "[30]", NULL, clip },
    { 0 },
};
