/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: one thread that drives all calls of a client, and what callers do beside it: submit, wait, give up. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/thread_pool.h"
#include "fs/webhdfs/webhdfs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    SLICE_MS = 50,       /* after which a waiting caller looks at its flag, */
    SLICE_MOST_MS = 200, /* and when it has looked twice */
    TICK_MS = 200        /* after which the engine looks at the clock */
};

/* ---- the caller's side ---- */

struct dli_wh_call *dli_wh_call_new(struct dli_webhdfs *w, const struct dli_wh_target *t, const char *method, const char *op,
                                    struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_calloc(w->ctx, 1, sizeof *c, err);
    if (!c || !(c->path = dli_strdup(w->ctx, t->path, err)) || !(c->identity = dli_strdup(w->ctx, t->identity, err))) {
        if (c)
            dli_free(c->path);
        dli_free(c);
        return NULL;
    }
    c->w = w;
    c->shown = c->path;
    c->cluster = t->cluster;
    c->method = method;
    c->op = op;
    c->length = -1;
    c->most = WH_MOST_JSON;
    c->retry_ms = w->settings.retry_ms;
    dli_strbuf_init(&c->reply, w->ctx);
    dli_cond_init(&c->changed);
    return c;
}

static void call_destroy(struct dli_wh_call *c)
{
    for (int32_t i = 0; i < c->n_bad; i++)
        dli_free(c->bad[i]);
    if (!c->borrowed)
        dli_free(c->to);
    dli_strbuf_free(&c->reply);
    dli_free(c->location);
    dli_free(c->cookie);
    dli_free(c->destination);
    dli_free(c->extra);
    dli_free(c->identity);
    dli_free(c->path);
    pthread_cond_destroy(&c->changed);
    dli_free(c);
}

static void *engine(void *arg);

/* Under the lock. */
static dl4c_status start(struct dli_webhdfs *w, struct dl4c_error *err)
{
    if (w->pid == (int64_t)getpid())
        return DL4C_OK;
    if (w->pid != 0)
        return dli_fail(err, DL4C_E_STATE, "webhdfs", "this context used HDFS before the process forked: the child needs one of its own");
    DLI_TRY(dli_wh_sockets_open(w, err));
    if (!dli_thread_start(&w->thread, engine, w)) {
        dli_wh_sockets_close(w);
        return dli_fail(err, DL4C_E_NOMEM, "webhdfs", "no thread can be started for the network");
    }
    w->pid = (int64_t)getpid();
    return DL4C_OK;
}

dl4c_status dli_wh_submit(struct dli_wh_call *c, struct dl4c_error *err)
{
    struct dli_webhdfs *w = c->w;
    pthread_mutex_lock(&w->lock);
    const dl4c_status status = start(w, err);
    if (status == DL4C_OK) {
        c->submitted = true;
        c->next = NULL;
        *w->submitted_end = c;
        w->submitted_end = &c->next;
    }
    pthread_mutex_unlock(&w->lock);
    if (status == DL4C_OK)
        dli_wh_wake(w);
    return status;
}

/* Under the lock, for at most ms. */
static void nap(struct dli_wh_call *c, int64_t ms) { dli_cond_wait_until(&c->changed, &c->w->lock, dli_moment(ms)); }

/* What the engine left for the log. Under the lock, which is let go meanwhile: the host's logger may be slow, or call us. */
static void tell(struct dli_wh_call *c)
{
    char note[sizeof c->note];
    if (!c->note[0])
        return;
    memcpy(note, c->note, sizeof note);
    c->note[0] = '\0';
    pthread_mutex_unlock(&c->w->lock);
    dli_log(c->w->ctx, DL4C_LOG_WARNING, "webhdfs", "%s", note);
    pthread_mutex_lock(&c->w->lock);
}

dl4c_status dli_wh_wait(struct dli_wh_call *c, int64_t timeout_ms, struct dl4c_error *err)
{
    struct dli_webhdfs *w = c->w;
    const int64_t until = timeout_ms < 0 ? INT64_MAX : dli_moment(timeout_ms);
    int64_t slice = SLICE_MS;
    pthread_mutex_lock(&w->lock);
    while (!c->done && !(c->ring && dli_wh_ring_enough(c->ring))) {
        if (c->note[0]) {
            tell(c);
            continue;
        }
        const bool cancelled = dl4c_fs_cancelled() != 0;
        if (cancelled || dli_now_ns() >= until) {
            pthread_mutex_unlock(&w->lock);
            return cancelled ? dli_fail(err, DL4C_E_CANCELLED, "webhdfs", "%.300s: cancelled while waiting for the server", c->shown)
                             : dli_fail(err, DL4C_E_BUSY, "webhdfs", "%.300s is still on its way", c->shown);
        }
        const int64_t left = until == INT64_MAX ? slice : dli_left_ms(until);
        nap(c, left < slice ? left : slice);
        slice = slice * 2 < SLICE_MOST_MS ? slice * 2 : SLICE_MOST_MS;
    }
    tell(c); /* also of what succeeded at once when it was tried again */
    const bool there = c->ring && c->ring->fill > 0; /* whatever came of it behind these */
    pthread_mutex_unlock(&w->lock);
    if (there)
        return DL4C_OK;
    if (c->status != DL4C_OK && err)
        *err = c->err;
    return c->status;
}

