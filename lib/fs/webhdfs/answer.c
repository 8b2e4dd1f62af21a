/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say: refusals, redirects, where DataNodes lie. */
#include "base/escape.h"
#include "fs/webhdfs/webhdfs.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

dl4c_status dli_wh_json(const struct dli_wh_call *c, json_t **root, struct dl4c_error *err)
{
    *root = c->reply.length ? json_loadb(c->reply.text, c->reply.length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(*root))
        return DL4C_OK;
    json_decref(*root);
    *root = NULL;
    return dli_fail(err, DL4C_E_IO, "webhdfs", "%.300s: %s answers %s with something that is no JSON object: is WebHDFS there?", c->shown,
                    c->at, c->op);
}

/* ---- refusals ---- */

struct meaning {
    const char *name;
    dl4c_status status;
};

/* A disk without room is told by the node that wrote to it. When a block finds no place the NameNode says how many nodes are running and
 * how many of them were tried in vain: none, as none has room, or all. Some, or none running, says nothing of room. */
static bool says_full(const char *message)
{
    const char *running = strstr(message, "There are "), *tried = strstr(message, " running and ");
    if (strstr(message, "No space left on device") || strstr(message, "Disk quota exceeded"))
        return true;
    if (!strstr(message, "could only be written to 0 of") || !running || !tried)
        return false;
    running += strlen("There are ");
    tried += strlen(" running and ");
    const size_t n = strcspn(running, " ");
    return strncmp(running, "0 ", 2) != 0 && (strncmp(tried, "no ", 3) == 0 || (strncmp(tried, running, n) == 0 && tried[n] == ' '));
}

static dl4c_status status_of(const char *name, const char *message, long code)
{
    static const struct meaning table[] = {
        { "FileNotFoundException", DL4C_E_NOTFOUND },
        { "PathIsNotDirectoryException", DL4C_E_NOTFOUND },
        { "ParentNotDirectoryException", DL4C_E_NOTFOUND },
        { "FileAlreadyExistsException", DL4C_E_EXISTS },
        { "AlreadyBeingCreatedException", DL4C_E_BUSY },
        { "RecoveryInProgressException", DL4C_E_BUSY },
        { "StandbyException", DL4C_E_BUSY },
        { "SafeModeException", DL4C_E_BUSY },
        { "RetriableException", DL4C_E_BUSY },
        { "AuthorizationException", DL4C_E_DENIED },
        { "AuthenticationException", DL4C_E_DENIED },
        { "SecurityException", DL4C_E_DENIED },
        { "InvalidToken", DL4C_E_DENIED },
        { "IllegalArgumentException", DL4C_E_INVALID },
        { "InvalidPathException", DL4C_E_INVALID },
        { "HadoopIllegalArgumentException", DL4C_E_INVALID },
        { "QueryParamException", DL4C_E_UNSUPPORTED },
        { "PathComponentTooLongException", DL4C_E_INVALID },
        { "NSQuotaExceededException", DL4C_E_FULL },
        { "DSQuotaExceededException", DL4C_E_FULL },
        { "QuotaByStorageTypeExceededException", DL4C_E_FULL },
        { "QuotaExceededException", DL4C_E_FULL },
        { "ClusterStorageCapacityExceededException", DL4C_E_FULL },
        { "DiskOutOfSpaceException", DL4C_E_FULL },
        { "UnsupportedOperationException", DL4C_E_UNSUPPORTED },
    };
    if (strcmp(name, "IOException") == 0 && says_full(message))
        return DL4C_E_FULL;
    if (strcmp(name, "AccessControlException") == 0) /* also a path through a file */
        return strstr(message, "(is not a directory)") ? DL4C_E_NOTFOUND : DL4C_E_DENIED;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(name, table[i].name) == 0)
            return table[i].status;
    return code == 401 || (code == 403 && !name[0]) ? DL4C_E_DENIED : DL4C_E_IO;
}

/* The value behind each key= in text becomes "...": servers repeat what they were asked. */
static void hide(char *text, const char *key)
{
    const size_t k = strlen(key);
    for (char *p = text; (p = strstr(p, key));) {
        char *value = p + k, *end = value + strcspn(value, "&\"' \t<>");
        if (end - value >= 3) {
            memcpy(value, "...", 3);
            memmove(value + 3, end, strlen(end) + 1);
        }
        p = value;
    }
}

