/* SPDX-License-Identifier: Apache-2.0 */
/* What pooling computes, window by window. */
#include "models.h"

#include <math.h>

/* As the case's text says them; padding at the end is whatever the output's size makes of it. */
void model_pool(const struct model *m, const struct window *w, bool average)
{
    const int64_t c = m->in->dim[0], h = m->in->dim[1], v = m->in->dim[2], oh = m->out->dim[1], ow = m->out->dim[2];
    for (int64_t p = 0; p < m->rows * c; p++)
        for (int64_t i = 0; i < oh; i++)
            for (int64_t j = 0; j < ow; j++) {
                const double *x = m->x[0] + p * h * v;
                double best = -INFINITY, sum = 0;
                int cells = 0, padded = 0;
                for (int64_t a = 0; a < w->kernel; a++)
                    for (int64_t b = 0; b < w->kernel; b++) {
                        const int64_t y = i * w->stride - w->pad + a * w->dilation, z = j * w->stride - w->pad + b * w->dilation;
                        padded += y < h + w->pad_end && z < v + w->pad_end;
                        if (y < 0 || y >= h || z < 0 || z >= v)
                            continue;
                        cells++;
                        sum += x[y * v + z];
                        best = fmax(best, x[y * v + z]);
                    }
                m->y[(p * oh + i) * ow + j] = cells == 0 ? 0 : !average ? best : sum / (w->include_pad ? padded : cells);
            }
}
