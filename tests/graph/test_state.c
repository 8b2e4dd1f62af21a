/* SPDX-License-Identifier: Apache-2.0 */
/* The updater's state of a graph that branches: whoever trains it, whole or cut, goes on where the other was. */
#include "graph/graph.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct dl4c_error err; /* of the call before */

#define MUST(call)                                                                                                                         \
    do {                                                                                                                                   \
        if ((call) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s", err.origin, err.message);                                                                                   \
    } while (0)

enum { ROWS = 2 };

static void add(dl4c_builder *b, const char *text, const char *name, const char *in) { dl4c_builder_add_text(b, text, name, &in, 1); }

/* in -> f1 -> t1 -> sum -> fc -> out, f1 -> f2 -> sum; f1 and f2 are frozen, so f2 stands between two blocks of state here, and in no
 * head: t1's moments are [m t1][v t1][m fc, out][v fc, out] here and [m t1, fc, out][v t1, fc, out] there. */
static dl4c_graph *branching(void)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, 6, 6 };
    const char *both[] = { "t1", "f2" };
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    add(b, "conv2d:units=4,kernel=3,padding=1,activation=tanh", "f1", "in");
    add(b, "conv2d:units=4,kernel=3,padding=1,activation=tanh", "t1", "f1");
    add(b, "conv2d:units=4,kernel=3,padding=1,activation=tanh", "f2", "f1");
    dl4c_builder_add(b, "add", "sum", both, 2, NULL, 0);
    add(b, "dense:units=5,activation=tanh", "fc", "sum");
    add(b, "output:units=3,activation=softmax,loss=mcxent", "out", "fc");
    dl4c_builder_freeze(b, "f2");
    MUST(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static dl4c_tensor *images(void)
{
    dl4c_tensor *x = NULL;
    const int64_t shape[] = { ROWS, 3, 6, 6 };
    MUST(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &x, &err));
    float *f = dl4c_tensor_data(x);
    for (int64_t i = 0; i < dl4c_tensor_size(x); i++)
        f[i] = (float)(i * 29 % 23 - 11) * 0.1f;
    return x;
}

static void train(dl4c_graph *g, dl4c_tensor *x, int steps)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    dl4c_tensor *y = NULL;
    const int64_t n = ROWS;
    o.batch = ROWS;
    o.updater = "adam:lr=1e-2";
    MUST(dl4c_tensor_create(NULL, DL4C_I64, &n, 1, &y, &err));
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)dl4c_tensor_data(y))[i] = i;
    MUST(dl4c_trainer_create(g, &o, &t, &err));
    for (int i = 0; i < steps; i++)
        MUST(dl4c_trainer_step(t, x, y, NULL, &err));
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&y);
}

/* A step of Adam is 1e-2 here; what a state in a wrong place makes of it is far more than rounding. */
static void assert_same_params(const dl4c_graph *a, const dl4c_graph *b)
{
    int compared = 0;
    for (int32_t v = 0; v < a->n_vertices; v++) {
        const int32_t w = dli_graph_index(b, a->vertices[v].name);
        if (w < 0 || a->vertices[v].frozen || a->vertices[v].n_params == 0)
            continue;
        for (int32_t k = 0; k < a->vertices[v].n_params; k++, compared++) {
            const struct dli_param *p = &a->vertices[v].params->p[k], *q = &b->vertices[w].params->p[k];
            for (int64_t i = 0; i < p->count; i++) {
                const float d = ((const float *)dli_param_data(p))[i] - ((const float *)dli_param_data(q))[i];
                assert_true(d < 1e-6f && d > -1e-6f);
            }
        }
    }
    assert_int_equal(compared, 6);
}

static void a_head_and_its_whole_take_turns(void **state)
{
    (void)state;
    const char *const at[] = { "f1", "f2" };
    dl4c_graph *whole = branching(), *reference = NULL, *trunk = NULL, *head = NULL, *joined = NULL, *again = NULL;
    dl4c_tensor *x = images();
    MUST(dl4c_graph_clone(whole, &reference, &err));
    train(reference, x, 4);

    train(whole, x, 2);
    MUST(dl4c_graph_split(whole, at, 2, NULL, &trunk, &head, &err));
    assert_non_null(head->updater_state);
    assert_int_equal(head->updater_state->bytes, whole->updater_state->bytes);
    assert_true(memcmp(head->updater_state->data, whole->updater_state->data, head->updater_state->bytes) != 0);
    MUST(dl4c_graph_join(trunk, head, NULL, &joined, &err));
    train(joined, x, 1); /* f1, f2, t1, fc, out */
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    MUST(dl4c_graph_split(joined, at, 2, NULL, &trunk, &head, &err));
    MUST(dl4c_graph_join(trunk, head, NULL, &again, &err));
    train(again, x, 1);
    assert_same_params(again, reference);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&joined);
    dl4c_graph_destroy(&again);
    dl4c_graph_destroy(&reference);
    dl4c_graph_destroy(&whole);
    dl4c_tensor_unref(&x);
}

/* Cut where the head keeps a frozen vertex of its own. */
static void a_head_with_a_frozen_branch_goes_on(void **state)
{
    (void)state;
    const char *const at[] = { "f1" };
    dl4c_graph *whole = branching(), *reference = NULL, *trunk = NULL, *head = NULL;
    dl4c_tensor *x = images(), *f = NULL;
    dl4c_session *s = NULL;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    MUST(dl4c_graph_clone(whole, &reference, &err));
    train(reference, x, 3);
    train(whole, x, 2);
    MUST(dl4c_graph_split(whole, at, 1, NULL, &trunk, &head, &err));
    o.batch = ROWS;
    MUST(dl4c_session_create(NULL, trunk, &o, &s, &err));
    MUST(dl4c_session_run(s, &x, 1, &err));
    MUST(dl4c_session_output(s, 0, &f, &err));
    train(head, f, 1);
    assert_same_params(head, reference);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&reference);
    dl4c_graph_destroy(&whole);
    dl4c_tensor_unref(&x);
}

static void an_edit_that_changes_what_is_trained_begins_anew(void **state)
{
    (void)state;
    dl4c_graph *g = branching(), *same = NULL, *frozen = NULL;
    dl4c_builder *b = NULL;
    dl4c_tensor *x = images();
    train(g, x, 1);
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    MUST(dl4c_builder_finish(&b, &same, &err));
    assert_ptr_equal(same->updater_state, g->updater_state);
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_freeze(b, "t1");
    MUST(dl4c_builder_finish(&b, &frozen, &err));
    assert_null(frozen->updater_state);
    train(frozen, x, 1);
    assert_int_equal(frozen->updater_state->bytes, 2 * sizeof(float) * (144 * 5 + 5 + 15 + 3));
    dl4c_graph_destroy(&same);
    dl4c_graph_destroy(&frozen);
    dl4c_graph_destroy(&g);
    dl4c_tensor_unref(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_and_its_whole_take_turns),
        cmocka_unit_test(a_head_with_a_frozen_branch_goes_on),
        cmocka_unit_test(an_edit_that_changes_what_is_trained_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
