/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: under a temporary name, sent while it is written, gone on with where it broke, compared in length, renamed; and appending. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "fs/webhdfs/webhdfs.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- the body: chunks between a writer and the engine ---- */

static size_t chunk_size(const struct dli_wh_body *b, size_t i) { return i + 1 == b->n_chunks ? b->last_size : (size_t)WH_CHUNK; }

size_t dli_wh_body_take(struct dli_wh_body *b, char *to, size_t n)
{
    b->begun = true;
    if (b->bytes) {
        n = n < b->size - b->at_byte ? n : b->size - b->at_byte;
        memcpy(to, b->bytes + b->at_byte, n);
        b->at_byte += n;
        return n;
    }
    while (b->at < b->n_chunks && (b->whole || b->at + 1 < b->n_chunks)) { /* the last one is still being filled */
        const size_t size = chunk_size(b, b->at), left = size - b->at_byte;
        if (left > 0) {
            n = n < left ? n : left;
            memcpy(to, b->chunk[b->at] + b->at_byte, n);
            b->at_byte += n;
            return n;
        }
        b->at++;
        b->at_byte = 0;
        for (; b->at - b->first > WH_BEHIND; b->first++) { /* what was sent long ago is not sent again */
            dli_free(b->chunk[b->first]);
            b->chunk[b->first] = NULL;
        }
    }
    b->paused = !b->whole;
    return b->whole ? 0 : CURL_READFUNC_PAUSE;
}

bool dli_wh_body_rewind(struct dli_wh_body *b)
{
    if (b->first > b->from)
        return false;
    b->at = b->from;
    b->at_byte = b->from_byte;
    b->begun = b->paused = false;
    return true;
}

static int64_t byte_at(size_t chunk, size_t byte) { return (int64_t)chunk * WH_CHUNK + (int64_t)byte; }

int64_t dli_wh_body_left(const struct dli_wh_body *b)
{
    if (!b->whole)
        return -1;
    const int64_t size = b->bytes ? (int64_t)b->size : b->n_chunks == 0 ? 0 : byte_at(b->n_chunks - 1, b->last_size);
    return size - byte_at(b->from, b->from_byte);
}

static void body_free(struct dli_wh_body *b)
{
    for (size_t i = b->first; i < b->n_chunks; i++)
        dli_free(b->chunk[i]);
    dli_free(b->chunk);
    memset(b, 0, sizeof *b);
}

/* A new last chunk; what was there is now the engine's to send. */
static dl4c_status body_grow(struct dli_webhdfs *w, struct dli_wh_body *b, struct dl4c_error *err)
{
    char *chunk = dli_alloc(w->ctx, WH_CHUNK, err);
    if (!chunk)
        return dli_alloc_status();
    pthread_mutex_lock(&w->lock);
    const dl4c_status status = dli_grow(w->ctx, &b->chunk, &b->capacity, b->n_chunks + 1, sizeof *b->chunk, err);
    if (status == DL4C_OK) {
        b->chunk[b->n_chunks++] = chunk;
        b->last_size = 0;
    }
    pthread_mutex_unlock(&w->lock);
    if (status != DL4C_OK)
        dli_free(chunk);
    return status;
}

/* ---- writers ---- */

struct writer {
    struct dli_webhdfs *w;
    struct dli_wh_target final, temporary;
    struct dli_wh_body body;
    struct dli_wh_call *upload; /* NULL: nothing is sent yet, or all is stored */
    int64_t size;
    bool begun;     /* there may be a file */
    int64_t stored; /* bytes that the server had when the upload broke last; -1: it did not */
};

/* "/dir/.NAME.XXXXXXXX": hidden from Hadoop's jobs, on the same volume, so that the rename is one step. */
static dl4c_status temporary_name(struct dli_webhdfs *w, const struct dli_wh_target *final, struct dli_wh_target *out,
                                  struct dl4c_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    const char *name = strrchr(final->path, '/') + 1;
    struct dli_strbuf b;
    uint8_t bits[10];
    size_t shown = strlen(name);
    if (getrandom(bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) { /* it must only differ from others' */
        const uint64_t mix = (uint64_t)dli_now_ns() * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)(uintptr_t)out;
        memcpy(bits, &mix, sizeof mix);
        memcpy(bits + 8, &shown, 2);
    }
    for (; shown > 235 || (shown < strlen(name) && ((unsigned char)name[shown] & 0xC0) == 0x80); shown--)
        ; /* at most 255 bytes, and whole characters */
    dli_strbuf_init(&b, w->ctx);
    dli_strbuf_addn(&b, final->path, (size_t)(name - final->path));
    dli_strbuf_addc(&b, '.');
    dli_strbuf_addn(&b, name, shown);
    dli_strbuf_addc(&b, '.');
    for (size_t i = 0; i < sizeof bits; i++)
        dli_strbuf_addc(&b, letters[bits[i] % 32]);
    out->cluster = final->cluster;
    DLI_TRY(dli_strbuf_take(&b, &out->path, err));
    out->identity = dli_strdup(w->ctx, final->identity, err);
    return out->identity ? DL4C_OK : dli_alloc_status();
}

