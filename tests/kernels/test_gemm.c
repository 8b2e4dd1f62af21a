/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products against sums in double, and the rule that a row's bits are its own. */
#include "kernels/gemm.h"

#include "kernels/check.h"
#include <stdlib.h>

static void multiply(dl4c_context *ctx, int32_t threads, int32_t blas, const struct dli_gemm *g)
{
    const size_t size = dli_gemm_scratch(g, dli_parallel_width(ctx, threads));
    void *scratch = guard_alloc(size); /* a multiple of 64 before a page: aligned, and nothing past it is touched */
    dli_gemm_run(ctx, threads, blas, g, scratch);
    guard_free(scratch, size);
}

static float *stored(int64_t rows, int64_t cols, int64_t ld, bool trans, uint64_t seed)
{
    return random_floats(trans ? (cols - 1) * ld + rows : (rows - 1) * ld + cols, seed);
}

static void check(int64_t m, int64_t n, int64_t k, bool ta, bool tb, bool accumulate, int32_t blas)
{
    const int64_t extra = (m + n + k) % 3, lda = (ta ? m : k) + extra, ldb = (tb ? k : n) + extra, ldc = n + extra;
    float *a = stored(m, k, lda, ta, 1), *b = stored(k, n, ldb, tb, 2);
    const int64_t size_c = (m - 1) * ldc + n;
    float *c = random_floats(size_c, 3), *before = random_floats(size_c, 3);
    dl4c_context *ctx = context_of(2);
    const struct dli_gemm g = { m, n, k, a, lda, ta, b, ldb, tb, c, ldc, accumulate };
    multiply(ctx, 2, blas, &g);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < ldc && i * ldc + j < size_c; j++) {
            if (j >= n) {
                assert_true(c[i * ldc + j] == before[i * ldc + j]);
                continue;
            }
            double sum = accumulate ? before[i * ldc + j] : 0, size = fabs(sum);
            for (int64_t p = 0; p < k; p++) {
                const double v = (double)a[ta ? p * lda + i : i * lda + p] * b[tb ? j * ldb + p : p * ldb + j];
                sum += v;
                size += fabs(v);
            }
            /* k roundings of partial sums no larger than `size`, of 2^-24 each; their errors add up far slower than k. */
            const double bound = ldexp(size, -24) * (4 + sqrt((double)k));
            if (!(fabs(c[i * ldc + j] - sum) <= bound))
                fail_msg("%dx%dx%d%s%s: c[%d][%d] is %.9g, not %.9g", (int)m, (int)n, (int)k, ta ? " ta" : "", tb ? " tb" : "", (int)i,
                         (int)j, (double)c[i * ldc + j], sum);
        }
    guard_free(a, (size_t)(ta ? (k - 1) * lda + m : (m - 1) * lda + k) * sizeof *a);
    guard_free(b, (size_t)(tb ? (n - 1) * ldb + k : (k - 1) * ldb + n) * sizeof *b);
    floats_free(c, size_c);
    floats_free(before, size_c);
    dl4c_context_destroy(&ctx);
}

static const int32_t providers[] = { DLI_BLAS_OWN, DLI_BLAS_BLIS };

static void products_of_every_shape_are_right(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = { { 1, 1, 1 },     { 1, 33, 7 },    { 2, 5, 300 },   { 4, 1030, 3 }, { 5, 31, 17 },
                                         { 13, 32, 64 },  { 14, 33, 255 }, { 15, 16, 256 }, { 6, 17, 257 }, { 29, 65, 513 },
                                         { 170, 70, 40 }, { 64, 550, 20 }, { 3, 4100, 5 },  { 7, 4130, 9 } };
    for (size_t p = 0; p < COUNT(providers); p++)
        for (size_t s = 0; s < COUNT(shapes); s++)
            for (int bits = 0; bits < 8; bits++)
                check(shapes[s][0], shapes[s][1], shapes[s][2], bits & 1, bits & 2, bits & 4, providers[p]);
}

static void every_small_shape_is_right(void **state)
{
    (void)state;
    for (int64_t m = 1; m <= 16; m += 3)
        for (int64_t n = 1; n <= 36; n += 5)
            for (int bits = 0; bits < 4; bits++)
                check(m, n, 19, bits & 1, bits & 2, false, DLI_BLAS_OWN);
}

static void a_product_of_no_terms_is_zero(void **state)
{
    (void)state;
    float c[4] = { 1, 2, 3, 4 };
    struct dli_gemm g = { .m = 2, .n = 2, .k = 0, .c = c, .ldc = 2, .accumulate = true };
    multiply(NULL, 1, DLI_BLAS_AUTO, &g);
    assert_true(c[0] == 1 && c[3] == 4);
    g.accumulate = false;
    multiply(NULL, 1, DLI_BLAS_AUTO, &g);
    assert_true(c[0] == 0 && c[3] == 0);
}

