/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files. */
#include "fs/registry.h"

#include <string.h>

struct dl4c_fs_file {
    struct dli_handle h;
    void *file;
    int64_t size;
    const void *bytes; /* of dl4c_fs_bytes; NULL before */
    void *own;         /* where they were read, not mapped */
};

dl4c_status dl4c_fs_open(dl4c_context *ctx, const char *uri, dl4c_fs_file **file, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_named n;
    dl4c_status status;
    if (!file)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the place for the file is NULL");
    *file = NULL;
    dl4c_fs_file *f = dli_handle_new(ctx, uri, sizeof *f, &n, &status, err);
    if (!f)
        return status;
    f->size = -1;
    status = n.fs->ops.open_read(n.fs->user, n.uri.authority, n.uri.path, &f->file, &f->size, &e);
    dli_uri_free(&n.uri);
    dli_fs_answer(n.fs, status, &e, "open", uri, err);
    if (status == DL4C_OK && f->size < 0) {
        n.fs->ops.close_read(n.fs->user, f->file);
        status = dli_fail(err, DL4C_E_IO, n.fs->scheme, "%.300s: the file system gave a size of %" PRId64, uri, f->size);
    }
    if (status == DL4C_OK)
        *file = f;
    else
        dli_handle_free(f);
    return status;
}

int64_t dl4c_fs_size(const dl4c_fs_file *file) { return file->size; }
const char *dli_fs_uri(const dl4c_fs_file *file) { return file->h.uri; }
bool dli_fs_is_mapped(const dl4c_fs_file *file) { return file->bytes && !file->own; }

void dli_fs_forget(dl4c_fs_file *file, size_t offset, size_t size)
{
    if (dli_fs_is_mapped(file) && file->h.fs->ops.map == dli_fs_local.map)
        dli_fs_local_forget(file->file, offset, size);
}

dl4c_status dl4c_fs_read_at(dl4c_fs_file *file, int64_t offset, void *buffer, size_t size, struct dl4c_error *err)
{
    if (!file || (!buffer && size > 0))
        return dli_fail(err, DL4C_E_INVALID, "fs", "the %s to read is NULL", file ? "buffer" : "file");
    if (offset < 0)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%.300s: reading at %" PRId64, file->h.uri, offset);
    if (offset > file->size || (uint64_t)size > (uint64_t)(file->size - offset))
        return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s has %" PRId64 " bytes, but %zu at %" PRId64 " are wanted", file->h.uri,
                        file->size, size, offset);
    for (size_t done = 0, got; done < size; done += got) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        got = 0;
        const int64_t at = offset + (int64_t)done;
        const dl4c_status status = file->h.fs->ops.read_at(file->h.fs->user, file->file, at, (char *)buffer + done, size - done, &got, &e);
        DLI_TRY(dli_fs_answer(file->h.fs, status, &e, "read", file->h.uri, err));
        if (got == 0)
            return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s ends at %" PRId64 " although it had %" PRId64 " bytes when it was opened",
                            file->h.uri, at, file->size);
        if (got > size - done)
            return dli_fail(err, DL4C_E_IO, file->h.fs->scheme, "%.300s: %zu bytes were wanted and the file system says it gave %zu",
                            file->h.uri, size - done, got);
    }
    return DL4C_OK;
}

enum { PIECE = 1 << 20 }; /* what is read at once where a file is read in turn */

static dl4c_status next_piece(dl4c_fs_file *file, int64_t at, char *buffer, const void **bytes, size_t *n, struct dl4c_error *err)
{
    const int64_t left = file->size - at;
    const size_t most = left < PIECE ? (size_t)left : PIECE;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (dl4c_fs_cancelled())
        return dli_fail(err, DL4C_E_CANCELLED, "fs", "%.300s: cancelled while it was read", file->h.uri);
    if (file->h.fs->lend)
        return dli_fs_answer(file->h.fs, file->h.fs->lend(file->file, at, most, bytes, n, &e), &e, "read", file->h.uri, err);
    *bytes = buffer;
    *n = most;
    return dl4c_fs_read_at(file, at, buffer, most, err);
}

