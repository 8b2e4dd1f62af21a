/* SPDX-License-Identifier: Apache-2.0 */
/* Leading a group of workers through rounds. */
#include "train/leader.h"
#include "base/cpu.h"
#include "base/escape.h"
#include "graph/graph.h"
#include "transport/transport.h"
#include <dl4c/model.h>

#include <math.h>
#include <string.h>

dl4c_status dli_leader_tell(struct dli_leader *l, int32_t place, const void *message, size_t size, struct dl4c_error *err)
{
    return size ? dl4c_group_send(l->group, dli_leader_rank(l, place), message, size, l->m.patience_ms, err) : DL4C_OK;
}

static dl4c_status tell_all(struct dli_leader *l, const void *message, size_t size, int32_t *without, struct dl4c_error *err)
{
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        const dl4c_status status = dli_leader_tell(l, i, message, size, err);
        if (status != DL4C_OK) {
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
            return status;
        }
    }
    return DL4C_OK;
}

dl4c_status dli_leader_hear(struct dli_leader *l, int32_t place, void *message, size_t size, int64_t until_ns, struct dli_watch *watch,
                            struct dl4c_error *err)
{
    for (;;) {
        if (watch)
            DLI_TRY(dli_watch_check(watch, err));
        const dl4c_status status = dl4c_group_recv(l->group, dli_leader_rank(l, place), message, size, DLI_LOOK_MS, err);
        if (status != DL4C_E_TIMEOUT)
            return status;
        if (dli_now_ns() >= until_ns)
            return dli_fail(err, DL4C_E_TIMEOUT, "train", "worker %" PRId32 " is late", place);
    }
}

bool dli_leader_may_go_on(const struct dli_leader *l, dl4c_status status)
{
    return l->remote && (status == DL4C_E_PEER || status == DL4C_E_TIMEOUT || status == DL4C_E_CORRUPT || status == DL4C_E_IO);
}

/* ---- generations ---- */

static dl4c_status members_of(struct dli_leader *l, struct dl4c_members *who, struct dl4c_error *err)
{
    *who = (struct dl4c_members)DL4C_MEMBERS_INIT;
    return dl4c_group_members(l->group, who, err);
}

bool dli_leader_waited_for(struct dli_leader *l)
{
    struct dl4c_members who;
    return l->remote && members_of(l, &who, NULL) == DL4C_OK && who.waiting > 0;
}

static void free_reports(struct dli_leader *l)
{
    for (int32_t i = 0; l->reports && i < l->n; i++)
        dli_free(l->reports[i].steps);
    dli_free(l->reports);
    dli_free(l->shares);
    dli_free(l->messages);
    l->reports = NULL;
    l->shares = NULL;
    l->messages = NULL;
}

/* Who came and who went, for the record. */
static dl4c_status note_members(struct dli_leader *l, const uint64_t *ids, int32_t n, struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    for (int32_t i = 0; l->ids && i < l->n; i++) {
        int32_t k = 0;
        while (k < n && ids[k] != l->ids[i])
            k++;
        if (k == n)
            DLI_TRY(dli_run_worker_event(l->run, "worker_lost", g->epoch, g->iteration, l->rounds + 1, i, n, err,
                                         "member %" PRIu64 " is gone; %" PRId32 " workers go on", l->ids[i], n));
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t k = 0;
        while (k < l->n && l->ids && ids[i] != l->ids[k])
            k++;
        if (k == l->n || !l->ids)
            DLI_TRY(dli_run_worker_event(l->run, "worker_joined", g->epoch, g->iteration, l->rounds + 1, i, n, err,
                                         "member %" PRIu64 ", one of %" PRId32 " workers", ids[i], n));
    }
    return DL4C_OK;
}

