/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting, joining and editing graphs: what comes out is what went in. */
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct dl4c_error err; /* of the call before */

#define MUST(call)                                                                                                                         \
    do {                                                                                                                                   \
        if ((call) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s", err.origin, err.message);                                                                                   \
    } while (0)

static void add(dl4c_builder *b, const char *text, const char *name, const char *in) { dl4c_builder_add_text(b, text, name, &in, 1); }

/* in -> c1 -> p1 -> c2 -> [residual: add(c2, p1)] -> fc -> out */
static dl4c_graph *residual(void)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, 8, 8 };
    const char *both[] = { "c2", "p1" };
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    add(b, "conv2d:units=5,kernel=3,padding=1,activation=relu", "c1", "in");
    add(b, "max_pool:kernel=2,stride=2", "p1", "c1");
    add(b, "conv2d:units=5,kernel=3,padding=1", "c2", "p1");
    dl4c_builder_add(b, "add", "sum", both, 2, NULL, 0);
    add(b, "relu", "r", "sum");
    add(b, "dense:units=6,activation=tanh", "fc", "r");
    add(b, "output:units=4,activation=softmax,loss=negative_log_likelihood", "out", "fc");
    MUST(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static dl4c_tensor *image(int64_t n)
{
    dl4c_tensor *x = NULL;
    const int64_t shape[] = { n, 3, 8, 8 };
    MUST(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &x, &err));
    float *f = dl4c_tensor_data(x);
    for (int64_t i = 0; i < 192 * n; i++)
        f[i] = (float)(i * 29 % 23 - 11) * 0.1f;
    return x;
}

/* The value of a vertex (NULL: the output) for x, copied. */
static void run(dl4c_graph *g, const char *at, dl4c_tensor *x, uint64_t flags, float *y, size_t floats)
{
    dl4c_session *s = NULL;
    dl4c_tensor *out = NULL;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    o.batch = dl4c_tensor_dim(x, 0);
    o.flags = flags;
    if (at) {
        o.outputs = &at;
        o.n_outputs = 1;
    }
    MUST(dl4c_session_create(NULL, g, &o, &s, &err));
    MUST(dl4c_session_run(s, &x, 1, &err));
    MUST(dl4c_session_output(s, 0, &out, &err));
    assert_int_equal(dl4c_tensor_size(out), floats);
    memcpy(y, dl4c_tensor_data_const(out), floats * sizeof *y);
    dl4c_session_destroy(&s);
}

static void head_on_trunk_equals_the_whole_to_the_bit(void **state)
{
    (void)state;
    const char *cuts[] = { "p1", "r", "fc" };
    const size_t floats[] = { 80, 80, 6 };
    dl4c_graph *g = residual();
    dl4c_tensor *x = image(1);
    float whole[4], part[80], again[4];
    run(g, NULL, x, 0, whole, 4);
    for (int k = 0; k < 3; k++) {
        dl4c_graph *trunk = NULL, *head = NULL, *joined = NULL;
        MUST(dl4c_graph_split(g, &cuts[k], 1, NULL, &trunk, &head, &err));
        int64_t trainable;
        dl4c_graph_param_count(trunk, NULL, &trainable, NULL);
        assert_int_equal(trainable, 0);
        run(trunk, NULL, x, 0, part, floats[k]);
        struct dl4c_vertex v = DL4C_VERTEX_INIT;
        MUST(dl4c_graph_vertex(head, dl4c_graph_input(head, 0), &v, &err));
        assert_string_equal(v.name, cuts[k]);
        dl4c_tensor *f = NULL;
        int64_t shape[DL4C_MAX_RANK] = { 1 };
        memcpy(shape + 1, v.shape, (size_t)v.rank * sizeof *shape);
        MUST(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, v.rank + 1, part, 0, NULL, NULL, &f, &err));
        run(head, NULL, f, 0, again, 4);
        assert_memory_equal(whole, again, sizeof whole);
        MUST(dl4c_graph_join(trunk, head, NULL, &joined, &err));
        run(joined, NULL, x, 0, again, 4);
        assert_memory_equal(whole, again, sizeof whole);
        assert_int_equal(dl4c_graph_vertex_count(joined), dl4c_graph_vertex_count(g));
        dl4c_tensor_unref(&f);
        dl4c_graph_destroy(&trunk);
        dl4c_graph_destroy(&head);
        dl4c_graph_destroy(&joined);
    }
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

static void split_rejects_a_path_around_the_cut(void **state)
{
    (void)state;
    dl4c_graph *g = residual(), *trunk = NULL, *head = NULL;
    const char *around[] = { "c2" }, *last[] = { "out" }, *none[] = { "c3" }, *both[] = { "c2", "p1" };
    assert_int_equal(dl4c_graph_split(g, around, 1, NULL, &trunk, &head, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'p1' to 'sum'"));
    assert_null(trunk);
    assert_int_equal(dl4c_graph_split(g, last, 1, NULL, &trunk, &head, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_graph_split(g, none, 1, NULL, &trunk, &head, &err), DL4C_E_NOTFOUND);
    MUST(dl4c_graph_split(g, around, 1, NULL, &trunk, NULL, &err)); /* a trunk alone may be cut anywhere */
    dl4c_graph_destroy(&trunk);
    MUST(dl4c_graph_split(g, both, 2, NULL, &trunk, &head, &err));
    assert_int_equal(dl4c_graph_input_count(head), 2);
    assert_int_equal(dl4c_graph_output_count(trunk), 2);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&g);
}

static void fused_and_unfused_plans_agree(void **state)
{
    (void)state;
    dl4c_graph *g = residual();
    dl4c_tensor *x = image(3);
    float fused[12], plain[12], low[12], inside[240], inside_plain[240];
    run(g, NULL, x, 0, fused, 12);
    run(g, NULL, x, DL4C_SESSION_NO_FUSION, plain, 12);
    run(g, NULL, x, DL4C_SESSION_LOW_MEMORY, low, 12);
    run(g, "c2", x, 0, inside, 240); /* a vertex inside a fusion has its unfused value */
    run(g, "c2", x, DL4C_SESSION_NO_FUSION, inside_plain, 240);
    for (int i = 0; i < 12; i++) {
        assert_true(fused[i] - plain[i] < 1e-5f && plain[i] - fused[i] < 1e-5f); /* other kernels may round otherwise */
        assert_true(fused[i] - low[i] < 1e-5f && low[i] - fused[i] < 1e-5f);
    }
    int negative = 0;
    for (int i = 0; i < 240; i++) {
        assert_true(inside[i] - inside_plain[i] < 1e-4f && inside_plain[i] - inside[i] < 1e-4f);
        negative += inside[i] < 0;
    }
    assert_true(negative > 10);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

/* What normalises images is nothing for features. */
static void the_normalizer_stays_with_the_trunk(void **state)
{
    (void)state;
    const char *cut[] = { "p1" };
    dl4c_graph *g = residual(), *trunk = NULL, *head = NULL, *joined = NULL;
    dl4c_normalizer *n = NULL, *found = NULL;
    MUST(dl4c_normalizer_create(NULL, "image_scaler", &n, &err));
    MUST(dl4c_graph_set_normalizer(g, n, &err));
    MUST(dl4c_graph_split(g, cut, 1, NULL, &trunk, &head, &err));
    assert_int_equal(dl4c_graph_get_normalizer(head, &found, NULL), DL4C_E_NOTFOUND);
    MUST(dl4c_graph_get_normalizer(trunk, &found, &err));
    dl4c_normalizer_destroy(&found);
    MUST(dl4c_graph_join(trunk, head, NULL, &joined, &err));
    MUST(dl4c_graph_get_normalizer(joined, &found, &err));
    dl4c_normalizer_destroy(&found);
    dl4c_normalizer_destroy(&n);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&joined);
}

static void join_refuses_shapes_that_do_not_fit(void **state)
{
    (void)state;
    dl4c_graph *g = residual(), *trunk = NULL, *head = NULL, *joined = NULL;
    const char *r[] = { "r" }, *fc[] = { "fc" };
    MUST(dl4c_graph_split(g, r, 1, NULL, &trunk, NULL, &err));
    MUST(dl4c_graph_split(g, fc, 1, NULL, NULL, &head, &err));
    assert_int_equal(dl4c_graph_join(trunk, head, NULL, &joined, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "[5, 4, 4]"));
    assert_non_null(strstr(err.message, "[6]"));
    assert_null(joined);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&g);
}

static void a_pooled_head_gets_its_pooling_back(void **state)
{
    (void)state;
    dl4c_graph *g = residual(), *trunk = NULL, *head = NULL, *joined = NULL;
    dl4c_builder *b = NULL;
    const char *r[] = { "r" };
    const int64_t shape[] = { 5 };
    MUST(dl4c_graph_split(g, r, 1, NULL, &trunk, NULL, &err));
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "features", shape, 1);
    add(b, "output:units=2,activation=softmax,loss=negative_log_likelihood", "r", "features"); /* a name the trunk has */
    MUST(dl4c_builder_finish(&b, &head, &err));
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    const char *classes[] = { "no", "yes" };
    info.pool = "avg";
    info.classes = classes;
    info.n_classes = 2;
    info.height = info.width = 16;
    MUST(dl4c_graph_set_info(head, &info, &err));
    MUST(dl4c_graph_join(trunk, head, NULL, &joined, &err));
    struct dl4c_vertex v = DL4C_VERTEX_INIT;
    MUST(dl4c_graph_vertex(joined, dl4c_graph_input(joined, 0), &v, &err));
    assert_int_equal(v.shape[1], 16); /* the size that the head's features were made at */
    MUST(dl4c_graph_vertex(joined, dl4c_graph_output(joined, 0), &v, &err));
    assert_string_equal(v.name, "r_1");
    MUST(dl4c_graph_info(joined, &info, &err));
    assert_string_equal(info.classes[1], "yes");
    assert_null(info.pool);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&joined);
    dl4c_graph_destroy(&g);
}

