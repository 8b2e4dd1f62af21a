/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trainings: separable examples, early stopping, listeners, class weights, stopping early, evaluation. */
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include "support/must.h"
#include "train/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void separable_examples_are_learnt_completely(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *train = toy_source(NULL, 50, 1), *test = toy_source(NULL, 31, 2);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = 15;
    o.batch = 8; /* the last one has 2 */
    o.updater = "nesterovs:lr=0.05,momentum=0.9";
    o.lr_schedule = "step:decay=0.5,step=5,by=epoch";
    o.validation = test;
    must(dl4c_fit(g, train, &o, &err), &err);
    struct dl4c_evaluate_options eo = DL4C_EVALUATE_OPTIONS_INIT;
    dl4c_evaluation *e = NULL;
    eo.batch = 7;
    must(dl4c_evaluate(g, test, &eo, &e, &err), &err);
    assert_int_equal(dl4c_evaluation_count(e), 31);
    assert_true(dl4c_evaluation_accuracy(e) == 1.0);
    dl4c_evaluation_destroy(&e);
    assert_int_equal(g->iteration, 15 * 7);
    assert_int_equal(g->epoch, 15);
    assert_string_equal(g->updater, "nesterovs:lr=0.05,lr_schedule=step(decay=0.5,step=5,by=epoch)");
    assert_int_equal(g->updater_state->bytes, sizeof(float) * (TOY_FEATURES + 1) * TOY_CLASSES);
    struct dl4c_model_info info = { .struct_size = sizeof info };
    must(dl4c_graph_info(g, &info, &err), &err);
    assert_non_null(strstr(info.training, "\"epochs\": 15, \"iterations\": 105, \"seed\": 42"));
    assert_non_null(strstr(info.training, "\"validation_accuracy\": 1"));
    dl4c_source_destroy(&train);
    dl4c_source_destroy(&test);
    dl4c_graph_destroy(&g);
}

/* Going on after a save is the same as never having stopped: order, schedule, momentum and iteration all continue. */
static void two_fits_are_one_long_fit(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *once = toy_head(NULL), *twice = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 20, 1);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 8;
    o.updater = "adam:lr=0.01";
    o.lr_schedule = "exponential:gamma=0.9,by=iteration";
    o.epochs = 4;
    must(dl4c_fit(once, s, &o, &err), &err);
    o.epochs = 1;
    must(dl4c_fit(twice, s, &o, &err), &err);
    o.epochs = 3;
    o.updater = o.lr_schedule = NULL; /* the graph knows */
    must(dl4c_fit(twice, s, &o, &err), &err);
    dl4c_tensor *a = NULL, *b = NULL;
    must(dl4c_graph_param(once, "v0", "W", &a, &err), &err);
    must(dl4c_graph_param(twice, "v0", "W", &b, &err), &err);
    assert_memory_equal(dl4c_tensor_data_const(a), dl4c_tensor_data_const(b), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&once);
    dl4c_graph_destroy(&twice);
}

struct diary {
    char text[4096];
    int stop_at_iteration, stop_at_epoch;
    double last_train, last_val, last_accuracy, best_val;
    int64_t best_epoch;
    dl4c_graph *graph; /* a session of it is made at the end of each epoch */
};

static int note_iteration(void *user, int64_t iteration, int64_t epoch, double score)
{
    struct diary *d = user;
    assert_true(isfinite(score));
    snprintf(d->text + strlen(d->text), sizeof d->text - strlen(d->text), " i%d.%d", (int)epoch, (int)iteration);
    return d->stop_at_iteration && iteration == d->stop_at_iteration;
}
static int note_start(void *user, int64_t epoch)
{
    struct diary *d = user;
    snprintf(d->text + strlen(d->text), sizeof d->text - strlen(d->text), " <%d", (int)epoch);
    return 0;
}
static int note_end(void *user, int64_t epoch, double train, double val, double accuracy)
{
    struct diary *d = user;
    snprintf(d->text + strlen(d->text), sizeof d->text - strlen(d->text), " %d>", (int)epoch);
    d->last_train = train;
    d->last_val = val;
    d->last_accuracy = accuracy;
    if (!d->best_epoch || val < d->best_val) {
        d->best_epoch = epoch;
        d->best_val = val;
    }
    if (d->graph) {
        dl4c_session *s = NULL;
        assert_int_equal(dl4c_session_create(NULL, d->graph, NULL, &s, NULL), DL4C_OK);
        dl4c_session_destroy(&s);
    }
    return d->stop_at_epoch && epoch == d->stop_at_epoch;
}
static struct dl4c_listener listener(struct diary *d)
{
    return (struct dl4c_listener){ sizeof(struct dl4c_listener), d, note_iteration, note_start, note_end };
}

