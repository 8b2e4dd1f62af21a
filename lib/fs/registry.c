/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems of a context. */
#include "fs/registry.h"

#include <string.h>

static void free_one(struct dli_fs *fs)
{
    if (fs->release)
        fs->release(fs->user);
    dli_free(fs);
}

static void free_all(void *slot)
{
    for (struct dli_fs *fs = slot, *next; fs; fs = next) {
        next = fs->next;
        free_one(fs);
    }
}

static struct dli_fs *look_up(dl4c_context *ctx, const char *scheme)
{
    struct dli_fs *fs = ctx->slot[DLI_SLOT_FS];
    while (fs && strcmp(fs->scheme, scheme) != 0)
        fs = fs->next;
    return fs;
}

/* Under the lock. Takes fs only where it succeeds. */
static dl4c_status add(dl4c_context *ctx, struct dli_fs *fs, struct dl4c_error *err)
{
    if (look_up(ctx, fs->scheme))
        return dli_fail(err, DL4C_E_EXISTS, "fs", "%s:// is registered already", fs->scheme);
    fs->next = ctx->slot[DLI_SLOT_FS];
    ctx->slot[DLI_SLOT_FS] = fs;
    ctx->slot_release[DLI_SLOT_FS] = free_all;
    return DL4C_OK;
}

static dl4c_status check_ops(const struct dl4c_fs_ops *o, char scheme[32], struct dl4c_error *err)
{
    const size_t n = o->scheme ? strlen(o->scheme) : 0;
    if (n < 1 || n > 31)
        return dli_fail(err, DL4C_E_INVALID, "fs", "a file system needs a scheme of 1 to 31 characters");
    for (size_t i = 0; i < n; i++) {
        const char c = o->scheme[i];
        const bool lower = c >= 'a' && c <= 'z';
        if (!lower && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return dli_fail(err, DL4C_E_INVALID, "fs", "\"%s\" is not a scheme: small letters, then also digits, '+', '-' and '.'",
                            o->scheme);
    }
    if (!o->open_read || !o->read_at || !o->close_read || !o->stat)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s:// lacks open_read, read_at, close_read or stat", o->scheme);
    if (o->create && (!o->write || !o->commit || !o->abandon))
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s:// has create but lacks write, commit or abandon", o->scheme);
    if (!o->load_start != !o->load_wait || !o->load_start != !o->load_end)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%s:// has some of load_start, load_wait and load_end, wanted all or none", o->scheme);
    memcpy(scheme, o->scheme, n + 1);
    return DL4C_OK;
}

static dl4c_status make(dl4c_context *ctx, const struct dl4c_fs_ops *ops, void *user, void (*release)(void *user), struct dli_fs **out,
                        struct dl4c_error *err)
{
    struct dl4c_fs_ops o;
    char scheme[32];
    if (!ops)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the table of functions is NULL");
    DLI_TRY(dli_struct_in(&o, sizeof o, ops, "fs", err));
    DLI_TRY(check_ops(&o, scheme, err));
    struct dli_fs *fs = dli_calloc(ctx, 1, sizeof *fs, err);
    if (!fs)
        return dli_alloc_status();
    fs->ops = o;
    memcpy(fs->scheme, scheme, sizeof scheme);
    fs->ops.scheme = fs->scheme;
    fs->user = user;
    fs->release = release;
    *out = fs;
    return DL4C_OK;
}

static dl4c_status add_own(dl4c_context *ctx, const struct dl4c_fs_ops *ops, dli_fs_lend_fn lend, void *user, void (*release)(void *user),
                           struct dl4c_error *err)
{
    struct dli_fs *fs;
    DLI_TRY(make(ctx, ops, user, release, &fs, err));
    fs->lend = lend;
    const dl4c_status status = add(ctx, fs, err);
    if (status != DL4C_OK)
        dli_free(fs);
    return status;
}

bool dli_fs_is_hdfs(const char *scheme)
{
    return strcmp(scheme, "webhdfs") == 0 || strcmp(scheme, "swebhdfs") == 0 || strcmp(scheme, "hdfs") == 0;
}

/* The built-in ones are added when somebody first asks, so that a context costs nothing without files. */
static dl4c_status add_built_in(dl4c_context *ctx, struct dl4c_error *err)
{
    if (!look_up(ctx, dli_fs_local.scheme))
        DLI_TRY(add_own(ctx, &dli_fs_local, NULL, ctx, NULL, err)); /* user: the context, which the registry lives in */
    return DL4C_OK;
}

dl4c_status dl4c_fs_register(dl4c_context *ctx, const struct dl4c_fs_ops *ops, void *user, void (*release)(void *user),
                             struct dl4c_error *err)
{
    struct dli_fs *fs = NULL;
    dl4c_status status = DL4C_E_NOMEM;
    ctx = dli_context(ctx, err);
    if (ctx)
        status = make(ctx, ops, user, release, &fs, err);
    if (status == DL4C_OK) {
        pthread_mutex_lock(&ctx->lock);
        status = add_built_in(ctx, err);
        if (status == DL4C_OK)
            status = add(ctx, fs, err);
        pthread_mutex_unlock(&ctx->lock);
    }
    if (status != DL4C_OK) {
        dli_free(fs);
        if (release)
            release(user);
    }
    return status;
}

dl4c_status dli_fs_find(dl4c_context *ctx, const struct dli_uri *uri, const struct dli_fs **fs, struct dl4c_error *err)
{
    pthread_mutex_lock(&ctx->lock);
    dl4c_status status = add_built_in(ctx, err);
    if (status == DL4C_OK && dli_fs_is_hdfs(uri->scheme) && !look_up(ctx, uri->scheme))
        status = dli_webhdfs_register(ctx, add_own, err);
    *fs = status == DL4C_OK ? look_up(ctx, uri->scheme) : NULL;
    pthread_mutex_unlock(&ctx->lock);
    DLI_TRY(status);
    if (!*fs && dli_webhdfs_missing(uri->scheme))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "fs", "there is no %s://: %s", uri->scheme, dli_webhdfs_missing(uri->scheme));
    if (!*fs)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "fs",
                        "%.60s:// is not built into this library, and the host has registered no file system for it", uri->scheme);
    return DL4C_OK;
}

