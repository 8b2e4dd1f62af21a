/* SPDX-License-Identifier: Apache-2.0 */
/* A file in the cache: fetched into FILE.part, taken up where it broke, checked, renamed. */
#include "fetch/fetch.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include <dl4c/fs.h>

#include <string.h>
#include <zlib.h>

enum { PIECE = 1 << 20, MOST_TRIES = 100 };

struct fetch {
    dl4c_context *ctx;
    const struct dl4c_weights_info *w;
    const char *sha256; /* wanted; NULL: none */
    char *url, *path, *part, *etag_path;
    char *etag; /* of what is in the part; NULL: unknown */
    struct dli_watch watch;
    int64_t stall_ms;
    int64_t have; /* bytes of the part */
    int64_t received;
    uint8_t *buffer; /* PIECE bytes, `held` of them not yet written */
    size_t held;
};

static dl4c_status join(dl4c_context *ctx, const char *a, const char *b, const char *c, char **out, struct dl4c_error *err)
{
    struct dli_strbuf s;
    dli_strbuf_init(&s, ctx);
    dli_strbuf_add(&s, a);
    dli_strbuf_add(&s, b);
    dli_strbuf_add(&s, c);
    return dli_strbuf_take(&s, out, err);
}

static bool exists(dl4c_context *ctx, const char *path, int64_t *size)
{
    struct dl4c_fs_stat stat = DL4C_FS_STAT_INIT;
    if (dl4c_fs_stat_uri(ctx, path, &stat, NULL) != DL4C_OK || stat.kind != DL4C_FS_FILE)
        return false;
    *size = stat.size_bytes;
    return true;
}

/* ---- checking -------------------------------------------------------------------------------------------------- */

static dl4c_status digests(struct fetch *f, const char *path, char sha[65], uint32_t *adler, int64_t *size, struct dl4c_error *err)
{
    struct dli_sha256 s;
    dl4c_fs_file *file = NULL;
    uLong sum = adler32(0, NULL, 0);
    dl4c_status status = DL4C_OK;
    dli_sha256_init(&s);
    DLI_TRY(dl4c_fs_open(f->ctx, path, &file, err));
    *size = dl4c_fs_size(file);
    f->watch.stage = "check";
    f->watch.now.total = *size;
    for (int64_t at = 0; at < *size && status == DL4C_OK; at += PIECE) {
        const size_t n = *size - at < PIECE ? (size_t)(*size - at) : PIECE;
        status = dl4c_fs_read_at(file, at, f->buffer, n, err);
        if (status != DL4C_OK)
            break;
        dli_sha256_add(&s, f->buffer, n);
        sum = adler32(sum, f->buffer, (uInt)n);
        f->watch.now.done = at + (int64_t)n;
        status = dli_watch_report(&f->watch, at + (int64_t)n == *size, err);
    }
    dl4c_fs_close(&file);
    dli_sha256_hex(&s, sha);
    *adler = (uint32_t)sum;
    return status;
}

/* DL4C_E_CORRUPT where the file is not the wanted one. */
static dl4c_status check(struct fetch *f, const char *path, struct dl4c_fetched *out, struct dl4c_error *err)
{
    uint32_t sum;
    DLI_TRY(digests(f, path, out->sha256, &sum, &out->size_bytes, err));
    if (f->w->size_bytes && out->size_bytes != f->w->size_bytes && !(f->sha256 && f->sha256 != f->w->sha256))
        return dli_fail(err, DL4C_E_CORRUPT, "fetch", "%.200s has %" PRId64 " bytes, wanted %" PRId64, f->url, out->size_bytes,
                        f->w->size_bytes);
    if (f->sha256) {
        out->checked = DL4C_CHECKED_SHA256;
        return strcmp(out->sha256, f->sha256) == 0
                   ? DL4C_OK
                   : dli_fail(err, DL4C_E_CORRUPT, "fetch", "%.200s has SHA-256 %s, wanted %s", f->url, out->sha256, f->sha256);
    }
    if (!f->w->has_adler32) {
        out->checked = DL4C_CHECKED_NOTHING;
        return DL4C_OK;
    }
    out->checked = DL4C_CHECKED_ADLER32;
    return sum == f->w->adler32
               ? DL4C_OK
               : dli_fail(err, DL4C_E_CORRUPT, "fetch", "%.200s has Adler-32 %" PRIu32 ", wanted %" PRIu32, f->url, sum, f->w->adler32);
}

