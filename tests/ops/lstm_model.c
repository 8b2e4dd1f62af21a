/* SPDX-License-Identifier: Apache-2.0 */
/* What lstm and graves_lstm compute, for up to 32 units. */
#include "models.h"

void model_lstm(const struct model *m, bool peephole, double (*cell)(double), double (*gate)(double))
{
    const int64_t in = m->in->dim[0], time = m->in->dim[1], u = m->out->dim[0];
    double c[32] = { 0 }, z[128];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t t = 0; t < time; t++) {
            for (int64_t k = 0; k < 4 * u; k++) {
                z[k] = m->w[2][k];
                for (int64_t i = 0; i < in; i++)
                    z[k] += m->w[0][k * in + i] * m->x[0][(r * in + i) * time + t];
                for (int64_t i = 0; t > 0 && i < u; i++)
                    z[k] += m->w[1][k * u + i] * m->y[(r * u + i) * time + t - 1];
            }
            for (int64_t j = 0; j < u; j++) {
                const double *peep = m->w[1] + 4 * u * u, last = t > 0 ? c[j] : 0;
                const double f = gate(z[u + j] + (peephole ? peep[j] * last : 0));
                const double g = gate(z[3 * u + j] + (peephole ? peep[2 * u + j] * last : 0));
                c[j] = f * last + g * cell(z[j]);
                m->y[(r * u + j) * time + t] = gate(z[2 * u + j] + (peephole ? peep[u + j] * c[j] : 0)) * cell(c[j]);
            }
        }
}
