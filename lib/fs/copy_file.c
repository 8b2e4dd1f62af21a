/* SPDX-License-Identifier: Apache-2.0 */
/* Copying one file: whole through memory where it is small, in pieces otherwise. Pieces of a host's file system are read ahead by two
 * threads, so that one is on its way while another is written; HDFS sends what follows by itself. */
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "fs/copy.h"
#include "fs/registry.h"

#include <string.h>

enum { SMALL = 1 << 20, FAR_PIECE = 8 << 20, SLOTS = 3, READERS = 2 };
enum { BEGIN_ANEW_FROM = 16 << 20, MOST_BEGINNINGS = 2 }; /* a writer that gave less has tried that by itself */

struct transfer {
    struct dli_copy *c;
    const char *from, *to;
    dl4c_fs_writer *writer;
    bool digest;
    struct dli_sha256 sum;
    int64_t counted; /* bytes that progress knows of */
};

static dl4c_status put(void *user, const void *bytes, size_t n, struct dl4c_error *err)
{
    struct transfer *t = user;
    if (t->digest)
        dli_sha256_add(&t->sum, bytes, n);
    DLI_TRY(dl4c_fs_write(t->writer, bytes, n, err));
    t->counted += (int64_t)n;
    atomic_fetch_add_explicit(&t->c->bytes, (int64_t)n, memory_order_relaxed);
    return DL4C_OK;
}

static dl4c_status put_small(struct transfer *t, int64_t size, struct dl4c_error *err)
{
    dl4c_fs_load *load;
    const void *bytes;
    size_t n;
    DLI_TRY(dl4c_fs_load_start(t->c->ctx, t->from, size, 0, &load, err));
    dl4c_status status = dl4c_fs_load_wait(load, -1, &bytes, &n, err);
    if (status == DL4C_OK)
        status = dl4c_fs_create(t->c->ctx, t->to, &t->writer, err);
    if (status == DL4C_OK)
        status = put(t, bytes, n, err);
    dl4c_fs_load_end(&load);
    return status;
}

/* ---- pieces ahead ---- */

struct ahead {
    dl4c_fs_file *file;
    const int32_t *stop;
    int64_t size, pieces;
    char *slot[SLOTS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool full[SLOTS], over;
    int64_t next, written; /* pieces: the next one to read; all below were written */
    struct dl4c_error e;   /* the first failure */
};

static size_t piece_size(const struct ahead *a, int64_t piece)
{
    const int64_t left = a->size - piece * FAR_PIECE;
    return (size_t)(left < FAR_PIECE ? left : FAR_PIECE);
}

static void *read_ahead(void *arg)
{
    struct ahead *a = arg;
    dl4c_fs_watch(a->stop);
    pthread_mutex_lock(&a->lock);
    while (!a->over && a->next < a->pieces) {
        if (a->next >= a->written + SLOTS) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        const int64_t piece = a->next++;
        struct dl4c_error e = DL4C_ERROR_INIT;
        pthread_mutex_unlock(&a->lock);
        const dl4c_status status = dl4c_fs_read_at(a->file, piece * FAR_PIECE, a->slot[piece % SLOTS], piece_size(a, piece), &e);
        pthread_mutex_lock(&a->lock);
        if (status == DL4C_OK) {
            a->full[piece % SLOTS] = true;
        } else {
            if (!a->over)
                a->e = e;
            a->over = true;
        }
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    dl4c_fs_watch(NULL);
    return NULL;
}

static dl4c_status write_slots(struct transfer *t, struct ahead *a, struct dl4c_error *err)
{
    dl4c_status status = DL4C_OK;
    for (int64_t piece = 0; status == DL4C_OK && piece < a->pieces; piece++) {
        pthread_mutex_lock(&a->lock);
        while (!a->full[piece % SLOTS] && !a->over)
            pthread_cond_wait(&a->changed, &a->lock);
        const bool there = a->full[piece % SLOTS];
        pthread_mutex_unlock(&a->lock);
        if (!there) {
            if (err)
                *err = a->e;
            return a->e.status;
        }
        if (dl4c_fs_cancelled())
            return dli_fail(err, DL4C_E_CANCELLED, "fs", "%.300s: cancelled while it was copied", t->from);
        status = put(t, a->slot[piece % SLOTS], piece_size(a, piece), err);
        pthread_mutex_lock(&a->lock);
        a->full[piece % SLOTS] = false;
        a->written = piece + 1;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
    }
    return status;
}

static dl4c_status put_ahead(struct transfer *t, dl4c_fs_file *file, struct dl4c_error *err)
{
    struct ahead a = { .file = file, .stop = &t->c->stop, .size = dl4c_fs_size(file) };
    pthread_t threads[READERS];
    dl4c_status status = DL4C_OK;
    int n = 0;
    a.pieces = a.size / FAR_PIECE + (a.size % FAR_PIECE > 0);
    for (int i = 0; i < SLOTS && i < a.pieces && status == DL4C_OK; i++)
        if (!(a.slot[i] = dli_alloc(t->c->ctx, a.size < FAR_PIECE ? (size_t)a.size : (size_t)FAR_PIECE, err)))
            status = dli_alloc_status();
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.changed, NULL);
    while (status == DL4C_OK && n < READERS && n < a.pieces && dli_thread_start(&threads[n], read_ahead, &a))
        n++;
    if (status == DL4C_OK && n == 0)
        status = dli_fs_read_on(file, put, t, err);
    else if (status == DL4C_OK)
        status = write_slots(t, &a, err);
    pthread_mutex_lock(&a.lock);
    a.over = true;
    pthread_cond_broadcast(&a.changed);
    pthread_mutex_unlock(&a.lock);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++)
        dli_free(a.slot[i]);
    pthread_mutex_destroy(&a.lock);
    pthread_cond_destroy(&a.changed);
    return status;
}

