/* SPDX-License-Identifier: Apache-2.0 */
/* What dense and output compute. */
#include "models.h"

#include "ops/support.h"

void model_linear(const struct model *m, bool has_bias)
{
    const int64_t in = dli_row_elements(m->in), out = m->out->dim[0];
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t o = 0; o < out; o++) {
            double sum = has_bias ? m->w[1][o] : 0;
            for (int64_t i = 0; i < in; i++)
                sum += m->w[0][o * in + i] * m->x[0][r * in + i];
            m->y[r * out + o] = sum;
        }
}
