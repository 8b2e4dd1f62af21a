/* SPDX-License-Identifier: Apache-2.0 */
/* Same input, same bits, for whole networks as sessions plan them: a row of 300, in sessions for 1, 3, 16 and 300 rows on 1, 2 and 5
 * threads, with every flag, fuller and less full than planned for. */
#include "support/slow.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 33, ROWS = TEST_SLOW ? FEW : 300, HW = 10, IN = 3 * HW * HW, MOST_OUTPUTS = 3 };

static dl4c_context *ctx;
static struct dl4c_error err;

#define MUST(call)                                                                                                                         \
    do {                                                                                                                                   \
        if ((call) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s", err.origin, err.message);                                                                                   \
    } while (0)

/* Steps { text, name, inputs separated by a space } on an image of 3 x 10 x 10. */
struct step {
    const char *text, *name, *in[2];
};

/* Convolutions of every algorithm: the first layer's, Winograd's with a fused pool, 1 x 1, depthwise, strided; normalisation folded into
 * one; a fused sum; a merge; dense layers. */
static const struct step vgg_like[] = {
    { "conv2d:units=16,kernel=3,padding=1,activation=relu", "c1", { "in" } },
    { "conv2d:units=20,kernel=3,padding=1,activation=relu", "c2", { "c1" } },
    { "max_pool:kernel=2,stride=2", "p1", { "c2" } },
    { "conv2d:units=24,kernel=3,padding=1,activation=relu", "c3", { "p1" } },
    { "dense:units=40,activation=relu", "d", { "c3" } },
    { "output:units=10,activation=softmax", "out", { "d" } },
    { NULL },
};
static const struct step res_like[] = {
    { "conv2d:units=16,kernel=7,stride=2,padding=3,has_bias=false", "c1", { "in" } },
    { "batch_norm", "n1", { "c1" } },
    { "relu", "r1", { "n1" } },
    { "conv2d:units=16,kernel=3,padding=1", "c2", { "r1" } },
    { "batch_norm:activation=identity", "n2", { "c2" } },
    { "add", "sum", { "n2", "r1" } },
    { "relu", "r2", { "sum" } },
    { "conv2d:units=16,kernel=3,padding=1,groups=16,activation=relu6", "dw", { "r2" } },
    { "conv2d:units=20,kernel=1,activation=relu", "pw", { "dw" } },
    { "merge", "m", { "pw", "r2" } },
    { "avg_pool:kernel=3,stride=2,padding=1", "p", { "m" } },
    { "lrn", "l", { "p" } },
    { "global_pool", "g", { "l" } },
    { "output:units=10,activation=softmax", "out", { "g" } },
    { NULL },
};

/* Blocks of expansion, depthwise convolution and projection, that run in one pass, and padding that the next convolution adds. */
static const struct step mobile_like[] = {
    { "zero_padding:padding=0;1;0;1", "z1", { "in" } },
    { "conv2d:units=24,kernel=3,stride=2,activation=relu6", "c1", { "z1" } },
    { "conv2d:units=24,kernel=3,padding=1,groups=24,activation=relu6", "d1", { "c1" } },
    { "conv2d:units=16,kernel=1", "p1", { "d1" } },
    { "conv2d:units=40,kernel=1,activation=relu6", "e2", { "p1" } },
    { "conv2d:units=40,kernel=3,padding=1,groups=40,activation=relu6", "d2", { "e2" } },
    { "conv2d:units=16,kernel=1", "p2", { "d2" } },
    { "add", "sum", { "p2", "p1" } },
    { "conv2d:units=40,kernel=1", "e3", { "sum" } },
    { "relu6", "r3", { "e3" } },
    { "zero_padding:padding=2;1;1;2", "z3", { "r3" } },
    { "conv2d:units=40,kernel=5,stride=2,groups=40", "d3", { "z3" } },
    { "relu6", "q3", { "d3" } },
    { "conv2d:units=20,kernel=1", "p3", { "q3" } },
    { "global_pool", "g", { "p3" } },
    { "output:units=10,activation=softmax", "out", { "g" } },
    { NULL },
};

/* A fire module: both convolutions write where the merged value is. */
static const struct step fire_like[] = {
    { "conv2d:units=32,kernel=3,stride=2,activation=relu", "c1", { "in" } },
    { "conv2d:units=16,kernel=1,activation=relu", "s1", { "c1" } },
    { "conv2d:units=32,kernel=1,activation=relu", "a1", { "s1" } },
    { "conv2d:units=32,kernel=3,padding=1,activation=relu", "b1", { "s1" } },
    { "merge", "m1", { "a1", "b1" } },
    { "conv2d:units=16,kernel=1,activation=relu", "s2", { "m1" } },
    { "conv2d:units=48,kernel=1,activation=relu", "a2", { "s2" } },
    { "conv2d:units=20,kernel=3,stride=2,padding=1", "b2", { "s2" } },
    { "conv2d:units=16,kernel=3,stride=2,padding=1", "d2", { "s2" } },
    { "merge", "m2", { "d2", "b2" } },
    { "merge", "m3", { "m1", "a2" } },
    { "max_pool:kernel=3,stride=2", "p3", { "m3" } },
    { "global_pool", "g3", { "p3" } },
    { "global_pool", "g2", { "m2" } },
    { "merge", "m", { "g2", "g3" } },
    { "output:units=10,activation=softmax", "out", { "m" } },
    { NULL },
};

static dl4c_graph *network(const struct step *steps)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, HW, HW };
    MUST(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    for (; steps->text; steps++)
        dl4c_builder_add_text(b, steps->text, steps->name, steps->in, steps->in[1] ? 2 : 1);
    MUST(dl4c_builder_finish(&b, &g, &err));
    return g;
}

/* Runs rows [first, first + n) and compares with `want` (NULL members: fills them). */
static void run(dl4c_session *s, const float *x, int64_t first, int64_t n, const char *const *at, int32_t n_at, float *want[MOST_OUTPUTS],
                const char *what, int32_t threads)
{
    const int64_t shape[] = { n, 3, HW, HW };
    dl4c_tensor *t = NULL, *y = NULL;
    /* The session only reads it. */
    MUST(dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 4, (float *)(uintptr_t)(x + first * IN), DL4C_WRAP_READ_ONLY, NULL, NULL, &t, &err));
    MUST(dl4c_session_run(s, &t, 1, &err));
    for (int32_t k = 0; k < n_at; k++) {
        MUST(dl4c_session_output(s, k, &y, &err));
        const int64_t row = dl4c_tensor_size(y) / n;
        if (!want[k]) {
            assert_int_equal(first, 0);
            want[k] = malloc((size_t)(row * n) * sizeof(float));
            memcpy(want[k], dl4c_tensor_data_const(y), (size_t)(row * n) * sizeof(float));
        }
        if (memcmp(want[k] + first * row, dl4c_tensor_data_const(y), (size_t)(row * n) * sizeof(float)) != 0)
            fail_msg("%s, %s: %d rows from %d on %d threads differ", what, at[k], (int)n, (int)first, (int)threads);
    }
    dl4c_tensor_unref(&t);
}

