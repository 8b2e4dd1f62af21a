/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: declared outputs, batches, lifetimes, errors. */
#include <dl4c/graph.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static dl4c_graph *mlp(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 5 };
    const char *in[] = { "in" }, *h[] = { "h" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_add_text(b, "dense:units=7,activation=relu", "h", in, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=negative_log_likelihood", "out", h, 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return g;
}

static dl4c_tensor *input(int64_t n)
{
    dl4c_tensor *x = NULL;
    const int64_t shape[] = { n, 5 };
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &x, NULL), DL4C_OK);
    float *f = dl4c_tensor_data(x);
    for (int64_t i = 0; i < 5 * n; i++)
        f[i] = (float)((i * 37 % 11) - 5) * 0.25f;
    return x;
}

static void a_softmax_row_sums_to_one(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = mlp();
    dl4c_session *s = NULL;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    o.batch = 4;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, &err), DL4C_OK);
    dl4c_graph_destroy(&g); /* the session keeps what it needs */
    dl4c_tensor *x = input(3), *y = NULL;
    assert_int_equal(dl4c_session_run(s, &x, 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_dim(y, 0), 3);
    assert_int_equal(dl4c_tensor_dim(y, 1), 3);
    const float *p = dl4c_tensor_data_const(y);
    for (int r = 0; r < 3; r++)
        assert_true(p[3 * r] + p[3 * r + 1] + p[3 * r + 2] > 0.99999f && p[3 * r] + p[3 * r + 1] + p[3 * r + 2] < 1.00001f);
    char *text = NULL;
    assert_int_equal(dl4c_session_describe(s, &text, &err), DL4C_OK);
    assert_non_null(strstr(text, "softmax"));
    dl4c_free(text);
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
}

static void a_row_has_the_same_bits_in_every_batch(void **state)
{
    (void)state;
    dl4c_graph *g = mlp();
    dl4c_tensor *x = input(6), *y = NULL;
    float whole[18];
    for (int64_t batch = 6; batch >= 1; batch--) {
        dl4c_session *s = NULL;
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        o.batch = batch;
        assert_int_equal(dl4c_session_create(NULL, g, &o, &s, NULL), DL4C_OK);
        for (int64_t at = 0; at + batch <= 6; at += batch) {
            dl4c_tensor *part = NULL;
            assert_int_equal(dl4c_tensor_slice(x, 0, at, at + batch, 1, &part, NULL), DL4C_OK);
            assert_int_equal(dl4c_session_run(s, &part, 1, NULL), DL4C_OK);
            assert_int_equal(dl4c_session_output(s, 0, &y, NULL), DL4C_OK);
            if (batch == 6)
                memcpy(whole, dl4c_tensor_data_const(y), sizeof whole);
            assert_memory_equal(whole + 3 * at, dl4c_tensor_data_const(y), (size_t)batch * 3 * sizeof(float));
            dl4c_tensor_unref(&part);
        }
        dl4c_session_destroy(&s);
    }
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

/* What is read after this is seen to be wrong. */
static void scribble(void *user, void *memory, size_t size)
{
    volatile unsigned char *p = memory;
    (void)user;
    for (size_t i = 0; i < size; i++)
        p[i] = 0x5a;
    free(memory);
}

static void an_output_that_is_kept_outlives_the_session(void **state)
{
    (void)state;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_graph *g = mlp();
    dl4c_session *s = NULL;
    dl4c_tensor *x = input(1), *y = NULL, *kept = NULL, *part = NULL;
    float was[3];
    co.alloc = take;
    co.release = scribble;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_create(ctx, g, NULL, &s, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_run(s, &x, 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, NULL), DL4C_OK);
    memcpy(was, dl4c_tensor_data_const(y), sizeof was);
    kept = dl4c_tensor_ref(y);
    assert_int_equal(dl4c_tensor_slice(y, 1, 1, 3, 1, &part, NULL), DL4C_OK);
    dl4c_session_destroy(&s);
    dl4c_context_destroy(&ctx);
    assert_memory_equal(dl4c_tensor_data_const(kept), was, sizeof was);
    dl4c_tensor_unref(&kept);
    assert_memory_equal(dl4c_tensor_data_const(part), was + 1, 2 * sizeof *was);
    dl4c_tensor_unref(&part);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

static void a_wrong_input_is_refused_with_both_shapes(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = mlp();
    dl4c_session *s = NULL;
    assert_int_equal(dl4c_session_create(NULL, g, NULL, &s, &err), DL4C_OK);
    dl4c_tensor *x = NULL;
    const int64_t shape[] = { 1, 4 };
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_run(s, &x, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "[5]"));
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
    const char *none[] = { "outt" };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    o.outputs = none;
    o.n_outputs = 1;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "\"out\""));
    assert_null(s);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_softmax_row_sums_to_one),
        cmocka_unit_test(a_row_has_the_same_bits_in_every_batch),
        cmocka_unit_test(an_output_that_is_kept_outlives_the_session),
        cmocka_unit_test(a_wrong_input_is_refused_with_both_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
