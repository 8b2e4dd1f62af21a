/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions: the table against generic C and against double, at every length around the vector width, in guarded arrays. */
#include "kernels/elementwise.h"

#include "kernels/check.h"

enum { LENGTHS = 3 * 16 + 2 };

static struct dli_kernels generic;

static const float specials[] = { 0,      -0.0f,  1,       -1,    0.5f,   -0.5f,  0.55f,    -0.55f,    6,     -6,     2.5f,
                                  -2.5f,  88.7f,  -88.7f,  89,    -89,    103.9f, -103.9f,  105,       -105,  1e-10f, -1e-10f,
                                  1e-40f, -1e-40, 3.4e38f, 1e30f, -1e30f, NAN,    INFINITY, -INFINITY, 16.6f, -16.6f, 0.34657359f };

/* How far from generic C, whose own functions are within 1 ulp: in ulp, and in units of 2^-24 * max(1, |x|) where the formula takes the
 * difference of two numbers of that size. */
static const struct {
    struct dli_unary u;
    int64_t ulp;
    double absolute, slope; /* slope: of the derivative, in 2^-24 * max(1, |x|) */
} unaries[] = {
    { { DLI_IDENTITY, 0, 0 }, 0, 0, 0 },   { { DLI_RELU, 0, 0 }, 0, 0, 0 },     { { DLI_LEAKY_RELU, 0.01f, 0 }, 0, 0, 0 },
    { { DLI_CLIP, 0, 6 }, 0, 0, 0 },       { { DLI_CLIP, -1, 1 }, 0, 0, 0 },    { { DLI_SIGMOID, 0, 0 }, 4, 0, 1 },
    { { DLI_TANH, 0, 0 }, 3, 0, 4 },       { { DLI_ELU, 1, 1 }, 3, 0, 4 },      { { DLI_ELU, 0.5f, 0.25f }, 3, 0, 4 },
    { { DLI_SOFTPLUS, 0, 0 }, 4, 0, 4 },   { { DLI_SWISH, 0, 0 }, 5, 0, 8 },    { { DLI_GELU_SIGMOID, 0, 0 }, 5, 0, 12 },
    { { DLI_GELU_TANH, 0, 0 }, 4, 4, 16 }, { { DLI_GELU_ERF, 0, 0 }, 4, 4, 8 }, { { DLI_HARD_SIGMOID, 0.2f, 0.5f }, 0, 0, 0 },
};

/* Random numbers with the specials strewn in. */
static void fill(float *x, int64_t n, uint64_t seed)
{
    struct dli_rng r;
    dli_rng_init(&r, seed, 7);
    for (int64_t i = 0; i < n; i++)
        x[i] = dli_rng_below(&r, 3) == 0 ? specials[dli_rng_below(&r, COUNT(specials))] : (float)(12 * dli_rng_uniform(&r) - 6);
}

static bool close_enough(float got, float want, float x, int64_t ulp, double absolute)
{
    if (ulps(got, want) <= ulp)
        return true;
    return fabs((double)got - want) <= ldexp(absolute, -24) * fmax(1, fabs(x));
}