static void writer_free(struct writer *v)
{
    dli_wh_call_free(v->upload);
    body_free(&v->body);
    dli_wh_target_free(&v->final);
    dli_wh_target_free(&v->temporary);
    dli_free(v);
}

dl4c_status dli_wh_create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err)
{
    const struct dli_wh_scheme *s = user;
    struct writer *v = dli_calloc(s->w->ctx, 1, sizeof *v, err);
    if (!v)
        return dli_alloc_status();
    v->w = s->w;
    v->stored = -1;
    dl4c_status status = dli_wh_target_open(s, authority, path, &v->final, err);
    if (status == DL4C_OK && strcmp(v->final.path, "/") == 0)
        status = dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.300s names a directory, wanted a file to write", v->final.path);
    const size_t n = strcspn(path, "?");
    if (status == DL4C_OK && path[n - 1] == '/')
        status = dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.*s names a directory, wanted a file to write", (int)(n < 300 ? n : 300), path);
    if (status == DL4C_OK)
        status = temporary_name(s->w, &v->final, &v->temporary, err);
    if (status != DL4C_OK) {
        writer_free(v);
        return status;
    }
    *file = v;
    return DL4C_OK;
}

static struct dli_wh_call *sending(struct writer *v, bool append, struct dli_wh_body *body, struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_wh_call_new(v->w, &v->temporary, append ? "POST" : "PUT", append ? "APPEND" : "CREATE", err);
    if (!c)
        return NULL;
    c->extra = dli_strdup(v->w->ctx, append ? "" : "&overwrite=true&createparent=false", err);
    c->kind = WH_WRITE;
    c->body = body;
    c->shown = v->final.path;
    c->borrowed = true;
    if (!c->extra) {
        dli_wh_call_free(c);
        return NULL;
    }
    return c;
}

static dl4c_status start_upload(struct writer *v, bool append, struct dl4c_error *err)
{
    v->upload = sending(v, append, &v->body, err);
    if (!v->upload)
        return dli_alloc_status();
    v->upload->once = append;
    v->begun = true;
    return dli_wh_submit(v->upload, err);
}

/* ---- an upload that broke ---- */

/* How much of the file the server has, once nobody writes it: a DataNode that saw the connection go closes it, one that died holds it
 * until HDFS takes it away, a minute later. Appending nothing tells. */
static dl4c_status settle(struct writer *v, int64_t *stored, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dli_wh_body nothing = { .whole = true };
    struct dli_wh_call *c = sending(v, true, &nothing, err);
    if (!c)
        return dli_alloc_status();
    c->patient = true;
    c->retry_ms += c->retry_ms / 2;
    const dl4c_status status = dli_wh_run(c, err);
    dli_wh_call_free(c);
    DLI_TRY(status);
    DLI_TRY(dli_wh_status(v->w, &v->temporary, &st, err));
    *stored = st.size_bytes;
    return DL4C_OK;
}

/* From byte `stored` on, if that is still here. */
static dl4c_status rewind_to(struct writer *v, int64_t stored, struct dl4c_error *err)
{
    struct dli_wh_body *b = &v->body;
    const int64_t kept = byte_at(b->first, 0);
    if (stored < kept || stored > v->size)
        return dli_fail(err, DL4C_E_IO, "webhdfs", "the server has %" PRId64 " bytes of it, and here are those from %" PRId64 " on", stored,
                        kept);
    if (stored <= v->stored)
        return dli_fail(err, DL4C_E_IO, "webhdfs", "it broke twice at byte %" PRId64, stored);
    pthread_mutex_lock(&v->w->lock);
    b->from = (size_t)(stored / WH_CHUNK);
    b->from_byte = (size_t)(stored % WH_CHUNK);
    b->failed = false;
    dli_wh_body_rewind(b);
    pthread_mutex_unlock(&v->w->lock);
    v->stored = stored;
    return DL4C_OK;
}

