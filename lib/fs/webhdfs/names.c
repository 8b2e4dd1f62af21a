/* SPDX-License-Identifier: Apache-2.0 */
/* What the NameNode does alone: looking, listing, making, renaming, removing, changing. */
#include "fs/webhdfs/webhdfs.h"

#include <string.h>

/* ---- requests with one answer ---- */

/* "&key=value" of format strings; a call that could not be made is NULL and says why in err. */
static struct dli_wh_call *ask(struct dli_webhdfs *w, const struct dli_wh_target *t, const char *method, const char *op,
                               struct dli_strbuf *extra, struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_wh_call_new(w, t, method, op, err);
    if (c && extra && dli_strbuf_take(extra, &c->extra, err) != DL4C_OK) {
        dli_wh_call_free(c);
        c = NULL;
    }
    if (extra)
        dli_strbuf_free(extra);
    return c;
}

static void add(struct dli_strbuf *b, const char *key, const char *value)
{
    dli_strbuf_addf(b, "&%s=", key);
    dli_wh_encode(b, value, strlen(value), "/");
}

static bool said(const struct dli_wh_call *c, bool what)
{
    json_t *root = c->reply.length ? json_loadb(c->reply.text, c->reply.length, 0, NULL) : NULL;
    const json_t *answer = json_object_get(root, "boolean");
    const bool so = what ? json_is_true(answer) : json_is_false(answer);
    json_decref(root);
    return so;
}

/* {"boolean": true}, and nothing at all, are a yes. */
static bool said_no(const struct dli_wh_call *c) { return said(c, false); }

/* Runs and frees it. */
static dl4c_status run(struct dli_wh_call *c, bool *no, struct dl4c_error *err)
{
    *no = false;
    if (!c)
        return dli_alloc_status();
    const dl4c_status status = dli_wh_run(c, err);
    *no = status == DL4C_OK && said_no(c);
    dli_wh_call_free(c);
    return status;
}

struct scope { /* of a member of the vtable */
    struct dli_webhdfs *w;
    struct dli_wh_target t;
};

static dl4c_status begin(void *user, const char *authority, const char *path, struct scope *s, struct dl4c_error *err)
{
    const struct dli_wh_scheme *scheme = user;
    s->w = scheme->w;
    return dli_wh_target_open(scheme, authority, path, &s->t, err);
}

static dl4c_status end(struct scope *s, dl4c_status status)
{
    dli_wh_target_free(&s->t);
    return status;
}

/* ---- what is there ---- */

static bool read_status(const json_t *o, struct dl4c_fs_stat *out, const char **name)
{
    const char *type = json_string_value(json_object_get(o, "type")), *mode = json_string_value(json_object_get(o, "permission"));
    const json_t *length = json_object_get(o, "length");
    *name = json_string_value(json_object_get(o, "pathSuffix"));
    if (!type || !*name || !json_is_integer(length) || json_integer_value(length) < 0)
        return false;
    *out = (struct dl4c_fs_stat)DL4C_FS_STAT_INIT;
    out->kind = strcmp(type, "FILE") == 0 ? DL4C_FS_FILE : strcmp(type, "DIRECTORY") == 0 ? DL4C_FS_DIRECTORY : DL4C_FS_OTHER;
    out->size_bytes = out->kind == DL4C_FS_FILE ? json_integer_value(length) : 0;
    out->mtime_ms = json_integer_value(json_object_get(o, "modificationTime"));
    out->atime_ms = json_integer_value(json_object_get(o, "accessTime"));
    out->block_bytes = json_integer_value(json_object_get(o, "blockSize"));
    out->replication = (int32_t)json_integer_value(json_object_get(o, "replication"));
    for (const char *p = mode; p && *p >= '0' && *p <= '7' && out->mode < 01000; p++) /* octal, at most four digits */
        out->mode = out->mode * 8 + (*p - '0');
    return true;
}

static dl4c_status no_sense(const struct dli_wh_call *c, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: %s answers %s with JSON that does not tell it", c->path, c->at, c->op);
}

dl4c_status dli_wh_status_of(const struct dli_wh_call *c, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    json_t *root;
    const char *name;
    DLI_TRY(dli_wh_json(c, &root, err));
    const dl4c_status status = read_status(json_object_get(root, "FileStatus"), out, &name) ? DL4C_OK : no_sense(c, err);
    json_decref(root);
    return status;
}

