/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of building, planning, running, splitting, joining and describing failed in turn: nothing leaks, nothing ends. */
#include "graph/tape.h"
#include "support/fail_alloc.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static dl4c_status build(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err)
{
    static const char *const steps[][3] = {
        { "conv2d:units=4,kernel=3,padding=1,activation=relu", "c1", "in" },
        { "max_pool:kernel=2,stride=2", "p1", "c1" },
        { "conv2d:units=4,kernel=3,padding=1", "c2", "p1" },
        { "dropout:p=0.5", "d", "c2" },
        { "dense:units=5,activation=tanh,dropout=0.8", "fc", "d" },
        { "output:units=3,activation=softmax,loss=negative_log_likelihood,l2=0.01", "out", "fc" },
    };
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 2, 6, 6 };
    const dl4c_status status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_builder_input(b, "in", shape, 3);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        dl4c_builder_add_text(b, steps[i][0], steps[i][1], &steps[i][2], 1);
    return dl4c_builder_finish(&b, g, err);
}

static dl4c_status run_all(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    dl4c_graph *g = NULL, *trunk = NULL, *head = NULL, *whole = NULL, *clone = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL;
    struct dli_tape *t = NULL;
    char *text[5] = { NULL };
    const char *at[] = { "p1" };
    const int64_t shape[] = { 2, 2, 6, 6 };
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    const struct dli_tape_options to = { .batch = 2 };
    so.batch = 2;
    dl4c_status status = build(ctx, &g, err);
    if (status == DL4C_OK)
        status = dl4c_graph_clone(g, &clone, err);
    if (status == DL4C_OK)
        status = dl4c_graph_split(g, at, 1, NULL, &trunk, &head, err);
    if (status == DL4C_OK)
        status = dl4c_graph_join(trunk, head, NULL, &whole, err);
    if (status == DL4C_OK)
        status = dl4c_graph_summary(whole, NULL, &text[0], err);
    if (status == DL4C_OK)
        status = dl4c_graph_json(whole, &text[1], err);
    if (status == DL4C_OK)
        status = dl4c_graph_draw(whole, "svg", &text[2], err);
    if (status == DL4C_OK)
        status = dl4c_graph_digest(whole, &text[3], err);
    if (status == DL4C_OK)
        status = dl4c_session_create(ctx, whole, &so, &s, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s, &x, 1, err);
    if (status == DL4C_OK)
        status = dl4c_session_describe(s, &text[4], err);
    if (status == DL4C_OK)
        status = dli_tape_create(ctx, clone, &to, &t, err);
    if (status == DL4C_OK)
        status = dli_tape_own(t, err);
    dli_tape_destroy(t);
    for (int i = 0; i < 5; i++)
        dl4c_free(text[i]);
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&clone);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&whole);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(run_all, NULL) > 100);
    assert_true(fail_alloc_limits(run_all, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
