/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of channels, interleaved and back. */
#include "kernels/kernels.h"

static void to_blocked(int64_t block, float *y, const float *x, int64_t channels, int64_t hw)
{
    for (int64_t p = 0; p < hw; p++) {
        for (int64_t c = 0; c < channels; c++)
            y[p * block + c] = x[c * hw + p];
        for (int64_t c = channels; c < block; c++)
            y[p * block + c] = 0;
    }
}

static void to_plain(int64_t block, float *y, const float *x, int64_t channels, int64_t hw)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < hw; p++)
            y[c * hw + p] = x[p * block + c];
}

void dli_generic_init_layout(struct dli_kernels *t)
{
    t->to_blocked = to_blocked;
    t->to_plain = to_plain;
}
