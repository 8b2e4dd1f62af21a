/* SPDX-License-Identifier: Apache-2.0 */
/* Every image once through a frozen trunk: the reader decodes ahead while the session runs. */
#include "base/deadline.h"
#include "features/write.h"
#include "graph/digest.h"
#include "graph/graph.h"
#include "reader/reader.h"
#include <dl4c/features.h>

#include <string.h>

struct featurize {
    dl4c_context *ctx;
    dl4c_graph *trunk;
    dl4c_reader *images;
    struct dl4c_featurize_options o;
    int32_t n;                       /* stores */
    const char **at;                 /* [n] vertices */
    struct dli_store_writer *stores; /* [n] */
    struct dl4c_shape *shapes;       /* [n]: of the vertices' values */
    dl4c_session *session;
    char **digests; /* [n]: of the vertex and what it depends on: the same as in a run for it alone */
    int64_t shard_size;
    int64_t *todo, n_todo; /* shards to be made */
    int64_t *images_todo;  /* their list positions */
};

static const char *pool_name(int32_t pool) { return pool == DL4C_POOL_AVG ? "avg" : pool == DL4C_POOL_MAX ? "max" : NULL; }

/* A row as it is stored. Sums of the average run in double, in the order of the pixels. */
static void store_row(const struct featurize *f, int32_t k, const float *x, float *row)
{
    const struct dl4c_shape *s = &f->shapes[k];
    if (f->o.pool == DL4C_POOL_NONE || s->rank != 3) {
        memcpy(row, x, (size_t)f->stores[k].floats * sizeof *row);
        return;
    }
    const int64_t hw = s->dim[1] * s->dim[2];
    for (int64_t c = 0; c < s->dim[0]; c++, x += hw) {
        double sum = 0;
        float most = x[0];
        for (int64_t i = 0; i < hw; i++) {
            sum += (double)x[i];
            most = x[i] > most || x[i] != x[i] ? x[i] : most; /* NaN wins, and nothing is larger */
        }
        row[c] = f->o.pool == DL4C_POOL_AVG ? (float)(sum / (double)hw) : most;
    }
}

static dl4c_status make_session(struct featurize *f, const struct dl4c_source_info *info, struct dl4c_error *err)
{
    struct dl4c_shape in = { .rank = info->rank };
    memcpy(in.dim, info->shape, sizeof info->shape);
    if (dl4c_graph_input_count(f->trunk) != 1)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "the trunk has %" PRId32 " inputs, wanted one that takes images",
                        dl4c_graph_input_count(f->trunk));
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    so.batch = f->o.batch ? f->o.batch : 16;
    so.outputs = f->at;
    so.n_outputs = f->n;
    so.threads = f->o.threads;
    so.precision = f->o.precision;
    so.input_shapes = &in;
    so.n_input_shapes = 1;
    so.flags = DL4C_SESSION_CHANNELS_FIRST | (f->o.flags & DL4C_FEATURIZE_LOW_MEMORY ? DL4C_SESSION_LOW_MEMORY : 0);
    DLI_TRY(dl4c_session_create(f->ctx, f->trunk, &so, &f->session, err));
    for (int32_t k = 0; k < f->n; k++)
        DLI_TRY(dl4c_session_output_shape(f->session, k, &f->shapes[k], err));
    return DL4C_OK;
}

/* OUT, or OUT/VERTEX with '/' replaced where there are several. */
static char *store_uri(const struct featurize *f, const char *out, int32_t k, struct dl4c_error *err)
{
    struct dli_strbuf b;
    char *text;
    dli_strbuf_init(&b, f->ctx);
    dli_strbuf_add(&b, out);
    if (f->n > 1) {
        const size_t from = b.length + 1;
        dli_strbuf_addf(&b, "/%s", f->at[k]);
        for (size_t i = from; b.text && i < b.length; i++)
            if (b.text[i] == '/')
                b.text[i] = '_';
    }
    return dli_strbuf_take(&b, &text, err) == DL4C_OK ? text : NULL;
}

static dl4c_status begin_stores(struct featurize *f, const struct dl4c_source_info *info, const char *out, struct dli_watch *watch,
                                struct dl4c_error *err)
{
    const struct dli_store_plan plan = { .shard_size = f->shard_size,
                                         .part = f->o.n_parts ? f->o.part : 1,
                                         .n_parts = f->o.n_parts ? f->o.n_parts : 1,
                                         .overwrite = f->o.overwrite != 0,
                                         .resume = (f->o.flags & DL4C_FEATURIZE_RESUME) != 0,
                                         .watch = watch };
    const struct dli_store_facts facts = { .preprocess = dl4c_reader_preprocess(f->images),
                                           .pool = pool_name(f->o.pool),
                                           .precision = f->o.precision ? dl4c_precision_name(f->o.precision) : NULL,
                                           .memory = f->o.flags & DL4C_FEATURIZE_LOW_MEMORY ? "low" : NULL,
                                           .height = (int32_t)info->shape[1],
                                           .width = (int32_t)info->shape[2] };
    for (int32_t k = 0; k < f->n; k++) {
        struct dli_store_facts own = facts;
        own.digest = f->digests[k];
        own.vertex = f->at[k];
        const struct dl4c_shape *s = &f->shapes[k];
        const bool pooled = f->o.pool != DL4C_POOL_NONE && s->rank == 3;
        if (!pooled)
            own.pool = NULL;
        char *uri = store_uri(f, out, k, err);
        if (!uri)
            return dli_alloc_status();
        const dl4c_status status =
            dli_store_begin(&f->stores[k], f->ctx, uri, f->images, &own, s->dim, pooled ? 1 : s->rank, &plan, err);
        dli_free(uri);
        DLI_TRY(status);
    }
    return DL4C_OK;
}

