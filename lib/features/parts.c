/* SPDX-License-Identifier: Apache-2.0 */
/* What is done of a work and what is not, kept beside the results. */
#include "features/parts.h"
#include "base/escape.h"
#include "base/number.h"
#include "base/sha256.h"
#include "fs/fs.h"
#include "reader/list.h"

#include <stdio.h>
#include <string.h>

#define WORK "work.json"
#define SHARD "shard-"
enum { MOST_WORK = 1 << 20, MOST_RECORD = 256 << 20, PIECE = 1 << 20 };

static void hex_of(const char *text, size_t size, char hex[65])
{
    struct dli_sha256 s;
    dli_sha256_init(&s);
    dli_sha256_add(&s, text, size);
    dli_sha256_hex(&s, hex);
}

/* Of class names, paths and labels, each with its NUL. */
static void list_digest(const dl4c_reader *r, char hex[65])
{
    struct dli_sha256 s;
    dli_sha256_init(&s);
    for (int32_t i = 0; i < dl4c_reader_class_count(r); i++)
        dli_sha256_add(&s, dl4c_reader_class(r, i), strlen(dl4c_reader_class(r, i)) + 1);
    for (int64_t i = 0; i < dl4c_reader_count(r); i++) {
        char label[24];
        const int n = snprintf(label, sizeof label, "%" PRId64, dl4c_reader_label(r, i));
        dli_sha256_add(&s, dl4c_reader_path(r, i), strlen(dl4c_reader_path(r, i)) + 1);
        dli_sha256_add(&s, label, (size_t)n + 1);
    }
    dli_sha256_hex(&s, hex);
}

dl4c_status dli_parts_describe(dl4c_context *ctx, const dl4c_reader *reader, int64_t shard_size, const char *const (*facts)[2], int n,
                               char **work, struct dl4c_error *err)
{
    char list[65];
    struct dli_strbuf b;
    list_digest(reader, list);
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addf(&b, "{\"images and classes\": \"%s\"", list);
    for (int i = 0; i < n; i++) {
        if (!facts[i][1])
            continue;
        dli_strbuf_addf(&b, ", \"%s\": ", facts[i][0]);
        dli_strbuf_json(&b, facts[i][1]);
    }
    dli_strbuf_addf(&b, ", \"shard size\": \"%" PRId64 "\"}\n", shard_size);
    return dli_strbuf_take(&b, work, err);
}

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

bool dli_parts_differ(json_t *then, json_t *now, struct dli_difference *d)
{
    for (int i = 0; i < 2; i++) {
        json_t *value;
        json_object_foreach(i ? then : now, d->key, value) {
            d->then = text_of(then, d->key);
            d->now = text_of(now, d->key);
            if (strcmp(d->then, d->now) != 0)
                return true;
        }
    }
    return false;
}

/* A sentence for who resumes. */
static dl4c_status other_work(const char *out, json_t *begun, json_t *now, struct dl4c_error *err)
{
    struct dli_difference d;
    if (dli_parts_differ(begun, now, &d))
        return dli_fail(err, DL4C_E_INVALID, "features",
                        "%.200s was begun with %.40s %.80s, now it is %.80s: it can be made anew, not resumed", out, d.key, d.then, d.now);
    return dli_fail(err, DL4C_E_INVALID, "features", "%.300s was begun with other settings: it can be made anew, not resumed", out);
}

static dl4c_status load(const struct dli_parts *p, const char *name, int64_t limit, char **text, size_t *size, struct dl4c_error *err)
{
    char *uri;
    *text = NULL;
    DLI_TRY(dli_uri_join(p->ctx, p->folder, name, &uri, err));
    const dl4c_status status = dli_fs_load(p->ctx, uri, limit, text, size, err);
    dli_free(uri);
    return status;
}

static dl4c_status save(const struct dli_parts *p, const char *name, const void *text, size_t size, struct dl4c_error *err)
{
    char *uri;
    DLI_TRY(dli_uri_join(p->ctx, p->folder, name, &uri, err));
    const dl4c_status status = dli_fs_save(p->ctx, uri, text, size, err);
    dli_free(uri);
    return status;
}

static dl4c_status remove_file(const struct dli_parts *p, const char *folder, const char *name, struct dl4c_error *err)
{
    char *uri;
    DLI_TRY(dli_uri_join(p->ctx, folder, name, &uri, err));
    struct dl4c_error why = DL4C_ERROR_INIT;
    dl4c_status status = dl4c_fs_remove(p->ctx, uri, &why);
    if (status == DL4C_E_NOTFOUND)
        status = DL4C_OK;
    else if (status != DL4C_OK && err)
        *err = why;
    dli_free(uri);
    return status;
}