static dl4c_status put_large(struct transfer *t, bool in_turn, struct dl4c_error *err)
{
    dl4c_fs_file *file;
    DLI_TRY(dl4c_fs_open(t->c->ctx, t->from, &file, err));
    dl4c_status status = dl4c_fs_create(t->c->ctx, t->to, &t->writer, err);
    if (status == DL4C_OK)
        status = in_turn ? dli_fs_read_on(file, put, t, err) : put_ahead(t, file, err);
    dl4c_fs_close(&file);
    return status;
}

/* ---- what is there, and whether it came over ---- */

/* Digests of one kind compare where they are kept; else both files are read. */
static dl4c_status same_bytes(struct dli_copy *c, const char *from, const char *to, bool *same, struct dl4c_error *err)
{
    struct dl4c_fs_checksum a = DL4C_FS_CHECKSUM_INIT, b = DL4C_FS_CHECKSUM_INIT;
    DLI_TRY(dl4c_fs_get_checksum(c->ctx, from, &a, err));
    DLI_TRY(dl4c_fs_get_checksum(c->ctx, to, &b, err));
    if (strcmp(a.algorithm, b.algorithm) != 0 && strcmp(a.algorithm, "SHA-256") != 0)
        DLI_TRY(dli_fs_read_digest(c->ctx, from, &a, err));
    if (strcmp(a.algorithm, b.algorithm) != 0)
        DLI_TRY(dli_fs_read_digest(c->ctx, to, &b, err));
    *same = strcmp(a.algorithm, b.algorithm) == 0 && strcmp(a.digest, b.digest) == 0;
    return DL4C_OK;
}

