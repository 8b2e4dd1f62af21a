/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of simple_rnn. */
#include "op_driver.h"

#include <math.h>
#include <stdlib.h>

static double identity(double z) { return z; }

static void model(const struct model *m, double (*cell)(double))
{
    const int64_t in = m->in->dim[0], time = m->in->dim[1], u = m->out->dim[0];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t t = 0; t < time; t++)
            for (int64_t j = 0; j < u; j++) {
                double z = m->w[2][j];
                for (int64_t i = 0; i < in; i++)
                    z += m->w[0][j * in + i] * m->x[0][(r * in + i) * time + t];
                for (int64_t i = 0; t > 0 && i < u; i++)
                    z += m->w[1][j * u + i] * m->y[(r * u + i) * time + t - 1];
                m->y[(r * u + j) * time + t] = cell(z);
            }
}

static void curved(const struct model *m) { model(m, tanh); }
static void straight(const struct model *m) { model(m, identity); }

static const float x[] = { 1, 2 }, w[] = { 3, 10, 0.5f }, y[] = { 3.5f, 41.5f };

#define SEQUENCE(features, time) { .rank = 2, .batch = 1, .dim = { features, time } }

extern const struct op_case cases_simple_rnn[];
const struct op_case cases_simple_rnn[] = {
    { "simple_rnn:units=1,cell=identity", 1, { SEQUENCE(1, 2) }, "[1, 2]", "W [1, 1] f, RW [1, 1] f, b [1] c", straight, .x = x, .w = w,
      .y = y },
    { "simple_rnn:units=4", 1, { SEQUENCE(3, 5) }, "[4, 5]", "W [3, 4] f, RW [4, 4] f, b [4] c", curved, .spread = 0.7 },
    { "simple_rnn:units=2", 1, { SEQUENCE(6, 1) }, "[2, 1]", "W [6, 2] f, RW [2, 2] f, b [2] c", curved },
    { 0 },
};