dl4c_status dli_wh_status(struct dli_webhdfs *w, const struct dli_wh_target *t, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    struct dli_wh_call *c = ask(w, t, "GET", "GETFILESTATUS", NULL, err);
    dl4c_status status = c ? dli_wh_run(c, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_wh_status_of(c, out, err);
    dli_wh_call_free(c);
    return status;
}

dl4c_status dli_wh_stat(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    struct scope s;
    DLI_TRY(begin(user, authority, path, &s, err));
    return end(&s, dli_wh_status(s.w, &s.t, out, err));
}

/* ---- lists ---- */

struct listing {
    dl4c_fs_list_fn fn;
    void *arg;
    int32_t most, n;
    bool stopped;
    char *last; /* the name that was told last */
};

/* HDFS sorts by bytes with a sign: what is no ASCII comes first. */
static int order(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b ? 0 : !*a ? -1 : !*b ? 1 : (signed char)*a < (signed char)*b ? -1 : 1;
}

/* Tells the entries of one answer; after: of a server that gives all, those that come behind it. */
static dl4c_status tell(const struct dli_wh_call *c, const json_t *entries, const char *after, struct listing *l, struct dl4c_error *err)
{
    const size_t n = json_array_size(entries);
    const char *name = NULL;
    if (!json_is_array(entries))
        return no_sense(c, err);
    for (size_t i = 0; i < n && !l->stopped && (l->most == 0 || l->n < l->most); i++) {
        struct dl4c_fs_stat st;
        if (!read_status(json_array_get(entries, i), &st, &name))
            return no_sense(c, err);
        if (!*name) /* a file lists itself under no name */
            return dli_fail(err, DL4C_E_NOTFOUND, "webhdfs", "%.300s is a file, wanted a directory", c->path);
        if (after && *after && order(name, after) <= 0)
            continue;
        l->n++;
        l->stopped = l->fn(l->arg, name, &st) != 0;
    }
    if (name) {
        dli_free(l->last);
        l->last = dli_strdup(c->w->ctx, name, err);
        if (!l->last)
            return dli_alloc_status();
    }
    return DL4C_OK;
}

/* One answer. *more: there are entries behind; *pages: false where the server knows no pages. */
static dl4c_status list_once(const struct scope *s, const char *after, struct listing *l, bool *pages, bool *more, struct dl4c_error *err)
{
    struct dli_strbuf extra;
    json_t *root = NULL;
    dli_strbuf_init(&extra, s->w->ctx);
    if (*pages && after && *after)
        add(&extra, "startAfter", after);
    struct dli_wh_call *c = ask(s->w, &s->t, "GET", *pages ? "LISTSTATUS_BATCH" : "LISTSTATUS", &extra, err);
    if (!c)
        return dli_alloc_status();
    c->most = WH_MOST_LIST;
    dl4c_status status = dli_wh_run(c, err);
    *more = false;
    if (*pages && status != DL4C_OK &&
        (strcmp(c->name, "IllegalArgumentException") == 0 || strcmp(c->name, "UnsupportedOperationException") == 0 ||
         strcmp(c->name, "QueryParamException") == 0)) { /* Hadoop before 2.9 */
        *pages = false;
        dli_wh_call_free(c);
        return list_once(s, after, l, pages, more, err);
    }
    if (status == DL4C_OK)
        status = dli_wh_json(c, &root, err);
    if (status == DL4C_OK) {
        const json_t *d = *pages ? json_object_get(root, "DirectoryListing") : root;
        const json_t *holder = *pages ? json_object_get(d, "partialListing") : root;
        const json_t *entries = json_object_get(json_object_get(holder, "FileStatuses"), "FileStatus");
        const int32_t before = l->n;
        status = tell(c, entries, *pages ? NULL : after, l, err);
        if (status == DL4C_OK && *pages && after && l->last && strcmp(l->last, after) == 0)
            status = dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: %s tells the same names again and again", c->path, c->at);
        const bool all = (size_t)(l->n - before) == json_array_size(entries) || !*pages;
        *more = *pages && (!all || json_integer_value(json_object_get(d, "remainingEntries")) > 0);
        if (!*pages && l->most > 0 && l->n == l->most)
            *more = true; /* perhaps: the next part may be empty */
        if (status == DL4C_OK && *more && l->n == before && !l->stopped)
            status = dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: %s says there are more names and tells none", c->path, c->at);
    }
    json_decref(root);
    dli_wh_call_free(c);
    return status;
}

dl4c_status dli_wh_list(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    struct scope s;
    struct listing l = { .fn = fn, .arg = arg };
    bool pages = true, more = true;
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = DL4C_OK;
    while (status == DL4C_OK && more && !l.stopped) {
        char *after = l.last;
        l.last = NULL;
        status = list_once(&s, after, &l, &pages, &more, err);
        dli_free(after);
    }
    dli_free(l.last);
    return end(&s, status);
}

dl4c_status dli_wh_list_page(void *user, const char *authority, const char *path, const char *after, int32_t most, dl4c_fs_list_fn fn,
                             void *arg, int32_t *more, struct dl4c_error *err)
{
    struct scope s;
    struct listing l = { .fn = fn, .arg = arg, .most = most };
    bool pages = true, behind = false;
    DLI_TRY(begin(user, authority, path, &s, err));
    const dl4c_status status = list_once(&s, after, &l, &pages, &behind, err);
    *more = behind;
    dli_free(l.last);
    return end(&s, status);
}

/* ---- changes ---- */

dl4c_status dli_wh_mkdir(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    struct scope s;
    bool no;
    struct dl4c_error e = DL4C_ERROR_INIT;
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = run(ask(s.w, &s.t, "PUT", "MKDIRS", NULL, &e), &no, &e);
    if (status == DL4C_E_NOTFOUND) /* a file is in the way, above or here: as the local file system tells it */
        status = e.status = DL4C_E_EXISTS;
    if (no)
        status = dli_fail(&e, DL4C_E_IO, "webhdfs", "cannot make the directory %.300s: the server refuses and does not say why", s.t.path);
    if (status != DL4C_OK)
        *err = e;
    return end(&s, status);
}

static dl4c_status delete_name(struct dli_webhdfs *w, const struct dli_wh_target *t, const char *how, bool *was, struct dl4c_error *err)
{
    bool no;
    struct dli_strbuf extra;
    dli_strbuf_init(&extra, w->ctx);
    dli_strbuf_add(&extra, how);
    struct dli_wh_call *c = ask(w, t, "DELETE", "DELETE", &extra, err);
    if (!c)
        return dli_alloc_status();
    const dl4c_status status = dli_wh_run(c, err);
    no = status == DL4C_OK && said_no(c);
    *was = !no || c->repeated; /* an answer that was lost may have been the yes */
    dli_wh_call_free(c);
    return status;
}

dl4c_status dli_wh_delete(struct dli_webhdfs *w, const struct dli_wh_target *t, bool *was, struct dl4c_error *err)
{
    return delete_name(w, t, "&recursive=false", was, err);
}

static dl4c_status remove_name(void *user, const char *authority, const char *path, const char *how, struct dl4c_error *err)
{
    struct scope s;
    bool was;
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = delete_name(s.w, &s.t, how, &was, err);
    if (status == DL4C_OK && !was)
        status = dli_fail(err, DL4C_E_NOTFOUND, "webhdfs", "cannot remove %.300s: there is nothing of that name", s.t.path);
    return end(&s, status);
}

dl4c_status dli_wh_remove(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    return remove_name(user, authority, path, "&recursive=false", err);
}

dl4c_status dli_wh_remove_all(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    return remove_name(user, authority, path, "&recursive=true", err);
}

dl4c_status dli_wh_move_words(struct dli_webhdfs *w, const char *to, char **out, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, w->ctx);
    add(&b, "destination", to);
    dli_strbuf_add(&b, "&renameoptions=OVERWRITE");
    return dli_strbuf_take(&b, out, err);
}

