/* SPDX-License-Identifier: Apache-2.0 */
/* One operation from its first request to its last: NameNode, DataNode, and again where it is worth it. All on the engine's thread. */
#include "base/deadline.h"
#include "base/rng.h"
#include "fs/webhdfs/webhdfs.h"

#include <stdio.h>
#include <string.h>

enum {
    BACKOFF_MS = 100, /* before the second round; doubled for each further one */
    BACKOFF_MOST_MS = 5000,
    STRANGER_ROUNDS = 3, /* for servers that never answered: a wrong name is told soon */
    DATA_REFUSALS = 3,   /* of DataNodes, where the exception does not say that it is worth it */
    EXCLUDE_S = 60,      /* that a DataNode which failed is avoided */
    LEAST_BYTES = 1024   /* in the time after which a server counts as stalled */
};

static void finish(struct dli_wh_call *c)
{
    dli_wh_exchange_end(c);
    c->state = WH_DONE;
}

void dli_wh_fail(struct dli_wh_call *c, dl4c_status status)
{
    c->status = status;
    if (c->rounds + c->data_failed > 1) {
        const size_t n = strlen(c->err.message);
        snprintf(c->err.message + n, sizeof c->err.message - n, ", after %d tries", (int)(c->rounds + c->data_failed));
    }
    finish(c);
}

static void succeed(struct dli_wh_call *c)
{
    bool more = false;
    c->status = c->then ? c->then(c, &more, &c->err) : DL4C_OK;
    finish(c);
    if (more) {
        c->rounds = c->nodes_failed = c->data_failed = 0;
        c->negotiated = c->to_itself = c->want_lookup = c->repeated = false;
        c->state = WH_QUEUED;
    }
}

/* ---- requests ---- */

static char *url_of(struct dli_wh_call *c, int64_t now)
{
    struct dli_strbuf b;
    char *url = NULL;
    struct dli_wh_cluster *k = c->cluster;
    const bool lookup = c->step == WH_STEP_LOOKUP, create = c->kind == WH_WRITE && strcmp(c->op, "CREATE") == 0;
    dli_strbuf_init(&b, c->w->ctx);
    dli_strbuf_addf(&b, "%s://%s", k->tls ? "https" : "http", k->node[c->node]);
    if (lookup && create) {
        dli_strbuf_add(&b, "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo");
    } else {
        dli_strbuf_add(&b, "/webhdfs/v1");
        dli_wh_encode(&b, c->path, strlen(c->path), "/");
        dli_strbuf_addf(&b, "?op=%s", lookup ? "GET_BLOCK_LOCATIONS" : c->op);
        dli_strbuf_add(&b, c->identity);
        if (c->extra && !lookup)
            dli_strbuf_add(&b, c->extra);
        if (c->kind == WH_READ && c->offset + c->got > 0)
            dli_strbuf_addf(&b, "&offset=%" PRId64, c->offset + c->got);
        if (c->kind == WH_READ && c->length >= 0)
            dli_strbuf_addf(&b, "&length=%" PRId64, c->length - c->got);
        c->excluded_sent = !lookup && c->kind != WH_ONE && k->excluded && now < k->excluded_until_ns;
        if (c->excluded_sent) {
            dli_strbuf_add(&b, "&excludedatanodes=");
            dli_wh_encode(&b, k->excluded, strlen(k->excluded), ":,[]"); /* a server told it */
        }
    }
    const dl4c_status status = dli_strbuf_take(&b, &url, &c->err);
    if (status != DL4C_OK)
        dli_wh_fail(c, status);
    return url;
}

