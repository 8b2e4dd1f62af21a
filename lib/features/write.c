/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a features store: the same work gives the same bytes. */
#include "fs/fs.h"
#include "features/write.h"
#include "base/escape.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "features/store.h"

#include <stdio.h>
#include <string.h>

static dl4c_status write_file(dl4c_context *ctx, const char *uri, const char *name, const void *const *parts, const size_t *sizes, int n,
                              struct dl4c_error *err)
{
    char *full;
    DLI_TRY(dli_uri_join(ctx, uri, name, &full, err));
    dl4c_fs_writer *w = NULL;
    dl4c_status status = dl4c_fs_create(ctx, full, &w, err);
    for (int i = 0; i < n && status == DL4C_OK; i++)
        status = dl4c_fs_write(w, parts[i], sizes[i], err);
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&w, err);
    else
        dl4c_fs_abandon(&w);
    dli_free(full);
    return status;
}

dl4c_status dli_store_begin(struct dli_store_writer *w, dl4c_context *ctx, const char *uri, dl4c_reader *reader,
                            const struct dli_store_facts *facts, const int64_t *shape, int32_t rank, const struct dli_store_plan *plan,
                            struct dl4c_error *err)
{
    memset(w, 0, sizeof *w);
    w->ctx = ctx;
    w->reader = reader;
    w->facts = *facts;
    w->rank = rank;
    w->floats = 1;
    w->shard_size = plan->shard_size;
    dli_strbuf_init(&w->job.header, ctx);
    dli_strbuf_init(&w->job.bad, ctx);
    memcpy(w->shape, shape, (size_t)rank * sizeof *shape);
    for (int32_t r = 0; r < rank; r++)
        if (!dli_mul_i64(w->floats, shape[r], &w->floats))
            return dli_fail(err, DL4C_E_LIMIT, "features", "a row is too large");
    w->uri = dli_strdup(ctx, uri, err);
    if (!w->uri)
        return dli_alloc_status();
    DLI_TRY(dl4c_fs_mkdir(ctx, uri, err));
    DLI_TRY(dli_store_target(w, plan, err));
    if (w->finished) {
        bool busy;
        DLI_TRY(dli_store_check(w, err));
        return dli_parts_tidy(ctx, w->uri, plan->watch, &busy, err);
    }
    char *work;
    DLI_TRY(dli_store_describe(w, &work, err));
    const dl4c_status status = dli_parts_begin(&w->parts, ctx, w->uri, work, dl4c_reader_count(reader), plan->shard_size, plan->part,
                                               plan->n_parts, plan->resume, plan->watch, err);
    dli_free(work);
    return status;
}

dl4c_status dli_store_has(const struct dli_store_writer *w, int64_t shard, bool *whole, struct dl4c_error *err)
{
    struct dli_record r;
    *whole = true;
    if (w->finished)
        return DL4C_OK;
    DLI_TRY(dli_parts_whole(&w->parts, shard, true, &r, whole, err));
    json_decref(r.bad);
    return DL4C_OK;
}

dl4c_status dli_store_todo(struct dli_store_writer *w, const int64_t *todo, int64_t n, struct dl4c_error *err)
{
    const int64_t images = dl4c_reader_count(w->reader), most = images < w->shard_size ? images : w->shard_size;
    size_t floats;
    w->todo = todo;
    w->n_todo = n;
    if (n == 0 || w->finished)
        return DL4C_OK;
    if (!dli_mul_size((size_t)most, (size_t)w->floats, &floats) || floats > SIZE_MAX / 8)
        return dli_fail(err, DL4C_E_LIMIT, "features", "a shard of %" PRId64 " rows of %" PRId64 " values is too large", w->shard_size,
                        w->floats);
    w->x = dli_array(w->ctx, floats, sizeof *w->x, err);
    w->images = w->x ? dli_array(w->ctx, (size_t)most, sizeof *w->images, err) : NULL;
    w->job.labels = w->images ? dli_array(w->ctx, (size_t)most, sizeof *w->job.labels, err) : NULL;
    if (w->job.labels && n > 1)
        w->spare = dli_array(w->ctx, floats, sizeof *w->spare, err);
    return !w->job.labels || (n > 1 && !w->spare) ? dli_alloc_status() : DL4C_OK;
}