/* "token (what it is of, when it was given ...) is expired": the middle is long, and would hide the end. */
static void shorten(char *text)
{
    char *open = strstr(text, "token ("), *close = open ? strstr(open, ") ") : NULL;
    if (close && close - open > 10) {
        memcpy(open + 7, "...", 3);
        memmove(open + 10, close, strlen(close) + 1);
    }
}

/* The first line: behind it comes a stack trace. */
static void first_line(char *to, size_t room, const char *from)
{
    size_t n = strcspn(from, "\r\n");
    const char *trace = strstr(from, "\tat ");
    if (trace && (size_t)(trace - from) < n)
        n = (size_t)(trace - from);
    snprintf(to, room, "%.*s", (int)(n < room - 1 ? n : room - 1), from);
    shorten(to);
    hide(to, "delegation=");
    hide(to, "token=");
    dli_utf8_clean(to);
}

void dli_wh_refusal(struct dli_wh_call *c, long code)
{
    json_t *root = c->reply.length ? json_loadb(c->reply.text, c->reply.length, 0, NULL) : NULL;
    const json_t *e = json_object_get(root, "RemoteException");
    const char *name = json_string_value(json_object_get(e, "exception")), *message = json_string_value(json_object_get(e, "message"));
    char line[600] = "";
    c->name[0] = '\0';
    if (name && message) {
        snprintf(c->name, sizeof c->name, "%s", name);
        dli_utf8_clean(c->name);
        first_line(line, sizeof line, message);
        c->status = dli_fail(&c->err, status_of(name, message, code), "webhdfs", "%.120s: %s: %.240s (%s)", c->shown, c->name, line, c->at);
    } else if (code == 401) {
        c->status = dli_fail(&c->err, DL4C_E_DENIED, "webhdfs", "%.200s: %s wants to know who asks: %s", c->shown, c->at,
                             c->negotiate_offered ? "no Kerberos ticket of this process was good enough (kinit, or a delegation token)"
                                                  : "neither Kerberos nor a user name is enough for it");
    } else {
        c->status = dli_fail(&c->err, code == 403 ? DL4C_E_DENIED : DL4C_E_IO, "webhdfs",
                             "%.200s: %s answers %s with %ld and no exception of Hadoop: is WebHDFS there?", c->shown, c->at, c->op, code);
    }
    c->err.domain = DL4C_DOMAIN_HTTP;
    c->err.code = code;
    json_decref(root);
}

/* ---- redirects ---- */

static dl4c_status refuse_redirect(struct dli_wh_call *c, const char *why, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_IO, "webhdfs", "%.200s: %s redirects %s %s, which is not followed", c->shown, c->at, c->op, why);
}

/* The parts of a Location; the strings are libcurl's. */
static dl4c_status check_parts(struct dli_wh_call *c, CURLU *u, bool *same, struct dl4c_error *err)
{
    char *scheme = NULL, *user = NULL, *password = NULL, *host = NULL, *port = NULL, *path = NULL;
    dl4c_status status = DL4C_OK;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK || curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        status = refuse_redirect(c, "to nothing that is a URL", err);
    else if (strcmp(scheme, c->cluster->tls ? "https" : "http") != 0)
        status = refuse_redirect(c, "to another scheme", err);
    else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK || curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
        status = refuse_redirect(c, "with a name or password of its own", err);
    else if (!dli_wh_decode(path) || strncmp(path, "/webhdfs/v1", 11) != 0 || strcmp(path + 11, c->path) != 0)
        status = refuse_redirect(c, "to another file", err);
    else if (strlen(host) > 255)
        status = refuse_redirect(c, "to a host that has no such name", err);
    if (status == DL4C_OK) {
        snprintf(c->at, sizeof c->at, "%.255s:%.10s", host, port);
        *same = strcasecmp(c->at, c->cluster->node[c->node]) == 0;
    }
    curl_free(scheme);
    curl_free(user);
    curl_free(password);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    return status;
}

