/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for all layers of a network that is trained on: which layers take what. */
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include "support/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A network in -> a -> b -> out, whose layers say things of their own. */
static dl4c_status network(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err)
{
    static const char *const steps[][3] = { { "dense:units=4,l2=0.5,activation=tanh", "a", "in" },
                                            { "dense:units=4,l2=0.5,updater=adam(lr=0.5)", "b", "a" },
                                            { "output:units=3,activation=softmax", "out", "b" } };
    const int64_t shape[] = { 5 };
    dl4c_builder *b = NULL;
    DLI_TRY(dl4c_builder_create(ctx, NULL, &b, err));
    dl4c_builder_input(b, "in", shape, 1);
    for (size_t i = 0; i < 3; i++)
        dl4c_builder_add_text(b, steps[i][0], steps[i][1], &steps[i][2], 1);
    return dl4c_builder_finish(&b, g, err);
}

/* Fine-tunes a copy: a is frozen, out goes, two layers come. */
static dl4c_status tune(dl4c_graph *g, const char *settings, dl4c_graph **tuned, struct dl4c_error *err)
{
    const char *from_b = "b", *from_c = "c";
    dl4c_builder *b = NULL;
    DLI_TRY(dl4c_builder_create(g->ctx, g, &b, err));
    dl4c_builder_fine_tune(b, settings);
    dl4c_builder_freeze(b, "a");
    dl4c_builder_remove(b, "out", 0);
    dl4c_builder_add_text(b, "dense:units=4", "c", &from_b, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,l2=0.125", "new", &from_c, 1);
    return dl4c_builder_finish(&b, tuned, err);
}

static const struct dli_layer *layer(const dl4c_graph *g, const char *name)
{
    const int32_t i = dli_graph_index(g, name);
    assert_true(i >= 0);
    return &g->vertices[i].attrs->layer;
}

static void settings_reach_kept_frozen_and_added_layers(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *tuned = NULL;
    must(network(NULL, &g, &err), &err);
    must(tune(g, "l2=0.25,dropout=0.75", &tuned, &err), &err);
    assert_true(layer(tuned, "a")->l2 == 0.25 && layer(tuned, "b")->l2 == 0.25 && layer(tuned, "c")->l2 == 0.25);
    assert_true(layer(tuned, "new")->l2 == 0.125); /* what a new layer says itself wins */
    assert_true(layer(tuned, "new")->dropout == 0.75);
    assert_string_equal(layer(tuned, "a")->activation, "tanh"); /* what is not named stays */
    assert_true(layer(g, "a")->l2 == 0.5);                      /* and so does the graph that it came from */
    assert_true(tuned->vertices[dli_graph_index(tuned, "a")].frozen);
    assert_ptr_equal(tuned->vertices[dli_graph_index(tuned, "b")].params, g->vertices[dli_graph_index(g, "b")].params);
    dl4c_graph_destroy(&tuned);
    dl4c_graph_destroy(&g);
}

static void a_penalty_of_zero_takes_the_old_one_away(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *tuned = NULL;
    must(network(NULL, &g, &err), &err);
    must(tune(g, "l2=0", &tuned, &err), &err);
    assert_true(layer(tuned, "a")->l2 == 0 && layer(tuned, "b")->l2 == 0);
    dl4c_graph_destroy(&tuned);
    dl4c_graph_destroy(&g);
}

static void the_updater_is_that_of_all_layers(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *tuned = NULL;
    must(network(NULL, &g, &err), &err);
    must(tune(g, "updater=nesterovs(lr=3e-5,momentum=0.8)", &tuned, &err), &err);
    assert_string_equal(tuned->updater, "nesterovs(lr=3e-5,momentum=0.8)");
    assert_null(layer(tuned, "b")->updater);
    assert_null(layer(tuned, "new")->updater);
    assert_string_equal(layer(g, "b")->updater, "adam(lr=0.5)");
    dl4c_graph_destroy(&tuned);
    dl4c_graph_destroy(&g);
}

static void settings_that_no_layer_has_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        dl4c_status status;
    } cases[] = {
        { "units=5", DL4C_E_NOTFOUND }, { "l2=minus", DL4C_E_INVALID }, { "l2=-1", DL4C_E_INVALID },
        { "", DL4C_E_INVALID },         { NULL, DL4C_E_INVALID },       { "updater=nosuch(lr=1)", DL4C_E_NOTFOUND },
    };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *tuned = NULL;
    must(network(NULL, &g, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (tune(g, cases[i].settings, &tuned, &err) != cases[i].status)
            fail_msg("%s: %s", cases[i].settings ? cases[i].settings : "NULL", err.message);
        assert_null(tuned);
    }
    dl4c_graph_destroy(&g);
}

static dl4c_status tune_all(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    dl4c_graph *g = NULL, *tuned = NULL;
    (void)arg;
    dl4c_status status = network(ctx, &g, err);
    if (status == DL4C_OK)
        status = tune(g, "updater=sgd(lr=0.1),l2=0.25,weight_init=relu", &tuned, err);
    dl4c_graph_destroy(&tuned);
    dl4c_graph_destroy(&g);
    return status;
}

static void fine_tuning_reports_nomem_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(tune_all, NULL) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_reach_kept_frozen_and_added_layers),
        cmocka_unit_test(a_penalty_of_zero_takes_the_old_one_away),
        cmocka_unit_test(the_updater_is_that_of_all_layers),
        cmocka_unit_test(settings_that_no_layer_has_are_refused),
        cmocka_unit_test(fine_tuning_reports_nomem_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