static void listeners_hear_everything_in_order(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 20, 1);
    struct diary d = { .graph = g };
    const struct dl4c_listener l[2] = { listener(&d), { .struct_size = sizeof *l } };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = 2;
    o.batch = 8;
    o.listeners = l;
    o.n_listeners = 2;
    must(dl4c_fit(g, s, &o, &err), &err);
    assert_string_equal(d.text, " <1 i1.1 i1.2 i1.3 1> <2 i2.4 i2.5 i2.6 2>");
    assert_true(isnan(d.last_val) && isnan(d.last_accuracy) && isfinite(d.last_train));
    d.text[0] = '\0';
    d.stop_at_iteration = 8;
    o.validation = s;
    must(dl4c_fit(g, s, &o, &err), &err); /* epochs go on counting; the step is kept */
    assert_string_equal(d.text, " <3 i3.7 i3.8");
    assert_int_equal(g->iteration, 8);
    assert_int_equal(g->epoch, 2);
    d.text[0] = '\0';
    d.stop_at_iteration = 0;
    d.stop_at_epoch = 3;
    must(dl4c_fit(g, s, &o, &err), &err);
    assert_string_equal(d.text, " <3 i3.9 i3.10 i3.11 3>");
    assert_true(isfinite(d.last_val) && d.last_accuracy >= 0 && d.last_accuracy <= 1);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

/* Labels without any relation to the features: the validation score gets worse sooner or later. */
static dl4c_source *noise(uint64_t seed)
{
    enum { N = 12 };
    const int64_t shape[] = { N, TOY_FEATURES };
    dl4c_tensor *x = NULL, *labels = NULL;
    dl4c_source *s = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I64, shape, 1, &labels, NULL), DL4C_OK);
    toy_values(seed, N * TOY_FEATURES, dl4c_tensor_data(x));
    for (int64_t i = 0; i < N; i++)
        ((int64_t *)dl4c_tensor_data(labels))[i] = (int64_t)((i * 7 + (int64_t)seed) % TOY_CLASSES);
    assert_int_equal(dl4c_source_tensors(NULL, x, labels, TOY_CLASSES, &s, NULL), DL4C_OK);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
    return s;
}

static void early_stopping_keeps_the_best(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL), *again = toy_head(NULL);
    dl4c_source *train = noise(1), *val = noise(2);
    struct diary d = { .graph = NULL }, quiet = { .graph = NULL };
    struct dl4c_listener l = listener(&d);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = 200;
    o.updater = "nesterovs:lr=0.2";
    o.validation = val;
    o.early_stopping = 3;
    o.listeners = &l;
    o.n_listeners = 1;
    must(dl4c_fit(g, train, &o, &err), &err);
    assert_true(d.best_epoch >= 1);
    assert_int_equal(g->epoch, d.best_epoch); /* and not the three after it */
    char end[32];
    snprintf(end, sizeof end, " %d>", (int)d.best_epoch + 3);
    assert_string_equal(d.text + strlen(d.text) - strlen(end), end);
    /* Training just as long gives the same parameters and the same score. */
    l = listener(&quiet);
    o.early_stopping = 0;
    o.epochs = (uint32_t)d.best_epoch;
    must(dl4c_fit(again, train, &o, &err), &err);
    assert_true(quiet.last_val == d.best_val);
    dl4c_tensor *a = NULL, *b = NULL;
    must(dl4c_graph_param(g, "v0", "W", &a, &err), &err);
    must(dl4c_graph_param(again, "v0", "W", &b, &err), &err);
    assert_memory_equal(dl4c_tensor_data_const(a), dl4c_tensor_data_const(b), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    assert_memory_equal(g->updater_state->data, again->updater_state->data, g->updater_state->bytes);
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    dl4c_source_destroy(&train);
    dl4c_source_destroy(&val);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&again);
}

