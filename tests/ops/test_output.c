/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of output. */
#include "models.h"

static void with_bias(const struct model *m) { model_linear(m, true); }

static const float x[] = { 10, 1 }, w[] = { 1, 2, 3, 4, 5, 6, 0.5f, 0, -1 }, y[] = { 12.5f, 34, 55 };

extern const struct op_case cases_output[];
const struct op_case cases_output[] = {
    { "output:units=3,loss=cross_entropy,activation=softmax",
      1,
      { ROW1(2) },
      "[3]",
      "W [2, 3] f, b [3] c",
      with_bias,
      .x = x,
      .w = w,
      .y = y },
    { "output:units=5", 1, { ROW1(40) }, "[5]", "W [40, 5] f, b [5] c", with_bias },
    { 0 },
};
