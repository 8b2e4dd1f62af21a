/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer: options and callbacks of libcurl. */
#include "base/deadline.h"
#include "base/header.h"
#include "base/number.h"
#include "fs/webhdfs/webhdfs.h"

#include <string.h>
#include <strings.h>

static bool keep(struct dli_wh_call *c, char **to, const char *v, size_t n)
{
    dli_free(*to);
    *to = dli_strndup(c->w->ctx, v, n, &c->err);
    if (!*to)
        c->status = dli_alloc_status();
    return *to != NULL;
}

static size_t refuse(struct dli_wh_call *c, dl4c_status status)
{
    c->status = status;
    return 0;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    struct dli_wh_call *c = user;
    const char *v;
    size_t n;
    int64_t seconds;
    (void)one;
    c->moved += (int64_t)size;
    c->head += (int64_t)size;
    if (c->head > WH_MOST_HEAD)
        return refuse(c, dli_fail(&c->err, DL4C_E_IO, "webhdfs", "%.200s: %s sends more than %d bytes of headers before its answer to %s",
                                  c->shown, c->at, (int)WH_MOST_HEAD, c->op));
    if (size > 5 && memcmp(line, "HTTP/", 5) == 0) { /* "100 Continue" comes without being asked for: what follows begins anew */
        dli_free(c->location);
        c->location = NULL;
        c->retry_after_ms = 0;
        c->negotiate_offered = c->has_length = false;
    } else if ((v = dli_header_value(line, size, "location", &n))) {
        return keep(c, &c->location, v, n) ? size : 0;
    } else if ((v = dli_header_value(line, size, "retry-after", &n))) {
        c->retry_after_ms = dli_parse_i64(v, n, &seconds) && seconds > 0 && seconds < 86400 ? seconds * 1000 : 0;
    } else if ((v = dli_header_value(line, size, "www-authenticate", &n))) {
        c->negotiate_offered = c->negotiate_offered || (n >= 9 && strncasecmp(v, "negotiate", 9) == 0);
    } else if (dli_header_value(line, size, "content-length", &n) || dli_header_value(line, size, "transfer-encoding", &n)) {
        c->has_length = true;
    } else if ((v = dli_header_value(line, size, "set-cookie", &n)) && n > 12 && memcmp(v, "hadoop.auth=", 12) == 0) {
        const char *end = memchr(v, ';', n);
        n = end ? (size_t)(end - v) : n;
        return n <= 14 || keep(c, &c->cookie, v, n) ? size : 0;
    }
    return size;
}

/* Bytes of a file into the caller's memory, or into the call's own. */
static size_t take_data(struct dli_wh_call *c, const char *bytes, size_t size)
{
    const size_t got = (size_t)c->got;
    if (c->length >= 0 && (uint64_t)size > (uint64_t)(c->length - c->got))
        return refuse(c, dli_fail(&c->err, DL4C_E_IO, "webhdfs", "%.200s: %s sends more than the %" PRId64 " bytes it was asked for",
                                  c->shown, c->at, c->length));
    if (c->ring) {
        if (!dli_wh_ring_put(c, bytes, size))
            return CURL_WRITEFUNC_PAUSE;
        c->got += (int64_t)size;
        return size;
    }
    if (!c->borrowed) {
        if (size > c->most - got)
            return refuse(
                c, dli_fail(&c->err, DL4C_E_LIMIT, "webhdfs", "%.200s has more than %zu bytes, which is the limit", c->shown, c->most));
        const dl4c_status status = dli_grow(c->w->ctx, &c->to, &c->capacity, got + size + 1, 1, &c->err);
        if (status != DL4C_OK)
            return refuse(c, status);
    }
    memcpy(c->to + got, bytes, size);
    c->got += (int64_t)size;
    return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
    struct dli_wh_call *c = user;
    long code = 0;
    (void)one;
    c->moved += (int64_t)size;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &code);
    if (c->kind == WH_READ && c->step != WH_STEP_LOOKUP && code == 200) {
        const size_t taken = take_data(c, bytes, size);
        c->moved -= taken == CURL_WRITEFUNC_PAUSE ? (int64_t)size : 0; /* it comes again */
        return taken;
    }
    const size_t most = code < 300 ? c->step == WH_STEP_LOOKUP ? (size_t)WH_MOST_LIST : c->most : (size_t)WH_MOST_ERROR;
    if (size > most - c->reply.length) {
        if (code < 300)
            return refuse(
                c, dli_fail(&c->err, DL4C_E_IO, "webhdfs", "%.200s: the answer of %s has more than %zu bytes", c->shown, c->at, most));
        c->broken = true; /* enough of it is there */
        return 0;
    }
    dli_strbuf_addn(&c->reply, bytes, size);
    if (c->reply.err.status != DL4C_OK) {
        c->err = c->reply.err;
        return refuse(c, c->reply.err.status);
    }
    return size;
}

