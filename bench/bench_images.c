/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG files to batches of floats [n, 3, h, w] through the image record reader: one pass over a folder, its files in the page cache.
 *
 *     bench_images --images DIR [--list FILE] [--size HxW] [--preprocess TEXT] [--batch N] [--threads T] [--seconds S] [--serve] [--json]
 *
 * The preprocessing is vgg16's unless told otherwise: Deeplearning4j's pixels. bench/peers/images.py is the same in other libraries. */
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct images {
    dl4c_source *source;
    int64_t batch, epoch, seen;
    struct dl4c_error err;
};

static bool work(void *user)
{
    struct images *s = user;
    struct dl4c_batch batch = DL4C_BATCH_INIT;
    s->seen = 0;
    dl4c_status status = dl4c_source_reset(s->source, 0, 1, ++s->epoch, &s->err);
    while (status == DL4C_OK) {
        status = dl4c_source_next(s->source, s->batch, &batch, &s->err);
        if (status == DL4C_OK && batch.n == 0)
            return true;
        s->seen += batch.n;
    }
    fprintf(stderr, "%s: %s\n", s->err.origin, s->err.message);
    return false;
}

int main(int argc, char **argv)
{
    struct bench b = { .name = "images", .seconds = 3, .work = work };
    struct images s = { .batch = 32, .err = DL4C_ERROR_INIT };
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    const char *folder = NULL;
    int32_t threads = 0;
    ro.height = ro.width = 224;
    ro.preprocess = "vgg16";
    const struct bench_option options[] = {
        { "--images", BENCH_TEXT, &folder, NULL },
        { "--list", BENCH_TEXT, &ro.list, NULL },
        { "--size", BENCH_SIZE, &ro.height, &ro.width },
        { "--preprocess", BENCH_TEXT, &ro.preprocess, NULL },
        { "--batch", BENCH_LONG, &s.batch, NULL },
        { "--threads", BENCH_INT, &threads, NULL },
        { 0 },
    };
    if (!bench_options(&b, argc, argv, options) || !folder || s.batch < 1) {
        fprintf(stderr, "usage: bench_images --images DIR [--list FILE] [--size HxW] [--preprocess TEXT] [--batch N] [--threads T] "
                        "[--seconds S] [--serve] [--json]\n");
        return 2;
    }
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_reader *reader = NULL;
    int status = 1;
    co.threads = threads;
    if (dl4c_context_create(&co, &ctx, &s.err) == DL4C_OK && dl4c_reader_open(ctx, folder, &ro, &reader, &s.err) == DL4C_OK) {
        char ready[160];
        s.source = dl4c_reader_source(reader);
        if (work(&s)) {
            snprintf(ready, sizeof ready, "\"images\": %lld, \"bad\": %lld, \"threads\": %d, \"kernels\": \"%s\"", (long long)s.seen,
                     (long long)dl4c_reader_bad_count(reader), (int)dl4c_context_threads(ctx), dl4c_cpu_kernels());
            b.user = &s;
            b.items = (double)s.seen;
            status = bench_run(&b, ready);
        }
    } else {
        fprintf(stderr, "%s: %s\n", s.err.origin, s.err.message);
    }
    dl4c_reader_close(&reader);
    dl4c_context_destroy(&ctx);
    return status;
}
