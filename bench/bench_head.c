/* SPDX-License-Identifier: Apache-2.0 */
/* Training a softmax head on features in memory: one pass over 8192 examples, minibatch by minibatch, in their order.
 *
 *     bench_head [--in N] [--out N] [--batch N] [--threads T] [--updater TEXT] [--data FOLDER] [--seconds S] [--serve] [--json]
 *
 * FOLDER has head.x.npy and head.y.npy (bench/peers/head.py data), 8192 examples; else they are made up. Weights begin with 0. "loss" is
 * that of the first pass's last minibatch. The line says also how many examples a second of processor time took, of all threads together,
 * which says more on a machine that does other work too. bench/peers/head.py is the same in other libraries. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 8192 };

struct head {
    dl4c_trainer *trainer;
    dl4c_tensor *x, *y;
    dl4c_tensor **xs, **ys; /* views of the minibatches */
    int64_t batch, batches;
    double score;
    struct dl4c_error err;
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool work(void *user)
{
    struct head *h = user;
    for (int64_t i = 0; i < h->batches; i++)
        if (dl4c_trainer_step(h->trainer, h->xs[i], h->ys[i], &h->score, &h->err)) {
            fprintf(stderr, "%s: %s\n", h->err.origin, h->err.message);
            return false;
        }
    return true;
}

/* Rectified noise about a centre for each class, scaled as a trunk's features are. */
static dl4c_status data(dl4c_context *ctx, struct head *h, int64_t in, int64_t out, const char *folder)
{
    const int64_t shape[] = { ROWS, in };
    char path[1024];
    if (folder) {
        snprintf(path, sizeof path, "%s/head.x.npy", folder);
        if (dl4c_tensor_load_npy(ctx, path, &h->x, &h->err))
            return h->err.status;
        snprintf(path, sizeof path, "%s/head.y.npy", folder);
        return dl4c_tensor_load_npy(ctx, path, &h->y, &h->err) ? h->err.status : DL4C_OK;
    }
    if (dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &h->x, &h->err) || dl4c_tensor_create(ctx, DL4C_I64, shape, 1, &h->y, &h->err))
        return h->err.status;
    float *x = dl4c_tensor_data(h->x);
    int64_t *y = dl4c_tensor_data(h->y);
    unsigned seed = 3;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = i * 31 % out;
        for (int64_t k = 0; k < in; k++) {
            seed = seed * 1664525u + 1013904223u;
            const float noise = (float)(seed >> 8) / (float)(1 << 23) - 1.0f + 0.3f * (float)((y[i] * 7919 + k * 104729) % 7 - 3);
            x[i * in + k] = noise > 0 ? noise : 0;
        }
    }
    return DL4C_OK;
}

static dl4c_status cut(struct head *h)
{
    h->batches = ROWS / h->batch;
    h->xs = calloc((size_t)h->batches, sizeof *h->xs);
    h->ys = calloc((size_t)h->batches, sizeof *h->ys);
    for (int64_t i = 0; h->xs && h->ys && i < h->batches; i++)
        if (dl4c_tensor_slice(h->x, 0, i * h->batch, (i + 1) * h->batch, 1, &h->xs[i], &h->err) ||
            dl4c_tensor_slice(h->y, 0, i * h->batch, (i + 1) * h->batch, 1, &h->ys[i], &h->err))
            return h->err.status;
    return h->xs && h->ys ? DL4C_OK : DL4C_E_NOMEM;
}

static dl4c_status trainer(dl4c_context *ctx, struct head *h, dl4c_graph **g, int64_t in, int64_t out, const char *updater)
{
    dl4c_builder *b = NULL;
    char text[128];
    const char *from[] = { "in" };
    snprintf(text, sizeof text, "output:units=%d,activation=softmax,loss=negative_log_likelihood,weight_init=zero", (int)out);
    if (dl4c_builder_create(ctx, NULL, &b, &h->err))
        return h->err.status;
    dl4c_builder_input(b, "in", &in, 1);
    dl4c_builder_add_text(b, text, "out", from, 1);
    if (dl4c_builder_finish(&b, g, &h->err))
        return h->err.status;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = h->batch;
    o.updater = updater;
    return dl4c_trainer_create(*g, &o, &h->trainer, &h->err);
}

int main(int argc, char **argv)
{
    struct bench b = { .name = "examples", .seconds = 3, .items = ROWS, .work = work };
    struct head h = { .batch = 32, .err = DL4C_ERROR_INIT };
    int64_t in = 4096, out = 257;
    int32_t threads = 0;
    const char *updater = "nesterovs:lr=0.01,momentum=0.9", *folder = NULL;
    const struct bench_option options[] = {
        { "--in", BENCH_LONG, &in, NULL },
        { "--out", BENCH_LONG, &out, NULL },
        { "--batch", BENCH_LONG, &h.batch, NULL },
        { "--threads", BENCH_INT, &threads, NULL },
        { "--updater", BENCH_TEXT, &updater, NULL },
        { "--data", BENCH_TEXT, &folder, NULL },
        { 0 },
    };
    if (!bench_options(&b, argc, argv, options) || in < 1 || out < 2 || h.batch < 1 || h.batch > ROWS) {
        fprintf(stderr, "usage: bench_head [--in N] [--out N] [--batch N] [--threads T] [--updater TEXT] [--data FOLDER] [--seconds S] "
                        "[--serve] [--json]\n");
        return 2;
    }
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    int status = 1;
    co.threads = threads;
    if (dl4c_context_create(&co, &ctx, &h.err) == DL4C_OK && data(ctx, &h, in, out, folder) == DL4C_OK && cut(&h) == DL4C_OK &&
        trainer(ctx, &h, &g, in, out, updater) == DL4C_OK && work(&h)) {
        char ready[256];
        const double score = h.score, cpu = cpu_now();
        b.user = &h;
        if (work(&h)) {
            snprintf(ready, sizeof ready,
                     "\"in\": %d, \"out\": %d, \"batch\": %d, \"threads\": %d, \"loss\": %.4f, \"examples_per_cpu_s\": %.0f, "
                     "\"kernels\": \"%s\"",
                     (int)in, (int)out, (int)h.batch, (int)dl4c_context_threads(ctx), score, ROWS / (cpu_now() - cpu), dl4c_cpu_kernels());
            status = bench_run(&b, ready);
        }
    } else if (h.err.status) {
        fprintf(stderr, "%s: %s\n", h.err.origin, h.err.message);
    }
    dl4c_trainer_destroy(&h.trainer);
    for (int64_t i = 0; i < h.batches; i++) {
        dl4c_tensor_unref(&h.xs[i]);
        dl4c_tensor_unref(&h.ys[i]);
    }
    free(h.xs);
    free(h.ys);
    dl4c_tensor_unref(&h.x);
    dl4c_tensor_unref(&h.y);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    return status;
}