/* A JSON text as a JSON string: what safetensors wants of metadata that is more than a word. */
static void add_nested(struct dli_strbuf *out, struct dli_strbuf *inner)
{
    dli_strbuf_json(out, inner->text ? inner->text : "");
    if (inner->err.status && !out->err.status)
        out->err = inner->err;
}

static void add_fact(struct dli_strbuf *b, const char *key, const char *value)
{
    if (!value)
        return;
    dli_strbuf_addf(b, "\"%s\":", key);
    dli_strbuf_json(b, value);
    dli_strbuf_addc(b, ',');
}

/* Keys in bytewise order; spaces behind it bring the data to a multiple of 64 bytes. */
static void add_header(struct dli_strbuf *b, const struct dli_store_writer *w, struct dli_strbuf *nested)
{
    char size[32];
    dli_strbuf_add(b, "{\"__metadata__\":{\"classes\":");
    nested->length = 0;
    dli_strbuf_addc(nested, '[');
    for (int32_t i = 0; i < dl4c_reader_class_count(w->reader); i++) {
        dli_strbuf_add(nested, i ? ", " : "");
        dli_strbuf_json(nested, dl4c_reader_class(w->reader, i));
    }
    dli_strbuf_addc(nested, ']');
    add_nested(b, nested);
    dli_strbuf_addc(b, ',');
    add_fact(b, "kernels", dl4c_cpu_kernels());
    add_fact(b, "memory", w->facts.memory);
    add_fact(b, "model", w->facts.digest);
    dli_strbuf_add(b, "\"paths\":");
    nested->length = 0;
    dli_strbuf_addc(nested, '[');
    for (int64_t i = 0; i < w->rows; i++) {
        dli_strbuf_add(nested, i ? ", " : "");
        dli_strbuf_json(nested, dl4c_reader_path(w->reader, w->images[i]));
    }
    dli_strbuf_addc(nested, ']');
    add_nested(b, nested);
    dli_strbuf_addc(b, ',');
    add_fact(b, "pool", w->facts.pool ? w->facts.pool : "none");
    add_fact(b, "precision", w->facts.precision);
    add_fact(b, "preprocess", w->facts.preprocess);
    snprintf(size, sizeof size, "%" PRId32 "x%" PRId32, w->facts.height, w->facts.width);
    add_fact(b, "size", size);
    add_fact(b, "transform", dl4c_reader_transform(w->reader));
    if (dl4c_reader_transform(w->reader)) {
        char seed[24];
        snprintf(seed, sizeof seed, "%" PRIu64, dl4c_reader_transform_seed(w->reader));
        add_fact(b, "transform_seed", seed);
    }
    dli_strbuf_add(b, "\"vertex\":");
    dli_strbuf_json(b, w->facts.vertex);
    const int64_t bytes = w->rows * w->floats * 4;
    dli_strbuf_addf(b, "},\"features\":{\"dtype\":\"F32\",\"shape\":[%" PRId64, w->rows);
    for (int32_t r = 0; r < w->rank; r++)
        dli_strbuf_addf(b, ",%" PRId64, w->shape[r]);
    dli_strbuf_addf(b,
                    "],\"data_offsets\":[0,%" PRId64 "]},\"labels\":{\"dtype\":\"I64\",\"shape\":[%" PRId64 "],\"data_offsets\":[%" PRId64
                    ",%" PRId64 "]}}",
                    bytes, w->rows, bytes, bytes + w->rows * 8);
    dli_strbuf_pad(b, ' ', (64 - (b->length + 8) % 64) % 64);
}

/* The shard's bytes, and after them what tells that it is whole. */
static dl4c_status write_job(const struct dli_shard_job *job, struct dl4c_error *err)
{
    const struct dli_store_writer *w = job->w;
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)job->header.length >> (8 * i));
    const void *parts[] = { length, job->header.text, job->x, job->labels };
    const size_t sizes[] = { 8, job->header.length, (size_t)(job->rows * w->floats) * sizeof *job->x,
                             (size_t)job->rows * sizeof *job->labels };
    struct dli_sha256 s;
    char hex[65], name[64];
    int64_t bytes = 0;
    dli_sha256_init(&s);
    for (int i = 0; i < 4; i++) {
        dli_sha256_add(&s, parts[i], sizes[i]);
        bytes += (int64_t)sizes[i];
    }
    dli_sha256_hex(&s, hex);
    snprintf(name, sizeof name, "features-%05" PRId64 ".safetensors", job->shard);
    DLI_TRY(write_file(w->ctx, w->uri, name, parts, sizes, 4, err));
    return dli_parts_save(&w->parts, job->shard, name, job->rows, bytes, hex, job->bad.text, err);
}

