/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of training softmax heads, one JSON line each: whole epochs of dl4c_fit (shuffled, from memory) and single steps. On a machine
 * that does other work too, the examples in a second of processor time, of all threads together, say more than those in a second.
 * Usage: bench_head [threads, default 2] [epochs, default 5] [updater, default nesterovs:lr=0.003,momentum=0.9]. The first epoch is
 * warm-up. */
#define _POSIX_C_SOURCE 200809L
#include "base/cpu.h"
#include "base/deadline.h"
#include <dl4c/train.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int32_t threads = 2;
static uint32_t epochs = 5;
static const char *updater = "nesterovs:lr=0.003,momentum=0.9";

static void must(dl4c_status status, const struct dl4c_error *err)
{
    if (status == DL4C_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", dl4c_status_name(status), err->origin, err->message);
    exit(1);
}

struct times {
    int64_t started, epoch_ns[1000], last_step, step_ns, cpu_ns;
};

static int64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int epoch_start(void *user, int64_t epoch)
{
    struct times *t = user;
    if (epoch == 2)
        t->cpu_ns = -cpu_now();
    t->started = t->last_step = dli_now_ns();
    return 0;
}
static int iteration_done(void *user, int64_t iteration, int64_t epoch, double score)
{
    struct times *t = user;
    const int64_t now = dli_now_ns();
    (void)iteration, (void)score;
    if (epoch > 1 && now - t->last_step < t->step_ns)
        t->step_ns = now - t->last_step;
    t->last_step = now;
    return 0;
}
static int epoch_end(void *user, int64_t epoch, double train, double val, double accuracy)
{
    struct times *t = user;
    (void)train, (void)val, (void)accuracy;
    if (epoch <= 1000)
        t->epoch_ns[epoch - 1] = dli_now_ns() - t->started;
    if (epoch == (int64_t)epochs + 1)
        t->cpu_ns += cpu_now();
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void head(dl4c_context *ctx, int64_t in, int64_t out, int64_t rows, int64_t batch)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t shape[] = { rows, in };
    dl4c_tensor *x = NULL, *labels = NULL;
    dl4c_source *source = NULL;
    must(dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &x, &err), &err);
    must(dl4c_tensor_create(ctx, DL4C_I64, shape, 1, &labels, &err), &err);
    for (int64_t i = 0; i < rows * in; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i * 7919 % 1021) / 1021;
    for (int64_t i = 0; i < rows; i++)
        ((int64_t *)dl4c_tensor_data(labels))[i] = i * 31 % out;
    must(dl4c_source_tensors(ctx, x, labels, (int32_t)out, &source, &err), &err);
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char text[64];
    const char *from[] = { "in" };
    snprintf(text, sizeof text, "output:units=%d,activation=softmax", (int)out);
    must(dl4c_builder_create(ctx, NULL, &b, &err), &err);
    dl4c_builder_input(b, "in", &in, 1);
    dl4c_builder_add_text(b, text, "out", from, 1);
    must(dl4c_builder_finish(&b, &g, &err), &err);
    static struct times t;
    memset(&t, 0, sizeof t);
    t.step_ns = INT64_MAX;
    const struct dl4c_listener listener = { sizeof listener, &t, iteration_done, epoch_start, epoch_end };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = epochs + 1;
    o.batch = batch;
    o.updater = updater;
    o.threads = threads;
    o.listeners = &listener;
    o.n_listeners = 1;
    must(dl4c_fit(g, source, &o, &err), &err);
    qsort(t.epoch_ns + 1, epochs, sizeof *t.epoch_ns, ascending);
    const double per_s = (double)rows * 1e9;
    printf("{\"bench\":\"head\",\"kernels\":\"%s\",\"threads\":%d,\"in\":%lld,\"out\":%lld,\"batch\":%lld,\"examples_per_s\":%.0f,"
           "\"best\":%.0f,\"worst\":%.0f,\"examples_per_cpu_s\":%.0f,\"best_step_ms\":%.3f}\n",
           dli_cpu_level(), (int)threads, (long long)in, (long long)out, (long long)batch, per_s / (double)t.epoch_ns[1 + epochs / 2],
           per_s / (double)t.epoch_ns[1], per_s / (double)t.epoch_ns[epochs], per_s * epochs / (double)t.cpu_ns, (double)t.step_ns * 1e-6);
    fflush(stdout);
    dl4c_graph_destroy(&g);
    dl4c_source_destroy(&source);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    threads = argc > 1 ? atoi(argv[1]) : threads;
    epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : epochs;
    updater = argc > 3 ? argv[3] : updater;
    if (threads < 1 || epochs < 1 || epochs > 998) {
        fprintf(stderr, "usage: bench_head [threads] [epochs, 1 to 998] [updater]\n");
        return 2;
    }
    co.threads = threads;
    must(dl4c_context_create(&co, &ctx, &err), &err);
    const int64_t batches[] = { 32, 128 };
    for (int i = 0; i < 2; i++)
        head(ctx, 4096, 257, 2048, batches[i]);
    for (int i = 0; i < 2; i++)
        head(ctx, 25088, 30, 1024, batches[i]);
    dl4c_context_destroy(&ctx);
    return 0;
}
