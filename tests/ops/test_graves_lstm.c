/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of graves_lstm. */
#include "models.h"

#include <math.h>

static double logistic(double z) { return 1 / (1 + exp(-z)); }
static double softsign(double z) { return z / (1 + fabs(z)); }
static double identity(double z) { return z; }

static void usual(const struct model *m) { model_lstm(m, true, tanh, logistic); }
static void other(const struct model *m) { model_lstm(m, true, softsign, tanh); }
static void straight(const struct model *m) { model_lstm(m, true, identity, identity); }

/* W i f o g = 1 2 3 4, RW = 0 0 0 1, peepholes f o g = 1 2 3, b = 0 1 0 0. At x = 1: f = 3, g = 4, i = 1, c = 4, o = 3 + 2 * 4 = 11,
 * h = 44. At x = 2: i = 2, f = 5 + 4 = 9, g = 8 + 44 + 3 * 4 = 64, c = 9 * 4 + 64 * 2 = 164, o = 6 + 2 * 164 = 334, h = 334 * 164. */
static const float x[] = { 1, 2 }, w[] = { 1, 2, 3, 4, 0, 0, 0, 1, 1, 2, 3, 0, 1, 0, 0 }, y[] = { 44, 54776 };

#define SEQUENCE(features, time) { .rank = 2, .batch = 1, .dim = { features, time } }

extern const struct op_case cases_graves_lstm[];
const struct op_case cases_graves_lstm[] = {
    { "graves_lstm:units=1,cell=identity,gate=identity", 1, { SEQUENCE(1, 2) }, "[1, 2]", "W [1, 4] f, RW [1, 7] f, b [4] c", straight,
      .x = x, .w = w, .y = y },
    { "graves_lstm:units=4", 1, { SEQUENCE(3, 5) }, "[4, 5]", "W [3, 16] f, RW [4, 19] f, b [16] c", usual, .spread = 0.7 },
    { "graves_lstm:units=3,cell=softsign,gate=tanh", 1, { SEQUENCE(5, 1) }, "[3, 1]", "W [5, 12] f, RW [3, 15] f, b [12] c", other },
    { 0 },
};
