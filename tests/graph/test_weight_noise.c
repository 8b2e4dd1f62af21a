/* SPDX-License-Identifier: Apache-2.0 */
/* Weight noise: what training reads in the place of a parameter, what the gradient is then, and what stays as it is. */
#include "graph/tape.h"
#include <dl4c/train.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { IN = 12, UNITS = 300, ROWS = 3 };

static dl4c_graph *layer(const char *first, bool freeze)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { IN };
    const char *in[] = { "in" }, *a[] = { "a" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_add_text(b, first, "a", in, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=identity,loss=mse", "out", a, 1);
    if (freeze)
        dl4c_builder_freeze(b, "a");
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return g;
}

static struct dli_tape *tape_of(dl4c_graph *g, int32_t threads)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_tape *t;
    const struct dli_tape_options o = { .batch = ROWS, .threads = threads };
    if (dli_tape_create(NULL, g, &o, &t, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    assert_int_equal(dli_tape_own(t, &err), DL4C_OK);
    assert_int_equal(dli_tape_store_gradients(t, &err), DL4C_OK);
    return t;
}

/* What training makes of ones: [IN * UNITS] weights and [UNITS] biases of 1. */
static void draw(const char *spec, uint64_t seed, uint64_t iteration, int32_t threads, float *w, float *b)
{
    char text[200];
    snprintf(text, sizeof text, "dense:units=%d,weight_init=ones,bias_init=1,weight_noise=%s", UNITS, spec);
    dl4c_graph *g = layer(text, false);
    struct dli_tape *t = tape_of(g, threads);
    dli_tape_noise(t, true, seed, iteration);
    const struct dli_step *s = &t->plan->steps[0];
    while (!s->has_params)
        s++;
    for (int k = 0; k < 2; k++) {
        const int64_t n = k == 0 ? IN * UNITS : UNITS;
        const float *from = s->noisy[k] ? s->noisy[k] : (const float *)t->params->data + t->slots[k].offset;
        memcpy(k == 0 ? w : b, from, (size_t)n * sizeof *from);
    }
    dli_tape_destroy(t);
    dl4c_graph_destroy(&g);
}

static void moments(const float *v, int64_t n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)v[i];
        squares += (double)v[i] * (double)v[i];
    }
    *mean = sum / (double)n;
    *deviation = sqrt(squares / (double)n - *mean * *mean);
}

static void noise_has_the_moments_of_its_kind(void **state)
{
    (void)state;
    static float w[IN * UNITS], b[UNITS];
    static const struct {
        const char *spec;
        double mean, deviation;
        bool biases;
    } t[] = {
        { "drop_connect(p=0.3)", 0.3, 0.458257569, false }, /* sqrt(p (1 - p)): nothing is divided by p */
        { "drop_connect(p=0.8,biases=1)", 0.8, 0.4, true },
        { "add(distribution=normal(mean=2,std=0.5))", 3, 0.5, false },
        { "add(distribution=uniform(lower=-1,upper=3),biases=1)", 2, 1.154700538, true },
        { "multiply(distribution=normal(mean=1,std=0.1),biases=1)", 1, 0.1, true },
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        double mean, deviation;
        draw(t[k].spec, 5, 1, 2, w, b);
        moments(w, IN * UNITS, &mean, &deviation);
        const double error = t[k].deviation / sqrt(IN * UNITS);
        /* Four standard errors; those of the deviation are not larger than those of the mean. */
        if (fabs(mean - t[k].mean) > 4 * error || fabs(deviation - t[k].deviation) > 4 * error)
            fail_msg("%s: mean %.6f, deviation %.6f", t[k].spec, mean, deviation);
        moments(b, UNITS, &mean, &deviation);
        if (t[k].biases ? fabs(mean - t[k].mean) > 4 * t[k].deviation / sqrt(UNITS) : mean != 1 || deviation != 0)
            fail_msg("%s: biases of mean %.6f, deviation %.6f", t[k].spec, mean, deviation);
    }
}

static void what_is_certain_is_exact(void **state)
{
    (void)state;
    static float w[IN * UNITS], b[UNITS];
    static const struct {
        const char *spec;
        float w, b;
    } t[] = {
        { "drop_connect(p=1,biases=1)", 1, 1 },
        { "drop_connect(p=0)", 0, 1 },
        { "add(distribution=constant(value=0.25))", 1.25f, 1 },
        { "multiply(distribution=constant(value=3),biases=1)", 3, 3 },
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        draw(t[k].spec, 5, 1, 2, w, b);
        for (int i = 0; i < IN * UNITS; i++)
            assert_true(w[i] == t[k].w);
        for (int i = 0; i < UNITS; i++)
            assert_true(b[i] == t[k].b);
    }
}

