/* SPDX-License-Identifier: Apache-2.0 */
/* Parameter averaging over threads: against trainers that are averaged by hand, against one process, and what happens when one fails. */
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include "support/must.h"
#include "train/toy.h"
#include "train/trainer.h"
#include <dl4c/transport.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMS = (TOY_FEATURES + 1) * TOY_CLASSES };

static struct dl4c_fit_options options(int workers, int64_t batch, int frequency, const char *updater)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.workers = workers;
    o.batch = batch;
    o.averaging_frequency = frequency;
    o.updater = updater;
    o.epochs = 2;
    return o;
}

static void params_of(dl4c_graph *g, float v[PARAMS])
{
    static const char *const names[] = { "W", "b" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        dl4c_tensor *t = NULL;
        must(dl4c_graph_param(g, "v0", names[i], &t, &err), &err);
        memcpy(v + (i ? TOY_FEATURES * TOY_CLASSES : 0), dl4c_tensor_data_const(t), (size_t)dl4c_tensor_size(t) * sizeof *v);
        dl4c_tensor_unref(&t);
    }
}

/* Trains a toy head on n examples; its parameters and its updater's state, `state` floats. */
static dl4c_graph *train(int64_t n, const struct dl4c_fit_options *o, float v[PARAMS])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, n, 1);
    must(dl4c_fit(g, s, o, &err), &err);
    params_of(g, v);
    dl4c_source_destroy(&s);
    return g;
}

/* With plain SGD the weighted mean after every step is one step of the N-fold minibatch, also where the last one is short; the bound is
 * rounding: some hundred operations on values near 1. */
static void averaging_every_step_is_one_process_with_a_larger_batch(void **state)
{
    (void)state;
    for (int workers = 2; workers <= 5; workers++) {
        float many[PARAMS], one[PARAMS];
        struct dl4c_fit_options o = options(workers, 4, 1, "sgd:lr=0.1");
        dl4c_graph *a = train(50, &o, many);
        o = options(1, 4 * workers, 1, "sgd:lr=0.1");
        dl4c_graph *b = train(50, &o, one);
        for (int i = 0; i < PARAMS; i++)
            assert_true(fabsf(many[i] - one[i]) < 2e-6f);
        assert_int_equal(a->iteration, b->iteration);
        assert_int_equal(a->epoch, 2);
        dl4c_graph_destroy(&a);
        dl4c_graph_destroy(&b);
    }
}

/* With an updater that has a state, too, and over many epochs: workers make the same step on the same mean. The bound is rounding, which
 * Adam makes larger where a gradient is next to nothing. */
static void gradients_of_workers_are_those_of_one_larger_batch(void **state)
{
    (void)state;
    static const char *const updaters[] = { "sgd:lr=0.1", "nesterovs:lr=0.05,momentum=0.9", "adam:lr=0.02" };
    static const float bounds[] = { 2e-6f, 2e-6f, 1e-4f };
    for (int workers = 2; workers <= 4; workers++)
        for (int u = 0; u < 3; u++) {
            float many[PARAMS], one[PARAMS], again[PARAMS];
            struct dl4c_fit_options o = options(workers, 4, 0, updaters[u]);
            o.flags = DL4C_FIT_GRADIENTS;
            o.epochs = 5;
            dl4c_graph *a = train(50, &o, many);
            o.threads = 3;
            o.prefetch = 4;
            dl4c_graph *c = train(50, &o, again);
            assert_memory_equal(many, again, sizeof many);
            o = options(1, 4 * workers, 1, updaters[u]);
            o.epochs = 5;
            dl4c_graph *b = train(50, &o, one);
            for (int i = 0; i < PARAMS; i++)
                assert_true(fabsf(many[i] - one[i]) < bounds[u]);
            assert_int_equal(a->iteration, b->iteration);
            dl4c_graph_destroy(&a);
            dl4c_graph_destroy(&b);
            dl4c_graph_destroy(&c);
        }
}