static void every_function_agrees_with_generic_c(void **state)
{
    (void)state;
    for (size_t f = 0; f < COUNT(unaries); f++)
        for (int64_t n = 0; n < LENGTHS; n++) {
            float *x = floats(n), *d = floats(n), *y = floats(n), *want = floats(n), *dx = floats(n), *want_dx = floats(n);
            fill(x, n, (uint64_t)n);
            for (int64_t i = 0; i < n; i++)
                d[i] = i % 2 ? 1 : -0.5f;
            dli_kernels()->unary(&unaries[f].u, (size_t)n, x, y);
            generic.unary(&unaries[f].u, (size_t)n, x, want);
            dli_kernels()->unary_backward(&unaries[f].u, (size_t)n, x, d, dx);
            generic.unary_backward(&unaries[f].u, (size_t)n, x, d, want_dx);
            for (int64_t i = 0; i < n; i++) {
                if (!close_enough(y[i], want[i], x[i], unaries[f].ulp, unaries[f].absolute))
                    fail_msg("function %d of %.9g: %.9g, generic %.9g", unaries[f].u.op, (double)x[i], (double)y[i], (double)want[i]);
                /* sigmoid and tanh take their output, which lies within [-1, 1]: outside the slope is of no use, but of the same formula.
                 */
                const float size = x[i] * (unaries[f].u.op == DLI_SIGMOID || unaries[f].u.op == DLI_TANH ? x[i] : 1);
                if (!close_enough(dx[i], want_dx[i], size, unaries[f].slope > 0 ? 4 : 0, unaries[f].slope))
                    fail_msg("slope of function %d at %.9g: %.9g, generic %.9g", unaries[f].u.op, (double)x[i], (double)dx[i],
                             (double)want_dx[i]);
            }
            floats_free(x, n);
            floats_free(d, n);
            floats_free(y, n);
            floats_free(want, n);
            floats_free(dx, n);
            floats_free(want_dx, n);
        }
}

static void an_element_has_the_same_bits_at_every_place(void **state)
{
    (void)state;
    enum { N = 75 };
    float *x = floats(N), *d = random_floats(N, 3), *y = floats(N), *dx = floats(N);
    fill(x, N, 5);
    for (size_t f = 0; f < COUNT(unaries); f++) {
        dli_kernels()->unary(&unaries[f].u, N, x, y);
        dli_kernels()->unary_backward(&unaries[f].u, N, x, d, dx);
        for (int64_t i = 0; i < N; i++) {
            float one, one_dx;
            dli_kernels()->unary(&unaries[f].u, 1, x + i, &one);
            dli_kernels()->unary_backward(&unaries[f].u, 1, x + i, d + i, &one_dx);
            assert_true(same_bits(&one, y + i, 1) && same_bits(&one_dx, dx + i, 1));
        }
    }
    floats_free(x, N);
    floats_free(d, N);
    floats_free(y, N);
    floats_free(dx, N);
}

static double exact(int32_t op, double x)
{
    switch (op) {
    case DLI_SIGMOID: return 1 / (1 + exp(-x));
    case DLI_TANH: return tanh(x);
    case DLI_ELU: return x < 0 ? expm1(x) : x;
    case DLI_SOFTPLUS: return fmax(x, 0) + log1p(exp(-fabs(x)));
    default: return x / (1 + exp(-x));
    }
}

/* A walk over all exponents: 3 ulp for formulas of one or two roundings around a function of 2 ulp or less. Below -87
 * results leave the normal range or exp(-x) overflows. */
static void results_are_within_3_ulp_of_the_exact_ones(void **state)
{
    (void)state;
    static const int32_t ops[] = { DLI_SIGMOID, DLI_TANH, DLI_ELU, DLI_SOFTPLUS, DLI_SWISH };
    enum { BATCH = 1024 };
    float x[BATCH], y[BATCH];
    for (size_t f = 0; f < COUNT(ops); f++)
        for (uint32_t bits = 0x2f000000u, n = 0; bits < 0x42b00000u; n++) { /* 1.2e-10 ... 88 */
            for (int i = 0; i < BATCH; i += 2, bits += 1499) {
                memcpy(&x[i], &bits, sizeof bits);
                x[i + 1] = -x[i];
            }
            const struct dli_unary u = { ops[f], 1, 0 };
            dli_kernels()->unary(&u, BATCH, x, y);
            for (int i = 0; i < BATCH; i++) {
                const float want = (float)exact(ops[f], x[i]);
                if (fabsf(x[i]) < 87 && ulps(y[i], want) > 3)
                    fail_msg("function %d of %.9g: %.9g, not %.9g", ops[f], (double)x[i], (double)y[i], (double)want);
            }
        }
}