static dl4c_status run_batch(struct featurize *f, const struct dl4c_source_info *info, const struct dl4c_batch *b, struct dl4c_error *err)
{
    int64_t shape[DL4C_MAX_RANK] = { b->n };
    memcpy(shape + 1, info->shape, (size_t)info->rank * sizeof *shape);
    dl4c_tensor *x = NULL;
    DLI_TRY(
        dl4c_tensor_wrap(f->ctx, DL4C_F32, shape, NULL, info->rank + 1, (void *)(uintptr_t)b->x, DL4C_WRAP_READ_ONLY, NULL, NULL, &x, err));
    dl4c_status status = dl4c_session_run(f->session, &x, 1, err);
    dl4c_tensor_unref(&x);
    for (int32_t k = 0; k < f->n && status == DL4C_OK; k++) {
        dl4c_tensor *y;
        status = dl4c_session_output(f->session, k, &y, err);
        int64_t floats = 1;
        for (int32_t r = 0; r < f->shapes[k].rank; r++)
            floats *= f->shapes[k].dim[r];
        for (int64_t i = 0; i < b->n && status == DL4C_OK && !f->stores[k].finished; i++) {
            float *row;
            status = dli_store_row(&f->stores[k], b->index[i], &row, err);
            if (status == DL4C_OK)
                store_row(f, k, (const float *)dl4c_tensor_data_const(y) + i * floats, row);
        }
    }
    return status;
}

static bool same_folder(const char *a, const char *b)
{
    while (*a && (*a == '/' ? '_' : *a) == (*b == '/' ? '_' : *b))
        a++, b++;
    return *a == *b;
}

/* Two stores in one folder would write over each other. */
static dl4c_status check_folders(const struct featurize *f, struct dl4c_error *err)
{
    for (int32_t k = 0; k < f->n; k++)
        for (int32_t j = 0; j < k; j++)
            if (same_folder(f->at[j], f->at[k]))
                return dli_fail(err, DL4C_E_INVALID, "featurize", "vertices '%.200s' and '%.200s' would share a folder", f->at[j],
                                f->at[k]);
    return DL4C_OK;
}

/* The shards of this part that some store lacks, and the images in them. */
static dl4c_status plan_shards(struct featurize *f, int64_t *n_images, struct dli_watch *watch, struct dl4c_error *err)
{
    const int64_t n = dl4c_reader_count(f->images), shards = n / f->shard_size + (n % f->shard_size != 0);
    const int64_t parts = f->o.n_parts ? f->o.n_parts : 1, first = f->o.n_parts ? f->o.part - 1 : 0;
    f->todo = dli_array(f->ctx, (size_t)shards, sizeof *f->todo, err);
    f->images_todo = f->todo ? dli_array(f->ctx, (size_t)n, sizeof *f->images_todo, err) : NULL;
    if (!f->images_todo)
        return dli_alloc_status();
    for (int64_t shard = first; shard < shards; shard += parts) {
        bool whole = true;
        for (int32_t k = 0; k < f->n && whole; k++)
            DLI_TRY(dli_store_has(&f->stores[k], shard, &whole, err));
        DLI_TRY(dli_watch_check(watch, err));
        if (whole)
            continue;
        f->todo[f->n_todo++] = shard;
        for (int64_t i = shard * f->shard_size; i < n && i < (shard + 1) * f->shard_size; i++)
            f->images_todo[(*n_images)++] = i;
    }
    for (int32_t k = 0; k < f->n; k++)
        DLI_TRY(dli_store_todo(&f->stores[k], f->todo, f->n_todo, err));
    return DL4C_OK;
}

