/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a features store: the same work gives the same bytes. */
#include "fs/fs.h"
#include "features/write.h"
#include "base/escape.h"
#include "base/sha256.h"
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

static dl4c_status check_target(struct dli_store_writer *w, bool overwrite, struct dl4c_error *err)
{
    static const char *const finished[] = { "_SUCCESS", "manifest.json" };
    for (int i = 0; i < 2; i++) {
        char *name;
        DLI_TRY(dli_uri_join(w->ctx, w->uri, finished[i], &name, err));
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        struct dl4c_error none = DL4C_ERROR_INIT;
        dl4c_status status = dl4c_fs_stat_uri(w->ctx, name, &st, &none);
        if (status == DL4C_OK)
            status = overwrite ? dl4c_fs_remove(w->ctx, name, err)
                               : dli_fail(err, DL4C_E_EXISTS, "features", "%.300s is a finished store already", w->uri);
        else if (status == DL4C_E_NOTFOUND)
            status = DL4C_OK;
        else if (err)
            *err = none;
        dli_free(name);
        DLI_TRY(status);
    }
    return DL4C_OK;
}

dl4c_status dli_store_begin(struct dli_store_writer *w, dl4c_context *ctx, const char *uri, dl4c_reader *reader,
                            const struct dli_store_facts *facts, const int64_t *shape, int32_t rank, int64_t shard_size, bool overwrite,
                            struct dl4c_error *err)
{
    memset(w, 0, sizeof *w);
    w->ctx = ctx;
    w->reader = reader;
    w->facts = *facts;
    w->rank = rank;
    w->floats = 1;
    w->shard_size = shard_size;
    memcpy(w->shape, shape, (size_t)rank * sizeof *shape);
    for (int32_t r = 0; r < rank; r++)
        if (!dli_mul_i64(w->floats, shape[r], &w->floats))
            return dli_fail(err, DL4C_E_LIMIT, "features", "a row is too large");
    size_t floats;
    const int64_t most = dl4c_reader_count(reader) < shard_size ? dl4c_reader_count(reader) : shard_size;
    if (!dli_mul_size((size_t)most, (size_t)w->floats, &floats) || floats > SIZE_MAX / 8)
        return dli_fail(err, DL4C_E_LIMIT, "features", "a shard of %" PRId64 " rows of %" PRId64 " values is too large", shard_size,
                        w->floats);
    w->uri = dli_strdup(ctx, uri, err);
    w->x = w->uri ? dli_array(ctx, floats, sizeof *w->x, err) : NULL;
    w->images = w->x ? dli_array(ctx, (size_t)most, sizeof *w->images, err) : NULL;
    if (!w->images)
        return dli_alloc_status();
    w->shards = json_array();
    if (!w->shards)
        return dli_fail(err, DL4C_E_NOMEM, "features", "no memory for a manifest");
    DLI_TRY(dl4c_fs_mkdir(ctx, uri, err));
    return check_target(w, overwrite, err);
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

static dl4c_status write_shard(struct dli_store_writer *w, struct dl4c_error *err)
{
    struct dli_strbuf header, nested;
    dli_strbuf_init(&header, w->ctx);
    dli_strbuf_init(&nested, w->ctx);
    add_header(&header, w, &nested);
    dli_strbuf_free(&nested);
    dl4c_status status = header.err.status;
    if (status != DL4C_OK && err)
        *err = header.err;
    int64_t *labels = status == DL4C_OK ? dli_array(w->ctx, (size_t)w->rows, sizeof *labels, err) : NULL;
    if (status == DL4C_OK && !labels)
        status = dli_alloc_status();
    if (status == DL4C_OK) {
        unsigned char length[8];
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)header.length >> (8 * i));
        for (int64_t i = 0; i < w->rows; i++)
            labels[i] = dl4c_reader_label(w->reader, w->images[i]);
        const void *parts[] = { length, header.text, w->x, labels };
        const size_t sizes[] = { 8, header.length, (size_t)(w->rows * w->floats) * sizeof *w->x, (size_t)w->rows * sizeof *labels };
        struct dli_sha256 s;
        char hex[65], name[64];
        dli_sha256_init(&s);
        for (int i = 0; i < 4; i++)
            dli_sha256_add(&s, parts[i], sizes[i]);
        dli_sha256_hex(&s, hex);
        snprintf(name, sizeof name, "features-%05" PRId64 ".safetensors", w->shard);
        status = write_file(w->ctx, w->uri, name, parts, sizes, 4, err);
        json_t *entry = json_pack("{s:s, s:I, s:s}", "name", name, "rows", (json_int_t)w->rows, "sha256", hex);
        if (status == DL4C_OK && (!entry || json_array_append(w->shards, entry) != 0))
            status = dli_fail(err, DL4C_E_NOMEM, "features", "no memory for the manifest");
        json_decref(entry);
    }
    dli_free(labels);
    dli_strbuf_free(&header);
    w->rows = 0;
    w->shard++;
    return status;
}