/* sklearn: 60, 30 and 10 of 100 examples in 3 classes weigh 100 / (3 * 60), 100 / (3 * 30), 100 / (3 * 10). */
static void balanced_weights_are_n_by_classes_and_count(void **state)
{
    (void)state;
    enum { N = 100 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    static float x[N * TOY_FEATURES];
    static int64_t labels[N];
    const int shares[] = { 6, 3, 1 };
    const float weights[] = { 100.0f / 180, 100.0f / 90, 100.0f / 30 };
    const int64_t row[] = { TOY_FEATURES };
    toy_examples(N, 1, shares, x, labels);
    dl4c_tensor *tx = toy_f32(x, N, row, 1), *l = toy_i64(labels, N), *p[3] = { NULL };
    dl4c_source *s = NULL;
    must(dl4c_source_tensors(NULL, tx, l, 0, &s, &err), &err);
    for (int k = 0; k < 3; k++) {
        dl4c_graph *g = toy_head(NULL);
        struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
        o.epochs = 2;
        o.balanced = k == 0;
        o.class_weights = k == 1 ? weights : NULL;
        o.n_class_weights = k == 1 ? 3 : 0;
        must(dl4c_fit(g, s, &o, &err), &err);
        must(dl4c_graph_param(g, "v0", "W", &p[k], &err), &err);
        dl4c_graph_destroy(&g);
    }
    assert_memory_equal(dl4c_tensor_data_const(p[0]), dl4c_tensor_data_const(p[1]), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    assert_memory_not_equal(dl4c_tensor_data_const(p[0]), dl4c_tensor_data_const(p[2]), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    for (int k = 0; k < 3; k++)
        dl4c_tensor_unref(&p[k]);
    dl4c_source_destroy(&s);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&l);
}

static int stop_progress(void *user, const struct dl4c_progress *p)
{
    assert_string_equal(p->stage, "train");
    ++*(int *)user;
    return 1;
}

static void fit_can_be_cancelled_and_has_a_deadline(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 20, 1);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    int32_t cancel = 0;
    int calls = 0;
    o.epochs = 1000000;
    o.batch = 1;
    dl4c_cancel_set(&cancel);
    o.cancel = &cancel;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_CANCELLED);
    o.cancel = NULL;
    o.progress = stop_progress;
    o.progress_user = &calls;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_CANCELLED);
    assert_int_equal(calls, 1);
    o.progress = NULL;
    o.timeout_ms = 20;
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_TIMEOUT);
    assert_int_equal(g->use, 0); /* nobody holds the graph */
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void sources_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    float x[4 * TOY_FEATURES] = { 0 }, y[8] = { 0 };
    int64_t labels[4] = { 0, 1, 2, 3 };
    const int64_t row[] = { TOY_FEATURES }, narrow[] = { 4 }, two[] = { 2 };
    dl4c_tensor *tx = toy_f32(x, 4, row, 1), *tn = toy_f32(x, 4, narrow, 1), *l = toy_i64(labels, 4), *ty = toy_f32(y, 4, two, 1);
    dl4c_graph *g = toy_head(NULL);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct {
        dl4c_tensor *x, *labels;
        const char *says;
    } cases[] = { { tn, l, "[4]" }, { tx, NULL, "no labels" }, { tx, l, "4 classes" }, { tx, ty, "2 values" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dl4c_source *s = NULL;
        dl4c_evaluation *e = NULL;
        must(dl4c_source_tensors(NULL, cases[i].x, cases[i].labels, 0, &s, &err), &err);
        assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
        if (!strstr(err.message, cases[i].says))
            fail_msg("case %d: %s", (int)i, err.message);
        assert_int_equal(dl4c_evaluate(g, s, NULL, &e, &err), DL4C_E_INVALID);
        assert_null(e);
        dl4c_source_destroy(&s);
    }
    o.early_stopping = 2;
    dl4c_source *s = toy_source(NULL, 4, 1);
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_fit(g, NULL, &o, &err), DL4C_E_INVALID);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tn);
    dl4c_tensor_unref(&l);
    dl4c_tensor_unref(&ty);
}

struct mistakes {
    int n;
    int64_t index, actual, predicted;
    double probability;
};
static void note_mistake(void *user, int64_t index, int64_t actual, int64_t predicted, double probability)
{
    *(struct mistakes *)user = (struct mistakes){ ((struct mistakes *)user)->n + 1, index, actual, predicted, probability };
}

