/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT      (256ll << 20)
#define RUN_VALUES (1 << 16) /* a graph with larger rows is not run: fuzzing wants many inputs, not large ones */

static int64_t held; /* by the context itself, before the first input */

/* The context's memory goes through here, so that the highest since the last look is known. */
static int64_t now_bytes, peak_bytes;

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    now_bytes += (int64_t)size;
    peak_bytes = now_bytes > peak_bytes ? now_bytes : peak_bytes;
    return p;
}

static void give(void *user, void *p, size_t size)
{
    (void)user;
    now_bytes -= (int64_t)size;
    free(p);
}

static void broken(const char *promise)
{
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

dl4c_context *fuzz_context(void)
{
    static dl4c_context *ctx;
    if (!ctx) {
        struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
        o.threads = 1;
        o.memory_limit_bytes = LIMIT;
        o.alloc = take;
        o.release = give;
        if (dl4c_context_create(&o, &ctx, NULL) != DL4C_OK)
            broken("a context can be made");
        dl4c_tensor *none = NULL; /* the context keeps its file systems from their first use on */
        dl4c_tensor_load_npy(ctx, "file:///dev/null", &none, NULL);
        held = now_bytes;
    }
    return ctx;
}

void fuzz_check(dl4c_status status, const void *handle, const struct dl4c_error *err)
{
    if (status == DL4C_OK && !handle)
        broken("success gives a handle");
    if (status == DL4C_OK)
        return;
    if (handle)
        broken("a failure leaves no handle");
    if (err->status != status || !err->message[0] || strlen(err->message) >= sizeof err->message)
        broken("a failure says what is wrong");
}

void fuzz_settled(void) { held = now_bytes; }

void fuzz_bounded(size_t size, int64_t factor, int64_t extra)
{
    if (factor > 0 && peak_bytes - held > factor * (int64_t)size + extra) {
        fprintf(stderr, "%lld bytes at the highest for an input of %zu\n", (long long)(peak_bytes - held), size);
        broken("memory is bounded by the input");
    }
}

void fuzz_balanced(size_t size, int64_t factor, int64_t extra)
{
    if (now_bytes != held) {
        fprintf(stderr, "%lld bytes are not given back\n", (long long)(now_bytes - held));
        broken("no leak");
    }
    fuzz_bounded(size, factor, extra);
    peak_bytes = now_bytes;
}

/* A row of zeros through the whole graph. */
static void run(dl4c_graph *graph)
{
    struct dl4c_vertex in = DL4C_VERTEX_INIT;
    struct dl4c_session_options options = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_session *session = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    int64_t values = 1, shape[DL4C_MAX_RANK] = { 1 };
    if (dl4c_graph_input_count(graph) != 1 || dl4c_graph_vertex(graph, dl4c_graph_input(graph, 0), &in, NULL) != DL4C_OK ||
        in.rank >= DL4C_MAX_RANK)
        return;
    for (int32_t r = 0; r < in.rank; r++) {
        shape[r + 1] = in.shape[r];
        if (shape[r + 1] < 1 || shape[r + 1] > RUN_VALUES || (values *= shape[r + 1]) > RUN_VALUES)
            return;
    }
    dl4c_status status = dl4c_session_create(fuzz_context(), graph, &options, &session, &err);
    fuzz_check(status, session, &err);
    if (status == DL4C_OK && dl4c_session_bytes(session) < 64 * RUN_VALUES &&
        dl4c_tensor_create(fuzz_context(), DL4C_F32, shape, in.rank + 1, &x, NULL) == DL4C_OK) {
        memset(dl4c_tensor_data(x), 0, (size_t)values * sizeof(float));
        status = dl4c_session_run(session, &x, 1, &err);
        if (status == DL4C_OK)
            status = dl4c_session_output(session, 0, &y, &err);
        fuzz_check(status, status == DL4C_OK ? y : NULL, &err);
        dl4c_tensor_unref(&x);
    }
    dl4c_session_destroy(&session);
}

void fuzz_graph(dl4c_graph *graph)
{
    if (!graph)
        return;
    char *text = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const dl4c_status status = dl4c_graph_summary(graph, NULL, &text, &err);
    fuzz_check(status, text, &err);
    dl4c_free(text);
    run(graph);
    dl4c_graph_destroy(&graph);
}
