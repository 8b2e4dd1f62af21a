/* SPDX-License-Identifier: Apache-2.0 */
/* What happens in training only. */
#include "op_driver.h"

#include "support/fail_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 40, ELEMENTS = 501 };

static void drop(struct op_run *r, const char *spec, float *y, float *dx)
{
    static float ones[ROWS * ELEMENTS];
    static const struct dli_shape in = ROW1(ELEMENTS);
    struct op_setup s;
    for (int i = 0; i < ROWS * ELEMENTS; i++)
        ones[i] = 1;
    op_setup(&s, NULL, spec);
    r->setup = &s;
    r->n_in = 1;
    r->in = &in;
    r->rows = ROWS;
    r->mode = DLI_TRAIN;
    r->training = true;
    r->x[0] = ones;
    r->dy = ones;
    r->y = y;
    r->dx[0] = dx;
    op_run(r);
    op_setup_free(&s);
}

static void dropout_keeps_its_share_and_scales_it(void **state)
{
    (void)state;
    static float y[ROWS * ELEMENTS], dx[ROWS * ELEMENTS];
    struct op_run r = { .threads = 2, .seed = 5, .iteration = 1 };
    drop(&r, "dropout:p=0.3", y, dx);
    int kept = 0;
    for (int i = 0; i < ROWS * ELEMENTS; i++) {
        assert_true(y[i] == 0 || fabsf(y[i] - 1 / 0.3f) < 1e-6f);
        kept += y[i] != 0;
    }
    const double n = ROWS * ELEMENTS, off = (kept - 0.3 * n) / sqrt(n * 0.3 * 0.7);
    assert_true(fabs(off) < 4); /* standard deviations of a binomial: a seed passes with 0.99994 */
    assert_memory_equal(y, dx, sizeof y);
}

/* Mean and deviation of what comes of ones, and the way back. */
static void noises_have_the_moments_of_their_kind(void **state)
{
    (void)state;
    static float y[ROWS * ELEMENTS], dx[ROWS * ELEMENTS];
    static const struct {
        const char *spec;
        double mean, deviation;
    } t[] = {
        { "gaussian_dropout:rate=0.2", 1, 0.5 },
        { "gaussian_noise:stddev=0.25", 1, 0.25 },
        { "spatial_dropout:p=0.25", 1, 1.7320508 },

    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        struct op_run r = { .threads = 2, .seed = 5, .iteration = 1 };
        double sum = 0, squares = 0;
        drop(&r, t[k].spec, y, dx);
        for (int i = 0; i < ROWS * ELEMENTS; i++) {
            sum += (double)y[i];
            squares += (double)y[i] * (double)y[i];
        }
        const double n = ROWS * ELEMENTS, mean = sum / n, deviation = sqrt(squares / n - mean * mean);
        /* Four standard errors; those of the deviation of a normal number are smaller, of two values not much larger. */
        if (t[k].deviation > 0 &&
            (fabs(mean - t[k].mean) > 4 * t[k].deviation / sqrt(n) || fabs(deviation - t[k].deviation) > 4 * t[k].deviation / sqrt(n)))
            fail_msg("%s: mean %.6f, deviation %.6f", t[k].spec, mean, deviation);
        if (t[k].deviation > 0 && strcmp(t[k].spec, "gaussian_noise:stddev=0.25") != 0)
            assert_memory_equal(y, dx, sizeof y); /* a factor of each element */
    }
    const double lost = -1.7580993408473766, a = 1 / sqrt(0.5 + lost * lost * 0.25), b = -a * 0.5 * lost;
    struct op_run r = { .threads = 1, .seed = 5, .iteration = 1 };
    drop(&r, "alpha_dropout:p=0.5", y, dx);
    for (int i = 0; i < ROWS * ELEMENTS; i++) {
        const bool kept = dx[i] != 0;
        assert_true(fabs((double)y[i] - (a * (kept ? 1 : lost) + b)) < 1e-6 && (!kept || fabs((double)dx[i] - a) < 1e-6));
    }
}

static void dropout_follows_seed_and_iteration_alone(void **state)
{
    (void)state;
    static float a[ROWS * ELEMENTS], b[ROWS * ELEMENTS], dx[ROWS * ELEMENTS];
    struct op_run r = { .threads = 1, .seed = 5, .iteration = 1 }, same = { .threads = 4, .seed = 5, .iteration = 1 };
    struct op_run seed = { .threads = 1, .seed = 6, .iteration = 1 }, step = { .threads = 1, .seed = 5, .iteration = 2 };
    drop(&r, "dropout", a, dx);
    drop(&same, "dropout", b, dx);
    assert_memory_equal(a, b, sizeof a);
    drop(&seed, "dropout", b, dx);
    assert_memory_not_equal(a, b, sizeof a);
    drop(&step, "dropout", b, dx);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, a + ELEMENTS, ELEMENTS * sizeof *a); /* rows differ */
}

