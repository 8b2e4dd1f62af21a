/* SPDX-License-Identifier: Apache-2.0 */
/* What the builder makes of calls in an odd order and of wrong ones, and what a session takes as memory, inputs and outputs. */
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char *const from_in[] = { "in" }, *const from_a[] = { "a" }, *const from_b[] = { "b" }, *const from_nothing[] = { NULL };
static const char *const from_nobody[] = { "nobody" };

static dl4c_builder *begin(void)
{
    const int64_t shape[] = { 2, 6, 6 };
    dl4c_builder *b = NULL;
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 3);
    return b;
}

static dl4c_graph *chain(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = begin();
    dl4c_graph *g = NULL;
    dl4c_builder_add_text(b, "conv2d:units=3,kernel=3,padding=1", "a", from_in, 1);
    dl4c_builder_add_text(b, "relu", "b", from_a, 1);
    dl4c_builder_add_text(b, "dense:units=4", "d", from_b, 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return g;
}

/* Each of these is one wrong call; what is said and what is answered. */
static void call(dl4c_builder *b, int which)
{
    const int64_t shape[] = { 2, 6, 6 }, empty[] = { 2, 0 }, many[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    const struct dl4c_attr twice[] = { dl4c_attr_int("units", 3), dl4c_attr_int("units", 4) };
    const struct dl4c_attr odd = { "units", 77, 1, { 0 } }, nothing = { "units", DL4C_ATTR_INTS, 1, { 0 } };
    switch (which) {
    case 0: dl4c_builder_input(b, "in", shape, 3); break;
    case 1: dl4c_builder_input(b, "x", empty, 2); break;
    case 2: dl4c_builder_input(b, "x", many, 9); break;
    case 3: dl4c_builder_input(b, "x", NULL, 3); break;
    case 4: dl4c_builder_input(b, NULL, shape, 3); break;
    case 5: dl4c_builder_input(b, "", shape, 3); break;
    case 6: dl4c_builder_add_text(b, "convolution", "c", from_in, 1); break;
    case 7: dl4c_builder_add_text(b, "relu", "c", from_nobody, 1); break;
    case 8: dl4c_builder_add_text(b, "relu", "c", from_nothing, 1); break;
    case 9: dl4c_builder_add_text(b, "relu", NULL, from_in, 1); break;
    case 10: dl4c_builder_add_text(b, "relu", "c", NULL, 1); break;
    case 11: dl4c_builder_add_text(b, "relu", "c", from_in, 0); break;
    case 12: dl4c_builder_add_text(b, NULL, "c", from_in, 1); break;
    case 13: dl4c_builder_add(b, NULL, "c", from_in, 1, NULL, 0); break;
    case 14: dl4c_builder_add(b, "dense", "c", from_in, 1, twice, 2); break;
    case 15: dl4c_builder_add(b, "dense", "c", from_in, 1, &odd, 1); break;
    case 16: dl4c_builder_add(b, "dense", "c", from_in, 1, &nothing, 1); break;
    case 17: dl4c_builder_add_text(b, "dense:units=0", "c", from_in, 1); break;
    case 18: dl4c_builder_freeze(b, "nobody"); break;
    case 19: dl4c_builder_freeze(b, NULL); break;
    case 20: dl4c_builder_unfreeze(b, "nobody"); break;
    case 21: dl4c_builder_remove(b, "nobody", 0); break;
    case 22: dl4c_builder_remove(b, "in", 64); break;
    case 23: dl4c_builder_replace_n_out(b, "in", 3, NULL, NULL); break;
    case 24: dl4c_builder_replace_n_out(b, "a", 0, NULL, NULL); break;
    case 25: dl4c_builder_outputs(b, from_nobody, 1); break;
    case 26: dl4c_builder_outputs(b, from_in, 0); break;
    case 27: dl4c_builder_outputs(b, NULL, 1); break;
    case 28: dl4c_builder_param(b, "a", "W", NULL); break;
    case 29: dl4c_builder_add_text(b, "relu:angle=1", "c", from_in, 1); break;
    default: dl4c_builder_add_text(b, "a", "c", from_in, 1); break;
    }
}

static void a_wrong_call_is_told_by_finish_and_nothing_is_made(void **state)
{
    (void)state;
    static const struct {
        dl4c_status status;
        const char *says;
    } wanted[] = {
        { DL4C_E_EXISTS, "'in' already" },
        { DL4C_E_INVALID, "length 0" },
        { DL4C_E_INVALID, "9 axes" },
        { DL4C_E_INVALID, "'x'" },
        { DL4C_E_INVALID, "needs a name" },
        { DL4C_E_INVALID, "needs a name" },
        { DL4C_E_NOTFOUND, "\"convolution\"" },
        { DL4C_E_NOTFOUND, "nobody" },
        { DL4C_E_NOTFOUND, "input 0 of 'c'" },
        { DL4C_E_INVALID, "needs a name" },
        { DL4C_E_INVALID, "needs an input" },
        { DL4C_E_INVALID, "needs an input" },
        { DL4C_E_INVALID, "NULL" },
        { DL4C_E_NOTFOUND, "no operator" },
        { DL4C_E_INVALID, "units" },
        { DL4C_E_INVALID, "type 77" },
        { DL4C_E_INVALID, "no value" },
        { DL4C_E_INVALID, "units is 0" },
        { DL4C_E_NOTFOUND, "nobody" },
        { DL4C_E_INVALID, "NULL" },
        { DL4C_E_NOTFOUND, "nobody" },
        { DL4C_E_NOTFOUND, "nobody" },
        { DL4C_E_VERSION, "0x40" },
        { DL4C_E_INVALID, "no number of outputs" },
        { DL4C_E_INVALID, "cannot have 0" },
        { DL4C_E_NOTFOUND, "nobody" },
        { DL4C_E_INVALID, "needs an output" },
        { DL4C_E_INVALID, "needs an output" },
        { DL4C_E_INVALID, "is NULL" },
        { DL4C_E_INVALID, "angle" },
        { DL4C_E_NOTFOUND, "no operator \"a\"" },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_builder *b = begin();
        dl4c_graph *g = (dl4c_graph *)(void *)&g;
        dl4c_builder_add_text(b, "conv2d:units=3,kernel=3", "a", from_in, 1);
        call(b, (int)i);
        dl4c_builder_add_text(b, "sigmoid", "later", from_nobody, 1); /* the first failure stays */
        const dl4c_status status = dl4c_builder_finish(&b, &g, &err);
        if (status != wanted[i].status || err.status != status || !strstr(err.message, wanted[i].says))
            fail_msg("call %d: %s \"%s\", wanted %s with \"%s\"", (int)i, dl4c_status_name(status), err.message,
                     dl4c_status_name(wanted[i].status), wanted[i].says);
        assert_null(g);
        assert_null(b);
    }
    dl4c_graph *g = NULL;
    dl4c_builder *none = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_builder_finish(&none, &g, &err), DL4C_E_INVALID);
    dl4c_builder_destroy(&none);
    dl4c_builder_freeze(NULL, "a"); /* no builder: nothing happens, as after a failure */
}

/* A vertex that was taken out and put back with inputs of later vertices: the order is found, or the circle told. */
static void vertices_are_sorted_and_circles_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (int circle = 0; circle < 2; circle++) {
        dl4c_graph *g = chain(), *edited = NULL;
        dl4c_builder *b = NULL;
        assert_int_equal(dl4c_builder_create(NULL, g, &b, NULL), DL4C_OK);
        dl4c_builder_remove(b, "b", DL4C_KEEP_CONNECTIONS); /* d still reads b, which stands before what it will read */
        dl4c_builder_add_text(b, "tanh", "late", circle ? (const char *const[]){ "d" } : from_a, 1);
        dl4c_builder_add_text(b, "sigmoid", "b", (const char *const[]){ "late" }, 1);
        const char *const out[] = { "d" };
        dl4c_builder_outputs(b, out, 1);
        const dl4c_status status = dl4c_builder_finish(&b, &edited, &err);
        if (circle) {
            assert_int_equal(status, DL4C_E_INVALID);
            assert_non_null(strstr(err.message, "depends on itself"));
            assert_null(edited);
        } else {
            if (status != DL4C_OK)
                fail_msg("%s", err.message);
            int32_t late, back, last;
            assert_int_equal(dl4c_graph_find(edited, "late", &late, NULL), DL4C_OK);
            assert_int_equal(dl4c_graph_find(edited, "b", &back, NULL), DL4C_OK);
            assert_int_equal(dl4c_graph_find(edited, "d", &last, NULL), DL4C_OK);
            assert_true(late < back && back < last);
            dl4c_session *s = NULL;
            assert_int_equal(dl4c_session_create(NULL, edited, NULL, &s, &err), DL4C_OK); /* and it can be planned */
            dl4c_session_destroy(&s);
        }
        dl4c_graph_destroy(&edited);
        dl4c_graph_destroy(&g);
    }
}

