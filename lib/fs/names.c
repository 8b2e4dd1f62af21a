/* SPDX-License-Identifier: Apache-2.0 */
/* What needs a name and no open file: stat, list, mkdir, rename, remove, append. */
#include "fs/registry.h"

#include <stdlib.h>
#include <string.h>

dl4c_status dl4c_fs_stat_uri(dl4c_context *ctx, const char *uri, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the struct to fill is NULL");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status = n.fs->ops.stat(n.fs->user, n.uri.authority, n.uri.path, &s, &e);
    status = dli_fs_answer(n.fs, status, &e, "stat", uri, err);
    dli_uri_free(&n.uri);
    DLI_TRY(status);
    return dli_struct_out(out, &s, sizeof s, "fs", err);
}

struct entry {
    char *name;
    struct dl4c_fs_stat stat;
};

struct listing {
    dl4c_context *ctx;
    struct entry *entries;
    size_t n, capacity;
    struct dl4c_error failed;
};

static int collect(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct listing *l = arg;
    if (l->failed.status != DL4C_OK)
        return 1;
    if (!name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (!*name || strchr(name, '/')) {
        dli_fail(&l->failed, DL4C_E_IO, "fs", "the file system lists the name \"%.200s\", which no file can have", name);
        return 1;
    }
    if (dli_grow(l->ctx, &l->entries, &l->capacity, l->n + 1, sizeof *l->entries, &l->failed) != DL4C_OK)
        return 1;
    struct entry *e = &l->entries[l->n];
    e->stat = (struct dl4c_fs_stat)DL4C_FS_STAT_INIT;
    if (stat &&
        dli_struct_out(&e->stat, stat, stat->struct_size < sizeof *stat ? stat->struct_size : sizeof *stat, "fs", &l->failed) != DL4C_OK)
        return 1;
    e->name = dli_strdup(l->ctx, name, &l->failed);
    if (!e->name)
        return 1;
    l->n++;
    return 0;
}

static int bytewise(const void *a, const void *b) { return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name); }

dl4c_status dl4c_fs_list(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!fn)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the callback is NULL");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    struct listing l = { .ctx = n.ctx };
    dl4c_status status;
    if (!n.fs->ops.list) {
        status = dli_fs_cannot(n.fs, "list", uri, err);
    } else {
        status = n.fs->ops.list(n.fs->user, n.uri.authority, n.uri.path, collect, &l, &e);
        if (l.failed.status != DL4C_OK)
            status = dli_fs_answer(n.fs, l.failed.status, &l.failed, "list", uri, err);
        else
            status = dli_fs_answer(n.fs, status, &e, "list", uri, err);
    }
    dli_uri_free(&n.uri);
    if (status == DL4C_OK && l.n > 0) {
        qsort(l.entries, l.n, sizeof *l.entries, bytewise);
        for (size_t i = 0; i < l.n; i++)
            if (fn(arg, l.entries[i].name, &l.entries[i].stat) != 0)
                break;
    }
    for (size_t i = 0; i < l.n; i++)
        dli_free(l.entries[i].name);
    dli_free(l.entries);
    return status;
}

/* ---- parts of a directory ---- */

struct page {
    const char *after;
    int32_t most, n;
    int32_t *more;
    dl4c_fs_list_fn fn;
    void *arg;
};

/* Of a sorted whole. */
static int page_name(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct page *p = arg;
    if (p->after && strcmp(name, p->after) <= 0)
        return 0;
    if (p->most > 0 && p->n == p->most) {
        *p->more = 1;
        return 1;
    }
    p->n++;
    return p->fn(p->arg, name, stat);
}

dl4c_status dl4c_fs_list_page(dl4c_context *ctx, const char *uri, const char *after, int32_t most, dl4c_fs_list_fn fn, void *arg,
                              int32_t *more, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!fn || !more || most < 0)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s", !fn ? "the callback is NULL" : !more ? "more is NULL" : "most is negative");
    *more = 0;
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status;
    if (!n.fs->ops.list_page) {
        struct page p = { .after = after, .most = most, .more = more, .fn = fn, .arg = arg };
        dli_uri_free(&n.uri);
        return dl4c_fs_list(n.ctx, uri, page_name, &p, err);
    }
    struct listing l = { .ctx = n.ctx };
    status = n.fs->ops.list_page(n.fs->user, n.uri.authority, n.uri.path, after ? after : "", most, collect, &l, more, &e);
    if (l.failed.status != DL4C_OK)
        status = dli_fs_answer(n.fs, l.failed.status, &l.failed, "list", uri, err);
    else
        status = dli_fs_answer(n.fs, status, &e, "list", uri, err);
    dli_uri_free(&n.uri);
    bool stopped = status != DL4C_OK;
    for (size_t i = 0; i < l.n; i++) {
        stopped = stopped || fn(arg, l.entries[i].name, &l.entries[i].stat) != 0;
        dli_free(l.entries[i].name);
    }
    dli_free(l.entries);
    return status;
}

/* mkdir and remove have one shape. */
static dl4c_status simple(dl4c_context *ctx, const char *uri, const char *verb, size_t member, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status (*op)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    memcpy(&op, (const char *)&n.fs->ops + member, sizeof op);
    dl4c_status status;
    if (!op)
        status = dli_fs_cannot(n.fs, verb, uri, err);
    else
        status = dli_fs_answer(n.fs, op(n.fs->user, n.uri.authority, n.uri.path, &e), &e, verb, uri, err);
    dli_uri_free(&n.uri);
    return status;
}

dl4c_status dl4c_fs_mkdir(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    return simple(ctx, uri, "make", offsetof(struct dl4c_fs_ops, mkdir), err);
}

dl4c_status dl4c_fs_remove(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    return simple(ctx, uri, "remove", offsetof(struct dl4c_fs_ops, remove), err);
}

dl4c_status dl4c_fs_append(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (!bytes && size > 0)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the memory to append is NULL");
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status;
    if (!n.fs->ops.append)
        status = dli_fs_cannot(n.fs, "append to", uri, err);
    else
        status = dli_fs_answer(n.fs, n.fs->ops.append(n.fs->user, n.uri.authority, n.uri.path, bytes, size, &e), &e, "append to", uri, err);
    dli_uri_free(&n.uri);
    return status;
}

bool dli_fs_renames(dl4c_context *ctx, const char *uri)
{
    struct dli_named n;
    if (dli_fs_named(ctx, uri, &n, NULL) != DL4C_OK)
        return false;
    dli_uri_free(&n.uri);
    return n.fs->ops.rename != NULL;
}

dl4c_status dl4c_fs_rename(dl4c_context *ctx, const char *from, const char *to, struct dl4c_error *err)
{
    struct dli_named a, b;
    struct dl4c_error e = DL4C_ERROR_INIT;
    DLI_TRY(dli_fs_named(ctx, from, &a, err));
    dl4c_status status = dli_fs_named(ctx, to, &b, err);
    if (status == DL4C_OK) {
        if (a.fs != b.fs || strcmp(a.uri.authority, b.uri.authority) != 0)
            status = dli_fail(err, DL4C_E_INVALID, "fs", "%.200s and %.200s are not in one file system: copy and remove instead", from, to);
        else if (!a.fs->ops.rename)
            status = dli_fs_cannot(a.fs, "rename", from, err);
        else
            status =
                dli_fs_answer(a.fs, a.fs->ops.rename(a.fs->user, a.uri.authority, a.uri.path, b.uri.path, &e), &e, "rename", from, err);
        dli_uri_free(&b.uri);
    }
    dli_uri_free(&a.uri);
    return status;
}