dl4c_status dli_fs_read_on(dl4c_fs_file *file, dli_fs_take_fn fn, void *user, struct dl4c_error *err)
{
    char *buffer = file->h.fs->lend ? NULL : dli_alloc(file->h.ctx, file->size < PIECE ? (size_t)file->size : PIECE, err);
    dl4c_status status = buffer || file->h.fs->lend ? DL4C_OK : dli_alloc_status();
    const void *bytes;
    size_t n;
    for (int64_t at = 0; status == DL4C_OK && at < file->size; at += (int64_t)n) {
        status = next_piece(file, at, buffer, &bytes, &n, err);
        if (status == DL4C_OK)
            status = fn(user, bytes, n, err);
    }
    dli_free(buffer);
    return status;
}

dl4c_status dl4c_fs_bytes(dl4c_fs_file *file, const void **bytes, size_t *size, struct dl4c_error *err)
{
    if (!file || !bytes || !size)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the file or a place for its bytes is NULL");
    *bytes = NULL;
    *size = 0;
    if ((uint64_t)file->size > PTRDIFF_MAX)
        return dli_fail(err, DL4C_E_NOMEM, "fs", "%.300s has %" PRId64 " bytes, more than memory can hold", file->h.uri, file->size);
    if (!file->bytes && file->h.fs->ops.map) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        const void *mapped = NULL;
        size_t n = 0;
        const dl4c_status status = file->h.fs->ops.map(file->h.fs->user, file->file, &mapped, &n, &e);
        if (status == DL4C_OK && (!mapped || n != (size_t)file->size))
            return dli_fail(err, DL4C_E_IO, file->h.fs->scheme, "%.300s has %" PRId64 " bytes but %zu were mapped", file->h.uri,
                            file->size, n);
        if (status == DL4C_OK)
            file->bytes = mapped;
        else if (status != DL4C_E_UNSUPPORTED)
            return dli_fs_answer(file->h.fs, status, &e, "map", file->h.uri, err);
    }
    if (!file->bytes) {
        void *own = dli_alloc_aligned(file->h.ctx, (size_t)file->size, err);
        if (!own)
            return dli_fail_prefix(err, dli_alloc_status(), "%.300s", file->h.uri);
        const dl4c_status status = dl4c_fs_read_at(file, 0, own, (size_t)file->size, err);
        if (status != DL4C_OK) {
            dli_free(own);
            return status;
        }
        file->bytes = file->own = own;
    }
    *bytes = file->bytes;
    *size = (size_t)file->size;
    return DL4C_OK;
}

void dl4c_fs_close(dl4c_fs_file **file)
{
    if (!file || !*file)
        return;
    dl4c_fs_file *f = *file;
    *file = NULL;
    f->h.fs->ops.close_read(f->h.fs->user, f->file);
    dli_free(f->own);
    dli_handle_free(f);
}

dl4c_status dli_fs_load(dl4c_context *ctx, const char *uri, int64_t limit, char **bytes, size_t *size, struct dl4c_error *err)
{
    *bytes = NULL;
    *size = 0;
    dl4c_fs_file *f;
    DLI_TRY(dl4c_fs_open(ctx, uri, &f, err));
    dl4c_status status = DL4C_OK;
    char *text = NULL;
    if (f->size > limit || (uint64_t)f->size >= PTRDIFF_MAX)
        status = dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, uri, f->size, limit);
    else if (!(text = dli_alloc(ctx, (size_t)f->size + 1, err)))
        status = dli_alloc_status();
    else
        status = dl4c_fs_read_at(f, 0, text, (size_t)f->size, err);
    if (status == DL4C_OK) {
        text[f->size] = '\0';
        *bytes = text;
        *size = (size_t)f->size;
    } else {
        dli_free(text);
    }
    dl4c_fs_close(&f);
    return status;
}