static void a_hole_that_nobody_fills_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = chain(), *edited = NULL;
    dl4c_builder *b = NULL;
    assert_int_equal(dl4c_builder_create(NULL, g, &b, NULL), DL4C_OK);
    dl4c_builder_remove(b, "b", DL4C_KEEP_CONNECTIONS);
    assert_int_equal(dl4c_builder_finish(&b, &edited, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'b'"));
    assert_null(edited);
    dl4c_graph_destroy(&g);
}

/* Freezing goes up to the inputs, thawing down to the outputs. */
static void freezing_and_thawing_follow_the_edges(void **state)
{
    (void)state;
    dl4c_graph *g = chain(), *frozen = NULL, *thawed = NULL;
    dl4c_builder *b = NULL;
    struct dl4c_vertex v = DL4C_VERTEX_INIT;
    int32_t i;
    int64_t all, trainable, still;
    assert_int_equal(dl4c_builder_create(NULL, g, &b, NULL), DL4C_OK);
    dl4c_builder_freeze(b, "d");
    assert_int_equal(dl4c_builder_finish(&b, &frozen, NULL), DL4C_OK);
    dl4c_graph_param_count(frozen, &all, &trainable, NULL);
    assert_true(all > 0);
    assert_int_equal(trainable, 0);
    assert_int_equal(dl4c_builder_create(NULL, frozen, &b, NULL), DL4C_OK);
    dl4c_builder_unfreeze(b, "b");
    assert_int_equal(dl4c_builder_finish(&b, &thawed, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_find(thawed, "a", &i, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_vertex(thawed, i, &v, NULL), DL4C_OK);
    assert_true(v.frozen);
    assert_int_equal(dl4c_graph_find(thawed, "d", &i, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_vertex(thawed, i, &v, NULL), DL4C_OK);
    assert_false(v.frozen);
    dl4c_graph_param_count(thawed, &all, &still, NULL);
    assert_int_equal(still, 3 * 36 * 4 + 4); /* d's alone */
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&frozen);
    dl4c_graph_destroy(&thawed);
}

static dl4c_tensor *image(int64_t n, float scale)
{
    const int64_t shape[] = { n, 2, 6, 6 };
    dl4c_tensor *x = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &x, NULL), DL4C_OK);
    float *f = dl4c_tensor_data(x);
    for (int64_t i = 0; i < n * 72; i++)
        f[i] = scale * (float)(i * 29 % 23 - 11);
    return x;
}

static void a_session_works_in_memory_of_the_callers(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_graph *g = chain();
    dl4c_session *own = NULL, *lent = NULL;
    dl4c_tensor *x = image(3, 0.1f), *y[2] = { NULL };
    o.batch = 3;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &own, &err), DL4C_OK);
    const size_t need = dl4c_session_bytes(own);
    char *memory = aligned_alloc(64, (need + 127) / 64 * 64);
    o.arena = memory;
    o.arena_bytes = need - 1;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &lent, &err), DL4C_E_LIMIT);
    assert_null(lent);
    o.arena = memory + 4;
    o.arena_bytes = need;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &lent, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "aligned"));
    o.arena = memory;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &lent, &err), DL4C_OK);
    assert_int_equal(dl4c_session_bytes(lent), need);
    assert_int_equal(dl4c_session_output(lent, 0, &y[1], &err), DL4C_E_STATE); /* it has not run */
    assert_null(y[1]);
    assert_int_equal(dl4c_session_run(own, &x, 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_run(lent, &x, 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(own, 0, &y[0], &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(lent, 0, &y[1], &err), DL4C_OK);
    const char *at = dl4c_tensor_data_const(y[1]);
    assert_true(at >= memory && at < memory + need);
    assert_memory_equal(dl4c_tensor_data_const(y[0]), at, 12 * sizeof(float));
    dl4c_session_destroy(&lent);
    dl4c_session_destroy(&own);
    free(memory);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
}

static void outputs_are_written_where_they_are_bound(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_graph *g = chain();
    dl4c_session *s = NULL;
    const int64_t shape[] = { 3, 4 }, small[] = { 2, 4 };
    float mine[12];
    dl4c_tensor *x = image(3, 0.1f), *two = image(2, 0.3f), *y = NULL, *to = NULL, *narrow = NULL, *locked = NULL, *ints = NULL;
    o.batch = 3;
    memset(mine, 0x5a, sizeof mine);
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, mine, 0, NULL, NULL, &to, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, mine, DL4C_WRAP_READ_ONLY, NULL, NULL, &locked, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, small, 2, &narrow, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I32, shape, 2, &ints, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_bind(s, 1, to, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_bind(s, 0, narrow, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_bind(s, 0, ints, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_bind(s, 0, locked, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "12 values"));
    assert_int_equal(dl4c_session_bind(s, 0, to, &err), DL4C_OK);
    dl4c_tensor_unref(&to); /* the session keeps it */
    assert_int_equal(dl4c_session_run(s, &x, 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, &err), DL4C_OK);
    assert_memory_equal(mine, dl4c_tensor_data_const(y), sizeof mine);
    float third[4];
    memcpy(third, mine + 8, sizeof third);
    assert_int_equal(dl4c_session_run(s, &two, 1, &err), DL4C_OK); /* two rows: the third stays */
    assert_memory_equal(mine, dl4c_tensor_data_const(y), 8 * sizeof(float));
    assert_memory_equal(mine + 8, third, sizeof third);
    assert_int_equal(dl4c_tensor_dim(y, 0), 2);
    assert_int_equal(dl4c_session_bind(s, 0, NULL, &err), DL4C_OK); /* no more */
    memset(mine, 0x5a, sizeof mine);
    assert_int_equal(dl4c_session_run(s, &x, 1, &err), DL4C_OK);
    assert_true(memcmp(mine, third, 4) != 0 && ((unsigned char *)mine)[47] == 0x5a);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&two);
    dl4c_tensor_unref(&narrow);
    dl4c_tensor_unref(&locked);
    dl4c_tensor_unref(&ints);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void inputs_that_do_not_fit_are_refused_and_strided_ones_taken(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_graph *g = chain();
    dl4c_session *s = NULL;
    dl4c_tensor *three = image(3, 0.1f), *two = image(2, 0.1f), *doubles = NULL, *y = NULL, *apart = NULL, *none = NULL;
    const int64_t shape[] = { 1, 2, 6, 6 };
    float whole[12];
    o.batch = 2;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F64, shape, 4, &doubles, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, &err), DL4C_OK);
    assert_int_equal(dl4c_session_run(NULL, &two, 1, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_run(s, &three, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "3 rows, wanted 1 to 2"));
    assert_int_equal(dl4c_session_run(s, &doubles, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "wanted f32"));
    assert_int_equal(dl4c_session_run(s, &none, 1, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_run(s, NULL, 1, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_run(s, &two, 2, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_output(s, 7, &y, &err), DL4C_E_INVALID);
    assert_null(y);
    /* Rows 0 and 2 of three, which lie apart, give what they give alone. */
    assert_int_equal(dl4c_tensor_slice(three, 0, 0, 3, 2, &apart, &err), DL4C_OK);
    assert_int_equal(dl4c_session_run(s, &apart, 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, &err), DL4C_OK);
    memcpy(whole, dl4c_tensor_data_const(y), 8 * sizeof(float));
    for (int64_t r = 0; r < 3; r += 2) {
        dl4c_tensor *row = NULL;
        assert_int_equal(dl4c_tensor_slice(three, 0, r, r + 1, 1, &row, &err), DL4C_OK);
        assert_int_equal(dl4c_session_run(s, &row, 1, &err), DL4C_OK);
        assert_memory_equal(dl4c_tensor_data_const(y), whole + r / 2 * 4, 4 * sizeof(float));
        dl4c_tensor_unref(&row);
    }
    struct dl4c_shape in, out;
    assert_int_equal(dl4c_session_input_count(s), 1);
    assert_int_equal(dl4c_session_output_count(s), 1);
    assert_int_equal(dl4c_session_input_shape(s, 0, &in, &err), DL4C_OK);
    assert_true(in.rank == 3 && in.dim[0] == 2 && in.dim[2] == 6);
    assert_int_equal(dl4c_session_output_shape(s, 0, &out, &err), DL4C_OK);
    assert_true(out.rank == 1 && out.dim[0] == 4);
    assert_int_equal(dl4c_session_input_shape(s, 1, &in, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_output_shape(s, -1, &out, &err), DL4C_E_INVALID);
    dl4c_session_destroy(&s);
    struct {
        struct dl4c_session_options o;
        dl4c_status status;
    } wrong[] = {
        { { .batch = -1 }, DL4C_E_INVALID },
        { { .threads = -1 }, DL4C_E_INVALID },
        { { .precision = 99 }, DL4C_E_INVALID },
        { { .flags = 1 << 20 }, DL4C_E_VERSION },
        { { .outputs = from_a, .n_outputs = 0 }, DL4C_E_INVALID },
        { { .outputs = from_nothing, .n_outputs = 1 }, DL4C_E_INVALID },
        { { .outputs = from_nobody, .n_outputs = 1 }, DL4C_E_NOTFOUND },
        { { .input_shapes = &in, .n_input_shapes = 2 }, DL4C_E_INVALID },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        s = (dl4c_session *)(void *)&s;
        wrong[i].o.struct_size = sizeof wrong[i].o;
        if (dl4c_session_create(NULL, g, &wrong[i].o, &s, &err) != wrong[i].status || err.status != wrong[i].status)
            fail_msg("options %d: %s", (int)i, err.message);
        assert_null(s);
    }
    assert_int_equal(dl4c_session_create(NULL, NULL, NULL, &s, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_session_create(NULL, g, NULL, NULL, &err), DL4C_E_INVALID);
    dl4c_tensor_unref(&three);
    dl4c_tensor_unref(&two);
    dl4c_tensor_unref(&doubles);
    dl4c_tensor_unref(&apart);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_call_is_told_by_finish_and_nothing_is_made),
        cmocka_unit_test(vertices_are_sorted_and_circles_refused),
        cmocka_unit_test(a_hole_that_nobody_fills_is_refused),
        cmocka_unit_test(freezing_and_thawing_follow_the_edges),
        cmocka_unit_test(a_session_works_in_memory_of_the_callers),
        cmocka_unit_test(outputs_are_written_where_they_are_bound),
        cmocka_unit_test(inputs_that_do_not_fit_are_refused_and_strided_ones_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