struct moved {
    dl4c_status status;
    bool no;       /* it was refused without a reason */
    bool plain;    /* a gateway did it, which knows no renameoptions: into what is a directory there */
    bool repeated; /* an earlier try may have done it */
};

static struct moved look_at_move(const struct dli_wh_call *c, dl4c_status status)
{
    const bool good = status == DL4C_OK;
    return (struct moved){ .status = status, .no = good && said_no(c), .plain = good && said(c, true), .repeated = c->repeated };
}

static struct moved move_once(struct dli_webhdfs *w, const struct dli_wh_target *from, const char *to, struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_wh_call_new(w, from, "PUT", "RENAME", err);
    if (!c || dli_wh_move_words(w, to, &c->extra, err) != DL4C_OK) {
        dli_wh_call_free(c);
        return (struct moved){ .status = dli_alloc_status() };
    }
    const struct moved m = look_at_move(c, dli_wh_run(c, err));
    dli_wh_call_free(c);
    return m;
}

/* Whether a gateway moved it into a directory `to`, where nobody looks for it: then it is brought back. */
static dl4c_status check_not_inside(struct dli_webhdfs *w, const struct dli_wh_target *from, const char *to, struct dl4c_error *err)
{
    struct dl4c_fs_stat st;
    struct dli_wh_target inside = *from;
    struct dli_strbuf b;
    dli_strbuf_init(&b, w->ctx);
    dli_strbuf_addf(&b, "%s%s", to, strrchr(from->path, '/') + (to[1] == '\0'));
    DLI_TRY(dli_strbuf_take(&b, &inside.path, err));
    dl4c_status status = dli_wh_status(w, &inside, &st, NULL);
    if (status == DL4C_OK) {
        move_once(w, &inside, from->path, NULL);
        status = dli_fail(err, DL4C_E_IO, "webhdfs", "cannot rename %.150s to %.150s: there is a directory of that name", from->path, to);
    } else {
        status = DL4C_OK;
    }
    dli_free(inside.path);
    return status;
}

