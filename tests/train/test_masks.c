/* SPDX-License-Identifier: Apache-2.0 */
/* Masks: what they hide has no effect, what they leave counts as if the rest were not there, and where they do not belong is said. */
#include <dl4c/dl4c.h>

#include "graph/tape.h"
#include "train/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4, FEATURES = 3, TIME = 5, CLASSES = 2 };

static struct dl4c_error err;
#define OK(expr)                                                                                                                           \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s: %s", #expr, err.origin, err.message);                                                                        \
    } while (0)

static const char *const tagger[] = { "simple_rnn:units=4", "rnn_output:units=2,activation=softmax,loss=mcxent" };
static const char *const pooled[] = { "simple_rnn:units=4", "global_pool:type=avg", "output:units=2,activation=softmax,loss=mcxent" };

/* Over memory that outlives it. */
static dl4c_tensor *f32(float *v, const int64_t *shape, int32_t rank) { return toy_f32(v, shape[0], shape + 1, rank - 1); }

static dl4c_graph *sequence(const char *const *specs, int32_t n)
{
    const int64_t shape[] = { FEATURES, TIME };
    return toy_graph(NULL, shape, 2, specs, n);
}

static const float lengths[ROWS * TIME] = { 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0 };

struct batch {
    float x[ROWS * FEATURES * TIME], y[ROWS * CLASSES * TIME], labels[ROWS * CLASSES];
};

static void fill(struct batch *b)
{
    toy_values(3, ROWS * FEATURES * TIME, b->x);
    for (int i = 0; i < ROWS; i++)
        for (int t = 0; t < TIME; t++)
            for (int c = 0; c < CLASSES; c++)
                b->y[(i * CLASSES + c) * TIME + t] = (i + t * t) % CLASSES == c;
    for (int i = 0; i < ROWS * CLASSES; i++)
        b->labels[i] = i / CLASSES % CLASSES == i % CLASSES;
}

/* A step with masks; answers the gradient (free) and the score. */
static float *step(dl4c_graph *g, float *x, float *y, const int64_t *y_shape, int32_t y_rank, const float *x_mask, const float *y_mask,
                   int64_t y_mask_values, double *score, int64_t *n)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    dl4c_tensor *gradient = NULL, *masks[2] = { NULL, NULL };
    const int64_t x_shape[] = { ROWS, FEATURES, TIME }, xm[] = { ROWS, TIME }, ym[] = { ROWS, y_mask_values };
    dl4c_tensor *tx = f32(x, x_shape, 3), *ty = f32(y, y_shape, y_rank);
    dl4c_graph *copy = NULL;
    OK(dl4c_graph_clone(g, &copy, &err));
    o.batch = ROWS;
    o.updater = "sgd:lr=0.1";
    o.flags = DL4C_FIT_KEEP_GRADIENT;
    OK(dl4c_trainer_create(copy, &o, &t, &err));
    if (x_mask)
        masks[0] = f32((float *)(uintptr_t)x_mask, xm, 2);
    if (y_mask)
        masks[1] = f32((float *)(uintptr_t)y_mask, ym, 2);
    OK(dl4c_trainer_masks(t, masks[0], masks[1], &err));
    OK(dl4c_trainer_step(t, tx, ty, score, &err));
    OK(dl4c_trainer_gradient(t, &gradient, &err));
    *n = dl4c_tensor_size(gradient);
    float *out = malloc((size_t)*n * sizeof *out);
    memcpy(out, dl4c_tensor_data_const(gradient), (size_t)*n * sizeof *out);
    dl4c_tensor_unref(&gradient);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    dl4c_tensor_unref(&masks[0]);
    dl4c_tensor_unref(&masks[1]);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&copy);
    return out;
}

static const int64_t times_shape[] = { ROWS, CLASSES, TIME }, row_shape[] = { ROWS, CLASSES };

