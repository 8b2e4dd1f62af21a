/* SPDX-License-Identifier: Apache-2.0 */
/* A training step of VGG16 with a head of 257 classes on random images: forward, backward, SGD with momentum.
 *
 *     bench_finetune [--part last|all] [--batch N] [--threads T] [--seconds S] [--serve] [--json]
 *
 * last: the last block of convolutions and the dense layers are trained, what lies below is frozen. bench/peers/finetune.py is the same
 * in other libraries. */
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step {
    dl4c_trainer *trainer;
    dl4c_tensor *x, *y;
    struct dl4c_error err;
};

static bool work(void *user)
{
    struct step *s = user;
    double score;
    if (dl4c_trainer_step(s->trainer, s->x, s->y, &score, &s->err) == DL4C_OK)
        return true;
    fprintf(stderr, "%s: %s\n", s->err.origin, s->err.message);
    return false;
}

static dl4c_status network(dl4c_context *ctx, bool last, dl4c_graph **g, struct dl4c_error *err)
{
    struct dl4c_zoo_options zo = DL4C_ZOO_OPTIONS_INIT;
    dl4c_graph *vgg16 = NULL;
    dl4c_builder *b = NULL;
    zo.n_classes = 257;
    zo.flags = DL4C_ZOO_PUBLISHED_NAMES;
    if (!last)
        return dl4c_zoo_create(ctx, "vgg16", &zo, g, err);
    if (dl4c_zoo_create(ctx, "vgg16", &zo, &vgg16, err) == DL4C_OK && dl4c_builder_create(ctx, vgg16, &b, err) == DL4C_OK) {
        dl4c_builder_freeze(b, "block4_pool");
        (void)dl4c_builder_finish(&b, g, err);
    }
    dl4c_graph_destroy(&vgg16);
    return err->status;
}

static dl4c_status images(dl4c_context *ctx, int batch, struct step *s)
{
    const int64_t shape[] = { batch, 3, 224, 224 };
    if (dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &s->x, &s->err) || dl4c_tensor_create(ctx, DL4C_I64, shape, 1, &s->y, &s->err))
        return s->err.status;
    float *x = dl4c_tensor_data(s->x);
    int64_t *y = dl4c_tensor_data(s->y);
    unsigned seed = 1;
    for (int64_t i = 0; i < dl4c_tensor_size(s->x); i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 24) - 128.0f;
    }
    for (int i = 0; i < batch; i++)
        y[i] = i * 31 % 257;
    return DL4C_OK;
}

int main(int argc, char **argv)
{
    struct bench b = { .name = "images", .seconds = 10, .work = work };
    struct step s = { .err = DL4C_ERROR_INIT };
    int32_t batch = 8, threads = 0;
    const char *part = "last";
    const struct bench_option options[] = {
        { "--part", BENCH_TEXT, &part, NULL },
        { "--batch", BENCH_INT, &batch, NULL },
        { "--threads", BENCH_INT, &threads, NULL },
        { 0 },
    };
    if (!bench_options(&b, argc, argv, options) || batch < 1 || (strcmp(part, "last") != 0 && strcmp(part, "all") != 0)) {
        fprintf(stderr, "usage: bench_finetune [--part last|all] [--batch N] [--threads T] [--seconds S] [--serve] [--json]\n");
        return 2;
    }
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    int status = 1;
    co.threads = threads;
    fo.batch = batch;
    fo.updater = "nesterovs:lr=1e-5,momentum=0.9";
    if (dl4c_context_create(&co, &ctx, &s.err) == DL4C_OK && network(ctx, strcmp(part, "last") == 0, &g, &s.err) == DL4C_OK &&
        images(ctx, batch, &s) == DL4C_OK && dl4c_trainer_create(g, &fo, &s.trainer, &s.err) == DL4C_OK) {
        char ready[192];
        snprintf(ready, sizeof ready, "\"part\": \"%s\", \"batch\": %d, \"threads\": %d, \"kernels\": \"%s\"", part, batch,
                 (int)dl4c_context_threads(ctx), dl4c_cpu_kernels());
        b.user = &s;
        b.items = batch;
        status = bench_run(&b, ready);
    } else {
        fprintf(stderr, "%s: %s\n", s.err.origin, s.err.message);
    }
    dl4c_trainer_destroy(&s.trainer);
    dl4c_tensor_unref(&s.x);
    dl4c_tensor_unref(&s.y);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    return status;
}
