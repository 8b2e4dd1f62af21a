/* SPDX-License-Identifier: Apache-2.0 */
/* Fully connected layers against sums in double, with the weight at any address, and the rule that a row's bits are its own. */
#include "kernels/convert.h"
#include "kernels/dense.h"
#include "kernels/stored.h"

#include "kernels/check.h"

/* The weight in a guarded buffer, `offset` bytes off any alignment. */
struct weight {
    size_t size;
    char *memory;
    const void *at;
};

static struct weight weight_at(const float *w, int64_t n, size_t offset)
{
    struct weight u = { (size_t)n * sizeof *w, NULL, NULL };
    u.size += offset; /* ends `offset` bytes before the guard page */
    u.memory = guard_alloc(u.size);
    memcpy(u.memory, w, (size_t)n * sizeof *w);
    u.at = u.memory;
    return u;
}

static void check(int64_t n, int64_t in, int64_t out, bool with_bias, size_t offset)
{
    const int64_t ldx = in + n % 2;
    float *x = random_floats((n - 1) * ldx + in, 1), *w = random_floats(out * in, 2), *bias = random_floats(out, 3), *y = floats(n * out);
    struct weight u = weight_at(w, out * in, offset);
    dl4c_context *ctx = context_of(2);
    dli_dense_run(ctx, 2, n, in, out, x, ldx, u.at, with_bias ? bias : NULL, y);
    for (int64_t r = 0; r < n; r++)
        for (int64_t o = 0; o < out; o++) {
            double sum = with_bias ? bias[o] : 0, size = fabs(sum);
            for (int64_t i = 0; i < in; i++) {
                sum += (double)x[r * ldx + i] * w[o * in + i];
                size += fabs((double)x[r * ldx + i] * w[o * in + i]);
            }
            /* At most in + 3 roundings of partial sums no larger than `size`, which add up far slower than their number. */
            if (!(fabs(y[r * out + o] - sum) <= ldexp(size, -24) * (4 + sqrt((double)in))))
                fail_msg("%dx%dx%d: y[%d][%d] is %.9g, not %.9g", (int)n, (int)in, (int)out, (int)r, (int)o, (double)y[r * out + o], sum);
        }
    floats_free(x, (n - 1) * ldx + in);
    floats_free(w, out * in);
    floats_free(bias, out);
    floats_free(y, n * out);
    guard_free(u.memory, u.size);
    dl4c_context_destroy(&ctx);
}

static void outputs_of_every_shape_are_right(void **state)
{
    (void)state;
    for (int64_t in = 1; in <= 40; in++)
        check(3, in, 5, in % 2, (size_t)in % 4);
    for (int64_t out = 1; out <= 60; out += 7)
        for (int64_t n = 1; n <= 9; n++)
            check(n, 37, out, true, 0);
    check(70, 100, 50, true, 1);
    check(1, 1024, 13, false, 0);
    check(2, 1025, 13, true, 3);
    check(5, 3000, 7, true, 2);
    check(17, 2047, 49, true, 0);
}

static void a_row_has_the_same_bits_in_every_batch(void **state)
{
    (void)state;
    enum { ROWS = 300, IN = 1531, OUT = 101 };
    static const int64_t heights[] = { 1, 3, 16, 300 };
    static const int32_t threads[] = { 1, 2, 5 };
    dl4c_context *ctx = context_of(5);
    float *x = random_floats(ROWS * IN, 4), *w = random_floats(OUT * IN, 5), *bias = random_floats(OUT, 6);
    float *want = floats(ROWS * OUT), *y = floats(ROWS * OUT);
    dli_dense_run(ctx, 1, ROWS, IN, OUT, x, IN, w, bias, want);
    for (size_t h = 0; h < COUNT(heights); h++)
        for (size_t t = 0; t < COUNT(threads); t++)
            for (int64_t first = 0; first + heights[h] <= ROWS; first += 97) {
                dli_dense_run(ctx, threads[t], heights[h], IN, OUT, x + first * IN, IN, w, bias, y);
                assert_true(same_bits(y, want + first * OUT, heights[h] * OUT));
            }
    /* An output's bits are its own too. */
    dli_dense_run(ctx, 2, 16, IN, 7, x, IN, w + 11 * IN, bias + 11, y);
    for (int64_t r = 0; r < 16; r++)
        assert_true(same_bits(y + r * 7, want + r * OUT + 11, 7));
    floats_free(x, ROWS * IN);
    floats_free(w, OUT * IN);
    floats_free(bias, OUT);
    floats_free(want, ROWS * OUT);
    floats_free(y, ROWS * OUT);
    dl4c_context_destroy(&ctx);
}