/* The rest of a sequence may hold anything where features and targets are masked there. */
static void what_is_masked_has_no_effect(void **state)
{
    (void)state;
    dl4c_graph *graphs[] = { sequence(tagger, 2), sequence(pooled, 3) };
    for (int k = 0; k < 2; k++) {
        struct batch a, b;
        double first, second, plain;
        int64_t n;
        fill(&a);
        fill(&b);
        for (int i = 0; i < ROWS; i++)
            for (int t = 0; t < TIME; t++)
                for (int f = 0; f < FEATURES && lengths[i * TIME + t] == 0; f++) {
                    b.x[(i * FEATURES + f) * TIME + t] = 7;
                    if (f < CLASSES)
                        b.y[(i * CLASSES + f) * TIME + t] = 0;
                }
        float *one = k == 0 ? step(graphs[k], a.x, a.y, times_shape, 3, lengths, lengths, TIME, &first, &n)
                            : step(graphs[k], a.x, a.labels, row_shape, 2, lengths, NULL, 0, &first, &n);
        float *two = k == 0 ? step(graphs[k], b.x, b.y, times_shape, 3, lengths, lengths, TIME, &second, &n)
                            : step(graphs[k], b.x, b.labels, row_shape, 2, lengths, NULL, 0, &second, &n);
        float *without = k == 0 ? step(graphs[k], a.x, a.y, times_shape, 3, NULL, NULL, 0, &plain, &n)
                                : step(graphs[k], a.x, a.labels, row_shape, 2, NULL, NULL, 0, &plain, &n);
        assert_true(first == second && first != plain);
        assert_memory_equal(one, two, (size_t)n * sizeof *one);
        assert_memory_not_equal(one, without, (size_t)n * sizeof *one);
        free(one);
        free(two);
        free(without);
        dl4c_graph_destroy(&graphs[k]);
    }
}

/* Masks of ones are none; a row that is masked away leaves the sums of the others. */
static void masked_rows_leave_the_sums_of_the_others(void **state)
{
    (void)state;
    static const float ones[ROWS * TIME] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const float rows[ROWS] = { 1, 0, 1, 1 };
    dl4c_graph *g = sequence(pooled, 3);
    struct batch b;
    double plain, all, some, parts = 0, one;
    int64_t n;
    fill(&b);
    float *a = step(g, b.x, b.labels, row_shape, 2, NULL, NULL, 0, &plain, &n);
    float *c = step(g, b.x, b.labels, row_shape, 2, NULL, ones, 1, &all, &n);
    assert_true(plain == all);
    assert_memory_equal(a, c, (size_t)n * sizeof *a);
    free(a);
    free(c);
    float *masked = step(g, b.x, b.labels, row_shape, 2, NULL, rows, 1, &some, &n);
    float *sum = calloc((size_t)n, sizeof *sum);
    for (int i = 0; i < ROWS; i++) {
        float only[ROWS] = { 0 };
        only[i] = 1;
        float *part = step(g, b.x, b.labels, row_shape, 2, NULL, only, 1, &one, &n);
        for (int64_t k = 0; k < n && rows[i] != 0; k++)
            sum[k] += part[k];
        parts += rows[i] != 0 ? one : 0;
        free(part);
    }
    assert_true(fabs(some - parts) < 1e-12); /* each is divided by all rows */
    float largest = 0;
    for (int64_t k = 0; k < n; k++)
        largest = fmaxf(largest, fabsf(masked[k]));
    for (int64_t k = 0; k < n; k++)
        assert_true(fabsf(masked[k] - sum[k]) <= 1e-6f * largest); /* another order of three floats */
    free(masked);
    free(sum);
    dl4c_graph_destroy(&g);
}

