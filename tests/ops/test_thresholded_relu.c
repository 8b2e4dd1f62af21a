/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of thresholded_relu. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double theta;
};

static double f(const void *attr, double x)
{
    const struct attrs *a = attr;
    return x > a->theta ? x : 0;
}

static void thresholded_relu(const struct model *m) { model_unary(m, f); }

static const float x[] = { -2, 0.25f, 0.75f, 3 }, y[] = { 0, 0, 0.75f, 3 };

extern const struct op_case cases_thresholded_relu[];
const struct op_case cases_thresholded_relu[] = {
    { "thresholded_relu:theta=0.5", 1, { ROW1(4) }, "[4]", NULL, thresholded_relu, .x = x, .y = y },
    { "thresholded_relu:theta=0.5", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", NULL, thresholded_relu, .spread = 4 },
    { "thresholded_relu", 1, { ROW1(30) }, "[30]", NULL, thresholded_relu },
    { 0 },
};