/* Scratch is made for the most rows of a training, whose last minibatch may hold any number. A product asks for what it needs itself, so
 * no number of rows may ask for more than a larger one. Which worker writes where is a matter of luck: the run shows the rest. */
static void scratch_for_many_rows_serves_fewer(void **state)
{
    (void)state;
    enum { MOST = 200, IN = 700, OUT = 200, THREADS = 8 };
    static const int64_t ins[] = { 5, 700, 4096 }, outs[] = { 3, 10, 200, 600 };
    static const int32_t workers[] = { 1, 2, 8, 64 };
    for (size_t i = 0; i < COUNT(ins); i++)
        for (size_t o = 0; o < COUNT(outs); o++)
            for (size_t k = 0; k < COUNT(workers); k++)
                for (int64_t n = 1; n <= 400; n++)
                    if (dli_dense_backward_scratch(n, ins[i], outs[o], workers[k]) >
                        dli_dense_backward_scratch(n + 1, ins[i], outs[o], workers[k]))
                        fail_msg("%d inputs, %d outputs, %d workers: %d rows need more than one row more", (int)ins[i], (int)outs[o],
                                 (int)workers[k], (int)n);
    dl4c_context *ctx = context_of(THREADS);
    float *dy = random_floats(MOST * OUT, 3), *w = random_floats(OUT * IN, 2), *dx = floats(MOST * IN), *want = floats(MOST * IN);
    const size_t size = dli_dense_backward_scratch(MOST, IN, OUT, THREADS);
    void *scratch = guard_alloc(size);
    dli_dense_backward_data(ctx, 1, DLI_BLAS_OWN, MOST, IN, OUT, dy, w, want, scratch);
    static const int64_t rows_of[] = { 1, 3, 4, 5, 20, 64, 65, 100, 168, 169, MOST };
    for (size_t r = 0; r < COUNT(rows_of); r++) {
        const int64_t rows = rows_of[r];
        dli_dense_backward_data(ctx, THREADS, DLI_BLAS_OWN, rows, IN, OUT, dy, w, dx, scratch);
        assert_true(same_bits(dx, want, rows * IN));
    }
    guard_free(scratch, size);
    floats_free(dy, MOST * OUT);
    floats_free(w, OUT * IN);
    floats_free(dx, MOST * IN);
    floats_free(want, MOST * IN);
    dl4c_context_destroy(&ctx);
}

static void gradients_are_right(void **state)
{
    (void)state;
    enum { N = 21, IN = 53, OUT = 34 };
    dl4c_context *ctx = context_of(2);
    float *x = random_floats(N * IN, 1), *w = random_floats(OUT * IN, 2), *dy = random_floats(N * OUT, 3);
    float *dx = floats(N * IN), *dw = random_floats(OUT * IN, 4), *db = random_floats(OUT, 5), *dw0 = random_floats(OUT * IN, 4);
    float *db0 = random_floats(OUT, 5);
    const size_t size = dli_dense_backward_scratch(N, IN, OUT, dli_parallel_width(ctx, 2));
    void *scratch = guard_alloc(size);
    struct weight u = weight_at(w, OUT * IN, 3);
    dli_dense_backward_data(ctx, 2, DLI_BLAS_OWN, N, IN, OUT, dy, u.at, dx, scratch);
    for (int r = 0; r < N; r++)
        for (int i = 0; i < IN; i++) {
            double sum = 0;
            for (int o = 0; o < OUT; o++)
                sum += (double)dy[r * OUT + o] * w[o * IN + i];
            assert_true(fabs(dx[r * IN + i] - sum) < 1e-5); /* 34 terms below 4: 34 * 4 * 2^-24 */
        }
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        if (accumulate) {
            memcpy(dw, dw0, OUT * IN * sizeof *dw);
            memcpy(db, db0, OUT * sizeof *db);
        }
        dli_dense_backward_weight(ctx, 2, DLI_BLAS_OWN, N, IN, OUT, x, IN, dy, dw, db, accumulate, scratch);
        for (int o = 0; o < OUT; o++) {
            double bias = accumulate ? db0[o] : 0;
            for (int r = 0; r < N; r++)
                bias += dy[r * OUT + o];
            assert_true(fabs(db[o] - bias) < 1e-5);
            for (int i = 0; i < IN; i++) {
                double sum = accumulate ? dw0[o * IN + i] : 0;
                for (int r = 0; r < N; r++)
                    sum += (double)dy[r * OUT + o] * x[r * IN + i];
                assert_true(fabs(dw[o * IN + i] - sum) < 1e-5);
            }
        }
    }
    guard_free(scratch, size);
    guard_free(u.memory, u.size);
    floats_free(x, N * IN);
    floats_free(w, OUT * IN);
    floats_free(dy, N * OUT);
    floats_free(dx, N * IN);
    floats_free(dw, OUT * IN);
    floats_free(dw0, OUT * IN);
    floats_free(db, OUT);
    floats_free(db0, OUT);
    dl4c_context_destroy(&ctx);
}

