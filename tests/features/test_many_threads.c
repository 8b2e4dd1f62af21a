/* SPDX-License-Identifier: Apache-2.0 */
/* Threads change no bit: a run, featurizing and training in contexts of 1, 2, 5 and 64 threads, far more than there are cores or tasks. */
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 20, CHANNELS = 3, ROWS = 9, IN = CHANNELS * SIDE * SIDE, EPOCHS = 2 };
static const int32_t counts[] = { 1, 2, 5, 64 };
enum { COUNTS = sizeof counts / sizeof *counts };

static char base[256], dir[512];
static float images[ROWS * IN];
static struct dl4c_error err;
#define MUST(call)                                                   \
    do {                                                             \
        if ((call) != DL4C_OK)                                       \
            fail_msg("%s: %s: %s", #call, err.origin, err.message);  \
    } while (0)

static int make(void **state)
{
    (void)state;
    photos_dir(base, sizeof base);
    photos_mkdir(base, "photos");
    snprintf(dir, sizeof dir, "%s/photos", base);
    photos_classes(dir, 6);
    for (int i = 0; i < ROWS * IN; i++)
        images[i] = (float)((i * 7 + i / 31 * 13) % 101) / 50.0f - 1.0f;
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(base);
    return 0;
}

static dl4c_context *context_of(int32_t threads)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.threads = threads;
    MUST(dl4c_context_create(&o, &ctx, &err));
    assert_int_equal(dl4c_context_threads(ctx), threads);
    return ctx;
}

/* Few channels, Winograd with a fused pool, direct, 1x1, depthwise, dense: what splits its work in ways of its own. */
static dl4c_graph *network(dl4c_context *ctx)
{
    static const char *const steps[] = { "conv2d:units=16,kernel=3,padding=1,activation=relu",
                                         "conv2d:units=32,kernel=3,padding=1,activation=relu",
                                         "max_pool:kernel=2,stride=2",
                                         "conv2d:units=32,kernel=5,padding=2,stride=2,activation=relu",
                                         "conv2d:units=32,kernel=3,padding=1,groups=32",
                                         "conv2d:units=48,kernel=1,activation=relu",
                                         "batch_norm",
                                         "dense:units=70,activation=relu,dropout=0.7",
                                         "output:units=3,activation=softmax" };
    const int64_t shape[] = { CHANNELS, SIDE, SIDE };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char name[2][16] = { "in", "" };
    MUST(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *in = name[i % 2];
        snprintf(name[(i + 1) % 2], sizeof *name, "v%d", (int)i);
        dl4c_builder_add_text(b, steps[i], name[(i + 1) % 2], &in, 1);
    }
    MUST(dl4c_builder_finish(&b, &g, &err));
    return g;
}

/* What a session answers for all images, in memory that the caller frees. */
static float *answers(dl4c_context *ctx, dl4c_graph *g, int64_t *n)
{
    const int64_t shape[] = { ROWS, CHANNELS, SIDE, SIDE };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    o.batch = ROWS;
    MUST(dl4c_session_create(ctx, g, &o, &s, &err));
    MUST(dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 4, images, DL4C_WRAP_READ_ONLY, NULL, NULL, &x, &err));
    MUST(dl4c_session_run(s, &x, 1, &err));
    MUST(dl4c_session_output(s, 0, &y, &err));
    *n = dl4c_tensor_size(y);
    float *v = malloc((size_t)*n * sizeof *v);
    memcpy(v, dl4c_tensor_data_const(y), (size_t)*n * sizeof *v);
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
    return v;
}

static dl4c_reader *open_photos(dl4c_context *ctx, dl4c_graph *g, int32_t threads)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    o.for_graph = g;
    o.preprocess = "scale01";
    o.threads = threads;
    MUST(dl4c_reader_open(ctx, dir, &o, &r, &err));
    return r;
}

static void runs_and_training_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    float *before = NULL, *after = NULL;
    int64_t n = 0;
    for (int t = 0; t < COUNTS; t++) {
        dl4c_context *ctx = context_of(counts[t]);
        dl4c_graph *g = network(ctx);
        float *first = answers(ctx, g, &n);
        dl4c_reader *r = open_photos(ctx, g, counts[t]);
        struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
        o.epochs = EPOCHS;
        o.batch = 7;
        MUST(dl4c_fit(g, dl4c_reader_source(r), &o, &err));
        float *trained = answers(ctx, g, &n);
        if (t == 0) {
            before = first;
            after = trained;
            assert_true(memcmp(first, trained, (size_t)n * sizeof *first) != 0);
        } else {
            if (memcmp(first, before, (size_t)n * sizeof *first) != 0)
                fail_msg("a run on %d threads differs", (int)counts[t]);
            if (memcmp(trained, after, (size_t)n * sizeof *trained) != 0)
                fail_msg("training on %d threads differs", (int)counts[t]);
            free(first);
            free(trained);
        }
        dl4c_reader_close(&r);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
    free(before);
    free(after);
}

static void stores_have_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    unsigned char *want = NULL;
    size_t size = 0;
    for (int t = 0; t < COUNTS; t++) {
        char out[600], name[700];
        dl4c_context *ctx = context_of(counts[t]);
        dl4c_graph *g = network(ctx), *trunk = NULL;
        const char *at = "v5";
        MUST(dl4c_graph_split(g, &at, 1, NULL, &trunk, NULL, &err));
        dl4c_reader *r = open_photos(ctx, trunk, counts[t]);
        struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
        o.batch = 1 + t * 3;
        snprintf(out, sizeof out, "%s/store%d", base, t);
        MUST(dl4c_featurize(trunk, r, out, &o, &err));
        snprintf(name, sizeof name, "%s/features-00000.safetensors", out);
        size_t n;
        unsigned char *bytes = photos_read(name, &n);
        if (t == 0) {
            want = bytes;
            size = n;
        } else {
            if (n != size || memcmp(bytes, want, n) != 0)
                fail_msg("features of %d threads differ", (int)counts[t]);
            free(bytes);
        }
        dl4c_reader_close(&r);
        dl4c_graph_destroy(&trunk);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
    assert_true(size > 1000);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_training_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(stores_have_the_same_bytes_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
