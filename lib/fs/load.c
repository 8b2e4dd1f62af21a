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
    dl4c_context *ctx; /* a reference */
    const struct dli_fs *fs;
    void *load;         /* of the file system; NULL: it has no such thing */
    dl4c_fs_file *file; /* what is read instead; NULL before the first wait */
    int64_t size, limit; /* size -1: any */
    char *uri;
};

dl4c_status dl4c_fs_load_start(dl4c_context *ctx, const char *uri, int64_t size_bytes, int64_t limit_bytes, dl4c_fs_load **load,
                               struct dl4c_error *err)
{
    if (!load)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the place for the load is NULL");
    *load = NULL;
    if (limit_bytes < 0 || size_bytes < -1)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the size is %" PRId64 " bytes and the limit %" PRId64, size_bytes, limit_bytes);
    ctx = dli_context(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    struct dli_uri u;
    DLI_TRY(dli_uri_parse(ctx, uri, &u, err));
    dl4c_status status;
    dl4c_fs_load *l = dli_calloc(ctx, 1, sizeof *l, err);
    if (!l || !(l->uri = dli_strdup(ctx, uri, err))) {
        status = dli_alloc_status();
        goto fail;
    }
    l->size = size_bytes;
    l->limit = limit_bytes ? limit_bytes : INT64_MAX;
    DLI_GOTO(dli_fs_find(ctx, &u, &l->fs, err), fail);
    if (l->fs->ops.load_start) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        status = l->fs->ops.load_start(l->fs->user, u.authority, u.path, l->size, l->limit, &l->load, &e);
        DLI_GOTO(dli_fs_answer(l->fs, status, &e, "read", uri, err), fail);
    }
    l->ctx = dli_context_ref(ctx, NULL);
    dli_uri_free(&u);
    *load = l;
    return DL4C_OK;
fail:
    if (l)
        dli_free(l->uri);
    dli_free(l);
    dli_uri_free(&u);
    return status;
}

dl4c_status dl4c_fs_load_wait(dl4c_fs_load *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err)
{
    if (!load || !bytes || !size)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the load or a place for its bytes is NULL");
    *bytes = NULL;
    *size = 0;
    if (load->fs->ops.load_start) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        const dl4c_status status = load->fs->ops.load_wait(load->fs->user, load->load, timeout_ms, bytes, size, &e);
        DLI_TRY(dli_fs_answer(load->fs, status, &e, "read", load->uri, err));
        if (!*bytes)
            return dli_fail(err, DL4C_E_IO, load->fs->scheme, "%.300s: the file system gave no bytes", load->uri);
        return DL4C_OK;
    }
    if (!load->file)
        DLI_TRY(dl4c_fs_open(load->ctx, load->uri, &load->file, err));
    if (dl4c_fs_size(load->file) > load->limit)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, load->uri, dl4c_fs_size(load->file),
                        load->limit);
    if (load->size >= 0 && dl4c_fs_size(load->file) != load->size)
        return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s has %" PRId64 " bytes, wanted %" PRId64, load->uri, dl4c_fs_size(load->file),
                        load->size);
    return dl4c_fs_bytes(load->file, bytes, size, err);
}

void dl4c_fs_load_end(dl4c_fs_load **load)
{
    if (!load || !*load)
        return;
    dl4c_fs_load *l = *load;
    dl4c_context *ctx = l->ctx;
    *load = NULL;
    if (l->fs->ops.load_start)
        l->fs->ops.load_end(l->fs->user, l->load);
    dl4c_fs_close(&l->file);
    dli_free(l->uri);
    dli_free(l);
    dli_context_unref(ctx);
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