/* Rows of a 300-row product against those of smaller products, at other places, with other thread counts and storage. */
static void a_row_has_the_same_bits_in_every_batch(void **state)
{
    (void)state;
    static const int64_t heights[] = { 1, 3, 16, 300 };
    static const int32_t threads[] = { 1, 2, 5 };
    dl4c_context *ctx = context_of(5);
    for (int64_t width = 77; width <= (TEST_SLOW ? 77 : 1100); width += 1023)
        for (size_t p = 0; p < COUNT(providers); p++) {
            enum { ROWS = 300, DEPTH = 601 };
            float *a = random_floats(ROWS * DEPTH, 4), *at = floats(ROWS * DEPTH), *b = random_floats(DEPTH * width, 5),
                  *bt = floats(DEPTH * width);
            float *want = floats(ROWS * width), *c = floats(ROWS * width);
            for (int64_t i = 0; i < ROWS; i++)
                for (int64_t q = 0; q < DEPTH; q++)
                    at[q * ROWS + i] = a[i * DEPTH + q];
            for (int64_t j = 0; j < width; j++)
                for (int64_t q = 0; q < DEPTH; q++)
                    bt[j * DEPTH + q] = b[q * width + j];
            multiply(ctx, 1, providers[p], &(struct dli_gemm){ ROWS, width, DEPTH, a, DEPTH, false, b, width, false, want, width, false });
            for (size_t h = 0; h < COUNT(heights); h++)
                for (size_t t = 0; t < COUNT(threads); t++)
                    for (int bits = 0; bits < 4; bits++) {
                        const int64_t m = heights[h], first = (ROWS - m) * 2 / 3;
                        const struct dli_gemm g = { m,
                                                    width,
                                                    DEPTH,
                                                    bits & 1 ? at + first : a + first * DEPTH,
                                                    bits & 1 ? ROWS : DEPTH,
                                                    bits & 1,
                                                    bits & 2 ? bt : b,
                                                    bits & 2 ? DEPTH : width,
                                                    bits & 2,
                                                    c,
                                                    width,
                                                    false };
                        multiply(ctx, threads[t], providers[p], &g);
                        assert_true(same_bits(c, want + first * width, m * width));
                    }
            floats_free(a, ROWS * DEPTH);
            floats_free(at, ROWS * DEPTH);
            floats_free(b, DEPTH * width);
            floats_free(bt, DEPTH * width);
            floats_free(want, ROWS * width);
            floats_free(c, ROWS * width);
        }
    dl4c_context_destroy(&ctx);
}

/* And columns of B likewise: images of a batch lie side by side in some convolutions. */
static void a_column_has_the_same_bits_in_every_width(void **state)
{
    (void)state;
    enum { ROWS = 20, DEPTH = 300, WIDTH = 700 };
    static const int64_t widths[] = { 1, 5, 32, 47, 600 };
    dl4c_context *ctx = context_of(2);
    float *a = random_floats(ROWS * DEPTH, 6), *b = random_floats(DEPTH * WIDTH, 7), *want = floats(ROWS * WIDTH),
          *c = floats(ROWS * WIDTH);
    for (size_t p = 0; p < COUNT(providers); p++) {
        multiply(ctx, 2, providers[p], &(struct dli_gemm){ ROWS, WIDTH, DEPTH, a, DEPTH, false, b, WIDTH, false, want, WIDTH, false });
        for (size_t w = 0; w < COUNT(widths); w++) {
            const int64_t first = (WIDTH - widths[w]) / 2;
            multiply(ctx, 2, providers[p],
                     &(struct dli_gemm){ ROWS, widths[w], DEPTH, a, DEPTH, false, b + first, WIDTH, false, c, widths[w], false });
            for (int64_t i = 0; i < ROWS; i++)
                assert_true(same_bits(c + i * widths[w], want + i * WIDTH + first, widths[w]));
        }
    }
    floats_free(a, ROWS * DEPTH);
    floats_free(b, DEPTH * WIDTH);
    floats_free(want, ROWS * WIDTH);
    floats_free(c, ROWS * WIDTH);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_every_shape_are_right),
        cmocka_unit_test(every_small_shape_is_right),
        cmocka_unit_test(a_product_of_no_terms_is_zero),
        cmocka_unit_test(a_row_has_the_same_bits_in_every_batch),
        cmocka_unit_test(a_column_has_the_same_bits_in_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
