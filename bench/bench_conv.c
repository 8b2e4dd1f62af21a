/* SPDX-License-Identifier: Apache-2.0 */
/* The convolutions of VGG16 (3x224x224), one after the other as a trunk runs them, so that weights come from where they would.
 * Prints one line of JSON a layer: milliseconds (median of the rounds), GFLOP/s counted as a direct convolution would need them, and the
 * least processor time of a round, which other load on the machine disturbs less; and one line of the whole and of the bare
 * register block on operands in the first-level cache. Arguments: batch threads rounds [flags]. */
#define _POSIX_C_SOURCE 200809L
#include "base/deadline.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/conv_parts.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LAYERS = 13, MAX_ROUNDS = 1000 };

static const struct {
    const char *name;
    int64_t c_in, c_out, size;
    bool pool;
} vgg16[LAYERS] = {
    { "conv1_1", 3, 64, 224, false },   { "conv1_2", 64, 64, 224, true },   { "conv2_1", 64, 128, 112, false },
    { "conv2_2", 128, 128, 112, true }, { "conv3_1", 128, 256, 56, false }, { "conv3_2", 256, 256, 56, false },
    { "conv3_3", 256, 256, 56, true },  { "conv4_1", 256, 512, 28, false }, { "conv4_2", 512, 512, 28, false },
    { "conv4_3", 512, 512, 28, true },  { "conv5_1", 512, 512, 14, false }, { "conv5_2", 512, 512, 14, false },
    { "conv5_3", 512, 512, 14, true },
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return v[n / 2];
}

static double least(const double *v, int n)
{
    double least = v[0];
    for (int i = 1; i < n; i++)
        least = v[i] < least ? v[i] : least;
    return least;
}

static double processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void *take(size_t size)
{
    struct dl4c_error err;
    void *p = dli_alloc_aligned(NULL, size, &err);
    if (!p) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return p;
}

static void fill(float *x, int64_t n, uint64_t seed, double scale)
{
    struct dli_rng r;
    dli_rng_init(&r, seed, 1);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((2 * dli_rng_uniform(&r) - 1) * scale);
}

static double register_block(void)
{
    const struct dli_conv_kernels *k = dli_kernels()->conv;
    const int64_t w = dli_kernels()->block, blocks = 64 / w;
    float *a = take((size_t)(k->tiles * 64) * 4), *b = take((size_t)(64 * 2 * w) * 4), *c = take((size_t)(k->tiles * 2 * w) * 4);
    fill(a, k->tiles * 64, 1, 1);
    fill(b, 64 * 2 * w, 2, 1);
    const struct dli_conv_multiply q = { .tiles = k->tiles, .vectors = 2, .blocks = blocks, .a = a, .a_step = k->tiles * w, .b = b,
                                         .c = c, .c_step = 2 * w, .next = b, .next_step = 2 * w };
    double best = 0;
    for (int round = 0; round < 20; round++) {
        const int64_t start = dli_now_ns();
        for (int i = 0; i < 2000; i++)
            k->multiply(&q);
        const double rate = 2000.0 * 2 * k->tiles * 64 * 2 * (double)w / (double)(dli_now_ns() - start);
        best = rate > best ? rate : best;
    }
    dli_free(a);
    dli_free(b);
    dli_free(c);
    return best;
}

