/* SPDX-License-Identifier: Apache-2.0 */
/* Stored weights to floats, for the vec.h included before. A tail goes through a buffer. */
#include "kernels/kernels.h"

#include <string.h>

static void widen_bf16(int64_t n, const void *x, float *y)
{
    const char *from = x;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, load_bf16(from + 2 * i));
    if (i < n) {
        char few[2 * LANES] = { 0 };
        memcpy(few, from + 2 * i, 2 * (size_t)(n - i));
        store_mask(y + i, first_lanes(n - i), load_bf16(few));
    }
}

static void widen_i8(int64_t rows, int64_t columns, const void *x, const float *scale, float *y)
{
    const char *from = x;
    for (int64_t r = 0; r < rows; r++, from += columns, y += columns) {
        int64_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            store(y + c, mul(load_i8(from + c), load(scale + c)));
        if (c < columns) {
            const mask m = first_lanes(columns - c);
            char few[LANES] = { 0 };
            memcpy(few, from + c, (size_t)(columns - c));
            store_mask(y + c, m, mul(load_i8(few), load_mask(m, scale + c)));
        }
    }
}