/* Values of a sequence pooled under a mask are those of the shorter sequence, for every type, and gradients agree with differences. */
static void pooling_under_a_mask_is_that_of_the_rest(void **state)
{
    (void)state;
    static const char *const types[] = { "max", "avg", "sum", "pnorm" };
    for (int k = 0; k < 4; k++) {
        char text[64];
        snprintf(text, sizeof text, "global_pool:type=%s%s", types[k], k == 3 ? ",p=3" : "");
        const char *const one[] = { text };
        dl4c_graph *g = sequence(one, 1);
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        dl4c_session *s = NULL;
        struct batch b;
        dl4c_tensor *y = NULL;
        const int64_t xs[] = { ROWS, FEATURES, TIME }, ms[] = { ROWS, TIME };
        fill(&b);
        dl4c_tensor *x = f32(b.x, xs, 3), *mask = f32((float *)(uintptr_t)lengths, ms, 2);
        o.batch = ROWS;
        OK(dl4c_session_create(NULL, g, &o, &s, &err));
        OK(dl4c_session_mask(s, mask, &err));
        OK(dl4c_session_run(s, &x, 1, &err));
        OK(dl4c_session_output(s, 0, &y, &err));
        for (int i = 0; i < ROWS * FEATURES; i++) {
            double most = -INFINITY, sum = 0, cubes = 0;
            int n = 0;
            for (int t = 0; t < TIME; t++) {
                const double v = (double)b.x[i * TIME + t];
                if (lengths[i / FEATURES * TIME + t] == 0)
                    continue;
                n++;
                most = fmax(most, v);
                sum += v;
                cubes += fabs(v * v * v);
            }
            const double want[] = { most, sum / n, sum, cbrt(cubes) };
            if (!(fabs((double)((const float *)dl4c_tensor_data_const(y))[i] - want[k]) < 1e-6))
                fail_msg("%s of %d", types[k], i);
        }
        /* Without the mask it is another; the rows of a run must be those of the mask. */
        const int64_t two[] = { 2, FEATURES, TIME };
        dl4c_tensor *less = f32(b.x, two, 3);
        assert_int_equal(dl4c_session_run(s, &less, 1, &err), DL4C_E_INVALID);
        OK(dl4c_session_mask(s, NULL, &err));
        OK(dl4c_session_run(s, &less, 1, &err));
        dl4c_tensor_unref(&less);
        dl4c_tensor_unref(&x);
        dl4c_tensor_unref(&mask);
        dl4c_session_destroy(&s);
        dl4c_graph_destroy(&g);
    }
}

/* 0.5 |a|^2 of the output under a mask of the input, as every parameter moves, against the gradient. */
static void gradients_under_masks_agree_with_differences(void **state)
{
    (void)state;
    static const char *const pools[] = { "global_pool:type=max", "global_pool:type=avg", "global_pool:type=sum",
                                         "global_pool:type=pnorm,p=3", "lstm:units=3" };
    for (int k = 0; k < 5; k++) {
        const char *const specs[] = { "simple_rnn:units=4", "cube", pools[k],
                                      k < 4 ? "output:units=2,activation=identity,loss=mse"
                                            : "rnn_output:units=2,activation=identity,loss=mse" };
        dl4c_graph *g = sequence(specs, 4);
        struct dli_tape *t;
        const struct dli_tape_options o = { .batch = ROWS };
        struct batch b;
        double largest = 0;
        fill(&b);
        OK(dli_tape_create(NULL, g, &o, &t, &err));
        OK(dli_tape_own(t, &err));
        OK(dli_tape_store_gradients(t, &err));
        OK(dli_tape_pack(t, &err));
        t->plan->mask = lengths;
        const float *inputs[] = { b.x };
        dli_tape_forward(t, ROWS, inputs, true, 1, 1);
        memcpy(dli_tape_da(t, 0), dli_tape_a(t, 0), (size_t)(ROWS * t->outputs[0].floats) * sizeof(float));
        dli_tape_backward(t, ROWS, 1, 1);
        float *w = t->params->data;
        const float *grad = t->grads->data;
        for (int64_t i = 0; i < t->n_params; i++)
            largest = fmax(largest, fabs((double)grad[i]));
        assert_true(largest > 0.01);
        for (int64_t i = 0; i < t->n_params; i++) {
            const float before = w[i], h = 1e-2f;
            double side[2];
            for (int m = 0; m < 2; m++) {
                w[i] = m ? before + h : before - h;
                OK(dli_tape_pack(t, &err));
                dli_tape_forward(t, ROWS, inputs, true, 1, 1);
                side[m] = 0;
                for (int64_t j = 0; j < ROWS * t->outputs[0].floats; j++)
                    side[m] += 0.5 * (double)dli_tape_a(t, 0)[j] * (double)dli_tape_a(t, 0)[j];
            }
            w[i] = before;
            const double slope = (side[1] - side[0]) / (2 * (double)h);
            /* Float sums near 1 carry 1e-7 / 2e-2, the third derivative h^2. */
            if (fabs(slope - (double)grad[i]) > 2e-3 * (1 + largest))
                fail_msg("%s, parameter %d: difference %g, gradient %g", pools[k], (int)i, slope, (double)grad[i]);
        }
        dli_tape_destroy(t);
        dl4c_graph_destroy(&g);
    }
}