static void rrelu_draws_slopes_and_goes_back_along_them(void **state)
{
    (void)state;
    enum { N = 333 };
    static float x[ROWS * N], y[ROWS * N], dy[ROWS * N], dx[ROWS * N], again[ROWS * N];
    static const struct dli_shape in = ROW1(N);
    struct op_setup s;
    double sum = 0;
    for (int i = 0; i < ROWS * N; i++) {
        x[i] = i % 2 ? -1 : 2;
        dy[i] = 3;
    }
    op_setup(&s, NULL, "rrelu:lower=0.25,upper=0.5");
    struct op_run r = { .setup = &s,
                        .n_in = 1,
                        .in = &in,
                        .rows = ROWS,
                        .mode = DLI_TRAIN,
                        .threads = 2,
                        .training = true,
                        .seed = 5,
                        .x = { x },
                        .dy = dy,
                        .y = y,
                        .dx = { dx } };
    op_run(&r);
    for (int i = 0; i < ROWS * N; i++) {
        assert_true(x[i] > 0 ? y[i] == 2 && dx[i] == 3 : y[i] <= -0.25f && y[i] >= -0.5f && fabsf(dx[i] + 3 * y[i]) < 1e-6f);
        sum -= x[i] < 0 ? (double)y[i] : 0;
    }
    /* Four standard errors of a uniform number's mean. */
    assert_true(fabs(sum / (ROWS * N / 2) - 0.375) < 4 * 0.25 / sqrt(12.0 * ROWS * N / 2));
    r.y = again;
    r.threads = 1;
    op_run(&r);
    assert_memory_equal(y, again, sizeof y);
    r.iteration = 1;
    op_run(&r);
    assert_memory_not_equal(y, again, sizeof y);
    op_setup_free(&s);
}

/* Channel 0: mean 3, variance 4; the running ones are 1 and 2, or log10(10) = 1 for a variance of 100. */
static void batch_norm_moves_its_statistics(void **state)
{
    (void)state;
    static const float x[] = { 1, 5, 1, 5 }, dy[] = { 1, 1, 1, 1 }, gamma = 1, beta = 0, mean = 1, var = 2, log_std = 1;
    static const struct dli_shape in = ROW3(1, 1, 2);
    for (int log = 0; log < 2; log++) {
        struct op_setup s;
        float y[4], dx[4], d[4];
        op_setup(&s, NULL, log ? "batch_norm:decay=0.75,use_log_std=1" : "batch_norm:decay=0.75");
        struct op_run r = { .setup = &s,
                            .n_in = 1,
                            .in = &in,
                            .rows = 2,
                            .mode = DLI_TRAIN,
                            .threads = 1,
                            .training = true,
                            .x = { x },
                            .w = { &gamma, &beta, &mean, log ? &log_std : &var },
                            .dy = dy,
                            .y = y,
                            .dx = { dx },
                            .dw = { &d[0], &d[1], &d[2], &d[3] } };
        op_run(&r);
        assert_true(fabsf(d[1] - 4) < 1e-6f);
        assert_true(fabsf(mean - d[2] - 1.5f) < 1e-6f); /* 0.75 * 1 + 0.25 * 3 */
        if (log)
            assert_true(fabs((double)(log_std - d[3]) - 0.5 * log10(76)) < 1e-6); /* 0.75 * 100 + 0.25 * 4 */
        else
            assert_true(fabsf(var - d[3] - 2.5f) < 1e-6f); /* 0.75 * 2 + 0.25 * 4 */
        op_setup_free(&s);
    }
}