dl4c_status dli_store_row(struct dli_store_writer *w, int64_t image, float **row, struct dl4c_error *err)
{
    while (image >= (w->shard + 1) * w->shard_size)
        DLI_TRY(write_shard(w, err));
    w->images[w->rows] = image;
    *row = w->x + w->rows * w->floats;
    w->rows++;
    return DL4C_OK;
}

static dl4c_status write_bad(struct dli_store_writer *w, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, w->ctx);
    dl4c_status status = DL4C_OK;
    for (int64_t k = 0; k < dl4c_reader_bad_count(w->reader) && status == DL4C_OK; k++) {
        int64_t image;
        const char *reason;
        status = dl4c_reader_bad(w->reader, k, &image, &reason, err);
        if (status != DL4C_OK)
            break;
        dli_strbuf_add(&b, "{\"path\": ");
        dli_strbuf_json(&b, dl4c_reader_path(w->reader, image));
        dli_strbuf_add(&b, ", \"reason\": ");
        dli_strbuf_json(&b, reason);
        dli_strbuf_add(&b, "}\n");
    }
    if (status == DL4C_OK && b.err.status) {
        status = b.err.status;
        if (err)
            *err = b.err;
    }
    if (status == DL4C_OK) {
        const void *part = b.text ? b.text : "";
        status = write_file(w->ctx, w->uri, "bad.jsonl", &part, &b.length, 1, err);
    }
    dli_strbuf_free(&b);
    return status;
}

/* For jansson: text that it prints. */
static int add_text(const char *text, size_t n, void *buffer)
{
    struct dli_strbuf *b = buffer;
    dli_strbuf_addn(b, text, n);
    return b->err.status ? -1 : 0;
}

dl4c_status dli_store_finish(struct dli_store_writer *w, struct dl4c_error *err)
{
    while (w->shard * w->shard_size < dl4c_reader_count(w->reader))
        DLI_TRY(write_shard(w, err));
    DLI_TRY(write_bad(w, err));
    struct dli_strbuf text;
    dli_strbuf_init(&text, w->ctx);
    json_t *manifest = json_pack("{s:O}", "shards", w->shards);
    dl4c_status status = DL4C_OK;
    if (!manifest || json_dump_callback(manifest, add_text, &text, JSON_INDENT(1) | JSON_SORT_KEYS) != 0)
        status = DL4C_E_NOMEM;
    json_decref(manifest);
    dli_strbuf_addc(&text, '\n');
    if (text.err.status != DL4C_OK) {
        status = text.err.status;
        if (err)
            *err = text.err;
    } else if (status != DL4C_OK) {
        dli_fail(err, status, "features", "no memory for the manifest");
    }
    if (status != DL4C_OK) {
        dli_strbuf_free(&text);
        return status;
    }
    const void *part = text.text;
    const size_t none = 0;
    status = write_file(w->ctx, w->uri, "manifest.json", &part, &text.length, 1, err);
    dli_strbuf_free(&text);
    const void *empty = "";
    return status == DL4C_OK ? write_file(w->ctx, w->uri, "_SUCCESS", &empty, &none, 1, err) : status;
}

void dli_store_end(struct dli_store_writer *w)
{
    json_decref(w->shards);
    dli_free(w->uri);
    dli_free(w->x);
    dli_free(w->images);
    memset(w, 0, sizeof *w);
}
