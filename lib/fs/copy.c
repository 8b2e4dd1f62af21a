/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files and trees: what is to be copied where. */
#include "fs/copy.h"
#include "fs/local.h"
#include "fs/registry.h"
#include "fs/tree.h"

#include <stdlib.h>
#include <string.h>

static dl4c_status add_task(struct dli_copy *c, const char *path, const struct dl4c_fs_stat *st, bool fresh, struct dl4c_error *err)
{
    DLI_TRY(dli_grow(c->ctx, &c->tasks, &c->task_capacity, c->n_tasks + 1, sizeof *c->tasks, err));
    struct dli_copy_task *t = &c->tasks[c->n_tasks];
    *t = (struct dli_copy_task){ .root = c->n_roots - 1, .size = st->size_bytes, .mtime_ms = st->mtime_ms, .fresh = fresh };
    t->path = path ? dli_strdup(c->ctx, path, err) : NULL;
    if (path && !t->path)
        return dli_alloc_status();
    c->n_tasks++;
    if (!dli_add_i64(c->total_bytes, st->size_bytes, &c->total_bytes)) /* of progress; a server says what it likes */
        c->total_bytes = INT64_MAX;
    return DL4C_OK;
}

/* ---- a directory ---- */

struct tree {
    struct dli_copy *c;
    const struct dli_copy_root *root;
    bool fresh;
    dl4c_status status;
    struct dl4c_error *err;
};

/* A failure of something below the root. */
static void failed_below(struct tree *t, const char *path, const struct dl4c_error *why)
{
    char *from = NULL, *to = NULL;
    t->status = dli_uri_join(t->c->ctx, t->root->from, path, &from, t->err);
    if (t->status == DL4C_OK)
        t->status = dli_uri_join(t->c->ctx, t->root->to, path, &to, t->err);
    if (t->status == DL4C_OK) {
        dli_copy_failed(t->c, from, to, why);
        dli_copy_tell(t->c);
    }
    dli_free(from);
    dli_free(to);
}

static int over(const struct tree *t) { return t->status != DL4C_OK || t->c->stop ? DL4C_FS_WALK_STOP : 0; }

static int not_listed(void *arg, const char *path, const struct dl4c_error *why)
{
    struct tree *t = arg;
    failed_below(t, path, why);
    return over(t);
}

static int plan_below(void *arg, const char *path, const struct dl4c_fs_stat *st)
{
    struct tree *t = arg;
    struct dli_copy *c = t->c;
    struct dl4c_error e = DL4C_ERROR_INIT;
    char *to = NULL;
    t->status = dli_watch_check(&c->watch, t->err);
    if (t->status != DL4C_OK)
        return DL4C_FS_WALK_STOP;
    if (st->kind == DL4C_FS_FILE) {
        t->status = add_task(c, path, st, t->fresh, t->err);
        return over(t);
    }
    if (st->kind != DL4C_FS_DIRECTORY) {
        dli_fail(&e, DL4C_E_INVALID, "fs", "%.300s is neither a file nor a directory", path);
        failed_below(t, path, &e);
        return over(t);
    }
    t->status = dli_uri_join(c->ctx, t->root->to, path, &to, t->err);
    const dl4c_status made = t->status == DL4C_OK ? dl4c_fs_mkdir(c->ctx, to, &e) : DL4C_OK;
    dli_free(to);
    c->copied.n_directories += t->status == DL4C_OK && made == DL4C_OK;
    if (made != DL4C_OK && made != DL4C_E_CANCELLED)
        failed_below(t, path, &e);
    return over(t) ? DL4C_FS_WALK_STOP : made == DL4C_OK ? 0 : DL4C_FS_WALK_SKIP;
}

/* Whether one path is the other or lies below it; both are as file systems have them. */
static bool is_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    while (n > 0 && directory[n - 1] == '/')
        n--;
    return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The same place in the same file system, or below it. */
