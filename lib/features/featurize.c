/* SPDX-License-Identifier: Apache-2.0 */
/* Every image once through a frozen trunk, and what comes out into stores. */
#include "features/pass.h"
#include "features/write.h"
#include "graph/digest.h"
#include "graph/graph.h"
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
    struct dli_pass pass;
    char **digests; /* [n]: of the vertex and what it depends on: the same as in a run for it alone */
    int64_t shard_size;
    int64_t *todo, n_todo; /* shards to be made */
    int64_t *images_todo;  /* their list positions */
};

static const char *pool_name(int32_t pool) { return pool == DL4C_POOL_AVG ? "avg" : pool == DL4C_POOL_MAX ? "max" : NULL; }

/* A row as it is stored. Sums of the average run in double, in the order of the pixels. */
static void store_row(const struct featurize *f, int32_t k, const float *x, float *row)
{
    const struct dl4c_shape *s = &f->pass.shapes[k];
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

static dl4c_status begin_stores(struct featurize *f, const char *out, struct dli_watch *watch, struct dl4c_error *err)
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
                                           .height = (int32_t)f->pass.info.shape[1],
                                           .width = (int32_t)f->pass.info.shape[2] };
    for (int32_t k = 0; k < f->n; k++) {
        struct dli_store_facts own = facts;
        own.digest = f->digests[k];
        own.vertex = f->at[k];
        const struct dl4c_shape *s = &f->pass.shapes[k];
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

static dl4c_status store_batch(void *user, const struct dl4c_batch *b, struct dl4c_error *err)
{
    struct featurize *f = user;
    for (int32_t k = 0; k < f->n; k++) {
        dl4c_tensor *y;
        DLI_TRY(dl4c_session_output(f->pass.session, k, &y, err));
        int64_t floats = 1;
        for (int32_t r = 0; r < f->pass.shapes[k].rank; r++)
            floats *= f->pass.shapes[k].dim[r];
        for (int64_t i = 0; i < b->n && !f->stores[k].finished; i++) {
            float *row;
            DLI_TRY(dli_store_row(&f->stores[k], b->index[i], &row, err));
            store_row(f, k, (const float *)dl4c_tensor_data_const(y) + i * floats, row);
        }
    }
    return DL4C_OK;
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
    struct dli_watch watch;
    int64_t n_images = 0;
    DLI_TRY(dli_pass_begin(&f->pass, err));
    for (int32_t k = 0; k < f->n; k++) {
        int32_t at;
        DLI_TRY(dli_graph_lookup(f->trunk, f->at[k], &at, err));
        DLI_TRY(dli_graph_digest_at(f->trunk, at, &f->digests[k], err));
    }
    dli_watch_init(&watch, "featurize", f->o.progress, f->o.progress_user, f->o.cancel, f->o.timeout_ms);
    DLI_TRY(begin_stores(f, out, &watch, err));
    DLI_TRY(plan_shards(f, &n_images, &watch, err));
    DLI_TRY(dli_pass_run(&f->pass, f->images_todo, n_images, &watch, store_batch, f, err));
    for (int32_t k = 0; k < f->n; k++)
        DLI_TRY(dli_store_finish(&f->stores[k], err));
    watch.now.done = watch.now.total;
    (void)dli_watch_report(&watch, true, NULL); /* who cancels now comes too late: it is done, and says so on the disk */
    return DL4C_OK;
}

dl4c_status dl4c_featurize(dl4c_graph *trunk, dl4c_reader *images, const char *out, const struct dl4c_featurize_options *options,
                           struct dl4c_error *err)
{
    if (!trunk || !images || !out)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "a trunk, images and a place for the features are wanted");
    struct featurize f = { .ctx = trunk->ctx, .trunk = trunk, .images = images };
    DLI_TRY(dli_struct_in(&f.o, sizeof f.o, options, "featurize", err));
    DLI_TRY(dli_pass_check("featurize", f.o.flags, DL4C_FEATURIZE_LOW_MEMORY | DL4C_FEATURIZE_RESUME, f.o.part, f.o.n_parts,
                           f.o.timeout_ms, f.o.reserved, err));
    if (f.o.pool < DL4C_POOL_NONE || f.o.pool > DL4C_POOL_MAX || f.o.batch < 0 || f.o.shard_size < 0 || (f.o.at && f.o.n_at < 1))
        return dli_fail(err, DL4C_E_INVALID, "featurize",
                        "pool is %" PRId32 ", batch %" PRId64 ", shard_size %" PRId64 ", vertices %" PRId32, f.o.pool, f.o.batch,
                        f.o.shard_size, f.o.n_at);
    if (f.o.overwrite && (f.o.flags & DL4C_FEATURIZE_RESUME))
        return dli_fail(err, DL4C_E_INVALID, "featurize", "a store is resumed or overwritten, not both");
    for (int32_t k = 0; f.o.at && k < f.o.n_at; k++)
        if (!f.o.at[k])
            return dli_fail(err, DL4C_E_INVALID, "featurize", "the name of vertex %" PRId32 " of %" PRId32 " is NULL", k, f.o.n_at);
    f.shard_size = f.o.shard_size ? f.o.shard_size : 1024;
    f.n = f.o.at ? f.o.n_at : trunk->n_outputs;
    f.at = dli_calloc(f.ctx, (size_t)f.n, sizeof *f.at, err);
    f.stores = f.at ? dli_calloc(f.ctx, (size_t)f.n, sizeof *f.stores, err) : NULL;
    f.digests = f.stores ? dli_calloc(f.ctx, (size_t)f.n, sizeof *f.digests, err) : NULL;
    dl4c_status status = f.digests ? DL4C_OK : dli_alloc_status();
    for (int32_t k = 0; k < f.n && status == DL4C_OK; k++)
        f.at[k] = f.o.at ? f.o.at[k] : trunk->vertices[trunk->outputs[k]].name;
    f.pass = (struct dli_pass){ .origin = "featurize", .graph = trunk, .images = images, .at = f.at, .n_at = f.n, .threads = f.o.threads,
                                .precision = f.o.precision, .batch = f.o.batch,
                                .low_memory = (f.o.flags & DL4C_FEATURIZE_LOW_MEMORY) != 0 };
    if (status == DL4C_OK)
        status = check_folders(&f, err);
    if (status == DL4C_OK)
        status = run_all(&f, out, err);
    for (int32_t k = 0; f.stores && k < f.n; k++)
        dli_store_end(&f.stores[k]);
    for (int32_t k = 0; f.digests && k < f.n; k++)
        dli_free(f.digests[k]);
    dli_pass_end(&f.pass);
    dli_free(f.todo);
    dli_free(f.images_todo);
    dli_free(f.digests);
    dli_free(f.at);
    dli_free(f.stores);
    return status;
}
