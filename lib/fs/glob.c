/* SPDX-License-Identifier: Apache-2.0 */
/* Names by pattern: directories are listed page by page, and what fits is kept. */
#include "base/strbuf.h"
#include "fs/fs.h"
#include "fs/match.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COMPONENTS = 256 };

struct match {
    char *uri, *path; /* path: as it is sorted */
    struct dl4c_fs_stat stat;
};

struct glob {
    dl4c_context *ctx;
    const char *pattern; /* as the caller wrote it */
    char *root;          /* URI of where the path begins: its query too; "" for a relative path */
    struct match *matches;
    size_t n, capacity;
    struct dl4c_error refused; /* the first name that cannot be one: it is told where nothing else matches */
};

/* ---- the pattern ---- */

/* Bytes of the path in front of the query: of a URI of HDFS, whose other question marks are signs. */
static size_t path_length(const struct dli_uri_parts *u)
{
    static const char *const keys[] = { "user.name=", "doas=", "delegation=" };
    const size_t all = strlen(u->path);
    for (size_t i = 0; u->hdfs && i < all; i++)
        for (size_t k = 0; u->path[i] == '?' && k < sizeof keys / sizeof keys[0]; k++)
            if (strncmp(u->path + i + 1, keys[k], strlen(keys[k])) == 0 && !strchr(u->path + i + 1, '?'))
                return i;
    return all;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The path; with `protect` there is a backslash before what %XX made plain. */
static dl4c_status decode(struct glob *g, const char *path, size_t n, bool encoded, bool protect, char **out, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, g->ctx);
    for (size_t i = 0; i < n; i++) {
        const int high = encoded && path[i] == '%' && n - i > 2 ? digit(path[i + 1]) : -1, low = high < 0 ? -1 : digit(path[i + 2]);
        if (encoded && path[i] == '%' && (low < 0 || high + low == 0)) {
            dli_strbuf_free(&b);
            return dli_fail(err, DL4C_E_INVALID, "fs", "\"%.300s\": %% without two hexadecimal digits that a name can have", g->pattern);
        }
        if (low < 0) {
            dli_strbuf_addc(&b, path[i]);
            continue;
        }
        const char c = (char)(high * 16 + low);
        if (protect && dli_match_is_special(c))
            dli_strbuf_addc(&b, '\\');
        dli_strbuf_addc(&b, c);
        i += 2;
    }
    return dli_strbuf_take(&b, out, err);
}

/* ---- matches ---- */

static dl4c_status add(struct glob *g, const char *uri, const char *path, const struct dl4c_fs_stat *st, struct dl4c_error *err)
{
    DLI_TRY(dli_grow(g->ctx, &g->matches, &g->capacity, g->n + 1, sizeof *g->matches, err));
    struct match *m = &g->matches[g->n];
    m->stat = *st;
    m->uri = dli_strdup(g->ctx, uri, err);
    m->path = m->uri ? dli_strdup(g->ctx, path, err) : NULL;
    if (!m->path) {
        dli_free(m->uri);
        return dli_alloc_status();
    }
    g->n++;
    return DL4C_OK;
}

static int by_path(const void *a, const void *b) { return strcmp(((const struct match *)a)->path, ((const struct match *)b)->path); }

/* Whether a failure says that there is nothing to match, and not that nobody knows. */
static bool is_nothing(const struct dl4c_error *e)
{
    return e->status == DL4C_E_NOTFOUND || e->status == DL4C_E_INVALID || (e->status == DL4C_E_IO && e->domain == DL4C_DOMAIN_ERRNO);
}

/* What has this very name, if anything has; *found tells. */
static dl4c_status look(struct glob *g, const char *uri, const char *path, bool *found, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error e = DL4C_ERROR_INIT;
    *found = dl4c_fs_stat_uri(g->ctx, uri, &st, &e) == DL4C_OK;
    if (*found)
        return add(g, uri, path, &st, err);
    if (e.status == DL4C_E_INVALID && g->refused.status == DL4C_OK)
        g->refused = e;
    if (is_nothing(&e))
        return DL4C_OK;
    if (err)
        *err = e;
    return e.status;
}

/* ---- directories ---- */