static void what_does_not_go_with_gradients_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dl4c_fit_options o = options(i == 0 ? 1 : 2, 4, i == 1 ? 2 : 0, "sgd:lr=0.1");
        dl4c_graph *g = toy_head(NULL);
        dl4c_source *s = toy_source(NULL, 8, 1);
        o.flags = DL4C_FIT_GRADIENTS | (i == 2 ? DL4C_FIT_AS_DL4J : 0);
        o.no_save_updater = i == 3;
        assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
        assert_non_null(strstr(err.message, "the mean of gradients"));
        dl4c_source_destroy(&s);
        dl4c_graph_destroy(&g);
    }
}

struct hand {
    dl4c_trainer *t;
    dl4c_graph *g;
    int64_t seen;
};

static void mean_of(struct hand *h, int n, int of_state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    double total = 0;
    for (int i = 0; i < n; i++)
        total += (double)h[i].seen;
    float *each[8];
    int64_t size = 0;
    for (int i = 0; i < n; i++) {
        dl4c_tensor *t = NULL;
        must(of_state ? dl4c_trainer_updater_state(h[i].t, &t, &err) : dl4c_trainer_params(h[i].t, &t, &err), &err);
        each[i] = (float *)(uintptr_t)dl4c_tensor_data_const(t); /* the test writes where no user may */
        size = dl4c_tensor_size(t);
        dl4c_tensor_unref(&t);
    }
    for (int64_t k = 0; k < size; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += (double)h[i].seen * (double)each[i][k];
        for (int i = 0; i < n; i++)
            each[i][k] = (float)(sum * (1.0 / total));
    }
}

/* The same rounds with trainers of their own, averaged by hand: the same bits, with the updater's state and without rows to spare. */
static void the_bits_are_those_of_trainers_averaged_by_hand(void **state)
{
    (void)state;
    enum { WORKERS = 3, BATCH = 4, FREQUENCY = 2, N = 50 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = options(WORKERS, BATCH, FREQUENCY, "adam:lr=0.02");
    float got[PARAMS], want[PARAMS], x[N * TOY_FEATURES];
    int64_t labels[N];
    o.no_shuffle = 1;
    o.epochs = 1;
    dl4c_graph *g = train(N, &o, got);

    struct hand h[WORKERS] = { { 0 } };
    o = options(0, BATCH, 0, "adam:lr=0.02");
    for (int i = 0; i < WORKERS; i++) {
        h[i].g = toy_head(NULL);
        must(dl4c_trainer_create(h[i].g, &o, &h[i].t, &err), &err);
    }
    toy_examples(N, 1, NULL, x, labels);
    for (int64_t at = 0, step = 0; at < N; step++) {
        const int64_t rows = N - at < WORKERS * BATCH ? N - at : WORKERS * BATCH;
        for (int i = 0; i < WORKERS; i++) {
            const int64_t first = at + rows * i / WORKERS, n = at + rows * (i + 1) / WORKERS - first;
            if (n == 0)
                continue;
            dl4c_tensor *xt = toy_f32(x + first * TOY_FEATURES, n, (const int64_t[]){ TOY_FEATURES }, 1);
            dl4c_tensor *yt = toy_i64(labels + first, n);
            h[i].g->iteration = step;
            must(dl4c_trainer_step(h[i].t, xt, yt, NULL, &err), &err);
            h[i].seen += n;
            dl4c_tensor_unref(&xt);
            dl4c_tensor_unref(&yt);
        }
        at += rows;
        if (step % FREQUENCY == FREQUENCY - 1 || at == N) {
            mean_of(h, WORKERS, 0);
            mean_of(h, WORKERS, 1);
            for (int i = 0; i < WORKERS; i++)
                h[i].seen = 0;
        }
    }
    params_of(h[0].g, want);
    assert_memory_equal(got, want, sizeof got);
    assert_int_equal(g->updater_state->bytes, h[0].g->updater_state->bytes);
    assert_memory_equal(g->updater_state->data, h[0].g->updater_state->data, g->updater_state->bytes);
    for (int i = 0; i < WORKERS; i++) {
        dl4c_trainer_destroy(&h[i].t);
        dl4c_graph_destroy(&h[i].g);
    }
    dl4c_graph_destroy(&g);
}

static void the_same_bits_every_time_and_with_any_number_of_threads(void **state)
{
    (void)state;
    for (int workers = 2; workers <= 4; workers++) {
        float first[PARAMS], again[PARAMS];
        struct dl4c_fit_options o = options(workers, 5, 3, "nesterovs:lr=0.05,momentum=0.9");
        dl4c_graph *g = train(97, &o, first);
        dl4c_graph_destroy(&g);
        for (int run = 0; run < 6; run++) {
            o.threads = 1 + run % 3;
            g = train(97, &o, again);
            dl4c_graph_destroy(&g);
            assert_memory_equal(first, again, sizeof first);
        }
    }
}

/* A source that notes whether another thread than the one that made it asks for rows. */
struct told {
    dl4c_source *inner;
    pthread_t home;
    int asked, elsewhere;
};

static dl4c_status told_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    return dl4c_source_get_info(((struct told *)user)->inner, info, err);
}

