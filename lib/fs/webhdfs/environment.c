/* SPDX-License-Identifier: Apache-2.0 */
/* What Hadoop's environment says of clusters and users: hdfs-site.xml, the file of delegation tokens, the login name. */
#define _GNU_SOURCE
#include "fs/webhdfs/environment.h"
#include "base/strbuf.h"
#include "fs/webhdfs/webhdfs.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { MOST_SITE = 4 << 20, MOST_TOKENS = 1 << 20 };

dl4c_status dli_wh_login(dl4c_context *ctx, char **user, struct dl4c_error *err)
{
    const char *name = getenv("HADOOP_USER_NAME");
    struct passwd p, *found = NULL;
    char text[4096];
    if (!name || !*name)
        name = getpwuid_r(geteuid(), &p, text, sizeof text, &found) == 0 && found ? found->pw_name : NULL;
    if (!name || !*name)
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "the user who asks has no name here, wanted ?user.name=NAME or HADOOP_USER_NAME");
    *user = dli_strdup(ctx, name, err);
    return *user ? DL4C_OK : dli_alloc_status();
}

/* ---- hdfs-site.xml ---- */

/* Comments become blanks, in place, so that nothing in them is found. */
static void blank_comments(char *text)
{
    for (char *p = text; (p = strstr(p, "<!--"));) {
        char *end = strstr(p, "-->");
        const size_t n = end ? (size_t)(end - p) + 3 : strlen(p);
        memset(p, ' ', n);
        p += n;
    }
}

/* The text of <tag> inside text[0..n), trimmed; NULL: there is none. */
static const char *inside(const char *text, size_t n, const char *tag, size_t *size)
{
    char open[16], close[16];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *from = memmem(text, n, open, strlen(open));
    if (!from)
        return NULL;
    from += strlen(open);
    const char *to = memmem(from, (size_t)(text + n - from), close, strlen(close));
    if (!to)
        return NULL;
    while (from < to && strchr(" \t\r\n", *from))
        from++;
    while (to > from && strchr(" \t\r\n", to[-1]))
        to--;
    *size = (size_t)(to - from);
    return from;
}

/* The value of a property: the last one, as Hadoop has it; NULL: none. Host names and lists need no entities. */
static const char *property(const char *site, const char *name, size_t *size)
{
    const char *found = NULL;
    for (const char *p = site; p && (p = strstr(p, "<property>"));) {
        const char *end = strstr(p, "</property>");
        size_t n, k;
        if (!end)
            break;
        const char *key = inside(p, (size_t)(end - p), "name", &n), *value = inside(p, (size_t)(end - p), "value", &k);
        if (key && value && n == strlen(name) && memcmp(key, name, n) == 0) {
            found = value;
            *size = k;
        }
        p = end;
    }
    return found;
}

static const char *property_of(const char *site, const char *name, const char *service, const char *node, size_t *size)
{
    char key[600];
    const int n = snprintf(key, sizeof key, "%s%s%.200s%s%.200s", name, *service ? "." : "", service, *node ? "." : "", node);
    return n > 0 && (size_t)n < sizeof key ? property(site, key, size) : NULL;
}

static bool has_word(const char *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k < n && list[k] != ',' && list[k] != ' ')
            k++;
        if (k - i == strlen(word) && memcmp(list + i, word, k - i) == 0)
            return true;
        i = k + 1;
    }
    return false;
}

/* The web address of a NameNode: as it is written, else its RPC host on the default port. */
static void add_node(struct dli_strbuf *b, const char *site, bool tls, const char *service, const char *node)
{
    size_t n;
    const char *at = property_of(site, tls ? "dfs.namenode.https-address" : "dfs.namenode.http-address", service, node, &n);
    if (!at && (at = property_of(site, "dfs.namenode.rpc-address", service, node, &n))) {
        const char *colon = memchr(at, ':', n);
        n = colon ? (size_t)(colon - at) : n;
    }
    if (!at || n == 0)
        return;
    if (b->length)
        dli_strbuf_addc(b, ',');
    dli_strbuf_addn(b, at, n);
}