/* Tables for the workers of this generation. */
static dl4c_status take_members(struct dli_leader *l, struct dl4c_error *err)
{
    struct dl4c_members who;
    DLI_TRY(members_of(l, &who, err));
    const int32_t n = who.size - !l->trains;
    if (n < 1)
        return dli_fail(err, DL4C_E_PEER, "train", "no worker is left");
    uint64_t *ids = dli_array(l->ctx, (size_t)n, sizeof *ids, err);
    struct dli_report_of *reports = ids ? dli_calloc(l->ctx, (size_t)n, sizeof *reports, err) : NULL;
    struct dli_share_of *shares = reports ? dli_calloc(l->ctx, (size_t)n, sizeof *shares, err) : NULL;
    struct dl4c_message *messages = shares ? dli_calloc(l->ctx, (size_t)n, sizeof *messages, err) : NULL;
    dl4c_status status = messages ? DL4C_OK : dli_alloc_status();
    for (int32_t i = 0; i < n && status == DL4C_OK; i++) {
        ids[i] = who.ids[i + !l->trains];
        reports[i].steps = dli_calloc(l->ctx, (size_t)l->m.frequency, sizeof *reports[i].steps, err);
        status = reports[i].steps ? DL4C_OK : dli_alloc_status();
    }
    if (status == DL4C_OK)
        status = note_members(l, ids, n, err);
    free_reports(l);
    dli_free(l->ids);
    l->reports = reports;
    l->shares = shares;
    l->messages = messages;
    l->ids = ids;
    l->n = n;
    return status;
}

static dl4c_status send_setup(struct dli_leader *l, int32_t place, const void *model, size_t size, const char *text,
                              struct dl4c_error *err)
{
    const struct dli_order o = { .kind = DLI_ORDER_SETUP, .a = (int64_t)size, .b = (int64_t)strlen(text) };
    DLI_TRY(dli_leader_tell(l, place, &o, sizeof o, err));
    DLI_TRY(dli_leader_tell(l, place, model, size, err));
    return dli_leader_tell(l, place, text, (size_t)o.b, err);
}

static dl4c_status set_up(struct dli_leader *l, const uint8_t *ready, int32_t *without, struct dl4c_error *err)
{
    dl4c_graph *copy = NULL;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    char *text = NULL;
    void *model = NULL;
    size_t size = 0;
    DLI_TRY(dli_graph_copy(l->m.t->graph, &copy, err));
    dl4c_status status = dl4c_model_save_memory(copy, &so, &model, &size, err);
    dl4c_graph_destroy(&copy);
    if (status == DL4C_OK)
        status = dli_settings_write(l->ctx, l->settings, &text, err);
    for (int32_t i = dli_leader_first(l); i < l->n && status == DL4C_OK; i++)
        if (!ready[i] && (status = send_setup(l, i, model, size, text, err)) != DL4C_OK)
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
    dli_free(text);
    dl4c_free(model);
    return status;
}

static dl4c_status hear_hello(struct dli_leader *l, int32_t place, int64_t until_ns, struct dli_watch *watch, uint8_t *ready,
                              struct dl4c_error *err)
{
    struct dli_hello hello;
    DLI_TRY(dli_leader_hear(l, place, &hello, sizeof hello, until_ns, watch, err));
    if (hello.magic != DLI_WIRE_MAGIC)
        return dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " speaks another language, or has another byte order", place);
    if (hello.version != DLI_WIRE_VERSION || hello.level < 0 || hello.level > 2)
        return dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " is of another version: %" PRId64 ", wanted %d", place,
                        hello.version, DLI_WIRE_VERSION);
    *ready = hello.ready == 1;
    if (hello.level < l->level)
        l->level = (int)hello.level;
    return DL4C_OK;
}

/* The kernel set of all is what the least of the workers has; where the leader trains it must have been made with that. */
static dl4c_status agree_on_kernels(struct dli_leader *l, int before, struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    if (l->level == before)
        return DL4C_OK;
    if (l->trains)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "a worker has no more than the kernels \"%s\", rank 0 was made with \"%s\": "
                        "start all under DL4C_CPU_MASK=%s", dli_cpu_rank_name(l->level), dli_cpu_level(), dli_cpu_rank_name(l->level));
    DLI_TRY(dli_run_kernels(l->run, dli_cpu_rank_name(l->level), err));
    return dli_run_worker_event(l->run, "kernels", g->epoch, g->iteration, l->rounds + 1, -1, 0, err, "all workers use %s",
                                dli_cpu_rank_name(l->level));
}