static dl4c_status told_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    return dl4c_source_reset(((struct told *)user)->inner, shuffle, seed, epoch, err);
}

static dl4c_status told_next(void *user, int64_t most, struct dl4c_batch *batch, struct dl4c_error *err)
{
    struct told *t = user;
    t->asked++;
    t->elsewhere += !pthread_equal(t->home, pthread_self());
    return dl4c_source_next(t->inner, most, batch, err);
}

/* With labels that are targets too, and with less read ahead than a round takes and more. */
static void rows_that_are_read_ahead_give_the_same_bits(void **state)
{
    (void)state;
    static const struct dl4c_source_ops ops = { sizeof ops, told_info, told_reset, told_next, NULL };
    static const int ahead[] = { 0, 1, 2, 7, 1000 };
    for (int workers = 2; workers <= 3; workers++)
        for (int dl4j = 0; dl4j < 2; dl4j++) {
            float first[PARAMS], again[PARAMS];
            for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++) {
                struct dl4c_error err = DL4C_ERROR_INIT;
                struct told told = { .inner = toy_source(NULL, 97, 1), .home = pthread_self() };
                struct dl4c_fit_options o = options(workers, 5, 2, "adam:lr=0.05");
                dl4c_source *s = NULL;
                dl4c_graph *g = toy_head(NULL);
                o.prefetch = ahead[i];
                o.flags = dl4j ? DL4C_FIT_AS_DL4J : 0;
                must(dl4c_source_create(NULL, &ops, &told, NULL, &s, &err), &err);
                must(dl4c_fit(g, s, &o, &err), &err);
                params_of(g, i ? again : first);
                assert_true(i == 0 || memcmp(first, again, sizeof first) == 0);
                assert_true((told.elsewhere > 0) == (ahead[i] > 0) && told.elsewhere < told.asked);
                dl4c_graph_destroy(&g);
                dl4c_source_destroy(&s);
                dl4c_source_destroy(&told.inner);
            }
        }
}

/* What fails ahead of its turn fails when it is its turn: the rounds before count. */
static void a_row_that_cannot_be_read_ahead_fails_in_its_round(void **state)
{
    (void)state;
    enum { ROWS = 48 };
    float x[ROWS * TOY_FEATURES], after[2][PARAMS];
    int64_t labels[ROWS];
    toy_examples(ROWS, 1, NULL, x, labels);
    x[30 * TOY_FEATURES] = NAN;
    for (int ahead = 0; ahead < 2; ahead++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_tensor *xt = toy_f32(x, ROWS, (const int64_t[]){ TOY_FEATURES }, 1), *yt = toy_i64(labels, ROWS);
        dl4c_source *s = NULL;
        must(dl4c_source_tensors(NULL, xt, yt, 0, &s, &err), &err);
        struct dl4c_fit_options o = options(3, 4, 1, "sgd:lr=0.1");
        o.no_shuffle = 1;
        o.prefetch = 10 * ahead;
        dl4c_graph *g = toy_head(NULL);
        assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_DIVERGED);
        assert_int_equal(g->iteration, 2);
        params_of(g, after[ahead]);
        dl4c_tensor_unref(&xt);
        dl4c_tensor_unref(&yt);
        dl4c_source_destroy(&s);
        dl4c_graph_destroy(&g);
    }
    assert_memory_equal(after[0], after[1], sizeof after[0]);
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = options(1, 4, 1, "sgd:lr=0.1");
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 8, 1);
    o.prefetch = 2;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID); /* there is but one worker */
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

