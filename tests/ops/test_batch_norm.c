/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of batch_norm. */
#include "op_driver.h"

#include <math.h>

struct attrs {
    double eps, decay;
    int64_t lock_gamma_beta, use_log_std;
    double gamma, beta;
};

static void batch_norm(const struct model *m, bool batch)
{
    const struct attrs *a = m->attrs;
    const int64_t c = m->in->dim[0], hw = m->in->rank == 3 ? m->in->dim[1] * m->in->dim[2] : 1, first = a->lock_gamma_beta ? 0 : 2;
    for (int64_t k = 0; k < c; k++) {
        double mean = m->w[first][k], var = a->use_log_std ? pow(10, 2 * m->w[first + 1][k]) : m->w[first + 1][k], sum = 0, squares = 0;
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t i = 0; i < hw; i++)
                sum += m->x[0][(r * c + k) * hw + i];
        sum /= (double)(m->rows * hw);
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t i = 0; i < hw; i++)
                squares += pow(m->x[0][(r * c + k) * hw + i] - sum, 2);
        if (batch) {
            mean = sum;
            var = squares / (double)(m->rows * hw);
        }
        const double gamma = a->lock_gamma_beta ? a->gamma : m->w[0][k], beta = a->lock_gamma_beta ? a->beta : m->w[1][k];
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t i = 0; i < hw; i++) {
                const int64_t at = (r * c + k) * hw + i;
                m->y[at] = gamma * (m->x[0][at] - mean) / sqrt(var + a->eps) + beta;
            }
    }
}

static void running(const struct model *m) { batch_norm(m, false); }
static void of_batch(const struct model *m) { batch_norm(m, true); }

/* gamma 2, beta 1, mean 3, var 4: y = x - 2. */
static const float x[] = { 1, 5 }, w[] = { 2, 1, 3, 4 }, y[] = { -1, 3 };

extern const struct op_case cases_batch_norm[];
const struct op_case cases_batch_norm[] = {
    { "batch_norm:eps=0",
      1,
      { ROW3(1, 1, 2) },
      "[1, 1, 2]",
      "gamma [1] c, beta [1] c, mean [1] c, var [1] c",
      running,
      .x = x,
      .w = w,
      .y = y },
    { "batch_norm", 1, { ROW3(19, 5, 3) }, "[19, 5, 3]", "gamma [19] c, beta [19] c, mean [19] c, var [19] c", running },
    { "batch_norm:use_log_std=1,eps=0.1", 1, { ROW1(21) }, "[21]", "gamma [21] c, beta [21] c, mean [21] c, log10stdev [21] c", running },
    { "batch_norm:lock_gamma_beta=1,gamma=2,beta=0.5", 1, { ROW3(3, 5, 3) }, "[3, 5, 3]", "mean [3] c, var [3] c", running },
    { "batch_norm",
      1,
      { ROW3(6, 5, 3) },
      "[6, 5, 3]",
      "gamma [6] c, beta [6] c, mean [6] c, var [6] c",
      of_batch,
      CASE_TRAINING | CASE_COUPLED },
    { "batch_norm:lock_gamma_beta=1", 1, { ROW3(3, 4, 3) }, "[3, 4, 3]", "mean [3] c, var [3] c", of_batch, CASE_TRAINING | CASE_COUPLED },
    { "batch_norm:eps=0.01,use_log_std=1",
      1,
      { ROW1(9) },
      "[9]",
      "gamma [9] c, beta [9] c, mean [9] c, log10stdev [9] c",
      of_batch,
      CASE_TRAINING | CASE_COUPLED },
    { 0 },
};