struct here { /* a directory of which names are wanted */
    struct glob *g;
    const char *uri, *path, *component, *rest; /* rest: "" for the last component */
    bool directories;                          /* only these */
    char *last;
    struct match *found;
    size_t n, capacity;
    struct dl4c_error failed;
};

static int keep(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    struct here *h = arg;
    dli_free(h->last);
    h->last = dli_strdup(h->g->ctx, name, &h->failed);
    if (!h->last)
        return 1;
    if (((*h->rest || h->directories) && st->kind != DL4C_FS_DIRECTORY) || !dli_match(h->component, name))
        return 0;
    if (dli_grow(h->g->ctx, &h->found, &h->capacity, h->n + 1, sizeof *h->found, &h->failed) != DL4C_OK)
        return 1;
    h->found[h->n].stat = *st;
    h->found[h->n].path = dli_strdup(h->g->ctx, name, &h->failed);
    return h->found[h->n].path ? (h->n++, 0) : 1;
}

/* A directory that is not there, or is none, has no matches. */
static dl4c_status list(struct here *h, struct dl4c_error *err)
{
    for (int32_t more = 1; more;) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        if (dl4c_fs_cancelled())
            return dli_fail(err, DL4C_E_CANCELLED, "fs", "cancelled while names were looked for");
        const dl4c_status status = dl4c_fs_list_page(h->g->ctx, *h->uri ? h->uri : ".", h->last, 0, keep, h, &more, &e);
        if (status == DL4C_E_NOTFOUND)
            return DL4C_OK;
        if (h->failed.status != DL4C_OK)
            e = h->failed;
        if (e.status != DL4C_OK) {
            if (err)
                *err = e;
            return e.status;
        }
    }
    return DL4C_OK;
}

static dl4c_status below(struct glob *g, const char *uri, const char *path, const char *pattern, int depth, struct dl4c_error *err);

/* "directory/name" as it is sorted. */
static dl4c_status path_of(struct glob *g, const char *directory, const char *name, char **out, struct dl4c_error *err)
{
    struct dli_strbuf b;
    const size_t n = strlen(directory);
    dli_strbuf_init(&b, g->ctx);
    dli_strbuf_add(&b, directory);
    if (n > 0 && directory[n - 1] != '/')
        dli_strbuf_addc(&b, '/');
    dli_strbuf_add(&b, name);
    return dli_strbuf_take(&b, out, err);
}

/* A name that fits: a match, or the way to one. */
static dl4c_status take(struct here *h, const char *name, const struct dl4c_fs_stat *st, int depth, struct dl4c_error *err)
{
    char *uri = NULL, *path = NULL;
    bool found;
    dl4c_status status = dli_uri_join(h->g->ctx, h->uri, name, &uri, err);
    if (status == DL4C_OK)
        status = path_of(h->g, h->path, name, &path, err);
    if (status != DL4C_OK)
        ;
    else if (*h->rest)
        status = below(h->g, uri, path, h->rest, depth + 1, err);
    else if (st)
        status = add(h->g, uri, path, st, err);
    else if ((status = look(h->g, uri, path, &found, err)) == DL4C_OK && found && h->directories &&
             h->g->matches[h->g->n - 1].stat.kind != DL4C_FS_DIRECTORY) {
        struct match *m = &h->g->matches[--h->g->n];
        dli_free(m->uri);
        dli_free(m->path);
    }
    dli_free(uri);
    dli_free(path);
    return status;
}

static dl4c_status below(struct glob *g, const char *uri, const char *path, const char *pattern, int depth, struct dl4c_error *err)
{
    while (*pattern == '/')
        pattern++;
    if (depth > MOST_COMPONENTS)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "\"%.200s\" has more than %d components", g->pattern, (int)MOST_COMPONENTS);
    const size_t n = strcspn(pattern, "/");
    struct here h = { .g = g, .uri = uri, .path = path };
    char *component = dli_strndup(g->ctx, pattern, n, err);
    if (!component)
        return dli_alloc_status();
    h.component = component;
    h.rest = pattern + n;
    while (*h.rest == '/') {
        h.rest++;
        h.directories = true;
    }
    dl4c_status status;
    if (!dli_match_has_signs(component)) {
        dli_match_plain(component);
        status = take(&h, component, NULL, depth, err);
    } else {
        status = list(&h, err);
        for (size_t i = 0; i < h.n; i++) {
            if (status == DL4C_OK)
                status = take(&h, h.found[i].path, &h.found[i].stat, depth, err);
            dli_free(h.found[i].path);
        }
        dli_free(h.found);
        dli_free(h.last);
    }
    dli_free(component);
    return status;
}

