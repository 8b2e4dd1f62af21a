/* SPDX-License-Identifier: Apache-2.0 */
/* Images a second through a network up to a vertex, on random pixels: loads, plans, warms up, then times runs.
 *
 *     bench_vgg16 --model M --at V [--batch N] [--threads T] [--seconds S] [--size HxW] [--json]
 *
 * Prints its own figures only; bench/vs_onnxruntime.py runs it beside a peer. */
#define _POSIX_C_SOURCE 200809L
#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct args {
    const char *model, *at;
    int batch, threads, height, width;
    double seconds;
};

static int parse(int argc, char **argv, struct args *a)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            continue;
        if (i + 1 == argc)
            return 0;
        const char *value = argv[++i];
        if (strcmp(argv[i - 1], "--model") == 0)
            a->model = value;
        else if (strcmp(argv[i - 1], "--at") == 0)
            a->at = value;
        else if (strcmp(argv[i - 1], "--batch") == 0)
            a->batch = atoi(value);
        else if (strcmp(argv[i - 1], "--threads") == 0)
            a->threads = atoi(value);
        else if (strcmp(argv[i - 1], "--seconds") == 0)
            a->seconds = atof(value);
        else if (strcmp(argv[i - 1], "--size") == 0 && sscanf(value, "%dx%d", &a->height, &a->width) == 2)
            continue;
        else
            return 0;
    }
    return a->model && a->batch > 0;
}

int main(int argc, char **argv)
{
    struct args a = { .batch = 1, .seconds = 5 };
    if (!parse(argc, argv, &a)) {
        fprintf(stderr, "usage: %s --model M [--at V] [--batch N] [--threads T] [--seconds S] [--size HxW] [--json]\n", argv[0]);
        return 2;
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape in = { 3, 0, { 3, a.height, a.width } };
    static double times[100000];
    int runs = 0;

    const double t0 = now();
    co.threads = a.threads;
    so.batch = a.batch;
    so.flags = DL4C_SESSION_CHANNELS_FIRST;
    if (a.at) {
        so.outputs = &a.at;
        so.n_outputs = 1;
    }
    if (a.height > 0) {
        so.input_shapes = &in;
        so.n_input_shapes = 1;
    }
    if (dl4c_context_create(&co, &ctx, &err) || dl4c_model_load(ctx, a.model, NULL, &g, &err)
        || dl4c_session_create(ctx, g, &so, &s, &err) || dl4c_session_input_shape(s, 0, &in, &err))
        goto done;
    const double load = now() - t0;
    int64_t shape[DL4C_MAX_RANK] = { a.batch };
    memcpy(shape + 1, in.dim, (size_t)in.rank * sizeof *shape);
    if (dl4c_tensor_create(ctx, DL4C_F32, shape, in.rank + 1, &x, &err))
        goto done;
    float *pixels = dl4c_tensor_data(x);
    unsigned seed = 1;
    for (int64_t i = 0; i < dl4c_tensor_size(x); i++) {
        seed = seed * 1664525u + 1013904223u;
        pixels[i] = (float)(seed >> 24) - 128.0f;
    }
    const double t1 = now();
    if (dl4c_session_run(s, &x, 1, &err))
        goto done;
    const double first = now() - t1;
    if (dl4c_session_run(s, &x, 1, &err)) /* warm */
        goto done;
    const double begin = now();
    while ((now() - begin < a.seconds || runs < 3) && runs < (int)(sizeof times / sizeof *times)) {
        const double t = now();
        if (dl4c_session_run(s, &x, 1, &err))
            goto done;
        times[runs++] = now() - t;
    }
    qsort(times, (size_t)runs, sizeof *times, by_value);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"images_per_s\": %.3f, \"best_images_per_s\": %.3f, \"runs\": %d, \"batch\": %d, \"threads\": %d, \"first_run_s\": %.4f, "
           "\"load_s\": %.4f, \"peak_rss_mb\": %.1f, \"kernels\": \"%s\"}\n",
           a.batch / times[runs / 2], a.batch / times[0], runs, a.batch, (int)dl4c_context_threads(ctx), first, load,
           (double)usage.ru_maxrss / 1024, dl4c_cpu_kernels());
done:
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