/* What a round moves is off by at most 2^-8 of the largest move in it; over the rounds such errors meet moves that have come out otherwise
 * for that, so the bound of the whole is larger: 2^-6 of the largest distance that a parameter has gone. */
static void halves_cost_little_and_give_the_same_bits(void **state)
{
    (void)state;
    for (int workers = 2; workers <= 4; workers++) {
        float start[PARAMS], whole[PARAMS], halves[PARAMS], again[PARAMS], far = 0, off = 0;
        dl4c_graph *g = toy_head(NULL);
        params_of(g, start);
        dl4c_graph_destroy(&g);
        struct dl4c_fit_options o = options(workers, 5, 3, "adam:lr=0.01");
        o.epochs = 10;
        g = train(97, &o, whole);
        dl4c_graph_destroy(&g);
        o.exchange = DL4C_EXCHANGE_BF16;
        g = train(97, &o, halves);
        dl4c_graph_destroy(&g);
        o.threads = 3;
        g = train(97, &o, again);
        dl4c_graph_destroy(&g);
        assert_memory_equal(halves, again, sizeof halves);
        for (int i = 0; i < PARAMS; i++) {
            far = fabsf(whole[i] - start[i]) > far ? fabsf(whole[i] - start[i]) : far;
            off = fabsf(whole[i] - halves[i]) > off ? fabsf(whole[i] - halves[i]) : off;
        }
        print_message("%d workers: a parameter went %g, halves are off by %g\n", workers, (double)far, (double)off);
        assert_true(off > 0 && off < far / 64);
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = options(2, 4, 1, "sgd:lr=0.1");
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 8, 1);
    o.exchange = DL4C_EXCHANGE_BF16;
    o.flags = DL4C_FIT_AS_DL4J;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
    o.flags = 0;
    o.exchange = 2;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
    o.exchange = DL4C_EXCHANGE_BF16;
    o.workers = 1;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

struct seen {
    int64_t rows, calls, events, rounds, last_round, last_iteration;
    uint32_t workers;
};

static int iteration_done(void *user, int64_t iteration, int64_t epoch, double score)
{
    struct seen *s = user;
    assert_true(isfinite(score) && epoch >= 1);
    assert_int_equal(iteration, ++s->calls);
    return 0;
}

static dl4c_status event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct seen *s = user;
    (void)err;
    if (e->kind != DL4C_TRAIN_ITERATION)
        return DL4C_OK;
    assert_true(e->round >= s->last_round && e->iteration >= s->last_iteration);
    s->rounds += e->round > s->last_round;
    s->last_round = e->round;
    s->last_iteration = e->iteration;
    s->rows += e->rows;
    s->events++;
    s->workers |= 1u << e->worker;
    return DL4C_OK;
}

static void every_example_is_seen_once_and_listeners_hear_of_every_worker(void **state)
{
    (void)state;
    float v[PARAMS];
    struct seen seen = { 0 };
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    l.user = &seen;
    l.iteration_done = iteration_done;
    l.event = event;
    struct dl4c_fit_options o = options(3, 4, 2, "sgd:lr=0.1");
    o.listeners = &l;
    o.n_listeners = 1;
    dl4c_graph *g = train(50, &o, v); /* an epoch: 12, 12 | 12, 12 | 2 */
    assert_int_equal(seen.rows, 2 * 50);
    assert_int_equal(seen.calls, 2 * 5);
    assert_int_equal(seen.events, 2 * (4 * 3 + 2)); /* one worker has none of the last two rows */
    assert_int_equal(seen.rounds, 2 * 3);
    assert_int_equal(seen.workers, 7);
    assert_int_equal(g->iteration, 10);
    dl4c_graph_destroy(&g);
}