static void evaluation_names_mistakes_and_takes_one_probability(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { 1 };
    /* p = sigmoid(x) */
    const char *specs[] = { "output:units=1,activation=sigmoid,loss=xent,weight_init=ones" };
    dl4c_graph *g = toy_graph(NULL, shape, 1, specs, 1);
    float x[] = { -1, 2, -3, 1 };
    int64_t labels[] = { 0, 1, 1, 1 };
    dl4c_tensor *tx = toy_f32(x, 4, shape, 1), *l = toy_i64(labels, 4);
    dl4c_source *s = NULL;
    dl4c_evaluation *e = NULL;
    struct mistakes m = { 0 };
    struct dl4c_evaluate_options o = DL4C_EVALUATE_OPTIONS_INIT;
    o.batch = 3;
    o.mistake = note_mistake;
    o.mistake_user = &m;
    must(dl4c_source_tensors(NULL, tx, l, 0, &s, &err), &err);
    must(dl4c_evaluate(g, s, &o, &e, &err), &err);
    assert_true(dl4c_evaluation_accuracy(e) == 0.75);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.index, 2);
    assert_int_equal(m.actual, 1);
    assert_int_equal(m.predicted, 0);
    assert_true(fabs(m.probability - (1 - 1 / (1 + exp(3)))) < 1e-6);
    dl4c_evaluation_destroy(&e);
    /* scores -3 -1 1 2 of 1 0 1 1: of the three pairs two are in order */
    struct dl4c_measure_options mo = DL4C_MEASURE_OPTIONS_INIT;
    dl4c_measure *roc = NULL;
    mo.kind = DL4C_MEASURE_ROC;
    mo.columns = 1;
    must(dl4c_measure_create(NULL, &mo, &roc, &err), &err);
    o.mistake = NULL;
    o.measures = &roc;
    o.n_measures = 1;
    must(dl4c_evaluate(g, s, &o, NULL, &err), &err);
    assert_int_equal(dl4c_measure_count(roc, 0), 4);
    assert_true(fabs(dl4c_measure_value(roc, DL4C_METRIC_AUROC, 0) - 2.0 / 3) < 1e-12);
    dl4c_measure_destroy(&roc);
    mo.columns = 2;
    must(dl4c_measure_create(NULL, &mo, &roc, &err), &err);
    assert_int_equal(dl4c_evaluate(g, s, &o, NULL, &err), DL4C_E_INVALID);
    dl4c_measure_destroy(&roc);
    o.n_measures = 0;
    assert_int_equal(dl4c_evaluate(g, s, &o, NULL, &err), DL4C_E_INVALID);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&l);
}

static dl4c_status train_and_evaluate(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    static float x[6 * TOY_FEATURES];
    static int64_t labels[6];
    const int64_t shape[] = { 6, TOY_FEATURES };
    const char *in[] = { "in" };
    toy_examples(6, 1, NULL, x, labels);
    dl4c_tensor *tx = NULL, *tl = NULL;
    dl4c_source *s = NULL;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_evaluation *e = NULL;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = 2;
    o.batch = 4;
    o.early_stopping = 1;
    o.balanced = 1;
    o.lr_schedule = "step:decay=0.5,step=5";
    dl4c_status status = dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 2, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_I64, shape, NULL, 1, labels, 0, NULL, NULL, &tl, err);
    if (status == DL4C_OK)
        status = dl4c_source_tensors(ctx, tx, tl, 0, &s, err);
    if (status == DL4C_OK)
        status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status == DL4C_OK) {
        dl4c_builder_input(b, "in", shape + 1, 1);
        dl4c_builder_add_text(b, "output:units=3,activation=softmax,updater=adam", "out", in, 1);
        status = dl4c_builder_finish(&b, &g, err);
    }
    o.validation = s;
    if (status == DL4C_OK)
        status = dl4c_fit(g, s, &o, err);
    if (status == DL4C_OK)
        status = dl4c_evaluate(g, s, NULL, &e, err);
    if (status != DL4C_OK)
        assert_null(e);
    if (g)
        assert_int_equal(g->use, 0);
    dl4c_evaluation_destroy(&e);
    dl4c_graph_destroy(&g);
    dl4c_source_destroy(&s);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tl);
    return status;
}

static void fit_and_evaluate_report_nomem_and_leak_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(train_and_evaluate, NULL) > 100);
    assert_true(fail_alloc_limits(train_and_evaluate, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separable_examples_are_learnt_completely),
        cmocka_unit_test(two_fits_are_one_long_fit),
        cmocka_unit_test(listeners_hear_everything_in_order),
        cmocka_unit_test(early_stopping_keeps_the_best),
        cmocka_unit_test(balanced_weights_are_n_by_classes_and_count),
        cmocka_unit_test(fit_can_be_cancelled_and_has_a_deadline),
        cmocka_unit_test(sources_that_do_not_fit_are_refused),
        cmocka_unit_test(evaluation_names_mistakes_and_takes_one_probability),
        cmocka_unit_test(fit_and_evaluate_report_nomem_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