/* *skip: the copy is there already. A file under its name is whole: it was given the name last. */
static dl4c_status look(struct dli_copy *c, const struct dli_copy_task *t, const char *from, const char *to, bool *skip,
                        struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    const bool resume = c->o.flags & DL4C_FS_COPY_RESUME;
    *skip = false;
    if (t->fresh || (!resume && (c->o.flags & DL4C_FS_COPY_OVERWRITE)))
        return DL4C_OK;
    const dl4c_status status = dl4c_fs_stat_uri(c->ctx, to, &st, &e);
    if (status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (status != DL4C_OK) {
        *err = e;
        return status;
    }
    if (st.kind != DL4C_FS_FILE)
        return dli_fail(err, DL4C_E_EXISTS, "fs", "%.300s is there already and no file", to);
    if (!resume)
        return dli_fail(err, DL4C_E_EXISTS, "fs", "%.300s is there already, wanted a free name or leave to overwrite", to);
    if (st.size_bytes != t->size)
        return DL4C_OK;
    if (c->o.flags & DL4C_FS_COPY_CHECKSUM)
        return same_bytes(c, from, to, skip, err);
    *skip = t->mtime_ms > 0 && st.mtime_ms >= t->mtime_ms;
    return DL4C_OK;
}

static dl4c_status check_copy(struct transfer *t, struct dl4c_error *err)
{
    struct dl4c_fs_checksum there = DL4C_FS_CHECKSUM_INIT;
    char hex[65];
    dli_sha256_hex(&t->sum, hex);
    DLI_TRY(dli_fs_read_digest(t->c->ctx, t->to, &there, err));
    if (strcmp(hex, there.digest) == 0)
        return DL4C_OK;
    dl4c_fs_remove(t->c->ctx, t->to, NULL);
    return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.200s, read again, has SHA-256 %.16s..., wanted %.16s... of %.100s; it was removed", t->to,
                    there.digest, hex, t->from);
}

/* The connection that the copy went over, for good: another one may hold. */
static bool broke(dl4c_status status, const struct dl4c_error *err)
{
    return (status == DL4C_E_IO || status == DL4C_E_TIMEOUT) && err->domain == DL4C_DOMAIN_CURL;
}

static dl4c_status put_once(struct transfer *t, int64_t size, bool in_turn, struct dl4c_error *err)
{
    dli_sha256_init(&t->sum);
    dl4c_status status = size <= SMALL ? put_small(t, size, err) : put_large(t, in_turn, err);
    if (status == DL4C_OK) {
        dli_fs_no_sync(t->writer); /* the disk is waited for once, by the whole call */
        status = dl4c_fs_commit(&t->writer, err);
    }
    dl4c_fs_abandon(&t->writer);
    return status;
}

dl4c_status dli_copy_file(struct dli_copy *c, const struct dli_copy_task *task, const char *from, const char *to, bool *skipped,
                          struct dl4c_error *err)
{
    struct transfer t = { .c = c, .from = from, .to = to, .digest = c->o.flags & DL4C_FS_COPY_CHECKSUM };
    const bool local = c->roots[task->root].from_local, in_turn = c->roots[task->root].in_turn;
    dl4c_status status = look(c, task, from, to, skipped, err);
    if (status == DL4C_OK && !*skipped) {
        status = put_once(&t, task->size, in_turn, err);
        for (int n = 1; n < MOST_BEGINNINGS && local && t.counted > BEGIN_ANEW_FROM && broke(status, err) && !dl4c_fs_cancelled(); n++) {
            dli_log(c->ctx, DL4C_LOG_WARNING, "fs", "%.400s: beginning anew", err->message);
            atomic_fetch_sub_explicit(&c->bytes, t.counted, memory_order_relaxed);
            t.counted = 0;
            status = put_once(&t, task->size, in_turn, err);
        }
        if (status == DL4C_OK && t.digest)
            status = check_copy(&t, err);
        if (status == DL4C_OK && (c->o.flags & DL4C_FS_COPY_TIMES) && task->mtime_ms > 0) {
            struct dl4c_fs_change change = DL4C_FS_CHANGE_INIT;
            change.what = DL4C_FS_CHANGE_TIMES;
            change.mtime_ms = task->mtime_ms;
            status = dl4c_fs_set(c->ctx, to, &change, err);
        }
    }
    if (t.counted < task->size) /* of progress, which ends at the whole whatever failed */
        atomic_fetch_add_explicit(&c->bytes, task->size - t.counted, memory_order_relaxed);
    return status;
}
