/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems know of files beyond their bytes: digests, sums over directories, permissions; with a way round where one does not. */
#include "base/sha256.h"
#include "fs/registry.h"

#include <string.h>

/* ---- digests ---- */

static dl4c_status add_bytes(void *user, const void *bytes, size_t n, struct dl4c_error *err)
{
    (void)err;
    dli_sha256_add(user, bytes, n);
    return DL4C_OK;
}

dl4c_status dli_fs_read_digest(dl4c_context *ctx, const char *uri, struct dl4c_fs_checksum *out, struct dl4c_error *err)
{
    struct dli_sha256 s;
    char hex[65];
    dl4c_fs_file *file = NULL;
    dli_sha256_init(&s);
    DLI_TRY(dl4c_fs_open(ctx, uri, &file, err));
    const dl4c_status status = dli_fs_read_on(file, add_bytes, &s, err);
    dl4c_fs_close(&file);
    dli_sha256_hex(&s, hex);
    memcpy(out->algorithm, "SHA-256", 8);
    memcpy(out->digest, hex, sizeof hex);
    return status;
}

dl4c_status dl4c_fs_get_checksum(dl4c_context *ctx, const char *uri, struct dl4c_fs_checksum *out, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_fs_checksum c = DL4C_FS_CHECKSUM_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the struct to fill is NULL");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status = DL4C_E_UNSUPPORTED;
    if (n.fs->ops.checksum)
        status = n.fs->ops.checksum(n.fs->user, n.uri.authority, n.uri.path, &c, &e);
    if (status == DL4C_E_UNSUPPORTED)
        status = dli_fs_read_digest(n.ctx, uri, &c, err);
    else
        status = dli_fs_answer(n.fs, status, &e, "compute the checksum of", uri, err);
    dli_uri_free(&n.uri);
    DLI_TRY(status);
    c.struct_size = sizeof c;
    c.algorithm[sizeof c.algorithm - 1] = c.digest[sizeof c.digest - 1] = '\0';
    return dli_struct_out(out, &c, sizeof c, "fs", err);
}

/* ---- sums ---- */

struct sum {
    dl4c_context *ctx;
    struct dl4c_fs_summary *to;
    const char *uri;
    int32_t depth;
    dl4c_status status;
    struct dl4c_error *err;
};

static dl4c_status add_directory(const struct sum *outer, const char *uri);

static int add_name(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct sum *s = arg;
    if (stat->kind == DL4C_FS_DIRECTORY) {
        char *inside = NULL;
        s->status = dli_uri_join(s->ctx, s->uri, name, &inside, s->err);
        if (s->status == DL4C_OK)
            s->status = add_directory(s, inside);
        dli_free(inside);
    } else {
        s->to->n_files++;
        s->to->size_bytes += stat->size_bytes;
        s->to->space_bytes += stat->size_bytes * stat->replication;
    }
    return s->status != DL4C_OK;
}

static dl4c_status add_directory(const struct sum *outer, const char *uri)
{
    enum { MOST_DEPTH = 256 };
    struct sum s = *outer;
    s.uri = uri;
    s.depth++;
    s.to->n_directories++;
    if (s.depth > MOST_DEPTH)
        return dli_fail(s.err, DL4C_E_LIMIT, "fs", "%.300s is more than %d directories deep", uri, (int)MOST_DEPTH);
    if (dl4c_fs_cancelled())
        return dli_fail(s.err, DL4C_E_CANCELLED, "fs", "%.300s: cancelled while it was listed", uri);
    const dl4c_status status = dl4c_fs_list(s.ctx, uri, add_name, &s, s.err);
    return status == DL4C_OK ? s.status : status;
}

dl4c_status dl4c_fs_get_summary(dl4c_context *ctx, const char *uri, struct dl4c_fs_summary *out, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_fs_summary to = DL4C_FS_SUMMARY_INIT;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the struct to fill is NULL");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status;
    if (n.fs->ops.summarize) {
        status = n.fs->ops.summarize(n.fs->user, n.uri.authority, n.uri.path, &to, &e);
        status = dli_fs_answer(n.fs, status, &e, "sum up", uri, err);
    } else if ((status = dl4c_fs_stat_uri(n.ctx, uri, &st, err)) == DL4C_OK) {
        struct sum s = { .ctx = n.ctx, .to = &to, .uri = uri, .err = err };
        if (st.kind == DL4C_FS_DIRECTORY)
            status = add_directory(&s, uri);
        else
            add_name(&s, "", &st);
    }
    dli_uri_free(&n.uri);
    DLI_TRY(status);
    to.struct_size = sizeof to;
    return dli_struct_out(out, &to, sizeof to, "fs", err);
}

/* ---- changes ---- */