static void it_follows_seed_and_iteration_alone(void **state)
{
    (void)state;
    static float a[IN * UNITS], c[IN * UNITS], b[UNITS];
    static const char *const specs[] = { "drop_connect", "add(distribution=normal(std=1))",
                                         "multiply(distribution=truncated_normal(std=1))" };
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        draw(specs[k], 5, 1, 1, a, b);
        draw(specs[k], 5, 1, 4, c, b);
        assert_memory_equal(a, c, sizeof a);
        draw(specs[k], 6, 1, 1, c, b);
        assert_memory_not_equal(a, c, sizeof a);
        draw(specs[k], 5, 2, 1, c, b);
        assert_memory_not_equal(a, c, sizeof a);
    }
}

/* A network that has the noisy parameters for its own gives the same output, and the same gradient: that of weights that were dropped is
 * not zero. */
static void the_gradient_is_that_of_what_was_read(void **state)
{
    (void)state;
    dl4c_graph *noisy = layer("dense:units=5,activation=tanh,weight_noise=drop_connect(p=0.5,biases=1)", false);
    dl4c_graph *plain = layer("dense:units=5,activation=tanh", false);
    struct dli_tape *t = tape_of(noisy, 1), *u = tape_of(plain, 1);
    float x[ROWS * IN];
    const float *inputs[] = { x };
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = (float)(i * 7 % 13 - 6) * 0.2f;
    assert_int_equal(t->n_params, u->n_params);
    dli_tape_noise(t, true, 9, 4);
    assert_int_equal(dli_tape_pack(t, NULL), DL4C_OK);
    dli_tape_forward(t, ROWS, inputs, true, 9, 4);
    /* the plain one has those parameters */
    memcpy(u->params->data, t->params->data, (size_t)u->n_params * sizeof(float));
    int dropped = 0;
    for (int32_t k = 0; k < t->n_noisy; k++) {
        const struct dli_slot *s = &t->slots[t->noisy[k].slot];
        const float *from = (const float *)t->noisy_params->data + t->noisy[k].offset;
        memcpy((float *)u->params->data + s->offset, from, (size_t)s->count * sizeof(float));
        for (int64_t i = 0; i < s->count; i++)
            dropped += from[i] == 0;
    }
    assert_int_equal(t->n_noisy, 2);
    assert_true(dropped > 5);
    assert_int_equal(dli_tape_pack(u, NULL), DL4C_OK);
    dli_tape_forward(u, ROWS, inputs, true, 9, 4);
    struct dli_tape *both[] = { t, u };
    for (int k = 0; k < 2; k++) {
        memcpy(dli_tape_da(both[k], 0), dli_tape_a(both[k], 0), (size_t)(ROWS * both[k]->outputs[0].floats) * sizeof(float));
        both[k]->outputs[0].gave_dz = false;
        dli_tape_backward(both[k], ROWS, 9, 4);
    }
    assert_memory_equal(dli_tape_a(t, 0), dli_tape_a(u, 0), (size_t)(ROWS * t->outputs[0].floats) * sizeof(float));
    assert_memory_equal(t->grads->data, u->grads->data, (size_t)t->n_params * sizeof(float));
    dli_tape_destroy(t);
    dli_tape_destroy(u);
    dl4c_graph_destroy(&noisy);
    dl4c_graph_destroy(&plain);
}

static void ok(dl4c_status status, const struct dl4c_error *err)
{
    if (status != DL4C_OK)
        fail_msg("%s: %s", err->origin, err->message);
}

