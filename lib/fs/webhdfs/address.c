/* SPDX-License-Identifier: Apache-2.0 */
/* URIs of HDFS: NameNodes, path and user, out of scheme://host1:port,host2:port/path?user.name=alice. */
#include "base/escape.h"
#include "fs/webhdfs/webhdfs.h"
#include "fs/webhdfs/environment.h"

#include <string.h>

static bool plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

void dli_wh_encode(struct dli_strbuf *b, const char *text, size_t n, const char *also)
{
    for (size_t i = 0; i < n; i++) {
        if (plain(text[i]) || (text[i] && (strchr("-._~", text[i]) || strchr(also, text[i]))))
            dli_strbuf_addc(b, text[i]);
        else
            dli_strbuf_addf(b, "%%%02X", (unsigned)(unsigned char)text[i]);
    }
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool dli_wh_decode(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p != '%') {
            *to++ = *p;
            continue;
        }
        const int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = '\0';
    return true;
}

/* ---- NameNodes ---- */

dl4c_status dli_wh_node_parse(dl4c_context *ctx, const char *text, size_t n, int32_t port, char **out, struct dl4c_error *err)
{
    struct dli_strbuf b;
    const char *colon = NULL, *close = n > 0 && text[0] == '[' ? memchr(text, ']', n) : NULL;
    for (const char *p = close ? close + 1 : text; p < text + n; p++)
        if (*p == ':')
            colon = colon ? "" : p; /* a second one is one too many */
    const size_t host = colon && *colon ? (size_t)(colon - text) : n, digits = n - host;
    bool good = host > 0 && host < 256 && (!colon || *colon) && digits != 1 && digits <= 6 && (!close || text + host == close + 1);
    int32_t given = 0;
    for (size_t i = host + 1; good && i < n; i++) {
        good = text[i] >= '0' && text[i] <= '9';
        given = given * 10 + (text[i] - '0');
    }
    for (size_t i = 0; good && i < host; i++)
        good = plain(text[i]) || strchr(close ? "-._[]:%" : "-._", text[i]);
    if (!good || given > 65535 || (digits > 1 && given < 1))
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%.*s\" is no server, wanted HOST or HOST:PORT", (int)(n < 200 ? n : 200), text);
    dli_strbuf_init(&b, ctx);
    for (size_t i = 0; i < host; i++)
        dli_strbuf_addc(&b, text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i]);
    dli_strbuf_addf(&b, ":%" PRId32, given ? given : port);
    return dli_strbuf_take(&b, out, err);
}

static void cluster_free(struct dli_wh_cluster *c)
{
    for (int32_t i = 0; i < c->n_nodes; i++)
        dli_free(c->node[i]);
    dli_free(c->name);
    dli_free(c->cookie);
    dli_free(c->excluded);
    dli_free(c);
}

/* rpc: ports are those of another protocol. */
static dl4c_status add_nodes(dl4c_context *ctx, struct dli_wh_cluster *c, bool rpc, const char *list, struct dl4c_error *err)
{
    const int32_t port = c->tls ? 9871 : 9870;
    for (const char *p = list;; p++) {
        const size_t n = strcspn(p, ",");
        if (c->n_nodes == WH_NODES)
            return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%.200s\" names more than %d servers", list, (int)WH_NODES);
        size_t host = n;
        while (rpc && host > 0 && p[host - 1] >= '0' && p[host - 1] <= '9')
            host--;
        host = rpc && host > 1 && host < n && p[host - 1] == ':' ? host - 1 : n;
        DLI_TRY(dli_wh_node_parse(ctx, p, host, port, &c->node[c->n_nodes], err));
        c->n_nodes++;
        p += n;
        if (!*p)
            return DL4C_OK;
    }
}