/* ---- the call ---- */

/* The whole as a name, signs and all. */
static dl4c_status as_name(struct glob *g, const struct dli_uri_parts *u, size_t n, bool *found, struct dl4c_error *err)
{
    char *path = NULL, *uri = NULL;
    dl4c_status status = decode(g, u->path, n, u->encoded, false, &path, err);
    if (status == DL4C_OK)
        status = dli_uri_join(g->ctx, g->root, path + strspn(path, "/"), &uri, err);
    if (status == DL4C_OK)
        status = look(g, uri, path, found, err);
    dli_free(path);
    dli_free(uri);
    return status;
}

static dl4c_status search(struct glob *g, const struct dli_uri_parts *u, struct dl4c_error *err)
{
    struct dli_match_list texts = { 0 };
    struct dli_strbuf root;
    char *pattern = NULL;
    bool found = false;
    const size_t n = path_length(u);
    dli_strbuf_init(&root, g->ctx);
    dli_strbuf_addn(&root, g->pattern, u->head);
    if (u->head || u->path[0] == '/')
        dli_strbuf_addc(&root, '/');
    dli_strbuf_add(&root, u->path + n);
    DLI_TRY(dli_strbuf_take(&root, &g->root, err));
    DLI_TRY(decode(g, u->path, n, u->encoded, true, &pattern, err));
    dl4c_status status = dli_match_expand(g->ctx, pattern, &texts, err);
    if (status != DL4C_OK)
        ;
    else if (texts.n == 1 && !dli_match_has_signs(pattern) && !strchr(pattern, '\\'))
        status = look(g, g->pattern, g->pattern, &found, err); /* in the caller's own words */
    else
        status = as_name(g, u, n, &found, err);
    for (size_t i = 0; status == DL4C_OK && !found && i < texts.n; i++) {
        const bool absolute = u->head || texts.text[i][0] == '/';
        status = below(g, absolute && !u->head ? "/" : g->root, absolute ? "/" : "", texts.text[i], 0, err);
    }
    dli_match_list_free(&texts);
    dli_free(pattern);
    return status;
}

dl4c_status dl4c_fs_glob(dl4c_context *ctx, const char *pattern, dl4c_fs_glob_fn fn, void *arg, struct dl4c_error *err)
{
    struct dli_uri_parts u;
    struct glob g = { .pattern = pattern };
    if (!fn || !pattern || !*pattern)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s", fn ? "the pattern is empty" : "the callback is NULL");
    g.ctx = dli_context(ctx, err);
    if (!g.ctx)
        return DL4C_E_NOMEM;
    dli_uri_split(pattern, &u);
    dl4c_status status = search(&g, &u, err);
    if (status == DL4C_OK && g.n == 0 && g.refused.status != DL4C_OK) {
        status = g.refused.status;
        if (err)
            *err = g.refused;
    } else if (status == DL4C_OK && g.n == 0) {
        status = dli_fail(err, DL4C_E_NOTFOUND, "fs", "nothing matches %.*s", (int)(u.head + path_length(&u)), pattern);
    }
    if (g.n > 1)
        qsort(g.matches, g.n, sizeof *g.matches, by_path);
    bool stopped = status != DL4C_OK;
    for (size_t i = 0; i < g.n; i++) {
        const struct match *m = &g.matches[i];
        if (!stopped && (i == 0 || strcmp(m->path, m[-1].path) != 0))
            stopped = fn(arg, m->uri, &m->stat) != 0;
    }
    for (size_t i = 0; i < g.n; i++) {
        dli_free(g.matches[i].uri);
        dli_free(g.matches[i].path);
    }
    dli_free(g.matches);
    dli_free(g.root);
    return status;
}