dl4c_status dli_fs_named(dl4c_context *ctx, const char *uri, struct dli_named *n, struct dl4c_error *err)
{
    n->ctx = dli_context(ctx, err);
    if (!n->ctx)
        return DL4C_E_NOMEM;
    DLI_TRY(dli_uri_parse(n->ctx, uri, &n->uri, err));
    const dl4c_status status = dli_fs_find(n->ctx, &n->uri, &n->fs, err);
    if (status != DL4C_OK)
        dli_uri_free(&n->uri);
    return status;
}

void *dli_handle_new(dl4c_context *ctx, const char *uri, size_t size, struct dli_named *n, dl4c_status *status, struct dl4c_error *err)
{
    *status = dli_fs_named(ctx, uri, n, err);
    if (*status != DL4C_OK)
        return NULL;
    struct dli_handle *h = dli_calloc(n->ctx, 1, size, err);
    if (!h || !(h->uri = dli_strdup(n->ctx, uri, err))) {
        *status = dli_alloc_status();
        dli_free(h);
        dli_uri_free(&n->uri);
        return NULL;
    }
    h->ctx = dli_context_ref(n->ctx, NULL);
    h->fs = n->fs;
    return h;
}

void dli_handle_free(void *handle)
{
    struct dli_handle *h = handle;
    dl4c_context *ctx = h->ctx;
    dli_free(h->uri);
    dli_free(h);
    dli_context_unref(ctx);
}

dl4c_status dli_fs_answer(const struct dli_fs *fs, dl4c_status status, struct dl4c_error *e, const char *verb, const char *uri,
                          struct dl4c_error *err)
{
    if (status == DL4C_OK || !err)
        return status;
    e->origin[sizeof e->origin - 1] = e->message[sizeof e->message - 1] = '\0';
    if (!e->message[0])
        return dli_fail(err, status, fs->scheme, "cannot %s %.300s: the file system gave %s and no reason", verb, uri,
                        dl4c_status_name(status));
    *err = *e;
    err->status = status;
    return status;
}

dl4c_status dli_fs_cannot(const struct dli_fs *fs, const char *verb, const char *uri, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_UNSUPPORTED, fs->scheme, "%s:// cannot %s (%.300s)", fs->scheme, verb, uri);
}
