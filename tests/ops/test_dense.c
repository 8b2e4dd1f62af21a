/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of dense. */
#include "models.h"

static void with_bias(const struct model *m) { model_linear(m, true); }
static void without(const struct model *m) { model_linear(m, false); }

/* W is [2, 3] column-major: columns 1 2, 3 4, 5 6. */
static const float x[] = { 10, 1 }, w[] = { 1, 2, 3, 4, 5, 6, 0.5f, 0, -1 }, y[] = { 12.5f, 34, 55 };

extern const struct op_case cases_dense[];
const struct op_case cases_dense[] = {
    { "dense:units=3", 1, { ROW1(2) }, "[3]", "W [2, 3] f, b [3] c", with_bias, .x = x, .w = w, .y = y },
    { "dense:units=3,has_bias=0,n_in=24", 1, { ROW3(2, 3, 4) }, "[3]", "W [24, 3] f", without },
    { "dense:units=33", 1, { ROW3(5, 7, 6) }, "[33]", "W [210, 33] f, b [33] c", with_bias },
    { 0 },
};
