/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request through libcurl: an easy handle of its own, no signals, nothing kept afterwards. */
#include "fetch/fetch.h"
#include "base/header.h"
#include "base/number.h"

#include <curl/curl.h>
#include <string.h>

struct transfer {
    const struct dli_http *h;
    CURL *curl;
    bool begun;
    int64_t range_first, range_total; /* of Content-Range; -1: none */
    char etag[256];
    int64_t last_bytes, last_ns; /* when the last byte came */
    dl4c_status status;          /* of a callback */
    struct dl4c_error err;
};

static size_t stop(struct transfer *t, dl4c_status status)
{
    t->status = status;
    return 0;
}

/* "bytes 100-199/200" or "bytes 100-199/" and a star. */
static void read_range(struct transfer *t, const char *v, size_t n)
{
    const char *end = v + n, *dash, *slash;
    if (n < 7 || memcmp(v, "bytes ", 6) != 0 || !(dash = memchr(v, '-', n)) || !(slash = memchr(dash, '/', (size_t)(end - dash))))
        return;
    if (!dli_parse_i64(v + 6, (size_t)(dash - v - 6), &t->range_first))
        t->range_first = -1;
    if (!dli_parse_i64(slash + 1, (size_t)(end - slash - 1), &t->range_total))
        t->range_total = 0;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    struct transfer *t = user;
    size_t n;
    const char *v;
    (void)one;
    if (size > 5 && memcmp(line, "HTTP/", 5) == 0) { /* each answer of a chain of redirects begins anew */
        t->range_first = t->range_total = -1;
        t->etag[0] = 0;
    } else if ((v = dli_header_value(line, size, "content-range", &n))) {
        read_range(t, v, n);
    } else if ((v = dli_header_value(line, size, "etag", &n)) && n > 1 && n < sizeof t->etag && v[0] == '"') {
        /* W/ is weak: no use for ranges */
        memcpy(t->etag, v, n);
        t->etag[n] = 0;
    }
    return size;
}

static dl4c_status refused(const struct transfer *t, long code, struct dl4c_error *err)
{
    const dl4c_status status = code == 404 || code == 410 ? DL4C_E_NOTFOUND : code == 401 || code == 403 ? DL4C_E_DENIED : DL4C_E_IO;
    dli_fail(err, status, "fetch", "%.300s: the server answers %ld", t->h->url, code);
    if (err) {
        err->domain = DL4C_DOMAIN_HTTP;
        err->code = code;
    }
    return status;
}

static dl4c_status begin(struct transfer *t)
{
    long code = 0;
    curl_off_t length = -1;
    t->begun = true;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code != 200 && code != 206)
        return refused(t, code, &t->err);
    if (code == 206 && t->range_first < 0)
        return dli_fail(&t->err, DL4C_E_IO, "fetch", "%.300s answers with a part and does not say which", t->h->url);
    const int64_t first = code == 206 ? t->range_first : 0;
    const int64_t total = code == 206 ? t->range_total : length > 0 ? length : 0;
    return t->h->begin(t->h->arg, first, total > 0 ? total : 0, t->etag[0] ? t->etag : NULL, &t->err);
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
    struct transfer *t = user;
    (void)one;
    if (!t->begun && (t->status = begin(t)) != DL4C_OK)
        return stop(t, t->status);
    const dl4c_status status = t->h->data(t->h->arg, bytes, size, &t->err);
    return status == DL4C_OK ? size : stop(t, status);
}

/* At least once a second, also while nothing comes. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
    struct transfer *t = user;
    const int64_t ns = dli_now_ns();
    (void)total;
    (void)up_total;
    (void)up;
    if (t->status != DL4C_OK)
        return 1;
    if (now != t->last_bytes) {
        t->last_bytes = now;
        t->last_ns = ns;
    } else if ((ns - t->last_ns) / 1000000 > t->h->stall_ms) {
        t->status = dli_fail(&t->err, DL4C_E_TIMEOUT, "fetch", "%.300s has sent nothing for %s seconds", t->h->url,
                             DLI_NUM((double)t->h->stall_ms / 1000));
        return 1;
    }
    t->status = dli_watch_check(t->h->watch, &t->err);
    return t->status != DL4C_OK;
}

static dl4c_status setup(struct transfer *t, struct curl_slist **headers)
{
    char range[64], line[320];
    CURL *c = t->curl;
    bool good = true;
#define SET(option, value) (good = good && curl_easy_setopt(c, option, value) == CURLE_OK)
    SET(CURLOPT_URL, t->h->url);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, 10L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, strncmp(t->h->url, "https:", 6) == 0 ? "https" : "http,https"); /* never from https to http */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(t->h->stall_ms < 300000 ? t->h->stall_ms : 300000));
    SET(CURLOPT_USERAGENT, "libdl4c");
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    if (t->h->from > 0) {
        snprintf(range, sizeof range, "%" PRId64 "-", t->h->from);
        SET(CURLOPT_RANGE, range);
        if (t->h->if_range) {
            snprintf(line, sizeof line, "If-Range: %s", t->h->if_range);
            *headers = curl_slist_append(NULL, line);
            good = good && *headers;
            SET(CURLOPT_HTTPHEADER, *headers);
        }
    }
#undef SET
    return good ? DL4C_OK : DL4C_E_NOMEM;
}

static dl4c_status failed(const struct transfer *t, CURLcode code, const char *words, struct dl4c_error *err)
{
    const dl4c_status status = code == CURLE_OPERATION_TIMEDOUT ? DL4C_E_TIMEOUT
                               : code == CURLE_OUT_OF_MEMORY    ? DL4C_E_NOMEM
                               : code == CURLE_URL_MALFORMAT    ? DL4C_E_INVALID
                                                                : DL4C_E_IO;
    dli_fail(err, status, "fetch", "%.250s: %.200s", t->h->url, words[0] ? words : curl_easy_strerror(code));
    if (err) {
        err->domain = DL4C_DOMAIN_CURL;
        err->code = code;
    }
    return status;
}

dl4c_status dli_http_get(const struct dli_http *h, struct dl4c_error *err)
{
    struct transfer t = { .h = h, .range_first = -1, .range_total = -1, .last_ns = dli_now_ns() };
    struct curl_slist *headers = NULL;
    char words[CURL_ERROR_SIZE] = "";
    DLI_TRY(dli_watch_check(h->watch, err));
    t.curl = curl_easy_init();
    if (!t.curl)
        return dli_fail(err, DL4C_E_NOMEM, "fetch", "libcurl could not be started");
    dl4c_status status = setup(&t, &headers);
    if (status != DL4C_OK) {
        dli_fail(err, status, "fetch", "libcurl refused an option for %.300s", h->url);
    } else {
        curl_easy_setopt(t.curl, CURLOPT_ERRORBUFFER, words);
        const CURLcode code = curl_easy_perform(t.curl);
        if (code == CURLE_OK && !t.begun)
            t.status = begin(&t); /* an empty file, or a refusal without a body */
        if (t.status != DL4C_OK) {
            status = t.status;
            if (err)
                *err = t.err;
        } else if (code != CURLE_OK) {
            status = failed(&t, code, words, err);
        }
    }
    curl_easy_cleanup(t.curl);
    curl_slist_free_all(headers);
    return status;
}