/* Who of the workers reads the store itself. */
static dl4c_status hear_who_reads(struct dli_leader *l, struct dli_watch *watch, int32_t *without, struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    const int64_t until = dli_moment(l->join_timeout_ms);
    int32_t reading = 0;
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        int64_t reads = 0;
        const dl4c_status status = dli_leader_hear(l, i, &reads, sizeof reads, until, watch, err);
        if (status != DL4C_OK) {
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
            return status;
        }
        l->shares[i].stored = reads == 1;
        reading += reads == 1;
    }
    if (!l->settings->store)
        return DL4C_OK;
    return dli_run_worker_event(l->run, "rows", g->epoch, g->iteration, l->rounds + 1, -1, 0, err,
                                "%" PRId32 " of %" PRId32 " workers read the store, the others are sent their rows", reading,
                                l->n - dli_leader_first(l));
}

dl4c_status dli_leader_welcome(struct dli_leader *l, struct dli_watch *watch, int32_t *without, struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    const int64_t until = dli_moment(l->join_timeout_ms);
    const int before = l->trains ? dli_cpu_rank() : l->ids ? l->level : -1;
    l->heard = false;
    *without = -1;
    DLI_TRY(take_members(l, err));
    uint8_t *ready = dli_calloc(l->ctx, (size_t)l->n, 1, err);
    dl4c_status status = ready ? DL4C_OK : dli_alloc_status();
    l->level = l->trains ? dli_cpu_rank() : 2;
    bool all = true;
    for (int32_t i = dli_leader_first(l); i < l->n && status == DL4C_OK; i++) {
        status = hear_hello(l, i, until, watch, &ready[i], err);
        *without = status == DL4C_OK || status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
        all = all && ready[i];
    }
    if (status == DL4C_OK && l->remote) {
        const struct dli_order o = { .kind = DLI_ORDER_STATE, .level = l->level, .iteration = g->iteration, .epoch = g->epoch };
        status = agree_on_kernels(l, before, err);
        if (status == DL4C_OK && !all)
            status = set_up(l, ready, without, err);
        if (status == DL4C_OK)
            status = tell_all(l, &o, sizeof o, without, err);
        if (status == DL4C_OK)
            status = dli_member_state(&l->m, err);
        if (status == DL4C_OK)
            status = hear_who_reads(l, watch, without, err);
    }
    dli_free(ready);
    l->heard = status == DL4C_OK;
    return status;
}

dl4c_status dli_leader_regroup(struct dli_leader *l, int32_t without, struct dli_watch *watch, struct dl4c_error *err)
{
    const int64_t until = dli_moment(l->join_timeout_ms);
    for (;;) {
        struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
        o.min_size = l->min_workers + !l->trains;
        o.timeout_ms = l->worker_timeout_ms;
        if (l->round_timeout_ms && l->round_timeout_ms < o.timeout_ms)
            o.timeout_ms = l->round_timeout_ms; /* whoever trains a share is done with it by then */
        o.n_exclude = without > 0;
        o.exclude = &without;
        dl4c_status status = dl4c_group_regroup(l->group, &o, err);
        without = -1;
        if (status == DL4C_OK) {
            status = dli_leader_welcome(l, watch, &without, err);
            if (status == DL4C_OK || !dli_leader_may_go_on(l, status))
                return status;
        }
        if (status == DL4C_E_CANCELLED || status == DL4C_E_UNSUPPORTED || status == DL4C_E_NOMEM || status == DL4C_E_LIMIT)
            return status;
        DLI_TRY(dli_watch_check(watch, err));
        if (dli_now_ns() >= until) {
            const struct dl4c_error why = err ? *err : (struct dl4c_error)DL4C_ERROR_INIT;
            return dli_fail(err, DL4C_E_PEER, "train", "fewer than %" PRId32 " workers are left: %.300s", l->min_workers, why.message);
        }
    }
}

