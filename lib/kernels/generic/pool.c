/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling in plain C. A plane is a channel (1 lane) or a block of channels (block lanes): the scan is the same. */
#include "kernels/pool.h"

#include "kernels/kernels.h"
#include "kernels/pool_window.h"
#include <math.h>

enum { MAX_BLOCK = 16 };

static inline float larger(float best, float v) { return v > best || v != v ? (best != best ? best : v) : best; }

static inline void scan(int32_t lanes, const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    for (int64_t i = first; i < last; i++) {
        const struct dli_window rows = dli_window_h(p, i);
        for (int64_t j = 0; j < p->ow; j++) {
            const struct dli_window cols = dli_window_w(p, j);
            const float *corner = x + (rows.start * p->w + cols.start) * lanes;
            float v[MAX_BLOCK];
            const bool empty = rows.n == 0 || cols.n == 0;
            for (int32_t l = 0; l < lanes; l++)
                v[l] = p->kind == DLI_POOL_MAX && !empty ? -INFINITY : 0;
            for (int64_t a = 0; a < rows.n; a++)
                for (int64_t b = 0; b < cols.n; b++) {
                    const float *cell = corner + (a * p->dilation_h * p->w + b * p->dilation_w) * lanes;
                    if (p->kind == DLI_POOL_MAX)
                        for (int32_t l = 0; l < lanes; l++)
                            v[l] = larger(v[l], cell[l]);
                    else
                        for (int32_t l = 0; l < lanes; l++)
                            v[l] += cell[l];
                }
            float *out = y + (i * p->ow + j) * lanes;
            const float cells = p->kind == DLI_POOL_MAX || empty ? 1 : dli_window_cells(p, &rows, &cols);
            for (int32_t l = 0; l < lanes; l++)
                out[l] = v[l] / cells;
        }
    }
}

static void pool_plain(const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    scan(1, p, first, last, x, y);
}

static void pool_blocked(int64_t block, const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y)
{
    scan((int32_t)block, p, first, last, x, y);
}

static void global_plain(int32_t kind, int64_t hw, const float *x, float *y)
{
    enum { LANES = 8 };
    if (kind == DLI_POOL_MAX) {
        float v = -INFINITY;
        for (int64_t i = 0; i < hw; i++)
            v = larger(v, x[i]);
        *y = hw > 0 ? v : 0;
        return;
    }
    float s[LANES] = { 0 };
    int64_t i = 0;
    for (; i + LANES <= hw; i += LANES)
        for (int l = 0; l < LANES; l++)
            s[l] += x[i + l];
    for (int l = 0; i < hw; i++, l++)
        s[l] += x[i];
    *y = hw > 0 ? (((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))) / (float)hw : 0;
}

static void global_blocked(int64_t block, int32_t kind, int64_t hw, const float *x, float *y)
{
    for (int64_t l = 0; l < block; l++) {
        if (kind == DLI_POOL_MAX) {
            float v = hw > 0 ? -INFINITY : 0;
            for (int64_t i = 0; i < hw; i++)
                v = larger(v, x[i * block + l]);
            y[l] = v;
        } else {
            float s[4] = { 0 };
            for (int64_t i = 0; i < hw; i++)
                s[i % 4] += x[i * block + l];
            y[l] = hw > 0 ? ((s[0] + s[2]) + (s[1] + s[3])) / (float)hw : 0;
        }
    }
}

void dli_generic_init_pool(struct dli_kernels *t)
{
    t->pool_plain = pool_plain;
    t->pool_blocked = pool_blocked;
    t->pool_global_plain = global_plain;
    t->pool_global_blocked = global_blocked;
}
