/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of max_pool. */
#include "models.h"

#define POOL(name, ...) \
    static void name(const struct model *m) { model_pool(m, &(struct window){ __VA_ARGS__ }, false); }
POOL(two, 2, 2, 0, 0, 1, false)
POOL(three, 3, 2, 0, 0, 1, false)
POOL(padded, 3, 2, 1, 1, 1, false)
POOL(dilated, 2, 1, 0, 0, 3, false)
POOL(one_above, 3, 2, 1, 0, 1, false)

static const float x[] = { 1, 5, 2, 0, 3, 4, -1, 7, -3, -4, 9, 8, -5, -2, 6, 0 }, y[] = { 5, 7, -2, 9 };

extern const struct op_case cases_max_pool[];
const struct op_case cases_max_pool[] = {
    { "max_pool", 1, { ROW3(1, 4, 4) }, "[1, 2, 2]", NULL, two, .x = x, .y = y },
    { "max_pool", 1, { ROW3(19, 5, 7) }, "[19, 2, 3]", NULL, two },
    { "max_pool:mode=strict", 1, { ROW3(3, 6, 4) }, "[3, 3, 2]", NULL, two },
    { "max_pool:kernel=3", 1, { ROW3(3, 7, 8) }, "[3, 3, 3]", NULL, three },
    { "max_pool:kernel=3,ceil=1", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, three },
    { "max_pool:kernel=3,padding=1", 1, { ROW3(17, 7, 8) }, "[17, 4, 4]", NULL, padded },
    { "max_pool:kernel=3,mode=same", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, three },
    { "max_pool:kernel=3,mode=same_lower", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, one_above },
    { "max_pool:stride=1,dilation=3", 1, { ROW3(3, 6, 5) }, "[3, 3, 2]", NULL, dilated },
    { 0 },
};
