/* SPDX-License-Identifier: Apache-2.0 */
/* Small networks and examples that can be told apart. */
#include "train/toy.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

dl4c_graph *toy_graph(dl4c_context *ctx, const int64_t *shape, int32_t rank, const char *const *specs, int32_t n)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char name[16], before[16] = "in";
    assert_int_equal(dl4c_builder_create(ctx, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "in", shape, rank);
    for (int32_t i = 0; i < n; i++) {
        const char *from = before;
        snprintf(name, sizeof name, "v%d", (int)i);
        dl4c_builder_add_text(b, specs[i], name, &from, 1);
        snprintf(before, sizeof before, "%s", name);
    }
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    return g;
}

dl4c_graph *toy_head(dl4c_context *ctx)
{
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { "output:units=3,activation=softmax" };
    return toy_graph(ctx, shape, 1, specs, 1);
}

void toy_values(uint64_t seed, int64_t n, float *v)
{
    struct dli_rng r;
    dli_rng_init(&r, seed, 77);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(2 * dli_rng_uniform(&r) - 1);
}

void toy_examples(int64_t n, uint64_t seed, const int *shares, float *x, int64_t *labels)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i % TOY_CLASSES;
        if (shares)
            for (c = 0; c < TOY_CLASSES - 1; c++) {
                int below = 0;
                for (int64_t k = 0; k <= c; k++)
                    below += shares[k];
                if (i % 10 < below)
                    break;
            }
        if (labels)
            labels[i] = c;
        if (!x)
            continue;
        toy_values(seed * 1000003 + (uint64_t)i, TOY_FEATURES, x + i * TOY_FEATURES);
        for (int k = 0; k < TOY_FEATURES; k++)
            x[i * TOY_FEATURES + k] = x[i * TOY_FEATURES + k] * 0.5f + (k == c ? 2.0f : 0.0f);
    }
}

dl4c_source *toy_source(dl4c_context *ctx, int64_t n, uint64_t seed)
{
    const int64_t shape[] = { n, TOY_FEATURES };
    dl4c_tensor *x = NULL, *labels = NULL;
    dl4c_source *s = NULL;
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_I64, shape, 1, &labels, NULL), DL4C_OK);
    toy_examples(n, seed, NULL, dl4c_tensor_data(x), dl4c_tensor_data(labels));
    assert_int_equal(dl4c_source_tensors(ctx, x, labels, TOY_CLASSES, &s, NULL), DL4C_OK);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
    return s;
}

dl4c_tensor *toy_f32(float *v, int64_t n, const int64_t *shape, int32_t rank)
{
    int64_t dims[DL4C_MAX_RANK] = { n };
    dl4c_tensor *t = NULL;
    for (int32_t i = 0; i < rank; i++)
        dims[i + 1] = shape[i];
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, dims, NULL, rank + 1, v, 0, NULL, NULL, &t, NULL), DL4C_OK);
    return t;
}

dl4c_tensor *toy_i64(int64_t *v, int64_t n)
{
    dl4c_tensor *t = NULL;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I64, &n, NULL, 1, v, 0, NULL, NULL, &t, NULL), DL4C_OK);
    return t;
}

dl4c_tensor *toy_params(dl4c_trainer *t)
{
    dl4c_tensor *p = NULL;
    assert_int_equal(dl4c_trainer_params(t, &p, NULL), DL4C_OK);
    return p;
}
