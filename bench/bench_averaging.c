/* SPDX-License-Identifier: Apache-2.0 */
/* Training by parameter averaging: epochs over examples in memory, so many workers, averaged every so many minibatches.
 *
 *     bench_averaging [--network head|conv] [--workers N] [--frequency K] [--batch N] [--epochs N] [--threads T] [--seconds S]
 *                     [--serve] [--json]
 *
 * head: 4096 features to a softmax over 257 classes, which memory limits. conv: three convolutions on 3x32x32, which arithmetic limits. */
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct averaging {
    dl4c_graph *graph;
    dl4c_source *source;
    struct dl4c_fit_options options;
    struct dl4c_error err;
};

static bool work(void *user)
{
    struct averaging *a = user;
    if (dl4c_fit(a->graph, a->source, &a->options, &a->err) == DL4C_OK)
        return true;
    fprintf(stderr, "%s: %s\n", a->err.origin, a->err.message);
    return false;
}

struct network {
    const char *name;
    int64_t rows, classes, shape[3];
    int32_t rank;
    const char *vertices[8];
};

static const struct network networks[] = {
    { "head", 8192, 257, { 4096 }, 1, { "output:units=257,activation=softmax,loss=negative_log_likelihood" } },
    { "conv", 1024, 10, { 3, 32, 32 }, 3,
      { "conv2d:units=32,kernel=3,padding=1,activation=relu", "conv2d:units=64,kernel=3,stride=2,padding=1,activation=relu",
        "conv2d:units=64,kernel=3,padding=1,activation=relu", "output:units=10,activation=softmax,loss=negative_log_likelihood" } },
};

static dl4c_status build(dl4c_context *ctx, const struct network *n, struct averaging *a)
{
    dl4c_builder *b = NULL;
    char name[2][16] = { "in" };
    if (dl4c_builder_create(ctx, NULL, &b, &a->err))
        return a->err.status;
    dl4c_builder_input(b, name[0], n->shape, n->rank);
    for (int i = 0; n->vertices[i]; i++) {
        const char *from[] = { name[i % 2] };
        snprintf(name[(i + 1) % 2], sizeof name[0], "v%d", i);
        dl4c_builder_add_text(b, n->vertices[i], name[(i + 1) % 2], from, 1);
    }
    return dl4c_builder_finish(&b, &a->graph, &a->err);
}

static dl4c_status data(dl4c_context *ctx, const struct network *n, struct averaging *a)
{
    int64_t shape[4] = { n->rows }, row = 1;
    dl4c_tensor *x = NULL, *y = NULL;
    for (int32_t i = 0; i < n->rank; i++)
        row *= shape[i + 1] = n->shape[i];
    if (!dl4c_tensor_create(ctx, DL4C_F32, shape, n->rank + 1, &x, &a->err) && !dl4c_tensor_create(ctx, DL4C_I64, shape, 1, &y, &a->err)) {
        float *v = dl4c_tensor_data(x);
        int64_t *labels = dl4c_tensor_data(y);
        unsigned seed = 3;
        for (int64_t i = 0; i < n->rows; i++) {
            labels[i] = i * 31 % n->classes;
            for (int64_t k = 0; k < row; k++) {
                seed = seed * 1664525u + 1013904223u;
                v[i * row + k] = (float)(seed >> 8) / (float)(1 << 24);
            }
        }
        dl4c_source_tensors(ctx, x, y, (int32_t)n->classes, &a->source, &a->err);
    }
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    return a->source ? DL4C_OK : a->err.status;
}

int main(int argc, char **argv)
{
    struct averaging a = { .options = DL4C_FIT_OPTIONS_INIT, .err = DL4C_ERROR_INIT };
    struct bench b = { .name = "examples", .seconds = 3, .work = work, .user = &a };
    const char *network = networks[0].name;
    int32_t threads = 0;
    a.options.epochs = 1;
    a.options.workers = 1;
    a.options.averaging_frequency = 5;
    a.options.batch = 32;
    const struct bench_option options[] = {
        { "--network", BENCH_TEXT, &network, NULL },
        { "--workers", BENCH_INT, &a.options.workers, NULL },
        { "--frequency", BENCH_INT, &a.options.averaging_frequency, NULL },
        { "--batch", BENCH_LONG, &a.options.batch, NULL },
        { "--epochs", BENCH_INT, &a.options.epochs, NULL },
        { "--threads", BENCH_INT, &threads, NULL },
        { 0 },
    };
    if (!bench_options(&b, argc, argv, options) || (strcmp(network, "head") != 0 && strcmp(network, "conv") != 0)) {
        fprintf(stderr, "usage: bench_averaging [--network head|conv] [--workers N] [--frequency K] [--batch N] [--epochs N] [--threads T] "
                        "[--seconds S] [--serve] [--json]\n");
        return 2;
    }
    const struct network *n = &networks[strcmp(network, "conv") == 0];
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    int status = 1;
    co.threads = threads;
    b.items = (double)n->rows * a.options.epochs;
    a.options.updater = "nesterovs:lr=0.001,momentum=0.9";
    if (dl4c_context_create(&co, &ctx, &a.err) == DL4C_OK && build(ctx, n, &a) == DL4C_OK && data(ctx, n, &a) == DL4C_OK) {
        char ready[256];
        snprintf(ready, sizeof ready,
                 "\"network\": \"%s\", \"workers\": %d, "
                 "\"frequency\": %d, \"batch\": %d, \"threads\": %d, \"kernels\": \"%s\"", n->name, (int)a.options.workers,
                 (int)a.options.averaging_frequency, (int)a.options.batch, (int)dl4c_context_threads(ctx), dl4c_cpu_kernels());
        status = bench_run(&b, ready);
    } else {
        fprintf(stderr, "%s: %s\n", a.err.origin, a.err.message);
    }
    dl4c_source_destroy(&a.source);
    dl4c_graph_destroy(&a.graph);
    dl4c_context_destroy(&ctx);
    return status;
}
