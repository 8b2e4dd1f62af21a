/* SPDX-License-Identifier: Apache-2.0 */
/* Early stopping: which condition ends a training when, which model is best, what is told. */
#include "support/fail_alloc.h"
#include "support/must.h"
#include "support/number.h"
#include "train/toy.h"
#include <dl4c/early_stopping.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

enum { ROWS = 20, BATCH = 5 };

/* A source whose training rows are the toy's; the same seed gives the same training. */
struct setup {
    dl4c_graph *graph, *best;
    dl4c_source *train, *test;
    struct dl4c_fit_options fit;
    struct dl4c_early_stopping_options o;
    struct dl4c_early_stopping_result r;
    struct dl4c_error err;
};

static void begin(struct setup *s)
{
    *s = (struct setup){ .fit = DL4C_FIT_OPTIONS_INIT, .o = DL4C_EARLY_STOPPING_OPTIONS_INIT, .r = DL4C_EARLY_STOPPING_RESULT_INIT };
    s->graph = toy_head(NULL);
    s->train = toy_source(NULL, ROWS, 1);
    s->test = toy_source(NULL, 30, 2);
    s->fit.batch = BATCH;
    s->fit.updater = "sgd:lr=0.1";
    s->o.source = s->test;
}

static dl4c_status go(struct setup *s) { return dl4c_fit_early_stopping(s->graph, s->train, &s->fit, &s->o, &s->best, &s->r, &s->err); }

static void finish(struct setup *s)
{
    dl4c_early_stopping_result_clear(&s->r);
    dl4c_graph_destroy(&s->graph);
    dl4c_graph_destroy(&s->best);
    dl4c_source_destroy(&s->train);
    dl4c_source_destroy(&s->test);
}

static void weights(dl4c_graph *g, float w[TOY_FEATURES * TOY_CLASSES])
{
    dl4c_tensor *t = NULL;
    assert_int_equal(dl4c_graph_param(g, "v0", "W", &t, NULL), DL4C_OK);
    memcpy(w, dl4c_tensor_data_const(t), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    dl4c_tensor_unref(&t);
}

static void the_number_of_epochs_ends_training(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.fit.epochs = 4;
    must(go(&s), &s.err);
    assert_int_equal(s.r.reason, DL4C_STOP_EPOCH_CONDITION);
    assert_string_equal(s.r.details, "MaxEpochsTerminationCondition(4)");
    assert_int_equal(s.r.total_epochs, 4);
    assert_int_equal(s.r.n_scores, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s.r.epochs[i], i + 1);
        assert_true(i == 0 || s.r.scores[i] < s.r.scores[i - 1]); /* these examples are easy */
    }
    assert_int_equal(s.r.best_epoch, 4);
    assert_true(s.r.best_score == s.r.scores[3]);
    finish(&s);
}

static void the_loss_is_that_of_fits_validation(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.fit.epochs = 1;
    s.fit.l2 = 0.1;
    must(go(&s), &s.err);
    dl4c_graph *g = toy_head(NULL);
    struct dl4c_fit_options fo = s.fit;
    fo.validation = s.test;
    must(dl4c_fit(g, s.train, &fo, &s.err), &s.err);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    must(dl4c_graph_info(g, &info, &s.err), &s.err);
    const char *at = strstr(info.training, "\"validation_score\": ");
    assert_non_null(at);
    assert_true(number_at(at + 20) == s.r.best_score);
    dl4c_graph_destroy(&g);
    finish(&s);
}

/* The weights change with each epoch and get worse in the end: the learning rate explodes, and l2 with it. */
static void the_best_model_is_kept_while_training_goes_on(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.fit.epochs = 6;
    s.fit.lr_schedule = "exponential:gamma=8,by=epoch";
    s.fit.l2 = 0.05;
    must(go(&s), &s.err);
    assert_true(s.r.best_epoch < s.r.total_epochs);
    float best[TOY_FEATURES * TOY_CLASSES], last[TOY_FEATURES * TOY_CLASSES], again[TOY_FEATURES * TOY_CLASSES];
    weights(s.best, best);
    weights(s.graph, last);
    assert_memory_not_equal(best, last, sizeof best);
    /* The same training, ended there by hand. */
    dl4c_graph *g = toy_head(NULL);
    s.fit.epochs = (uint32_t)s.r.best_epoch;
    must(dl4c_fit(g, s.train, &s.fit, &s.err), &s.err);
    weights(g, again);
    assert_memory_equal(best, again, sizeof best);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    must(dl4c_graph_info(s.best, &info, &s.err), &s.err);
    assert_non_null(strstr(info.training, "\"best_epoch\": "));
    dl4c_graph_destroy(&g);
    finish(&s);
}

