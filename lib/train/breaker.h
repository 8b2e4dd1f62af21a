/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on a group wait for others, some of them long: a thread beside them that breaks them off when the host wants its call back. */
#ifndef DLI_TRAIN_BREAKER_H
#define DLI_TRAIN_BREAKER_H

#include "base/deadline.h"
#include <dl4c/transport.h>

#include <pthread.h>

/* What looks at the host's flag between two calls has so long to end in good order. */
enum { DLI_BREAK_MS = 1000 };

struct dli_breaker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool running, over; /* over: under the lock */
    dl4c_group *group;
    const int32_t *cancel;
    int64_t deadline_ns; /* 0: none */
};

/* From now on calls on the group fail with DL4C_E_CANCELLED, for good, DLI_BREAK_MS after *cancel was set or deadline_ns has passed. With
 * neither it is nothing. Zeros before. DL4C_E_NOMEM: no thread can be started. */
dl4c_status dli_breaker_start(struct dli_breaker *b, dl4c_group *group, const int32_t *cancel, int64_t deadline_ns, struct dl4c_error *err);
/* To be called before the group is left; may be called for one that was not started. */
void dli_breaker_stop(struct dli_breaker *b);

#endif
