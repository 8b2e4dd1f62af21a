/* SPDX-License-Identifier: Apache-2.0 */
/* Training behind the frozen part of a graph: what is split where, what features are, what the graph has afterwards. */
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include "support/must.h"
#include "train/toy.h"
#include <dl4c/transfer.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

enum { N = 20, HIDDEN = 4 };

/* in -> v0 dense, v1 dense, v2 output. */
static dl4c_graph *network(void)
{
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { "dense:units=4,activation=tanh", "dense:units=4,activation=tanh", "output:units=3,activation=softmax" };
    return toy_graph(NULL, shape, 1, specs, 3);
}

static void weights(dl4c_graph *g, const char *vertex, int64_t n, float *w)
{
    dl4c_tensor *t = NULL;
    assert_int_equal(dl4c_graph_param(g, vertex, "W", &t, NULL), DL4C_OK);
    memcpy(w, dl4c_tensor_data_const(t), (size_t)n * sizeof *w);
    dl4c_tensor_unref(&t);
}

static void training_on_features_trains_the_graph(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    const char *at = "v0";
    dl4c_graph *g = network(), *direct = NULL, *frozen = NULL;
    dl4c_source *s = toy_source(NULL, N, 1), *features = NULL;
    dl4c_transfer *t = NULL;
    dl4c_builder *b = NULL;
    float before[3][20], after[3][20], want[3][20];
    const char *const names[] = { "v0", "v1", "v2" };
    const int64_t counts[] = { TOY_FEATURES * HIDDEN, HIDDEN * HIDDEN, HIDDEN * TOY_CLASSES };
    fo.epochs = 5;
    fo.batch = 4;
    fo.updater = "adam:lr=0.01";
    for (int i = 0; i < 3; i++)
        weights(g, names[i], counts[i], before[i]);
    must(dl4c_transfer_create(g, &at, 1, &t, &err), &err);
    must(dl4c_transfer_featurize(t, s, NULL, &features, &err), &err);
    must(dl4c_transfer_fit(t, features, &fo, &err), &err);
    /* The same by training the whole graph with v0 frozen. */
    direct = network();
    must(dl4c_builder_create(NULL, direct, &b, &err), &err);
    dl4c_builder_freeze(b, "v0");
    must(dl4c_builder_finish(&b, &frozen, &err), &err);
    must(dl4c_fit(frozen, s, &fo, &err), &err);
    for (int i = 0; i < 3; i++) {
        weights(g, names[i], counts[i], after[i]);
        weights(frozen, names[i], counts[i], want[i]);
        for (int64_t k = 0; k < counts[i]; k++)
            assert_true(fabsf(after[i][k] - want[i][k]) < 1e-5f); /* kernels of sessions and of training may sum in another order */
        assert_int_equal(memcmp(before[i], after[i], (size_t)counts[i] * sizeof(float)) == 0, i == 0);
    }
    assert_int_equal(g->iteration, 25);
    assert_int_equal(g->epoch, 5);
    assert_non_null(g->info.training);
    assert_false(g->vertices[1].frozen); /* the caller's marks stay */
    assert_null(g->updater_state);       /* and say that v0 is trained, too, of which there is no state */
    must(dl4c_fit(g, s, &fo, &err), &err); /* and the graph can be trained itself */
    dl4c_transfer_destroy(&t);
    dl4c_transfer_destroy(&t);
    must(dl4c_transfer_create(frozen, NULL, 0, &t, &err), &err);
    must(dl4c_transfer_fit(t, features, &fo, &err), &err);
    assert_non_null(frozen->updater_state);
    assert_int_equal(frozen->updater_state->bytes, 2 * sizeof(float) * (HIDDEN * HIDDEN + HIDDEN + HIDDEN * TOY_CLASSES + TOY_CLASSES));
    dl4c_transfer_destroy(&t);
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&features);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&direct);
    dl4c_graph_destroy(&frozen);
}

static void features_are_what_the_frozen_part_gives(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *at = "v1";
    dl4c_graph *g = network();
    dl4c_source *s = toy_source(NULL, N, 1), *features = NULL;
    dl4c_transfer *t = NULL;
    dl4c_session *session = NULL;
    dl4c_tensor *y = NULL;
    struct dl4c_transfer_options o = DL4C_TRANSFER_OPTIONS_INIT;
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    static float x[N * TOY_FEATURES];
    static int64_t labels[N];
    const int64_t row[] = { TOY_FEATURES };
    toy_examples(N, 1, NULL, x, labels);
    o.batch = 7; /* the last batch is short */
    must(dl4c_transfer_create(g, &at, 1, &t, &err), &err);
    must(dl4c_transfer_featurize(t, s, &o, &features, &err), &err);
    dl4c_source_destroy(&s);
    must(dl4c_source_get_info(features, &info, &err), &err);
    assert_int_equal(info.rank, 1);
    assert_int_equal(info.shape[0], HIDDEN);
    assert_int_equal(info.rows, N);
    assert_int_equal(info.n_classes, TOY_CLASSES);
    must(dl4c_source_reset(features, 0, 0, 0, &err), &err);
    must(dl4c_source_next(features, N, &b, &err), &err);
    assert_int_equal(b.n, N);
    assert_memory_equal(b.labels, labels, sizeof labels);
    so.batch = N;
    must(dl4c_session_create(NULL, dl4c_transfer_frozen(t), &so, &session, &err), &err);
    dl4c_tensor *tx = toy_f32(x, N, row, 1);
    must(dl4c_session_run(session, &tx, 1, &err), &err);
    must(dl4c_session_output(session, 0, &y, &err), &err);
    assert_memory_equal(b.x, dl4c_tensor_data_const(y), sizeof(float) * N * HIDDEN); /* whatever the batch */
    dl4c_tensor_unref(&tx);
    dl4c_session_destroy(&session);
    dl4c_transfer_destroy(&t);
    dl4c_source_destroy(&features);
    dl4c_graph_destroy(&g);
}