struct listed {
    dl4c_context *ctx;
    struct dli_names names;
    struct dl4c_error *err;
    dl4c_status status;
};

static int add_name(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct listed *to = arg;
    (void)stat;
    to->status = dli_names_add(to->ctx, &to->names, name, to->err);
    return to->status != DL4C_OK;
}

static dl4c_status list(const struct dli_parts *p, const char *folder, struct listed *l, struct dl4c_error *err)
{
    *l = (struct listed){ .ctx = p->ctx, .err = err };
    const dl4c_status status = dl4c_fs_list(p->ctx, folder, add_name, l, err);
    if (status == DL4C_OK && l->status == DL4C_OK)
        return DL4C_OK;
    dli_names_free(&l->names);
    return status != DL4C_OK ? status : l->status;
}

static bool shard_of(const char *name, int64_t *shard)
{
    if (strncmp(name, SHARD, strlen(SHARD)) != 0)
        return false;
    name += strlen(SHARD);
    const char *end = strstr(name, ".json");
    return end && strcmp(end, ".json") == 0 && dli_parse_i64(name, (size_t)(end - name), shard) && *shard >= 0;
}

/* What an earlier run left of this part counts for nothing. */
static dl4c_status forget(const struct dli_parts *p, struct dl4c_error *err)
{
    struct listed l;
    int64_t shard;
    DLI_TRY(list(p, p->folder, &l, err));
    dl4c_status status = DL4C_OK;
    for (int64_t i = 0; i < l.names.n && status == DL4C_OK; i++)
        if (shard_of(l.names.name[i], &shard) && (shard >= p->n_shards || dli_parts_mine(p, shard)))
            status = remove_file(p, p->folder, l.names.name[i], err);
    dli_names_free(&l.names);
    return status;
}

/* work.json says what the records are of. */
static dl4c_status settle(struct dli_parts *p, const char *work, bool resume, struct dl4c_error *err)
{
    char *begun;
    size_t size;
    struct dl4c_error why = DL4C_ERROR_INIT;
    hex_of(work, strlen(work), p->work);
    dl4c_status status = load(p, WORK, MOST_WORK, &begun, &size, &why);
    if (status != DL4C_OK && status != DL4C_E_NOTFOUND) {
        if (err)
            *err = why;
        return status;
    }
    const bool same = begun && strcmp(begun, work) == 0;
    status = DL4C_OK;
    if (begun && !same && resume) {
        json_t *a = json_loadb(begun, size, 0, NULL), *b = json_loads(work, 0, NULL);
        status = other_work(p->out, a, b, err);
        json_decref(a);
        json_decref(b);
    }
    dli_free(begun);
    if (status == DL4C_OK && !resume)
        status = forget(p, err);
    return status == DL4C_OK && !same ? save(p, WORK, work, strlen(work), err) : status;
}

