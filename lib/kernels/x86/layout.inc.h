/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of channels, interleaved and back, in squares of LANES x LANES, for the transpose.h included before. block is LANES in the
 * tables that hold this. */
#include "kernels/kernels.h"

static void to_blocked(int64_t block, float *y, const float *x, int64_t channels, int64_t hw)
{
    for (int64_t p = 0; p < hw; p += LANES) {
        const mask pixels = first_lanes(hw - p);
        vec square[LANES];
        UNROLLED (c, LANES, 1)
            square[c] = c < channels ? load_mask(pixels, x + c * hw + p) : zero();
        transpose(square);
        const int64_t n = hw - p < LANES ? hw - p : LANES;
        UNROLLED (q, LANES, 1)
            if (q < n)
                store(y + (p + q) * block, square[q]);
    }
}

static void to_plain(int64_t block, float *y, const float *x, int64_t channels, int64_t hw)
{
    for (int64_t p = 0; p < hw; p += LANES) {
        const mask pixels = first_lanes(hw - p);
        const int64_t n = hw - p < LANES ? hw - p : LANES;
        vec square[LANES];
        UNROLLED (q, LANES, 1)
            square[q] = q < n ? load(x + (p + q) * block) : zero();
        transpose(square);
        UNROLLED (c, LANES, 1)
            if (c < channels)
                store_mask(y + c * hw + p, pixels, square[c]);
    }
}