static void check(const struct step *steps, const char *const *at, int32_t n_at, uint64_t flags, int32_t precision, const char *what)
{
    const int64_t rows = flags || precision ? FEW : ROWS, batches[] = { rows, 16, 3, 1 }; /* the first gives what is wanted */
    static const int32_t threads[] = { 1, 2, 5 };
    dl4c_graph *g = network(steps);
    float *x = malloc((size_t)ROWS * IN * sizeof *x), *want[MOST_OUTPUTS] = { NULL };
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = (float)sin(0.37 * i + 0.001 * i * (i % 7));
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
            dl4c_session *s = NULL;
            o.batch = batches[b];
            o.threads = threads[t];
            o.outputs = at;
            o.n_outputs = n_at;
            o.flags = flags;
            o.precision = precision;
            MUST(dl4c_session_create(ctx, g, &o, &s, &err));
            run(s, x, 0, batches[b], at, n_at, want, what, threads[t]);
            if (batches[b] < rows)
                run(s, x, rows - batches[b], batches[b], at, n_at, want, what, threads[t]);
            run(s, x, 7, (batches[b] + 1) / 2, at, n_at, want, what, threads[t]); /* not full */
            dl4c_session_destroy(&s);
        }
    for (int32_t k = 0; k < n_at; k++)
        free(want[k]);
    free(x);
    dl4c_graph_destroy(&g);
}

