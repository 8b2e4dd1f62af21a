/* SPDX-License-Identifier: Apache-2.0 */
/* The way back through whole graphs: gradients against finite differences, frozen parts, parameters of one's own. */
#include "graph/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

/* Two branches that meet again, so that a value is read twice and gradients add up. */
static dl4c_graph *branches(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 4 };
    const char *in[] = { "in" }, *a[] = { "a" }, *c[] = { "c" }, *d[] = { "d" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_add_text(b, "dense:units=6", "a", in, 1);
    dl4c_builder_add_text(b, "dense:units=6,activation=softmax", "c", a, 1);
    dl4c_builder_add_text(b, "dense:units=6,activation=relu", "d", c, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=negative_log_likelihood", "one", d, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=identity,loss=mse", "two", c, 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return g;
}

/* 0.5 * |a|^2 of all outputs, whose gradient is a. */
static double loss(const struct dli_tape *t, int64_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < t->n_outputs; k++) {
        const float *a = dli_tape_a(t, k);
        for (int64_t i = 0; i < n * t->outputs[k].floats; i++)
            sum += 0.5 * (double)a[i] * (double)a[i];
    }
    return sum;
}

static void gradients_agree_with_differences(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = branches();
    struct dli_tape *t;
    const struct dli_tape_options o = { .batch = 5 };
    if (dli_tape_create(NULL, g, &o, &t, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    assert_int_equal(dli_tape_store_gradients(t, &err), DL4C_OK);
    assert_int_equal(dli_tape_own(t, &err), DL4C_OK);
    float x[5 * 4];
    for (int i = 0; i < 20; i++)
        x[i] = (float)(i * 7 % 13 - 6) * 0.2f;
    const float *inputs[] = { x };
    dli_tape_forward(t, 5, inputs, true, 1, 1);
    for (int32_t k = 0; k < t->n_outputs; k++) {
        memcpy(dli_tape_da(t, k), dli_tape_a(t, k), (size_t)(5 * t->outputs[k].floats) * sizeof(float));
        t->outputs[k].gave_dz = false;
    }
    dli_tape_backward(t, 5, 1, 1);
    float *w = t->params->data;
    const float *grad = t->grads->data;
    double largest = 0;
    for (int64_t i = 0; i < t->n_params; i++)
        largest = fmax(largest, fabs((double)grad[i]));
    assert_true(largest > 0.01);
    for (int64_t i = 0; i < t->n_params; i++) {
        const float before = w[i], h = 1e-2f;
        w[i] = before + h;
        dli_tape_forward(t, 5, inputs, true, 1, 1);
        const double up = loss(t, 5);
        w[i] = before - h;
        dli_tape_forward(t, 5, inputs, true, 1, 1);
        const double down = loss(t, 5);
        w[i] = before;
        /* The difference of float sums near 1 carries 1e-7 / 2e-2, the third derivative h^2: together below 1e-3. */
        if (fabs((up - down) / (2 * (double)h) - (double)grad[i]) > 2e-3 * (1 + largest))
            fail_msg("parameter %d: difference %g, gradient %g", (int)i, (up - down) / (2 * (double)h), (double)grad[i]);
    }
    dli_tape_destroy(t);
    dl4c_graph_destroy(&g);
}

static void training_takes_parameters_of_its_own(void **state)
{
    (void)state;
    dl4c_graph *g = branches(), *clone = NULL;
    assert_int_equal(dl4c_graph_clone(g, &clone, NULL), DL4C_OK);
    struct dli_tape *t;
    const struct dli_tape_options o = { .batch = 1 };
    assert_int_equal(dli_tape_create(NULL, clone, &o, &t, NULL), DL4C_OK);
    assert_int_equal(dli_tape_own(t, NULL), DL4C_OK);
    dl4c_tensor *before = NULL, *after = NULL;
    assert_int_equal(dl4c_graph_param(g, "a", "W", &before, NULL), DL4C_OK);
    ((float *)t->params->data)[0] += 1;
    assert_int_equal(dl4c_graph_param(clone, "a", "W", &after, NULL), DL4C_OK);
    assert_true(*(const float *)dl4c_tensor_data_const(after) == *(const float *)dl4c_tensor_data_const(before) + 1);
    /* Somebody looks at the parameters: the next step leaves those alone. */
    const void *old = t->params->data;
    assert_int_equal(dli_tape_own(t, NULL), DL4C_OK);
    assert_ptr_not_equal(t->params->data, old);
    dl4c_tensor_unref(&before);
    dl4c_tensor_unref(&after);
    old = t->params->data;
    assert_int_equal(dli_tape_own(t, NULL), DL4C_OK);
    assert_ptr_equal(t->params->data, old);
    dli_tape_destroy(t);
    dl4c_graph_destroy(&clone);
    dl4c_graph_destroy(&g);
}

static void a_frozen_graph_has_nothing_to_train(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = branches(), *frozen = NULL;
    dl4c_builder *b = NULL;
    assert_int_equal(dl4c_builder_create(NULL, g, &b, NULL), DL4C_OK);
    dl4c_builder_freeze(b, "one");
    dl4c_builder_freeze(b, "two");
    assert_int_equal(dl4c_builder_finish(&b, &frozen, &err), DL4C_OK);
    struct dli_tape *t = NULL;
    const struct dli_tape_options o = { .batch = 1 };
    assert_int_equal(dli_tape_create(NULL, frozen, &o, &t, &err), DL4C_E_INVALID);
    assert_null(t);
    dl4c_graph_destroy(&frozen);
    dl4c_graph_destroy(&g);
}

/* in -> conv -> pool -> [dropout ->] head; frozen up to the pool. Returns how many steps stand for conv and pool. */
static int32_t steps_of_frozen_part(const char *between, bool freeze)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 16, 12, 12 };
    const char *in[] = { "in" }, *conv[] = { "conv" }, *pool[] = { "pool" }, *noise[] = { "noise" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 3);
    if (between)
        dl4c_builder_add_text(b, between, "noise", in, 1);
    dl4c_builder_add_text(b, "conv2d:units=16,kernel=3,mode=same,activation=relu", "conv", between ? noise : in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "pool", conv, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=negative_log_likelihood", "out", pool, 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    if (freeze) {
        dl4c_graph *frozen = NULL;
        assert_int_equal(dl4c_builder_create(NULL, g, &b, &err), DL4C_OK);
        /* Freezing the pool freezes what it depends on; with noise only the two above it are. */
        dl4c_builder_freeze(b, "pool");
        if (between)
            dl4c_builder_unfreeze(b, "noise");
        if (dl4c_builder_finish(&b, &frozen, &err) != DL4C_OK)
            fail_msg("%s: %s", err.origin, err.message);
        dl4c_graph_destroy(&g);
        g = frozen;
    }
    struct dli_tape *t;
    const struct dli_tape_options o = { .batch = 4 };
    if (dli_tape_create(NULL, g, &o, &t, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    int32_t steps = 0;
    const struct dli_plan *p = t->plan;
    for (int32_t i = 0; i < p->n_steps; i++) {
        const char *name = p->graph->vertices[p->steps[i].vertex].name;
        steps += p->steps[i].kind == DLI_STEP_OP && (strcmp(name, "conv") == 0 || strcmp(name, "pool") == 0);
    }
    dli_tape_destroy(t);
    dl4c_graph_destroy(&g);
    return steps;
}

static void what_no_gradient_reaches_is_fused_as_in_inference(void **state)
{
    (void)state;
    assert_int_equal(steps_of_frozen_part(NULL, true), 1);
    assert_int_equal(steps_of_frozen_part(NULL, false), 3); /* convolution, activation, pooling */
    assert_int_equal(steps_of_frozen_part("dropout:p=0.5", true), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(training_takes_parameters_of_its_own),
        cmocka_unit_test(a_frozen_graph_has_nothing_to_train),
        cmocka_unit_test(what_no_gradient_reaches_is_fused_as_in_inference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