static void no_improvement_counts_as_deeplearning4j_counts(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.o.no_improvement = 3;
    s.o.min_improvement = 1e6; /* only the first epoch is an improvement */
    must(go(&s), &s.err);
    assert_int_equal(s.r.reason, DL4C_STOP_EPOCH_CONDITION);
    assert_string_equal(s.r.details, "ScoreImprovementEpochTerminationCondition(maxEpochsWithNoImprovement=3, minImprovement=1000000.0)");
    assert_int_equal(s.r.total_epochs, 4);
    assert_int_equal(s.r.best_epoch, 4); /* the best is the best all the same */
    finish(&s);
}

static void a_score_that_is_good_enough_ends_training(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.fit.epochs = 100;
    s.o.score = "accuracy";
    s.o.best_score = 0.5;
    s.o.has_best_score = 1;
    must(go(&s), &s.err);
    assert_int_equal(s.r.reason, DL4C_STOP_EPOCH_CONDITION);
    assert_string_equal(s.r.details, "BestScoreEpochTerminationCondition(0.5)");
    assert_true(s.r.best_score > 0.5);
    for (int i = 0; i < s.r.n_scores - 1; i++)
        assert_true(s.r.scores[i] <= 0.5);
    finish(&s);
}

static void epochs_are_scored_as_often_as_asked(void **state)
{
    (void)state;
    static const char *const scores[] = { "loss", "f1" };
    for (int k = 0; k < 2; k++) {
        struct setup s;
        begin(&s);
        s.fit.epochs = 6;
        s.o.score = scores[k];
        s.o.every_epochs = 3;
        must(go(&s), &s.err);
        assert_int_equal(s.r.n_scores, 2);
        assert_int_equal(s.r.epochs[0], 1);
        assert_int_equal(s.r.epochs[1], 4);
        assert_true(isfinite(s.r.scores[0]) && isfinite(s.r.scores[1]));
        assert_int_equal(s.r.total_epochs, 6);
        finish(&s);
    }
}

static void each_metric_is_that_of_the_evaluation(void **state)
{
    (void)state;
    static const struct {
        const char *score;
        int32_t metric;
    } cases[] = {
        { "accuracy", DL4C_METRIC_ACCURACY },
        { "balanced_accuracy", DL4C_METRIC_BALANCED_ACCURACY },
        { "precision", DL4C_METRIC_PRECISION },
        { "recall", DL4C_METRIC_RECALL },
        { "f1", DL4C_METRIC_F1 },
        { "g_measure", DL4C_METRIC_G_MEASURE },
        { "mcc", DL4C_METRIC_MCC },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s;
        dl4c_evaluation *e = NULL;
        begin(&s);
        s.fit.epochs = 1;
        s.o.score = cases[i].score;
        must(go(&s), &s.err);
        must(dl4c_evaluate(s.best, s.test, NULL, &e, &s.err), &s.err);
        const double want = dl4c_evaluation_metric(e, cases[i].metric, DL4C_AVERAGE_DEFAULT);
        assert_true(s.r.best_score == want || (isnan(want) && isnan(s.r.best_score)));
        dl4c_evaluation_destroy(&e);
        finish(&s);
    }
}

static void areas_under_curves_are_scores_too(void **state)
{
    (void)state;
    struct setup s;
    dl4c_measure *m = NULL;
    struct dl4c_measure_options mo = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_evaluate_options eo = DL4C_EVALUATE_OPTIONS_INIT;
    begin(&s);
    s.fit.epochs = 1;
    s.o.score = "auroc";
    must(go(&s), &s.err);
    mo.kind = DL4C_MEASURE_ROC_MULTICLASS;
    mo.columns = TOY_CLASSES;
    must(dl4c_measure_create(NULL, &mo, &m, &s.err), &s.err);
    eo.measures = &m;
    eo.n_measures = 1;
    must(dl4c_evaluate(s.best, s.test, &eo, NULL, &s.err), &s.err);
    assert_true(s.r.best_score == dl4c_measure_value(m, DL4C_METRIC_AUROC, -1));
    assert_true(s.r.best_score > 0.5); /* better than chance */
    dl4c_measure_destroy(&m);
    finish(&s);
}

