/* SPDX-License-Identifier: Apache-2.0 */
/* A worker in a training that others lead: joining, coming back after a loss, leaving. */
#include "base/cpu.h"
#include "base/deadline.h"
#include "graph/graph.h"
#include "train/breaker.h"
#include "train/member.h"
#include "train/workers.h"

#include <poll.h>
#include <string.h>

enum { JOIN_TIMEOUT_MS = 60000, LOST_AFTER_MS = 10000, PAUSE_MS = 200 };

struct worker {
    struct dl4c_worker_options o;
    const char *url;
    struct dli_member m;
    struct dl4c_error lost; /* why the last group was left */
};

static bool cancelled(const struct worker *w) { return w->o.cancel && __atomic_load_n(w->o.cancel, __ATOMIC_RELAXED); }

/* May be over when it is tried again: nobody is there yet, or the leader that was is being replaced. */
static bool passes(dl4c_status status) { return status == DL4C_E_PEER || status == DL4C_E_TIMEOUT || status == DL4C_E_IO; }

static dl4c_status join(struct worker *w, struct dl4c_error *err)
{
    const int64_t until = dli_moment(w->o.join_timeout_ms);
    for (;;) {
        struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
        struct dl4c_error why = DL4C_ERROR_INIT;
        j.url = w->url;
        j.timeout_ms = dli_left_ms(until);
        j.lost_after_ms = w->o.worker_timeout_ms;
        j.cancel = w->o.cancel;
        const dl4c_status status = dl4c_group_join(w->m.ctx, &j, &w->m.group, &why);
        if (status == DL4C_OK)
            return DL4C_OK;
        if (!passes(status)) {
            if (err)
                *err = why;
            return status;
        }
        if (cancelled(w))
            return dli_fail(err, DL4C_E_CANCELLED, "worker", "the worker was cancelled before it joined");
        if (dli_now_ns() >= until)
            return dli_fail(err, DL4C_E_PEER, "worker", "nobody leads a training at %.200s: %.200s", w->url,
                            w->lost.status != DL4C_OK ? w->lost.message : why.message);
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

/* Generation by generation, until the group is lost or the training *ended. */
static dl4c_status stay(struct worker *w, bool *ended, struct dl4c_error *err)
{
    for (;;) {
        dl4c_status status = dli_member_serve(&w->m, ended, err);
        if (*ended || !passes(status))
            return status;
        if (err)
            w->lost = *err;
        struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
        o.timeout_ms = w->o.worker_timeout_ms;
        status = dl4c_group_regroup(w->m.group, &o, err);
        if (status != DL4C_OK)
            return status;
    }
}

static dl4c_status run(struct worker *w, struct dl4c_error *err)
{
    for (;;) {
        bool ended = false;
        struct dli_breaker breaker = { 0 };
        DLI_TRY(join(w, err));
        dl4c_status status = dli_breaker_start(&breaker, w->m.group, w->o.cancel, 0, err);
        if (status == DL4C_OK)
            status = stay(w, &ended, err);
        dli_breaker_stop(&breaker);
        dl4c_group_leave(&w->m.group, status == DL4C_E_CANCELLED ? 0 : 1000);
        if (ended || !(passes(status) || status == DL4C_E_UNSUPPORTED))
            return status;
        if (err && w->lost.status == DL4C_OK)
            w->lost = *err;
        dli_member_clear(&w->m); /* another leader may train another network */
    }
}

dl4c_status dl4c_worker_run(dl4c_context *ctx, const char *url, const struct dl4c_worker_options *options, struct dl4c_error *err)
{
    struct worker w = { .url = url, .lost = DL4C_ERROR_INIT };
    struct dl4c_error own = DL4C_ERROR_INIT;
    err = err ? err : &own;
    if (!url)
        return dli_fail(err, DL4C_E_INVALID, "worker", "url is NULL");
    DLI_TRY(dli_struct_in(&w.o, sizeof w.o, options, "worker", err));
    if (w.o.threads < 0 || w.o.join_timeout_ms < 0 || w.o.worker_timeout_ms < 0 || w.o.reserved)
        return dli_fail(err, DL4C_E_INVALID, "worker", "threads or a timeout is negative, or reserved is not 0");
    w.o.join_timeout_ms = w.o.join_timeout_ms ? w.o.join_timeout_ms : JOIN_TIMEOUT_MS;
    w.o.worker_timeout_ms = w.o.worker_timeout_ms ? w.o.worker_timeout_ms : LOST_AFTER_MS;
    w.m.ctx = dli_context_ref(ctx, err);
    if (!w.m.ctx)
        return DL4C_E_NOMEM;
    w.m.cancel = w.o.cancel;
    w.m.threads = w.o.threads;
    w.m.patience_ms = DLI_VECTOR_MS;
    w.m.features = w.o.features;
    const int limit = dli_cpu_limited();
    const dl4c_status status = run(&w, err);
    dli_cpu_limit(limit);
    dli_member_clear(&w.m);
    dli_context_unref(w.m.ctx);
    return status;
}

/* ---- where all of a group call fit ---- */

dl4c_status dli_workers_join(dl4c_context *ctx, const struct dl4c_fit_options *o, dl4c_group **group, int32_t *rank, int32_t *size,
                             struct dl4c_error *err)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    j.url = o->transport;
    j.timeout_ms = o->join_timeout_ms;
    j.lost_after_ms = o->worker_timeout_ms;
    j.cancel = o->cancel;
    DLI_TRY(dl4c_group_join(ctx, &j, group, err));
    DLI_TRY(dl4c_group_members(*group, &who, err));
    *rank = who.rank;
    *size = who.size;
    return DL4C_OK;
}

void dli_workers_call_off(dl4c_group **group, dl4c_status status, const char *message)
{
    const struct dli_order o = { .kind = DLI_ORDER_END, .a = status, .b = (int64_t)strlen(message) };
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    struct dli_hello hello;
    if (!*group)
        return;
    (void)dl4c_group_members(*group, &who, NULL);
    for (int32_t r = 1; r < who.size; r++)
        if (dl4c_group_recv(*group, r, &hello, sizeof hello, DLI_END_MS, NULL) == DL4C_OK &&
            dl4c_group_send(*group, r, &o, sizeof o, DLI_END_MS, NULL) == DL4C_OK && o.b > 0)
            (void)dl4c_group_send(*group, r, message, (size_t)o.b, DLI_END_MS, NULL);
    (void)dl4c_group_barrier(*group, DLI_END_MS, NULL);
    dl4c_group_leave(group, DLI_END_MS);
}

dl4c_status dli_workers_serve(dl4c_context *ctx, const struct dl4c_fit_options *o, dl4c_group **group, struct dl4c_error *err)
{
    struct dli_member m = { .ctx = ctx, .group = *group, .cancel = o->cancel, .threads = o->threads, .patience_ms = DLI_VECTOR_MS,
                            .one_thread = true };
    bool ended;
    const int limit = dli_cpu_limited();
    const dl4c_status status = dli_member_serve(&m, &ended, err);
    dli_cpu_limit(limit);
    dli_member_clear(&m);
    dl4c_group_leave(group, DLI_END_MS);
    return status;
}