/* ---- the part -------------------------------------------------------------------------------------------------- */

static void forget_part(struct fetch *f)
{
    dl4c_fs_remove(f->ctx, f->part, NULL);
    dl4c_fs_remove(f->ctx, f->etag_path, NULL);
    dli_free(f->etag);
    f->etag = NULL;
    f->have = 0;
}

/* What is left of an earlier try: of use where its validator is known, or the whole can be checked. */
static dl4c_status find_part(struct fetch *f, struct dl4c_error *err)
{
    dl4c_fs_file *file = NULL;
    int64_t size;
    f->have = 0;
    if (!exists(f->ctx, f->part, &f->have) || f->have == 0) {
        forget_part(f);
        return DL4C_OK;
    }
    if (exists(f->ctx, f->etag_path, &size) && size > 0 && size < 512 && dl4c_fs_open(f->ctx, f->etag_path, &file, NULL) == DL4C_OK) {
        dli_free(f->etag);
        f->etag = dli_calloc(f->ctx, (size_t)size + 1, 1, err);
        const dl4c_status status = f->etag ? dl4c_fs_read_at(file, 0, f->etag, (size_t)size, err) : dli_alloc_status();
        dl4c_fs_close(&file);
        return status;
    }
    if (!f->sha256 && !f->w->has_adler32)
        forget_part(f);
    return DL4C_OK;
}

static dl4c_status flush(struct fetch *f, struct dl4c_error *err)
{
    const size_t n = f->held;
    f->held = 0;
    if (n == 0)
        return DL4C_OK;
    DLI_TRY(dl4c_fs_append(f->ctx, f->part, f->buffer, n, err));
    f->have += (int64_t)n;
    return DL4C_OK;
}

static dl4c_status on_begin(void *arg, int64_t first, int64_t total, const char *etag, struct dl4c_error *err)
{
    struct fetch *f = arg;
    dl4c_fs_writer *w = NULL;
    if (first != 0 && first != f->have)
        return dli_fail(err, DL4C_E_IO, "fetch", "%.200s was asked for from byte %" PRId64 " and answers from byte %" PRId64, f->url,
                        f->have, first);
    f->watch.now.total = total ? total : f->w->size_bytes;
    if (first != 0)
        return DL4C_OK;
    if (f->have > 0) /* another file by now, or a server without ranges: from the start */
        forget_part(f);
    if (!etag)
        return DL4C_OK;
    if (!(f->etag = dli_strdup(f->ctx, etag, err)))
        return dli_alloc_status();
    DLI_TRY(dl4c_fs_create(f->ctx, f->etag_path, &w, err));
    dl4c_status status = dl4c_fs_write(w, etag, strlen(etag), err);
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&w, err);
    dl4c_fs_abandon(&w);
    return status;
}

static dl4c_status on_data(void *arg, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct fetch *f = arg;
    const uint8_t *from = bytes;
    f->received += (int64_t)size;
    while (size > 0) {
        const size_t room = PIECE - f->held, n = size < room ? size : room;
        memcpy(f->buffer + f->held, from, n);
        f->held += n;
        from += n;
        size -= n;
        if (f->held == PIECE)
            DLI_TRY(flush(f, err));
    }
    f->watch.now.done = f->have + (int64_t)f->held;
    f->watch.now.bytes = f->received;
    return dli_watch_report(&f->watch, false, err);
}

