/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of writing a store: what is there already, and what is written when every shard is whole. */
#include "base/escape.h"
#include "features/write.h"
#include "fs/fs.h"
#include <dl4c/features.h>

#include <stdio.h>
#include <string.h>

enum { RECORDED = 10, FACTS };

/* What makes the store that it is, apart from its images: all but the shape stand in the shards' metadata under these keys. */
struct fact_texts {
    char size[32], seed[24], shape[DL4C_MAX_RANK * 24];
    const char *facts[FACTS][2];
};

static void tell_facts(const struct dli_store_writer *w, struct fact_texts *t)
{
    const char *transform = dl4c_reader_transform(w->reader);
    int n = 0;
    t->shape[0] = '\0';
    snprintf(t->size, sizeof t->size, "%" PRId32 "x%" PRId32, w->facts.height, w->facts.width);
    snprintf(t->seed, sizeof t->seed, "%" PRIu64, dl4c_reader_transform_seed(w->reader));
    for (int32_t r = 0; r < w->rank; r++)
        n += snprintf(t->shape + n, sizeof t->shape - (size_t)n, "%s%" PRId64, r ? "x" : "", w->shape[r]);
    const char *const facts[FACTS][2] = {
        { "model", w->facts.digest },
        { "vertex", w->facts.vertex },
        { "preprocess", w->facts.preprocess },
        { "size", t->size },
        { "pool", w->facts.pool ? w->facts.pool : "none" },
        { "precision", w->facts.precision },
        { "memory", w->facts.memory },
        { "kernels", dl4c_cpu_kernels() },
        { "transform", transform },
        { "transform_seed", transform ? t->seed : NULL },
        { "shape", t->shape },
    };
    memcpy(t->facts, facts, sizeof facts);
}

dl4c_status dli_store_describe(const struct dli_store_writer *w, char **work, struct dl4c_error *err)
{
    struct fact_texts t;
    tell_facts(w, &t);
    return dli_parts_describe(w->ctx, w->reader, w->shard_size, (const char *const(*)[2])t.facts, FACTS, work, err);
}

/* Whether the store's folder has a file of that name. */
static dl4c_status has_file(const struct dli_store_writer *w, const char *name, bool *there, bool take_away, struct dl4c_error *err)
{
    char *uri;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error none = DL4C_ERROR_INIT;
    DLI_TRY(dli_uri_join(w->ctx, w->uri, name, &uri, err));
    dl4c_status status = dl4c_fs_stat_uri(w->ctx, uri, &st, &none);
    *there = status == DL4C_OK;
    if (status == DL4C_OK && take_away)
        status = dl4c_fs_remove(w->ctx, uri, err);
    else if (status == DL4C_E_NOTFOUND)
        status = DL4C_OK;
    else if (status != DL4C_OK && err)
        *err = none;
    dli_free(uri);
    return status;
}

dl4c_status dli_store_target(struct dli_store_writer *w, const struct dli_store_plan *plan, struct dl4c_error *err)
{
    bool manifest;
    DLI_TRY(has_file(w, "_SUCCESS", &w->finished, plan->overwrite, err));
    DLI_TRY(has_file(w, "manifest.json", &manifest, plan->overwrite, err));
    bool begun = false; /* a manifest alone is a store by other means, unless its writer was about to say that it is done */
    if (manifest && !w->finished && plan->resume)
        DLI_TRY(has_file(w, "_progress", &begun, false, err));
    if (plan->overwrite)
        w->finished = false;
    else if ((w->finished && !plan->resume) || (manifest && !w->finished && !begun))
        return dli_fail(err, DL4C_E_EXISTS, "features", "%.300s is a finished store already", w->uri);
    return DL4C_OK;
}

static void add_bad_lines(struct dli_strbuf *b, json_t *bad)
{
    for (size_t i = 0; i < json_array_size(bad); i++) {
        dli_strbuf_add(b, "{\"path\": ");
        dli_strbuf_json(b, json_string_value(json_object_get(json_array_get(bad, i), "path")));
        dli_strbuf_add(b, ", \"reason\": ");
        dli_strbuf_json(b, json_string_value(json_object_get(json_array_get(bad, i), "reason")));
        dli_strbuf_add(b, "}\n");
    }
}

/* What all shards together are. */
struct ending {
    struct dli_strbuf bad, manifest;
    int64_t shards, rows;
    char first_bad[400];
};

static void add_shard(struct ending *e, const struct dli_record *r)
{
    dli_strbuf_addf(&e->manifest, "%s\n  {\n   \"name\": \"%s\",\n   \"rows\": %" PRId64 ",\n   \"sha256\": \"%s\"\n  }",
                    e->shards ? "," : "", r->name, r->rows, r->sha256);
    add_bad_lines(&e->bad, r->bad);
    json_t *first = json_array_get(r->bad, 0);
    if (first && !e->first_bad[0])
        snprintf(e->first_bad, sizeof e->first_bad, "%.150s: %.200s", json_string_value(json_object_get(first, "path")),
                 json_string_value(json_object_get(first, "reason")));
    e->rows += r->rows;
    e->shards++;
}

