/* SPDX-License-Identifier: Apache-2.0 */
/* URIs: RFC 3986 as far as file names need it. */
#include "base/strbuf.h"
#include "fs/fs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool digit(char c) { return c >= '0' && c <= '9'; }
static int hex(char c) { return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* Length of the scheme of "scheme://", 0 for a plain path. One letter is no scheme. */
static size_t scheme_length(const char *uri)
{
    size_t n = 0;
    if (!letter(uri[0]))
        return 0;
    while (letter(uri[n]) || digit(uri[n]) || uri[n] == '+' || uri[n] == '-' || uri[n] == '.')
        n++;
    return strncmp(uri + n, "://", 3) == 0 ? n : 0;
}

static bool is_scheme(const char *lower, const char *uri, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uri[i] | (letter(uri[i]) ? 0x20 : 0)) != lower[i])
            return false;
    return lower[n] == '\0';
}

/* In place. */
static dl4c_status decode(const char *uri, char *path, struct dl4c_error *err)
{
    char *to = path;
    for (const char *p = path; *p; p++) {
        if (*p != '%') {
            *to++ = *p;
            continue;
        }
        const int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);
        if (low < 0)
            return dli_fail(err, DL4C_E_INVALID, "fs", "\"%.300s\": %% without two hexadecimal digits", uri);
        if (high == 0 && low == 0)
            return dli_fail(err, DL4C_E_INVALID, "fs", "\"%.300s\": %%00 cannot be part of a file name", uri);
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = '\0';
    return DL4C_OK;
}

/* Of HDFS: paths are %-encoded, and who asks may stand behind '?'. */
static bool is_hdfs(const char *uri, size_t scheme)
{
    return is_scheme("webhdfs", uri, scheme) || is_scheme("swebhdfs", uri, scheme) || is_scheme("hdfs", uri, scheme);
}

dl4c_status dli_uri_parse(dl4c_context *ctx, const char *uri, struct dli_uri *out, struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    if (!uri || !*uri)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the path is %s, wanted a path or scheme://authority/path", uri ? "empty" : "NULL");
    const size_t n = scheme_length(uri), length = strlen(uri);
    /* scheme NUL authority NUL '/' path NUL */
    char *text = dli_array(ctx, 1, length + 4, err);
    if (!text)
        return dli_alloc_status();
    out->text = text;
    if (n == 0) {
        memcpy(text, uri, length + 1);
        out->scheme = "file";
        out->authority = "";
        out->path = text;
        return DL4C_OK;
    }
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(letter(uri[i]) ? uri[i] | 0x20 : uri[i]);
    text[n] = '\0';
    const char *authority = uri + n + 3;
    const size_t a = strcspn(authority, is_hdfs(uri, n) ? "/?" : "/");
    memcpy(text + n + 1, authority, a);
    text[n + 1 + a] = '\0';
    char *path = text + n + 1 + a + 1;
    const size_t slash = authority[a] != '/'; /* the shortest path is written for who left it out */
    path[0] = '/';
    memcpy(path + slash, authority + a, strlen(authority + a) + 1);
    out->scheme = text;
    out->authority = text + n + 1;
    out->path = path;
    if (strcmp(text, "file") != 0)
        return DL4C_OK;
    dl4c_status status = DL4C_OK;
    if (*out->authority && strcmp(out->authority, "localhost") != 0)
        status =
            dli_fail(err, DL4C_E_INVALID, "fs", "\"%.300s\" names the machine %.60s; local files are file:///path", uri, out->authority);
    else
        status = decode(uri, path, err);
    out->authority = "";
    if (status != DL4C_OK)
        dli_uri_free(out);
    return status;
}

void dli_uri_free(struct dli_uri *uri)
{
    dli_free(uri->text);
    memset(uri, 0, sizeof *uri);
}

void dli_uri_split(const char *uri, struct dli_uri_parts *out)
{
    const size_t scheme = scheme_length(uri);
    out->hdfs = is_hdfs(uri, scheme);
    out->encoded = out->hdfs || is_scheme("file", uri, scheme);
    out->head = scheme ? scheme + 3 + strcspn(uri + scheme + 3, out->hdfs ? "/?" : "/") : 0;
    out->path = uri + out->head;
    out->length = out->hdfs ? strcspn(out->path, "?") : strlen(out->path);
    out->query = out->path + out->length;
}

dl4c_status dli_uri_plain_path(dl4c_context *ctx, const char *uri, char **path, struct dl4c_error *err)
{
    struct dli_uri_parts u;
    *path = NULL;
    dli_uri_split(uri, &u);
    char *text = u.length || !u.head ? dli_strndup(ctx, u.path, u.length, err) : dli_strdup(ctx, "/", err);
    if (!text)
        return dli_alloc_status();
    const dl4c_status status = u.encoded ? decode(uri, text, err) : DL4C_OK;
    if (status == DL4C_OK)
        *path = text;
    else
        dli_free(text);
    return status;
}

dl4c_status dl4c_fs_base_name(dl4c_context *ctx, const char *uri, char **name, struct dl4c_error *err)
{
    char *path;
    if (!name || !uri || !*uri)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the %s is missing", name ? "path" : "place for the name");
    *name = NULL;
    ctx = dli_context(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    DLI_TRY(dli_uri_plain_path(ctx, uri, &path, err));
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *name = dli_strndup(ctx, path + start, end - start, err);
    dli_free(path);
    return *name ? DL4C_OK : dli_alloc_status();
}

dl4c_status dl4c_fs_join(dl4c_context *ctx, const char *directory, const char *name, char **uri, struct dl4c_error *err)
{
    if (!uri || !directory || !name)
        return dli_fail(err, DL4C_E_INVALID, "fs", "the directory, the name or the place for the URI is NULL");
    *uri = NULL;
    ctx = dli_context(ctx, err);
    return ctx ? dli_uri_join(ctx, directory, name, uri, err) : DL4C_E_NOMEM;
}

dl4c_status dli_uri_join(dl4c_context *ctx, const char *directory, const char *name, char **out, struct dl4c_error *err)
{
    struct dli_strbuf b;
    const size_t scheme = scheme_length(directory);
    const bool hdfs = is_hdfs(directory, scheme), encode = hdfs || is_scheme("file", directory, scheme);
    const size_t n = hdfs ? strcspn(directory, "?") : strlen(directory);
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addn(&b, directory, n);
    if (n > 0 && directory[n - 1] != '/')
        dli_strbuf_addc(&b, '/');
    for (const char *p = name; *p; p++) {
        if (encode && !letter(*p) && !digit(*p) && !strchr("-._~/", *p))
            dli_strbuf_addf(&b, "%%%02X", (unsigned)(unsigned char)*p);
        else
            dli_strbuf_addc(&b, *p);
    }
    dli_strbuf_add(&b, directory + n); /* the query, which holds for what is below as well */
    return dli_strbuf_take(&b, out, err);
}

dl4c_status dli_uri_absolute(dl4c_context *ctx, const char *uri, char **out, struct dl4c_error *err)
{
    char here[4096];
    *out = NULL;
    if (scheme_length(uri) || uri[0] == '/') {
        *out = dli_strdup(ctx, uri, err);
        return *out ? DL4C_OK : dli_alloc_status();
    }
    if (!getcwd(here, sizeof here))
        return dli_fail_errno(err, errno, "fs", "the working directory cannot be named");
    return dli_uri_join(ctx, here, uri, out, err);
}

const char *dli_uri_name(const char *uri)
{
    const size_t scheme = scheme_length(uri);
    const char *path = scheme ? uri + scheme + 3 : uri;
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : scheme ? "" : path;
}
