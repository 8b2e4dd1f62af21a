/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of rnn_output. */
#include "op_driver.h"

static void model(const struct model *m, bool bias)
{
    const int64_t in = m->in->dim[0], time = m->in->dim[1], out = m->out->dim[0];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t o = 0; o < out; o++)
            for (int64_t t = 0; t < time; t++) {
                double sum = bias ? m->w[1][o] : 0;
                for (int64_t i = 0; i < in; i++)
                    sum += m->w[0][o * in + i] * m->x[0][(r * in + i) * time + t];
                m->y[(r * out + o) * time + t] = sum;
            }
}

static void with_bias(const struct model *m) { model(m, true); }
static void bare(const struct model *m) { model(m, false); }

static const float x[] = { 1, 2, 10, 20 }, w[] = { 3, 4, 0.5f }, y[] = { 43.5f, 86.5f };

#define SEQUENCE(features, time) { .rank = 2, .batch = 1, .dim = { features, time } }

extern const struct op_case cases_rnn_output[];
const struct op_case cases_rnn_output[] = {
    { "rnn_output:units=1,loss=mse", 1, { SEQUENCE(2, 2) }, "[1, 2]", "W [2, 1] f, b [1] c", with_bias, .x = x, .w = w, .y = y },
    { "rnn_output:units=5,activation=softmax", 1, { SEQUENCE(9, 4) }, "[5, 4]", "W [9, 5] f, b [5] c", with_bias },
    { "rnn_output:units=3,has_bias=0", 1, { SEQUENCE(4, 1) }, "[3, 1]", "W [4, 3] f", bare },
    { 0 },
};
