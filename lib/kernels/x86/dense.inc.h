/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of rows of x and rows of W, for the vec.h included before: tiles of TILE_ROWS x TILE_OUTS sums, one vector each, so that
 * an input is loaded once for all outputs of a tile and a weight once for all rows. Every tile sums in the same lanes and tree. */
#include "kernels/kernels.h"

#include <string.h>

/* Weights as they are stored, by their bytes: 4 float, 2 bfloat16, 1 whole numbers. */
INLINE vec weights(const int bytes, const char *at) { return bytes == 4 ? load(at) : bytes == 2 ? load_bf16(at) : load_i8(at); }

INLINE vec first_weights(const int bytes, int64_t n, mask m, const char *at)
{
    char few[2 * LANES] = { 0 };
    if (bytes == 4)
        return load_mask(m, at);
    memcpy(few, at, (size_t)(n * bytes));
    return weights(bytes, few);
}

/* Rows of W that will be wanted soon: while a tile is summed, n of them are fetched into the cache. */
struct ahead {
    const char *w;
    int n;
};

/* Lanes [k - k % LANES, k) are one masked step: lanes past k add 0 * 0. */
INLINE void tile(const int bytes, const int rows, const int outs, int64_t k, const float *x, int64_t ldx, const char *w,
                 int64_t ldw_bytes, float *y, int64_t ldy, bool accumulate, struct ahead ahead)
{
    vec sum[TILE_ROWS > 1 ? TILE_ROWS : 1][8];
    UNROLLED (r, rows, 1)
        UNROLLED (o, outs, 1)
            sum[r][o] = zero();
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        vec in[TILE_ROWS];
        UNROLLED (r, rows, 1)
            in[r] = load(x + r * ldx + i);
        UNROLLED (o, outs, 1) {
            const char *at = w + o * ldw_bytes + i * bytes;
            const vec v = weights(bytes, at);
            if (rows == 1) /* the weights come from memory: ask for them ahead of the few lines the processor looks ahead itself */
                _mm_prefetch(at + 1024, _MM_HINT_T0);
            UNROLLED (r, rows, 1)
                sum[r][o] = madd(in[r], v, sum[r][o]);
        }
        if (rows > 1)
            for (int a = 0; a < ahead.n; a++)
                _mm_prefetch(ahead.w + a * ldw_bytes + i * bytes, _MM_HINT_T0);
    }
    if (i < k) {
        const mask m = first_lanes(k - i);
        UNROLLED (o, outs, 1) {
            const vec v = first_weights(bytes, k - i, m, w + o * ldw_bytes + i * bytes);
            UNROLLED (r, rows, 1)
                sum[r][o] = madd(load_mask(m, x + r * ldx + i), v, sum[r][o]);
        }
    }
    UNROLLED (q, rows * outs, 4) {
        vec v[4];
        UNROLLED (l, 4, 1)
            v[l] = q + l < rows * outs ? sum[(q + l) / outs][(q + l) % outs] : zero();
        float four[4];
        _mm_storeu_ps(four, sum_lanes4(v[0], v[1], v[2], v[3]));
        UNROLLED (l, 4, 1)
            if (q + l < rows * outs) {
                float *to = y + (q + l) / outs * ldy + (q + l) % outs;
                *to = accumulate ? *to + four[l] : four[l];
            }
    }
}

/* All rows with `outs` outputs: TILE_ROWS (3 or 4) at a time, then the rest. The tiles share the fetching of the next strip's weights,
 * which come from memory: their time then hides behind the sums. */
INLINE void strip(const int bytes, const int outs, int64_t rows, int64_t k, const float *x, int64_t ldx, const char *w,
                  const char *next, int64_t ldw_bytes, float *y, int64_t ldy, bool accumulate)
{
    int64_t r = 0, fetched = 0;
    const int64_t each = (TILE_OUTS * TILE_ROWS + rows - 1) / rows;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS) {
        const int64_t left = TILE_OUTS - fetched, n = each < left ? each : left;
        tile(bytes, TILE_ROWS, outs, k, x + r * ldx, ldx, w, ldw_bytes, y + r * ldy, ldy, accumulate,
             (struct ahead){ next + fetched * ldw_bytes, (int)n });
        fetched += n;
    }
    const struct ahead nothing = { NULL, 0 };
    switch (rows - r) {
    case 3: tile(bytes, TILE_ROWS > 3 ? 3 : 1, outs, k, x + r * ldx, ldx, w, ldw_bytes, y + r * ldy, ldy, accumulate, nothing); break;
    case 2: tile(bytes, 2, outs, k, x + r * ldx, ldx, w, ldw_bytes, y + r * ldy, ldy, accumulate, nothing); break;
    case 1: tile(bytes, 1, outs, k, x + r * ldx, ldx, w, ldw_bytes, y + r * ldy, ldy, accumulate, nothing); break;
    default: break;
    }
}

INLINE void dense_of(const int bytes, int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw,
                     float *y, int64_t ldy, bool accumulate)
{
    const char *from = w;
    const int64_t ldw_bytes = ldw * bytes;
    int64_t o = 0;
    if (rows < TILE_ROWS)
        for (; o + 8 <= outs; o += 8) /* more streams of weights, and sums enough to hide the latency of one row's FMAs */
            for (int64_t r = 0; r < rows; r++)
                tile(bytes, 1, 8, k, x + r * ldx, ldx, from + o * ldw_bytes, ldw_bytes, y + r * ldy + o, ldy, accumulate,
                     (struct ahead){ NULL, 0 });
    for (; o + TILE_OUTS <= outs; o += TILE_OUTS) {
        /* After the last strip comes the next chunk of the first one. */
        const char *next = o + 2 * TILE_OUTS <= outs ? from + (o + TILE_OUTS) * ldw_bytes : from + k * bytes;
        strip(bytes, TILE_OUTS, rows, k, x, ldx, from + o * ldw_bytes, next, ldw_bytes, y + o, ldy, accumulate);
    }
    /* Sums of three or two outputs still hide the latency of an FMA, one alone does not. */
    for (; o + 3 <= outs && outs - o != 4; o += 3)
        strip(bytes, 3, rows, k, x, ldx, from + o * ldw_bytes, from + o * ldw_bytes, ldw_bytes, y + o, ldy, accumulate);
    for (; o + 2 <= outs; o += 2)
        strip(bytes, 2, rows, k, x, ldx, from + o * ldw_bytes, from + o * ldw_bytes, ldw_bytes, y + o, ldy, accumulate);
    if (o < outs)
        strip(bytes, 1, rows, k, x, ldx, from + o * ldw_bytes, from + o * ldw_bytes, ldw_bytes, y + o, ldy, accumulate);
}

#define DENSE(name, bytes)                                                                                                            \
    static void name(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y,        \
                     int64_t ldy, bool accumulate)                                                                                    \
    {                                                                                                                                 \
        dense_of(bytes, rows, outs, k, x, ldx, w, ldw, y, ldy, accumulate);                                                           \
    }
