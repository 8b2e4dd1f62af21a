/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a context: its settings, and the tables under which the registry has it. */
#include "base/deadline.h"
#include "fs/registry.h"
#include "fs/webhdfs/webhdfs.h"

#include <string.h>

static const char *const schemes[] = { "webhdfs", "swebhdfs", "hdfs" };

void dli_wh_settings_free(struct dli_wh_settings *s)
{
    char **const text[] = { &s->user, &s->doas, &s->token, &s->ca_file, &s->cert_file, &s->key_file, &s->key_password, &s->datanodes };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        if (*text[i]) /* secrets are among them */
            memset(*text[i], 0, strlen(*text[i]));
        dli_free(*text[i]);
        *text[i] = NULL;
    }
}

static void client_unref(struct dli_webhdfs *w)
{
    if (--w->refs > 0) /* the registry is taken down by one thread */
        return;
    dli_wh_stop(w);
    dli_wh_clusters_free(w);
    dli_wh_settings_free(&w->settings);
    pthread_mutex_destroy(&w->lock);
    dli_free(w);
}

static void scheme_release(void *user)
{
    struct dli_wh_scheme *s = user;
    client_unref(s->w);
    dli_free(s);
}

static const struct dl4c_fs_ops table = {
    .struct_size = sizeof(struct dl4c_fs_ops),
    .open_read = dli_wh_open_read,
    .read_at = dli_wh_read_at,
    .close_read = dli_wh_close_read,
    .create = dli_wh_create,
    .write = dli_wh_write,
    .commit = dli_wh_commit,
    .abandon = dli_wh_abandon,
    .stat = dli_wh_stat,
    .list = dli_wh_list,
    .mkdir = dli_wh_mkdir,
    .rename = dli_wh_rename,
    .remove = dli_wh_remove,
    .append = dli_wh_append,
    .load_start = dli_wh_load_start,
    .load_wait = dli_wh_load_wait,
    .load_end = dli_wh_load_end,
    .list_page = dli_wh_list_page,
    .checksum = dli_wh_checksum,
    .summarize = dli_wh_summarize,
    .change = dli_wh_change,
    .concat = dli_wh_concat,
    .truncate = dli_wh_truncate,
    .remove_all = dli_wh_remove_all,
};

static void set_defaults(struct dli_wh_settings *s)
{
    s->connect_ms = 10000;
    s->stall_ms = 60000;
    s->retry_ms = 60000;
    s->most_running = 32;
}

dl4c_status dli_webhdfs_register(dl4c_context *ctx, dli_fs_add_fn add, struct dl4c_error *err)
{
    struct dli_webhdfs *w = dli_calloc(ctx, 1, sizeof *w, err);
    if (!w)
        return dli_alloc_status();
    w->ctx = ctx;
    w->submitted_end = &w->submitted;
    w->jitter = (uint64_t)dli_now_ns() ^ (uint64_t)(uintptr_t)w;
    set_defaults(&w->settings);
    pthread_mutex_init(&w->lock, NULL);
    w->refs = 1;
    dl4c_status status = DL4C_OK;
    for (size_t i = 0; status == DL4C_OK && i < sizeof schemes / sizeof schemes[0]; i++) {
        struct dl4c_fs_ops ops = table;
        struct dli_wh_scheme *s = dli_calloc(ctx, 1, sizeof *s, err);
        if (!s) {
            status = dli_alloc_status();
            break;
        }
        s->w = w;
        s->name = schemes[i];
        s->tls = i == 1;
        s->rpc = i == 2;
        w->refs++;
        ops.scheme = schemes[i];
        status = add(ctx, &ops, dli_wh_lend, s, scheme_release, err);
        if (status != DL4C_OK)
            scheme_release(s);
        if (status == DL4C_E_EXISTS) /* the host has a file system of its own for it */
            status = DL4C_OK;
    }
    client_unref(w);
    return status;
}

const char *dli_webhdfs_missing(const char *scheme)
{
    (void)scheme;
    return NULL;
}

/* ---- settings ---- */