/* Without it every round of one step begins with no momentum: plain SGD. */
static void the_updater_begins_anew_where_it_is_not_saved(void **state)
{
    (void)state;
    float nesterovs[PARAMS], sgd[PARAMS];
    struct dl4c_fit_options o = options(2, 4, 1, "nesterovs:lr=0.1,momentum=0.5");
    o.no_save_updater = 1;
    dl4c_graph *a = train(40, &o, nesterovs);
    o = options(2, 4, 1, "sgd:lr=0.15"); /* v = -lr g; the step is -m v0 + (1 + m) v */
    dl4c_graph *b = train(40, &o, sgd);
    for (int i = 0; i < PARAMS; i++)
        assert_true(fabsf(nesterovs[i] - sgd[i]) < 2e-6f); /* rounding, as above */
    const float *v = a->updater_state->data;
    for (int i = 0; i < PARAMS; i++)
        assert_true(v[i] == 0);
    dl4c_graph_destroy(&a);
    dl4c_graph_destroy(&b);
}

static void a_worker_that_fails_ends_the_training_and_changes_nothing(void **state)
{
    (void)state;
    enum { N = 48 };
    for (int bad = 0; bad < 3; bad++) { /* a row of the second round, of worker 0, 1 and 2 */
        float x[N * TOY_FEATURES], before[PARAMS], after[PARAMS];
        int64_t labels[N];
        struct dl4c_error err = DL4C_ERROR_INIT;
        toy_examples(N, 1, NULL, x, labels);
        x[(12 + 4 * bad) * TOY_FEATURES] = NAN;
        dl4c_tensor *xt = toy_f32(x, N, (const int64_t[]){ TOY_FEATURES }, 1), *yt = toy_i64(labels, N);
        dl4c_source *s = NULL;
        must(dl4c_source_tensors(NULL, xt, yt, 0, &s, &err), &err);
        struct dl4c_fit_options o = options(3, 4, 1, "sgd:lr=0.1");
        o.no_shuffle = 1;
        o.epochs = 1;
        dl4c_graph *g = toy_head(NULL);
        assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_DIVERGED);
        assert_int_equal(err.status, DL4C_E_DIVERGED);
        const char digit[] = { 'w', 'o', 'r', 'k', 'e', 'r', ' ', (char)('0' + bad), 0 };
        assert_non_null(strstr(err.message, digit));
        params_of(g, after);
        assert_int_equal(g->iteration, 1); /* the first round stands */

        float first[12 * TOY_FEATURES];
        memcpy(first, x, sizeof first);
        dl4c_tensor *xf = toy_f32(first, 12, (const int64_t[]){ TOY_FEATURES }, 1), *yf = toy_i64(labels, 12);
        dl4c_source *sf = NULL;
        must(dl4c_source_tensors(NULL, xf, yf, TOY_CLASSES, &sf, &err), &err);
        dl4c_graph *h = toy_head(NULL);
        must(dl4c_fit(h, sf, &o, &err), &err);
        params_of(h, before);
        assert_memory_equal(before, after, sizeof before);
        dl4c_tensor_unref(&xt);
        dl4c_tensor_unref(&yt);
        dl4c_tensor_unref(&xf);
        dl4c_tensor_unref(&yf);
        dl4c_source_destroy(&s);
        dl4c_source_destroy(&sf);
        dl4c_graph_destroy(&g);
        dl4c_graph_destroy(&h);
    }
}

/* Batches of 12 rows each: with targets or labels, with their places in the source or without, as two words say for each in turn. */
struct moody {
    const char *gives; /* 't', 'l' or 'b' for both, then 'i' or '-' */
    int64_t at;
    float x[12 * TOY_FEATURES], y[12 * TOY_CLASSES];
    int64_t labels[12], index[12];
};

static dl4c_status moody_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    (void)user, (void)err;
    info->rank = 1;
    info->shape[0] = TOY_FEATURES;
    info->n_classes = TOY_CLASSES;
    info->rows = -1;
    return DL4C_OK;
}

static dl4c_status moody_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    struct moody *m = user;
    (void)shuffle, (void)seed, (void)epoch, (void)err;
    m->at = 0;
    return DL4C_OK;
}

