/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that breaks off the calls on a group when the host wants its call back and it does not come by itself. */
#include "train/breaker.h"

#include "base/thread_pool.h"

enum { LOOK_MS = 100 };

static bool wanted_back(const struct dli_breaker *b)
{
    return (b->cancel && __atomic_load_n(b->cancel, __ATOMIC_RELAXED)) || (b->deadline_ns && dli_now_ns() >= b->deadline_ns);
}

/* Under the lock: until it is over, or so long. */
static void doze(struct dli_breaker *b, int64_t until_ns)
{
    const int64_t look = dli_moment(LOOK_MS);
    dli_cond_wait_until(&b->news, &b->lock, look < until_ns ? look : until_ns);
}

static void *watch(void *arg)
{
    struct dli_breaker *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->over && !wanted_back(b))
        doze(b, INT64_MAX);
    for (const int64_t until = dli_moment(DLI_BREAK_MS); !b->over && dli_now_ns() < until;)
        doze(b, until);
    if (!b->over)
        dl4c_group_cancel(b->group);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

dl4c_status dli_breaker_start(struct dli_breaker *b, dl4c_group *group, const int32_t *cancel, int64_t deadline_ns, struct dl4c_error *err)
{
    if (!cancel && !deadline_ns)
        return DL4C_OK;
    b->group = group;
    b->cancel = cancel;
    b->deadline_ns = deadline_ns;
    b->over = false;
    pthread_mutex_init(&b->lock, NULL);
    dli_cond_init(&b->news);
    b->running = dli_thread_start(&b->thread, watch, b);
    if (b->running)
        return DL4C_OK;
    pthread_cond_destroy(&b->news);
    pthread_mutex_destroy(&b->lock);
    return dli_fail(err, DL4C_E_NOMEM, "train", "the thread that looks at the cancel flag cannot be started");
}

void dli_breaker_stop(struct dli_breaker *b)
{
    if (!b->running)
        return;
    pthread_mutex_lock(&b->lock);
    b->over = true;
    pthread_cond_signal(&b->news);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->news);
    pthread_mutex_destroy(&b->lock);
    b->running = false;
}