/* ---- a round ---- */

/* Does a report tell of just the minibatches that were dealt out? */
static dl4c_status check_report(const struct dli_leader *l, const struct dli_deal *deal, int32_t place, int64_t steps,
                                struct dl4c_error *err)
{
    const struct dli_report_of *r = &l->reports[place];
    int32_t k = 0;
    for (int64_t s = 0; s < steps; s++) {
        const int64_t rows = deal->count[(int64_t)place * deal->steps + s];
        const struct dli_step_report *step = &r->steps[k];
        if (rows == 0)
            continue;
        if (k++ >= r->n_steps || step->step != s || step->rows != rows || step->right < 0 || step->right > step->counted ||
            step->counted > rows || !isfinite(step->score))
            return dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " reports another minibatch than its %" PRId64 "th", place,
                            s + 1);
    }
    return k == r->n_steps ? DL4C_OK
                           : dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " reports too many minibatches", place);
}

/* What a worker answers: the status of its own work is *theirs, its message in *why. */
static dl4c_status hear_report(struct dli_leader *l, const struct dli_deal *deal, int32_t place, int64_t steps, int64_t until_ns,
                               struct dli_watch *watch, dl4c_status *theirs, struct dl4c_error *why, struct dl4c_error *err)
{
    struct dli_report r;
    DLI_TRY(dli_leader_hear(l, place, &r, sizeof r, until_ns, watch, err));
    *theirs = (dl4c_status)r.status;
    l->reports[place].n_steps = 0;
    if (r.status != DL4C_OK) {
        char text[sizeof why->message] = "";
        if (r.bytes < 0 || r.bytes >= (int64_t)sizeof text || r.status < DL4C_OK || r.status > DL4C_E_INTERNAL)
            return dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " reports a failure that cannot be", place);
        if (r.bytes > 0)
            DLI_TRY(dl4c_group_recv(l->group, dli_leader_rank(l, place), text, (size_t)r.bytes, l->m.patience_ms, err));
        dli_utf8_clean(text);
        (void)dli_fail(why, *theirs, "train", "%s", text);
        return DL4C_OK;
    }
    if (r.steps < 0 || r.steps > steps)
        return dli_fail(err, DL4C_E_CORRUPT, "train", "worker %" PRId32 " reports %" PRId64 " minibatches of %" PRId64, place, r.steps,
                        steps);
    l->reports[place].n_steps = (int32_t)r.steps;
    if (r.steps > 0)
        DLI_TRY(dl4c_group_recv(l->group, dli_leader_rank(l, place), l->reports[place].steps,
                                (size_t)r.steps * sizeof(struct dli_step_report), l->m.patience_ms, err));
    return check_report(l, deal, place, steps, err);
}

/* The leader's own share, and its report to itself. */
static void train_own(struct dli_leader *l, const struct dli_order *o, const struct dli_deal *deal)
{
    struct dli_member *m = &l->m;
    m->err = (struct dl4c_error)DL4C_ERROR_INIT;
    struct dli_order own = *o;
    own.number = 0;
    m->status = dli_member_train(m, &own, deal, 0, &m->err);
    l->reports[0].n_steps = m->n_steps;
    memcpy(l->reports[0].steps, m->steps, (size_t)m->n_steps * sizeof *m->steps);
}

/* A failure of which another worker could not do better. */
static bool is_the_trainings(const struct dli_leader *l, dl4c_status status)
{
    return !l->remote || status == DL4C_E_DIVERGED || status == DL4C_E_INVALID;
}

/* A group that cannot change need not notice that somebody leaves: whoever is asked to go while others work goes when they have reported,
 * and tells them. */
static bool goes_later(const struct dli_leader *l, struct dli_watch *watch, struct dl4c_error *why)
{
    return l->remote && !l->group->transport->ops.regroup && watch && dli_watch_check(watch, why) != DL4C_OK;
}

