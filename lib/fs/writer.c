/* SPDX-License-Identifier: Apache-2.0 */
/* Writing files: whole or not at all. */
#include "fs/local.h"
#include "fs/registry.h"

#include <string.h>

struct dl4c_fs_writer {
    struct dli_handle h;
    void *file;
    struct dl4c_error failed; /* the first write that failed: commit reports it again */
};

dl4c_status dl4c_fs_create(dl4c_context *ctx, const char *uri, dl4c_fs_writer **writer, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_named n;
    dl4c_status status;
    if (!writer)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the place for the writer is NULL");
    *writer = NULL;
    dl4c_fs_writer *w = dli_handle_new(ctx, uri, sizeof *w, &n, &status, err);
    if (!w)
        return status;
    if (!n.fs->ops.create) {
        status = dli_fs_cannot(n.fs, "write", uri, err);
    } else {
        status = n.fs->ops.create(n.fs->user, n.uri.authority, n.uri.path, &w->file, &e);
        dli_fs_answer(n.fs, status, &e, "create", uri, err);
    }
    dli_uri_free(&n.uri);
    if (status == DL4C_OK)
        *writer = w;
    else
        dli_handle_free(w);
    return status;
}

dl4c_status dl4c_fs_write(dl4c_fs_writer *writer, const void *bytes, size_t size, struct dl4c_error *err)
{
    if (!writer || (!bytes && size > 0))
        return dli_fail(err, DL4C_E_INVALID, "fs", "the %s to write is NULL", writer ? "memory" : "file");
    if (writer->failed.status != DL4C_OK) {
        if (err)
            *err = writer->failed;
        return writer->failed.status;
    }
    if (size == 0)
        return DL4C_OK;
    struct dl4c_error e = DL4C_ERROR_INIT;
    const dl4c_status status = writer->h.fs->ops.write(writer->h.fs->user, writer->file, bytes, size, &e);
    dli_fs_answer(writer->h.fs, status, &e, "write", writer->h.uri, &writer->failed);
    if (status != DL4C_OK && err)
        *err = writer->failed;
    return status;
}

void dli_fs_no_sync(dl4c_fs_writer *writer)
{
    if (writer->h.fs->ops.commit == dli_fs_local.commit)
        dli_local_no_sync(writer->file);
}

dl4c_status dl4c_fs_commit(dl4c_fs_writer **writer, struct dl4c_error *err)
{
    if (!writer || !*writer)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the file to commit is NULL");
    dl4c_fs_writer *w = *writer;
    *writer = NULL;
    dl4c_status status = w->failed.status;
    if (status != DL4C_OK) {
        if (err)
            *err = w->failed;
        w->h.fs->ops.abandon(w->h.fs->user, w->file);
    } else {
        struct dl4c_error e = DL4C_ERROR_INIT;
        status = w->h.fs->ops.commit(w->h.fs->user, w->file, &e);
        dli_fs_answer(w->h.fs, status, &e, "commit", w->h.uri, err);
    }
    dli_handle_free(w);
    return status;
}

void dl4c_fs_abandon(dl4c_fs_writer **writer)
{
    if (!writer || !*writer)
        return;
    dl4c_fs_writer *w = *writer;
    *writer = NULL;
    w->h.fs->ops.abandon(w->h.fs->user, w->file);
    dli_handle_free(w);
}

/* ---- memory instead of a file ---- */

static dl4c_status memory_write(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct dli_fs_memory *m = file;
    size_t need;
    (void)user;
    if (!dli_add_size(m->size, size, &need) || need > PTRDIFF_MAX)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "more than %zu bytes do not fit in memory", m->size);
    if (need > m->room) {
        const size_t room = need < PTRDIFF_MAX / 2 && need < 2 * m->room ? 2 * m->room : need;
        char *more = dli_realloc(m->ctx, m->bytes, room, err);
        if (!more)
            return dli_alloc_status();
        m->bytes = more;
        m->room = room;
    }
    memcpy(m->bytes + m->size, bytes, size);
    m->size = need;
    return DL4C_OK;
}

static dl4c_status memory_commit(void *user, void *file, struct dl4c_error *err)
{
    (void)user;
    (void)file;
    (void)err;
    return DL4C_OK;
}

static void memory_abandon(void *user, void *file)
{
    struct dli_fs_memory *m = file;
    (void)user;
    dli_free(m->bytes);
    m->bytes = NULL;
    m->size = m->room = 0;
}

dl4c_status dli_fs_create_memory(dl4c_context *ctx, struct dli_fs_memory *memory, dl4c_fs_writer **writer, struct dl4c_error *err)
{
    static const struct dli_fs fs = { .ops = { .struct_size = sizeof fs.ops,
                                               .scheme = "memory",
                                               .write = memory_write,
                                               .commit = memory_commit,
                                               .abandon = memory_abandon },
                                      .scheme = "memory" };
    *writer = NULL;
    *memory = (struct dli_fs_memory){ .ctx = ctx };
    dl4c_fs_writer *w = dli_calloc(ctx, 1, sizeof *w, err);
    if (!w || !(w->h.uri = dli_strdup(ctx, "memory", err))) {
        dli_free(w);
        return dli_alloc_status();
    }
    w->h.fs = &fs;
    w->file = memory;
    w->h.ctx = dli_context_ref(ctx, NULL);
    *writer = w;
    return DL4C_OK;
}

dl4c_status dli_fs_save(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err)
{
    dl4c_fs_writer *w;
    DLI_TRY(dl4c_fs_create(ctx, uri, &w, err));
    const dl4c_status status = dl4c_fs_write(w, bytes, size, err);
    if (status != DL4C_OK) {
        dl4c_fs_abandon(&w);
        return status;
    }
    return dl4c_fs_commit(&w, err);
}
