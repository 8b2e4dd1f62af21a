/* SPDX-License-Identifier: Apache-2.0 */
/* The monotonic clock, waiting by it, and how a long call is watched: deadline, cancel flag, progress. */
#define _POSIX_C_SOURCE 200809L
#include "base/deadline.h"

#include <math.h>
#include <string.h>
#include <time.h>

int64_t dli_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t dli_moment(int64_t timeout_ms)
{
    const int64_t now = dli_now_ns();
    return timeout_ms < (INT64_MAX - now) / 1000000 ? now + timeout_ms * 1000000 : INT64_MAX;
}

int64_t dli_left_ms(int64_t moment_ns)
{
    const int64_t ms = (moment_ns - dli_now_ns()) / 1000000;
    return ms > 0 ? ms : 1;
}

void dli_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t by;
    pthread_condattr_init(&by);
    pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &by);
    pthread_condattr_destroy(&by);
}

bool dli_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t moment_ns)
{
    const struct timespec t = { .tv_sec = (time_t)(moment_ns / 1000000000), .tv_nsec = (long)(moment_ns % 1000000000) };
    return pthread_cond_timedwait(cond, lock, &t) == 0;
}

void dl4c_cancel_set(int32_t *cancel) { __atomic_store_n(cancel, 1, __ATOMIC_RELAXED); }

void dli_watch_init(struct dli_watch *w, const char *stage, dl4c_progress_fn progress, void *user, const int32_t *cancel,
                    int64_t timeout_ms)
{
    memset(w, 0, sizeof *w);
    w->stage = stage;
    w->progress = progress;
    w->user = user;
    w->cancel = cancel;
    w->start_ns = dli_now_ns();
    if (timeout_ms > 0 && timeout_ms < INT64_MAX / 1000000 - w->start_ns / 1000000)
        w->deadline_ns = w->start_ns + timeout_ms * 1000000;
    w->now.struct_size = sizeof w->now;
    w->now.stage = stage;
    w->now.eta_s = -1;
    w->now.score = NAN;
}

static _Thread_local struct dli_watch *at_work;

struct dli_watch *dli_watch_enter(struct dli_watch *w)
{
    struct dli_watch *before = at_work;
    at_work = w;
    return before;
}

dl4c_status dli_watch_check_call(struct dl4c_error *err) { return at_work ? dli_watch_check(at_work, err) : DL4C_OK; }

dl4c_status dli_watch_check(struct dli_watch *w, struct dl4c_error *err)
{
    if (w->cancel && __atomic_load_n(w->cancel, __ATOMIC_RELAXED))
        return dli_fail(err, DL4C_E_CANCELLED, w->stage, "%s was cancelled after %" PRId64 " of %" PRId64, w->stage, w->now.done,
                        w->now.total);
    if (w->deadline_ns && dli_now_ns() > w->deadline_ns)
        return dli_fail(err, DL4C_E_TIMEOUT, w->stage, "%s passed its deadline of %" PRId64 " ms after %" PRId64 " of %" PRId64, w->stage,
                        (w->deadline_ns - w->start_ns) / 1000000, w->now.done, w->now.total);
    return DL4C_OK;
}

dl4c_status dli_watch_report(struct dli_watch *w, bool last, struct dl4c_error *err)
{
    DLI_TRY(dli_watch_check(w, err));
    if (!w->progress)
        return DL4C_OK;
    const int64_t now = dli_now_ns();
    if (!last && w->last_ns && now - w->last_ns < 100000000)
        return DL4C_OK;
    w->last_ns = now;
    struct dl4c_progress *p = &w->now;
    const double seconds = (double)(now - w->start_ns) * 1e-9;
    p->rate = seconds > 0 ? (double)p->done / seconds : 0;
    p->percent = p->total > 0 ? 100.0 * (double)p->done / (double)p->total : 0;
    p->eta_s = p->total > 0 && p->rate > 0 ? (double)(p->total - p->done) / p->rate : -1;
    if (w->progress(w->user, p) != 0)
        return dli_fail(err, DL4C_E_CANCELLED, w->stage, "%s was cancelled by its progress callback after %" PRId64 " of %" PRId64,
                        w->stage, p->done, p->total);
    return DL4C_OK;
}
