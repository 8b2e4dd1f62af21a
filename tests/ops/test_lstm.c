/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of lstm. */
#include "models.h"

#include <math.h>

static double logistic(double z) { return 1 / (1 + exp(-z)); }
static double softsign(double z) { return z / (1 + fabs(z)); }
static double identity(double z) { return z; }

static void usual(const struct model *m) { model_lstm(m, false, tanh, logistic); }
static void other(const struct model *m) { model_lstm(m, false, softsign, tanh); }
static void straight(const struct model *m) { model_lstm(m, false, identity, identity); }

/* W i f o g = 1 2 3 4, RW = 0 0 0 1, b = 0 1 0 0. At x = 1: i = 1, f = 3, g = 4, c = 4, o = 3, h = 12. At x = 2: i = 2, f = 5,
 * g = 8 + 12 = 20, c = 5 * 4 + 20 * 2 = 60, o = 6, h = 360. */
static const float x[] = { 1, 2 }, w[] = { 1, 2, 3, 4, 0, 0, 0, 1, 0, 1, 0, 0 }, y[] = { 12, 360 };

#define SEQUENCE(features, time) { .rank = 2, .batch = 1, .dim = { features, time } }

extern const struct op_case cases_lstm[];
const struct op_case cases_lstm[] = {
    { "lstm:units=1,cell=identity,gate=identity", 1, { SEQUENCE(1, 2) }, "[1, 2]", "W [1, 4] f, RW [1, 4] f, b [4] c", straight, .x = x,
      .w = w, .y = y },
    { "lstm:units=4", 1, { SEQUENCE(3, 5) }, "[4, 5]", "W [3, 16] f, RW [4, 16] f, b [16] c", usual, .spread = 0.7 },
    { "lstm:units=3,cell=softsign,gate=tanh", 1, { SEQUENCE(5, 1) }, "[3, 1]", "W [5, 12] f, RW [3, 12] f, b [12] c", other },
    { 0 },
};