static dl4c_status check_options(const struct dl4c_webhdfs_options *o, struct dl4c_error *err)
{
    if (o->connect_ms < 0 || o->stall_ms < 0 || o->retry_ms < 0 || o->requests < 0 || o->requests > 1024 || o->reserved)
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "a time is negative, or requests are not 0 to 1024");
    if (o->flags & ~(uint64_t)DL4C_WEBHDFS_ANY_HOST_NAME)
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "the flags are unknown");
    return DL4C_OK;
}

/* "host:port=host:port,...", each part with its port. */
static dl4c_status check_map(dl4c_context *ctx, const char *map, struct dl4c_error *err)
{
    for (const char *p = map; p && *p;) {
        const size_t n = strcspn(p, ",");
        const char *equals = memchr(p, '=', n);
        char *node = NULL;
        dl4c_status status = equals ? dli_wh_node_parse(ctx, p, (size_t)(equals - p), 9864, &node, err) : DL4C_E_INVALID;
        dli_free(node);
        node = NULL;
        if (status == DL4C_OK)
            status = dli_wh_node_parse(ctx, equals + 1, n - (size_t)(equals - p) - 1, 9864, &node, err);
        dli_free(node);
        if (status == DL4C_E_INVALID)
            return dli_fail(err, status, "webhdfs", "\"%.*s\" among the DataNodes, wanted HOST:PORT=HOST:PORT", (int)(n < 200 ? n : 200),
                            p);
        DLI_TRY(status);
        p += n + (p[n] == ',');
    }
    return DL4C_OK;
}

static dl4c_status copy(dl4c_context *ctx, const char *from, char **to, struct dl4c_error *err)
{
    *to = from ? dli_strdup(ctx, from, err) : NULL;
    return from && !*to ? dli_alloc_status() : DL4C_OK;
}

dl4c_status dl4c_webhdfs_configure(dl4c_context *ctx, const struct dl4c_webhdfs_options *options, struct dl4c_error *err)
{
    struct dl4c_webhdfs_options o;
    struct dli_wh_settings s = { 0 };
    const struct dli_fs *fs;
    const struct dli_uri uri = { .scheme = "webhdfs", .authority = "", .path = "/" };
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "webhdfs", err));
    DLI_TRY(check_options(&o, err));
    ctx = dli_context(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    DLI_TRY(check_map(ctx, o.datanodes, err));
    DLI_TRY(dli_fs_find(ctx, &uri, &fs, err));
    if (fs->ops.open_read != dli_wh_open_read)
        return dli_fail(err, DL4C_E_STATE, "webhdfs", "webhdfs:// is a file system of the host in this context");
    struct dli_webhdfs *w = ((struct dli_wh_scheme *)fs->user)->w;
    set_defaults(&s);
    s.connect_ms = o.connect_ms ? o.connect_ms : s.connect_ms;
    s.stall_ms = o.stall_ms ? o.stall_ms : s.stall_ms;
    s.retry_ms = o.retry_ms ? o.retry_ms : s.retry_ms;
    s.most_running = o.requests ? o.requests : s.most_running;
    s.flags = o.flags;
    dl4c_status status;
    DLI_GOTO(copy(ctx, o.user, &s.user, err), fail);
    DLI_GOTO(copy(ctx, o.doas, &s.doas, err), fail);
    DLI_GOTO(copy(ctx, o.token, &s.token, err), fail);
    DLI_GOTO(copy(ctx, o.ca_file, &s.ca_file, err), fail);
    DLI_GOTO(copy(ctx, o.cert_file, &s.cert_file, err), fail);
    DLI_GOTO(copy(ctx, o.key_file, &s.key_file, err), fail);
    DLI_GOTO(copy(ctx, o.key_password, &s.key_password, err), fail);
    DLI_GOTO(copy(ctx, o.datanodes, &s.datanodes, err), fail);
    pthread_mutex_lock(&w->lock);
    const bool used = w->pid != 0;
    if (!used) {
        struct dli_wh_settings before = w->settings;
        w->settings = s;
        s = before;
    }
    pthread_mutex_unlock(&w->lock);
    if (used)
        status = dli_fail(err, DL4C_E_STATE, "webhdfs", "HDFS is in use in this context already: settings come before");
fail:
    dli_wh_settings_free(&s);
    return status;
}
