/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of rows against double, at every length around the vector width, in guarded arrays. */
#include "kernels/softmax.h"

#include "kernels/check.h"

static void rows_of_every_length_are_right(void **state)
{
    (void)state;
    for (int64_t k = 1; k <= 70; k++) {
        enum { ROWS = 3 };
        float *x = random_floats(ROWS * k, (uint64_t)k), *y = floats(ROWS * k), *l = floats(ROWS * k), *dy = random_floats(ROWS * k, 5);
        float *dx = floats(ROWS * k);
        for (int64_t i = 0; i < k; i++)
            x[i] *= 20;
        dli_softmax_rows(NULL, 0, ROWS, k, x, y);
        dli_log_softmax_rows(NULL, 0, ROWS, k, x, l);
        dli_softmax_backward(NULL, 0, ROWS, k, y, dy, dx);
        for (int r = 0; r < ROWS; r++) {
            double sum = 0, top = -INFINITY, dot = 0;
            for (int64_t i = 0; i < k; i++)
                top = fmax(top, x[r * k + i]);
            for (int64_t i = 0; i < k; i++)
                sum += exp(x[r * k + i] - top);
            for (int64_t i = 0; i < k; i++)
                dot += (double)y[r * k + i] * dy[r * k + i];
            for (int64_t i = 0; i < k; i++) {
                const int64_t at = r * k + i;
                const double want = exp(x[at] - top) / sum;
                /* x - top is rounded to 2^-24 of at most 80: a relative error of 80 * 2^-24 in the exponential at worst. */
                assert_true(fabs(y[at] - want) <= want * (8 + fabs(x[at] - top)) * ldexp(1, -24) + 1e-45);
                assert_true(fabs(l[at] - (x[at] - top - log(sum))) <= (8 + 2 * fabs(l[at])) * ldexp(1, -24));
                assert_true(fabs(dx[at] - y[at] * (dy[at] - dot)) <= y[at] * 16 * ldexp(1, -24));
            }
        }
        dli_softmax_rows(NULL, 0, ROWS, k, x, x); /* in place */
        assert_true(same_bits(x, y, ROWS * k));
        floats_free(x, ROWS * k);
        floats_free(y, ROWS * k);
        floats_free(l, ROWS * k);
        floats_free(dy, ROWS * k);
        floats_free(dx, ROWS * k);
    }
}

static void a_row_has_the_same_bits_in_every_batch(void **state)
{
    (void)state;
    enum { ROWS = 300, K = 257 };
    dl4c_context *ctx = context_of(5);
    float *x = random_floats(ROWS * K, 1), *want = floats(ROWS * K), *y = floats(ROWS * K);
    dli_softmax_rows(ctx, 1, ROWS, K, x, want);
    for (int32_t threads = 1; threads <= 5; threads += 2) {
        dli_softmax_rows(ctx, threads, ROWS, K, x, y);
        assert_true(same_bits(y, want, ROWS * K));
        for (int64_t r = 0; r < ROWS; r += 61) {
            dli_softmax_rows(ctx, threads, 1, K, x + r * K, y);
            assert_true(same_bits(y, want + r * K, K));
        }
    }
    floats_free(x, ROWS * K);
    floats_free(want, ROWS * K);
    floats_free(y, ROWS * K);
    dl4c_context_destroy(&ctx);
}

static void not_a_number_spoils_its_row_alone(void **state)
{
    (void)state;
    for (int64_t k = 1; k <= 40; k++)
        for (int64_t at = 0; at < k; at++) {
            float x[80], y[80];
            for (int64_t i = 0; i < 2 * k; i++)
                x[i] = (float)(i % 5);
            x[at] = at % 2 ? INFINITY : NAN;
            dli_softmax_rows(NULL, 1, 2, k, x, y);
            for (int64_t i = 0; i < k; i++)
                assert_true(isnan(y[i]) && y[k + i] > 0 && y[k + i] <= 1);
        }
}

static void large_inputs_do_not_overflow(void **state)
{
    (void)state;
    const float x[3] = { 1000, -1000, 999 };
    float y[3], l[3];
    dli_softmax_rows(NULL, 1, 1, 3, x, y);
    dli_log_softmax_rows(NULL, 1, 1, 3, x, l);
    assert_true(fabsf(y[0] - 0.7310586f) < 1e-6f && y[1] == 0 && fabsf(y[2] - 0.2689414f) < 1e-6f);
    assert_true(fabsf(l[1] + 2000.3133f) < 1e-3f); /* 2^-24 of 2000 is 1.2e-4 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_length_are_right),
        cmocka_unit_test(a_row_has_the_same_bits_in_every_batch),
        cmocka_unit_test(not_a_number_spoils_its_row_alone),
        cmocka_unit_test(large_inputs_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
