/* SPDX-License-Identifier: Apache-2.0 */
/* layers.h: every helper makes the same graph as the text form. */
#include <dl4c/layers.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static dl4c_builder *begin(void)
{
    const int64_t shape[] = { 4, 12, 12 };
    dl4c_builder *b = NULL;
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 3);
    return b;
}

static char *digest_of(dl4c_builder *b)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    char *hex = NULL;
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_graph_digest(g, &hex, NULL), DL4C_OK);
    dl4c_graph_destroy(&g);
    return hex;
}

static void add(dl4c_builder *b, const char *text, const char *name, const char *input)
{
    const char *inputs[] = { input };
    dl4c_builder_add_text(b, text, name, inputs, 1);
}

static void helpers_make_what_the_text_form_makes(void **state)
{
    (void)state;
    dl4c_builder *b = begin(), *t = begin();
    dl4c_conv2d(b, "c1", "in", 8, 3, 1, "same", "relu");
    add(t, "conv2d:units=8,kernel=3x3,stride=1x1,mode=same,activation=relu", "c1", "in");
    dl4c_conv2d(b, "c2", "c1", 8, 1, 1, NULL, NULL);
    add(t, "conv2d:units=8,kernel=1x1", "c2", "c1");
    dl4c_batch_norm(b, "n1", "c2", "relu");
    add(t, "batch_norm:activation=relu", "n1", "c2");
    dl4c_batch_norm(b, "n2", "n1", NULL);
    add(t, "batch_norm", "n2", "n1");
    dl4c_combine(b, "add", "sum", "c1", "n2");
    dl4c_builder_add_text(t, "add", "sum", (const char *[]){ "c1", "n2" }, 2);
    dl4c_max_pool(b, "p1", "sum", 2, 2);
    add(t, "max_pool:kernel=2x2,stride=2x2", "p1", "sum");
    dl4c_zero_padding(b, "z", "p1", 1, 2, 3, 4);
    add(t, "zero_padding:padding=1x2x3x4", "z", "p1");
    dl4c_avg_pool(b, "p2", "z", 3, 1);
    add(t, "avg_pool:kernel=3x3,stride=1x1", "p2", "z");
    dl4c_apply(b, "tanh", "act", "p2");
    add(t, "tanh", "act", "p2");
    dl4c_global_pool(b, "g", "act", NULL);
    add(t, "global_pool:type=avg", "g", "act");
    dl4c_dropout(b, "d", "g", 0.75);
    add(t, "dropout:p=0.75", "d", "g");
    dl4c_dense(b, "fc1", "d", 7, "leaky_relu(leak=0.1)");
    add(t, "dense:units=7,activation=leaky_relu(leak=0.1)", "fc1", "d");
    dl4c_dense(b, "fc2", "fc1", 6, NULL);
    add(t, "dense:units=6", "fc2", "fc1");
    dl4c_output(b, "out", "fc2", 5, NULL, NULL);
    add(t, "output:units=5,activation=softmax,loss=negative_log_likelihood", "out", "fc2");
    char *one = digest_of(b), *other = digest_of(t);
    assert_string_equal(one, other);
    dl4c_free(one);
    dl4c_free(other);
}

static void a_wrong_number_is_told_by_finish(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = begin();
    dl4c_graph *g = NULL;
    dl4c_dense(b, "fc", "in", 0, NULL);
    dl4c_apply(b, "relu", "act", "fc");
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "units"));
    assert_null(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(helpers_make_what_the_text_form_makes),
        cmocka_unit_test(a_wrong_number_is_told_by_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