static void iteration_conditions_end_training_within_an_epoch(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    s.fit.epochs = 3;
    s.o.has_max_score = 1;
    s.o.max_score = 1e-6; /* any minibatch is above */
    must(go(&s), &s.err);
    assert_int_equal(s.r.reason, DL4C_STOP_ITERATION_CONDITION);
    assert_string_equal(s.r.details, "MaxScoreIterationTerminationCondition(1.0E-6)");
    assert_int_equal(s.r.total_epochs, 0);
    assert_int_equal(s.r.best_epoch, 0);
    assert_true(isnan(s.r.best_score));
    assert_null(s.best); /* nothing was scored */
    finish(&s);

    begin(&s);
    s.o.max_time_ms = 1;
    must(go(&s), &s.err);
    assert_int_equal(s.r.reason, DL4C_STOP_ITERATION_CONDITION);
    assert_string_equal(s.r.details, "MaxTimeIterationTerminationCondition(1,unit=MILLISECONDS)");
    finish(&s);
}

static void divergence_is_a_condition_where_it_is_asked_for(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct setup s;
        begin(&s);
        s.fit.epochs = 200;
        s.fit.updater = "sgd:lr=1e30";
        s.fit.l2 = 1e10;
        s.o.invalid_score = asked;
        const dl4c_status status = go(&s);
        if (!asked) {
            assert_int_equal(status, DL4C_E_DIVERGED);
            assert_null(s.best);
            assert_null(s.r.scores);
        } else {
            must(status, &s.err);
            assert_int_equal(s.r.reason, DL4C_STOP_ITERATION_CONDITION);
            assert_string_equal(s.r.details, "InvalidScoreIterationTerminationCondition()");
        }
        finish(&s);
    }
}

static int stop_now(void *user, int64_t epoch, double train, double val, double accuracy)
{
    (void)train;
    (void)val;
    (void)accuracy;
    ++*(int *)user;
    return epoch == 2;
}

static void a_listener_of_the_caller_is_called_and_may_stop(void **state)
{
    (void)state;
    struct setup s;
    int calls = 0;
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    l.user = &calls;
    l.epoch_end = stop_now;
    begin(&s);
    s.fit.epochs = 5;
    s.fit.listeners = &l;
    s.fit.n_listeners = 1;
    must(go(&s), &s.err);
    assert_int_equal(calls, 2);
    assert_int_equal(s.r.reason, DL4C_STOP_LISTENER);
    assert_int_equal(s.r.total_epochs, 2);
    finish(&s);
}

/* A source that goes on long after the call was cancelled, or its time was up. */
struct endless {
    dl4c_source *rows;
    int32_t cancel;
    bool cancels;
    int64_t batches, resets;
};

static dl4c_status endless_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    const dl4c_status status = dl4c_source_get_info(((struct endless *)user)->rows, info, err);
    info->rows = -1;
    return status;
}

static dl4c_status endless_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    return dl4c_source_reset(((struct endless *)user)->rows, shuffle, seed, epoch, err);
}

static dl4c_status endless_next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    struct endless *e = user;
    if (e->cancels && e->batches == 3)
        dl4c_cancel_set(&e->cancel);
    if (++e->batches == 1000000)
        return DL4C_OK;
    dl4c_status status = dl4c_source_next(e->rows, max_rows, batch, err);
    if (status == DL4C_OK && batch->n == 0) {
        status = dl4c_source_reset(e->rows, 0, 0, 0, err);
        if (status == DL4C_OK)
            status = dl4c_source_next(e->rows, max_rows, batch, err);
    }
    return status;
}

