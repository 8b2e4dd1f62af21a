/* SPDX-License-Identifier: Apache-2.0 */
/* What featurizing and predicting have in common. */
#include "features/pass.h"
#include "graph/graph.h"
#include "reader/reader.h"

#include <string.h>

dl4c_status dli_pass_check(const char *origin, uint64_t flags, uint64_t known, int32_t part, int32_t n_parts, int64_t timeout_ms,
                           int32_t reserved, struct dl4c_error *err)
{
    if (flags & ~known)
        return dli_fail(err, DL4C_E_VERSION, origin, "flags %#" PRIx64 " are not known to this library", flags);
    if (reserved)
        return dli_fail(err, DL4C_E_INVALID, origin, "reserved is %" PRId32 ", wanted 0", reserved);
    if (n_parts < 0 || part < (n_parts ? 1 : 0) || part > n_parts)
        return dli_fail(err, DL4C_E_INVALID, origin, "part %" PRId32 " of %" PRId32 " was asked for, wanted 1 of 1 or more", part, n_parts);
    if (timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, origin, "timeout_ms is %" PRId64 ", wanted 0 or more", timeout_ms);
    return DL4C_OK;
}

dl4c_status dli_pass_begin(struct dli_pass *p, struct dl4c_error *err)
{
    p->source = dl4c_reader_source(p->images);
    p->info = (struct dl4c_source_info)DL4C_SOURCE_INFO_INIT;
    DLI_TRY(dl4c_source_get_info(p->source, &p->info, err));
    struct dl4c_shape in = { .rank = p->info.rank };
    memcpy(in.dim, p->info.shape, sizeof p->info.shape);
    if (dl4c_graph_input_count(p->graph) != 1)
        return dli_fail(err, DL4C_E_INVALID, p->origin, "the graph has %" PRId32 " inputs, wanted one that takes images",
                        dl4c_graph_input_count(p->graph));
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    so.batch = p->batch = p->batch ? p->batch : 16;
    so.outputs = p->at;
    so.n_outputs = p->n_at;
    so.threads = p->threads;
    so.precision = p->precision;
    so.input_shapes = &in;
    so.n_input_shapes = 1;
    so.flags = DL4C_SESSION_CHANNELS_FIRST | (p->low_memory ? DL4C_SESSION_LOW_MEMORY : 0);
    p->shapes = dli_calloc(p->graph->ctx, (size_t)p->n_at, sizeof *p->shapes, err);
    if (!p->shapes)
        return dli_alloc_status();
    DLI_TRY(dl4c_session_create(p->graph->ctx, p->graph, &so, &p->session, err));
    for (int32_t k = 0; k < p->n_at; k++)
        DLI_TRY(dl4c_session_output_shape(p->session, k, &p->shapes[k], err));
    return DL4C_OK;
}

static int64_t megabytes(int64_t bytes) { return (bytes + 999999) / 1000000; }

static void tell_memory(const struct dli_pass *p)
{
    struct dl4c_session_memory m = DL4C_SESSION_MEMORY_INIT;
    if (dl4c_session_get_memory(p->session, &m, NULL) == DL4C_OK)
        dli_log(p->graph->ctx, DL4C_LOG_INFO, p->origin,
                "the network takes %" PRId64 " MB of memory, images that are read at most %" PRId64 " MB and what the decoders need",
                megabytes(m.total_bytes), megabytes(dli_reader_memory(p->images, p->batch)));
}

static dl4c_status run_batch(struct dli_pass *p, const struct dl4c_batch *b, struct dl4c_error *err)
{
    int64_t shape[DL4C_MAX_RANK] = { b->n };
    memcpy(shape + 1, p->info.shape, (size_t)p->info.rank * sizeof *shape);
    dl4c_tensor *x = NULL;
    DLI_TRY(dl4c_tensor_wrap(p->graph->ctx, DL4C_F32, shape, NULL, p->info.rank + 1, (void *)(uintptr_t)b->x, DL4C_WRAP_READ_ONLY, NULL,
                             NULL, &x, err));
    const dl4c_status status = dl4c_session_run(p->session, &x, 1, err);
    dl4c_tensor_unref(&x);
    return status;
}

static dl4c_status run_all(struct dli_pass *p, struct dli_watch *watch, dli_pass_fn fn, void *user, struct dl4c_error *err)
{
    int64_t rows = 0;
    DLI_TRY(dl4c_source_reset(p->source, 0, 0, 0, err));
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        DLI_TRY(dli_watch_report(watch, false, err));
        DLI_TRY(dl4c_source_next(p->source, p->batch, &b, err));
        watch->now.bad = dl4c_reader_bad_count(p->images);
        if (b.n == 0)
            return DL4C_OK;
        DLI_TRY(run_batch(p, &b, err));
        DLI_TRY(fn(user, &b, err));
        rows += b.n;
        watch->now.done = rows + watch->now.bad;
    }
}

dl4c_status dli_pass_run(struct dli_pass *p, const int64_t *images, int64_t n, struct dli_watch *watch, dli_pass_fn fn, void *user,
                         struct dl4c_error *err)
{
    watch->now.total = n;
    dli_reader_pick(p->images, images, n);
    dli_reader_watch(p->images, watch);
    tell_memory(p);
    const dl4c_status status = run_all(p, watch, fn, user, err);
    dli_reader_pick(p->images, NULL, 0);
    dli_reader_watch(p->images, NULL);
    return status;
}

void dli_pass_end(struct dli_pass *p)
{
    dl4c_session_destroy(&p->session);
    dli_free(p->shapes);
    p->shapes = NULL;
}