void dli_wh_start(struct dli_wh_call *c)
{
    if (c->kind == WH_READ && c->length == c->got) { /* nothing, or nothing more, is wanted */
        succeed(c);
        return;
    }
    if (c->kind == WH_WRITE) {
        pthread_mutex_lock(&c->w->lock);
        const bool good = dli_wh_body_rewind(c->body);
        pthread_mutex_unlock(&c->w->lock);
        if (!good) {
            dli_wh_fail(c, c->err.status ? c->err.status : DL4C_E_IO);
            return;
        }
    }
    c->node = c->cluster->active;
    c->step = c->want_lookup ? WH_STEP_LOOKUP : WH_STEP_NODE;
    c->want_lookup = false;
    c->got_before = c->got;
    snprintf(c->at, sizeof c->at, "%s", c->cluster->node[c->node]);
    char *url = url_of(c, dli_now_ns());
    if (url)
        dli_wh_exchange(c, url, false, true);
    dli_free(url);
}

static void follow(struct dli_wh_call *c)
{
    bool same;
    const dl4c_status status = dli_wh_follow(c, &same, &c->err);
    if (status != DL4C_OK) {
        dli_wh_fail(c, status);
        return;
    }
    char *url = c->location;
    c->location = NULL;
    dli_wh_exchange_end(c);
    c->step = WH_STEP_DATA;
    /* A DataNode gets what the NameNode wrote into the Location and nothing of ours; a gateway redirects to itself and knows us. */
    c->to_itself = same;
    dli_wh_exchange(c, url, c->kind == WH_WRITE, same);
    dli_free(url);
}

/* ---- again ---- */

static int64_t backoff_ms(struct dli_webhdfs *w, int32_t round)
{
    int64_t most = BACKOFF_MS;
    for (int32_t i = 1; i < round && most < BACKOFF_MOST_MS; i++)
        most *= 2;
    if (most > BACKOFF_MOST_MS)
        most = BACKOFF_MOST_MS;
    uint32_t draw[4];
    dli_philox(w->jitter, 0, (uint64_t)dli_now_ns(), draw);
    return most / 2 + (int64_t)(draw[0] % (uint32_t)(most / 2 + 1)); /* many clients that lost one server do not come back at once */
}

/* Fails with what c->err says where the time is up, else begins anew after delay_ms. in_vain: a server may have begun to do it, and the log
 * is told. */
static void anew(struct dli_wh_call *c, int64_t delay_ms, bool in_vain)
{
    const int64_t now = dli_now_ns();
    if (c->retry_after_ms > delay_ms)
        delay_ms = c->retry_after_ms;
    if (c->got > c->got_before) { /* what moves is not given up */
        c->give_up_ns = now + c->retry_ms * 1000000;
        c->rounds = c->data_failed = c->nodes_failed = 0;
    }
    if (now + delay_ms * 1000000 > c->give_up_ns) {
        dli_wh_fail(c, c->err.status);
        return;
    }
    if (in_vain) {
        c->repeated = true;
        pthread_mutex_lock(&c->w->lock);
        snprintf(c->note, sizeof c->note, "%.150s: trying again", c->err.message);
        pthread_mutex_unlock(&c->w->lock);
    }
    dli_wh_exchange_end(c);
    c->state = WH_WAITING;
    c->again_ns = now + delay_ms * 1000000;
}

static void again(struct dli_wh_call *c, int64_t delay_ms) { anew(c, delay_ms, true); }

/* The NameNode did not do it: another one at once, all in turn after a while. The log hears of a change from the call that saw it first. */
static void again_elsewhere(struct dli_wh_call *c, bool stranger)
{
    struct dli_wh_cluster *k = c->cluster;
    const bool first = k->active == c->node;
    if (first)
        k->active = (c->node + 1) % k->n_nodes;
    c->nodes_failed++;
    if (c->nodes_failed % k->n_nodes != 0) {
        c->repeated = true;
        anew(c, 0, first);
        return;
    }
    c->rounds++;
    if (stranger && !k->answered && c->rounds >= STRANGER_ROUNDS)
        dli_wh_fail(c, c->err.status);
    else
        again(c, backoff_ms(c->w, c->rounds));
}

static void again_without_node(struct dli_wh_call *c)
{
    if (c->n_bad < WH_BAD) {
        c->bad[c->n_bad] = dli_strdup(c->w->ctx, c->at, NULL);
        c->n_bad += c->bad[c->n_bad] != NULL;
    }
    c->want_lookup = true;
    c->data_failed++;
    again(c, c->data_failed == 1 ? 0 : backoff_ms(c->w, c->data_failed - 1));
}

