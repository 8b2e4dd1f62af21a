/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of dropout. What is dropped in training is checked by test_training.c; here that nothing is in inference. */
#include "op_driver.h"

static double same(const void *attrs, double x)
{
    (void)attrs;
    return x;
}

static void dropout(const struct model *m) { model_unary(m, same); }

extern const struct op_case cases_dropout[];
const struct op_case cases_dropout[] = {
    { "dropout:p=0.3", 1, { ROW3(3, 4, 5) }, "[3, 4, 5]", NULL, dropout },
    { "dropout:p=0", 1, { ROW1(7) }, "[7]", NULL, dropout, .flags = CASE_TRAINING },
    { "dropout:p=1", 1, { ROW1(7) }, "[7]", NULL, dropout, .flags = CASE_TRAINING },
    { 0 },
};