static size_t on_read(char *to, size_t one, size_t size, void *user)
{
    struct dli_wh_call *c = user;
    struct dli_webhdfs *w = c->w;
    (void)one;
    pthread_mutex_lock(&w->lock);
    const size_t n = dli_wh_body_take(c->body, to, size);
    if (n != CURL_READFUNC_PAUSE && !c->body->whole)
        pthread_cond_broadcast(&c->changed); /* there may be room for more */
    pthread_mutex_unlock(&w->lock);
    c->moved += n == CURL_READFUNC_PAUSE ? 0 : (int64_t)n;
    return n;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct dli_wh_call *c = user;
    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    pthread_mutex_lock(&c->w->lock);
    const bool good = dli_wh_body_rewind(c->body);
    pthread_mutex_unlock(&c->w->lock);
    return good ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* Where a kept connection turns out to be dead libcurl repeats a request by itself. For most that is right; those for which the second
 * answer may be another one have to know. */
static int on_request(void *user, char *ip, char *local_ip, int port, int local_port)
{
    struct dli_wh_call *c = user;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    c->n_sent++;
    c->repeated = c->repeated || c->n_sent > 1;
    return CURL_PREREQFUNC_OK;
}

/* ---- options ---- */

static bool add_header(struct dli_wh_call *c, const char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);
    if (more)
        c->headers = more;
    return more != NULL;
}