static dl4c_status moody_next(void *user, int64_t max_rows, struct dl4c_batch *b, struct dl4c_error *err)
{
    struct moody *m = user;
    (void)err;
    if (!m->gives[m->at])
        return DL4C_OK;
    b->n = max_rows < 12 ? max_rows : 12;
    b->x = m->x;
    b->labels = m->gives[m->at] == 't' ? NULL : m->labels;
    b->y = m->gives[m->at] == 'l' ? NULL : m->y;
    b->index = m->gives[m->at + 1] == 'i' ? m->index : NULL;
    m->at += 2;
    return DL4C_OK;
}

static void a_source_that_changes_its_mind_is_refused(void **state)
{
    static const struct dl4c_source_ops ops = { sizeof ops, moody_info, moody_reset, moody_next, NULL };
    static const struct {
        const char *gives, *says; /* NULL: all is well */
    } cases[] = { { "t-l-", "labels with some batches" }, { "l-t-", "labels with some batches" }, { "til-", "labels with some batches" },
                  { "lil-", "which examples they are" },   { "l-li", NULL },                       { "t-t-", NULL },
                  { "b-l-", NULL } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct moody m = { .gives = cases[i].gives };
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dl4c_fit_options o = options(3, 4, 2, "sgd:lr=0.1");
        dl4c_graph *g = toy_head(NULL);
        dl4c_source *s = NULL;
        must(dl4c_source_create(NULL, &ops, &m, NULL, &s, &err), &err);
        const dl4c_status status = dl4c_fit(g, s, &o, &err);
        assert_int_equal(status, cases[i].says ? DL4C_E_INVALID : DL4C_OK);
        if (cases[i].says && !strstr(err.message, cases[i].says))
            fail_msg("%s: %s", cases[i].gives, err.message);
        dl4c_source_destroy(&s);
        dl4c_graph_destroy(&g);
    }
}

static void a_flag_ends_it(void **state)
{
    (void)state;
    const int32_t cancel = 1;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = options(3, 4, 1, "sgd:lr=0.1");
    o.cancel = &cancel;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 50, 1);
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_CANCELLED);
    o.cancel = NULL;
    must(dl4c_fit(g, s, &o, &err), &err); /* it can be used on */
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static dl4c_status fit_in(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    dl4c_graph *g = NULL;
    dl4c_source *s = NULL;
    (void)arg;
    struct dl4c_fit_options o = options(3, 4, 2, "adam:lr=0.1");
    o.epochs = 1;
    int64_t shape[] = { TOY_FEATURES };
    float x[20 * TOY_FEATURES];
    int64_t labels[20];
    dl4c_tensor *xt = NULL, *yt = NULL;
    dl4c_builder *b = NULL;
    const char *in = "in", *out = "v0";
    toy_examples(20, 1, NULL, x, labels);
    const struct dl4c_attr attrs[] = { dl4c_attr_int("units", TOY_CLASSES), dl4c_attr_str("loss", "mcxent"),
                                       dl4c_attr_str("activation", "softmax") };
    dl4c_status status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status == DL4C_OK) {
        dl4c_builder_input(b, "in", shape, 1);
        dl4c_builder_add(b, "output", "v0", &in, 1, attrs, 3);
        dl4c_builder_outputs(b, &out, 1);
        status = dl4c_builder_finish(&b, &g, err);
    }
    dl4c_builder_destroy(&b);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, (const int64_t[]){ 20, TOY_FEATURES }, 2, &xt, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_I64, (const int64_t[]){ 20 }, 1, &yt, err);
    if (status == DL4C_OK) {
        memcpy(dl4c_tensor_data(xt), x, sizeof x);
        memcpy(dl4c_tensor_data(yt), labels, sizeof labels);
        status = dl4c_source_tensors(ctx, xt, yt, TOY_CLASSES, &s, err);
    }
    if (status == DL4C_OK)
        status = dl4c_fit(g, s, &o, err);
    dl4c_tensor_unref(&xt);
    dl4c_tensor_unref(&yt);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(fit_in, NULL) > 50);
}

/* ---- as the reference ---- */