static void fusing_layers_changes_no_bit(void **state)
{
    (void)state;
    static const char *const at[] = { "out" }, *const inside[] = { "out", "e2", "z3" };
    check(mobile_like, at, 1, 0, 0, "mobilenet");
    dl4c_graph *g = network(mobile_like);
    float x[FEW * IN], *want[MOST_OUTPUTS] = { NULL };
    for (int i = 0; i < FEW * IN; i++)
        x[i] = (float)cos(0.29 * i + 0.002 * i * (i % 5));
    for (int k = 0; k < 3; k++) { /* as it comes, with vertices inside blocks asked for, and unfused */
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        dl4c_session *s = NULL;
        char *text = NULL;
        o.batch = FEW;
        o.outputs = k == 1 ? inside : at;
        o.n_outputs = k == 1 ? 3 : 1;
        o.flags = k == 2 ? DL4C_SESSION_NO_FUSION : 0;
        MUST(dl4c_session_create(ctx, g, &o, &s, &err));
        MUST(dl4c_session_describe(s, &text, &err));
        int joined = 0, padded = 0;
        for (const char *t = text; (t = strstr(t, "with the next")); t++)
            joined++;
        for (const char *t = text; (t = strstr(t, "+padding")); t++)
            padded++;
        assert_int_equal(joined, k == 0 ? 6 : k == 1 ? 4 : 0); /* c1, d1, e2, d2, e3, d3; with e2 and z3 asked for c1, d1, d2, d3 */
        assert_int_equal(padded, k == 0 ? 2 : k == 1 ? 1 : 0);
        dl4c_free(text);
        run(s, x, 0, FEW, o.outputs, 1, want, "mobilenet", 0);
        dl4c_session_destroy(&s);
    }
    free(want[0]);
    dl4c_graph_destroy(&g);
}

static void values_are_made_where_they_are_merged(void **state)
{
    (void)state;
    static const char *const at[] = { "out" }, *const inside[] = { "out", "a1", "m2" };
    check(fire_like, at, 1, 0, 0, "fire");
    dl4c_graph *g = network(fire_like);
    float x[FEW * IN], *want[MOST_OUTPUTS] = { NULL };
    for (int i = 0; i < FEW * IN; i++)
        x[i] = (float)cos(0.23 * i + 0.003 * i * (i % 5));
    for (int k = 0; k < 3; k++) { /* unfused, as it comes, and with a merged value asked for */
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        dl4c_session *s = NULL;
        char *text = NULL;
        int in_place = 0;
        o.batch = FEW;
        o.outputs = k == 2 ? inside : at;
        o.n_outputs = k == 2 ? 3 : 1;
        o.flags = k == 0 ? DL4C_SESSION_NO_FUSION : 0;
        MUST(dl4c_session_create(ctx, g, &o, &s, &err));
        MUST(dl4c_session_describe(s, &text, &err));
        for (const char *t = text; (t = strstr(t, "in its place")); t++)
            in_place++;
        assert_int_equal(in_place, k == 0 ? 0 : k == 1 ? 2 : 1); /* m1 and m2; m3 reads what has another reader */
        dl4c_free(text);
        run(s, x, 0, FEW, o.outputs, 1, want, "fire", 0);
        dl4c_session_destroy(&s);
    }
    free(want[0]);
    dl4c_graph_destroy(&g);
}

static const char *const vgg_at[] = { "out", "p1", "c3" };
static const char *const res_at[] = { "out", "r2", "m" };
static const uint64_t all_flags[] = { 0, DL4C_SESSION_LOW_MEMORY, DL4C_SESSION_NO_FUSION };

static void plain_networks_give_a_row_the_same_bits_in_any_batch(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        check(vgg_like, vgg_at, 3, all_flags[f], 0, "vgg");
    check(vgg_like, vgg_at, 1, 0, 0, "vgg, the end alone");
}

static void residual_networks_give_a_row_the_same_bits_in_any_batch(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++)
        check(res_like, res_at, 3, all_flags[f], 0, "resnet");
    check(res_like, res_at, 1, 0, 0, "resnet, the end alone");
}

static void so_they_do_in_every_precision(void **state)
{
    (void)state;
    for (int32_t p = DL4C_PRECISION_BF16_WEIGHTS; dl4c_precision_name(p); p++)
        if (dl4c_precision_check(p, NULL) == DL4C_OK) {
            check(vgg_like, vgg_at, 3, 0, p, dl4c_precision_name(p));
            check(res_like, res_at, 3, 0, p, dl4c_precision_name(p));
            check(mobile_like, vgg_at, 1, 0, p, dl4c_precision_name(p));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_networks_give_a_row_the_same_bits_in_any_batch),
        cmocka_unit_test(residual_networks_give_a_row_the_same_bits_in_any_batch),
        cmocka_unit_test(fusing_layers_changes_no_bit),
        cmocka_unit_test(values_are_made_where_they_are_merged),
        cmocka_unit_test(so_they_do_in_every_precision),
    };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = 5;
    if (dl4c_context_create(&o, &ctx, NULL) != DL4C_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dl4c_context_destroy(&ctx);
    return failed;
}