/* Appends what the server lacks, where an upload broke whose beginning is gone here. Fails with what it broke of, and why that is final. */
static dl4c_status go_on(struct writer *v, const struct dl4c_error *broke, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    int64_t stored = 0;
    dli_wh_call_free(v->upload);
    v->upload = NULL;
    dl4c_status status = settle(v, &stored, &why);
    if (status == DL4C_OK)
        status = rewind_to(v, stored, &why);
    if (status == DL4C_OK) {
        dli_log(v->w->ctx, DL4C_LOG_WARNING, "webhdfs", "%.300s: going on at byte %" PRId64, broke->message, stored);
        return v->body.whole && stored == v->size ? DL4C_OK : start_upload(v, true, err);
    }
    if (status == DL4C_E_CANCELLED || status == DL4C_E_NOMEM) {
        *err = why;
        return status;
    }
    dli_fail(err, broke->status, "webhdfs", "%.220s, and it cannot be gone on with: %.200s", broke->message, why.message);
    err->domain = broke->domain;
    err->code = broke->code;
    return broke->status;
}

/* The upload, which is done. *again: it broke and goes on, or all of it is there. */
static dl4c_status look_at_upload(struct writer *v, bool *again, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    const dl4c_status status = dli_wh_wait(v->upload, -1, &e);
    const bool passes = status == DL4C_E_IO || status == DL4C_E_TIMEOUT || status == DL4C_E_BUSY;
    *again = passes && (v->stored >= 0 || v->body.first > 0);
    if (*again) /* else it was tried again from the beginning, in vain */
        return go_on(v, &e, err);
    if (status != DL4C_OK)
        *err = e;
    return status;
}

/* Until there is room for one more chunk. */
static dl4c_status make_room(struct writer *v, struct dl4c_error *err)
{
    struct dli_webhdfs *w = v->w;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        const bool failed = v->body.failed || v->upload->done, room = v->body.n_chunks - v->body.at <= WH_AHEAD;
        if (!failed && !room)
            dli_cond_wait_until(&v->upload->changed, &w->lock, dli_moment(50));
        pthread_mutex_unlock(&w->lock);
        if (failed) {
            bool again;
            DLI_TRY(look_at_upload(v, &again, err));
            if (!again)
                return dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: the server ended the upload before all was sent", v->final.path);
            continue;
        }
        if (room)
            return DL4C_OK;
        if (dl4c_fs_cancelled())
            return dli_fail(err, DL4C_E_CANCELLED, "webhdfs", "%.300s: cancelled while it was written", v->final.path);
    }
}

dl4c_status dli_wh_write(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err)
{
    (void)user;
    struct writer *v = file;
    struct dli_wh_body *b = &v->body;
    const char *from = bytes;
    while (size > 0) {
        if (b->n_chunks == 0 || b->last_size == WH_CHUNK) {
            if (!v->upload && b->n_chunks == WH_WHOLE) /* a small file is sent as a whole, which can be repeated */
                DLI_TRY(start_upload(v, false, err));
            if (v->upload)
                DLI_TRY(make_room(v, err));
            DLI_TRY(body_grow(v->w, b, err));
            if (v->upload)
                dli_wh_wake(v->w);
        }
        const size_t room = WH_CHUNK - b->last_size, n = size < room ? size : room;
        memcpy(b->chunk[b->n_chunks - 1] + b->last_size, from, n); /* the last chunk is not the engine's yet */
        b->last_size += n;
        v->size += (int64_t)n;
        from += n;
        size -= n;
    }
    return DL4C_OK;
}

/* What may lie under the temporary name goes, whatever the caller's flag says, without waiting long for a server that is gone. */
static void sweep(struct writer *v)
{
    const int32_t *flag = dl4c_fs_watch(NULL);
    struct dli_wh_call *c = dli_wh_call_new(v->w, &v->temporary, "DELETE", "DELETE", NULL);
    if (c && (c->extra = dli_strdup(v->w->ctx, "&recursive=false", NULL))) {
        c->retry_ms = c->retry_ms < 2000 ? c->retry_ms : 2000;
        (void)dli_wh_run(c, NULL);
    }
    dli_wh_call_free(c);
    dl4c_fs_watch(flag);
}

/* A server that lost its client half-way closes the file as if it were whole. */
static dl4c_status compare(const char *path, int64_t there, int64_t size, struct dl4c_error *err)
{
    return there == size ? DL4C_OK
                         : dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: the server stored %" PRId64 " of %" PRId64 " bytes", path, there,
                                    size);
}