static void activations_follow_the_recorded_curves(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *folder;
    } t[] = {
        { "cube", "g_act_cube" },
        { "hard_tanh", "g_act_hardtanh" },
        { "mish", "g_act_mish" },
        { "rational_tanh", "g_act_rationaltanh" },
        { "rectified_tanh", "g_act_rectifiedtanh" },
        { "selu", "g_act_selu" },
        { "softsign", "g_act_softsign" },
        { "thresholded_relu", "g_act_thresholdedrelu" },
        { "elu", "g_act_elu" },
        { "elu:alpha=0.5,slope=1", "g_act_elu_a0.5" },
        { "gelu", "g_act_gelu" },
        { "hard_sigmoid", "g_act_hardsigmoid" },
        { "identity", "g_act_identity" },
        { "leaky_relu", "g_act_leakyrelu" },
        { "leaky_relu:leak=0.2", "g_act_leakyrelu_a0.2" },
        { "relu", "g_act_relu" },
        { "relu6", "g_act_relu6" },
        { "relu:limit=2,slope=0.1,threshold=0.2", "g_act_relu_max2_neg0.1_thr0.2" },
        { "sigmoid", "g_act_sigmoid" },
        { "softmax", "g_act_softmax" },
        { "softplus", "g_act_softplus" },
        { "swish", "g_act_swish" },
        { "tanh", "g_act_tanh" },
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        op_check_curve(NULL, t[i].spec, t[i].folder, true, 2e-6); /* both sides are floats: some ten roundings of each */
}

/* Mean and standard deviation of what a scheme draws for a [300, 200] matrix. */
static void draw(const char *scheme, uint64_t seed, float *w, double *mean, double *deviation, double *most)
{
    const struct dli_param_decl decl = { .name = "W", .rank = 2, .shape = { 300, 200 }, .order = 'f', .fan_in = 300, .fan_out = 200 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dli_weight_init(NULL, scheme, &decl, seed, 4, w, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    double sum = 0, squares = 0;
    *most = 0;
    for (int i = 0; i < 60000; i++) {
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
        *most = fmax(*most, fabs((double)w[i]));
    }
    *mean = sum / 60000;
    *deviation = sqrt(squares / 60000 - *mean * *mean);
}

static void weights_have_the_spread_of_their_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *scheme;
        double mean, deviation, most; /* most 0: no bound */
    } t[] = {
        { NULL, 0, 0.06324555, 0 }, /* sqrt(2 / 500) */
        { "xavier", 0, 0.06324555, 0 },
        { "xavier_uniform", 0, 0.06324555, 0.10954451 },
        { "xavier_fan_in", 0, 0.05773503, 0 },
        { "relu", 0, 0.08164966, 0 },
        { "relu_uniform", 0, 0.08164966, 0.14142136 },
        { "lecun_normal", 0, 0.05773503, 0 },
        { "lecun_uniform", 0, 0.1, 0.17320508 },
        { "sigmoid_uniform", 0, 0.25298221, 0.43817805 },
        { "uniform", 0, 0.03333333, 0.05773503 },
        { "uniform(lower=1,upper=3)", 2, 0.57735027, 3 },
        { "normal", 0, 0.05773503, 0 },
        { "normal(std=0.01)", 0, 0.01, 0 },
        { "normal:mean=5,std=2", 5, 2, 0 },
        { "truncated_normal(std=1)", 0, 0.8796, 2 },
        { "zero", 0, 0, 0 },
        { "ones", 1, 0, 1 },
        { "constant(value=-2.5)", -2.5, 0, 2.5 },
        { "log_normal(mean=-1,std=0.5)", 0.41686202, 0.22215899, 0 },
        { "binomial(trials=5,p=0.25)", 1.25, 0.96824584, 5 },
        { "orthogonal", 0, 0.05773503, 1 }, /* 200 columns of length 1 over 300 rows */
    };
    static float w[60000];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double mean, deviation, most;
        draw(t[i].scheme, 9, w, &mean, &deviation, &most);
        /* Five standard errors of 60000 draws. */
        assert_true(fabs(mean - t[i].mean) <= 5 * t[i].deviation / sqrt(60000.0));
        assert_true(fabs(deviation - t[i].deviation) <= 0.02 * t[i].deviation + 1e-6);
        if (t[i].most > 0)
            assert_true(most <= t[i].most * (1 + 1e-6));
    }
}

static void orthogonal_weights_are(void **state)
{
    (void)state;
    static const struct dli_param_decl decls[] = {
        { .name = "W", .rank = 2, .shape = { 30, 20 }, .order = 'f', .fan_in = 30, .fan_out = 20 },
        { .name = "W", .rank = 4, .shape = { 5, 3, 2, 4 }, .order = 'c', .fan_in = 24, .fan_out = 5 },
    };
    for (size_t k = 0; k < sizeof decls / sizeof *decls; k++) {
        float w[600];
        const int vectors = k ? 5 : 20, length = k ? 24 : 30;
        assert_int_equal(dli_weight_init(NULL, "orthogonal(gain=2)", &decls[k], 9, 4, w, NULL), DL4C_OK);
        for (int a = 0; a < vectors; a++)
            for (int b = 0; b <= a; b++) {
                double dot = 0;
                for (int i = 0; i < length; i++)
                    dot += (double)w[a * length + i] * (double)w[b * length + i];
                assert_true(fabs(dot - (a == b ? 4 : 0)) < 1e-5); /* some thirty roundings of floats */
            }
    }
}