static void slopes_at_the_corners_are_those_of_deeplearning4j(void **state)
{
    (void)state;
    static const struct {
        struct dli_unary u;
        float x, slope;
    } cases[] = {
        { { DLI_RELU, 0, 0 }, 0, 0 },
        { { DLI_LEAKY_RELU, 0.2f, 0 }, 0, 1 },
        { { DLI_CLIP, 0, 6 }, 0, 0 },
        { { DLI_CLIP, 0, 6 }, 6, 0 },
        { { DLI_ELU, 0.5f, 0 }, 0, 1 },
        { { DLI_HARD_SIGMOID, 0.2f, 0.5f }, -2.5f, 0.2f },
        { { DLI_HARD_SIGMOID, 0.2f, 0.5f }, 2.5f, 0.2f },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const float one = 1;
        float dx;
        dli_unary_backward(NULL, 1, &cases[i].u, 1, &cases[i].x, &one, &dx);
        assert_true(dx == cases[i].slope);
    }
}

static void pairs_agree_with_generic_c_to_the_bit(void **state)
{
    (void)state;
    for (int32_t op = 0; op < DLI_BINARIES; op++)
        for (int64_t n = 0; n < LENGTHS; n++) {
            float *a = floats(n), *b = floats(n), *want = floats(n);
            fill(a, n, 10 + (uint64_t)n);
            fill(b, n, 90 + (uint64_t)n);
            generic.binary(op, (size_t)n, a, b, want);
            dli_kernels()->binary(op, (size_t)n, a, b, b); /* in place */
            for (int64_t i = 0; i < n; i++)
                assert_true(ulps(b[i], want[i]) == 0);
            floats_free(a, n);
            floats_free(b, n);
            floats_free(want, n);
        }
}

static void scaled_sums_are_within_a_rounding_of_generic_c(void **state)
{
    (void)state;
    for (int64_t n = 0; n < LENGTHS; n++) {
        float *x = random_floats(n, 1), *s = random_floats(n, 2), *t = random_floats(n, 3), *y = floats(n), *want = floats(n);
        for (int what = 0; what < 3; what++) {
            const struct dli_kernels *tables[] = { dli_kernels(), &generic };
            float *out[] = { y, want };
            for (int k = 0; k < 2; k++) {
                if (n > 0)
                    memcpy(out[k], t, (size_t)n * sizeof *t);
                if (what == 0)
                    tables[k]->axpy((size_t)n, 0.3f, x, out[k]);
                else if (what == 1)
                    tables[k]->scale((size_t)n, 0.3f, -1.7f, x, out[k]);
                else
                    tables[k]->affine((size_t)n, s, t, x, out[k]);
            }
            for (int64_t i = 0; i < n; i++) /* terms below 4: a fused product saves one rounding of 2^-24 * 4 */
                assert_true(fabsf(y[i] - want[i]) <= ldexpf(4, -23));
        }
        floats_free(x, n);
        floats_free(s, n);
        floats_free(t, n);
        floats_free(y, n);
        floats_free(want, n);
    }
}