static void scoring_ends_when_the_training_is_cancelled_or_late(void **state)
{
    (void)state;
    const struct dl4c_source_ops ops = { sizeof ops, endless_info, endless_reset, endless_next, NULL };
    const char *const scores[] = { "loss", "accuracy", "auroc" };
    for (int k = 0; k < 6; k++) {
        struct setup s;
        struct endless e = { .cancels = k % 2 == 0 };
        dl4c_source *test = NULL;
        begin(&s);
        e.rows = s.test;
        assert_int_equal(dl4c_source_create(NULL, &ops, &e, NULL, &test, NULL), DL4C_OK);
        s.o.source = test;
        s.o.score = scores[k / 2];
        s.fit.epochs = 2;
        s.fit.cancel = &e.cancel;
        s.fit.timeout_ms = e.cancels ? 0 : 30;
        assert_int_equal(go(&s), e.cancels ? DL4C_E_CANCELLED : DL4C_E_TIMEOUT);
        assert_true(e.batches < 1000000);
        assert_null(s.best);
        dl4c_source_destroy(&test);
        finish(&s);
    }
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct setup s;
        begin(&s);
        s.fit.epochs = i == 0 ? 0 : 2;
        if (i == 1)
            s.o.source = NULL;
        if (i == 2)
            s.o.score = "speed";
        if (i == 3)
            s.fit.validation = s.test;
        if (i == 4)
            s.o.min_improvement = NAN;
        if (i == 5)
            s.o.save_last = 1;
        if (i == 6)
            s.o.max_time_ms = -1;
        assert_int_equal(go(&s), DL4C_E_INVALID);
        assert_null(s.best);
        finish(&s);
    }
}

struct made {
    dl4c_graph *g;
    dl4c_source *s;
};

static dl4c_status make(dl4c_context *ctx, struct made *m, struct dl4c_error *err)
{
    static float x[10 * TOY_FEATURES];
    static int64_t labels[10];
    const int64_t dims[] = { 10, TOY_FEATURES }, shape[] = { TOY_FEATURES };
    const char *in = "in";
    dl4c_builder *b = NULL;
    dl4c_tensor *tx = NULL, *tl = NULL;
    toy_examples(10, 1, NULL, x, labels);
    dl4c_status status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status == DL4C_OK) {
        dl4c_builder_input(b, "in", shape, 1);
        dl4c_builder_add_text(b, "output:units=3,activation=softmax", "v0", &in, 1);
        status = dl4c_builder_finish(&b, &m->g, err);
    }
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_F32, dims, NULL, 2, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_I64, dims, NULL, 1, labels, 0, NULL, NULL, &tl, err);
    if (status == DL4C_OK)
        status = dl4c_source_tensors(ctx, tx, tl, TOY_CLASSES, &m->s, err);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tl);
    return status;
}

static dl4c_status stop_early(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct made m = { NULL, NULL };
    dl4c_graph *best = NULL;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_early_stopping_options o = DL4C_EARLY_STOPPING_OPTIONS_INIT;
    struct dl4c_early_stopping_result r = DL4C_EARLY_STOPPING_RESULT_INIT;
    dl4c_status status = make(ctx, &m, err);
    fo.epochs = 2;
    o.source = m.s;
    o.score = arg;
    if (status == DL4C_OK)
        status = dl4c_fit_early_stopping(m.g, m.s, &fo, &o, &best, &r, err);
    assert_int_equal(status == DL4C_OK, best != NULL);
    dl4c_early_stopping_result_clear(&r);
    dl4c_graph_destroy(&best);
    dl4c_graph_destroy(&m.g);
    dl4c_source_destroy(&m.s);
    return status;
}

static void early_stopping_reports_nomem_and_leaks_nothing(void **state)
{
    (void)state;
    char loss[] = "loss", f1[] = "f1";
    assert_true(fail_alloc_run(stop_early, loss) > 50);
    assert_true(fail_alloc_run(stop_early, f1) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_epochs_ends_training),
        cmocka_unit_test(the_loss_is_that_of_fits_validation),
        cmocka_unit_test(the_best_model_is_kept_while_training_goes_on),
        cmocka_unit_test(no_improvement_counts_as_deeplearning4j_counts),
        cmocka_unit_test(a_score_that_is_good_enough_ends_training),
        cmocka_unit_test(epochs_are_scored_as_often_as_asked),
        cmocka_unit_test(each_metric_is_that_of_the_evaluation),
        cmocka_unit_test(areas_under_curves_are_scores_too),
        cmocka_unit_test(iteration_conditions_end_training_within_an_epoch),
        cmocka_unit_test(divergence_is_a_condition_where_it_is_asked_for),
        cmocka_unit_test(a_listener_of_the_caller_is_called_and_may_stop),
        cmocka_unit_test(scoring_ends_when_the_training_is_cancelled_or_late),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(early_stopping_reports_nomem_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