/* *all: every shard of every part is whole. */
static dl4c_status gather(const struct dli_store_writer *w, struct ending *e, bool *all, struct dl4c_error *err)
{
    *all = true;
    dli_strbuf_add(&e->manifest, "{\n \"shards\": [");
    for (int64_t k = 0; k < w->parts.n_shards && *all; k++) {
        struct dli_record r;
        DLI_TRY(dli_parts_whole(&w->parts, k, false, &r, all, err));
        if (*all)
            add_shard(e, &r);
        json_decref(r.bad);
    }
    dli_strbuf_add(&e->manifest, "\n ]\n}\n");
    const struct dli_strbuf *failed = e->manifest.err.status ? &e->manifest : e->bad.err.status ? &e->bad : NULL;
    if (failed && err)
        *err = failed->err;
    return failed ? failed->err.status : DL4C_OK;
}

static dl4c_status save(const struct dli_store_writer *w, const char *name, const char *text, size_t size, struct dl4c_error *err)
{
    char *uri;
    DLI_TRY(dli_uri_join(w->ctx, w->uri, name, &uri, err));
    const dl4c_status status = dli_fs_save(w->ctx, uri, text ? text : "", size, err);
    dli_free(uri);
    return status;
}

/* A store without a row is of no use, and reads like one that is. */
static dl4c_status conclude(const struct dli_store_writer *w, struct ending *e, struct dl4c_error *err)
{
    if (e->rows == 0)
        return dli_fail(err, DL4C_E_INVALID, "featurize", "none of the %" PRId64 " images can be used; the first, %.360s",
                        dl4c_reader_count(w->reader), e->first_bad);
    DLI_TRY(save(w, "bad.jsonl", e->bad.text, e->bad.length, err));
    DLI_TRY(save(w, "manifest.json", e->manifest.text, e->manifest.length, err));
    DLI_TRY(save(w, "_SUCCESS", "", 0, err));
    dli_parts_clear(&w->parts);
    return DL4C_OK;
}

dl4c_status dli_store_finish(struct dli_store_writer *w, struct dl4c_error *err)
{
    struct ending e = { 0 };
    bool all;
    if (w->finished)
        return DL4C_OK;
    DLI_TRY(dli_store_flush(w, err));
    dli_strbuf_init(&e.bad, w->ctx);
    dli_strbuf_init(&e.manifest, w->ctx);
    dl4c_status status = gather(w, &e, &all, err);
    if (status == DL4C_OK && all)
        status = conclude(w, &e, err);
    else if (status == DL4C_OK)
        dli_log(w->ctx, DL4C_LOG_INFO, "features", "part %" PRId32 " of %" PRId32 " of %.300s is done; shards of others are not there yet",
                w->parts.part, w->parts.n_parts, w->uri);
    dli_strbuf_free(&e.bad);
    dli_strbuf_free(&e.manifest);
    return status;
}

static dl4c_status other_store(const struct dli_store_writer *w, const char *what, const char *there, const char *wanted,
                               struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_EXISTS, "features", "%.300s is a finished store whose %s is %.100s, now it is %.100s", w->uri, what,
                    there ? there : "(none)", wanted ? wanted : "(none)");
}

/* Its rows are images of the list, in the list's order. */
static dl4c_status check_rows(const struct dli_store_writer *w, dl4c_features *f, struct dl4c_error *err)
{
    int64_t image = 0;
    for (int64_t i = 0; i < dl4c_features_rows(f); i++, image++) {
        const char *path = dl4c_features_path(f, i);
        while (path && image < dl4c_reader_count(w->reader) && strcmp(path, dl4c_reader_path(w->reader, image)) != 0)
            image++;
        if (!path || image >= dl4c_reader_count(w->reader) || dl4c_features_label(f, i) != dl4c_reader_label(w->reader, image))
            return dli_fail(err, DL4C_E_EXISTS, "features",
                            "%.300s is a finished store of other images: %.100s is not where it is in the list", w->uri,
                            path ? path : "(a row without a path)");
    }
    return DL4C_OK;
}

static dl4c_status check_facts(const struct dli_store_writer *w, dl4c_features *f, struct dl4c_error *err)
{
    struct fact_texts t;
    tell_facts(w, &t);
    for (int i = 0; i < RECORDED; i++) {
        const char *there = dl4c_features_metadata(f, t.facts[i][0]), *wanted = t.facts[i][1];
        if ((there == NULL) != (wanted == NULL) || (there && strcmp(there, wanted) != 0))
            return other_store(w, t.facts[i][0], there, wanted, err);
    }
    const int64_t n = dl4c_reader_count(w->reader), shards = n / w->shard_size + (n % w->shard_size != 0);
    if (dl4c_features_shard_count(f) != shards)
        return dli_fail(err, DL4C_E_EXISTS, "features", "%.300s is a finished store of %" PRId32 " shards, now it has %" PRId64, w->uri,
                        dl4c_features_shard_count(f), shards);
    return check_rows(w, f, err);
}

dl4c_status dli_store_check(const struct dli_store_writer *w, struct dl4c_error *err)
{
    struct dl4c_features_options o = DL4C_FEATURES_OPTIONS_INIT;
    dl4c_features *f = NULL;
    o.verify = 1;
    DLI_TRY(dl4c_features_open(w->ctx, w->uri, &o, &f, err));
    const dl4c_status status = check_facts(w, f, err);
    dl4c_features_close(&f);
    return status;
}