static dl4c_source *masked_source(struct batch *b, const float *y_mask)
{
    const int64_t xs[] = { ROWS, FEATURES, TIME }, ms[] = { ROWS, TIME };
    dl4c_tensor *x = f32(b->x, xs, 3), *y = f32(b->y, times_shape, 3);
    dl4c_tensor *xm = f32((float *)(uintptr_t)lengths, ms, 2), *ym = f32((float *)(uintptr_t)y_mask, ms, 2);
    dl4c_source *s = NULL;
    OK(dl4c_source_masked(NULL, x, y, 0, xm, ym, &s, &err));
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&xm);
    dl4c_tensor_unref(&ym);
    return s;
}

/* A source gives masks with the rows they belong to, shuffled or not, whole or in parts. */
static void sources_give_masks_with_their_rows(void **state)
{
    (void)state;
    struct batch b;
    fill(&b);
    dl4c_source *s = masked_source(&b, lengths);
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        OK(dl4c_source_reset(s, shuffle, 5, 0, &err));
        for (int rows = 0; rows < ROWS;) {
            struct dl4c_batch got = DL4C_BATCH_INIT;
            OK(dl4c_source_next(s, 3, &got, &err));
            assert_true(got.n > 0);
            assert_int_equal(got.y_mask_values, TIME);
            for (int64_t i = 0; i < got.n; i++) {
                assert_memory_equal(got.x + i * FEATURES * TIME, b.x + got.index[i] * FEATURES * TIME, FEATURES * TIME * sizeof(float));
                assert_memory_equal(got.x_mask + i * TIME, lengths + got.index[i] * TIME, TIME * sizeof(float));
                assert_memory_equal(got.y_mask + i * TIME, lengths + got.index[i] * TIME, TIME * sizeof(float));
            }
            rows += (int)got.n;
        }
    }
    dl4c_source_destroy(&s);
}

/* Every time that is left is counted as a row. */
static void evaluation_counts_what_is_left(void **state)
{
    (void)state;
    struct batch b;
    int64_t left = 0, right = 0;
    dl4c_graph *g = sequence(tagger, 2);
    dl4c_evaluation *e = NULL;
    dl4c_session *session = NULL;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    const int64_t xs[] = { ROWS, FEATURES, TIME }, ms[] = { ROWS, TIME };
    dl4c_tensor *p = NULL;
    fill(&b);
    dl4c_tensor *x = f32(b.x, xs, 3), *mask = f32((float *)(uintptr_t)lengths, ms, 2);
    so.batch = ROWS;
    OK(dl4c_session_create(NULL, g, &so, &session, &err));
    OK(dl4c_session_mask(session, mask, &err));
    OK(dl4c_session_run(session, &x, 1, &err));
    OK(dl4c_session_output(session, 0, &p, &err));
    const float *v = dl4c_tensor_data_const(p);
    for (int i = 0; i < ROWS; i++)
        for (int t = 0; t < TIME; t++) {
            const int at = i * CLASSES * TIME + t;
            if (lengths[i * TIME + t] == 0)
                continue;
            left++;
            right += (v[at + TIME] > v[at]) == (b.y[at + TIME] > b.y[at]);
        }
    dl4c_source *s = masked_source(&b, lengths);
    OK(dl4c_evaluate(g, s, NULL, &e, &err));
    assert_int_equal(dl4c_evaluation_count(e), left);
    assert_true(fabs(dl4c_evaluation_accuracy(e) - (double)right / (double)left) < 1e-12);
    dl4c_evaluation_destroy(&e);
    dl4c_source_destroy(&s);
    dl4c_session_destroy(&session);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&mask);
    dl4c_graph_destroy(&g);
}