/* ---- stored weights -------------------------------------------------------------------------------------------------------- */

/* Weights as a precision keeps them, but as floats: whole numbers where they are bytes, whose scales are apart. */
static float *kept(int32_t precision, const float *w, int64_t in, int64_t out, float *scale)
{
    float *v = floats(in * out);
    for (int64_t o = 0; o < out; o++) {
        float most = 0;
        for (int64_t i = 0; i < in; i++)
            most = fmaxf(most, fabsf(w[o * in + i]));
        scale[o] = precision == DL4C_PRECISION_INT8_WEIGHTS ? most / 127 : 1;
        for (int64_t i = 0; i < in; i++) {
            uint16_t half;
            dli_narrow_bf16(1, w + o * in + i, &half);
            if (precision == DL4C_PRECISION_INT8_WEIGHTS)
                v[o * in + i] = (float)nearbyint((double)w[o * in + i] / (double)scale[o]);
            else
                dli_widen_bf16(1, &half, v + o * in + i);
        }
    }
    return v;
}

static void run_stored(int32_t precision, int32_t threads, int64_t n, int64_t in, int64_t out, const float *x, int64_t ldx, const float *w,
                       const float *bias, float *y)
{
    const size_t size = dli_dense_stored_bytes(precision, in, out), scratch_size = dli_dense_stored_scratch(precision, n, in);
    void *stored = guard_alloc(size), *scratch = guard_alloc(scratch_size);
    struct weight u = weight_at(w, in * out, 1);
    dl4c_context *ctx = context_of(threads);
    dli_dense_store(ctx, threads, precision, in, out, u.at, stored);
    dli_dense_run_stored(ctx, threads, precision, n, in, out, x, ldx, stored, bias, y, scratch);
    guard_free(stored, size);
    guard_free(scratch, scratch_size);
    guard_free(u.memory, u.size);
    dl4c_context_destroy(&ctx);
}

static const int32_t of_weights[] = { DL4C_PRECISION_BF16_WEIGHTS, DL4C_PRECISION_INT8_WEIGHTS };

static void check_stored(int32_t precision, int64_t n, int64_t in, int64_t out)
{
    const int64_t ldx = in + n % 2;
    float *x = random_floats((n - 1) * ldx + in, 1), *w = random_floats(in * out, 2), *bias = random_floats(out, 3);
    float *y = floats(n * out), *want = floats(n * out), *scale = floats(out), *v = kept(precision, w, in, out, scale);
    dl4c_context *ctx = context_of(1);
    dli_dense_run(ctx, 1, n, in, out, x, ldx, v, NULL, want);
    for (int64_t r = 0; r < n; r++)
        for (int64_t o = 0; o < out; o++)
            want[r * out + o] = want[r * out + o] * scale[o] + bias[o];
    run_stored(precision, 2, n, in, out, x, ldx, w, bias, y);
    if (!same_bits(y, want, n * out))
        fail_msg("precision %d, %dx%dx%d: not the bits of the rounded weights", (int)precision, (int)n, (int)in, (int)out);
    floats_free(x, (n - 1) * ldx + in);
    floats_free(w, in * out);
    floats_free(bias, out);
    floats_free(y, n * out);
    floats_free(want, n * out);
    floats_free(scale, out);
    floats_free(v, in * out);
    dl4c_context_destroy(&ctx);
}