/* "advertised:port=reachable:port,...": connections go to the second, names of hosts and certificates stay the first's. */
static bool add_map(struct dli_wh_call *c, const char *map)
{
    for (const char *p = map; p && *p;) {
        const size_t n = strcspn(p, ",");
        const char *equals = memchr(p, '=', n);
        char line[600];
        if (equals && n < sizeof line - 2) {
            const int k = snprintf(line, sizeof line, "%.*s:%.*s", (int)(equals - p), p, (int)(n - (size_t)(equals - p) - 1), equals + 1);
            struct curl_slist *more = k > 0 && (size_t)k < sizeof line ? curl_slist_append(c->connect_to, line) : NULL;
            if (!more)
                return false;
            c->connect_to = more;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

static bool set_options(struct dli_wh_call *c, const char *url, bool body, bool credentials)
{
    const struct dli_wh_settings *s = &c->w->settings; /* changed only before the engine starts */
    const bool tls = c->cluster->tls;
    CURL *e = c->easy;
    bool good = true;
#define SET(option, value) (good = good && curl_easy_setopt(e, option, value) == CURLE_OK)
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, "libdl4c");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_ms);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, c->kind == WH_READ ? 131072L : 16384L);
    SET(CURLOPT_ERRORBUFFER, c->words);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, c);
    good = good && add_header(c, "Expect:"); /* servers say 100 at once; a wait for it would only cost time */
    if (body) {
        pthread_mutex_lock(&c->w->lock);
        const int64_t left = dli_wh_body_left(c->body);
        pthread_mutex_unlock(&c->w->lock);
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)left); /* -1: in chunks */
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, c);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, c);
        SET(CURLOPT_UPLOAD_BUFFERSIZE, left >= 0 && left < 65536 ? 65536L : 131072L);
        good = good && add_header(c, "Content-Type: application/octet-stream"); /* HttpFS insists */
    }
    if (c->step != WH_STEP_LOOKUP && (body ? strcmp(c->method, "PUT") != 0 : strcmp(c->method, "GET") != 0))
        SET(CURLOPT_CUSTOMREQUEST, c->method);
    if (c->kind == WH_ONE && strcmp(c->method, "GET") != 0) {
        SET(CURLOPT_PREREQFUNCTION, on_request);
        SET(CURLOPT_PREREQDATA, c);
        c->n_sent = 0;
    }
    SET(CURLOPT_HTTPHEADER, c->headers);
    if (credentials && c->cluster->cookie)
        SET(CURLOPT_COOKIE, c->cluster->cookie);
    else if (credentials && c->cluster->negotiate) {
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE);
        SET(CURLOPT_USERPWD, ":");
    }
    if (tls) {
        if (s->ca_file)
            SET(CURLOPT_CAINFO, s->ca_file);
        if (s->cert_file)
            SET(CURLOPT_SSLCERT, s->cert_file);
        if (s->key_file)
            SET(CURLOPT_SSLKEY, s->key_file);
        if (s->key_password)
            SET(CURLOPT_KEYPASSWD, s->key_password);
        if (s->flags & DL4C_WEBHDFS_ANY_HOST_NAME)
            SET(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (s->datanodes) {
        good = good && add_map(c, s->datanodes);
        SET(CURLOPT_CONNECT_TO, c->connect_to);
    }
#undef SET
    return good;
}

bool dli_wh_exchange(struct dli_wh_call *c, const char *url, bool body, bool credentials)
{
    struct dli_webhdfs *w = c->w;
    c->easy = w->n_spare > 0 ? w->spare[--w->n_spare] : curl_easy_init();
    c->words[0] = '\0';
    c->status = DL4C_OK;
    c->broken = c->clean = c->negotiate_offered = c->has_length = false;
    c->retry_after_ms = 0;
    dli_free(c->location);
    c->location = NULL;
    dli_strbuf_free(&c->reply);
    dli_strbuf_init(&c->reply, w->ctx);
    c->window_ns = dli_now_ns();
    c->moved = c->head = 0;
    if (c->ring) {
        pthread_mutex_lock(&w->lock);
        c->ring->paused = false;
        pthread_mutex_unlock(&w->lock);
    }
    const bool good = c->easy && set_options(c, url, body, credentials);
    const CURLMcode added = good ? curl_multi_add_handle(w->multi, c->easy) : CURLM_OK;
    if (!good || added != CURLM_OK) {
        if (c->easy)
            curl_easy_cleanup(c->easy);
        c->easy = NULL;
        curl_slist_free_all(c->headers);
        curl_slist_free_all(c->connect_to);
        c->headers = c->connect_to = NULL;
        dli_wh_fail(c, dli_fail(&c->err, DL4C_E_NOMEM, "webhdfs", "%.300s: libcurl refused a request: %s", c->shown,
                                added != CURLM_OK ? curl_multi_strerror(added) : "an option is not known to it"));
        return false;
    }
    c->state = WH_RUNNING;
    if (!c->body && !c->ring) { /* one that waits for its writer or reader may do so as long as they like: it does not count */
        c->n_running = 1;
        w->n_running++;
    }
    return true;
}

void dli_wh_exchange_end(struct dli_wh_call *c)
{
    struct dli_webhdfs *w = c->w;
    if (!c->easy)
        return;
    curl_multi_remove_handle(w->multi, c->easy);
    if (c->clean && w->n_spare < (int32_t)(sizeof w->spare / sizeof w->spare[0])) {
        curl_easy_reset(c->easy);
        w->spare[w->n_spare++] = c->easy;
    } else { /* one that broke keeps its buffer, whose size cannot be set again */
        curl_easy_cleanup(c->easy);
    }
    c->easy = NULL;
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->connect_to);
    c->headers = c->connect_to = NULL;
    w->n_running -= c->n_running;
    c->n_running = 0;
}