static dl4c_status cluster_new(dl4c_context *ctx, const struct dli_wh_scheme *s, const char *name, const char *authority,
                               struct dli_wh_cluster **out, struct dl4c_error *err)
{
    char *nodes = NULL;
    struct dli_wh_cluster *c = dli_calloc(ctx, 1, sizeof *c, err);
    if (!c || !(c->name = dli_strdup(ctx, name, err))) {
        dli_free(c);
        return dli_alloc_status();
    }
    c->tls = s->tls;
    dl4c_status status = dli_wh_configured(ctx, s->tls, authority, &nodes, err);
    if (status == DL4C_OK)
        status = add_nodes(ctx, c, s->rpc && !nodes, nodes ? nodes : authority, err);
    dli_free(nodes);
    if (status == DL4C_OK)
        *out = c;
    else
        cluster_free(c);
    return status;
}

static dl4c_status find_cluster(const struct dli_wh_scheme *s, const char *authority, struct dli_wh_cluster **out, struct dl4c_error *err)
{
    struct dli_webhdfs *w = s->w;
    struct dli_strbuf b;
    char *name = NULL;
    struct dli_wh_cluster *c, *made = NULL;
    dli_strbuf_init(&b, w->ctx);
    dli_strbuf_addf(&b, "%s://%s", s->name, authority);
    DLI_TRY(dli_strbuf_take(&b, &name, err));
    dl4c_status status = DL4C_OK;
    for (int pass = 0; pass < 2; pass++) { /* files are read outside the lock: somebody else may have been first */
        pthread_mutex_lock(&w->lock);
        for (c = w->clusters; c && strcmp(c->name, name) != 0;)
            c = c->next;
        if (!c && made) {
            made->next = w->clusters;
            w->clusters = c = made;
            made = NULL;
        }
        pthread_mutex_unlock(&w->lock);
        if (c || (status = cluster_new(w->ctx, s, name, authority, &made, err)) != DL4C_OK)
            break;
    }
    if (made)
        cluster_free(made);
    dli_free(name);
    *out = c;
    return status;
}

/* ---- path and query ---- */

/* Components by one slash each; what the registry gives begins with one, so nothing grows. The names ".", ".." and those with a colon
 * cannot be in HDFS; servers answer in several ways. */
static dl4c_status clean_path(const char *raw, char *path, struct dl4c_error *err)
{
    char *to = path;
    const char *p = path;
    if (!dli_wh_decode(path))
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%.300s\": %% is not followed by two hexadecimal digits that a name can have",
                        raw);
    for (const char *u = path; *u;) {
        const char *was = u;
        if (dli_utf8_next(&u) == 0xFFFD && strncmp(was, "\xEF\xBF\xBD", 3) != 0)
            return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%.300s\" is no UTF-8, and HDFS has no other names", raw);
    }
    while (*p) {
        const size_t n = strcspn(p, "/");
        if (n == 1 && *p == '.') {
            ; /* here */
        } else if (n == 2 && memcmp(p, "..", 2) == 0) {
            return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%.300s\" goes up by \"..\", which HDFS does not know", raw);
        } else if (n > 0) {
            *to++ = '/';
            memmove(to, p, n);
            to += n;
        }
        p += n + (p[n] == '/');
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
    return DL4C_OK;
}

static bool good_user(const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        const char c = name[i];
        if (!(plain(c) || c == '_' || (i > 0 && strchr(".-", c)) || (i > 0 && i == n - 1 && c == '$')) || (i == 0 && c >= '0' && c <= '9'))
            return false;
    }
    return n > 0;
}

struct who {
    char *user, *doas, *token; /* out of the query; NULL: not there */
};

/* In place. */
static dl4c_status read_query(char *query, struct who *who, struct dl4c_error *err)
{
    while (*query) {
        char *next = query + strcspn(query, "&"), *value;
        if (*next)
            *next++ = '\0';
        value = strchr(query, '=');
        if (value)
            *value++ = '\0';
        char **to = strcmp(query, "user.name") == 0    ? &who->user
                    : strcmp(query, "doas") == 0       ? &who->doas
                    : strcmp(query, "delegation") == 0 ? &who->token
                                                       : NULL;
        if (!to || !value || !*value || !dli_wh_decode(value))
            return dli_fail(err, DL4C_E_INVALID, "webhdfs",
                            "behind ? stands \"%.60s\", wanted user.name=NAME, doas=NAME or delegation=TOKEN;"
                            " in a name ? is %%3F",
                            query);
        *to = value;
        query = next;
    }
    return DL4C_OK;
}