static dl4c_status hear_all(struct dli_leader *l, const struct dli_deal *deal, int32_t steps, struct dli_watch *watch, int32_t *without,
                            bool *fatal, struct dl4c_error *err)
{
    const int64_t until = l->round_timeout_ms ? dli_moment(l->round_timeout_ms) : INT64_MAX;
    dl4c_status result = l->trains ? l->m.status : DL4C_OK;
    *fatal = result != DL4C_OK;
    if (*fatal && err)
        *err = l->m.err;
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        dl4c_status theirs = DL4C_OK;
        struct dl4c_error why = DL4C_ERROR_INIT, e = DL4C_ERROR_INIT;
        dl4c_status status = hear_report(l, deal, i, steps, until, watch, &theirs, &why, &e);
        if (status != DL4C_OK && goes_later(l, watch, &e)) {
            result = *fatal ? result : e.status;
            if (!*fatal && err)
                *err = e;
            *fatal = true;
            watch = NULL;
            status = hear_report(l, deal, i, steps, dli_moment(l->m.patience_ms), NULL, &theirs, &why, &e);
        }
        if (status != DL4C_OK) {
            if (err)
                *err = e;
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
            *fatal = false;
            return status;
        }
        if (theirs == DL4C_OK || *fatal || (result != DL4C_OK && !is_the_trainings(l, theirs)))
            continue;
        *fatal = is_the_trainings(l, theirs);
        result = *fatal ? theirs : DL4C_E_PEER;
        *without = *fatal ? -1 : dli_leader_rank(l, i);
        if (err)
            *err = why;
    }
    return result;
}

dl4c_status dli_leader_round(struct dli_leader *l, const struct dli_deal *deal, int32_t steps, struct dli_watch *watch, int32_t *without,
                             struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    struct dli_order o = { .kind = DLI_ORDER_ROUND, .level = l->level, .steps = steps, .iteration = g->iteration, .epoch = g->epoch,
                           .dl4j = l->dl4j };
    int64_t verdict = DLI_VERDICT_MEAN;
    bool fatal = false;
    *without = -1;
    l->heard = false;
    DLI_TRY(dli_leader_send_shares(l, deal, &o, watch, without, err));
    l->m.seen = 0;
    if (l->trains)
        train_own(l, &o, deal);
    const dl4c_status status = hear_all(l, deal, steps, watch, without, &fatal, err);
    if (status != DL4C_OK && fatal && l->remote) { /* all have reported: they hear how it ends */
        int32_t nobody;
        verdict = DLI_VERDICT_ORDER;
        l->heard = tell_all(l, &verdict, sizeof verdict, &nobody, NULL) == DL4C_OK;
    }
    DLI_TRY(status); /* else the generation ends, which they notice wherever they are */
    DLI_TRY(tell_all(l, &verdict, sizeof verdict, without, err));
    const dl4c_status averaged = dli_member_average(&l->m, &o, err);
    l->heard = averaged == DL4C_OK || averaged == DL4C_E_DIVERGED;
    return averaged;
}

void dli_leader_end(struct dli_leader *l, dl4c_status status, const char *message)
{
    const struct dli_order o = { .kind = DLI_ORDER_END, .a = status, .b = (int64_t)strlen(message) };
    for (int32_t i = dli_leader_first(l); l->group && l->heard && i < l->n; i++)
        if (dl4c_group_send(l->group, dli_leader_rank(l, i), &o, sizeof o, DLI_END_MS, NULL) == DL4C_OK && o.b > 0)
            (void)dl4c_group_send(l->group, dli_leader_rank(l, i), message, (size_t)o.b, DLI_END_MS, NULL);
    if (l->group && l->heard) /* who leaves first ends the generation for all: nobody does before all have heard */
        (void)dl4c_group_barrier(l->group, DLI_END_MS, NULL);
}

void dli_leader_clear(struct dli_leader *l)
{
    free_reports(l);
    dli_free(l->ids);
    l->ids = NULL;
    dli_member_clear(&l->m);
}