/* As often as it takes, while bytes keep coming. */
static dl4c_status download(struct fetch *f, struct dl4c_error *err)
{
    for (int attempt = 1;; attempt++) {
        struct dl4c_error own = DL4C_ERROR_INIT;
        const int64_t before = f->received;
        const struct dli_http h = { .url = f->url,
                                    .from = f->have,
                                    .if_range = f->etag,
                                    .stall_ms = f->stall_ms,
                                    .watch = &f->watch,
                                    .arg = f,
                                    .begin = on_begin,
                                    .data = on_data };
        dl4c_status status = dli_http_get(&h, &own);
        /* What came before a failure stays for the next try, but for one that is the disk's. */
        struct dl4c_error late = DL4C_ERROR_INIT;
        if (own.domain == DL4C_DOMAIN_ERRNO)
            f->held = 0;
        const dl4c_status flushed = flush(f, &late);
        if (status == DL4C_OK && flushed != DL4C_OK) {
            status = flushed;
            own = late;
        }
        if (status == DL4C_OK)
            return DL4C_OK;
        if (own.domain == DL4C_DOMAIN_HTTP && own.code == 416 && f->have > 0 && attempt < MOST_TRIES) {
            /* The part may be the whole file already: the check tells; a wrong one is thrown away and fetched once more. */
            struct dl4c_fetched part = DL4C_FETCHED_INIT;
            if ((f->sha256 || f->w->has_adler32) && check(f, f->part, &part, NULL) == DL4C_OK)
                return DL4C_OK;
            f->watch.stage = "fetch";
            forget_part(f);
            continue;
        }
        const bool broke = own.domain == DL4C_DOMAIN_CURL && status == DL4C_E_IO;
        if (!broke || f->received == before || attempt == MOST_TRIES || dli_watch_check(&f->watch, NULL) != DL4C_OK) {
            if (err)
                *err = own;
            return status;
        }
    }
}

/* ---- the call -------------------------------------------------------------------------------------------------- */

static dl4c_status run(struct fetch *f, const struct dl4c_fetch_options *o, struct dl4c_fetched *out, struct dl4c_error *err)
{
    int64_t size;
    if (!(o->flags & DL4C_FETCH_AGAIN) && exists(f->ctx, f->path, &size)) {
        const dl4c_status status = check(f, f->path, out, err);
        if (status != DL4C_E_CORRUPT || o->flags & DL4C_FETCH_OFFLINE)
            return status;
        dli_log(f->ctx, DL4C_LOG_WARNING, "fetch", "%.300s in the cache is damaged and is fetched again", f->path);
    }
    if (o->flags & DL4C_FETCH_OFFLINE)
        return dli_fail(err, DL4C_E_NOTFOUND, "fetch", "%.300s is not in the cache", f->path);
    DLI_TRY(dl4c_fs_mkdir(f->ctx, o->cache, err));
    DLI_TRY(find_part(f, err));
    f->watch.stage = "fetch";
    f->watch.now.done = f->have;
    DLI_TRY(download(f, err));
    if (f->have == 0) /* an empty file */
        DLI_TRY(dl4c_fs_append(f->ctx, f->part, "", 0, err));
    const dl4c_status status = check(f, f->part, out, err);
    if (status == DL4C_E_CORRUPT)
        forget_part(f);
    DLI_TRY(status);
    DLI_TRY(dl4c_fs_rename(f->ctx, f->part, f->path, err));
    dl4c_fs_remove(f->ctx, f->etag_path, NULL);
    return DL4C_OK;
}

dl4c_status dli_fetch_entry(dl4c_context *ctx, const struct dl4c_weights_info *w, const char *file, const struct dl4c_fetch_options *o,
                            struct dl4c_fetched *out, struct dl4c_error *err)
{
    struct fetch f = { .ctx = ctx, .w = w, .sha256 = o->sha256 ? o->sha256 : w->sha256, .stall_ms = o->stall_ms ? o->stall_ms : 30000 };
    dl4c_status status;
    const size_t n = o->mirror ? strlen(o->mirror) : 0;
    dli_watch_init(&f.watch, "fetch", o->progress, o->progress_user, o->cancel, o->timeout_ms);
    DLI_GOTO(o->mirror ? join(ctx, o->mirror, n && o->mirror[n - 1] == '/' ? "" : "/", file, &f.url, err)
                       : join(ctx, w->url, "", "", &f.url, err),
             done);
    const char *slash = o->cache[strlen(o->cache) - 1] == '/' ? "" : "/";
    DLI_GOTO(join(ctx, o->cache, slash, file, &f.path, err), done);
    DLI_GOTO(join(ctx, f.path, ".part", "", &f.part, err), done);
    DLI_GOTO(join(ctx, f.part, ".etag", "", &f.etag_path, err), done);
    f.buffer = dli_alloc(ctx, PIECE, err);
    if (!f.buffer) {
        status = dli_alloc_status();
        goto done;
    }
    DLI_GOTO(run(&f, o, out, err), done);
    out->received = f.received;
    out->path = f.path;
    f.path = NULL;
done:
    dli_free(f.url);
    dli_free(f.path);
    dli_free(f.part);
    dli_free(f.etag_path);
    dli_free(f.etag);
    dli_free(f.buffer);
    return status;
}