static dl4c_status add_name(struct dli_strbuf *b, const char *key, const char *name, struct dl4c_error *err)
{
    if (!good_user(name))
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "%s is \"%.80s\", which no user of HDFS is called", key, name);
    dli_strbuf_addf(b, "&%s=", key);
    dli_wh_encode(b, name, strlen(name), "");
    return DL4C_OK;
}

/* Who asks: the URI's word, else the context's, else the environment's, else the login name. A token says it alone. */
static dl4c_status identify(struct dli_webhdfs *w, const struct dli_wh_cluster *cluster, const struct who *q, char **out,
                            struct dl4c_error *err)
{
    struct dli_strbuf b;
    char *user = NULL, *doas = NULL, *token = NULL;
    dl4c_status status = DL4C_OK;
    dli_strbuf_init(&b, w->ctx);
    pthread_mutex_lock(&w->lock);
    const char *const u = q->user ? q->user : w->settings.user, *const d = q->doas ? q->doas : w->settings.doas,
                      *const t = q->token ? q->token : w->settings.token;
    if ((u && !(user = dli_strdup(w->ctx, u, err))) || (d && !(doas = dli_strdup(w->ctx, d, err))) ||
        (t && !(token = dli_strdup(w->ctx, t, err))))
        status = dli_alloc_status();
    pthread_mutex_unlock(&w->lock);
    if (status == DL4C_OK && !token)
        status = dli_wh_token_of(w->ctx, cluster, &token, err);
    if (status == DL4C_OK && !token && !user)
        status = dli_wh_login(w->ctx, &user, err);
    if (status == DL4C_OK && token) {
        dli_strbuf_add(&b, "&delegation=");
        dli_wh_encode(&b, token, strlen(token), "");
    }
    /* Beside a token user.name means nothing to a secured cluster, and to others it is all that counts. */
    if (status == DL4C_OK && user)
        status = add_name(&b, "user.name", user, err);
    if (status == DL4C_OK && doas)
        status = add_name(&b, "doas", doas, err);
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, out, err);
    dli_strbuf_free(&b);
    dli_free(user);
    dli_free(doas);
    dli_free(token);
    return status;
}

dl4c_status dli_wh_target_open(const struct dli_wh_scheme *s, const char *authority, const char *path, struct dli_wh_target *t,
                               struct dl4c_error *err)
{
    struct dli_webhdfs *w = s->w;
    struct who who = { 0 };
    dl4c_status status;
    memset(t, 0, sizeof *t);
    if (strchr(authority, '@'))
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "the URI has a user before @, wanted ?user.name=NAME behind the path");
    if (!*authority)
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "\"%s://%.200s\" names no server, wanted %s://HOST:PORT/PATH", s->name, path,
                        s->name);
    char *text = dli_strdup(w->ctx, path, err);
    if (!text)
        return dli_alloc_status();
    char *query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    t->path = text;
    /* The raw path as messages show it: without the query, which may hold a token. */
    char *raw = dli_strdup(w->ctx, text, err);
    status = raw ? clean_path(raw, text, err) : dli_alloc_status();
    dli_free(raw);
    if (status == DL4C_OK && query)
        status = read_query(query, &who, err);
    if (status == DL4C_OK)
        status = find_cluster(s, authority, &t->cluster, err);
    if (status == DL4C_OK)
        status = identify(w, t->cluster, &who, &t->identity, err);
    if (status != DL4C_OK)
        dli_wh_target_free(t);
    return status;
}

void dli_wh_target_free(struct dli_wh_target *t)
{
    dli_free(t->path);
    dli_free(t->identity);
    memset(t, 0, sizeof *t);
}

void dli_wh_clusters_free(struct dli_webhdfs *w)
{
    for (struct dli_wh_cluster *c = w->clusters, *next; c; c = next) {
        next = c->next;
        cluster_free(c);
    }
    w->clusters = NULL;
}
