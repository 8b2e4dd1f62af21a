/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of matrix products, and packing, for the vec.h and transpose.h included before: MR rows of C by two vectors. */
#include "kernels/kernels.h"

enum { NR = 2 * LANES };

/* `height` rows are summed, of which `rows` are stored. */
INLINE void tile(const int height, int64_t k, const float *a, const float *b, float *c, int64_t ldc, int64_t rows, int64_t cols,
                 bool accumulate)
{
    vec sum[MR][2];
    UNROLLED (i, height, 1)
        sum[i][0] = sum[i][1] = zero();
    UNROLLED (i, height, 1) { /* C is needed last, and comes from afar */
        _mm_prefetch((const char *)(c + (i < rows ? i : 0) * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + (i < rows ? i : 0) * ldc + cols - 1), _MM_HINT_T0);
    }
    for (int64_t p = 0; p < k; p++) {
        const vec b0 = load(b + p * NR), b1 = load(b + p * NR + LANES);
        UNROLLED (i, height, 1) {
            const vec v = splat(a[p * MR + i]);
            sum[i][0] = madd(v, b0, sum[i][0]);
            sum[i][1] = madd(v, b1, sum[i][1]);
        }
    }
    const mask m0 = first_lanes(cols), m1 = first_lanes(cols - LANES);
    UNROLLED (i, height, 1) {
        if (i >= rows)
            break;
        float *to = c + i * ldc;
        if (accumulate) {
            sum[i][0] = add(load_mask(m0, to), sum[i][0]);
            sum[i][1] = add(load_mask(m1, to + LANES), sum[i][1]);
        }
        store_mask(to, m0, sum[i][0]);
        store_mask(to + LANES, m1, sum[i][1]);
    }
}

/* The last rows of a product need not cost what a full tile does. */
static void gemm(int64_t k, const float *a, const float *b, float *c, int64_t ldc, int64_t rows, int64_t cols, bool accumulate)
{
    if (rows > MR_HALF)
        tile(MR, k, a, b, c, ldc, rows, cols, accumulate);
    else if (rows > MR_QUARTER)
        tile(MR_HALF, k, a, b, c, ldc, rows, cols, accumulate);
    else
        tile(MR_QUARTER, k, a, b, c, ldc, rows, cols, accumulate);
}

/* Rows of the panels are contiguous in src: read along them, writing to all panels in turn. */
static void pack_rows(float *panel, int64_t width, const char *src, int64_t n, int64_t k, int64_t step_bytes)
{
    enum { AHEAD = 6 }; /* rows: each begins in another page, where no prefetcher follows */
    for (int64_t p = 0; p < k; p++) {
        const char *from = src + p * step_bytes;
        for (int64_t i = 0; i < n; i += width) {
            float *to = panel + i * k + p * width;
            for (int64_t j = 0; j < width; j += LANES) {
                const char *at = from + (i + j) * (int64_t)sizeof(float);
                _mm_prefetch(at + AHEAD * step_bytes, _MM_HINT_T0);
                if (j + LANES <= width && i + j + LANES <= n)
                    store(to + j, load(at));
                else
                    store_mask(to + j, first_lanes(width - j), load_mask(first_lanes(n - i - j), at));
            }
        }
    }
}

/* Columns of the panel are contiguous in src: turn squares of LANES x LANES. */
static void pack_columns(float *panel, int64_t width, const char *src, int64_t n, int64_t k, int64_t step_bytes)
{
    for (int64_t i = 0; i < width; i += LANES) {
        const mask to = first_lanes(width - i);
        for (int64_t p = 0; p < k; p += LANES) {
            const mask from = first_lanes(k - p);
            vec square[LANES];
            UNROLLED (q, LANES, 1)
                square[q] = i + q < n ? load_mask(from, src + (i + q) * step_bytes + p * (int64_t)sizeof(float)) : zero();
            transpose(square);
            const int64_t steps = k - p < LANES ? k - p : LANES;
            UNROLLED (q, LANES, 1)
                if (q < steps)
                    store_mask(panel + (p + q) * width + i, to, square[q]);
        }
    }
}

static void pack(float *panel, int64_t width, const void *src, int64_t n, int64_t k, int64_t step_i, int64_t step_p)
{
    const int64_t size = sizeof(float);
    if (step_i == 1)
        pack_rows(panel, width, src, n, k, step_p * size);
    else
        for (int64_t i = 0; i < n; i += width)
            pack_columns(panel + i * k, width, (const char *)src + i * step_i * size, n - i, k, step_i * size);
}

/* Eight rows of B at a time, one after the other into each sum. */
static void row(int64_t k, const void *a, int64_t step_a, const void *b, int64_t ldb, int64_t cols, float *sum)
{
    enum { DEPTH = 8 };
    const char *from = b, *factor = a;
    const int64_t step_bytes = ldb * (int64_t)sizeof(float);
    for (int64_t p = 0; p < k; p += DEPTH) {
        const int depth = k - p < DEPTH ? (int)(k - p) : DEPTH;
        vec v[DEPTH];
        UNROLLED (q, DEPTH, 1)
            if (q < depth) {
                float one;
                __builtin_memcpy(&one, factor + (p + q) * step_a * (int64_t)sizeof(float), sizeof one);
                v[q] = splat(one);
            } else {
                v[q] = zero();
            }
        for (int64_t j = 0; j < cols; j += LANES) {
            const mask m = first_lanes(cols - j);
            const char *at = from + p * step_bytes + j * (int64_t)sizeof(float);
            vec s = p > 0 ? load_mask(m, sum + j) : zero();
            if (depth == DEPTH)
                UNROLLED (q, DEPTH, 1)
                    s = madd(v[q], load_mask(m, at + q * step_bytes), s);
            else
                for (int q = 0; q < depth; q++)
                    s = madd(v[q], load_mask(m, at + q * step_bytes), s);
            store_mask(sum + j, m, s);
        }
    }
}