static void stored_weights_give_the_bits_of_the_rounded_ones(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT(of_weights); p++) {
        for (int64_t in = 1; in <= 40; in++)
            check_stored(of_weights[p], 1 + in % 6, in, 5 + in % 9);
        check_stored(of_weights[p], 1, 1025, 61);
        check_stored(of_weights[p], 70, 300, 50);
        check_stored(of_weights[p], 5, 3001, 7);
    }
}

static bool offered(int32_t precision) { return dl4c_precision_check(precision, NULL) == DL4C_OK; }

/* Sums in double of products of rounded inputs and rounded weights; each product and sum in a lane rounds once. */
static void pairs_of_bfloat16_are_multiplied(void **state)
{
    (void)state;
    if (!offered(DL4C_PRECISION_BF16)) {
        print_message("skipped: no AVX512-BF16 here\n");
        skip();
    }
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 3, 7, 5 }, { 1, 33, 17 }, { 9, 64, 49 }, { 2, 2049, 13 }, { 70, 301, 50 } };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        const int64_t n = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
        float *x = random_floats(n * in, 1), *w = random_floats(in * out, 2), *bias = random_floats(out, 3), *y = floats(n * out);
        float *ones = floats(n > out ? n : out);
        float *xr = kept(DL4C_PRECISION_BF16, x, in, n, ones), *wr = kept(DL4C_PRECISION_BF16, w, in, out, ones);
        run_stored(DL4C_PRECISION_BF16, 2, n, in, out, x, in, w, bias, y);
        for (int64_t r = 0; r < n; r++)
            for (int64_t o = 0; o < out; o++) {
                double sum = bias[o], size = fabs(sum);
                for (int64_t i = 0; i < in; i++) {
                    sum += (double)xr[r * in + i] * wr[o * in + i];
                    size += fabs((double)xr[r * in + i] * wr[o * in + i]);
                }
                if (!(fabs(y[r * out + o] - sum) <= ldexp(size, -24) * (4 + sqrt((double)in))))
                    fail_msg("%dx%dx%d: y[%d][%d] is %.9g, not %.9g", (int)n, (int)in, (int)out, (int)r, (int)o,
                             (double)y[r * out + o], sum);
            }
        floats_free(x, n * in);
        floats_free(w, in * out);
        floats_free(bias, out);
        floats_free(y, n * out);
        floats_free(ones, n > out ? n : out);
        floats_free(xr, n * in);
        floats_free(wr, in * out);
    }
}

static void a_row_has_the_same_bits_in_every_batch_of_every_precision(void **state)
{
    (void)state;
    enum { ROWS = 130, IN = 1531, OUT = 61 };
    static const int64_t heights[] = { 1, 3, 16, 130 };
    float *x = random_floats(ROWS * IN, 4), *w = random_floats(OUT * IN, 5), *bias = random_floats(OUT, 6);
    float *want = floats(ROWS * OUT), *y = floats(ROWS * OUT);
    for (int32_t p = DL4C_PRECISION_BF16_WEIGHTS; dl4c_precision_name(p); p++) {
        if (!offered(p))
            continue;
        run_stored(p, 1, ROWS, IN, OUT, x, IN, w, bias, want);
        for (size_t h = 0; h < COUNT(heights); h++)
            for (int32_t threads = 1; threads <= 5; threads += 4)
                for (int64_t first = 0; first + heights[h] <= ROWS; first += 57) {
                    run_stored(p, threads, heights[h], IN, OUT, x + first * IN, IN, w, bias, y);
                    assert_true(same_bits(y, want + first * OUT, heights[h] * OUT));
                }
    }
    floats_free(x, ROWS * IN);
    floats_free(w, OUT * IN);
    floats_free(bias, OUT);
    floats_free(want, ROWS * OUT);
    floats_free(y, ROWS * OUT);
}