static bool is_address(const char *text) { return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0; }

/* The last part of an address as a file's name, with the address's own digest before it where it is none of the table's: two files of one
 * name do not meet in the cache. */
static dl4c_status file_name(dl4c_context *ctx, const char *url, bool own, char **file, struct dl4c_error *err)
{
    const size_t n = strcspn(url, "?#");
    size_t at = n;
    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    while (at > 0 && url[at - 1] != '/')
        at--;
    if (own) {
        struct dli_sha256 s;
        char hex[65];
        dli_sha256_init(&s);
        dli_sha256_add(&s, url, strlen(url));
        dli_sha256_hex(&s, hex);
        dli_strbuf_addn(&b, hex, 12);
        dli_strbuf_addc(&b, '-');
    }
    for (; at < n; at++) {
        const char c = url[at];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        dli_strbuf_addc(&b, plain ? c : '_');
    }
    return dli_strbuf_take(&b, file, err);
}

static dl4c_status unknown(const char *what, struct dl4c_error *err)
{
    char names[320] = "";
    struct dl4c_weights_info w = DL4C_WEIGHTS_INFO_INIT;
    size_t at = 0;
    for (int32_t i = 0; dl4c_weights_get(i, &w, NULL) == DL4C_OK; i++) {
        const size_t n = strlen(w.name);
        if (at + n + 3 > sizeof names)
            break;
        memcpy(names + at, ", ", 2);
        memcpy(names + at + 2, w.name, n + 1);
        at += n + 2;
    }
    return dli_fail(err, DL4C_E_NOTFOUND, "fetch", "no weights are published under \"%.60s\"; there are %s, or give an address", what,
                    names + 2);
}

static dl4c_status check_options(const struct dl4c_fetch_options *o, struct dl4c_error *err)
{
    if (!o->cache || !o->cache[0])
        return dli_fail(err, DL4C_E_INVALID, "fetch", "no folder for the cache was given");
    if (o->mirror && !is_address(o->mirror))
        return dli_fail(err, DL4C_E_INVALID, "fetch", "the mirror is \"%.200s\", wanted http:// or https://", o->mirror);
    if (o->sha256 && (strlen(o->sha256) != 64 || strspn(o->sha256, "0123456789abcdef") != 64))
        return dli_fail(err, DL4C_E_INVALID, "fetch", "the SHA-256 is \"%.80s\", wanted 64 lower-case hexadecimal digits", o->sha256);
    if (o->flags & ~(uint64_t)(DL4C_FETCH_AGAIN | DL4C_FETCH_OFFLINE) || o->stall_ms < 0 || o->timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "fetch", "a time is negative, or the flags are unknown");
    return DL4C_OK;
}

dl4c_status dl4c_fetch(dl4c_context *ctx, const char *what, const struct dl4c_fetch_options *options, struct dl4c_fetched *out,
                       struct dl4c_error *err)
{
    struct dl4c_fetch_options o;
    struct dl4c_weights_info own = { .url = what, .name = what };
    char *file = NULL;
    struct dl4c_fetched got = { 0 };
    if (!what || !out)
        return dli_fail(err, DL4C_E_INVALID, "fetch", "%s is NULL", what ? "out" : "what");
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "fetch", err));
    DLI_TRY(check_options(&o, err));
    const struct dl4c_weights_info *w = dli_weights_find(what);
    if (!w && !is_address(what))
        return unknown(what, err);
    if (!(ctx = dli_context_ref(ctx, err)))
        return dli_alloc_status();
    dl4c_status status = file_name(ctx, w ? w->url : what, !w, &file, err);
    if (status == DL4C_OK)
        status = dli_fetch_entry(ctx, w ? w : &own, file, &o, &got, err);
    if (status == DL4C_OK) {
        status = dli_struct_out(out, &got, sizeof got, "fetch", err);
        if (status != DL4C_OK)
            dli_free(got.path);
    }
    dli_free(file);
    dli_context_unref(ctx);
    return status;
}
