/* SPDX-License-Identifier: Apache-2.0 */
/* Networks whose file has the channels of images last take rows as the file has them and rows as readers of images give them. */
#include "graph/graph.h"
#include "train/toy.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { N = 6, C = 2, H = 4, W = 6, CLASSES = 3, ROW = C * H * W };

static dl4c_graph *network(bool open)
{
    static const char *const steps[][3] = {
        { "conv2d:units=3,kernel=3x3,activation=relu", "c", "in" },
        { "global_pool:type=avg", "p", "c" },
        { "output:units=3,activation=softmax", "out", "p" },
    };
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { C, open ? -1 : H, open ? -1 : W };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 3);
    dli_builder_input_nhwc(b, "in");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        dl4c_builder_add_text(b, steps[i][0], steps[i][1], &steps[i][2], 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return g;
}

/* The same images, [n, h, w, c] or [n, c, h, w]. */
static dl4c_source *images(bool first)
{
    float pixels[N * ROW], rows[N * ROW];
    int64_t labels[N];
    toy_values(5, N * ROW, pixels);
    for (int64_t i = 0; i < N; i++) {
        labels[i] = i % CLASSES;
        for (int64_t p = 0; p < H * W; p++)
            for (int64_t c = 0; c < C; c++)
                rows[i * ROW + (first ? c * H * W + p : p * C + c)] = pixels[i * ROW + p * C + c];
    }
    const int64_t last_shape[] = { H, W, C }, first_shape[] = { C, H, W };
    dl4c_tensor *x = toy_f32(rows, N, first ? first_shape : last_shape, 3), *y = toy_i64(labels, N), *x2 = NULL, *y2 = NULL;
    dl4c_source *s = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, dl4c_tensor_shape(x), 4, &x2, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I64, dl4c_tensor_shape(y), 1, &y2, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(x2, x, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(y2, y, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_tensors(NULL, x2, y2, CLASSES, &s, NULL), DL4C_OK);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&x2);
    dl4c_tensor_unref(&y2);
    return s;
}

static char *trained(bool open, bool first)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = network(open);
    dl4c_source *s = images(first), *validation = images(first);
    char *digest = NULL;
    o.epochs = 2;
    o.batch = 4;
    o.validation = validation;
    if (dl4c_fit(g, s, &o, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    assert_int_equal(dl4c_graph_digest(g, &digest, NULL), DL4C_OK);
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&validation);
    dl4c_graph_destroy(&g);
    return digest;
}

static void training_gives_the_same_bits_in_both_layouts(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        char *last = trained(open, false), *first = trained(open, true);
        assert_string_equal(last, first);
        dl4c_free(last);
        dl4c_free(first);
    }
}

static void the_validation_source_has_the_layout_of_the_source(void **state)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = network(false);
    dl4c_source *s = images(false), *validation = images(true);
    (void)state;
    o.validation = validation;
    assert_int_equal(dl4c_fit(g, s, &o, NULL), DL4C_E_INVALID);
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&validation);
    dl4c_graph_destroy(&g);
}

static char *evaluated(dl4c_graph *g, bool first)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_source *s = images(first);
    dl4c_evaluation *e = NULL;
    char *stats = NULL;
    if (dl4c_evaluate(g, s, NULL, &e, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    assert_int_equal(dl4c_evaluation_stats(e, 0, &stats, NULL), DL4C_OK);
    dl4c_evaluation_destroy(&e);
    dl4c_source_destroy(&s);
    return stats;
}

static void evaluation_counts_the_same_in_both_layouts(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        dl4c_graph *g = network(open);
        char *last = evaluated(g, false), *first = evaluated(g, true);
        assert_string_equal(last, first);
        dl4c_free(last);
        dl4c_free(first);
        dl4c_graph_destroy(&g);
    }
}

static void behind_a_frozen_part_both_layouts_give_the_same_features(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *freeze[] = { "p" };
    dl4c_graph *g = network(true);
    dl4c_transfer *t = NULL;
    struct dl4c_batch a = DL4C_BATCH_INIT, b = DL4C_BATCH_INIT;
    dl4c_source *from[2], *features[2] = { NULL, NULL };
    (void)state;
    assert_int_equal(dl4c_transfer_create(g, freeze, 1, &t, NULL), DL4C_OK);
    for (int i = 0; i < 2; i++) {
        from[i] = images(i == 1);
        if (dl4c_transfer_featurize(t, from[i], NULL, &features[i], &err) != DL4C_OK)
            fail_msg("%s: %s", err.origin, err.message);
        assert_int_equal(dl4c_source_reset(features[i], 0, 0, 0, NULL), DL4C_OK);
    }
    assert_int_equal(dl4c_source_next(features[0], N, &a, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_next(features[1], N, &b, NULL), DL4C_OK);
    assert_true(a.n == N && b.n == N);
    assert_memory_equal(a.x, b.x, (size_t)N * 3 * sizeof(float));
    for (int i = 0; i < 2; i++) {
        dl4c_source_destroy(&features[i]);
        dl4c_source_destroy(&from[i]);
    }
    dl4c_transfer_destroy(&t);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_gives_the_same_bits_in_both_layouts),
        cmocka_unit_test(the_validation_source_has_the_layout_of_the_source),
        cmocka_unit_test(evaluation_counts_the_same_in_both_layouts),
        cmocka_unit_test(behind_a_frozen_part_both_layouts_give_the_same_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