/* What the engine goes on with when the bytes are stored, and when it knows how many they are. */
static dl4c_status then_place(struct dli_wh_call *c, bool *more, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    if (c->kind == WH_WRITE) {
        c->kind = WH_ONE;
        c->method = "GET";
        c->op = "GETFILESTATUS";
        c->body = NULL;
        dli_free(c->extra);
        c->extra = NULL;
    } else if (!c->extra) {
        DLI_TRY(dli_wh_status_of(c, &st, err));
        DLI_TRY(compare(c->shown, st.size_bytes, c->stored, err));
        c->method = "PUT";
        c->op = "RENAME";
        c->extra = c->destination;
        c->destination = NULL;
    } else {
        return DL4C_OK;
    }
    *more = true;
    return DL4C_OK;
}

/* A file none of which was sent yet: uploaded, looked at and renamed by one call, so that its thread waits once. */
static dl4c_status place_at_once(struct writer *v, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_wh_call *c = sending(v, false, &v->body, err);
    if (!c)
        return dli_alloc_status();
    v->upload = c;
    v->begun = true;
    c->then = then_place;
    c->stored = v->size;
    DLI_TRY(dli_wh_move_words(v->w, v->final.path, &c->destination, err));
    DLI_TRY(dli_wh_submit(c, err));
    const dl4c_status status = dli_wh_wait(c, -1, &e);
    if (status != DL4C_E_CANCELLED && strcmp(c->op, "RENAME") == 0) /* it is over, and may have been done by a try that seemed to fail */
        return dli_wh_move(v->w, &v->temporary, v->final.path, c, err);
    if (status != DL4C_OK)
        *err = e;
    return status;
}

static dl4c_status finish(struct writer *v, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    pthread_mutex_lock(&v->w->lock);
    v->body.whole = true;
    pthread_mutex_unlock(&v->w->lock);
    if (!v->upload)
        return place_at_once(v, err);
    dli_wh_wake(v->w);
    for (bool again = true; again && v->upload;)
        DLI_TRY(look_at_upload(v, &again, err));
    DLI_TRY(dli_wh_status(v->w, &v->temporary, &st, err));
    DLI_TRY(compare(v->final.path, st.size_bytes, v->size, err));
    return dli_wh_move(v->w, &v->temporary, v->final.path, NULL, err);
}

dl4c_status dli_wh_commit(void *user, void *file, struct dl4c_error *err)
{
    (void)user;
    struct writer *v = file;
    const dl4c_status status = finish(v, err);
    if (status != DL4C_OK) {
        dli_wh_call_free(v->upload); /* ends it */
        v->upload = NULL;
        sweep(v);
    }
    writer_free(v);
    return status;
}

void dli_wh_abandon(void *user, void *file)
{
    (void)user;
    struct writer *v = file;
    dli_wh_call_free(v->upload);
    v->upload = NULL;
    if (v->begun)
        sweep(v);
    writer_free(v);
}

/* ---- appending ---- */

static dl4c_status send_body(struct dli_webhdfs *w, const struct dli_wh_target *t, const char *method, const char *op, const char *extra,
                             struct dli_wh_body *b, bool once, char name[64], struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_wh_call_new(w, t, method, op, err);
    if (!c || !(c->extra = dli_strdup(w->ctx, extra, err))) {
        dli_wh_call_free(c);
        return dli_alloc_status();
    }
    c->kind = WH_WRITE;
    c->body = b;
    c->borrowed = true;
    c->once = once;
    const dl4c_status status = dli_wh_run(c, err);
    memcpy(name, c->name, 64);
    dli_wh_call_free(c);
    return status;
}

dl4c_status dli_wh_append(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err)
{
    const struct dli_wh_scheme *s = user;
    struct dli_wh_target t;
    struct dli_wh_body body = { .bytes = bytes, .size = size, .whole = true }, nothing = { .whole = true };
    struct dl4c_error e = DL4C_ERROR_INIT;
    char name[64];
    DLI_TRY(dli_wh_target_open(s, authority, path, &t, err));
    dl4c_status status = send_body(s->w, &t, "POST", "APPEND", "", &body, true, name, &e);
    if (status == DL4C_E_NOTFOUND) { /* made empty first: two who find nothing there both append */
        status = send_body(s->w, &t, "PUT", "CREATE", "&overwrite=false&createparent=false", &nothing, false, name, &e);
        if ((status == DL4C_OK || status == DL4C_E_EXISTS) && size > 0) {
            body.failed = false; /* it begins anew: dli_wh_start */
            status = send_body(s->w, &t, "POST", "APPEND", "", &body, true, name, &e);
        } else if (status == DL4C_E_EXISTS) {
            status = DL4C_OK;
        }
    }
    dli_wh_target_free(&t);
    if (status != DL4C_OK)
        *err = e;
    return status;
}