static void edits_leave_the_original_alone(void **state)
{
    (void)state;
    dl4c_graph *g = residual(), *tuned = NULL;
    dl4c_builder *b = NULL;
    char *before = NULL, *after = NULL;
    int64_t total, trainable, frozen;
    MUST(dl4c_graph_digest(g, &before, &err));
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_freeze(b, "c2");
    dl4c_builder_remove(b, "out", 0);
    add(b, "output:units=9,activation=softmax,loss=negative_log_likelihood", "out", "fc");
    MUST(dl4c_builder_finish(&b, &tuned, &err));
    dl4c_graph_param_count(tuned, &total, &trainable, &frozen);
    assert_int_equal(frozen, 5 * 27 + 5 + 5 * 45 + 5);
    assert_int_equal(trainable, 80 * 6 + 6 + 6 * 9 + 9);
    assert_int_equal(total, trainable + frozen);
    MUST(dl4c_graph_digest(g, &after, &err));
    assert_string_equal(before, after);
    dl4c_free(after);
    dl4c_graph_destroy(&tuned);

    /* Another number of outputs gives the layer and its reader fresh parameters. */
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_replace_n_out(b, "fc", 11, "relu", NULL);
    MUST(dl4c_builder_finish(&b, &tuned, &err));
    dl4c_tensor *w = NULL;
    MUST(dl4c_graph_param(tuned, "out", "W", &w, &err));
    assert_int_equal(dl4c_tensor_dim(w, 0), 11);
    assert_int_equal(dl4c_tensor_dim(w, 1), 4);
    assert_true(dl4c_tensor_is_read_only(w));
    dl4c_tensor_unref(&w);
    dl4c_graph_destroy(&tuned);

    /* A vertex removed with its connections waits for one of its name. */
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_remove(b, "fc", DL4C_KEEP_CONNECTIONS);
    add(b, "dense:units=6", "fc", "r"); /* as many outputs as before: what reads it keeps its parameters */
    MUST(dl4c_builder_finish(&b, &tuned, &err));
    dl4c_graph_destroy(&tuned);
    MUST(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_remove(b, "fc", DL4C_KEEP_CONNECTIONS);
    assert_int_equal(dl4c_builder_finish(&b, &tuned, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'fc'"));
    assert_null(tuned);
    assert_null(b);
    dl4c_free(before);
    dl4c_graph_destroy(&g);
}

static void the_first_error_of_a_builder_sticks(void **state)
{
    (void)state;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 4 };
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 1);
    add(b, "dense:unit=3", "d", "in"); /* unit, not units */
    add(b, "no_such_operator", "e", "in");
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "did you mean \"units\"?"));
    static const char *const wrong[][2] = { { "dense:units=0", "units" },
                                            { "dense:units=3,activation=nonsense", "nonsense" },
                                            { "conv2d:units=2,kernel=3", "d" },
                                            { "max_pool:kernel=0", "kernel" },
                                            { "output:units=2,loss=nonsense", "nonsense" },
                                            { "output:units=2,activation=elu:beta=2", "beta" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        MUST(dl4c_builder_create(NULL, NULL, &b, &err));
        dl4c_builder_input(b, "in", shape, 1);
        add(b, wrong[i][0], "d", "in");
        assert_int_not_equal(dl4c_builder_finish(&b, &g, &err), DL4C_OK);
        assert_non_null(strstr(err.message, wrong[i][1]));
    }
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_input(b, "in", shape, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_E_EXISTS);
}

