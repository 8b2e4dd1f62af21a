/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the images to come, read ahead of those who decode them: several requests are on their way to the servers while the processors
 * work, and files that come out of order wait for nobody. */
#include "fs/fs.h"
#include "reader/reader.h"

#include <string.h>

enum {
    NAP_MS = 20,              /* waiting for one file, before others are looked at again */
    UNLISTED_BYTES = 8 << 20, /* what a file counts whose size nobody said, and what is read of it ahead */
    SHARE_OF_LIMIT = 8        /* of the context's memory limit */
};

enum { FREE, STARTING, COMING, HELD /* somebody is at it, or has its bytes */ };

struct entry { /* of position p at p modulo their number */
    int state;
    int64_t position, counted; /* bytes */
    dl4c_fs_load *load;        /* NULL, unless COMING: it is read when it is its turn */
};

struct dli_ahead {
    dl4c_reader *r;
    pthread_mutex_t *lock;
    pthread_cond_t *work; /* tells others that there may be something to wait for */
    int32_t n;      /* entries */
    bool starting;  /* somebody is, so that they start in order */
    int64_t live;   /* entries that are not free */
    int64_t bytes;  /* counted of those */
    int64_t most;   /* bytes */
    int64_t begun;  /* the next position to start */
    struct entry *entry;
};

int64_t dli_ahead_bytes(const dl4c_reader *r)
{
    const int64_t limit = r->ctx->heap->limit;
    return limit > 0 && limit / SHARE_OF_LIMIT < DLI_AHEAD_BYTES ? limit / SHARE_OF_LIMIT : DLI_AHEAD_BYTES;
}

dl4c_status dli_ahead_create(dl4c_reader *r, pthread_mutex_t *lock, pthread_cond_t *work, struct dli_ahead **ahead, struct dl4c_error *err)
{
    *ahead = NULL;
    struct dli_ahead *a = dli_calloc(r->ctx, 1, sizeof *a, err);
    if (!a)
        return dli_alloc_status();
    a->entry = dli_calloc(r->ctx, (size_t)r->read_ahead, sizeof *a->entry, err);
    if (!a->entry) {
        dli_free(a);
        return dli_alloc_status();
    }
    a->r = r;
    a->lock = lock;
    a->work = work;
    a->n = r->read_ahead;
    a->most = dli_ahead_bytes(r);
    *ahead = a;
    return DL4C_OK;
}

void dli_ahead_drop(struct dli_ahead *a)
{
    for (int32_t i = 0; i < a->n; i++) {
        dl4c_fs_load_end(&a->entry[i].load);
        a->entry[i].state = FREE;
    }
    a->begun = a->live = a->bytes = 0;
}

void dli_ahead_destroy(struct dli_ahead *a)
{
    if (!a)
        return;
    dli_ahead_drop(a);
    dli_free(a->entry);
    dli_free(a);
}

/* Starts the next file, if there is room for it. */
static bool start(struct dli_ahead *a, int64_t total)
{
    dl4c_reader *r = a->r;
    if (a->starting || a->begun >= total)
        return false;
    struct entry *e = &a->entry[a->begun % a->n];
    const int64_t image = r->order[a->begun], listed = dli_names_bytes(&r->paths, image), bytes = listed >= 0 ? listed : UNLISTED_BYTES;
    if (e->state != FREE || (a->live > 0 && (bytes > a->most || a->bytes > a->most - bytes)))
        return false;
    *e = (struct entry){ STARTING, a->begun, bytes, NULL };
    a->starting = true;
    a->live++;
    a->bytes += bytes;
    pthread_mutex_unlock(a->lock);
    dl4c_fs_load *load = dli_image_file_start(r, image, listed >= 0 ? INT64_MAX : UNLISTED_BYTES);
    pthread_mutex_lock(a->lock);
    e->load = load;
    e->state = COMING;
    a->starting = false;
    a->begun++;
    pthread_cond_signal(a->work);
    return true;
}

/* Whether a file is there, within a time; its entry is held, then, and its load is f's. */
static bool take(struct dli_ahead *a, struct entry *e, int64_t timeout_ms, struct dli_image_file *f)
{
    dl4c_status status = DL4C_OK;
    e->state = HELD;
    if (e->load) {
        pthread_mutex_unlock(a->lock);
        status = dl4c_fs_load_wait(e->load, timeout_ms, &f->bytes, &f->size, &f->why);
        pthread_mutex_lock(a->lock);
    }
    if (status == DL4C_E_BUSY || (status == DL4C_E_CANCELLED && dl4c_fs_cancelled())) {
        e->state = COMING;
        return false;
    }
    f->load = e->load;
    f->status = status;
    e->load = NULL;
    pthread_cond_signal(a->work);
    return true;
}

/* The first position from `from` on, before `end`, at which a file is coming and nobody looks; -1: none. */
static int64_t coming(const struct dli_ahead *a, int64_t from, int64_t end)
{
    if (from < a->begun - a->n)
        from = a->begun - a->n;
    for (int64_t p = from < 0 ? 0 : from; p < end && p < a->begun; p++)
        if (a->entry[p % a->n].position == p && a->entry[p % a->n].state == COMING)
            return p;
    return -1;
}

int64_t dli_ahead_next(struct dli_ahead *a, int64_t end, int64_t total, struct dli_image_file *f)
{
    while (!dl4c_fs_cancelled() && start(a, total))
        ;
    for (int64_t p = coming(a, 0, end); p >= 0; p = coming(a, p + 1, end))
        if (take(a, &a->entry[p % a->n], 0, f))
            return p;
    const int64_t first = coming(a, 0, end);
    if (first < 0)
        return DLI_AHEAD_NONE;
    return take(a, &a->entry[first % a->n], NAP_MS, f) ? first : DLI_AHEAD_AGAIN;
}

void dli_ahead_done(struct dli_ahead *a, int64_t position)
{
    struct entry *e = &a->entry[position % a->n];
    e->state = FREE;
    a->live--;
    a->bytes -= e->counted;
}