static void weights_that_are_not_finite_are_not_hidden(void **state)
{
    (void)state;
    for (int32_t p = DL4C_PRECISION_BF16_WEIGHTS; dl4c_precision_name(p); p++) {
        float x[20], w[2 * 20], y[2];
        for (int i = 0; i < 20; i++)
            x[i] = w[i] = w[20 + i] = 0.25f;
        if (!offered(p))
            continue;
        w[7] = NAN;
        run_stored(p, 1, 1, 20, 2, x, 20, w, NULL, y);
        assert_true(isnan(y[0]) && y[1] == 20 * 0.0625f);
        w[7] = INFINITY;
        run_stored(p, 1, 1, 20, 2, x, 20, w, NULL, y);
        assert_true(!isfinite(y[0]) && y[1] == 20 * 0.0625f);
        memset(w, 0, 20 * sizeof *w);
        run_stored(p, 1, 1, 20, 2, x, 20, w, NULL, y);
        assert_true(y[0] == 0);
    }
}

/* Copies the pieces to where they belong, and counts how often each element comes. */
struct gathered {
    float *dw;
    uint8_t *times;
};

static void gather(void *user, int64_t first, int64_t n, float *gradient)
{
    const struct gathered *g = user;
    for (int64_t i = 0; i < n; i++) {
        g->dw[first + i] = gradient[i];
        g->times[first + i]++;
        gradient[i] = NAN; /* may be written over */
    }
}

static void a_gradient_in_pieces_has_the_bits_of_a_stored_one(void **state)
{
    (void)state;
    static const int64_t rows[] = { 1, 2, 7, 32, 255, 256, 257, DLI_DENSE_TAKEN }, ins[] = { 1, 31, 300, 2100 }, outs[] = { 1, 5, 15, 33 };
    dl4c_context *ctx = context_of(3);
    for (size_t r = 0; r < COUNT(rows); r++)
        for (size_t i = 0; i < COUNT(ins); i++)
            for (size_t o = 0; o < COUNT(outs); o++) {
                const int64_t n = rows[r], in = ins[i], out = outs[o], ldx = in + 3;
                if (n * in * out > 4000000)
                    continue;
                float *x = random_floats((n - 1) * ldx + in, 1), *dy = random_floats(n * out, 2), *db[2] = { floats(out), floats(out) };
                float *dw = floats(out * in), *pieces = floats(out * in), *near = floats(out * in);
                uint8_t *times = guard_alloc((size_t)(out * in));
                const size_t size = dli_dense_learn_scratch(n, in, out, 3), stored = dli_dense_backward_scratch(n, in, out, 3);
                void *scratch = guard_alloc(size), *other = guard_alloc(stored);
                struct gathered g = { pieces, times };
                const struct dli_taker taker = { .take = gather, .user = &g, .n_near = 1, .near = { near } };
                memset(times, 0, (size_t)(out * in));
                dli_dense_backward_weight(ctx, 1, DLI_BLAS_OWN, n, in, out, x, ldx, dy, dw, db[0], false, other);
                dli_dense_learn_weight(ctx, 3, n, in, out, x, ldx, dy, &taker, db[1], scratch);
                for (int64_t k = 0; k < out * in; k++)
                    assert_int_equal(times[k], 1);
                assert_true(same_bits(dw, pieces, out * in));
                assert_true(same_bits(db[0], db[1], out));
                guard_free(scratch, size);
                guard_free(other, stored);
                guard_free(times, (size_t)(out * in));
                floats_free(x, (n - 1) * ldx + in);
                floats_free(dy, n * out);
                floats_free(dw, out * in);
                floats_free(pieces, out * in);
                floats_free(near, out * in);
                floats_free(db[0], out);
                floats_free(db[1], out);
            }
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_of_every_shape_are_right),
        cmocka_unit_test(a_row_has_the_same_bits_in_every_batch),
        cmocka_unit_test(scratch_for_many_rows_serves_fewer),
        cmocka_unit_test(gradients_are_right),
        cmocka_unit_test(stored_weights_give_the_bits_of_the_rounded_ones),
        cmocka_unit_test(pairs_of_bfloat16_are_multiplied),
        cmocka_unit_test(a_row_has_the_same_bits_in_every_batch_of_every_precision),
        cmocka_unit_test(weights_that_are_not_finite_are_not_hidden),
        cmocka_unit_test(a_gradient_in_pieces_has_the_bits_of_a_stored_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