static dl4c_status load_site(dl4c_context *ctx, const char *folder, const char *name, char **text, struct dl4c_error *err)
{
    char *path = NULL;
    size_t n;
    struct dl4c_error e = DL4C_ERROR_INIT;
    *text = NULL;
    DLI_TRY(dli_uri_join(ctx, folder, name, &path, err));
    const dl4c_status status = dli_fs_load(ctx, path, MOST_SITE, text, &n, &e);
    dli_free(path);
    if (status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (status != DL4C_OK && err)
        *err = e;
    if (*text)
        blank_comments(*text);
    return status;
}

static void find_nodes(const char *site, bool tls, const char *name, struct dli_strbuf *b)
{
    size_t n, k;
    const char *services = property(site, "dfs.nameservices", &n), *ids;
    if (!services || !has_word(services, n, name))
        return;
    ids = property_of(site, "dfs.ha.namenodes", name, "", &k);
    if (!ids) {
        add_node(b, site, tls, name, "");
        return;
    }
    for (size_t i = 0; i < k;) {
        char node[200];
        size_t j = i;
        while (j < k && ids[j] != ',' && ids[j] != ' ')
            j++;
        if (j > i && j - i < sizeof node) {
            memcpy(node, ids + i, j - i);
            node[j - i] = '\0';
            add_node(b, site, tls, name, node);
        }
        i = j + 1;
    }
}

dl4c_status dli_wh_configured(dl4c_context *ctx, bool tls, const char *name, char **nodes, struct dl4c_error *err)
{
    const char *folder = getenv("HADOOP_CONF_DIR");
    char *site = NULL;
    struct dli_strbuf b;
    *nodes = NULL;
    if (!folder || !*folder)
        return DL4C_OK;
    static const char *const files[] = { "hdfs-site.xml", "core-site.xml" };
    for (size_t i = 0; i < 2 && !*nodes; i++) {
        DLI_TRY(load_site(ctx, folder, files[i], &site, err));
        dli_strbuf_init(&b, ctx);
        if (site)
            find_nodes(site, tls, name, &b);
        dli_free(site);
        if (b.length > 0)
            DLI_TRY(dli_strbuf_take(&b, nodes, err));
        dli_strbuf_free(&b);
    }
    return DL4C_OK;
}

/* ---- the file of tokens, as Hadoop's Credentials writes it ---- */

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

static int64_t read_vint(struct reader *r)
{
    if (r->p == r->end) {
        r->bad = true;
        return 0;
    }
    const int8_t first = (int8_t)*r->p++;
    if (first >= -112)
        return first;
    const int n = first < -120 ? -(first + 120) : -(first + 112);
    uint64_t v = 0;
    if (n > 8 || r->end - r->p < n) {
        r->bad = true;
        return 0;
    }
    for (int i = 0; i < n; i++)
        v = v << 8 | *r->p++;
    return first < -120 ? (int64_t)~v : (int64_t)v;
}

/* Bytes with their length before them. */
static const uint8_t *read_bytes(struct reader *r, size_t *n)
{
    const int64_t size = read_vint(r);
    const uint8_t *p = r->p;
    *n = 0;
    if (r->bad || size < 0 || size > r->end - r->p) {
        r->bad = true;
        return p;
    }
    r->p += size;
    *n = (size_t)size;
    return p;
}

/* A token is for whom its service names: a server of the cluster, or the nameservice. Nobody else is shown it. */
static bool is_for(const struct dli_wh_cluster *cluster, const char *service, size_t n)
{
    const char *name = strstr(cluster->name, "://") + 3;
    if (n > 8 && memcmp(service, "ha-hdfs:", 8) == 0)
        return strlen(name) == n - 8 && memcmp(service + 8, name, n - 8) == 0;
    const char *colon = memchr(service, ':', n);
    const size_t host = colon ? (size_t)(colon - service) : n;
    for (int32_t i = 0; i < cluster->n_nodes; i++) {
        const char *node = cluster->node[i];
        if ((size_t)(strrchr(node, ':') - node) == host && strncasecmp(node, service, host) == 0)
            return true;
    }
    return false;
}

/* Base64 for URLs, without the padding: how WebHDFS writes tokens. */
static dl4c_status encode_token(dl4c_context *ctx, const uint8_t *p, size_t n, char **out, struct dl4c_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    for (size_t i = 0; i < n; i += 3) {
        const uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        for (size_t k = 0; k < 4 && i + k <= n; k++)
            dli_strbuf_addc(&b, digits[v >> (18 - 6 * k) & 63]);
    }
    return dli_strbuf_take(&b, out, err);
}

static dl4c_status find_token(dl4c_context *ctx, const struct dli_wh_cluster *cluster, const char *file, const uint8_t *bytes, size_t size,
                              char **token, struct dl4c_error *err)
{
    struct reader r = { bytes + 5, bytes + size, false };
    if (size < 6 || memcmp(bytes, "HDTS", 4) != 0 || bytes[4] != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "webhdfs",
                        "%.300s (HADOOP_TOKEN_FILE_LOCATION) is no file of tokens in Hadoop's first format", file);
    const int64_t count = read_vint(&r);
    for (int64_t i = 0; i < count && !r.bad && !*token; i++) {
        size_t n, k, s;
        read_bytes(&r, &n); /* its alias */
        const uint8_t *from = r.p;
        read_bytes(&r, &n); /* identifier and password */
        read_bytes(&r, &n);
        const uint8_t *kind = read_bytes(&r, &k), *service = read_bytes(&r, &s);
        const bool ours = (k == 21 && memcmp(kind, "HDFS_DELEGATION_TOKEN", 21) == 0) ||
                          (k >= 18 && memcmp(kind + k - 18, "WEBHDFS delegation", 18) == 0);
        if (!r.bad && ours && is_for(cluster, (const char *)service, s))
            DLI_TRY(encode_token(ctx, from, (size_t)(r.p - from), token, err));
    }
    return r.bad ? dli_fail(err, DL4C_E_CORRUPT, "webhdfs", "%.300s (HADOOP_TOKEN_FILE_LOCATION) ends within a token", file) : DL4C_OK;
}

dl4c_status dli_wh_token_of(dl4c_context *ctx, const struct dli_wh_cluster *cluster, char **token, struct dl4c_error *err)
{
    const char *file = getenv("HADOOP_TOKEN_FILE_LOCATION");
    char *bytes = NULL;
    size_t n = 0;
    *token = NULL;
    if (!file || !*file)
        return DL4C_OK;
    DLI_TRY(dli_fs_load(ctx, file, MOST_TOKENS, &bytes, &n, err));
    const dl4c_status status = find_token(ctx, cluster, file, (const uint8_t *)bytes, n, token, err);
    memset(bytes, 0, n);
    dli_free(bytes);
    return status;
}
