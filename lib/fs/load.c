/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files read ahead, and the flag that ends waiting. */
#include "fs/registry.h"

#include <string.h>

static _Thread_local const int32_t *watched;

const int32_t *dl4c_fs_watch(const int32_t *cancel)
{
    const int32_t *before = watched;
    watched = cancel;
    return before;
}

int dl4c_fs_cancelled(void) { return watched && __atomic_load_n(watched, __ATOMIC_RELAXED) != 0; }

struct dl4c_fs_load {
    struct dli_handle h;
    void *load;         /* of the file system; NULL: it has no such thing */
    dl4c_fs_file *file; /* what is read instead; NULL before the first wait */
    int64_t size, limit; /* size -1: any */
};

dl4c_status dl4c_fs_load_start(dl4c_context *ctx, const char *uri, int64_t size_bytes, int64_t limit_bytes, dl4c_fs_load **load,
                               struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_named n;
    dl4c_status status;
    if (!load)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the place for the load is NULL");
    *load = NULL;
    if (limit_bytes < 0 || size_bytes < -1)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the size is %" PRId64 " bytes and the limit %" PRId64, size_bytes, limit_bytes);
    dl4c_fs_load *l = dli_handle_new(ctx, uri, sizeof *l, &n, &status, err);
    if (!l)
        return status;
    l->size = size_bytes;
    l->limit = limit_bytes ? limit_bytes : INT64_MAX;
    if (n.fs->ops.load_start)
        status = n.fs->ops.load_start(n.fs->user, n.uri.authority, n.uri.path, l->size, l->limit, &l->load, &e);
    dli_uri_free(&n.uri);
    dli_fs_answer(n.fs, status, &e, "read", uri, err);
    if (status == DL4C_OK)
        *load = l;
    else
        dli_handle_free(l);
    return status;
}

dl4c_status dl4c_fs_load_wait(dl4c_fs_load *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err)
{
    if (!load || !bytes || !size)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the load or a place for its bytes is NULL");
    *bytes = NULL;
    *size = 0;
    if (load->h.fs->ops.load_start) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        const dl4c_status status = load->h.fs->ops.load_wait(load->h.fs->user, load->load, timeout_ms, bytes, size, &e);
        DLI_TRY(dli_fs_answer(load->h.fs, status, &e, "read", load->h.uri, err));
        if (!*bytes)
            return dli_fail(err, DL4C_E_IO, load->h.fs->scheme, "%.300s: the file system gave no bytes", load->h.uri);
        return DL4C_OK;
    }
    if (!load->file)
        DLI_TRY(dl4c_fs_open(load->h.ctx, load->h.uri, &load->file, err));
    if (dl4c_fs_size(load->file) > load->limit)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, load->h.uri,
                        dl4c_fs_size(load->file), load->limit);
    if (load->size >= 0 && dl4c_fs_size(load->file) != load->size)
        return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s has %" PRId64 " bytes, wanted %" PRId64, load->h.uri, dl4c_fs_size(load->file),
                        load->size);
    return dl4c_fs_bytes(load->file, bytes, size, err);
}

void dl4c_fs_load_end(dl4c_fs_load **load)
{
    if (!load || !*load)
        return;
    dl4c_fs_load *l = *load;
    *load = NULL;
    if (l->h.fs->ops.load_start)
        l->h.fs->ops.load_end(l->h.fs->user, l->load);
    dl4c_fs_close(&l->file);
    dli_handle_free(l);
}

static bool find(dl4c_context *ctx, const char *uri, bool *ahead)
{
    struct dli_uri u;
    const struct dli_fs *fs = NULL;
    if (dli_uri_parse(ctx, uri, &u, NULL) != DL4C_OK)
        return false;
    const bool local = strcmp(u.scheme, dli_fs_local.scheme) == 0;
    *ahead = !local && dli_fs_find(ctx, &u, &fs, NULL) == DL4C_OK && fs->ops.load_start;
    dli_uri_free(&u);
    return local;
}

bool dli_fs_reads_ahead(dl4c_context *ctx, const char *uri)
{
    bool ahead = false;
    if (strstr(uri, "://"))
        find(ctx, uri, &ahead);
    return ahead;
}

bool dli_fs_is_local(dl4c_context *ctx, const char *uri)
{
    bool ahead;
    return !strstr(uri, "://") || find(ctx, uri, &ahead);
}