static void *job_main(void *arg)
{
    struct dli_shard_job *job = arg;
    const int32_t *before = dl4c_fs_watch(job->flag);
    job->status = write_job(job, &job->err);
    dl4c_fs_watch(before);
    return NULL;
}

static dl4c_status wait_job(struct dli_store_writer *w, struct dl4c_error *err)
{
    struct dli_shard_job *job = &w->job;
    if (!job->running)
        return DL4C_OK;
    pthread_join(job->thread, NULL);
    job->running = false;
    if (job->status != DL4C_OK && err)
        *err = job->err;
    return job->status;
}

/* A JSON array of the bad images of list positions below `end`. */
static dl4c_status add_bad(struct dli_store_writer *w, struct dli_strbuf *b, int64_t end, struct dl4c_error *err)
{
    const char *between = "";
    dli_strbuf_addc(b, '[');
    for (; w->bad_at < dl4c_reader_bad_count(w->reader); w->bad_at++) {
        int64_t image;
        const char *reason;
        DLI_TRY(dl4c_reader_bad(w->reader, w->bad_at, &image, &reason, err));
        if (image >= end)
            break;
        dli_strbuf_addf(b, "%s{\"path\": ", between);
        dli_strbuf_json(b, dl4c_reader_path(w->reader, image));
        dli_strbuf_add(b, ", \"reason\": ");
        dli_strbuf_json(b, reason);
        dli_strbuf_addc(b, '}');
        between = ", ";
    }
    dli_strbuf_addc(b, ']');
    return DL4C_OK;
}

static dl4c_status write_shard(struct dli_store_writer *w, struct dl4c_error *err)
{
    struct dli_shard_job *job = &w->job;
    struct dli_strbuf nested;
    DLI_TRY(wait_job(w, err));
    DLI_TRY(dli_claim_check(w->parts.claim, err));
    job->w = w;
    job->shard = w->todo[w->at];
    job->rows = w->rows;
    job->header.length = job->bad.length = 0;
    dli_strbuf_init(&nested, w->ctx);
    add_header(&job->header, w, &nested);
    dli_strbuf_free(&nested);
    DLI_TRY(add_bad(w, &job->bad, (job->shard + 1) * w->shard_size, err));
    const struct dli_strbuf *failed = job->header.err.status ? &job->header : job->bad.err.status ? &job->bad : NULL;
    if (failed) {
        if (err)
            *err = failed->err;
        return failed->err.status;
    }
    for (int64_t i = 0; i < w->rows; i++)
        job->labels[i] = dl4c_reader_label(w->reader, w->images[i]);
    w->rows = 0;
    w->at++;
    job->x = w->x;
    job->flag = dl4c_fs_watch(NULL);
    dl4c_fs_watch(job->flag);
    job->err = (struct dl4c_error)DL4C_ERROR_INIT;
    job->running = w->spare && dli_thread_start(&job->thread, job_main, job);
    if (!job->running)
        return write_job(job, err);
    w->x = w->spare;
    w->spare = (float *)(uintptr_t)job->x;
    return DL4C_OK;
}

dl4c_status dli_store_row(struct dli_store_writer *w, int64_t image, float **row, struct dl4c_error *err)
{
    while (image >= (w->todo[w->at] + 1) * w->shard_size)
        DLI_TRY(write_shard(w, err));
    w->images[w->rows] = image;
    *row = w->x + w->rows * w->floats;
    w->rows++;
    return DL4C_OK;
}

dl4c_status dli_store_flush(struct dli_store_writer *w, struct dl4c_error *err)
{
    while (w->at < w->n_todo)
        DLI_TRY(write_shard(w, err));
    DLI_TRY(wait_job(w, err));
    return dli_claim_check(w->parts.claim, err);
}

void dli_store_end(struct dli_store_writer *w)
{
    wait_job(w, NULL);
    dli_parts_end(&w->parts);
    if (w->ctx) {
        dli_strbuf_free(&w->job.header);
        dli_strbuf_free(&w->job.bad);
    }
    dli_free(w->job.labels);
    dli_free(w->uri);
    dli_free(w->x);
    dli_free(w->spare);
    dli_free(w->images);
    memset(w, 0, sizeof *w);
}