static void several_workers_refuse_masks(void **state)
{
    (void)state;
    struct batch b;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = sequence(tagger, 2);
    fill(&b);
    dl4c_source *s = masked_source(&b, lengths);
    o.epochs = 1;
    o.batch = 1;
    o.workers = 2;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "workers"));
    o.workers = 1;
    OK(dl4c_fit(g, s, &o, &err));
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void refused(dl4c_graph *g, int64_t y_rank, const float *x_mask, const float *y_mask, int64_t values, const char *word)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct batch b;
    dl4c_trainer *t = NULL;
    const int64_t xs[] = { ROWS, FEATURES, TIME }, xm[] = { ROWS, TIME }, ym[] = { ROWS, values };
    fill(&b);
    dl4c_tensor *x = f32(b.x, xs, 3), *y = y_rank == 3 ? f32(b.y, times_shape, 3) : f32(b.labels, row_shape, 2);
    dl4c_tensor *one = x_mask ? f32((float *)(uintptr_t)x_mask, xm, 2) : NULL;
    dl4c_tensor *two = y_mask ? f32((float *)(uintptr_t)y_mask, ym, 2) : NULL;
    o.batch = ROWS;
    OK(dl4c_trainer_create(g, &o, &t, &err));
    OK(dl4c_trainer_masks(t, one, two, &err));
    if (dl4c_trainer_step(t, x, y, NULL, &err) == DL4C_OK || !strstr(err.message, word))
        fail_msg("wanted \"%s\": %s", word, err.message);
    OK(dl4c_trainer_masks(t, NULL, NULL, &err));
    OK(dl4c_trainer_step(t, x, y, NULL, &err));
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&one);
    dl4c_tensor_unref(&two);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

static void masks_that_do_not_belong_there_are_refused(void **state)
{
    (void)state;
    float half[ROWS * TIME * CLASSES];
    for (int i = 0; i < ROWS * TIME * CLASSES; i++)
        half[i] = i == 3 ? 0.5f : 1;
    refused(sequence(tagger, 2), 3, half, NULL, 0, "the mask of features holds 0.5");
    refused(sequence(tagger, 2), 3, NULL, half, TIME, "the mask of targets holds 0.5");
    refused(sequence(tagger, 2), 3, NULL, lengths, 1, "has 1 values for each row");
    half[3] = 1;
    refused(sequence(tagger, 2), 3, NULL, half, TIME * CLASSES, "with a softmax");
    static const char *const cosine[] = { "simple_rnn:units=4", "rnn_output:units=2,activation=tanh,loss=cosine_proximity" };
    refused(sequence(cosine, 2), 3, NULL, half, TIME * CLASSES, "cosine_proximity");
    static const char *const center[] = { "global_pool", "center_loss:units=2,activation=softmax,loss=mcxent" };
    refused(sequence(center, 2), 2, NULL, half, 1, "takes no mask");
    static const char *const flat[] = { "output:units=2,activation=softmax,loss=mcxent" };
    const int64_t shape[] = { FEATURES, TIME, 1 };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = toy_graph(NULL, shape, 3, flat, 1);
    dl4c_trainer *t = NULL;
    struct batch b;
    const int64_t xs[] = { ROWS, FEATURES, TIME, 1 }, ms[] = { ROWS, 1 };
    fill(&b);
    dl4c_tensor *x = f32(b.x, xs, 4), *y = f32(b.labels, row_shape, 2), *mask = f32(half + 4, ms, 2);
    o.batch = ROWS;
    OK(dl4c_trainer_create(g, &o, &t, &err));
    OK(dl4c_trainer_masks(t, mask, NULL, &err));
    assert_int_equal(dl4c_trainer_step(t, x, y, NULL, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "sequences"));
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&mask);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_masked_has_no_effect),
        cmocka_unit_test(masked_rows_leave_the_sums_of_the_others),
        cmocka_unit_test(pooling_under_a_mask_is_that_of_the_rest),
        cmocka_unit_test(gradients_under_masks_agree_with_differences),
        cmocka_unit_test(sources_give_masks_with_their_rows),
        cmocka_unit_test(evaluation_counts_what_is_left),
        cmocka_unit_test(several_workers_refuse_masks),
        cmocka_unit_test(masks_that_do_not_belong_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
