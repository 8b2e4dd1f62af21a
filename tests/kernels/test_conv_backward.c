/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of convolution against their definition in double. */
#include "kernels/conv_parts.h"
#include "kernels/conv_reference.h"

struct gradients {
    const float *x, *w, *dy;
    double *dx, *dw, *size_x, *size_w;
};

static void add_product(void *arg, int64_t x, int64_t w, int64_t y)
{
    const struct gradients *g = arg;
    const double to_x = (double)g->w[w] * g->dy[y], to_w = (double)g->x[x] * g->dy[y];
    g->dx[x] += to_x;
    g->size_x[x] += fabs(to_x);
    g->dw[w] += to_w;
    g->size_w[w] += fabs(to_w);
}

static void compare(const char *what, const struct dli_conv_shape *s, const float *got, const double *want, const double *size, int64_t n,
                    double terms)
{
    /* Winograd's sums are those of whole tiles, whose largest element bounds them, and its transforms magnify them about eightfold. */
    double greatest = 0;
    for (int64_t i = 0; i < n; i++)
        greatest = fmax(greatest, 8 * size[i]);
    const bool winograd = dli_conv_wants_winograd(s, true);
    for (int64_t i = 0; i < n; i++) {
        /* `terms` roundings of partial sums no larger than the sum of absolute values, which add up like a walk. */
        const double bound = ldexp(winograd ? greatest : size[i], -24) * (6 + sqrt(terms)) + 1e-30;
        if (!(fabs(got[i] - want[i]) <= bound))
            fail_msg("%s of %dx%dx%d to %dx%dx%d, kernel %dx%d: element %d is %.9g, not %.9g", what, (int)s->c_in, (int)s->h_in,
                     (int)s->w_in, (int)s->c_out, (int)s->h_out, (int)s->w_out, (int)s->kh, (int)s->kw, (int)i, (double)got[i], want[i]);
    }
}

static void check(const struct dli_conv_shape *s, int64_t n, int32_t blas)
{
    const int64_t nx = x_size(s), ny = y_size(s), nw = w_size(s);
    float *x = random_floats(n * nx, 1), *w = random_floats(nw, 2), *dy = random_floats(n * ny, 3);
    float *dx = floats(n * nx), *dw = floats(nw), *db = floats(s->c_out);
    double *doubles = calloc((size_t)(2 * n * nx + 2 * nw), sizeof *doubles);
    assert_true(doubles != NULL);
    double *want_x = doubles, *size_x = want_x + n * nx, *want_w = size_x + n * nx, *size_w = want_w + nw;
    for (int64_t image = 0; image < n; image++) {
        struct gradients g = { x + image * nx, w, dy + image * ny, want_x + image * nx, want_w, size_x + image * nx, size_w };
        each_product(s, add_product, &g);
    }
    float *first_x = NULL, *first_w = NULL;
    for (int32_t threads = 1; threads <= 5; threads += 2) {
        dl4c_context *ctx = context_of(threads);
        const size_t size = dli_conv_backward_scratch(s, n, dli_parallel_width(ctx, threads));
        assert_true(size % 64 == 0);
        void *scratch = guard_alloc(size);
        dli_conv_backward_data(s, ctx, threads, blas, n, w, dy, dx, scratch);
        dli_conv_backward_weights(s, ctx, threads, blas, n, x, dy, dw, db, scratch);
        guard_free(scratch, size);
        dl4c_context_destroy(&ctx);
        if (!first_x) {
            compare("data", s, dx, want_x, size_x, n * nx, (double)(s->c_out / s->groups * s->kh * s->kw));
            compare("weights", s, dw, want_w, size_w, nw, (double)(n * s->h_out * s->w_out));
            for (int64_t o = 0; o < s->c_out; o++) {
                double sum = 0;
                for (int64_t image = 0; image < n; image++)
                    for (int64_t i = 0; i < s->h_out * s->w_out; i++)
                        sum += dy[image * ny + o * s->h_out * s->w_out + i];
                assert_true(fabs(db[o] - sum) <= ldexp(fabs(sum), -23) + 1e-12);
            }
            first_x = floats(n * nx);
            first_w = floats(nw);
            memcpy(first_x, dx, (size_t)(n * nx) * sizeof *dx);
            memcpy(first_w, dw, (size_t)nw * sizeof *dw);
        }
        assert_true(same_bits(dx, first_x, n * nx) && same_bits(dw, first_w, nw));
    }
    free(doubles);
    floats_free(x, n * nx);
    floats_free(w, nw);
    floats_free(dy, n * ny);
    floats_free(dx, n * nx);
    floats_free(dw, nw);
    floats_free(db, s->c_out);
    floats_free(first_x, n * nx);
    floats_free(first_w, nw);
}

static void gradients_are_those_of_the_definition(void **state)
{
    (void)state;
    const struct dli_conv_shape shapes[] = {
        square(3, 9, 9, 5, 3, 1, 1, 1, 1),
        square(16, 8, 7, 24, 3, 1, 1, 1, 1),
        square(20, 7, 7, 10, 1, 1, 1, 0, 1),
        square(5, 17, 23, 4, 5, 2, 1, 2, 1),
        square(6, 11, 11, 8, 3, 1, 2, 2, 2),
        square(9, 8, 8, 9, 3, 2, 1, 1, 9),
        square(1, 1, 1, 1, 1, 1, 1, 0, 1),
        { 4, 6, 5, 7, 8, 3, 2, 3, 1, 2, 1, 1, 3, 1, 1 },
        square(64, 14, 14, 32, 3, 1, 1, 1, 1), /* from here on by Winograd: all ways of cutting channels, tiles and borders */
        square(17, 9, 23, 33, 3, 1, 1, 1, 1),
        square(40, 30, 61, 24, 3, 1, 1, 1, 1),
        square(24, 17, 13, 50, 3, 1, 1, 0, 1),
        square(16, 10, 12, 16, 3, 1, 1, 2, 1),
        { 20, 14, 15, 20, 12, 13, 3, 3, 1, 1, 1, 1, 0, 1, 1 },
    };
    for (size_t i = 0; i < COUNT(shapes); i++) {
        check(&shapes[i], 1, DLI_BLAS_OWN);
        check(&shapes[i], 3, DLI_BLAS_OWN);
        check(&shapes[i], 2, DLI_BLAS_AUTO);
    }
}

static void an_empty_batch_has_no_gradient(void **state)
{
    (void)state;
    const struct dli_conv_shape s = square(3, 5, 5, 4, 3, 1, 1, 1, 1);
    float dw[4 * 3 * 9], db[4];
    memset(dw, 1, sizeof dw);
    memset(db, 1, sizeof db);
    dli_conv_backward_weights(&s, NULL, 1, DLI_BLAS_OWN, 0, NULL, NULL, dw, db, NULL);
    for (size_t i = 0; i < COUNT(dw); i++)
        assert_true(dw[i] == 0);
    for (size_t i = 0; i < COUNT(db); i++)
        assert_true(db[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_definition),
        cmocka_unit_test(an_empty_batch_has_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
