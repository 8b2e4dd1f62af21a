/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of center_loss without targets, where its centres do nothing; with them it is held against recordings (tests/golden). */
#include "models.h"

static void with_bias(const struct model *m) { model_linear(m, true); }
static void bare(const struct model *m) { model_linear(m, false); }

extern const struct op_case cases_center_loss[];
const struct op_case cases_center_loss[] = {
    { "center_loss:units=3,loss=mcxent,activation=softmax", 1, { ROW1(7) }, "[3]", "W [7, 3] f, b [3] c, cL [3, 7] c", with_bias },
    { "center_loss:units=2,has_bias=0,gradient_check=1", 1, { ROW1(5) }, "[2]", "W [5, 2] f, cL [2, 5] c", bare },
    { 0 },
};