int main(int argc, char **argv)
{
    const int64_t n = argc > 1 ? atoi(argv[1]) : 1;
    const int32_t threads = argc > 2 ? atoi(argv[2]) : 1;
    const int rounds = argc > 3 ? atoi(argv[3]) : 11;
    const uint32_t flags = argc > 4 ? (uint32_t)atoi(argv[4]) : 0;
    if (n < 1 || threads < 1 || rounds < 1 || rounds > MAX_ROUNDS || flags > 1) {
        fprintf(stderr, "usage: bench_conv [batch [threads [rounds [flags: 1 for low memory]]]]\n");
        return 2;
    }
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = threads;
    dl4c_context *ctx;
    struct dl4c_error err;
    if (dl4c_context_create(&o, &ctx, &err) != DL4C_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    static struct dli_conv_plan plans[LAYERS];
    static double ms[LAYERS][MAX_ROUNDS], cpu[LAYERS][MAX_ROUNDS], total[MAX_ROUNDS];
    void *packed[LAYERS];
    float *bias = take(512 * sizeof *bias), *w = take((size_t)512 * 512 * 9 * sizeof *w);
    size_t scratch_bytes = 0, packed_bytes = 0;
    const size_t activations = (size_t)(n * 224 * 224 * 64) * sizeof(float);
    float *x = take((size_t)(n * 3 * 224 * 224) * sizeof *x), *act[2] = { take(activations), take(activations) };
    fill(x, n * 3 * 224 * 224, 3, 1);
    fill(bias, 512, 4, 0.1);
    for (int i = 0; i < LAYERS; i++) {
        const int64_t size = vgg16[i].size, c_in = vgg16[i].c_in, c_out = vgg16[i].c_out;
        const struct dli_conv_shape s = { c_in, size, size, c_out, size, size, 3, 3, 1, 1, 1, 1, 1, 1, 1 };
        const struct dli_conv_fuse f = { .act = DLI_CONV_ACT_RELU, .pool2 = vgg16[i].pool };
        if (dli_conv_plan(&s, &f, flags, DLI_BLAS_AUTO, threads, &plans[i], &err) != DL4C_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        packed[i] = take(plans[i].packed_bytes);
        packed_bytes += plans[i].packed_bytes;
        scratch_bytes = plans[i].scratch_bytes > scratch_bytes ? plans[i].scratch_bytes : scratch_bytes;
        fill(w, c_in * c_out * 9, 5, 2.4 / (double)(c_in * 9 > 100 ? 3 * 16 : 5));
        dli_conv_pack(&plans[i], ctx, threads, w, NULL, packed[i]);
    }
    void *scratch = take(scratch_bytes);
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        const float *in = x;
        const int64_t start = dli_now_ns();
        for (int i = 0; i < LAYERS; i++) {
            const int64_t before = dli_now_ns();
            const double cpu_before = processor_ms();
            dli_conv_run(&plans[i], ctx, threads, n, packed[i], bias, in, NULL, act[i & 1], scratch);
            in = act[i & 1];
            if (round >= 0) {
                ms[i][round] = (double)(dli_now_ns() - before) * 1e-6;
                cpu[i][round] = processor_ms() - cpu_before;
            }
        }
        if (round >= 0)
            total[round] = (double)(dli_now_ns() - start) * 1e-6;
    }
    double flops = 0, cpu_all = 0;
    for (int i = 0; i < LAYERS; i++) {
        const double layer = 18.0 * (double)(n * vgg16[i].size * vgg16[i].size * vgg16[i].c_in * vgg16[i].c_out), t = median(ms[i], rounds);
        const double least_cpu = least(cpu[i], rounds);
        cpu_all += least_cpu;
        flops += layer;
        printf("{\"layer\": \"%s\", \"kernels\": \"%s\", \"batch\": %d, \"threads\": %d, \"algorithm\": %d, ", vgg16[i].name,
               dli_kernels()->name, (int)n, (int)threads, (int)plans[i].algorithm);
        printf("\"ms\": %.3f, \"gflops\": %.0f, \"cpu_ms\": %.3f, \"cpu_gflops\": %.0f}\n", t, layer / t * 1e-6, least_cpu,
               layer / least_cpu * 1e-6);
    }
    const double t = median(total, rounds);
    printf("{\"layer\": \"all\", \"kernels\": \"%s\", \"batch\": %d, \"threads\": %d, \"ms\": %.3f, \"gflops\": %.0f, ",
           dli_kernels()->name, (int)n, (int)threads, t, flops / t * 1e-6);
    printf("\"images_per_s\": %.2f, \"cpu_ms\": %.3f, \"cpu_gflops\": %.0f, \"packed_mb\": %.1f, \"scratch_mb\": %.1f, ",
           (double)n / t * 1e3, cpu_all, flops / cpu_all * 1e-6, (double)packed_bytes * 1e-6, (double)scratch_bytes * 1e-6);
    printf("\"register_block_gflops\": %.1f}\n", register_block());
    for (int i = 0; i < LAYERS; i++)
        dli_free(packed[i]);
    dli_free(scratch);
    dli_free(act[0]);
    dli_free(act[1]);
    dli_free(x);
    dli_free(w);
    dli_free(bias);
    dl4c_context_destroy(&ctx);
    return 0;
}
