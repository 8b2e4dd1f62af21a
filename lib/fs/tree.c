/* SPDX-License-Identifier: Apache-2.0 */
/* All that lies below a directory: telling it, removing it. */
#include "fs/tree.h"
#include "base/strbuf.h"
#include "fs/local.h"
#include "fs/registry.h"

#include <string.h>

struct walk {
    dl4c_context *ctx;
    const char *uri;
    dl4c_fs_list_fn fn;
    dli_walk_failed_fn failed;
    void *arg;
    bool local, stopped;
};

struct level { /* a directory that is being told */
    struct walk *w;
    const struct level *above;
    const char *path;
    int depth;
    struct dli_local_id id;
    bool identified;
    struct dl4c_error e; /* what ended the walk */
};

static dl4c_status walk_level(struct walk *w, const struct level *above, const char *path, struct dl4c_error *err);

static int tell(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct level *l = arg;
    struct walk *w = l->w;
    struct dli_strbuf b;
    char *path = NULL;
    dli_strbuf_init(&b, w->ctx);
    if (*l->path) {
        dli_strbuf_add(&b, l->path);
        dli_strbuf_addc(&b, '/');
    }
    dli_strbuf_add(&b, name);
    if (dli_strbuf_take(&b, &path, &l->e) == DL4C_OK) {
        const int answer = w->fn(w->arg, path, stat);
        w->stopped = w->stopped || (answer && answer != DL4C_FS_WALK_SKIP);
        if (!answer && stat->kind == DL4C_FS_DIRECTORY)
            walk_level(w, l, path, &l->e);
    }
    dli_free(path);
    return w->stopped || l->e.status != DL4C_OK;
}

/* Links of the local file system may lead back to where they are. */
static dl4c_status look_back(struct level *l, const char *uri, struct dl4c_error *err)
{
    char *path = NULL;
    if (!l->w->local)
        return DL4C_OK;
    DLI_TRY(dli_uri_plain_path(l->w->ctx, uri, &path, err));
    l->identified = dli_local_identify(path, &l->id);
    dli_free(path);
    for (const struct level *a = l->above; a && l->identified; a = a->above)
        if (a->identified && a->id.device == l->id.device && a->id.inode == l->id.inode)
            return dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s is a link to a directory around it", uri);
    return DL4C_OK;
}

/* Returns what ends the walk. */
static dl4c_status walk_level(struct walk *w, const struct level *above, const char *path, struct dl4c_error *err)
{
    struct level l = { .w = w, .above = above, .path = path, .depth = above ? above->depth + 1 : 0 };
    struct dl4c_error e = DL4C_ERROR_INIT;
    char *uri = NULL;
    dl4c_status status = *path ? dli_uri_join(w->ctx, w->uri, path, &uri, &e) : DL4C_OK;
    const char *const here = uri ? uri : w->uri;
    if (status != DL4C_OK)
        ;
    else if (l.depth > DLI_WALK_DEPTH)
        status = dli_fail(&e, DL4C_E_LIMIT, "fs", "%.300s is more than %d directories deep", here, (int)DLI_WALK_DEPTH);
    else if (dl4c_fs_cancelled())
        status = dli_fail(&e, DL4C_E_CANCELLED, "fs", "cancelled while %.300s was listed", here);
    else if ((status = look_back(&l, here, &e)) == DL4C_OK)
        status = dl4c_fs_list(w->ctx, here, tell, &l, &e);
    dli_free(uri);
    if (l.e.status != DL4C_OK) {
        if (err)
            *err = l.e;
        return l.e.status;
    }
    if (status != DL4C_OK && status != DL4C_E_CANCELLED && status != DL4C_E_NOMEM && w->failed) {
        w->stopped = w->failed(w->arg, path, &e) != 0 || w->stopped;
        return DL4C_OK;
    }
    if (status != DL4C_OK && err)
        *err = e;
    return status;
}

dl4c_status dli_fs_walk(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, dli_walk_failed_fn failed, void *arg,
                        struct dl4c_error *err)
{
    struct dli_named n;
    struct walk w = { .uri = uri, .fn = fn, .failed = failed, .arg = arg };
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    w.ctx = n.ctx;
    w.local = n.fs->ops.list == dli_fs_local.list;
    dli_uri_free(&n.uri);
    return walk_level(&w, NULL, "", err);
}

dl4c_status dl4c_fs_walk(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    return fn ? dli_fs_walk(ctx, uri, fn, NULL, arg, err) : dli_fail(err, DL4C_E_INVALID, "fs", "the callback is NULL");
}

/* ---- removing ---- */

/* Where a file system lists and removes one by one. */
struct remove {
    dl4c_context *ctx;
    const char *uri;
    int depth;
    dl4c_status status;
    struct dl4c_error *err;
};

static dl4c_status remove_below(const struct remove *outer, const char *uri);

static int remove_name(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct remove *r = arg;
    char *uri = NULL;
    r->status = dli_uri_join(r->ctx, r->uri, name, &uri, r->err);
    if (r->status == DL4C_OK && stat->kind == DL4C_FS_DIRECTORY)
        r->status = remove_below(r, uri);
    else if (r->status == DL4C_OK)
        r->status = dl4c_fs_remove(r->ctx, uri, r->err);
    dli_free(uri);
    return r->status != DL4C_OK;
}

static dl4c_status remove_below(const struct remove *outer, const char *uri)
{
    struct remove r = *outer;
    r.uri = uri;
    if (++r.depth > DLI_WALK_DEPTH)
        return dli_fail(r.err, DL4C_E_LIMIT, "fs", "%.300s is more than %d directories deep", uri, (int)DLI_WALK_DEPTH);
    if (dl4c_fs_cancelled())
        return dli_fail(r.err, DL4C_E_CANCELLED, "fs", "cancelled while %.300s was removed", uri);
    DLI_TRY(dl4c_fs_list(r.ctx, uri, remove_name, &r, r.err));
    DLI_TRY(r.status);
    return dl4c_fs_remove(r.ctx, uri, r.err);
}

/* Not the root, and no name that stands for another one. */
static dl4c_status removable(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    char *name = NULL;
    DLI_TRY(dl4c_fs_base_name(ctx, uri, &name, err));
    const bool good = *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    dli_free(name);
    return good ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is a root, . or .., and those are not removed", uri);
}

dl4c_status dl4c_fs_remove_all(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    struct dli_named n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    DLI_TRY(dli_fs_named(ctx, uri, &n, err));
    dl4c_status status = removable(n.ctx, uri, err);
    if (status != DL4C_OK) {
        ;
    } else if (n.fs->ops.remove_all) {
        status = dli_fs_answer(n.fs, n.fs->ops.remove_all(n.fs->user, n.uri.authority, n.uri.path, &e), &e, "remove", uri, err);
    } else {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        const struct remove r = { .ctx = n.ctx, .err = err };
        status = dl4c_fs_stat_uri(n.ctx, uri, &st, err);
        if (status == DL4C_OK)
            status = st.kind == DL4C_FS_DIRECTORY ? remove_below(&r, uri) : dl4c_fs_remove(n.ctx, uri, err);
    }
    dli_uri_free(&n.uri);
    return status;
}
