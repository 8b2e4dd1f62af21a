/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of gaussian_dropout: outside training it is the identity; test_training.c checks what it draws. */
#include "op_driver.h"

static double same(const void *attrs, double x)
{
    (void)attrs;
    return x;
}

static void gaussian_dropout(const struct model *m) { model_unary(m, same); }

extern const struct op_case cases_gaussian_dropout[];
const struct op_case cases_gaussian_dropout[] = {
    { "gaussian_dropout", 1, { ROW3(3, 4, 5) }, "[3, 4, 5]", NULL, gaussian_dropout },
    { "gaussian_dropout", 1, { ROW1(7) }, "[7]", NULL, gaussian_dropout },
    { 0 },
};