struct dealt {
    int64_t rows[4][10]; /* by worker and minibatch of the epoch, as many as the largest case has */
    int n[4];
    int64_t last;
};

static dl4c_status on_dealt(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct dealt *s = user;
    (void)err;
    if (e->kind == DL4C_TRAIN_ITERATION && e->epoch == 1) {
        assert_in_range(e->worker, 0, 3);
        assert_in_range(s->n[e->worker], 0, 9);
        s->rows[e->worker][s->n[e->worker]++] = e->rows;
        s->last = e->iteration;
    }
    return DL4C_OK;
}

/* The recorded cases k_pavg_w2_f5_short and k_pavg_w4_f5_tooshort: of 100 examples the last 20 are never seen; 10 all go to the first of
 * four workers. Iterations of a round count as the averaging frequency. */
static void with_the_references_defects_examples_are_dropped_as_there(void **state)
{
    (void)state;
    const struct {
        int64_t n;
        int workers, minibatches[4];
        int64_t rows[2]; /* of the first and of the second minibatch of worker 0 */
        int64_t iteration;
    } cases[] = { { 100, 2, { 5, 5 }, { 8, 8 }, 10 }, { 10, 4, { 2, 0, 0, 0 }, { 8, 2 }, 10 }, { 170, 2, { 10, 10 }, { 8, 8 }, 20 } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct dealt dealt = { 0 };
        const struct dl4c_listener l = { .struct_size = sizeof l, .user = &dealt, .event = on_dealt };
        struct dl4c_fit_options o = options(cases[c].workers, 8, 5, "adam:lr=0.02");
        float v[PARAMS];
        o.flags = DL4C_FIT_AS_DL4J;
        o.listeners = &l;
        o.n_listeners = 1;
        dl4c_graph *g = train(cases[c].n, &o, v);
        for (int w = 0; w < cases[c].workers; w++)
            assert_int_equal(dealt.n[w], cases[c].minibatches[w]);
        assert_int_equal(dealt.rows[0][0], cases[c].rows[0]);
        assert_int_equal(dealt.rows[0][1], cases[c].rows[1]);
        assert_int_equal(g->iteration, cases[c].iteration);
        dl4c_graph_destroy(&g);
    }
}

static void workers_share_the_threads_there_are(void **state)
{
    (void)state;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    co.threads = 5;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    o.workers = 1;
    assert_int_equal(dli_fit_worker_threads(ctx, &o), 5);
    o.workers = 2;
    assert_int_equal(dli_fit_worker_threads(ctx, &o), 2);
    o.workers = 9;
    assert_int_equal(dli_fit_worker_threads(ctx, &o), 1);
    o.threads = 4;
    o.workers = 2;
    assert_int_equal(dli_fit_worker_threads(ctx, &o), 2);
    o.transport = "tcp://127.0.0.1:0"; /* they are elsewhere */
    assert_int_equal(dli_fit_worker_threads(ctx, &o), 4);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_share_the_threads_there_are),
        cmocka_unit_test(averaging_every_step_is_one_process_with_a_larger_batch),
        cmocka_unit_test(gradients_of_workers_are_those_of_one_larger_batch),
        cmocka_unit_test(what_does_not_go_with_gradients_is_refused),
        cmocka_unit_test(the_bits_are_those_of_trainers_averaged_by_hand),
        cmocka_unit_test(the_same_bits_every_time_and_with_any_number_of_threads),
        cmocka_unit_test(halves_cost_little_and_give_the_same_bits),
        cmocka_unit_test(rows_that_are_read_ahead_give_the_same_bits),
        cmocka_unit_test(a_row_that_cannot_be_read_ahead_fails_in_its_round),
        cmocka_unit_test(every_example_is_seen_once_and_listeners_hear_of_every_worker),
        cmocka_unit_test(the_updater_begins_anew_where_it_is_not_saved),
        cmocka_unit_test(a_worker_that_fails_ends_the_training_and_changes_nothing),
        cmocka_unit_test(a_source_that_changes_its_mind_is_refused),
        cmocka_unit_test(a_flag_ends_it),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(with_the_references_defects_examples_are_dropped_as_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
