/* SPDX-License-Identifier: Apache-2.0 */
/* The monotonic clock, waiting by it, and how a long call is watched: deadline, cancel flag, progress. */
#ifndef DLI_BASE_DEADLINE_H
#define DLI_BASE_DEADLINE_H

#include "base/error.h"
#include <pthread.h>
#include <stdbool.h>

int64_t dli_now_ns(void); /* monotonic */
/* The moment of dli_now_ns at which a timeout that begins now has passed; INT64_MAX where that is further than the clock counts. */
int64_t dli_moment(int64_t timeout_ms);
/* Milliseconds until a moment, at least 1: who is late fails by the next look at the clock. */
int64_t dli_left_ms(int64_t moment_ns);
/* A condition whose waits may end at a moment of that clock. */
void dli_cond_init(pthread_cond_t *cond);
/* Under the lock: until the condition is signalled, or, false, the moment has passed. It may also return true without a signal. */
bool dli_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t moment_ns);

struct dli_watch {
    const char *stage;
    dl4c_progress_fn progress;
    void *user;
    const int32_t *cancel;
    int64_t start_ns, deadline_ns /* 0: none */, last_ns;
    struct dl4c_progress now;
};

void dli_watch_init(struct dli_watch *w, const char *stage, dl4c_progress_fn progress, void *user, const int32_t *cancel,
                    int64_t timeout_ms);
/* Cancelled or late? Cheap enough for every minibatch. DL4C_E_CANCELLED or DL4C_E_TIMEOUT, naming the stage. */
dl4c_status dli_watch_check(struct dli_watch *w, struct dl4c_error *err);
/* The call that this thread makes is watched by w, or NULL; returns the watch before, to be entered again at the call's end. What waits
 * deep inside such a call, as a reader does for an image of a server that stalls, looks at it by dli_watch_check_call. */
struct dli_watch *dli_watch_enter(struct dli_watch *w);
dl4c_status dli_watch_check_call(struct dl4c_error *err);
/* dli_watch_check, and tells the host: fills percent, rate, eta from w->now.done and .total; at most ten calls a second unless `last`. */
dl4c_status dli_watch_report(struct dli_watch *w, bool last, struct dl4c_error *err);

#endif