static dl4c_status check_apart(struct dli_copy *c, const struct dli_copy_root *r, bool directory, struct dl4c_error *err)
{
    struct dli_named a, b;
    char *from = NULL, *to = NULL, *from_path = NULL, *to_path = NULL;
    DLI_TRY(dli_fs_named(c->ctx, r->from, &a, err));
    dl4c_status status = dli_fs_named(c->ctx, r->to, &b, err);
    if (status == DL4C_OK) {
        const bool one = a.fs == b.fs && strcmp(a.uri.authority, b.uri.authority) == 0;
        dli_uri_free(&b.uri);
        if (one)
            status = dli_uri_absolute(c->ctx, r->from, &from, err);
        if (one && status == DL4C_OK)
            status = dli_uri_absolute(c->ctx, r->to, &to, err);
        if (one && status == DL4C_OK)
            status = dli_uri_plain_path(c->ctx, from, &from_path, err);
        if (one && status == DL4C_OK)
            status = dli_uri_plain_path(c->ctx, to, &to_path, err);
        if (one && status == DL4C_OK && strcmp(from_path, to_path) == 0)
            status = dli_fail(err, DL4C_E_INVALID, "fs", "%.300s cannot be copied onto itself", from_path);
        else if (one && status == DL4C_OK && directory && is_below(to_path, from_path))
            status = dli_fail(err, DL4C_E_INVALID, "fs", "%.200s cannot be copied into itself, as %.200s", from_path, to_path);
    }
    dli_uri_free(&a.uri);
    dli_free(from);
    dli_free(to);
    dli_free(from_path);
    dli_free(to_path);
    return status;
}

/* Its directories are made, its files are tasks. Returns what ends all. */
static dl4c_status plan_tree(struct dli_copy *c, bool fresh, struct dl4c_error *err)
{
    struct tree t = { .c = c, .root = &c->roots[c->n_roots - 1], .fresh = fresh, .err = err };
    struct dl4c_error e = DL4C_ERROR_INIT;
    dl4c_status status = dl4c_fs_mkdir(c->ctx, t.root->to, &e);
    if (status == DL4C_OK) {
        c->copied.n_directories++;
        status = dli_fs_walk(c->ctx, t.root->from, plan_below, not_listed, &t, &e);
        DLI_TRY(t.status);
    }
    if (status == DL4C_E_CANCELLED || status == DL4C_E_NOMEM) {
        if (err)
            *err = e;
        return status;
    }
    if (status != DL4C_OK)
        dli_copy_failed(c, t.root->from, t.root->to, &e);
    return DL4C_OK;
}

/* ---- sources ---- */

struct destination {
    const char *uri;
    bool exists, directory;
};

/* Names the target of a source. */
static dl4c_status name_root(struct dli_copy *c, const char *from, const struct destination *to, bool *inside, struct dl4c_error *err)
{
    struct dli_named n;
    char *name = NULL;
    DLI_TRY(dli_grow(c->ctx, &c->roots, &c->root_capacity, c->n_roots + 1, sizeof *c->roots, err));
    struct dli_copy_root *r = &c->roots[c->n_roots];
    *r = (struct dli_copy_root){ 0 };
    DLI_TRY(dli_fs_named(c->ctx, from, &n, err));
    r->from_local = n.fs->ops.read_at == dli_fs_local.read_at;
    r->in_turn = r->from_local || dli_fs_is_hdfs(n.uri.scheme);
    dli_uri_free(&n.uri);
    DLI_TRY(dl4c_fs_base_name(c->ctx, from, &name, err));
    *inside = to->directory && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    dl4c_status status = DL4C_OK;
    r->from = dli_strdup(c->ctx, from, err);
    if (!r->from)
        status = dli_alloc_status();
    else if (*inside)
        status = dli_uri_join(c->ctx, to->uri, name, &r->to, err);
    else if (!(r->to = dli_strdup(c->ctx, to->uri, err)))
        status = dli_alloc_status();
    dli_free(name);
    if (status != DL4C_OK) {
        dli_free(r->from);
        return status;
    }
    c->n_roots++;
    return DL4C_OK;
}

