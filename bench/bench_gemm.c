/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of matrix products and fully connected layers, one JSON line each: both providers, the shapes of docs/performance.md.
 * Usage: bench_gemm [threads, default 2] [seconds a line, default 1]. The best of the runs that fit into the time counts. */
#include "base/cpu.h"
#include "base/deadline.h"
#include "base/thread_pool.h"
#include "kernels/dense.h"
#include "kernels/gemm.h"

#include <stdio.h>
#include <stdlib.h>

static dl4c_context *ctx;
static int32_t threads = 2;
static double seconds = 1;

static float *numbers(int64_t n)
{
    float *x = dli_alloc_aligned(ctx, (size_t)n * sizeof *x, NULL);
    if (!x) {
        fprintf(stderr, "no memory for %lld numbers\n", (long long)n);
        exit(1);
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(i * 7919 % 1021) / 1021 - 0.5f;
    return x;
}

struct shape {
    int64_t m, n, k;
    bool trans_a, trans_b;
};

struct work {
    const struct dli_gemm *g; /* NULL: the dense layer below */
    int32_t blas;
    void *scratch;
    int64_t n, in, out;
    const float *x, *w, *bias;
    float *y;
};

static void once(const struct work *w)
{
    if (w->g)
        dli_gemm_run(ctx, threads, w->blas, w->g, w->scratch);
    else
        dli_dense_run(ctx, threads, w->n, w->in, w->out, w->x, w->in, w->w, w->bias, w->y);
}

static double best_time(const struct work *w)
{
    once(w);
    double best = 1e30;
    const int64_t start = dli_now_ns();
    for (int runs = 0; runs < 3 || (double)(dli_now_ns() - start) < seconds * 1e9; runs++) {
        const int64_t before = dli_now_ns();
        once(w);
        const double took = (double)(dli_now_ns() - before) * 1e-9;
        best = took < best ? took : best;
    }
    return best;
}

static void product(const struct shape *s, const char *name, int32_t blas)
{
    float *a = numbers(s->m * s->k), *b = numbers(s->k * s->n), *c = numbers(s->m * s->n);
    const struct dli_gemm g = { s->m,       s->n, s->k, a,    s->trans_a ? s->m : s->k, s->trans_a, b, s->trans_b ? s->k : s->n,
                                s->trans_b, c,    s->n, false };
    struct work w = { .g = &g, .blas = blas };
    w.scratch = dli_alloc_aligned(ctx, dli_gemm_scratch(&g, dli_parallel_width(ctx, threads)), NULL);
    const double t = best_time(&w);
    printf("{\"bench\":\"gemm\",\"provider\":\"%s\",\"runs\":\"%s\",\"kernels\":\"%s\",\"threads\":%d,\"m\":%lld,\"n\":%lld,\"k\":%lld,"
           "\"trans\":\"%s%s\",\"ms\":%.3f,\"gflops\":%.1f}\n",
           name, dli_gemm_provider(blas), dli_cpu_level(), (int)threads, (long long)s->m, (long long)s->n, (long long)s->k,
           s->trans_a ? "t" : "n", s->trans_b ? "t" : "n", t * 1e3, 2e-9 * (double)s->m * (double)s->n * (double)s->k / t);
    fflush(stdout);
    dli_free(w.scratch);
    dli_free(a);
    dli_free(b);
    dli_free(c);
}

static void layer(int64_t n, int64_t in, int64_t out)
{
    float *x = numbers(n * in), *weight = numbers(out * in), *bias = numbers(out), *y = numbers(n * out);
    const struct work w = { .n = n, .in = in, .out = out, .x = x, .w = weight, .bias = bias, .y = y };
    const double t = best_time(&w);
    printf("{\"bench\":\"dense\",\"kernels\":\"%s\",\"threads\":%d,\"rows\":%lld,\"in\":%lld,\"out\":%lld,\"ms\":%.3f,\"gflops\":%.1f,"
           "\"weight_gb_per_s\":%.1f}\n",
           dli_cpu_level(), (int)threads, (long long)n, (long long)in, (long long)out, t * 1e3,
           2e-9 * (double)n * (double)in * (double)out / t, 4e-9 * (double)in * (double)out / t);
    fflush(stdout);
    dli_free(x);
    dli_free(weight);
    dli_free(bias);
    dli_free(y);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = { { 4096, 4096, 4096, false, false }, { 256, 3136, 2304, false, false },
                                           { 512, 256, 512, false, false },    { 1, 25088, 4096, false, false },
                                           { 16, 4096, 4096, false, false },   { 1024, 1024, 1024, true, false },
                                           { 1024, 1024, 1024, false, true },  { 257, 4096, 128, true, false },
                                           { 10, 4096, 128, true, false },     { 64, 3136, 576, false, false },
                                           { 128, 784, 1152, false, false },   { 150, 150, 150, false, false } };
    threads = argc > 1 ? atoi(argv[1]) : 2;
    seconds = argc > 2 ? atof(argv[2]) : 1;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = threads;
    if (dl4c_context_create(&o, &ctx, NULL) != DL4C_OK)
        return 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        product(&shapes[i], "own", DLI_BLAS_OWN);
        product(&shapes[i], "blis", DLI_BLAS_BLIS);
    }
    layer(1, 25088, 4096);
    layer(16, 25088, 4096);
    layer(1, 4096, 4096);
    layer(16, 4096, 4096);
    layer(128, 4096, 257);
    layer(300, 4096, 4096);
    dl4c_context_destroy(&ctx);
    return 0;
}
