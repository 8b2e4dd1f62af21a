/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of cnn_loss. */
#include "op_driver.h"

static double f(const void *attr, double x)
{
    (void)attr;
    return x;
}

static void loss(const struct model *m) { model_unary(m, f); }

extern const struct op_case cases_cnn_loss[];
const struct op_case cases_cnn_loss[] = {
    { "cnn_loss:loss=cross_entropy,activation=softmax", 1, { ROW1(5) }, "[5]", NULL, loss },
    { "cnn_loss", 1, { ROW3(2, 3, 4) }, "[2, 3, 4]", NULL, loss },
    { 0 },
};