/* One source. What is wrong with it alone is noted; returns what ends all. */
static dl4c_status plan_source(struct dli_copy *c, const char *from, const struct destination *to, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT, there = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    bool inside = false;
    DLI_TRY(name_root(c, from, to, &inside, err));
    const struct dli_copy_root *r = &c->roots[c->n_roots - 1];
    dl4c_status status = dl4c_fs_stat_uri(c->ctx, from, &st, &e);
    const bool directory = st.kind == DL4C_FS_DIRECTORY;
    if (status == DL4C_OK && !directory && st.kind != DL4C_FS_FILE)
        status = dli_fail(&e, DL4C_E_INVALID, "fs", "%.300s is neither a file nor a directory", from);
    if (status == DL4C_OK)
        status = check_apart(c, r, directory, &e);
    if (status == DL4C_OK && directory && to->exists && !to->directory)
        status = dli_fail(&e, DL4C_E_INVALID, "fs", "%.200s is a directory and cannot become the file %.200s", from, to->uri);
    bool fresh = !to->exists;
    if (status == DL4C_OK && directory && inside) {
        status = dl4c_fs_stat_uri(c->ctx, r->to, &there, &e);
        fresh = status == DL4C_E_NOTFOUND;
        status = fresh ? DL4C_OK : status;
    }
    if (status == DL4C_E_CANCELLED) {
        if (err)
            *err = e;
        return status;
    }
    if (status != DL4C_OK) {
        dli_copy_failed(c, from, r->to, &e);
        dli_copy_tell(c);
        return DL4C_OK;
    }
    return directory ? plan_tree(c, fresh, err) : add_task(c, NULL, &st, fresh, err);
}

