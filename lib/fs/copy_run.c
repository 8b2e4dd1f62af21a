/* SPDX-License-Identifier: Apache-2.0 */
/* Copying many files at once: threads of its own, as they wait for disks and servers, and the caller's, which watches. */
#include "base/thread_pool.h"
#include "fs/copy.h"

#include <string.h>

/* ---- failures ---- */

void dli_copy_failed(struct dli_copy *c, const char *from, const char *to, const struct dl4c_error *why)
{
    const bool full = why->status == DL4C_E_FULL; /* nothing else will fit either: the call says it, once */
    struct dli_copy_failure *f = c->o.failed && !full ? dli_calloc(c->ctx, 1, sizeof *f, NULL) : NULL;
    if (f) {
        f->why = *why;
        f->from = dli_strdup(c->ctx, from, NULL);
        f->to = f->from ? dli_strdup(c->ctx, to, NULL) : NULL;
        if (!f->to) { /* no memory: it is counted and not told */
            dli_free(f->from);
            dli_free(f);
            f = NULL;
        }
    }
    pthread_mutex_lock(&c->lock);
    if (c->copied.n_failed++ == 0)
        c->first = *why;
    if (full && c->full.status == DL4C_OK)
        c->full = *why;
    c->gave_up = c->gave_up || ++c->in_row >= DLI_COPY_MOST_IN_ROW;
    if (full || c->gave_up)
        dl4c_cancel_set(&c->stop);
    if (f) {
        *c->last_failure = f;
        c->last_failure = &f->next;
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void dli_copy_tell(struct dli_copy *c)
{
    for (;;) {
        pthread_mutex_lock(&c->lock);
        struct dli_copy_failure *f = c->failures;
        if (f) {
            c->failures = f->next;
            if (!c->failures)
                c->last_failure = &c->failures;
        }
        pthread_mutex_unlock(&c->lock);
        if (!f)
            return;
        if (c->o.failed(c->o.failed_user, f->from, f->to, &f->why) != 0)
            dl4c_cancel_set(&c->stop);
        dli_free(f->from);
        dli_free(f->to);
        dli_free(f);
    }
}

/* ---- threads ---- */

static bool stopped(const struct dli_copy *c) { return __atomic_load_n(&c->stop, __ATOMIC_RELAXED) != 0; }
static dl4c_status ended(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CANCELLED, "fs", "copying was ended by who is told of failures");
}
static bool ended_itself(const struct dli_copy *c) { return c->gave_up || c->full.status != DL4C_OK; }

static void copy_one(struct dli_copy *c, const struct dli_copy_task *t)
{
    const struct dli_copy_root *r = &c->roots[t->root];
    struct dl4c_error e = DL4C_ERROR_INIT;
    char *from = NULL, *to = NULL;
    bool skipped = false;
    dl4c_status status = DL4C_OK;
    if (t->path)
        status = dli_uri_join(c->ctx, r->from, t->path, &from, &e);
    if (t->path && status == DL4C_OK)
        status = dli_uri_join(c->ctx, r->to, t->path, &to, &e);
    const char *const source = from ? from : r->from, *const target = to ? to : r->to;
    if (status == DL4C_OK)
        status = dli_copy_file(c, t, source, target, &skipped, &e);
    if (status == DL4C_OK) {
        pthread_mutex_lock(&c->lock);
        c->in_row = 0;
        c->copied.n_skipped += skipped;
        c->copied.n_files += !skipped;
        c->copied.size_bytes += skipped ? 0 : t->size;
        pthread_mutex_unlock(&c->lock);
    } else if (status != DL4C_E_CANCELLED || !stopped(c)) {
        dli_copy_failed(c, source, target, &e);
    }
    dli_free(from);
    dli_free(to);
}

static void *work(void *arg)
{
    struct dli_copy *c = arg;
    const int32_t *before = dl4c_fs_watch(&c->stop);
    for (;;) {
        pthread_mutex_lock(&c->lock);
        const size_t i = stopped(c) ? c->n_tasks : c->next;
        c->next += i < c->n_tasks;
        pthread_mutex_unlock(&c->lock);
        if (i >= c->n_tasks)
            break;
        copy_one(c, &c->tasks[i]);
    }
    dl4c_fs_watch(before);
    pthread_mutex_lock(&c->lock);
    c->running--;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Looks ten times a second, and when something happens. */
static dl4c_status watch(struct dli_copy *c, struct dl4c_error *err)
{
    dl4c_status status = DL4C_OK;
    bool last = false;
    while (!last) {
        const int64_t until = dli_moment(100);
        pthread_mutex_lock(&c->lock);
        while (c->running > 0 && !c->failures && dli_cond_wait_until(&c->changed, &c->lock, until))
            ;
        last = c->running == 0;
        c->watch.now.bad = c->copied.n_failed;
        pthread_mutex_unlock(&c->lock);
        dli_copy_tell(c);
        c->watch.now.done = c->watch.now.bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed);
        c->watch.now.total = c->total_bytes;
        if (status == DL4C_OK && (!last || !stopped(c))) {
            status = dli_watch_report(&c->watch, last, err);
            if (status == DL4C_OK && !last && dl4c_fs_cancelled())
                status = dli_fail(err, DL4C_E_CANCELLED, "fs", "copying was cancelled");
        }
        if (status != DL4C_OK)
            dl4c_cancel_set(&c->stop);
    }
    return status;
}

dl4c_status dli_copy_run(struct dli_copy *c, struct dl4c_error *err)
{
    const size_t wanted = (size_t)c->o.threads < c->n_tasks ? (size_t)c->o.threads : c->n_tasks;
    if (wanted == 0)
        return stopped(c) && !ended_itself(c) ? ended(err) : DL4C_OK;
    pthread_t *threads = dli_array(c->ctx, wanted, sizeof *threads, err);
    if (!threads)
        return dli_alloc_status();
    size_t n = 0;
    c->in_row = 0;
    c->running = (int)wanted;
    while (n < wanted && dli_thread_start(&threads[n], work, c))
        n++;
    pthread_mutex_lock(&c->lock);
    c->running -= (int)(wanted - n) - (n == 0);
    pthread_mutex_unlock(&c->lock);
    if (n == 0) /* no thread is to be had: the caller works */
        work(c);
    dl4c_status status = watch(c, err);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    dli_free(threads);
    if (status == DL4C_OK && stopped(c) && !ended_itself(c))
        status = ended(err);
    return status;
}