/* ---- answers ---- */

static bool out_of_reach(CURLcode rc)
{
    return rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_PROXY ||
           rc == CURLE_OPERATION_TIMEDOUT;
}

static bool is_final(CURLcode rc)
{
    switch (rc) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY: return true;
    default: return false;
    }
}

/* Whether the server refused our part of TLS, which it says in an alert, behind the handshake too: that does not pass. */
static bool is_refused(const char *words)
{
    static const char *const alerts[] = { "certificate", "unknown ca", "handshake failure", "protocol version", "access denied" };
    const char *alert = strstr(words, " alert ");
    for (size_t i = 0; alert && i < sizeof alerts / sizeof alerts[0]; i++)
        if (strstr(alert, alerts[i]))
            return true;
    return false;
}

static void broke(struct dli_wh_call *c, CURLcode rc, bool stalled)
{
    const bool told = is_refused(c->words);
    const char *words = c->words[0] ? c->words : curl_easy_strerror(rc);
    const dl4c_status status = rc == CURLE_PEER_FAILED_VERIFICATION || told ? DL4C_E_DENIED
                               : rc == CURLE_OUT_OF_MEMORY                  ? DL4C_E_NOMEM
                               : stalled || rc == CURLE_OPERATION_TIMEDOUT  ? DL4C_E_TIMEOUT
                                                                            : DL4C_E_IO;
    dli_fail(&c->err, status, "webhdfs", "%.150s: %s of %s: %.150s", c->shown, c->op, c->at, words);
    c->err.domain = DL4C_DOMAIN_CURL;
    c->err.code = rc;
    c->retry_after_ms = 0;
    if (c->step == WH_STEP_LOOKUP) /* it would only have helped */
        again(c, 0);
    else if (told || is_final(rc) || (c->once && (c->step == WH_STEP_DATA || c->kind == WH_ONE) && !out_of_reach(rc)))
        dli_wh_fail(c, status);
    else if (c->step == WH_STEP_DATA && !c->to_itself)
        again_without_node(c);
    else
        again_elsewhere(c, out_of_reach(rc));
}

static void refused(struct dli_wh_call *c, long code)
{
    dli_wh_refusal(c, code);
    const bool plain_io = strcmp(c->name, "IOException") == 0 || strcmp(c->name, "BlockMissingException") == 0;
    if (c->step == WH_STEP_LOOKUP) {
        again(c, 0);
    } else if (c->step == WH_STEP_NODE && code == 401 && c->cluster->cookie) {
        dli_free(c->cluster->cookie); /* it ran out */
        c->cluster->cookie = NULL;
        anew(c, 0, false);
    } else if (c->step == WH_STEP_NODE && code == 401 && c->negotiate_offered && !c->negotiated) {
        c->cluster->negotiate = c->negotiated = true;
        anew(c, 0, false); /* so every first request ends where Kerberos is asked for */
    } else if (strcmp(c->name, "StandbyException") == 0) {
        again_elsewhere(c, false);
    } else if ((c->patient && c->status == DL4C_E_BUSY) || strcmp(c->name, "RetriableException") == 0 ||
               strcmp(c->name, "SafeModeException") == 0 || (!c->name[0] && (code == 429 || code == 502 || code == 503 || code == 504))) {
        c->rounds++;
        again(c, backoff_ms(c->w, c->rounds));
    } else if (plain_io && c->excluded_sent && c->step == WH_STEP_NODE) { /* nobody is left: then those that were avoided */
        c->cluster->excluded_until_ns = 0;
        again(c, 0);
    } else if (plain_io && c->step == WH_STEP_DATA && !c->once && !c->to_itself && c->data_failed < DATA_REFUSALS) {
        again_without_node(c);
    } else {
        dli_wh_fail(c, c->status);
    }
}

