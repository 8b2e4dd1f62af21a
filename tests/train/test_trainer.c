/* SPDX-License-Identifier: Apache-2.0 */
/* Single steps: scores and gradients against finite differences, updates against hand-computed ones, memory, bits, misuse. */
#include "support/fail_alloc.h"
#include "train/toy.h"
#include "train/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const float *f32(const dl4c_tensor *t) { return dl4c_tensor_data_const(t); }

static dl4c_trainer *trainer(dl4c_graph *g, struct dl4c_fit_options o)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_trainer *t = NULL;
    o.struct_size = sizeof o;
    if (dl4c_trainer_create(g, &o, &t, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return t;
}

static double step(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    double score = NAN;
    if (dl4c_trainer_step(t, x, y, &score, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return score;
}

/* With sgd at learning rate 1 a step subtracts the gradient of the whole score, which differences of the score must confirm. Parameters
 * are moved through the graph's own memory. */
static void check_differences(const char *const *specs, int32_t n_specs, const int64_t *shape, int32_t rank, struct dl4c_fit_options o,
                              int64_t k, bool targets)
{
    enum { N = 4 };
    int64_t row = 1, labels[N];
    for (int32_t i = 0; i < rank; i++)
        row *= shape[i];
    float x[N * 64], y[N * 8], before[512], *w;
    assert_true(row <= 64 && k <= 8);
    toy_values(3, N * row, x);
    for (int64_t i = 0; i < N; i++) {
        labels[i] = i * 2 % (k == 1 ? 2 : k);
        for (int64_t j = 0; j < k; j++)
            y[i * k + j] = (float)((i + 2 * j) % 3) * 0.5f;
    }
    dl4c_graph *g = toy_graph(NULL, shape, rank, specs, n_specs);
    o.batch = N;
    o.updater = "sgd:lr=1";
    dl4c_trainer *t = trainer(g, o);
    dl4c_tensor *tx = toy_f32(x, N, shape, rank), *ty = targets ? toy_f32(y, N, &k, 1) : toy_i64(labels, N);
    dl4c_tensor *p = toy_params(t);
    const int64_t n = dl4c_tensor_size(p);
    assert_true(n > 0 && n <= 512);
    memcpy(before, f32(p), (size_t)n * sizeof *before);
    dl4c_tensor_unref(&p);
    double asked;
    assert_int_equal(dl4c_trainer_score(t, tx, ty, &asked, NULL), DL4C_OK);
    assert_true(fabs(asked - step(t, tx, ty)) < 1e-6 * (1 + fabs(asked)));
    p = toy_params(t);
    float gradient[512], largest = 0;
    for (int64_t i = 0; i < n; i++) {
        gradient[i] = before[i] - f32(p)[i];
        largest = fmaxf(largest, fabsf(gradient[i]));
    }
    assert_true(largest > 0.01f);
    dl4c_tensor_unref(&p);
    w = t->tape->params->data;
    memcpy(w, before, (size_t)n * sizeof *w);
    for (int64_t i = 0; i < n; i++) {
        const float h = 5e-3f;
        double up, down;
        w[i] = before[i] + h;
        const double wide = (double)w[i];
        dli_tape_changed(t->tape);
        assert_int_equal(dl4c_trainer_score(t, tx, ty, &up, NULL), DL4C_OK);
        w[i] = before[i] - h;
        const double apart = wide - (double)w[i];
        dli_tape_changed(t->tape);
        assert_int_equal(dl4c_trainer_score(t, tx, ty, &down, NULL), DL4C_OK);
        w[i] = before[i];
        /* Activations in float carry 1e-7 of a score near 1, divided by 1e-2; the third derivative leaves h^2. Parameters near 1
         * hold their difference to 6e-8. */
        if (fabs((up - down) / apart - (double)gradient[i]) > 3e-4 * (1 + (double)largest))
            fail_msg("parameter %d: difference %g, gradient %g", (int)i, (up - down) / apart, (double)gradient[i]);
    }
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

static void gradients_agree_with_differences_of_the_whole_score(void **state)
{
    (void)state;
    const int64_t image[] = { 2, 4, 4 }, vector[] = { 6 };
    const float weights[] = { 1, 0.25f, 3 };
    struct dl4c_fit_options plain = DL4C_FIT_OPTIONS_INIT, penalised = plain, weighted = plain;
    penalised.l2 = 0.05;
    weighted.class_weights = weights;
    weighted.n_class_weights = 3;
    const char *conv[] = { "conv2d:units=3,kernel=3x3,activation=tanh", "dense:units=4,activation=sigmoid,l1=0.02",
                           "output:units=3,activation=softmax,l2_bias=0.1" };
    check_differences(conv, 3, image, 3, penalised, 3, false);
    const char *head[] = { "output:units=3,activation=softmax" };
    check_differences(head, 1, vector, 1, plain, 3, false);
    check_differences(head, 1, vector, 1, weighted, 3, false);
    const char *heavy[] = { "output:units=3,activation=softmax,loss=mcxent(weights=1;2;0.5)" };
    check_differences(heavy, 1, vector, 1, plain, 3, false);
    check_differences(heavy, 1, vector, 1, plain, 3, true); /* targets that do not sum to 1 */
    const char *unfused[] = { "output:units=3,activation=sigmoid,loss=negative_log_likelihood" };
    check_differences(unfused, 1, vector, 1, plain, 3, false);
    const char *binary[] = { "output:units=1,activation=sigmoid,loss=xent" };
    check_differences(binary, 1, vector, 1, plain, 1, false);
    const char *many[] = { "output:units=4,activation=sigmoid,loss=xent(weights=1;2;0.5;1)" };
    check_differences(many, 1, vector, 1, plain, 4, false);
    const char *odd[] = { "output:units=4,activation=softmax,loss=xent" };
    check_differences(odd, 1, vector, 1, plain, 4, false);
    const char *squares[] = { "output:units=3,activation=tanh,loss=mse" };
    check_differences(squares, 1, vector, 1, penalised, 3, true);
    const char *sums[] = { "dense:units=4,activation=tanh", "output:units=3,activation=identity,loss=l2(weights=1;2;3)" };
    check_differences(sums, 2, vector, 1, plain, 3, true);
}

/* One weight, no bias: everything can be followed by hand. */
static dl4c_graph *one_weight(void)
{
    const int64_t shape[] = { 1 };
    const char *specs[] = { "output:units=1,activation=identity,loss=l2,has_bias=false,weight_init=constant(value=0.5)" };
    return toy_graph(NULL, shape, 1, specs, 1);
}

static void a_step_is_what_one_computes_by_hand(void **state)
{
    (void)state;
    dl4c_graph *g = one_weight();
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 2;
    o.updater = "nesterovs:lr=0.1,momentum=0.5";
    o.l2 = 0.2;
    o.flags = DL4C_FIT_KEEP_GRADIENT;
    dl4c_trainer *t = trainer(g, o);
    float x[] = { 2, 0 }, y[] = { 3, 1 };
    const int64_t one = 1;
    dl4c_tensor *tx = toy_f32(x, 2, &one, 1), *ty = toy_f32(y, 2, &one, 1);
    /* w = 0.5: ((1 - 3)^2 + 1) / 2 + 0.1 * 0.25 = 2.525. Gradient sum 2 * (1 - 3) * 2 = -8, / 2 + 0.2 * 0.5 = -3.9; v = 0.39;
     * update = -1.5 * 0.39 = -0.585. */
    assert_true(fabs(step(t, tx, ty) - 2.525) < 1e-6);
    dl4c_tensor *p = toy_params(t), *v = NULL, *gradient = NULL;
    assert_int_equal(dl4c_trainer_updater_state(t, &v, NULL), DL4C_OK);
    assert_int_equal(dl4c_trainer_gradient(t, &gradient, NULL), DL4C_OK);
    assert_true(fabsf(f32(p)[0] - 1.085f) < 1e-6f);
    assert_true(fabsf(f32(v)[0] - 0.39f) < 1e-6f);
    assert_true(f32(gradient)[0] == -8.0f);
    /* w = 1.085: ((2.17 - 3)^2 + 1) / 2 + 0.1 * 1.177225; gradient (4 * -0.83) / 2 + 0.217 = -1.443; v = 0.195 + 0.1443 = 0.3393;
     * update = 0.5 * 0.39 - 1.5 * 0.3393 = -0.31395. */
    assert_true(fabs(step(t, tx, ty) - (0.5 * (0.83 * 0.83 + 1) + 0.1177225)) < 1e-6);
    assert_true(fabsf(f32(p)[0] - 1.085f) < 1e-6f); /* what was looked at stays */
    dl4c_tensor_unref(&p);
    p = toy_params(t);
    assert_true(fabsf(f32(p)[0] - 1.39895f) < 1e-6f);
    assert_int_equal(dl4c_trainer_iteration(t), 2);
    assert_true(dl4c_tensor_is_read_only(p));
    dl4c_tensor_unref(&p);
    dl4c_tensor_unref(&v);
    dl4c_tensor_unref(&gradient);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

static void a_step_allocates_nothing_after_the_first(void **state)
{
    (void)state;
    struct fail_alloc counter = { 0 };
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    co.alloc = fail_alloc_take;
    co.release = fail_alloc_release;
    co.alloc_user = &counter;
    co.threads = 2;
    dl4c_context *ctx = NULL;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    const int64_t shape[] = { 3, 8, 8 };
    const char *specs[] = { "conv2d:units=4,kernel=3x3,activation=relu", "batch_norm", "dense:units=8,activation=relu,dropout=0.5",
                            "output:units=3,activation=softmax" };
    dl4c_graph *g = toy_graph(ctx, shape, 3, specs, 4);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 6;
    o.l2 = 1e-3;
    dl4c_trainer *t = trainer(g, o);
    static float x[6 * 3 * 8 * 8];
    int64_t labels[6] = { 0, 1, 2, 0, 1, 2 };
    toy_values(5, 6 * 3 * 8 * 8, x);
    dl4c_tensor *tx = toy_f32(x, 6, shape, 3), *ty = toy_i64(labels, 6);
    step(t, tx, ty);
    const long before = counter.calls;
    for (int i = 0; i < 5; i++)
        step(t, tx, ty);
    assert_int_equal(counter.calls, before);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    assert_int_equal(counter.live, 0);
}

/* Enough parameters and rows that work is cut into several tasks. */
static void bits_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    enum { N = 37, IN = 300, OUT = 120 };
    static float x[N * IN];
    static int64_t labels[N];
    const int64_t shape[] = { IN };
    toy_values(9, N * IN, x);
    for (int i = 0; i < N; i++)
        labels[i] = i * 7 % OUT;
    dl4c_tensor *first = NULL, *first_state = NULL;
    double first_score = 0;
    const int32_t threads[] = { 1, 2, 5 };
    for (int k = 0; k < 3; k++) {
        struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
        dl4c_context *ctx = NULL;
        co.threads = threads[k];
        assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
        const char *specs[] = { "dense:units=64,activation=tanh,dropout=0.7", "output:units=120,activation=softmax" };
        dl4c_graph *g = toy_graph(ctx, shape, 1, specs, 2);
        struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
        o.batch = N;
        o.updater = "adam:lr=0.01";
        o.l1 = 1e-4;
        o.l2 = 1e-3;
        dl4c_trainer *t = trainer(g, o);
        dl4c_tensor *tx = toy_f32(x, N, shape, 1), *ty = toy_i64(labels, N), *s = NULL;
        double score = 0;
        for (int i = 0; i < 4; i++)
            score = step(t, tx, ty);
        dl4c_tensor *p = toy_params(t);
        assert_int_equal(dl4c_trainer_updater_state(t, &s, NULL), DL4C_OK);
        if (k == 0) {
            first = dl4c_tensor_ref(p);
            first_state = dl4c_tensor_ref(s);
            first_score = score;
        }
        assert_true(memcmp(&score, &first_score, sizeof score) == 0);
        assert_memory_equal(f32(p), f32(first), (size_t)dl4c_tensor_size(p) * sizeof(float));
        assert_memory_equal(f32(s), f32(first_state), (size_t)dl4c_tensor_size(s) * sizeof(float));
        dl4c_tensor_unref(&p);
        dl4c_tensor_unref(&s);
        dl4c_tensor_unref(&tx);
        dl4c_tensor_unref(&ty);
        dl4c_trainer_destroy(&t);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
    dl4c_tensor_unref(&first);
    dl4c_tensor_unref(&first_state);
}

/* A gradient that is stored whole, for whoever asks for it, and one that is applied piece by piece while it is made. */
static void keeping_the_gradient_changes_no_bit(void **state)
{
    (void)state;
    enum { N = 9, IN = 700, OUT = 31, CASES = 6 };
    static const struct {
        const char *hidden, *updater;
        double l1, l2;
    } cases[CASES] = {
        { "dense:units=40,activation=tanh", "nesterovs:lr=0.05,momentum=0.9", 0, 0 },
        { "dense:units=40,activation=tanh,dropout=0.6", "adam:lr=0.01", 1e-4, 1e-3 },
        { "dense:units=40,activation=relu,constraints=max_norm(max_norm=1)", "rmsprop:lr=0.01", 0, 1e-3 },
        { "dense:units=40,gradient_normalization=clip_l2_per_layer,gradient_threshold=0.01", "sgd:lr=0.1", 0, 0 },
        { "dense:units=40,gradient_normalization=clip_element_wise_absolute_value,gradient_threshold=0.001", "adagrad:lr=0.1", 0, 0 },
        { "dense:units=40,weight_decay=0.01", "amsgrad:lr=0.01", 1e-4, 0 },
    };
    static float x[N * IN];
    static int64_t labels[N];
    const int64_t shape[] = { IN };
    toy_values(11, N * IN, x);
    for (int i = 0; i < N; i++)
        labels[i] = i * 7 % OUT;
    for (int c = 0; c < CASES; c++) {
        dl4c_tensor *p[2], *s[2], *gradient = NULL;
        double scores[2][3];
        for (int keep = 0; keep < 2; keep++) {
            const char *specs[] = { cases[c].hidden, "output:units=31,activation=softmax" };
            dl4c_graph *g = toy_graph(NULL, shape, 1, specs, 2);
            struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
            o.batch = N;
            o.updater = cases[c].updater;
            o.l1 = cases[c].l1;
            o.l2 = cases[c].l2;
            o.flags = keep ? DL4C_FIT_KEEP_GRADIENT : 0;
            dl4c_trainer *t = trainer(g, o);
            for (int i = 0; i < 3; i++) { /* the last minibatch is a short one */
                dl4c_tensor *tx = toy_f32(x, i < 2 ? N : 4, shape, 1), *ty = toy_i64(labels, i < 2 ? N : 4);
                scores[keep][i] = step(t, tx, ty);
                dl4c_tensor_unref(&tx);
                dl4c_tensor_unref(&ty);
            }
            assert_int_equal(dl4c_trainer_gradient(t, &gradient, NULL), keep ? DL4C_OK : DL4C_E_STATE);
            assert_int_equal(gradient != NULL, keep);
            dl4c_tensor_unref(&gradient);
            p[keep] = toy_params(t);
            assert_int_equal(dl4c_trainer_updater_state(t, &s[keep], NULL), DL4C_OK);
            dl4c_trainer_destroy(&t);
            dl4c_graph_destroy(&g);
        }
        assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
        assert_memory_equal(f32(p[0]), f32(p[1]), (size_t)dl4c_tensor_size(p[0]) * sizeof(float));
        assert_memory_equal(f32(s[0]), f32(s[1]), (size_t)dl4c_tensor_size(s[0]) * sizeof(float));
        for (int k = 0; k < 2; k++) {
            dl4c_tensor_unref(&p[k]);
            dl4c_tensor_unref(&s[k]);
        }
    }
}

static void tensors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 2;
    dl4c_trainer *t = trainer(g, o);
    float x[4 * TOY_FEATURES] = { 0 }, y[8] = { 0 };
    int64_t labels[4] = { 0, 1, 2, 0 }, wrong[2] = { 0, 3 };
    const int64_t row[] = { TOY_FEATURES }, short_row[] = { TOY_FEATURES - 1 }, two[] = { 2 }, three[] = { 3 };
    dl4c_tensor *fine = toy_f32(x, 2, row, 1), *narrow = toy_f32(x, 2, short_row, 1), *many = toy_f32(x, 3, row, 1);
    dl4c_tensor *l = toy_i64(labels, 2), *l3 = toy_i64(labels, 3), *bad = toy_i64(wrong, 2);
    dl4c_tensor *y2 = toy_f32(y, 2, two, 1), *y3 = toy_f32(y, 2, three, 1);
    assert_int_equal(dl4c_trainer_step(t, narrow, l, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_step(t, many, l3, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_step(t, fine, l3, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_step(t, fine, bad, NULL, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "row 1 is 3"));
    assert_int_equal(dl4c_trainer_step(t, fine, y2, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_step(t, l, l, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_step(t, NULL, l, NULL, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_trainer_iteration(t), 0);
    assert_int_equal(dl4c_trainer_step(t, fine, y3, NULL, &err), DL4C_OK);
    assert_int_equal(dl4c_trainer_step(t, fine, l, NULL, &err), DL4C_OK);
    dl4c_tensor_unref(&fine);
    dl4c_tensor_unref(&narrow);
    dl4c_tensor_unref(&many);
    dl4c_tensor_unref(&l);
    dl4c_tensor_unref(&l3);
    dl4c_tensor_unref(&bad);
    dl4c_tensor_unref(&y2);
    dl4c_tensor_unref(&y3);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

/* A graph whose rows lie apart in memory trains like one whose rows do not. */
static void strided_tensors_are_gathered(void **state)
{
    (void)state;
    enum { N = 4 };
    float x[N * TOY_FEATURES], turned[N * TOY_FEATURES];
    int64_t labels[N];
    toy_examples(N, 1, NULL, x, labels);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < TOY_FEATURES; k++)
            turned[k * N + i] = x[i * TOY_FEATURES + k];
    const int64_t row[] = { TOY_FEATURES }, column[] = { N };
    dl4c_tensor *plain = toy_f32(x, N, row, 1), *wide = toy_f32(turned, TOY_FEATURES, column, 1), *view = NULL, *l = toy_i64(labels, N);
    assert_int_equal(dl4c_tensor_transpose(wide, NULL, &view, NULL), DL4C_OK);
    dl4c_graph *a = toy_head(NULL), *b = toy_head(NULL);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *ta = trainer(a, o), *tb = trainer(b, o);
    assert_true(step(ta, plain, l) == step(tb, view, l));
    assert_true(step(ta, plain, l) == step(tb, view, l));
    dl4c_tensor_unref(&plain);
    dl4c_tensor_unref(&wide);
    dl4c_tensor_unref(&view);
    dl4c_tensor_unref(&l);
    dl4c_trainer_destroy(&ta);
    dl4c_trainer_destroy(&tb);
    dl4c_graph_destroy(&a);
    dl4c_graph_destroy(&b);
}

static void open_heights_and_widths_are_the_minibatchs(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    enum { N = 2, MOST = 3 * 8 * 8 };
    const int64_t open_shape[] = { 3, -1, -1 }, small[] = { 3, 6, 6 }, large[] = { 3, 8, 7 }, grey[] = { 1, 6, 6 };
    const char *specs[] = { "conv2d:units=4,kernel=3x3,activation=relu", "global_pool", "output:units=3,activation=softmax" };
    static float x[N * MOST];
    int64_t labels[N] = { 0, 2 };
    toy_values(1, N * MOST, x);
    dl4c_graph *g = toy_graph(NULL, open_shape, 3, specs, 3);
    dl4c_trainer *t = trainer(g, (struct dl4c_fit_options){ .batch = 4, .updater = "adam" });
    dl4c_tensor *a = toy_f32(x, N, small, 3), *b = toy_f32(x, N, large, 3), *one = toy_f32(x, N, grey, 3), *l = toy_i64(labels, N);
    dl4c_tensor *p = NULL;
    assert_int_equal(dl4c_trainer_params(t, &p, &err), DL4C_E_STATE);
    assert_int_equal(dl4c_trainer_step(t, one, l, NULL, &err), DL4C_E_INVALID);
    const double first = step(t, a, l);
    step(t, b, l);
    assert_true(step(t, a, l) < first); /* what was learnt is kept from shape to shape */
    assert_int_equal(dl4c_trainer_iteration(t), 3);
    assert_int_equal(dl4c_trainer_step(t, one, l, NULL, &err), DL4C_E_INVALID);
    for (int i = 0; i < 3; i++) { /* rows that lie apart, of either shape */
        dl4c_tensor *turned = NULL;
        const int32_t order[] = { 0, 1, 3, 2 };
        assert_int_equal(dl4c_tensor_transpose(i == 1 ? b : a, order, &turned, NULL), DL4C_OK);
        step(t, turned, l);
        dl4c_tensor_unref(&turned);
    }
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    dl4c_tensor_unref(&one);
    dl4c_tensor_unref(&l);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

static void what_is_not_finite_stops_training_and_names_the_iteration(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    float x[2 * TOY_FEATURES], big[2 * TOY_FEATURES];
    int64_t labels[2];
    toy_examples(2, 1, NULL, x, labels);
    for (int i = 0; i < 2 * TOY_FEATURES; i++)
        big[i] = 3e38f;
    const int64_t row[] = { TOY_FEATURES };
    dl4c_tensor *tx = toy_f32(x, 2, row, 1), *tbig = toy_f32(big, 2, row, 1), *l = toy_i64(labels, 2);
    dl4c_graph *g = toy_head(NULL);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = trainer(g, o);
    step(t, tx, l);
    x[TOY_FEATURES + 3] = NAN;
    assert_int_equal(dl4c_trainer_step(t, tx, l, NULL, &err), DL4C_E_DIVERGED);
    assert_string_equal(err.message, "feature 3 of row 1 is NaN at iteration 2");
    assert_int_equal(dl4c_trainer_step(t, tbig, l, NULL, &err), DL4C_E_DIVERGED);
    assert_non_null(strstr(err.message, "at iteration 2"));
    assert_int_equal(dl4c_trainer_iteration(t), 1); /* neither changed anything */
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
    x[TOY_FEATURES + 3] = 0;
    g = toy_head(NULL);
    o.updater = "sgd:lr=1e30";
    o.l2 = 1e29;
    t = trainer(g, o);
    assert_int_equal(dl4c_trainer_step(t, tx, l, NULL, &err), DL4C_E_DIVERGED);
    assert_string_equal(err.message, "parameter W of 'v0' is not finite after iteration 1");
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tbig);
    dl4c_tensor_unref(&l);
}

static void sessions_and_clones_of_before_see_nothing(void **state)
{
    (void)state;
    dl4c_graph *parent = toy_head(NULL), *g = NULL;
    assert_int_equal(dl4c_graph_clone(parent, &g, NULL), DL4C_OK);
    dl4c_session *before = NULL, *own = NULL;
    assert_int_equal(dl4c_session_create(NULL, parent, NULL, &before, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_create(NULL, g, NULL, &own, NULL), DL4C_OK);
    float x[TOY_FEATURES], old[TOY_CLASSES];
    int64_t label[1];
    toy_examples(1, 1, NULL, x, label);
    const int64_t row[] = { TOY_FEATURES };
    dl4c_tensor *tx = toy_f32(x, 1, row, 1), *l = toy_i64(label, 1), *y = NULL;
    assert_int_equal(dl4c_session_run(before, &tx, 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_output(before, 0, &y, NULL), DL4C_OK);
    memcpy(old, f32(y), sizeof old);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.updater = "sgd:lr=0.5";
    dl4c_trainer *t = trainer(g, o);
    for (int i = 0; i < 3; i++)
        step(t, tx, l);
    assert_int_equal(dl4c_session_run(before, &tx, 1, NULL), DL4C_OK);
    assert_memory_equal(f32(y), old, sizeof old);
    assert_int_equal(dl4c_session_run(own, &tx, 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_output(own, 0, &y, NULL), DL4C_OK);
    assert_true(f32(y)[label[0]] > old[label[0]]); /* the trained graph's own session follows */
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&l);
    dl4c_session_destroy(&before);
    dl4c_session_destroy(&own);
    dl4c_graph_destroy(&parent);
    dl4c_graph_destroy(&g); /* before its trainer */
    dl4c_trainer_destroy(&t);
}

/* A step under another updater that runs out of memory must not leave the old state under the new name. */
static void a_step_that_fails_leaves_the_updater_with_its_state(void **state)
{
    (void)state;
    struct fail_alloc counter = { 0 };
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    float x[2 * TOY_FEATURES];
    int64_t labels[2];
    const int64_t row[] = { TOY_FEATURES };
    long failed = 0;
    co.alloc = fail_alloc_take;
    co.release = fail_alloc_release;
    co.alloc_user = &counter;
    co.threads = 1;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    toy_examples(2, 1, NULL, x, labels);
    dl4c_tensor *tx = toy_f32(x, 2, row, 1), *ty = toy_i64(labels, 2);
    for (long n = 1, status = DL4C_E_NOMEM; status != DL4C_OK; n++) {
        dl4c_graph *g = toy_head(ctx);
        dl4c_trainer *a = trainer(g, (struct dl4c_fit_options){ .batch = 2, .updater = "nesterovs:lr=0.1" });
        step(a, tx, ty);
        dl4c_trainer_destroy(&a);
        dl4c_trainer *b = trainer(g, (struct dl4c_fit_options){ .batch = 2, .updater = "rmsprop:lr=0.1" });
        dl4c_tensor *look = NULL; /* the step has to copy the state */
        const struct dli_blob *before = g->updater_state;
        assert_int_equal(dl4c_trainer_updater_state(b, &look, NULL), DL4C_OK);
        counter.fail_at = counter.calls + n;
        status = dl4c_trainer_step(b, tx, ty, NULL, NULL);
        counter.fail_at = 0;
        failed += status != DL4C_OK;
        assert_int_equal(strncmp(g->updater, "nesterovs", 9) == 0, g->updater_state == before);
        dl4c_tensor_unref(&look);
        dl4c_trainer_destroy(&b);
        dl4c_graph_destroy(&g);
    }
    assert_true(failed >= 2); /* the text and the state */
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_context_destroy(&ctx);
    assert_int_equal(counter.live, 0);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const float weights[] = { 1, 1, -1, 1 };
    const struct {
        struct dl4c_fit_options o;
        dl4c_status status;
    } cases[] = {
        { { .workers = 2 }, DL4C_E_INVALID },
        { { .transport = "tcp://host:1" }, DL4C_E_INVALID },
        { { .transport = "pigeons" }, DL4C_E_UNSUPPORTED },
        { { .updater = "nestrovs" }, DL4C_E_NOTFOUND },
        { { .updater = "sgd:lr=-1" }, DL4C_E_INVALID },
        { { .updater = "sgd:rate=1" }, DL4C_E_INVALID },
        { { .updater = "noop", .lr_schedule = "fixed" }, DL4C_E_INVALID },
        { { .lr_schedule = "stairs" }, DL4C_E_NOTFOUND },
        { { .lr_schedule = "step:decay=0.5" }, DL4C_E_INVALID },
        { { .l2 = -1 }, DL4C_E_INVALID },
        { { .l1 = (double)NAN }, DL4C_E_INVALID },
        { { .batch = -1 }, DL4C_E_INVALID },
        { { .balanced = 1 }, DL4C_E_INVALID },
        { { .class_weights = weights, .n_class_weights = 2 }, DL4C_E_INVALID },
        { { .class_weights = weights, .n_class_weights = 3 }, DL4C_E_INVALID },
        { { .class_weights = weights }, DL4C_E_INVALID },
        { { .flags = 1 << 20 }, DL4C_E_VERSION },
        { { .checkpoint_dir = "kept" }, DL4C_E_INVALID },
        { { .resume = 1 }, DL4C_E_INVALID },
        { { .checkpoint_every_ms = -1 }, DL4C_E_INVALID },
    };
    dl4c_graph *g = toy_head(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_fit_options o = cases[i].o;
        dl4c_trainer *t = (dl4c_trainer *)g;
        o.struct_size = sizeof o;
        err.message[0] = '\0';
        if (dl4c_trainer_create(g, &o, &t, &err) != cases[i].status)
            fail_msg("case %d: %s %s", (int)i, dl4c_status_name(err.status), err.message);
        assert_null(t);
        assert_true(err.message[0] != '\0');
    }
    dl4c_graph_destroy(&g);
}

static void graphs_that_cannot_be_trained_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { 4 };
    const char *no_loss[] = { "dense:units=3" }, *few[] = { "output:units=3,loss=mse(weights=1;2)" };
    const char *updater[] = { "output:units=3,updater=adam(beta3=1)" };
    const struct {
        const char **specs;
        dl4c_status status;
        const char *says;
    } cases[] = {
        { no_loss, DL4C_E_INVALID, "loss" },
        { few, DL4C_E_INVALID, "weights has 2 numbers for 3 outputs" },
        { updater, DL4C_E_INVALID, "the updater of 'v0'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dl4c_graph *g = toy_graph(NULL, shape, 1, cases[i].specs, 1);
        dl4c_trainer *t = NULL;
        assert_int_equal(dl4c_trainer_create(g, NULL, &t, &err), cases[i].status);
        assert_null(t);
        if (!strstr(err.message, cases[i].says))
            fail_msg("%s", err.message);
        dl4c_graph_destroy(&g);
    }
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const char *in[] = { "a", "b" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "a", shape, 1);
    dl4c_builder_input(b, "b", shape, 1);
    dl4c_builder_add_text(b, "add", "c", in, 2);
    const char *c[] = { "c" };
    dl4c_builder_add_text(b, "output:units=2", "d", c, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, NULL), DL4C_OK);
    dl4c_trainer *t = NULL;
    assert_int_equal(dl4c_trainer_create(g, NULL, &t, &err), DL4C_E_UNSUPPORTED);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_differences_of_the_whole_score),
        cmocka_unit_test(a_step_is_what_one_computes_by_hand),
        cmocka_unit_test(a_step_allocates_nothing_after_the_first),
        cmocka_unit_test(bits_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(keeping_the_gradient_changes_no_bit),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused),
        cmocka_unit_test(strided_tensors_are_gathered),
        cmocka_unit_test(open_heights_and_widths_are_the_minibatchs),
        cmocka_unit_test(what_is_not_finite_stops_training_and_names_the_iteration),
        cmocka_unit_test(sessions_and_clones_of_before_see_nothing),
        cmocka_unit_test(a_step_that_fails_leaves_the_updater_with_its_state),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(graphs_that_cannot_be_trained_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