dl4c_status dli_wh_follow(struct dli_wh_call *c, bool *same, struct dl4c_error *err)
{
    *same = false;
    if (!c->location)
        return refuse_redirect(c, "to nowhere", err);
    CURLU *u = curl_url();
    if (!u)
        return dli_fail(err, DL4C_E_NOMEM, "webhdfs", "libcurl has no memory for a URL");
    const dl4c_status status = curl_url_set(u, CURLUPART_URL, c->location, 0) == CURLUE_OK
                                   ? check_parts(c, u, same, err)
                                   : refuse_redirect(c, "to nothing that is a URL", err);
    curl_url_cleanup(u);
    return status;
}

/* ---- DataNodes that failed ---- */

static bool is_bad(const struct dli_wh_call *c, const char *host, int64_t port)
{
    char name[300];
    snprintf(name, sizeof name, "%.255s:%" PRId64, host, port);
    for (int32_t i = 0; i < c->n_bad; i++)
        if (strcasecmp(c->bad[i], name) == 0)
            return true;
    return false;
}

static void add_excluded(struct dli_strbuf *b, const char *address)
{
    const size_t n = strlen(address);
    for (const char *p = b->text; p && (p = strstr(p, address)); p++) /* a node has many blocks */
        if ((p == b->text || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
            return;
    if (b->length)
        dli_strbuf_addc(b, ',');
    dli_strbuf_add(b, address);
}

/* GET_BLOCK_LOCATIONS: the nodes that hold the file. */
static void excluded_of_blocks(const struct dli_wh_call *c, const json_t *root, struct dli_strbuf *b)
{
    const json_t *blocks = json_object_get(json_object_get(root, "LocatedBlocks"), "locatedBlocks");
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *nodes = json_object_get(json_array_get(blocks, i), "locations");
        for (size_t j = 0; j < json_array_size(nodes); j++) {
            const json_t *n = json_array_get(nodes, j);
            const char *host = json_string_value(json_object_get(n, "hostName")), *ip = json_string_value(json_object_get(n, "ipAddr"));
            const int64_t port = json_integer_value(json_object_get(n, c->cluster->tls ? "infoSecurePort" : "infoPort")),
                          data = json_integer_value(json_object_get(n, "xferPort"));
            char address[80];
            if (!ip || strlen(ip) > 64 || data < 1 || data > 65535 || !((host && is_bad(c, host, port)) || is_bad(c, ip, port)))
                continue;
            snprintf(address, sizeof address, "%s:%d", ip, (int)data);
            add_excluded(b, address);
        }
    }
}

/* The bean NameNodeInfo: all nodes, as JSON in a string of JSON: {"host:xferPort": {"infoAddr": "ip:port", "xferaddr": "ip:port"}}. */
static void excluded_of_bean(const struct dli_wh_call *c, const json_t *root, struct dli_strbuf *b)
{
    const char *text = json_string_value(json_object_get(json_array_get(json_object_get(root, "beans"), 0), "LiveNodes"));
    json_t *nodes = text ? json_loads(text, 0, NULL) : NULL;
    const char *key;
    json_t *n;
    json_object_foreach(nodes, key, n)
    {
        const char *info = json_string_value(json_object_get(n, c->cluster->tls ? "infoSecureAddr" : "infoAddr")),
                   *data = json_string_value(json_object_get(n, "xferaddr")), *colon = info ? strrchr(info, ':') : NULL;
        const size_t host = strcspn(key, ":");
        char name[300];
        if (!colon || !data || strlen(data) > 70 || host > 255)
            continue;
        snprintf(name, sizeof name, "%.*s%.40s", (int)host, key, colon);
        for (int32_t i = 0; i < c->n_bad; i++)
            if (strcasecmp(c->bad[i], name) == 0 || strcasecmp(c->bad[i], info) == 0)
                add_excluded(b, data);
    }
    json_decref(nodes);
}

char *dli_wh_excluded(const struct dli_wh_call *c)
{
    struct dli_strbuf b;
    char *out = NULL;
    json_t *root = c->reply.length ? json_loadb(c->reply.text, c->reply.length, 0, NULL) : NULL;
    dli_strbuf_init(&b, c->w->ctx);
    excluded_of_blocks(c, root, &b);
    excluded_of_bean(c, root, &b);
    json_decref(root);
    if (b.length == 0 || dli_strbuf_take(&b, &out, NULL) != DL4C_OK) {
        dli_strbuf_free(&b);
        return NULL;
    }
    return out;
}
