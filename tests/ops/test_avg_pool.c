/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of avg_pool. */
#include "models.h"

#define POOL(name, ...) \
    static void name(const struct model *m) { model_pool(m, &(struct window){ __VA_ARGS__ }, true); }
POOL(two, 2, 2, 0, 0, 1, false)
POOL(three, 3, 2, 0, 0, 1, false)
POOL(padded, 3, 2, 1, 1, 1, false)
POOL(padded_all, 3, 2, 1, 1, 1, true)
POOL(one_end, 3, 2, 0, 1, 1, true)
POOL(dilated, 2, 1, 0, 0, 3, false)
POOL(hanging, 3, 2, 0, 0, 1, true)

static const float x[] = { 1, 5, 2, 0, 3, 4, -1, 7, -3, -4, 9, 8, -5, -2, 6, 0 }, y[] = { 3.25f, 2, -3.5f, 5.75f };

extern const struct op_case cases_avg_pool[];
const struct op_case cases_avg_pool[] = {
    { "avg_pool", 1, { ROW3(1, 4, 4) }, "[1, 2, 2]", NULL, two, .x = x, .y = y },
    { "avg_pool", 1, { ROW3(19, 5, 7) }, "[19, 2, 3]", NULL, two },
    { "avg_pool:kernel=3,ceil=1", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, three },
    { "avg_pool:kernel=3,ceil=1,include_pad=1", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, hanging },
    { "avg_pool:kernel=3,padding=1", 1, { ROW3(17, 7, 8) }, "[17, 4, 4]", NULL, padded },
    { "avg_pool:kernel=3,padding=1,include_pad=1", 1, { ROW3(3, 7, 8) }, "[3, 4, 4]", NULL, padded_all },
    { "avg_pool:kernel=3,padding_end=1,include_pad=1", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, one_end },
    { "avg_pool:kernel=3,mode=same", 1, { ROW3(3, 6, 8) }, "[3, 3, 4]", NULL, three },
    { "avg_pool:stride=1,dilation=3", 1, { ROW3(3, 6, 5) }, "[3, 3, 2]", NULL, dilated },
    { 0 },
};