static dl4c_status check_change(const struct dl4c_fs_change *c, struct dl4c_error *err)
{
    const int32_t all = DL4C_FS_CHANGE_MODE | DL4C_FS_CHANGE_REPLICATION | DL4C_FS_CHANGE_TIMES | DL4C_FS_CHANGE_OWNER;
    if (c->what == 0 || (c->what & ~all) || c->reserved)
        return dli_fail(err, DL4C_E_INVALID, "fs", "what to change is %" PRId32 ", wanted DL4C_FS_CHANGE_*", c->what);
    if ((c->what & DL4C_FS_CHANGE_MODE) && (c->mode < 0 || c->mode > 07777))
        return dli_fail(err, DL4C_E_INVALID, "fs", "the mode is %" PRId32 ", wanted 0 to 4095", c->mode);
    if ((c->what & DL4C_FS_CHANGE_REPLICATION) && (c->replication < 1 || c->replication > 32767))
        return dli_fail(err, DL4C_E_INVALID, "fs", "the replication is %" PRId32 ", wanted 1 to 32767", c->replication);
    if ((c->what & DL4C_FS_CHANGE_TIMES) && (c->mtime_ms < -1 || c->atime_ms < -1))
        return dli_fail(err, DL4C_E_INVALID, "fs", "a time is before 1970");
    if ((c->what & DL4C_FS_CHANGE_OWNER) && !c->owner && !c->group)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the owner is to change and neither owner nor group is given");
    return DL4C_OK;
}

dl4c_status dl4c_fs_set(dl4c_context *ctx, const char *uri, const struct dl4c_fs_change *change, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_fs_change c;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!change)
        return dli_fail(err, DL4C_E_INVALID, "fs", "what to change is NULL");
    DLI_TRY(dli_struct_in(&c, sizeof c, change, "fs", err));
    DLI_TRY(check_change(&c, err));
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status;
    if (!n.fs->ops.change)
        status = dli_fs_cannot(n.fs, "change permissions, owner or times", uri, err);
    else
        status = dli_fs_answer(n.fs, n.fs->ops.change(n.fs->user, n.uri.authority, n.uri.path, &c, &e), &e, "change", uri, err);
    dli_uri_free(&n.uri);
    return status;
}

dl4c_status dl4c_fs_truncate(dl4c_context *ctx, const char *uri, int64_t size_bytes, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (size_bytes < 0)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the size to cut to is %" PRId64, size_bytes);
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status;
    if (!n.fs->ops.truncate)
        status = dli_fs_cannot(n.fs, "truncate", uri, err);
    else
        status = dli_fs_answer(n.fs, n.fs->ops.truncate(n.fs->user, n.uri.authority, n.uri.path, size_bytes, &e), &e, "truncate", uri, err);
    dli_uri_free(&n.uri);
    return status;
}

static dl4c_status concat(const struct dli_named *n, const char *uri, const char *const *sources, int32_t n_sources, struct dl4c_error *err)
{
    struct dli_uri *all = dli_calloc(n->ctx, (size_t)n_sources, sizeof *all, err);
    const char **paths = dli_array(n->ctx, (size_t)n_sources, sizeof *paths, err);
    dl4c_status status = all && paths ? DL4C_OK : dli_alloc_status();
    struct dl4c_error e = DL4C_ERROR_INIT;
    for (int32_t i = 0; status == DL4C_OK && i < n_sources; i++) {
        status = dli_uri_parse(n->ctx, sources[i], &all[i], err);
        if (status == DL4C_OK && (strcmp(all[i].scheme, n->uri.scheme) != 0 || strcmp(all[i].authority, n->uri.authority) != 0))
            status = dli_fail(err, DL4C_E_INVALID, "fs", "%.200s and %.200s are not in one file system", sources[i], uri);
        if (status == DL4C_OK)
            paths[i] = all[i].path;
    }
    if (status == DL4C_OK) {
        status = n->fs->ops.concat(n->fs->user, n->uri.authority, n->uri.path, paths, n_sources, &e);
        status = dli_fs_answer(n->fs, status, &e, "append files to", uri, err);
    }
    for (int32_t i = 0; all && i < n_sources; i++)
        dli_uri_free(&all[i]);
    dli_free(all);
    dli_free(paths);
    return status;
}

dl4c_status dl4c_fs_concat(dl4c_context *ctx, const char *uri, const char *const *sources, int32_t n_sources, struct dl4c_error *err)
{
    struct dli_named n;
    if (!sources || n_sources < 1)
        return dli_fail(err, DL4C_E_INVALID, "fs", "no files to append");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    const dl4c_status status = n.fs->ops.concat ? concat(&n, uri, sources, n_sources, err) : dli_fs_cannot(n.fs, "concat", uri, err);
    dli_uri_free(&n.uri);
    return status;
}
