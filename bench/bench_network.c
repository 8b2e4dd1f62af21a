/* SPDX-License-Identifier: Apache-2.0 */
/* Images a second through a network up to a vertex: loads, plans, warms up, then times runs. Built once for each network that
 * docs/performance.md speaks of; they differ in what --model is where it isn't given: a network of the zoo with random weights.
 *
 *     bench_vgg16 [--model M] [--at V] [--batch N] [--threads T] [--size HxW] [--input X.npy] [--output Y.npy]
 *                 [--memory default|low] [--seconds S] [--serve] [--json]
 *
 * The input is random pixels, or the first N rows of X. --output writes what the network made of it, so that a peer's result can be
 * compared. bench/vs_peers runs it beside others. */
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
    const char *model, *at, *input, *output;
    int32_t batch, threads, height, width, precision;
    bool low;
};

struct run {
    dl4c_session *session;
    dl4c_tensor *x;
    struct dl4c_error err;
};

static bool parse(int argc, char **argv, struct args *a, struct bench *b)
{
    const char *memory = "default", *precision = NULL;
    const struct bench_option options[] = {
        { "--model", BENCH_TEXT, &a->model, NULL },   { "--at", BENCH_TEXT, &a->at, NULL },
        { "--batch", BENCH_INT, &a->batch, NULL },    { "--threads", BENCH_INT, &a->threads, NULL },
        { "--memory", BENCH_TEXT, &memory, NULL },    { "--precision", BENCH_TEXT, &precision, NULL },
        { "--input", BENCH_TEXT, &a->input, NULL },   { "--output", BENCH_TEXT, &a->output, NULL },
        { "--size", BENCH_SIZE, &a->height, &a->width },
        { 0 },
    };
    if (!bench_options(b, argc, argv, options) || (strcmp(memory, "low") != 0 && strcmp(memory, "default") != 0))
        return false;
    a->low = memory[0] == 'l';
    return a->batch > 0 && (!precision || dl4c_precision_find(precision, &a->precision, NULL) == DL4C_OK);
}

static bool work(void *user)
{
    struct run *r = user;
    if (dl4c_session_run(r->session, &r->x, 1, &r->err) == DL4C_OK)
        return true;
    fprintf(stderr, "%s: %s\n", r->err.origin, r->err.message);
    return false;
}

static dl4c_status load(dl4c_context *ctx, const struct args *a, dl4c_graph **g, struct dl4c_error *err)
{
    if (a->model)
        return dl4c_model_load(ctx, a->model, NULL, g, err);
    return dl4c_zoo_create(ctx, BENCH_ZOO, NULL, g, err);
}

static dl4c_status input(dl4c_context *ctx, const struct args *a, const struct dl4c_shape *in, dl4c_tensor **x, struct dl4c_error *err)
{
    if (a->input) {
        dl4c_tensor *all = NULL;
        dl4c_status status = dl4c_tensor_load_npy(ctx, a->input, &all, err);
        if (status == DL4C_OK)
            status = dl4c_tensor_slice(all, 0, 0, a->batch, 1, x, err);
        dl4c_tensor_unref(&all);
        return status;
    }
    int64_t shape[DL4C_MAX_RANK] = { a->batch };
    memcpy(shape + 1, in->dim, (size_t)in->rank * sizeof *shape);
    const dl4c_status status = dl4c_tensor_create(ctx, DL4C_F32, shape, in->rank + 1, x, err);
    if (status != DL4C_OK)
        return status;
    float *pixels = dl4c_tensor_data(*x);
    unsigned seed = 1;
    for (int64_t i = 0; i < dl4c_tensor_size(*x); i++) {
        seed = seed * 1664525u + 1013904223u;
        pixels[i] = (float)(seed >> 24) - 128.0f;
    }
    return DL4C_OK;
}

int main(int argc, char **argv)
{
    struct args a = { .batch = 1 };
    struct bench b = { .name = "images", .seconds = 5, .work = work };
    if (!parse(argc, argv, &a, &b) || (!a.model && !*BENCH_ZOO)) {
        fprintf(stderr,
                "usage: %s --model M [--at V] [--batch N] [--threads T] [--size HxW] [--input X.npy] [--output Y.npy] "
                "[--memory default|low] [--precision P] [--seconds S] [--serve] [--json]\n",
                argv[0]);
        return 2;
    }
    struct run r = { .err = DL4C_ERROR_INIT };
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape in = { 3, 0, { 3, a.height, a.width } };
    int status = 1;

    const double t0 = bench_now();
    co.threads = a.threads;
    so.batch = a.batch;
    so.precision = a.precision;
    so.flags = DL4C_SESSION_CHANNELS_FIRST | (a.low ? DL4C_SESSION_LOW_MEMORY : 0);
    if (a.at) {
        so.outputs = &a.at;
        so.n_outputs = 1;
    }
    if (a.height > 0) {
        so.input_shapes = &in;
        so.n_input_shapes = 1;
    }
    if (dl4c_context_create(&co, &ctx, &r.err) || load(ctx, &a, &g, &r.err) || dl4c_session_create(ctx, g, &so, &r.session, &r.err) ||
        dl4c_session_input_shape(r.session, 0, &in, &r.err))
        goto done;
    const double loaded = bench_now() - t0;
    if (input(ctx, &a, &in, &r.x, &r.err))
        goto done;
    const double t1 = bench_now();
    if (dl4c_session_run(r.session, &r.x, 1, &r.err))
        goto done;
    const double first = bench_now() - t1;
    if (a.output) {
        dl4c_tensor *y = NULL; /* the session's */
        if (dl4c_session_output(r.session, 0, &y, &r.err) || dl4c_tensor_save_npy(y, a.output, &r.err))
            goto done;
    }
    char ready[256];
    snprintf(ready, sizeof ready, "\"batch\": %d, \"threads\": %d, \"first_run_s\": %.4f, \"load_s\": %.4f, \"arena_mb\": %.1f, "
             "\"packed_mb\": %.1f, \"kernels\": \"%s\", \"precision\": \"%s\"",
             a.batch, (int)dl4c_context_threads(ctx), first, loaded, (double)dl4c_session_bytes(r.session) / 1048576,
             (double)dl4c_session_packed_bytes(r.session) / 1048576, dl4c_cpu_kernels(), dl4c_precision_name(a.precision));
    b.user = &r;
    b.items = a.batch;
    status = bench_run(&b, ready);
done:
    dl4c_session_destroy(&r.session);
    dl4c_tensor_unref(&r.x);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    if (r.err.status)
        fprintf(stderr, "%s: %s\n", r.err.origin, r.err.message);
    return status;
}