static dl4c_status run_all(struct featurize *f, const char *out, struct dl4c_error *err)
{
    dl4c_source *source = dl4c_reader_source(f->images);
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    DLI_TRY(dl4c_source_get_info(source, &info, err));
    DLI_TRY(make_session(f, &info, err));
    for (int32_t k = 0; k < f->n; k++) {
        int32_t at;
        DLI_TRY(dli_graph_lookup(f->trunk, f->at[k], &at, err));
        DLI_TRY(dli_graph_digest_at(f->trunk, at, &f->digests[k], err));
    }
    struct dli_watch watch;
    dli_watch_init(&watch, "featurize", f->o.progress, f->o.progress_user, f->o.cancel, f->o.timeout_ms);
    DLI_TRY(begin_stores(f, &info, out, &watch, err));
    DLI_TRY(plan_shards(f, &watch.now.total, &watch, err));
    dli_reader_pick(f->images, f->images_todo, watch.now.total);
    DLI_TRY(dl4c_source_reset(source, 0, 0, 0, err));
    int64_t rows = 0;
    while (f->n_todo > 0) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        DLI_TRY(dli_watch_report(&watch, false, err));
        DLI_TRY(dl4c_source_next(source, f->o.batch ? f->o.batch : 16, &b, err));
        if (b.n == 0)
            break;
        DLI_TRY(run_batch(f, &info, &b, err));
        rows += b.n;
        watch.now.bad = dl4c_reader_bad_count(f->images);
        watch.now.done = rows + watch.now.bad;
    }
    for (int32_t k = 0; k < f->n; k++)
        DLI_TRY(dli_store_finish(&f->stores[k], err));
    watch.now.done = watch.now.total;
    return dli_watch_report(&watch, true, err);
}

dl4c_status dl4c_featurize(dl4c_graph *trunk, dl4c_reader *images, const char *out, const struct dl4c_featurize_options *options,
                           struct dl4c_error *err)
{
    if (!trunk || !images || !out)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "a trunk, images and a place for the features are wanted");
    struct featurize f = { .ctx = trunk->ctx, .trunk = trunk, .images = images };
    DLI_TRY(dli_struct_in(&f.o, sizeof f.o, options, "featurize", err));
    if (f.o.flags & ~(uint64_t)(DL4C_FEATURIZE_LOW_MEMORY | DL4C_FEATURIZE_RESUME))
        return dli_fail(err, DL4C_E_VERSION, "featurize", "flags %#" PRIx64 " are not known to this library", f.o.flags);
    if (f.o.reserved)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "reserved is %" PRId32 ", wanted 0", f.o.reserved);
    if (f.o.pool < DL4C_POOL_NONE || f.o.pool > DL4C_POOL_MAX || f.o.batch < 0 || f.o.shard_size < 0 || (f.o.at && f.o.n_at < 1))
        return dli_fail(err, DL4C_E_INVALID, "featurize",
                        "pool is %" PRId32 ", batch %" PRId64 ", shard_size %" PRId64 ", vertices %" PRId32, f.o.pool, f.o.batch,
                        f.o.shard_size, f.o.n_at);
    if (f.o.n_parts < 0 || f.o.part < (f.o.n_parts ? 1 : 0) || f.o.part > f.o.n_parts)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "part %" PRId32 " of %" PRId32 " was asked for, wanted 1 of 1 or more", f.o.part,
                        f.o.n_parts);
    if (f.o.overwrite && (f.o.flags & DL4C_FEATURIZE_RESUME))
        return dli_fail(err, DL4C_E_INVALID, "featurize", "a store is resumed or overwritten, not both");
    if (f.o.timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "timeout_ms is %" PRId64 ", wanted 0 or more", f.o.timeout_ms);
    for (int32_t k = 0; f.o.at && k < f.o.n_at; k++)
        if (!f.o.at[k])
            return dli_fail(err, DL4C_E_INVALID, "featurize", "the name of vertex %" PRId32 " of %" PRId32 " is NULL", k, f.o.n_at);
    f.shard_size = f.o.shard_size ? f.o.shard_size : 1024;
    f.n = f.o.at ? f.o.n_at : trunk->n_outputs;
    f.at = dli_calloc(f.ctx, (size_t)f.n, sizeof *f.at, err);
    f.stores = f.at ? dli_calloc(f.ctx, (size_t)f.n, sizeof *f.stores, err) : NULL;
    f.shapes = f.stores ? dli_calloc(f.ctx, (size_t)f.n, sizeof *f.shapes, err) : NULL;
    f.digests = f.shapes ? dli_calloc(f.ctx, (size_t)f.n, sizeof *f.digests, err) : NULL;
    dl4c_status status = f.digests ? DL4C_OK : dli_alloc_status();
    for (int32_t k = 0; k < f.n && status == DL4C_OK; k++)
        f.at[k] = f.o.at ? f.o.at[k] : trunk->vertices[trunk->outputs[k]].name;
    if (status == DL4C_OK)
        status = check_folders(&f, err);
    if (status == DL4C_OK)
        status = run_all(&f, out, err);
    dli_reader_pick(images, NULL, 0);
    for (int32_t k = 0; f.stores && k < f.n; k++)
        dli_store_end(&f.stores[k]);
    for (int32_t k = 0; f.digests && k < f.n; k++)
        dli_free(f.digests[k]);
    dl4c_session_destroy(&f.session);
    dli_free(f.todo);
    dli_free(f.images_todo);
    dli_free(f.digests);
    dli_free(f.at);
    dli_free(f.stores);
    dli_free(f.shapes);
    return status;
}