static void looked_up(struct dli_wh_call *c)
{
    char *excluded = dli_wh_excluded(c);
    if (excluded) {
        dli_free(c->cluster->excluded);
        c->cluster->excluded = excluded;
        c->cluster->excluded_until_ns = dli_now_ns() + EXCLUDE_S * INT64_C(1000000000);
    }
    dli_wh_exchange_end(c);
    dli_wh_start(c);
}

static void take_cookie(struct dli_wh_call *c)
{
    if (!c->cluster->negotiate || !c->cookie || (c->step == WH_STEP_DATA && !c->to_itself))
        return;
    dli_free(c->cluster->cookie);
    c->cluster->cookie = c->cookie;
    c->cookie = NULL;
}

static void answered(struct dli_wh_call *c, long code)
{
    const bool short_of = c->kind == WH_READ && c->exact && c->got < c->length;
    if (c->step != WH_STEP_DATA) {
        c->cluster->answered = true;
        if (code != 401) /* that of a refusal would be refused again, without end */
            take_cookie(c);
    }
    if (c->step == WH_STEP_LOOKUP && code < 300) {
        looked_up(c);
    } else if (code >= 300 && code < 400 && c->step == WH_STEP_NODE && c->kind != WH_ONE) {
        follow(c);
    } else if (code >= 300) {
        refused(c, code);
    } else if (c->step == WH_STEP_NODE && c->kind == WH_WRITE) {
        dli_wh_fail(c, dli_fail(&c->err, DL4C_E_IO, "webhdfs", "%.200s: %s answers %s with %ld and says not where the bytes shall go",
                                c->shown, c->at, c->op, code));
    } else if (c->kind == WH_READ && (short_of || (!c->has_length && !c->exact))) {
        dli_fail(&c->err, DL4C_E_IO, "webhdfs", "%.200s: %s ends after %" PRId64 " bytes%s", c->shown, c->at, c->got,
                 short_of ? ", more are wanted" : " and did not say how many there are");
        if (!short_of)
            dli_wh_fail(c, c->err.status);
        else if (c->got == c->got_before && c->data_failed >= DATA_REFUSALS)
            dli_wh_fail(c, c->err.status);
        else
            again_without_node(c);
    } else {
        succeed(c);
    }
}

void dli_wh_finished(struct dli_wh_call *c, CURLcode rc)
{
    long code = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &code);
    c->clean = rc == CURLE_OK;
    if (c->status != DL4C_OK) /* a callback stopped it: c->err says why */
        dli_wh_fail(c, c->status);
    else if (rc == CURLE_OK || (code >= 400 && (c->broken || rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR)))
        answered(c, code);
    else
        broke(c, rc, false);
}

/* ---- the clock ---- */

void dli_wh_tick(struct dli_wh_call *c, int64_t now)
{
    const struct dli_wh_settings *s = &c->w->settings;
    pthread_mutex_lock(&c->w->lock);
    const bool cancelled = c->cancelled, host_waits = (c->body && c->body->paused) || (c->ring && c->ring->paused);
    pthread_mutex_unlock(&c->w->lock);
    if (cancelled) {
        dli_fail(&c->err, DL4C_E_CANCELLED, "webhdfs", "%.300s: cancelled", c->shown);
        c->status = DL4C_E_CANCELLED;
        finish(c);
    } else if (c->state == WH_WAITING && now >= c->again_ns) {
        c->state = WH_QUEUED;
        dli_wh_start(c);
    } else if (c->state == WH_RUNNING && host_waits) {
        c->window_ns = now; /* the writer or the reader takes his time, not the server */
        c->moved = 0;
        if (c->ring)
            c->give_up_ns = now + c->retry_ms * 1000000;
    } else if (c->state == WH_RUNNING && now - c->window_ns >= s->stall_ms * 1000000) {
        if (c->moved < LEAST_BYTES) {
            snprintf(c->words, sizeof c->words, "stalled: %lld bytes in %lld ms", (long long)c->moved, (long long)s->stall_ms);
            broke(c, CURLE_RECV_ERROR, true);
        } else {
            c->window_ns = now;
            c->moved = 0;
        }
    }
}