/* look: a name of `from` in `to` can only be what is renamed. */
static dl4c_status move(struct dli_webhdfs *w, const struct dli_wh_target *from, const char *to, const struct dli_wh_call *done, bool look,
                        struct dl4c_error *err)
{
    bool was;
    struct dl4c_fs_stat st;
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_wh_target there = *from;
    there.path = (char *)(uintptr_t)to; /* only read */
    if (done)
        e = done->err;
    struct moved m = done ? look_at_move(done, done->status) : move_once(w, from, to, &e);
    if (m.status == DL4C_E_NOTFOUND && m.repeated && dli_wh_status(w, &there, &st, NULL) == DL4C_OK)
        return DL4C_OK;                /* done by a try whose answer was lost */
    if (m.status == DL4C_OK && m.no) { /* a gateway that knows no renameoptions: it neither replaces nor says what is wrong */
        m.status = dli_wh_status(w, from, &st, &e);
        if (m.status == DL4C_E_NOTFOUND && m.repeated && dli_wh_status(w, &there, &st, NULL) == DL4C_OK)
            return DL4C_OK;
        if (m.status == DL4C_OK && dli_wh_status(w, &there, &st, NULL) == DL4C_OK && st.kind == DL4C_FS_FILE)
            m.status = dli_wh_delete(w, &there, &was, &e);
        if (m.status == DL4C_OK)
            m = move_once(w, from, to, &e);
        if (m.status == DL4C_OK && m.no)
            m.status = dli_fail(&e, DL4C_E_IO, "webhdfs", "cannot rename %.150s to %.150s: the server refuses and does not say why",
                                from->path, to);
    }
    if (m.status == DL4C_OK && m.plain && look)
        m.status = check_not_inside(w, from, to, &e);
    if (m.status != DL4C_OK && err)
        *err = e;
    return m.status;
}

dl4c_status dli_wh_move(struct dli_webhdfs *w, const struct dli_wh_target *from, const char *to, const struct dli_wh_call *done,
                        struct dl4c_error *err)
{
    return move(w, from, to, done, true, err); /* a temporary name, which nobody else has */
}

dl4c_status dli_wh_rename(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err)
{
    struct scope s, d;
    DLI_TRY(begin(user, authority, from, &s, err));
    dl4c_status status = begin(user, authority, to, &d, err);
    if (status == DL4C_OK) {
        struct dl4c_fs_stat st;
        const bool directory = dli_wh_status(s.w, &d.t, &st, NULL) == DL4C_OK && st.kind == DL4C_FS_DIRECTORY;
        status = end(&d, move(s.w, &s.t, d.t.path, NULL, directory, err));
    }
    return end(&s, status);
}

dl4c_status dli_wh_change(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change, struct dl4c_error *err)
{
    static const char *const ops[] = { "SETPERMISSION", "SETREPLICATION", "SETTIMES", "SETOWNER" };
    struct scope s;
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = DL4C_OK;
    for (int32_t i = 0; status == DL4C_OK && i < 4; i++) {
        struct dli_strbuf b;
        bool no;
        if (!(change->what & (1 << i)))
            continue;
        dli_strbuf_init(&b, s.w->ctx);
        if (i == 0)
            dli_strbuf_addf(&b, "&permission=%o", (unsigned)change->mode);
        if (i == 1)
            dli_strbuf_addf(&b, "&replication=%" PRId32, change->replication);
        if (i == 2)
            dli_strbuf_addf(&b, "&modificationtime=%" PRId64 "&accesstime=%" PRId64, change->mtime_ms, change->atime_ms);
        if (i == 3 && change->owner)
            add(&b, "owner", change->owner);
        if (i == 3 && change->group)
            add(&b, "group", change->group);
        status = run(ask(s.w, &s.t, "PUT", ops[i], &b, err), &no, err);
        if (no)
            status =
                dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.300s: %s is refused without a reason: it may be no file", s.t.path, ops[i]);
    }
    return end(&s, status);
}