static void channels_are_scaled_and_shifted_in_both_layouts(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 2, 5, 7 }, { 3, 17, 1 }, { 2, 33, 21 }, { 1, 16, 1000 } };
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (int given = 0; given < 4; given++) {
            const int64_t n = shapes[s][0], c = shapes[s][1], hw = shapes[s][2], size = n * c * hw, blocked = n * dli_blocked_size(c, hw);
            float *x = random_floats(size, 1), *scale = random_floats(c, 2), *shift = random_floats(c, 3), *y = floats(size);
            float *bx = floats(blocked), *by = floats(blocked), *back = floats(size);
            const float *a = given & 1 ? scale : NULL, *b = given & 2 ? shift : NULL;
            dli_channel_affine(NULL, 0, DLI_PLAIN, n, c, hw, x, a, b, y);
            for (int64_t i = 0; i < size; i++) {
                const int64_t channel = i / hw % c;
                const double want = (a ? (double)a[channel] : 1) * x[i] + (b ? b[channel] : 0);
                assert_true(fabs(y[i] - want) <= ldexp(4, -23)); /* terms below 4 */
            }
            dli_layout_to_blocked(NULL, 0, bx, x, n, c, hw);
            dli_channel_affine(NULL, 0, DLI_BLOCKED, n, c, hw, bx, a, b, by);
            dli_layout_to_plain(NULL, 0, back, by, n, c, hw);
            for (int64_t i = 0; i < size; i++)
                assert_true(fabsf(y[i] - back[i]) <= ldexpf(4, -23));
            floats_free(x, size);
            floats_free(scale, c);
            floats_free(shift, c);
            floats_free(y, size);
            floats_free(bx, blocked);
            floats_free(by, blocked);
            floats_free(back, size);
        }
}

static void channel_sums_do_not_depend_on_threads(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 300, 70, 1 }, { 4, 9, 13 }, { 3, 40, 1600 } };
    dl4c_context *ctx = context_of(5);
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (int with = 0; with < 2; with++) {
            const int64_t n = shapes[s][0], c = shapes[s][1], hw = shapes[s][2];
            float *x = random_floats(n * c * hw, 1), *y = random_floats(n * c * hw, 2);
            double one[70], many[70];
            dli_channel_sum(ctx, 1, n, c, hw, x, with ? y : NULL, one);
            for (int64_t channel = 0; channel < c; channel++) {
                double want = 0;
                for (int64_t i = 0; i < n; i++)
                    for (int64_t p = 0; p < hw; p++) {
                        const int64_t at = (i * c + channel) * hw + p;
                        want += with ? (double)x[at] * y[at] : x[at];
                    }
                assert_true(fabs(one[channel] - want) < 1e-9); /* some 5000 terms below 4, in double */
            }
            for (int32_t threads = 2; threads <= 5; threads += 3) {
                dli_channel_sum(ctx, threads, n, c, hw, x, with ? y : NULL, many);
                assert_memory_equal(one, many, (size_t)c * sizeof *one);
            }
            floats_free(x, n * c * hw);
            floats_free(y, n * c * hw);
        }
    dl4c_context_destroy(&ctx);
}

static void large_arrays_are_done_by_several_threads(void **state)
{
    (void)state;
    enum { N = 200003 };
    dl4c_context *ctx = context_of(3);
    float *x = random_floats(N, 1), *y = floats(N), *one = floats(N);
    const struct dli_unary u = { DLI_TANH, 0, 0 };
    dli_unary_run(ctx, 1, &u, N, x, one);
    dli_unary_run(ctx, 3, &u, N, x, y);
    assert_true(same_bits(y, one, N));
    for (int64_t i = 0; i < N; i++)
        y[i] = 2.5f;
    dli_axpy(ctx, 3, N, -1, x, y);
    dli_scale(ctx, 3, N, -1, 2.5f, x, one);
    assert_true(same_bits(y, one, N));
    floats_free(x, N);
    floats_free(y, N);
    floats_free(one, N);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    dli_kernels_init_generic(&generic);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_agrees_with_generic_c),
        cmocka_unit_test(an_element_has_the_same_bits_at_every_place),
        cmocka_unit_test(results_are_within_3_ulp_of_the_exact_ones),
        cmocka_unit_test(slopes_at_the_corners_are_those_of_deeplearning4j),
        cmocka_unit_test(pairs_agree_with_generic_c_to_the_bit),
        cmocka_unit_test(scaled_sums_are_within_a_rounding_of_generic_c),
        cmocka_unit_test(channels_are_scaled_and_shifted_in_both_layouts),
        cmocka_unit_test(channel_sums_do_not_depend_on_threads),
        cmocka_unit_test(large_arrays_are_done_by_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