static void a_parameter_set_by_a_tensor_is_what_runs(void **state)
{
    (void)state;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_tensor *w = NULL, *x = NULL, *back = NULL;
    const int64_t shape[] = { 2 }, wshape[] = { 2, 3 }, xshape[] = { 1, 2 };
    MUST(dl4c_tensor_create(NULL, DL4C_F32, wshape, 2, &w, &err));
    for (int i = 0; i < 6; i++)
        ((float *)dl4c_tensor_data(w))[i] = (float)(i + 1); /* [[1, 2, 3], [4, 5, 6]] */
    MUST(dl4c_tensor_create(NULL, DL4C_F32, xshape, 2, &x, &err));
    ((float *)dl4c_tensor_data(x))[0] = 10;
    ((float *)dl4c_tensor_data(x))[1] = 1;
    MUST(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 1);
    add(b, "dense:units=3", "d", "in");
    dl4c_builder_param(b, "d", "W", w);
    MUST(dl4c_builder_finish(&b, &g, &err));
    float y[3];
    run(g, NULL, x, 0, y, 3);
    assert_true(y[0] == 14 && y[1] == 25 && y[2] == 36);
    MUST(dl4c_graph_param(g, "d", "W", &back, &err));
    const int64_t *strides = dl4c_tensor_strides(back);
    assert_true(((const float *)dl4c_tensor_data_const(back))[strides[0] + 2 * strides[1]] == 6);
    dl4c_tensor_unref(&back);
    dl4c_tensor_unref(&w);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

static void a_graph_can_be_looked_at(void **state)
{
    (void)state;
    dl4c_graph *g = residual();
    char *text = NULL;
    uint8_t marks[16] = { 0 };
    int32_t i, found;
    MUST(dl4c_graph_find(g, "sum", &i, &err));
    MUST(dl4c_graph_ancestors(g, i, marks, &err));
    int above = 0, below = 0;
    for (int v = 0; v < dl4c_graph_vertex_count(g); v++)
        above += marks[v];
    MUST(dl4c_graph_descendants(g, i, marks, &err));
    for (int v = 0; v < dl4c_graph_vertex_count(g); v++)
        below += marks[v];
    assert_int_equal(above, 4);
    assert_int_equal(below, 3);
    assert_int_equal(dl4c_graph_find(g, "fcc", &found, &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "\"fc\""));
    struct dl4c_attr a;
    MUST(dl4c_graph_find(g, "c1", &i, &err));
    int attrs = 0;
    while (dl4c_graph_vertex_attr(g, i, attrs, &a, NULL) == DL4C_OK)
        attrs++;
    assert_true(attrs > 8);
    assert_string_equal(dl4c_graph_param_name(g, i, 1), "W");
    MUST(dl4c_graph_summary(g, NULL, &text, &err));
    assert_non_null(strstr(text, "c1 (ConvolutionLayer)"));
    assert_non_null(strstr(text, "W:{5,3,3,3}, b:{5}"));
    dl4c_free(text);
    MUST(dl4c_graph_json(g, &text, &err));
    assert_non_null(strstr(text, "\"inputs\": [\"c2\", \"p1\"]"));
    dl4c_free(text);
    MUST(dl4c_graph_draw(g, "dot", &text, &err));
    assert_non_null(strstr(text, "v2 -> v4"));
    dl4c_free(text);
    MUST(dl4c_graph_draw(g, "svg", &text, &err));
    assert_non_null(strstr(text, "</svg>"));
    dl4c_free(text);
    assert_int_equal(dl4c_graph_draw(g, "png", &text, &err), DL4C_E_INVALID);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_on_trunk_equals_the_whole_to_the_bit),
        cmocka_unit_test(split_rejects_a_path_around_the_cut),
        cmocka_unit_test(fused_and_unfused_plans_agree),
        cmocka_unit_test(the_normalizer_stays_with_the_trunk),
        cmocka_unit_test(join_refuses_shapes_that_do_not_fit),
        cmocka_unit_test(a_pooled_head_gets_its_pooling_back),
        cmocka_unit_test(edits_leave_the_original_alone),
        cmocka_unit_test(the_first_error_of_a_builder_sticks),
        cmocka_unit_test(a_parameter_set_by_a_tensor_is_what_runs),
        cmocka_unit_test(a_graph_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
