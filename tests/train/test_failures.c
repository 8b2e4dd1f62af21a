/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of making a trainer, stepping it, looking at what it holds and running the trained graph failed in turn. */
#include "base/error.h"
#include "support/fail_alloc.h"
#include "train/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

enum { N = 4, HW = 6 };

static dl4c_status build(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err)
{
    static const char *const steps[][3] = {
        { "conv2d:units=3,kernel=3,padding=1,activation=relu,updater=sgd(lr=0.1)", "c", "in" },
        { "batch_norm", "n", "c" },
        { "max_pool:kernel=2,stride=2", "p", "n" },
        { "dense:units=4,activation=tanh,dropout=0.8", "d", "p" },
        { "output:units=3,activation=softmax,loss=mcxent(weights=1;2;0.5)", "out", "d" },
    };
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 2, HW, HW };
    DLI_TRY(dl4c_builder_create(ctx, NULL, &b, err));
    dl4c_builder_input(b, "in", shape, 3);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        dl4c_builder_add_text(b, steps[i][0], steps[i][1], &steps[i][2], 1);
    return dl4c_builder_finish(&b, g, err);
}

static dl4c_status train_by_hand(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    static float x[N * 2 * HW * HW];
    static int64_t labels[N] = { 0, 1, 2, 0 };
    const float weights[] = { 1, 2, 0.5f };
    const int64_t shape[] = { N, 2, HW, HW };
    dl4c_graph *g = NULL;
    dl4c_trainer *t = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *tx = NULL, *tl = NULL, *looked[3] = { NULL };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    double score = 0;
    (void)arg;
    toy_values(1, N * 2 * HW * HW, x);
    o.batch = so.batch = N;
    o.updater = "adam:lr=0.01";
    o.lr_schedule = "exponential:gamma=0.5";
    o.l2 = 1e-3;
    o.class_weights = weights;
    o.n_class_weights = 3;
    dl4c_status status = build(ctx, &g, err);
    assert_int_equal(status == DL4C_OK, g != NULL);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 4, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_I64, shape, NULL, 1, labels, 0, NULL, NULL, &tl, err);
    if (status == DL4C_OK) {
        t = (dl4c_trainer *)&t;
        o.flags = DL4C_FIT_KEEP_GRADIENT;
        status = dl4c_trainer_create(g, &o, &t, err);
        assert_int_equal(status == DL4C_OK, t != NULL);
    }
    for (int i = 0; i < 2 && status == DL4C_OK; i++) {
        const int64_t before = dl4c_trainer_iteration(t);
        status = dl4c_trainer_step(t, tx, tl, &score, err);
        assert_int_equal(dl4c_trainer_iteration(t), before + (status == DL4C_OK)); /* a step is taken or it is not */
    }
    if (status == DL4C_OK)
        status = dl4c_trainer_score(t, tx, tl, &score, err);
    if (status == DL4C_OK)
        status = dl4c_trainer_params(t, &looked[0], err);
    if (status == DL4C_OK)
        status = dl4c_trainer_gradient(t, &looked[1], err); /* whole: o.flags */
    if (status == DL4C_OK)
        status = dl4c_trainer_updater_state(t, &looked[2], err);
    if (status == DL4C_OK) /* copies what was looked at */
        status = dl4c_trainer_step(t, tx, tl, &score, err);
    if (status == DL4C_OK)
        status = dl4c_session_create(ctx, g, &so, &s, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s, &tx, 1, err);
    for (int i = 0; i < 3; i++)
        dl4c_tensor_unref(&looked[i]);
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tl);
    dl4c_graph_destroy(&g);
    dl4c_trainer_destroy(&t);
    return status;
}

static void a_trainer_reports_nomem_and_takes_whole_steps(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(train_by_hand, NULL) > 200);
    assert_true(fail_alloc_limits(train_by_hand, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_trainer_reports_nomem_and_takes_whole_steps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