static int by_target(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* No two sources of one name: which of them came last would be chance. */
static dl4c_status check_names(dl4c_context *ctx, const char *const *from, int32_t n, struct dl4c_error *err)
{
    char **names = dli_calloc(ctx, (size_t)n, sizeof *names, err);
    dl4c_status status = names ? DL4C_OK : dli_alloc_status();
    for (int32_t i = 0; status == DL4C_OK && i < n; i++)
        status = dl4c_fs_base_name(ctx, from[i], &names[i], err);
    if (status == DL4C_OK) {
        qsort(names, (size_t)n, sizeof *names, by_target);
        for (int32_t i = 1; status == DL4C_OK && i < n; i++)
            if (strcmp(names[i], names[i - 1]) == 0)
                status = dli_fail(err, DL4C_E_INVALID, "fs", "two of the sources are called \"%.300s\"", names[i]);
    }
    for (int32_t i = 0; names && i < n; i++)
        dli_free(names[i]);
    dli_free(names);
    return status;
}

static dl4c_status plan(struct dli_copy *c, const char *const *from, int32_t n_from, const char *to, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    const dl4c_status status = dl4c_fs_stat_uri(c->ctx, to, &st, &e);
    if (status != DL4C_OK && status != DL4C_E_NOTFOUND) {
        if (err)
            *err = e;
        return status;
    }
    const struct destination d = { .uri = to, .exists = status == DL4C_OK, .directory = st.kind == DL4C_FS_DIRECTORY };
    if (n_from > 1 && !d.directory)
        return dli_fail(err, d.exists ? DL4C_E_INVALID : DL4C_E_NOTFOUND, "fs",
                        "%.300s is %s, wanted a directory for %" PRId32 " sources", to, d.exists ? "none" : "not there", n_from);
    if (n_from > 1)
        DLI_TRY(check_names(c->ctx, from, n_from, err));
    for (int32_t i = 0; i < n_from && !c->stop; i++)
        DLI_TRY(plan_source(c, from[i], &d, err));
    return DL4C_OK;
}

/* ---- the call ---- */

/* Waits for the disk, where copies are on one. */
static dl4c_status sync_copies(struct dli_copy *c, const char *to, struct dl4c_error *err)
{
    struct dli_named n;
    if (!(c->o.flags & DL4C_FS_COPY_SYNC) || c->copied.n_files == 0)
        return DL4C_OK;
    DLI_TRY(dli_fs_named(c->ctx, to, &n, err));
    const dl4c_status status = n.fs->ops.commit == dli_fs_local.commit ? dli_local_sync(n.uri.path, err) : DL4C_OK;
    dli_uri_free(&n.uri);
    return status;
}

static dl4c_status outcome(const struct dli_copy *c, struct dl4c_error *err)
{
    const struct dl4c_fs_copied *n = &c->copied;
    const int64_t all = n->n_files + n->n_skipped + n->n_failed;
    if (n->n_failed == 0)
        return DL4C_OK;
    if (err)
        *err = c->full.status != DL4C_OK ? c->full : c->first;
    if (c->full.status != DL4C_OK && c->n_tasks > 1)
        return dli_fail_prefix(err, DL4C_E_FULL, "no room is left, %" PRId64 " of %" PRId64 " are there", n->n_files + n->n_skipped,
                               (int64_t)c->n_tasks);
    if (c->gave_up && c->full.status == DL4C_OK)
        return dli_fail_prefix(err, c->first.status, "gave up after %d failures in a row, the first", (int)DLI_COPY_MOST_IN_ROW);
    if (all == 1 || c->full.status != DL4C_OK)
        return c->full.status != DL4C_OK ? DL4C_E_FULL : c->first.status;
    return dli_fail_prefix(err, c->first.status, "%" PRId64 " of %" PRId64 " could not be copied, the first", n->n_failed, all);
}

static void free_all(struct dli_copy *c)
{
    for (size_t i = 0; i < c->n_roots; i++) {
        dli_free(c->roots[i].from);
        dli_free(c->roots[i].to);
    }
    for (size_t i = 0; i < c->n_tasks; i++)
        dli_free(c->tasks[i].path);
    dli_free(c->roots);
    dli_free(c->tasks);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
}

dl4c_status dl4c_fs_copy(dl4c_context *ctx, const char *const *from, int32_t n_from, const char *to,
                         const struct dl4c_fs_copy_options *options, struct dl4c_fs_copied *copied, struct dl4c_error *err)
{
    struct dli_copy c = { 0 };
    DLI_TRY(dli_struct_in(&c.o, sizeof c.o, options, "fs", err));
    if (!from || n_from < 1 || !to)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s to copy", !to ? "there is no place" : "there is nothing");
    if (c.o.threads < 0 || c.o.threads > 1024 || c.o.flags > 31 || c.o.reserved)
        return dli_fail(err, DL4C_E_INVALID, "fs", "threads is %" PRId32 ", wanted 0 to 1024, flags is %" PRIu64, c.o.threads, c.o.flags);
    c.ctx = dli_context(ctx, err);
    if (!c.ctx)
        return DL4C_E_NOMEM;
    c.o.threads = c.o.threads ? c.o.threads : 8;
    c.copied.struct_size = sizeof c.copied;
    c.last_failure = &c.failures;
    dli_watch_init(&c.watch, "copy", c.o.progress, c.o.progress_user, c.o.cancel, c.o.timeout_ms);
    pthread_mutex_init(&c.lock, NULL);
    dli_cond_init(&c.changed);
    const int32_t *before = c.o.cancel ? dl4c_fs_watch(c.o.cancel) : NULL;
    dl4c_status status = plan(&c, from, n_from, to, err);
    if (status == DL4C_OK)
        status = dli_copy_run(&c, err);
    if (status == DL4C_OK)
        status = sync_copies(&c, to, err);
    dli_copy_tell(&c);
    if (c.o.cancel)
        dl4c_fs_watch(before);
    if (status == DL4C_OK)
        status = outcome(&c, err);
    free_all(&c);
    if (copied) {
        const dl4c_status filled = dli_struct_out(copied, &c.copied, sizeof c.copied, "fs", status == DL4C_OK ? err : NULL);
        status = status == DL4C_OK ? filled : status;
    }
    return status;
}