/* Parameters after some steps, and a score before them, of a network with convolutions, whose kernels pack their weights. */
static float *train(const char *noise, int32_t threads, int64_t *n, double *score)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_trainer *t = NULL;
    dl4c_tensor *x = NULL, *y = NULL, *p = NULL;
    const int64_t shape[] = { 16, 9, 9 }, xs[] = { 4, 16, 9, 9 }, ys[] = { 4 };
    static float values[4 * 16 * 81];
    static int64_t labels[] = { 0, 1, 2, 1 };
    const char *in[] = { "in" }, *c[] = { "c" }, *d[] = { "d" };
    char text[2][200];
    for (int i = 0; i < 4 * 16 * 81; i++)
        values[i] = (float)(i * 37 % 41 - 20) / 20;
    snprintf(text[0], sizeof text[0], "conv2d:units=16,kernel=3,padding=1,activation=relu%s%s", noise ? ",weight_noise=" : "",
             noise ? noise : "");
    snprintf(text[1], sizeof text[1], "dense:units=20,activation=tanh%s%s", noise ? ",weight_noise=" : "", noise ? noise : "");
    ok(dl4c_builder_create(NULL, NULL, &b, &err), &err);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, text[0], "c", in, 1);
    dl4c_builder_add_text(b, text[1], "d", c, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=mcxent", "out", d, 1);
    ok(dl4c_builder_finish(&b, &g, &err), &err);
    o.batch = 4;
    o.updater = "sgd:lr=0.05";
    o.threads = threads;
    ok(dl4c_trainer_create(g, &o, &t, &err), &err);
    ok(dl4c_tensor_wrap(NULL, DL4C_F32, xs, NULL, 4, values, 0, NULL, NULL, &x, &err), &err);
    ok(dl4c_tensor_wrap(NULL, DL4C_I64, ys, NULL, 1, labels, 0, NULL, NULL, &y, &err), &err);
    ok(dl4c_trainer_score(t, x, y, score, &err), &err);
    for (int i = 0; i < 3; i++) {
        double before, again;
        ok(dl4c_trainer_step(t, x, y, NULL, &err), &err);
        ok(dl4c_trainer_score(t, x, y, &before, &err), &err); /* without noise, and twice the same */
        ok(dl4c_trainer_score(t, x, y, &again, &err), &err);
        assert_true(before == again);
    }
    ok(dl4c_trainer_params(t, &p, &err), &err);
    *n = dl4c_tensor_size(p);
    float *copy = malloc((size_t)*n * sizeof *copy);
    memcpy(copy, dl4c_tensor_data_const(p), (size_t)*n * sizeof *copy);
    dl4c_tensor_unref(&p);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
    return copy;
}

static void training_with_it_is_reproducible_and_scores_are_without(void **state)
{
    (void)state;
    int64_t n, m;
    double score, other;
    float *plain = train(NULL, 1, &n, &score);
    float *kept = train("drop_connect(p=1,biases=1)", 1, &m, &other);
    assert_true(n == m && score == other);
    assert_memory_equal(plain, kept, (size_t)n * sizeof *plain); /* with probability 1 nothing changes */
    float *noisy = train("drop_connect(p=0.5)", 1, &m, &other), *again = train("drop_connect(p=0.5)", 3, &m, &other);
    assert_true(score == other);
    assert_memory_equal(noisy, again, (size_t)n * sizeof *plain);
    assert_memory_not_equal(noisy, plain, (size_t)n * sizeof *plain);
    free(plain);
    free(kept);
    free(noisy);
    free(again);
}

/* Frozen layers run as in inference; of PReLU and batch normalisation nothing is a weight. */
static void what_is_frozen_or_no_weight_has_none(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool freeze;
    } t[] = { { "dense:units=5,weight_noise=drop_connect(p=0.5,biases=1)", true },
              { "batch_norm:weight_noise=drop_connect(p=0.5,biases=1)", false },
              { "prelu:weight_noise=add(distribution=normal(std=1))", false } };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        dl4c_graph *g = layer(t[k].spec, t[k].freeze);
        struct dli_tape *tape = tape_of(g, 1);
        assert_int_equal(tape->n_noisy, 0);
        dli_tape_destroy(tape);
        dl4c_graph_destroy(&g);
    }
}

static void what_is_no_noise_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *word;
    } t[] = { { "dense:units=5,weight_noise=drop_conect(p=0.5)", "drop_conect" },
              { "dense:units=5,weight_noise=drop_connect(p=1.5)", "1.5" },
              { "dense:units=5,weight_noise=add", "distribution" },
              { "dense:units=5,weight_noise=add(distribution=gauss(std=1))", "gauss" } };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_graph *g = layer(t[k].spec, false);
        struct dli_tape *tape = NULL;
        const struct dli_tape_options o = { .batch = 1 };
        assert_int_not_equal(dli_tape_create(NULL, g, &o, &tape, &err), DL4C_OK);
        assert_null(tape);
        if (!strstr(err.message, t[k].word) || !strstr(err.message, "'a'"))
            fail_msg("%s: %s", t[k].spec, err.message);
        dl4c_graph_destroy(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_has_the_moments_of_its_kind),
        cmocka_unit_test(what_is_certain_is_exact),
        cmocka_unit_test(it_follows_seed_and_iteration_alone),
        cmocka_unit_test(the_gradient_is_that_of_what_was_read),
        cmocka_unit_test(training_with_it_is_reproducible_and_scores_are_without),
        cmocka_unit_test(what_is_frozen_or_no_weight_has_none),
        cmocka_unit_test(what_is_no_noise_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
