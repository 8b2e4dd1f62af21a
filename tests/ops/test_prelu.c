/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of prelu. */
#include "op_driver.h"

#include "ops/support.h"

/* Of [2, 3, 2], column-major. */
static int64_t place(const struct model *m, int64_t e, bool pixels)
{
    return pixels || m->in->rank == 1 ? e : e / 6 + 2 * (e / 2 % 3) + 6 * (e % 2);
}

static void slopes(const struct model *m, bool pixels)
{
    const int64_t n = dli_row_elements(m->in), per = pixels ? dli_row_pixels(m->in) : 1;
    for (int64_t i = 0; i < m->rows * n; i++)
        m->y[i] = m->x[0][i] > 0 ? m->x[0][i] : m->w[0][place(m, i % n / per, pixels)] * m->x[0][i];
}

static void own(const struct model *m) { slopes(m, false); }
static void of_channels(const struct model *m) { slopes(m, true); }

static const float x[] = { 3, -4 }, w[] = { 0.5f, 0.25f }, y[] = { 3, -1 };

extern const struct op_case cases_prelu[];
const struct op_case cases_prelu[] = {
    { "prelu", 1, { ROW1(2) }, "[2]", "W [2] f", own, .x = x, .w = w, .y = y },
    { "prelu", 1, { ROW3(2, 3, 2) }, "[2, 3, 2]", "W [2, 3, 2] f", own, .spread = 4 },
    { "prelu:shared=2x3", 1, { ROW3(3, 4, 5) }, "[3, 4, 5]", "W [3, 1, 1] f", of_channels, .spread = 4 },
    { 0 },
};