/* Two branches of a frozen input layer, one of them frozen further. */
static dl4c_graph *branches(void)
{
    static const char *const steps[][4] = { { "dense:units=4", "stem", "in", NULL },
                                            { "dense:units=4", "zz", "stem", NULL },
                                            { "dense:units=4", "aa", "stem", NULL },
                                            { "add", "sum", "zz", "aa" },
                                            { "output:units=3,activation=softmax", "out", "sum", NULL } };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { TOY_FEATURES };
    must(dl4c_builder_create(NULL, NULL, &b, &err), &err);
    dl4c_builder_input(b, "in", shape, 1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        dl4c_builder_add_text(b, steps[i][0], steps[i][1], &steps[i][2], steps[i][3] ? 2 : 1);
    must(dl4c_builder_finish(&b, &g, &err), &err);
    return g;
}

static void the_border_is_sorted_by_name(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = branches();
    dl4c_transfer *t = NULL;
    dl4c_source *s = toy_source(NULL, N, 1), *features = NULL;
    const char *const at[] = { "zz", "aa" };
    must(dl4c_transfer_create(g, at, 2, &t, &err), &err);
    const dl4c_graph *rest = dl4c_transfer_unfrozen(t);
    assert_int_equal(rest->n_inputs, 2);
    assert_string_equal(rest->vertices[rest->inputs[0]].name, "aa");
    assert_string_equal(rest->vertices[rest->inputs[1]].name, "zz");
    assert_int_equal(dl4c_transfer_featurize(t, s, NULL, &features, &err), DL4C_E_UNSUPPORTED);
    assert_null(features);
    dl4c_transfer_destroy(&t);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void a_split_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = network(), *odd = NULL;
    dl4c_transfer *t = NULL;
    dl4c_builder *b = NULL;
    const char *last = "v2", *none = "v9";
    assert_int_equal(dl4c_transfer_create(g, NULL, 0, &t, &err), DL4C_E_INVALID); /* nothing frozen */
    assert_null(t);
    assert_int_equal(dl4c_transfer_create(g, &last, 1, &t, &err), DL4C_E_INVALID); /* nothing left */
    assert_int_equal(dl4c_transfer_create(g, &none, 1, &t, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_transfer_create(NULL, NULL, 0, &t, &err), DL4C_E_INVALID);
    must(dl4c_builder_create(NULL, g, &b, &err), &err);
    dli_builder_mark_frozen(b, "v1");
    must(dl4c_builder_finish(&b, &odd, &err), &err);
    assert_int_equal(dl4c_transfer_create(odd, NULL, 0, &t, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'v0'"));
    dl4c_graph_destroy(&odd);
    dl4c_graph_destroy(&g);
}

static dl4c_status transfer(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    static float x[N * TOY_FEATURES];
    static int64_t labels[N];
    const int64_t dims[] = { N, TOY_FEATURES };
    const char *in = "in", *mid = "mid";
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_tensor *tx = NULL, *tl = NULL;
    dl4c_source *s = NULL, *features = NULL;
    dl4c_transfer *t = NULL;
    (void)arg;
    toy_examples(N, 1, NULL, x, labels);
    fo.epochs = 1;
    dl4c_status status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status == DL4C_OK) {
        dl4c_builder_input(b, "in", dims + 1, 1);
        dl4c_builder_add_text(b, "dense:units=4", "mid", &in, 1);
        dl4c_builder_add_text(b, "output:units=3,activation=softmax", "out", &mid, 1);
        status = dl4c_builder_finish(&b, &g, err);
    }
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_F32, dims, NULL, 2, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_I64, dims, NULL, 1, labels, 0, NULL, NULL, &tl, err);
    if (status == DL4C_OK)
        status = dl4c_source_tensors(ctx, tx, tl, TOY_CLASSES, &s, err);
    if (status == DL4C_OK)
        status = dl4c_transfer_create(g, &mid, 1, &t, err);
    if (status == DL4C_OK)
        status = dl4c_transfer_featurize(t, s, NULL, &features, err);
    if (status == DL4C_OK)
        status = dl4c_transfer_fit(t, features, &fo, err);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tl);
    dl4c_transfer_destroy(&t);
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&features);
    dl4c_graph_destroy(&g);
    return status;
}

static void transfer_reports_nomem_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(transfer, NULL) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_on_features_trains_the_graph),
        cmocka_unit_test(features_are_what_the_frozen_part_gives),
        cmocka_unit_test(the_border_is_sorted_by_name),
        cmocka_unit_test(a_split_that_makes_no_sense_is_refused),
        cmocka_unit_test(transfer_reports_nomem_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