static void weights_follow_seed_and_stream(void **state)
{
    (void)state;
    static float a[60000], b[60000];
    double mean, deviation, most;
    draw("xavier", 9, a, &mean, &deviation, &most);
    draw("xavier", 9, b, &mean, &deviation, &most);
    assert_memory_equal(a, b, sizeof a);
    draw("xavier", 10, b, &mean, &deviation, &most);
    assert_memory_not_equal(a, b, sizeof a);
    /* A longer parameter begins alike: an element follows from its index alone. */
    const struct dli_param_decl small = { .name = "W", .rank = 1, .shape = { 1000 }, .order = 'c', .fan_in = 300, .fan_out = 200 };
    assert_int_equal(dli_weight_init(NULL, "xavier", &small, 9, 4, b, NULL), DL4C_OK);
    assert_memory_equal(a, b, 1000 * sizeof *a);
    assert_int_equal(dli_weight_init(NULL, "xavier", &small, 9, 5, b, NULL), DL4C_OK);
    assert_memory_not_equal(a, b, 1000 * sizeof *a);
}

static void weight_init_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    float w[6];
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dli_param_decl decl = { .name = "W", .rank = 2, .shape = { 2, 3 }, .order = 'f', .fan_in = 2, .fan_out = 3 };
    assert_int_equal(dli_weight_init(NULL, "glorot", &decl, 1, 1, w, &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "glorot"));
    assert_int_equal(dli_weight_init(NULL, "normal(sd=1)", &decl, 1, 1, w, &err), DL4C_E_INVALID);
    assert_int_equal(dli_weight_init(NULL, "identity", &decl, 1, 1, w, &err), DL4C_E_INVALID);
    assert_int_equal(dli_weight_init(NULL, "uniform(lower=2,upper=1)", &decl, 1, 1, w, &err), DL4C_E_INVALID);
}

static dl4c_status try_weight_init(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    float w[6];
    const struct dli_param_decl decl = { .name = "W", .rank = 2, .shape = { 2, 3 }, .order = 'f', .fan_in = 2, .fan_out = 3 };
    (void)arg;
    return dli_weight_init(ctx, "uniform(lower=-1,upper=1)", &decl, 1, 1, w, err);
}

static dl4c_status try_prepare(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const struct op_setup *s = arg;
    const struct dli_shape in = ROW3(16, 8, 8), out = ROW3(16, 8, 8);
    int32_t layout = DLI_PLAIN;
    struct dli_prepare p = { .ctx = ctx,
                             .mode = DLI_TRAIN,
                             .workers = 1,
                             .blas = DLI_BLAS_AUTO,
                             .batch = 2,
                             .attrs = s->attrs,
                             .n_in = 1,
                             .in = &in,
                             .out = &out,
                             .in_layout = &layout };
    const dl4c_status status = s->op->prepare(&p, err);
    if (status != DL4C_OK)
        assert_null(p.state);
    dli_free(p.state);
    return status;
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    struct op_setup s;
    fail_alloc_run(try_weight_init, NULL);
    op_setup(&s, NULL, "conv2d:units=16,kernel=3,padding=1");
    fail_alloc_run(try_prepare, &s);
    op_setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noises_have_the_moments_of_their_kind),
        cmocka_unit_test(dropout_keeps_its_share_and_scales_it),
        cmocka_unit_test(dropout_follows_seed_and_iteration_alone),
        cmocka_unit_test(rrelu_draws_slopes_and_goes_back_along_them),
        cmocka_unit_test(batch_norm_moves_its_statistics),
        cmocka_unit_test(activations_follow_the_recorded_curves),
        cmocka_unit_test(weights_have_the_spread_of_their_scheme),
        cmocka_unit_test(weights_follow_seed_and_stream),
        cmocka_unit_test(orthogonal_weights_are),
        cmocka_unit_test(failing_allocations_are_reported),
        cmocka_unit_test(weight_init_refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