/* Marks it cancelled and waits until the engine lets go: the time of one step of libcurl. */
static void recall(struct dli_wh_call *c)
{
    struct dli_webhdfs *w = c->w;
    pthread_mutex_lock(&w->lock);
    c->cancelled = true;
    while (!c->done) {
        pthread_mutex_unlock(&w->lock);
        dli_wh_wake(w);
        pthread_mutex_lock(&w->lock);
        if (!c->done)
            nap(c, SLICE_MS);
    }
    pthread_mutex_unlock(&w->lock);
}

dl4c_status dli_wh_run(struct dli_wh_call *c, struct dl4c_error *err)
{
    DLI_TRY(dli_wh_submit(c, err));
    const dl4c_status status = dli_wh_wait(c, -1, err);
    if (status == DL4C_E_CANCELLED)
        recall(c);
    return status;
}

void dli_wh_call_free(struct dli_wh_call *c)
{
    if (!c)
        return;
    struct dli_webhdfs *w = c->w;
    if (c->submitted && w->pid != (int64_t)getpid())
        return; /* in a forked child nobody lets go of it, and its memory is the parent's */
    if (c->submitted && c->borrowed)
        recall(c);
    pthread_mutex_lock(&w->lock);
    const bool done = c->done || !c->submitted;
    c->cancelled = true;
    c->orphan = !done;
    pthread_mutex_unlock(&w->lock);
    if (done)
        call_destroy(c);
    else
        dli_wh_wake(w); /* the engine has it now */
}

/* ---- the engine's side ---- */

static void take_submitted(struct dli_webhdfs *w)
{
    struct dli_wh_call **end = &w->calls;
    while (*end)
        end = &(*end)->next;
    pthread_mutex_lock(&w->lock);
    *end = w->submitted;
    w->submitted = NULL;
    w->submitted_end = &w->submitted;
    pthread_mutex_unlock(&w->lock);
}

/* Hands back what is done and tells the next moment of interest. */
static int64_t look_round(struct dli_webhdfs *w)
{
    const int64_t now = dli_now_ns();
    int64_t next = w->calls ? now + TICK_MS * INT64_C(1000000) : INT64_MAX;
    bool queued = false; /* one that had no room */
    for (struct dli_wh_call **p = &w->calls, *c; (c = *p);) {
        if (c->state == WH_QUEUED && w->n_running < w->settings.most_running) {
            c->start_ns = now;
            c->give_up_ns = now + c->retry_ms * 1000000;
            dli_wh_start(c);
        }
        if (c->state != WH_DONE)
            dli_wh_tick(c, now);
        if (c->state == WH_WAITING && c->again_ns < next)
            next = c->again_ns;
        queued = queued || c->state == WH_QUEUED;
        if (c->state != WH_DONE) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        pthread_mutex_lock(&w->lock);
        c->done = true;
        if (c->body)
            c->body->failed = true; /* whatever comes now is not sent */
        const bool orphan = c->orphan;
        pthread_cond_broadcast(&c->changed); /* under the lock: the caller may free it as soon as it is let go */
        pthread_mutex_unlock(&w->lock);
        if (orphan)
            call_destroy(c);
        next = queued ? now : next; /* there may be room for another one */
    }
    return next;
}

/* Requests that waited for a writer or a reader, who has come. */
static void resume(struct dli_webhdfs *w)
{
    for (struct dli_wh_call *c = w->calls; c; c = c->next) {
        if (!(c->body || c->ring) || c->state != WH_RUNNING || !c->easy)
            continue;
        pthread_mutex_lock(&w->lock);
        struct dli_wh_body *b = c->body;
        const bool more = b ? b->paused && (b->whole || b->at + 1 < b->n_chunks) : dli_wh_ring_resumes(c->ring);
        if (more && b)
            b->paused = false;
        pthread_mutex_unlock(&w->lock);
        if (more)
            curl_easy_pause(c->easy, CURLPAUSE_CONT);
    }
}

static void *engine(void *arg)
{
    struct dli_webhdfs *w = arg;
    int64_t next = INT64_MAX;
    int left;
    for (;;) {
        bool look = dli_wh_sockets_wait(w, next);
        for (CURLMsg *m; (m = curl_multi_info_read(w->multi, &left)); look = true) {
            struct dli_wh_call *c = NULL;
            const CURLcode rc = m->data.result;
            if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c) == CURLE_OK && c)
                dli_wh_finished(c, rc);
        }
        if (!look && (next == INT64_MAX || dli_now_ns() < next))
            continue;
        take_submitted(w);
        resume(w);
        next = look_round(w);
        pthread_mutex_lock(&w->lock);
        const bool stop = w->stopping && !w->calls && !w->submitted;
        pthread_mutex_unlock(&w->lock);
        if (stop)
            return NULL;
    }
}

void dli_wh_stop(struct dli_webhdfs *w)
{
    if (w->pid == (int64_t)getpid()) { /* in a forked child there is no such thread, and its memory is the parent's */
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_mutex_unlock(&w->lock);
        dli_wh_wake(w);
        pthread_join(w->thread, NULL);
        for (int32_t i = 0; i < w->n_spare; i++)
            curl_easy_cleanup(w->spare[i]);
        dli_wh_sockets_close(w);
    }
    w->multi = NULL;
    w->n_spare = 0;
}
