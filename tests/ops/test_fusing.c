/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator does in one step equals the same in several steps. */
#include "op_driver.h"

#include "base/rng.h"
#include "ops/support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 3 };

static float *random_floats(uint64_t seed, int64_t n)
{
    struct dli_rng rng;
    float *v = malloc((size_t)n * sizeof *v);
    dli_rng_init(&rng, seed, 9);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(2 * dli_rng_uniform(&rng) - 1);
    return v;
}

/* One operator on plain values; returns the result, frees x. */
static float *step(const char *spec, const struct dli_shape *in, float *x, const float *addend, struct dli_shape *out)
{
    struct op_setup s;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dli_shape two[] = { *in, *in };
    assert_int_equal(op_try(NULL, spec, two, addend ? 2 : 1, out, &err), DL4C_OK);
    float *y = malloc((size_t)(ROWS * dli_row_elements(out)) * sizeof *y);
    op_setup(&s, NULL, spec);
    struct op_run r = { .setup = &s, .n_in = addend ? 2 : 1, .in = two, .rows = ROWS, .threads = 1, .x = { x, addend }, .y = y };
    op_run(&r);
    op_setup_free(&s);
    free(x);
    return y;
}

static void check(const char *spec, struct dli_shape in, int64_t weights, const char *activation, bool add, bool pool)
{
    struct op_setup conv, act = { 0 };
    struct dli_shape out, whole;
    op_setup(&conv, NULL, spec);
    if (activation)
        op_setup(&act, NULL, activation);
    assert_int_equal(op_try(NULL, spec, &in, 1, &whole, NULL), DL4C_OK);
    const struct dli_fuse fuse = { .add = add, .act = act.op, .act_attrs = act.attrs, .pool2 = pool };
    if (!conv.op->can_fuse(conv.attrs, &in, &whole, &fuse)) {
        print_message("not compared: %s does not fuse%s%s%s here\n", spec, activation ? " an activation" : "", add ? " an addition" : "",
                      pool ? " pooling" : "");
        op_setup_free(&conv);
        if (activation)
            op_setup_free(&act);
        return;
    }
    float *x = random_floats(1, ROWS * dli_row_elements(&in)), *w = random_floats(2, weights), *b = random_floats(3, whole.dim[0]);
    float *addend = random_floats(4, ROWS * dli_row_elements(&whole)), *y = malloc((size_t)(ROWS * dli_row_elements(&whole)) * sizeof *y);
    struct op_run r = { .setup = &conv, .n_in = 1, .in = &in, .rows = ROWS, .threads = 2, .x = { x }, .w = { b, w }, .y = y };
    op_run(&r);
    out = whole;
    if (add)
        y = step("add", &whole, y, addend, &out);
    if (activation)
        y = step(activation, &whole, y, NULL, &out);
    if (pool)
        y = step("max_pool", &whole, y, NULL, &out);
    const int64_t n = ROWS * dli_row_elements(&out);
    float *fused = malloc((size_t)n * sizeof *fused);
    const struct dli_shape ins[] = { in, whole };
    for (int blocked = 0; blocked < 2; blocked++) {
        struct op_run one = { .setup = &conv,
                              .n_in = 1 + add,
                              .in = ins,
                              .rows = ROWS,
                              .threads = 2,
                              .x = { x, addend },
                              .w = { b, w },
                              .y = fused,
                              .fuse = &fuse,
                              .out = &out,
                              .blocked = blocked };
        op_run(&one);
        for (int64_t i = 0; i < n; i++)
            if (!(fabsf(fused[i] - y[i]) <= 1e-5f * (1 + fabsf(y[i])))) /* the addend may enter the sum earlier */
                fail_msg("%s by %s: %g at %lld, wanted %g", spec, one.kernel, (double)fused[i], (long long)i, (double)y[i]);
    }
    free(x);
    free(w);
    free(b);
    free(addend);
    free(y);
    free(fused);
    op_setup_free(&conv);
    if (activation)
        op_setup_free(&act);
}

static void conv2d_fuses_what_follows_it(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        struct dli_shape in;
        int64_t weights;
    } t[] = {
        { "conv2d:units=32,kernel=3,padding=1", ROW3(16, 12, 10), 32 * 16 * 9 },
        { "conv2d:units=24,kernel=3,padding=1", ROW3(3, 10, 12), 24 * 3 * 9 },
        { "conv2d:units=16,kernel=1", ROW3(24, 6, 7), 16 * 24 },
        { "conv2d:units=16,kernel=3,stride=2,padding=1", ROW3(8, 9, 8), 16 * 8 * 9 },
        { "conv2d:units=16,kernel=3,padding=1,groups=16", ROW3(16, 9, 8), 16 * 9 },
        { "conv2d:units=6,kernel=3,padding=1,groups=2", ROW3(4, 9, 8), 6 * 2 * 9 },
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        check(t[i].spec, t[i].in, t[i].weights, "relu", false, false);
        check(t[i].spec, t[i].in, t[i].weights, "relu6", false, false);
        check(t[i].spec, t[i].in, t[i].weights, "clip:min=-0.5,max=0.25", true, false);
        check(t[i].spec, t[i].in, t[i].weights, "relu", true, false);
        check(t[i].spec, t[i].in, t[i].weights, NULL, true, false);
        check(t[i].spec, t[i].in, t[i].weights, "relu", false, true);
        check(t[i].spec, t[i].in, t[i].weights, NULL, false, true);
    }
}

static void conv2d_does_not_fuse_other_activations(void **state)
{
    (void)state;
    const struct dli_shape in = ROW3(16, 12, 12), out = ROW3(32, 12, 12);
    struct op_setup conv, act;
    op_setup(&conv, NULL, "conv2d:units=32,kernel=3,padding=1");
    op_setup(&act, NULL, "sigmoid");
    const struct dli_fuse fuse = { .act = act.op, .act_attrs = act.attrs };
    assert_false(conv.op->can_fuse(conv.attrs, &in, &out, &fuse));
    op_setup_free(&act);
    op_setup(&act, NULL, "relu:slope=0.1");
    const struct dli_fuse bent = { .act = act.op, .act_attrs = act.attrs };
    assert_false(conv.op->can_fuse(conv.attrs, &in, &out, &bent));
    op_setup_free(&act);
    op_setup_free(&conv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_fuses_what_follows_it),
        cmocka_unit_test(conv2d_does_not_fuse_other_activations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