dl4c_status dli_parts_begun(dl4c_context *ctx, const char *out, const char *work, bool *begun, bool *same, struct dl4c_error *err)
{
    struct dli_parts p = { .ctx = ctx };
    struct dl4c_error why = DL4C_ERROR_INIT;
    char *text;
    size_t size;
    DLI_TRY(dli_uri_join(ctx, out, "_progress", &p.folder, err));
    const dl4c_status status = load(&p, WORK, MOST_WORK, &text, &size, &why);
    dli_free(p.folder);
    *begun = status == DL4C_OK;
    *same = *begun && strcmp(text, work) == 0;
    dli_free(text);
    if (status == DL4C_OK || status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (err)
        *err = why;
    return status;
}

dl4c_status dli_parts_begin(struct dli_parts *p, dl4c_context *ctx, const char *out, const char *work, int64_t images, int64_t shard_size,
                            int32_t part, int32_t n_parts, bool resume, struct dli_watch *watch, struct dl4c_error *err)
{
    *p = (struct dli_parts){ .ctx = ctx, .out = out, .part = part, .n_parts = n_parts, .shard_size = shard_size };
    p->n_shards = images / shard_size + (images % shard_size != 0);
    DLI_TRY(dli_uri_join(ctx, out, "_progress", &p->folder, err));
    DLI_TRY(dl4c_fs_mkdir(ctx, p->folder, err));
    DLI_TRY(dli_claim_take(ctx, p->folder, part, n_parts, watch, &p->claim, err));
    return settle(p, work, resume, err);
}

static void shard_file(int64_t shard, char name[64]) { snprintf(name, 64, SHARD "%05" PRId64 ".json", shard); }

/* What a record says is written into the manifest: a name that needs no escapes and leads nowhere else, and a digest that is one. */
static bool plain_name(const char *name)
{
    return *name && *name != '.' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

static bool is_digest(const char *text) { return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64; }

static bool take_record(const struct dli_parts *p, json_t *root, struct dli_record *r)
{
    const char *work = NULL, *name = NULL, *sha256 = NULL;
    json_int_t rows = -1, bytes = -1;
    json_t *bad = NULL;
    if (json_unpack(root, "{s:s, s:s, s:s, s:I, s:I, s:o}", "work", &work, "name", &name, "sha256", &sha256, "rows", &rows, "bytes", &bytes,
                    "bad", &bad) != 0)
        return false;
    if (strcmp(work, p->work) != 0 || !plain_name(name) || strlen(name) >= sizeof r->name || !is_digest(sha256)
        || rows < 0 || rows > p->shard_size || bytes < 0 || !json_is_array(bad) || json_array_size(bad) > (size_t)p->shard_size)
        return false;
    for (size_t i = 0; i < json_array_size(bad); i++)
        for (int k = 0; k < 2; k++)
            if (!json_is_string(json_object_get(json_array_get(bad, i), k ? "reason" : "path")))
                return false;
    memcpy(r->name, name, strlen(name) + 1);
    memcpy(r->sha256, sha256, 65);
    r->rows = rows;
    r->bytes = bytes;
    r->bad = json_incref(bad);
    return true;
}

dl4c_status dli_parts_load(const struct dli_parts *p, int64_t shard, struct dli_record *r, bool *found, struct dl4c_error *err)
{
    char name[64], *text;
    size_t size;
    struct dl4c_error why = DL4C_ERROR_INIT;
    *r = (struct dli_record){ 0 };
    *found = false;
    shard_file(shard, name);
    const dl4c_status status = load(p, name, MOST_RECORD, &text, &size, &why);
    if (status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (status != DL4C_OK) {
        if (err)
            *err = why;
        return status;
    }
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    dli_free(text);
    *found = take_record(p, root, r);
    json_decref(root);
    return DL4C_OK;
}

static dl4c_status file_digest(const struct dli_parts *p, const char *uri, int64_t *bytes, char hex[65], struct dl4c_error *err)
{
    dl4c_fs_file *file = NULL;
    struct dli_sha256 s;
    hex[0] = '\0';
    DLI_TRY(dl4c_fs_open(p->ctx, uri, &file, err));
    *bytes = dl4c_fs_size(file);
    char *piece = dli_alloc(p->ctx, PIECE, err);
    dl4c_status status = piece ? DL4C_OK : dli_alloc_status();
    dli_sha256_init(&s);
    for (int64_t at = 0; at < *bytes && status == DL4C_OK; at += PIECE) {
        const size_t n = *bytes - at < PIECE ? (size_t)(*bytes - at) : PIECE;
        status = dl4c_fs_read_at(file, at, piece, n, err);
        if (status == DL4C_OK)
            dli_sha256_add(&s, piece, n);
    }
    if (status == DL4C_OK)
        dli_sha256_hex(&s, hex);
    dli_free(piece);
    dl4c_fs_close(&file);
    return status;
}

dl4c_status dli_parts_whole(const struct dli_parts *p, int64_t shard, bool verify, struct dli_record *r, bool *found,
                            struct dl4c_error *err)
{
    char *uri, hex[65];
    int64_t bytes = 0;
    struct dl4c_error why = DL4C_ERROR_INIT;
    DLI_TRY(dli_parts_load(p, shard, r, found, err));
    if (!*found)
        return DL4C_OK;
    dl4c_status status = dli_uri_join(p->ctx, p->out, r->name, &uri, &why);
    if (status == DL4C_OK && verify) {
        status = file_digest(p, uri, &bytes, hex, &why);
        *found = status == DL4C_OK && bytes == r->bytes && strcmp(hex, r->sha256) == 0;
    } else if (status == DL4C_OK) {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        status = dl4c_fs_stat_uri(p->ctx, uri, &st, &why);
        *found = status == DL4C_OK && st.kind == DL4C_FS_FILE && st.size_bytes == r->bytes;
    }
    dli_free(uri);
    if (status == DL4C_E_NOTFOUND)
        status = DL4C_OK;
    else if (status != DL4C_OK && err)
        *err = why;
    if (status != DL4C_OK || !*found) {
        *found = false;
        json_decref(r->bad);
        r->bad = NULL;
    }
    return status;
}

dl4c_status dli_parts_save(const struct dli_parts *p, int64_t shard, const char *name, int64_t rows, int64_t bytes, const char *sha256,
                           const char *bad, struct dl4c_error *err)
{
    char file[64];
    struct dli_strbuf b;
    shard_file(shard, file);
    dli_strbuf_init(&b, p->ctx);
    dli_strbuf_addf(&b, "{\"bytes\": %" PRId64 ", \"name\": \"%s\", \"rows\": %" PRId64 ", \"sha256\": \"%s\", \"work\": \"%s\", \"bad\": ",
                    bytes, name, rows, sha256, p->work);
    dli_strbuf_add(&b, bad);
    dli_strbuf_add(&b, "}\n");
    dl4c_status status = b.err.status;
    if (status == DL4C_OK)
        status = save(p, file, b.text, b.length, err);
    else if (err)
        *err = b.err;
    dli_strbuf_free(&b);
    return status;
}

/* Beginnings of the names under which files are written before they get their own. */
static bool is_leftover(const char *name, bool alone)
{
    static const char *const beginnings[] = { ".features-", ".predictions-", ".manifest.json.", ".bad.jsonl.", "._SUCCESS." };
    for (int i = 0; i < (alone ? 5 : 2); i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

void dli_parts_clear(const struct dli_parts *p)
{
    struct listed l;
    int64_t shard;
    int32_t others = -1; /* claims beside the own one */
    if (list(p, p->folder, &l, NULL) != DL4C_OK)
        return;
    for (int64_t i = 0; i < l.names.n; i++)
        others += strncmp(l.names.name[i], "held-", 5) == 0;
    for (int64_t i = 0; i < l.names.n; i++)
        if (shard_of(l.names.name[i], &shard) || strcmp(l.names.name[i], WORK) == 0
            || (others <= 0 && l.names.name[i][0] == '.'))
            remove_file(p, p->folder, l.names.name[i], NULL);
    dli_names_free(&l.names);
    if (list(p, p->out, &l, NULL) != DL4C_OK)
        return;
    for (int64_t i = 0; i < l.names.n; i++)
        if (is_leftover(l.names.name[i], others <= 0))
            remove_file(p, p->out, l.names.name[i], NULL);
    dli_names_free(&l.names);
}

/* Where no shard was finished nothing needs to be known of the work. */
static void sweep(const struct dli_parts *p)
{
    struct listed l;
    int64_t shard;
    bool empty = true;
    if (list(p, p->folder, &l, NULL) != DL4C_OK)
        return;
    for (int64_t i = 0; i < l.names.n; i++)
        empty = empty && !shard_of(l.names.name[i], &shard) && strncmp(l.names.name[i], "held-", 5) != 0;
    for (int64_t i = 0; i < l.names.n && empty; i++)
        remove_file(p, p->folder, l.names.name[i], NULL);
    dli_names_free(&l.names);
    if (empty)
        dl4c_fs_remove(p->ctx, p->folder, NULL);
}

dl4c_status dli_parts_tidy(dl4c_context *ctx, const char *out, struct dli_watch *watch, bool *busy, struct dl4c_error *err)
{
    struct dli_parts p = { .ctx = ctx, .out = out };
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error why = DL4C_ERROR_INIT;
    *busy = false;
    DLI_TRY(dli_uri_join(ctx, out, "_progress", &p.folder, err));
    dl4c_status status = dl4c_fs_stat_uri(ctx, p.folder, &st, &why);
    const bool there = status == DL4C_OK;
    if (there)
        status = dli_claim_take(ctx, p.folder, 1, 1, watch, &p.claim, &why);
    *busy = status == DL4C_E_BUSY;
    if (there && status == DL4C_OK)
        dli_parts_clear(&p);
    dli_parts_end(&p);
    if (status == DL4C_OK || status == DL4C_E_NOTFOUND || *busy)
        return DL4C_OK;
    if (err)
        *err = why;
    return status;
}

void dli_parts_end(struct dli_parts *p)
{
    if (p->claim) {
        dli_claim_release(&p->claim);
        const int32_t *flag = dl4c_fs_watch(NULL);
        sweep(p);
        dl4c_fs_watch(flag);
    }
    dli_free(p->folder);
    *p = (struct dli_parts){ 0 };
}