dl4c_status dli_wh_concat(void *user, const char *authority, const char *path, const char *const *sources, int32_t n,
                          struct dl4c_error *err)
{
    struct scope s;
    struct dli_strbuf b;
    bool no;
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = DL4C_OK;
    dli_strbuf_init(&b, s.w->ctx);
    for (int32_t i = 0; status == DL4C_OK && i < n; i++) {
        struct scope one;
        status = begin(user, authority, sources[i], &one, err);
        if (status != DL4C_OK)
            break;
        if (strchr(one.t.path, ','))
            status = dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.300s has a comma in its name, which CONCAT cannot be told", one.t.path);
        dli_strbuf_add(&b, i == 0 ? "&sources=" : ",");
        dli_wh_encode(&b, one.t.path, strlen(one.t.path), "/");
        end(&one, status);
    }
    struct dli_wh_call *c = status == DL4C_OK ? ask(s.w, &s.t, "POST", "CONCAT", &b, err) : NULL;
    if (c)
        c->once = true;
    if (status == DL4C_OK)
        status = run(c, &no, err);
    dli_strbuf_free(&b);
    return end(&s, status);
}

dl4c_status dli_wh_truncate(void *user, const char *authority, const char *path, int64_t size, struct dl4c_error *err)
{
    struct scope s;
    struct dli_strbuf b;
    struct dl4c_fs_stat st;
    bool later; /* false is the answer where the last block is cut by the DataNodes, soon */
    DLI_TRY(begin(user, authority, path, &s, err));
    dl4c_status status = dli_wh_status(s.w, &s.t, &st, err);
    if (status == DL4C_OK && (st.kind != DL4C_FS_FILE || st.size_bytes < size))
        status = dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.300s has %" PRId64 " bytes and cannot be cut to %" PRId64, s.t.path,
                          st.size_bytes, size);
    dli_strbuf_init(&b, s.w->ctx);
    dli_strbuf_addf(&b, "&newlength=%" PRId64, size);
    if (status == DL4C_OK)
        status = run(ask(s.w, &s.t, "POST", "TRUNCATE", &b, err), &later, err);
    dli_strbuf_free(&b);
    return end(&s, status);
}

/* ---- sums ---- */

dl4c_status dli_wh_summarize(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err)
{
    struct scope s;
    json_t *root = NULL;
    DLI_TRY(begin(user, authority, path, &s, err));
    struct dli_wh_call *c = ask(s.w, &s.t, "GET", "GETCONTENTSUMMARY", NULL, err);
    dl4c_status status = c ? dli_wh_run(c, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_wh_json(c, &root, err);
    if (status == DL4C_OK) {
        const json_t *o = json_object_get(root, "ContentSummary"), *quota = json_object_get(o, "quota"),
                     *space = json_object_get(o, "spaceQuota");
        if (!json_is_integer(json_object_get(o, "length")))
            status = no_sense(c, err);
        out->n_files = json_integer_value(json_object_get(o, "fileCount"));
        out->n_directories = json_integer_value(json_object_get(o, "directoryCount"));
        out->size_bytes = json_integer_value(json_object_get(o, "length"));
        out->space_bytes = json_integer_value(json_object_get(o, "spaceConsumed"));
        out->quota_names = json_is_integer(quota) ? json_integer_value(quota) : -1;
        out->quota_bytes = json_is_integer(space) ? json_integer_value(space) : -1;
    }
    json_decref(root);
    dli_wh_call_free(c);
    return end(&s, status);
}

dl4c_status dli_wh_checksum(void *user, const char *authority, const char *path, struct dl4c_fs_checksum *out, struct dl4c_error *err)
{
    struct scope s;
    json_t *root = NULL;
    DLI_TRY(begin(user, authority, path, &s, err));
    struct dli_wh_call *c = ask(s.w, &s.t, "GET", "GETFILECHECKSUM", NULL, err);
    if (c)
        c->kind = WH_ASK;
    dl4c_status status = c ? dli_wh_run(c, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_wh_json(c, &root, err);
    if (status == DL4C_OK) {
        const json_t *o = json_object_get(root, "FileChecksum");
        const char *algorithm = json_string_value(json_object_get(o, "algorithm")), *bytes = json_string_value(json_object_get(o, "bytes"));
        if (!algorithm || !bytes || strlen(algorithm) >= sizeof out->algorithm || strlen(bytes) >= sizeof out->digest)
            status = no_sense(c, err);
        else {
            memcpy(out->algorithm, algorithm, strlen(algorithm) + 1);
            memcpy(out->digest, bytes, strlen(bytes) + 1);
        }
    }
    json_decref(root);
    dli_wh_call_free(c);
    return end(&s, status);
}
